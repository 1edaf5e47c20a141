#include "admin/room.h"
#include "base/list.h"

static void on_asked(struct host_question *question);
static void put_backlog(struct admin *admin, struct buffer *out);
static void put_gauges(struct buffer *out, const struct host_status *status);

/* The counters on this thread, what the host's loop knows on that. */
void admin_metrics(struct admin *admin, struct httpd_request *request) {
    struct admin_inquiry *inquiry = admin_inquiry(admin, request);
    if (inquiry != NULL) {
        counters_render(&admin->counters, &inquiry->body);
        put_backlog(admin, &inquiry->body);
        inquiry->question.answered = on_asked;
        host_ask(admin->options.host, &inquiry->question);
    }
}

static void on_asked(struct host_question *question) {
    struct admin_inquiry *inquiry = CONTAINER_OF(question, struct admin_inquiry, question);
    put_gauges(&inquiry->body, &question->status);
    admin_answer(inquiry->request, "text/plain; version=0.0.4; charset=utf-8", &inquiry->body);
    admin_free_inquiry(inquiry);
}

static void put_backlog(struct admin *admin, struct buffer *out) {
    struct store_totals totals = {0};
    pthread_mutex_lock(&admin->reading);
    int failed = store_totals(admin->reader, &totals, NULL);
    pthread_mutex_unlock(&admin->reading);
    if (failed == 0) {
        metric_render_gauge(out, "switchhook_backlog",
                            "Events that are stored and not over: queued, running, waiting.", NULL,
                            (struct slice){NULL, 0}, (double)totals.open);
    }
}

static void put_gauges(struct buffer *out, const struct host_status *status) {
    const struct slice none = {NULL, 0};
    metric_render_gauge(out, "switchhook_running", "Events that are being handled.", NULL, none,
                        (double)status->running);
    metric_render_gauge(out, "switchhook_waiting", "Events that wait for a retry or a timer.", NULL, none,
                        (double)status->waiting);
    metric_render_gauge(out, "switchhook_paused", "1 while no runs are handed out.", NULL, none,
                        status->is_paused ? 1 : 0);
    metric_render_gauge(out, "switchhook_breaker_open",
                        "1 while runs wait because the Job Router does not answer.", NULL, none,
                        status->is_breaker_open ? 1 : 0);
    if (status->is_live) {
        metric_render_gauge(out, "switchhook_generation_info", "The scripts that are live.", "hash",
                            slice_of(status->generation), 1);
    }
}
