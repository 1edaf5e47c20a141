#include "base/clock.h"
#include "base/log.h"
#include "httpd/private.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int start_daemon(struct httpd *httpd, struct error *error);
static void wait_for_answers(struct httpd *httpd);
static void destroy(struct httpd *httpd);
static void on_log(void *context, const char *format, va_list arguments);
static void *on_target(void *context, const char *target, struct MHD_Connection *connection);
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes, size_t *length,
                                 void **request_context);
static enum MHD_Result take_head(struct httpd_request *request, const char *method, const char *version);
static enum MHD_Result take_body(struct httpd_request *request, const char *bytes, size_t *length);
static enum MHD_Result hand_over(struct httpd_request *request);
static bool enter_caller(struct httpd_request *request);
static enum MHD_Result send_answer(struct httpd_request *request);
static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode how);
static void free_request(struct httpd_request *request);

struct httpd *httpd_start(const struct httpd_options *options, struct error *error) {
    struct httpd *httpd = calloc(1, sizeof *httpd);
    if (httpd == NULL) {
        error_memory(error);
        return NULL;
    }
    httpd->options = *options;
    httpd->listener = -1;
    list_init(&httpd->streams);
    pthread_mutex_init(&httpd->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&httpd->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);

    httpd->name = strdup(options->name == NULL ? "httpd" : options->name);
    if (httpd->name == NULL) {
        error_memory(error);
        goto failed;
    }
    httpd->listener = httpd_listen(options->address, &httpd->port, error);
    httpd->options.address = NULL; /* the caller's memory */
    if (httpd->listener < 0) {
        goto failed;
    }
    httpd->drain = drain_new(error);
    if (httpd->drain == NULL || start_daemon(httpd, error) < 0) {
        goto failed;
    }
    return httpd;

failed:
    destroy(httpd);
    return NULL;
}

uint16_t httpd_port(const struct httpd *httpd) {
    return httpd->port;
}

void httpd_quiesce(struct httpd *httpd) {
    pthread_mutex_lock(&httpd->lock);
    bool was_quiesced = httpd->is_quiesced;
    httpd->is_quiesced = true;
    pthread_mutex_unlock(&httpd->lock);
    if (was_quiesced) {
        return;
    }
    (void)MHD_quiesce_daemon(httpd->daemon);
    /* The descriptor stays until the library has stopped, but nobody is to wait in its queue. */
    (void)shutdown(httpd->listener, SHUT_RDWR);
}

void httpd_stop(struct httpd *httpd) {
    if (httpd == NULL) {
        return;
    }
    httpd_quiesce(httpd);
    wait_for_answers(httpd);
    destroy(httpd);
}

/* One thread: with a pool of them the library removes its listening socket twice when it is quiesced at the wrong
 * moment, and aborts the program. */
static int start_daemon(struct httpd *httpd, struct error *error) {
    const struct httpd_options *options = &httpd->options;
    size_t connections = options->connections == 0 ? 1000 : options->connections;
    unsigned timeout = options->timeout_seconds == 0 ? 30 : options->timeout_seconds;
    const struct MHD_OptionItem items[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, httpd}, /* first, so that it hears of all others */
        {MHD_OPTION_LISTEN_SOCKET, httpd->listener, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, httpd},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, httpd},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTPD_POOL_SIZE, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, timeout, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    errno = 0;
    httpd->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
                                     0, NULL, NULL, on_access, httpd, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (httpd->daemon == NULL) {
        return error_system(error, errno, "%s: the HTTP library did not start", httpd->name);
    }
    return 0;
}

/* Suspended requests must be answered before the library stops (it aborts the program otherwise); those whose
 * answers are on their way get a moment more. */
static void wait_for_answers(struct httpd *httpd) {
    pthread_mutex_lock(&httpd->lock);
    httpd->is_stopping = true;
    httpd_end_streams(httpd);
    while (httpd->unanswered > 0) {
        pthread_cond_wait(&httpd->changed, &httpd->lock);
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HTTPD_FLUSH_SECONDS;
    int result = 0;
    while (httpd->unsent > 0 && result == 0) {
        result = pthread_cond_timedwait(&httpd->changed, &httpd->lock, &until);
    }
    pthread_mutex_unlock(&httpd->lock);
}

static void destroy(struct httpd *httpd) {
    if (httpd->daemon != NULL) {
        MHD_stop_daemon(httpd->daemon);
    }
    drain_free(httpd->drain);
    if (httpd->listener >= 0) {
        close(httpd->listener);
    }
    pthread_cond_destroy(&httpd->changed);
    pthread_mutex_destroy(&httpd->lock);
    free(httpd->name);
    free(httpd);
}

/* Strangers can make the library write a line per request: one a second is let through. */
static void on_log(void *context, const char *format, va_list arguments) {
    struct httpd *httpd = context;
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&httpd->lock);
    bool is_let_through = httpd->logged_at == 0 || now - httpd->logged_at >= CLOCK_NS_PER_S;
    uint64_t dropped = httpd->lines_dropped;
    httpd->lines_dropped = is_let_through ? 0 : dropped + 1;
    if (is_let_through) {
        httpd->logged_at = now;
    }
    pthread_mutex_unlock(&httpd->lock);
    if (!is_let_through) {
        return;
    }
    char line[512];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length < 0) {
        return;
    }
    line[strcspn(line, "\n")] = '\0';
    log_info("httpd", "the HTTP library says", LOG_TEXT("listener", httpd->name), LOG_TEXT("words", line),
             LOG_NUMBER("dropped", dropped), LOG_END);
}

/* The first that the library tells of a request, and the only time that it shows the target undecoded. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
    struct httpd *httpd = context;
    struct httpd_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    request->httpd = httpd;
    request->connection = connection;
    request->began = clock_monotonic_ns();
    buffer_init(&request->body, httpd->options.body_limit);
    request->target = strdup(target);
    if (request->target == NULL) {
        free(request);
        return NULL;
    }
    return request;
}

/* The library calls this once for the head, once for each piece of the body, once for its end, and once more after
 * a suspended connection was resumed. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes, size_t *length,
                                 void **request_context) {
    (void)context;
    (void)connection;
    (void)url;
    struct httpd_request *request = *request_context;
    if (request == NULL) {
        return MHD_NO;
    }
    switch (request->stage) {
    case HTTPD_STAGE_HEAD: return take_head(request, method, version);
    case HTTPD_STAGE_BODY: return *length > 0 ? take_body(request, bytes, length) : hand_over(request);
    case HTTPD_STAGE_CALLER: return send_answer(request);
    }
    return MHD_NO;
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
    if (clock_monotonic_ns() - request->began > HTTPD_BODY_SECONDS * CLOCK_NS_PER_S) {
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
    } else if (buffer_append(&request->body, bytes, got) < 0) {
        buffer_reset(&request->body);
        httpd_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out_of_memory", "no memory for the body");
    }
    return MHD_YES;
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
    httpd->options.on_request(request, httpd->options.context);

    /* Another thread may have answered by now, or may be about to: whoever comes second under the lock sees the
     * first. */
    pthread_mutex_lock(&httpd->lock);
    bool is_answered = request->is_answered;
    if (!is_answered) {
        request->is_suspended = true;
        MHD_suspend_connection(request->connection);
    }
    pthread_mutex_unlock(&httpd->lock);
    return is_answered ? send_answer(request) : MHD_YES;
}

/* Counts the request as the caller's; false when there is no caller any more. */
static bool enter_caller(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    pthread_mutex_lock(&httpd->lock);
    bool is_open = !httpd->is_stopping;
    if (is_open) {
        httpd->unanswered++;
        httpd->unsent++;
        request->is_counted = true;
    }
    pthread_mutex_unlock(&httpd->lock);
    return is_open;
}

static enum MHD_Result send_answer(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    pthread_mutex_lock(&httpd->lock);
    struct MHD_Response *response = request->response;
    bool must_close = httpd->is_quiesced || request->is_unread;
    pthread_mutex_unlock(&httpd->lock);
    if (response == NULL) {
        return MHD_NO;
    }
    if (must_close) {
        /* No harm when it is there already: the library keeps one. */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return MHD_queue_response(request->connection, request->status, response);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
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
    pthread_mutex_lock(&httpd->lock);
    if (request->is_counted) {
        httpd->unsent--;
        pthread_cond_broadcast(&httpd->changed);
    }
    pthread_mutex_unlock(&httpd->lock);
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
    free(request->target);
    free(request);
}
