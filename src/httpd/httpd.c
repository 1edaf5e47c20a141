#include "base/clock.h"
#include "base/log.h"
#include "httpd/private.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void forbid_own_thread(const struct httpd *httpd);
static int start_daemon(struct httpd *httpd, struct error *error);
static int start_thread(struct httpd *httpd, struct error *error);
static void *run(void *context);
static void on_quiesce(struct loop_task *task);
static void on_stop(struct loop_task *task);
static void destroy(struct httpd *httpd);
static void on_log(void *context, const char *format, va_list arguments);

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
    pthread_cond_init(&httpd->quiesced, NULL);
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
    httpd->loop = loop_new(error);
    httpd->drain = httpd->loop == NULL ? NULL : drain_new(httpd->loop, error);
    if (httpd->drain == NULL || start_daemon(httpd, error) < 0 || start_thread(httpd, error) < 0) {
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
    forbid_own_thread(httpd);
    pthread_mutex_lock(&httpd->lock);
    if (!httpd->is_quiesce_posted) {
        httpd->is_quiesce_posted = true;
        loop_post(httpd->loop, &httpd->quiesce, on_quiesce);
    }
    while (!httpd->is_closed) {
        pthread_cond_wait(&httpd->quiesced, &httpd->lock);
    }
    pthread_mutex_unlock(&httpd->lock);
}

void httpd_stop(struct httpd *httpd) {
    if (httpd == NULL) {
        return;
    }
    httpd_quiesce(httpd);
    loop_post(httpd->loop, &httpd->stop, on_stop);
    destroy(httpd);
}

static void forbid_own_thread(const struct httpd *httpd) {
    if (pthread_equal(pthread_self(), httpd->thread)) {
        log_error("httpd",
                  "httpd_quiesce or httpd_stop was called by a callback of the listener, which they wait for",
                  LOG_TEXT("listener", httpd->name), LOG_END);
        abort();
    }
}

/* Without a thread of its own: it does nothing but inside MHD_run, and resuming a connection costs no system
 * call. */
static int start_daemon(struct httpd *httpd, struct error *error) {
    const struct httpd_options *options = &httpd->options;
    size_t connections = options->connections == 0 ? 1000 : options->connections;
    unsigned timeout = options->timeout_seconds == 0 ? 30 : options->timeout_seconds;
    const struct MHD_OptionItem items[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, httpd}, /* first, so that it hears of all others */
        {MHD_OPTION_LISTEN_SOCKET, httpd->listener, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)httpd_on_target, httpd},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)httpd_on_completed, httpd},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)httpd_on_connection, httpd},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTPD_POOL_SIZE, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, timeout, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    errno = 0;
    httpd->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                                     httpd_on_access, httpd, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (httpd->daemon == NULL) {
        return error_system(error, errno, "%s: the HTTP library did not start", httpd->name);
    }
    return 0;
}

static int start_thread(struct httpd *httpd, struct error *error) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return error_set(error, ERROR_SYSTEM, "%s: the HTTP library has no epoll descriptor", httpd->name);
    }
    if (loop_watch(httpd->loop, &httpd->ready, info->epoll_fd, EPOLLIN, httpd_on_ready, error) < 0) {
        return -1;
    }
    int result = pthread_create(&httpd->thread, NULL, run, httpd);
    if (result != 0) {
        return error_system(error, result, "%s: cannot start the listener's thread", httpd->name);
    }
    httpd->has_thread = true;
    char name[16]; /* the most that Linux takes */
    (void)snprintf(name, sizeof name, "%s", httpd->name);
    (void)pthread_setname_np(httpd->thread, name);
    return 0;
}

static void *run(void *context) {
    struct httpd *httpd = context;
    loop_run(httpd->loop);
    /* What is still open is closed, and the streams among it are gone. Then their tasks may run. */
    MHD_stop_daemon(httpd->daemon);
    httpd->daemon = NULL;
    for (struct loop_task *task; (task = loop_take_posted(httpd->loop)) != NULL;) {
        task->run(task);
    }
    return NULL;
}

static void on_quiesce(struct loop_task *task) {
    struct httpd *httpd = CONTAINER_OF(task, struct httpd, quiesce);
    httpd->is_quiesced = true;
    (void)MHD_quiesce_daemon(httpd->daemon);
    /* The descriptor stays until the library has stopped, but nobody is to wait in its queue. */
    (void)shutdown(httpd->listener, SHUT_RDWR);
    pthread_mutex_lock(&httpd->lock);
    httpd->is_closed = true;
    pthread_cond_broadcast(&httpd->quiesced);
    pthread_mutex_unlock(&httpd->lock);
}

static void on_stop(struct loop_task *task) {
    struct httpd *httpd = CONTAINER_OF(task, struct httpd, stop);
    httpd->is_stopping = true;
    httpd_end_streams(httpd);
    httpd_check_stop(httpd);
}

/* Also of one that did not start. */
static void destroy(struct httpd *httpd) {
    if (httpd->has_thread) {
        pthread_join(httpd->thread, NULL);
        /* The last answer was posted; its thread may still be at it. */
        pthread_mutex_lock(&httpd->lock);
        pthread_mutex_unlock(&httpd->lock);
    } else if (httpd->daemon != NULL) {
        (void)MHD_quiesce_daemon(httpd->daemon); /* it would close the socket otherwise */
        MHD_stop_daemon(httpd->daemon);
    }
    if (httpd->usual != NULL) {
        MHD_destroy_response(httpd->usual);
    }
    drain_free(httpd->drain);
    loop_free(httpd->loop);
    if (httpd->listener >= 0) {
        close(httpd->listener);
    }
    pthread_cond_destroy(&httpd->quiesced);
    pthread_mutex_destroy(&httpd->lock);
    free(httpd->name);
    free(httpd);
}

/* Strangers can make the library write a line per request: one a second is let through. */
static void on_log(void *context, const char *format, va_list arguments) {
    struct httpd *httpd = context;
    int64_t now = clock_monotonic_ns();
    bool is_let_through = httpd->logged_at == 0 || now - httpd->logged_at >= CLOCK_NS_PER_S;
    uint64_t dropped = httpd->lines_dropped;
    httpd->lines_dropped = is_let_through ? 0 : dropped + 1;
    if (is_let_through) {
        httpd->logged_at = now;
    }
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
