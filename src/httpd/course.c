#include "base/clock.h"
#include "httpd/private.h"
#include <stdlib.h>
#include <string.h>

static enum MHD_Result take_head(struct httpd_request *request, const char *method, const char *version);
static enum MHD_Result take_body(struct httpd_request *request, const char *bytes, size_t *length);
static int keep(struct httpd_request *request, const char *bytes, size_t length);
static enum MHD_Result hand_over(struct httpd_request *request);
static bool enter_caller(struct httpd_request *request);
static void leave_caller(struct httpd_request *request);
static enum MHD_Result send_answer(struct httpd_request *request);
static void free_request(struct httpd_request *request);

_Thread_local const struct httpd_request *httpd_at_hand;

/* The first that the library tells of a request, and the only time that it shows the target undecoded. */
void *httpd_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    struct httpd *httpd = context;
    size_t size = strlen(target) + 1;
    struct httpd_request *request = calloc(1, sizeof *request + size);
    if (request == NULL) {
        return NULL;
    }
    request->httpd = httpd;
    request->connection = connection;
    request->began = loop_now(httpd->loop);
    buffer_init(&request->body, httpd->options.body_limit);
    memcpy(request->target, target, size);
    request->path_length = strcspn(target, "?");
    return request;
}

/* The library calls this once for the head, once for each piece of the body, once for its end, and once more after
 * a suspended connection was resumed. */
enum MHD_Result httpd_on_access(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *bytes, size_t *length,
                                void **request_context) {
    (void)context;
    (void)connection;
    (void)url;
    struct httpd_request *request = *request_context;
    if (request == NULL) {
        return MHD_NO;
    }
    httpd_at_hand = request;
    enum MHD_Result result = MHD_NO;
    switch (request->stage) {
    case HTTPD_STAGE_HEAD: result = take_head(request, method, version); break;
    case HTTPD_STAGE_BODY: result = *length > 0 ? take_body(request, bytes, length) : hand_over(request); break;
    case HTTPD_STAGE_CALLER: result = send_answer(request); break;
    }
    httpd_at_hand = NULL;
    return result;
}

void httpd_go_on(struct loop_task *task) {
    struct httpd_request *request = CONTAINER_OF(task, struct httpd_request, task);
    struct httpd *httpd = request->httpd;
    if (request->call != NULL) {
        void (*call)(struct httpd_request *, void *) = request->call;
        request->call = NULL;
        httpd_at_hand = request;
        call(request, httpd->options.context);
        httpd_at_hand = NULL;
    } else {
        request->is_answered = true;
    }
    if (request->is_answered) {
        leave_caller(request);
        httpd_resume(httpd, request->connection);
    }
}

static enum MHD_Result take_head(struct httpd_request *request, const char *method, const char *version) {
    const struct httpd_options *options = &request->httpd->options;
    request->stage = HTTPD_STAGE_BODY;
    request->method = slice_of(method);
    if (httpd_check(request, version)) {
        if (options->on_head != NULL) {
            (void)options->on_head(request, options->context);
        }
        if (!request->is_answered && request->declared > options->body_limit) {
            httpd_answer_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "body_too_large",
                               "the body has %llu bytes; at most %zu are taken",
                               (unsigned long long)request->declared, options->body_limit);
        }
    }
    if (request->is_answered && (request->declared > 0 || request->is_chunked)) {
        request->is_unread = true;
        return send_answer(request);
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct httpd_request *request, const char *bytes, size_t *length) {
    size_t got = *length;
    *length = 0;
    if (loop_now(request->httpd->loop) - request->began > HTTPD_BODY_SECONDS * CLOCK_NS_PER_S) {
        return MHD_NO;
    }
    if (request->is_answered) {
        request->discarded += got;
        return request->discarded > HTTPD_DISCARD_LIMIT ? MHD_NO : MHD_YES;
    }
    size_t limit = request->httpd->options.body_limit;
    if (got > limit - request->body.length) {
        buffer_reset(&request->body);
        httpd_answer_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "body_too_large",
                           "the body has more than %zu bytes", limit);
    } else if (keep(request, bytes, got) < 0) {
        buffer_reset(&request->body);
        httpd_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out_of_memory", "no memory for the body");
    }
    return MHD_YES;
}

/* Of a declared length, room is made for as much again as is there: memory follows bytes, not promises. */
static int keep(struct httpd_request *request, const char *bytes, size_t length) {
    struct buffer *body = &request->body;
    size_t needed = body->length + length;
    if (request->declared >= needed && needed >= body->capacity) {
        size_t rest = (size_t)request->declared - body->length;
        size_t trusted = needed > HTTPD_BODY_TRUST ? needed : HTTPD_BODY_TRUST;
        if (buffer_reserve(body, rest < trusted ? rest : trusted) == NULL) {
            return -1;
        }
    }
    return buffer_append(body, bytes, length);
}

static enum MHD_Result hand_over(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    request->stage = HTTPD_STAGE_CALLER;
    if (request->is_answered) {
        return send_answer(request);
    }
    if (!enter_caller(request)) {
        httpd_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", "this server is stopping");
        return send_answer(request);
    }
    httpd->has_requests = true;
    httpd->options.on_request(request, httpd->options.context);
    if (request->is_answered) {
        leave_caller(request);
        return send_answer(request);
    }
    /* Another thread may have answered by now: its post waits until the library has had its turn. */
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* Counts the request as the caller's; false when there is no caller any more. */
static bool enter_caller(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    if (httpd->is_stopping) {
        return false;
    }
    httpd->unanswered++;
    httpd->unsent++;
    request->is_counted = true;
    return true;
}

/* The answer is there. */
static void leave_caller(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    if (request->stream != NULL) {
        httpd_join_stream(request->stream);
    }
    httpd->unanswered--;
    httpd_check_stop(httpd);
}

static enum MHD_Result send_answer(struct httpd_request *request) {
    struct MHD_Response *response = httpd_response(request);
    return response == NULL ? MHD_NO : MHD_queue_response(request->connection, request->status, response);
}

void httpd_on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                        enum MHD_RequestTerminationCode how) {
    struct httpd *httpd = context;
    struct httpd_request *request = *request_context;
    *request_context = NULL;
    if (request == NULL) {
        return;
    }
    if (request->is_unread && how == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL) {
            drain_add(httpd->drain, info->connect_fd);
        }
    }
    httpd_lose_stream(request);
    if (request->is_counted) {
        httpd->unsent--;
        httpd_check_stop(httpd);
    }
    free_request(request);
}

static void free_request(struct httpd_request *request) {
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    while (request->texts != NULL) {
        struct httpd_text *text = request->texts;
        request->texts = text->next;
        buffer_reset(&text->bytes);
        free(text);
    }
    buffer_reset(&request->body);
    free(request);
}
