#include "admin/room.h"
#include "json/tree.h"
#include <stdlib.h>
#include <string.h>

/* One backup or check. The thread is nobody's: the request is answered as the last thing that it does with what is
 * not its own, and the listener waits for its answers before it stops. */
struct chore {
    struct admin *admin;
    struct httpd_request *request;
    char *path; /* of the backup; NULL: a check */
};

static char *read_path(struct slice body);
static void begin(struct admin *admin, struct httpd_request *request, char *path);
static void *work(void *context);
static void answer(const struct chore *chore, int failed, const struct error *error);

void admin_backup(struct admin *admin, struct httpd_request *request) {
    char *path = read_path(httpd_body(request));
    if (path == NULL) {
        httpd_answer_error(request, 400, "BadBody", "the body says where to: {\"file\": \"PATH\"}");
        return;
    }
    begin(admin, request, path);
}

void admin_check(struct admin *admin, struct httpd_request *request) {
    begin(admin, request, NULL);
}

static char *read_path(struct slice body) {
    struct json *wishes = json_parse(body.bytes, body.length, NULL);
    const char *path = json_get_string(wishes, "file");
    char *copy = path == NULL || path[0] == '\0' || json_count(wishes) != 1 ? NULL : strdup(path);
    json_free(wishes);
    return copy;
}

/* Takes the path over. */
static void begin(struct admin *admin, struct httpd_request *request, char *path) {
    if (atomic_exchange(&admin->is_at_chore, true)) {
        free(path);
        httpd_answer_error(request, 409, "Busy", "a backup or a check is under way: wait for its end");
        return;
    }
    struct chore *chore = calloc(1, sizeof *chore);
    pthread_t thread;
    if (chore != NULL) {
        *chore = (struct chore){admin, request, path};
        if (pthread_create(&thread, NULL, work, chore) == 0) {
            pthread_detach(thread);
            return;
        }
    }
    atomic_store(&admin->is_at_chore, false);
    free(chore);
    free(path);
    httpd_answer_error(request, 503, "OutOfMemory", "no memory for another thread");
}

static void *work(void *context) {
    struct chore *chore = context;
    struct store *store = chore->admin->options.store;
    struct error error = {0};
    int failed = chore->path == NULL ? store_check(store, &error) : store_backup(store, chore->path, &error);
    atomic_store(&chore->admin->is_at_chore, false);
    answer(chore, failed, &error);
    free(chore->path);
    free(chore);
    return NULL;
}

static void answer(const struct chore *chore, int failed, const struct error *error) {
    bool is_unsound = chore->path == NULL && failed < 0 && error->code == ERROR_CORRUPT;
    if (failed < 0 && !is_unsound) {
        admin_refuse(chore->request, error);
        return;
    }
    struct buffer body;
    buffer_init(&body, ADMIN_ANSWER_MAX);
    struct json_out out = json_out(&body);
    json_out_begin(&out, '{');
    if (chore->path != NULL) {
        admin_put_words(&out, "file", slice_of(chore->path));
    } else {
        json_out_name(&out, "sound");
        json_out_bool(&out, !is_unsound);
        admin_put_words(&out, "reason", is_unsound ? slice_of(error->message) : (struct slice){NULL, 0});
    }
    json_out_end(&out, '}');
    admin_answer(chore->request, NULL, &body);
}
