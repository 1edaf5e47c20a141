#include "admin/admin.h"
#include "admin/room.h"
#include "base/clock.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { BODY_LIMIT = 64 * 1024, CONNECTIONS = 64 };

static enum httpd_verdict on_head(struct httpd_request *request, void *context);
static bool is_allowed_host(struct slice host);
static void on_request(struct httpd_request *request, void *context);
static void on_get(struct admin *admin, struct httpd_request *request, struct slice path);
static void on_post(struct admin *admin, struct httpd_request *request, struct slice path);
static void refuse_path(struct httpd_request *request, struct slice path);

struct admin *admin_start(const struct admin_options *options, struct error *error) {
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) {
        error_memory(error);
        return NULL;
    }
    admin->options = *options;
    admin->started_us = clock_wall_us();
    pthread_mutex_init(&admin->reading, NULL);
    admin->reader = store_reader_new(options->store, error);
    if (admin->reader == NULL) {
        admin_stop(admin);
        return NULL;
    }
    admin->httpd = httpd_start(&(struct httpd_options){.address = options->address,
                                                       .name = "admin",
                                                       .body_limit = BODY_LIMIT,
                                                       .connections = CONNECTIONS,
                                                       .on_head = on_head,
                                                       .on_request = on_request,
                                                       .context = admin},
                               error);
    if (admin->httpd == NULL) {
        admin_stop(admin);
        return NULL;
    }
    return admin;
}

uint16_t admin_port(const struct admin *admin) {
    return httpd_port(admin->httpd);
}

void admin_stop(struct admin *admin) {
    if (admin == NULL) {
        return;
    }
    if (admin->httpd != NULL) {
        httpd_quiesce(admin->httpd);
        httpd_stop(admin->httpd);
    }
    store_reader_free(admin->reader);
    pthread_mutex_destroy(&admin->reading);
    free(admin);
}

void admin_answer(struct httpd_request *request, struct buffer *body) {
    if (body->is_broken) {
        httpd_answer_error(request, 500, "AnswerFailed", "the answer is too large, or there is no memory for it");
    } else {
        httpd_answer(request, &(struct httpd_answer){.status = 200, .body = buffer_slice(body)});
    }
    buffer_reset(body);
}

void admin_put_text(struct json_out *out, const char *name, struct slice text) {
    json_out_name(out, name);
    json_out_text(out, text);
}

void admin_put_integer(struct json_out *out, const char *name, int64_t value) {
    json_out_name(out, name);
    json_out_integer(out, value);
}

void admin_put_time(struct json_out *out, const char *name, int64_t wall_us) {
    char text[CLOCK_TEXT_SIZE];
    admin_put_text(out, name, wall_us == 0 ? (struct slice){NULL, 0} : slice_of(clock_format(wall_us, text)));
}

static enum httpd_verdict on_head(struct httpd_request *request, void *context) {
    (void)context;
    struct slice method = httpd_method(request);
    if (!is_allowed_host(httpd_header(request, "Host"))) {
        httpd_answer_error(request, 403, "HostNotAllowed",
                           "the Host header must name this machine: localhost, 127.0.0.1 or [::1]");
        return HTTPD_ANSWERED;
    }
    if (!slice_is(method, "GET") && !slice_is(method, "HEAD") &&
        !slice_is(httpd_header(request, "X-Switchhook"), "1")) {
        httpd_answer_error(request, 403, "HeaderMissing",
                           "a call that changes something needs the header X-Switchhook: 1");
        return HTTPD_ANSWERED;
    }
    return HTTPD_GO_ON;
}

static bool is_allowed_host(struct slice host) {
    char name[TEXT_HOST_SIZE];
    size_t length = host.length;
    if (length == 0 || length >= sizeof name) {
        return false;
    }
    memcpy(name, host.bytes, length);
    name[length] = '\0';
    if (name[0] == '[') {
        char *close = strchr(name, ']');
        if (close == NULL) {
            return false;
        }
        *close = '\0';
        return text_is_loopback(name + 1);
    }
    char *colon = strchr(name, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    return text_is_loopback(name);
}

static void on_request(struct httpd_request *request, void *context) {
    struct admin *admin = context;
    struct slice method = httpd_method(request);
    struct slice path = httpd_path(request);
    if (slice_is(method, "GET") || slice_is(method, "HEAD")) {
        on_get(admin, request, path);
    } else if (slice_is(method, "POST")) {
        on_post(admin, request, path);
    } else {
        httpd_answer_error(request, 405, "MethodNotAllowed", "GET or POST");
    }
}

static void on_get(struct admin *admin, struct httpd_request *request, struct slice path) {
    static const char events[] = "/api/events/";
    if (slice_is(path, "/healthz")) {
        httpd_answer(request,
                     &(struct httpd_answer){.status = 200, .type = "text/plain", .body = slice_of("alive\n")});
    } else if (slice_is(path, "/readyz")) {
        admin_ready(admin, request);
    } else if (slice_is(path, "/api/status")) {
        admin_status(admin, request);
    } else if (slice_is(path, "/api/events")) {
        admin_events(admin, request);
    } else if (slice_starts_with(path, events)) {
        size_t skipped = sizeof events - 1;
        admin_event(admin, request, slice_make(path.bytes + skipped, path.length - skipped));
    } else {
        refuse_path(request, path);
    }
}

static void on_post(struct admin *admin, struct httpd_request *request, struct slice path) {
    if (slice_is(path, "/api/reload")) {
        host_reload(admin->options.host);
        httpd_answer(request, &(struct httpd_answer){.status = 202, .body = slice_of("{\"reload\":\"asked\"}")});
    } else {
        refuse_path(request, path);
    }
}

static void refuse_path(struct httpd_request *request, struct slice path) {
    httpd_answer_error(request, 404, "NotFound", "there is nothing at %.*s", SLICE_ARG(path));
}
