/* embed CONFIGURATION EVENT.json: opens a host, delivers the event, prints what happens until each of its runs is
 * over, and stops. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <switchhook.h>

/* What the host's thread tells and the main one waits for. */
struct watch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_over;
};

static void print(const char *what, struct switchhook_text text) {
    printf("%s %.*s\n", what, (int)text.length, text.bytes == NULL ? "" : text.bytes);
}

/* On the host's thread, as things happen. */
static void on_note(void *context, const struct switchhook_note *note) {
    struct watch *watch = context;
    bool is_over = false;
    switch (note->what) {
    case SWITCHHOOK_ARRIVED: print("arrived:", note->type); break;
    case SWITCHHOOK_STEP: print("step:", note->operation); break;
    case SWITCHHOOK_SAID: print("said:", note->reason); break;
    case SWITCHHOOK_WAITING: print("tried again later:", note->reason); break;
    case SWITCHHOOK_DONE:
        print("done:", note->handler);
        is_over = true;
        break;
    case SWITCHHOOK_PARKED:
        print("parked:", note->reason);
        is_over = true;
        break;
    case SWITCHHOOK_UNHANDLED:
        print("no script for", note->type);
        is_over = true;
        break;
    case SWITCHHOOK_REFUSED:
        print("the scripts do not load:", note->reason);
        is_over = true;
        break;
    default: break; /* others, and those of later versions */
    }
    if (is_over) {
        pthread_mutex_lock(&watch->lock);
        watch->is_over = true;
        pthread_cond_signal(&watch->changed);
        pthread_mutex_unlock(&watch->lock);
    }
}

static char *read_file(const char *path, size_t *length) {
    enum { MOST = 1024 * 1024 };
    FILE *file = fopen(path, "rb");
    char *bytes = file == NULL ? NULL : malloc(MOST);
    if (bytes != NULL) {
        *length = fread(bytes, 1, MOST, file);
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

static int run(struct switchhook *host, struct watch *watch, const char *path) {
    struct switchhook_error error;
    struct switchhook_delivery delivery;
    size_t length = 0;
    char *body = read_file(path, &length);
    if (body == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        return EXIT_FAILURE;
    }
    if (switchhook_start(host, &error) < 0 ||
        switchhook_deliver(host, body, length, NULL, &delivery, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        free(body);
        return EXIT_FAILURE;
    }
    free(body);
    printf("stored: %zu, duplicates: %zu\n", delivery.stored, delivery.duplicates);
    pthread_mutex_lock(&watch->lock);
    while (delivery.stored > 0 && !watch->is_over) {
        pthread_cond_wait(&watch->changed, &watch->lock);
    }
    pthread_mutex_unlock(&watch->lock);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    struct watch watch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct switchhook_options options = {0};
    struct switchhook_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: embed CONFIGURATION EVENT.json\n");
        return 2;
    }
    options.note = on_note;
    options.context = &watch;
    options.log = SWITCHHOOK_LOG_WARN;
    struct switchhook *host = switchhook_open(argv[1], &options, &error);
    if (host == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    printf("Switchhook %s listens on %s\n", switchhook_version(), switchhook_url(host));
    int status = run(host, &watch, argv[2]);
    switchhook_close(host); /* what is under way is finished first */
    puts("stopped");
    return status;
}
