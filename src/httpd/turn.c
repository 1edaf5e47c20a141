/* When the library works, and when it has done so for the last time. */
#include "base/clock.h"
#include "httpd/private.h"

static void take_turn(struct loop_task *task);
static void on_patience(struct loop_timer *timer);
static void on_flushed(struct loop_timer *timer);

void httpd_on_ready(struct loop_watch *watch, uint32_t events) {
    (void)events;
    httpd_turn(CONTAINER_OF(watch, struct httpd, ready));
}

void httpd_turn(struct httpd *httpd) {
    loop_defer(httpd->loop, &httpd->turn, take_turn);
}

/* In one turn the library sends the answers of all that are resumed, in the next it overwrites their memory for
 * the requests to come. Of hundreds, each would have left the processor's cache before it is touched again. */
void httpd_resume(struct httpd *httpd, struct MHD_Connection *connection) {
    MHD_resume_connection(connection);
    if (++httpd->resumed == HTTPD_ANSWERS_AT_ONCE) {
        httpd->resumed = 0;
        (void)MHD_run(httpd->daemon);
        (void)MHD_run(httpd->daemon);
    }
    httpd_turn(httpd);
}

/* At its limit the library looks at new connections again only in the turn after one was closed. */
void httpd_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                         enum MHD_ConnectionNotificationCode what) {
    (void)connection;
    (void)socket_context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        httpd_turn(context);
    }
}

/* Suspended requests must be answered before the library stops (it aborts the program otherwise); those whose
 * answers are on their way get a moment more. */
void httpd_check_stop(struct httpd *httpd) {
    if (!httpd->is_stopping || httpd->unanswered > 0) {
        return;
    }
    int64_t until = loop_now(httpd->loop) + HTTPD_FLUSH_SECONDS * CLOCK_NS_PER_S;
    bool has_time = httpd->unsent > 0 && (loop_timer_is_set(&httpd->flush) ||
                                          loop_timer_set(httpd->loop, &httpd->flush, until, on_flushed) == 0);
    if (!has_time) {
        loop_stop(httpd->loop);
    }
}

/* After all that was posted. */
static void take_turn(struct loop_task *task) {
    struct httpd *httpd = CONTAINER_OF(task, struct httpd, turn);
    httpd->resumed = 0;
    (void)MHD_run(httpd->daemon);
    if (httpd->has_requests && httpd->options.after_requests != NULL) {
        httpd->options.after_requests(httpd->options.context);
    }
    httpd->has_requests = false;
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(httpd->daemon, &milliseconds) != MHD_YES) {
        return;
    }
    if (milliseconds == 0) {
        httpd_turn(httpd);
        return;
    }
    int64_t at = loop_now(httpd->loop) + (int64_t)milliseconds * CLOCK_NS_PER_MS;
    /* One that fires too early only looks again: most connections say something before their time is over. */
    if (!loop_timer_is_set(&httpd->patience) || httpd->patience.at > at) {
        (void)loop_timer_set(httpd->loop, &httpd->patience, at, on_patience);
    }
}

static void on_patience(struct loop_timer *timer) {
    httpd_turn(CONTAINER_OF(timer, struct httpd, patience));
}

static void on_flushed(struct loop_timer *timer) {
    loop_stop(CONTAINER_OF(timer, struct httpd, flush)->loop);
}
