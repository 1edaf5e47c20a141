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
static bool take_event_path(struct slice path, const char *ending, struct slice *seq);
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
    counters_init(&admin->counters);
    stream_init(&admin->stream);
    handshakes_init(&admin->handshakes);
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

void admin_set_delivery_port(struct admin *admin, uint16_t port) {
    atomic_store(&admin->delivery_port, port);
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
    stream_reset(&admin->stream);
    counters_reset(&admin->counters);
    handshakes_reset(&admin->handshakes);
    pthread_mutex_destroy(&admin->reading);
    free(admin);
}

void admin_note(struct admin *admin, const struct host_note *note) {
    if (note->what == HOST_SAID) { /* it is in the log */
        return;
    }
    counters_note(&admin->counters, note);
    stream_note(&admin->stream, note);
}

void admin_delivery(struct admin *admin, const struct admin_delivery *delivery) {
    counters_delivery(&admin->counters, delivery);
}

void admin_handshake(struct admin *admin, const struct admin_handshake *handshake) {
    handshakes_note(&admin->handshakes, handshake);
}

void admin_answer(struct httpd_request *request, const char *type, struct buffer *body) {
    if (body->is_broken) {
        httpd_answer_error(request, 500, "AnswerFailed", "the answer is too large, or there is no memory for it");
    } else {
        httpd_answer(request, &(struct httpd_answer){.status = 200, .type = type, .body = buffer_slice(body)});
    }
    buffer_reset(body);
}

void admin_refuse(struct httpd_request *request, const struct error *error) {
    static const struct {
        enum error_code code;
        unsigned status;
        const char *name;
    } answers[] = {
        {ERROR_NOT_FOUND, 404, "NotFound"}, {ERROR_INVALID, 409, "NotPossible"}, {ERROR_BUSY, 409, "Busy"},
        {ERROR_LIMIT, 409, "TooMany"},      {ERROR_CLOSED, 503, "Stopping"},     {ERROR_FULL, 503, "DiskFull"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (error->code == answers[i].code) {
            httpd_answer_error(request, answers[i].status, answers[i].name, "%s", error->message);
            return;
        }
    }
    httpd_answer_error(request, 503, "StoreFailed", "%s", error->message);
}

struct admin_inquiry *admin_inquiry(struct admin *admin, struct httpd_request *request) {
    struct admin_inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (inquiry == NULL) {
        httpd_answer_error(request, 503, "OutOfMemory", "no memory for the answer");
        return NULL;
    }
    inquiry->admin = admin;
    inquiry->request = request;
    buffer_init(&inquiry->body, ADMIN_ANSWER_MAX);
    return inquiry;
}

void admin_free_inquiry(struct admin_inquiry *inquiry) {
    buffer_reset(&inquiry->body);
    free(inquiry);
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
    static const struct {
        const char *path;
        void (*answer)(struct admin *admin, struct httpd_request *request);
    } routes[] = {
        {"/readyz", admin_ready},      {"/metrics", admin_metrics}, {"/api/status", admin_status},
        {"/api/events", admin_events}, {"/api/check", admin_check},
    };
    struct slice seq;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (slice_is(path, routes[i].path)) {
            routes[i].answer(admin, request);
            return;
        }
    }
    if (slice_is(path, "/healthz")) {
        httpd_answer(request,
                     &(struct httpd_answer){.status = 200, .type = "text/plain", .body = slice_of("alive\n")});
    } else if (slice_is(path, "/api/stream") && slice_is(httpd_method(request), "GET")) {
        stream_listen(&admin->stream, request);
    } else if (slice_is(path, "/api/handshakes")) {
        handshakes_list(&admin->handshakes, request);
    } else if (take_event_path(path, "", &seq)) {
        admin_event(admin, request, seq);
    } else {
        refuse_path(request, path);
    }
}

static bool take_event_path(struct slice path, const char *ending, struct slice *seq) {
    static const char events[] = "/api/events/";
    size_t around = strlen(events) + strlen(ending);
    if (!slice_starts_with(path, events) || !slice_ends_with(path, ending) || path.length < around) {
        return false;
    }
    *seq = slice_make(path.bytes + strlen(events), path.length - around);
    return true;
}

static void on_post(struct admin *admin, struct httpd_request *request, struct slice path) {
    struct slice seq;
    if (slice_is(path, "/api/reload")) {
        host_reload(admin->options.host);
        httpd_answer(request, &(struct httpd_answer){.status = 202, .body = slice_of("{\"reload\":\"asked\"}")});
    } else if (slice_is(path, "/api/pause")) {
        admin_pause(admin, request, HOST_PAUSE);
    } else if (slice_is(path, "/api/resume")) {
        admin_pause(admin, request, HOST_RESUME);
    } else if (slice_is(path, "/api/backup")) {
        admin_backup(admin, request);
    } else if (take_event_path(path, "/replay", &seq)) {
        admin_replay(admin, request, seq);
    } else {
        refuse_path(request, path);
    }
}

static void refuse_path(struct httpd_request *request, struct slice path) {
    httpd_answer_error(request, 404, "NotFound", "there is nothing at %.*s", SLICE_ARG(path));
}
