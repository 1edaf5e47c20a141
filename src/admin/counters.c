#include "admin/counters.h"
#include "event/event.h"
#include <stdio.h>

static const struct metric_options table[COUNTERS] = {
    [COUNTER_EVENTS] = {.name = "switchhook_events_total",
                        .help = "Events by what became of them: stored, duplicate or quarantined when they were "
                                "delivered; unhandled when no script was there for a stored one.",
                        .labels = {"type", "result"}},
    [COUNTER_RUNS] = {.name = "switchhook_runs_total",
                      .help = "Attempts of handlers: done, filtered, retried, parked.",
                      .labels = {"handler", "result"}},
    [COUNTER_STEPS] = {.name = "switchhook_steps_total",
                       .help = "Operations that were answered: HTTP status, else ok or error.",
                       .labels = {"operation", "status"}},
    [COUNTER_RUN_SECONDS] = {.name = "switchhook_run_seconds",
                             .help = "From an event's arrival until its run was done or parked.",
                             .is_histogram = true},
    [COUNTER_ACK_SECONDS] = {.name = "switchhook_ack_seconds",
                             .help = "From a delivery's last byte until its answer.",
                             .is_histogram = true},
    [COUNTER_ROUTER_SECONDS] = {.name = "switchhook_router_seconds",
                                .help = "Calls to the Job Router.",
                                .labels = {"operation"},
                                .is_histogram = true},
    [COUNTER_DELIVERIES] = {.name = "switchhook_deliveries_total",
                            .help = "Requests on the delivery port by the status of their answer.",
                            .labels = {"status"}},
    [COUNTER_RELOADS] = {.name = "switchhook_reloads_total",
                         .help = "Scripts that were loaded: live or refused.",
                         .labels = {"result"}},
    [COUNTER_KILLS] = {.name = "switchhook_worker_kills_total",
                       .help = "Workers that ended before their time: slice (a run did not give way), host (for "
                               "another reason), outside (a signal from elsewhere), crash.",
                       .labels = {"reason"}},
};

static const char *result_of(const struct store_event *event);
static void count(struct counters *counters, enum counter which, struct slice first, struct slice second);
static void observe(struct counters *counters, enum counter which, struct slice label, double seconds);
static void note_step(struct counters *counters, const struct host_note *note);
static void note_run(struct counters *counters, const struct host_note *note, const char *result);

void counters_init(struct counters *counters) {
    pthread_mutex_init(&counters->lock, NULL);
    for (size_t i = 0; i < COUNTERS; i++) {
        metric_init(&counters->metrics[i], &table[i]);
    }
}

void counters_reset(struct counters *counters) {
    for (size_t i = 0; i < COUNTERS; i++) {
        metric_reset(&counters->metrics[i]);
    }
    pthread_mutex_destroy(&counters->lock);
}

void counters_note(struct counters *counters, const struct host_note *note) {
    const struct slice none = {NULL, 0};
    pthread_mutex_lock(&counters->lock);
    switch (note->what) {
    case HOST_SAID:
    case HOST_ARRIVED: break; /* counted when it was delivered */
    case HOST_STEP: note_step(counters, note); break;
    case HOST_DONE: note_run(counters, note, slice_is(note->result, "filtered") ? "filtered" : "done"); break;
    case HOST_WAITING: count(counters, COUNTER_RUNS, note->handler, slice_of("retried")); break;
    case HOST_PARKED: note_run(counters, note, "parked"); break;
    case HOST_UNHANDLED: count(counters, COUNTER_EVENTS, note->type, slice_of("unhandled")); break;
    case HOST_LIVE: count(counters, COUNTER_RELOADS, slice_of("live"), none); break;
    case HOST_REFUSED: count(counters, COUNTER_RELOADS, slice_of("refused"), none); break;
    case HOST_KILLED: count(counters, COUNTER_KILLS, note->result, none); break;
    }
    pthread_mutex_unlock(&counters->lock);
}

void counters_delivery(struct counters *counters, const struct admin_delivery *delivery) {
    char status[16] = "200"; /* most of them */
    if (delivery->status != 200) {
        snprintf(status, sizeof status, "%u", delivery->status);
    }
    pthread_mutex_lock(&counters->lock);
    count(counters, COUNTER_DELIVERIES, slice_of(status), (struct slice){NULL, 0});
    if (delivery->seconds > 0) {
        observe(counters, COUNTER_ACK_SECONDS, (struct slice){NULL, 0}, delivery->seconds);
    }
    for (size_t i = 0, end = 0; i < delivery->count; i = end) {
        const struct store_event *event = &delivery->events[i];
        const char *result = result_of(event);
        /* Those of a batch are mostly alike. */
        for (end = i + 1; end < delivery->count; end++) {
            const struct store_event *next = &delivery->events[end];
            if (result_of(next) != result || !slice_equal(next->type, event->type)) {
                break;
            }
        }
        metric_count(&counters->metrics[COUNTER_EVENTS],
                     (struct slice[METRIC_LABELS]){event_short_name(event->type), slice_of(result)}, end - i);
    }
    pthread_mutex_unlock(&counters->lock);
}

void counters_render(struct counters *counters, struct buffer *out) {
    for (size_t i = 0; i < COUNTERS; i++) {
        struct metric copy;
        pthread_mutex_lock(&counters->lock);
        int failed = metric_copy(&copy, &counters->metrics[i]);
        pthread_mutex_unlock(&counters->lock);
        if (failed < 0) {
            out->is_broken = true;
            return;
        }
        metric_render(&copy, out);
        metric_reset(&copy);
    }
}

/* The same words for the same result. */
static const char *result_of(const struct store_event *event) {
    static const char duplicate[] = "duplicate", quarantined[] = "quarantined", stored[] = "stored";
    return event->is_duplicate ? duplicate : event->malformed != NULL ? quarantined : stored;
}

static void count(struct counters *counters, enum counter which, struct slice first, struct slice second) {
    metric_count(&counters->metrics[which], (struct slice[METRIC_LABELS]){first, second}, 1);
}

static void observe(struct counters *counters, enum counter which, struct slice label, double seconds) {
    metric_observe(&counters->metrics[which], (struct slice[METRIC_LABELS]){label}, seconds);
}

static void note_step(struct counters *counters, const struct host_note *note) {
    char status[16];
    if (note->status == 0) {
        snprintf(status, sizeof status, "%s", note->is_error ? "error" : "ok");
    } else {
        snprintf(status, sizeof status, "%u", (unsigned)note->status);
    }
    count(counters, COUNTER_STEPS, note->operation, slice_of(status));
    if (slice_starts_with(note->operation, "router.")) {
        observe(counters, COUNTER_ROUTER_SECONDS, note->operation, note->seconds);
    }
}

static void note_run(struct counters *counters, const struct host_note *note, const char *result) {
    count(counters, COUNTER_RUNS, note->handler, slice_of(result));
    observe(counters, COUNTER_RUN_SECONDS, (struct slice){NULL, 0}, note->seconds);
}
