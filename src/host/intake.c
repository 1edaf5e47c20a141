/* From the store's appends into the lanes. The store's thread tells of each delivery after its commit; what could
 * not be told for want of memory is found by looking into the store. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "event/event.h"
#include "host/conductor.h"
#include <stdlib.h>

enum {
    RESCAN_MS = 1000,
    INTAKE_WINDOW = 50 * 1000,
    INTAKE_COPIES =
        16 * 1024 * 1024, /* bytes: more than ten thousand common events; what is behind them is read */
};

struct admitted {
    uint64_t seq, lane;
    struct copy *copy; /* NULL: no room for one */
};

struct admission {
    struct loop_task task;
    struct host *host;
    size_t count;
    struct admitted events[];
};

static void on_commit(const struct store_work *first, void *context);
static size_t count_new(const struct store_work *first);
static void admit(struct admission *admission, const struct store_work *work);
static bool is_new(const struct store_event *event);
static struct copy *copy_if_room(struct host *host, const struct store_event *event, int64_t received_us);
static void on_admission(struct loop_task *task);
static void free_admission(struct admission *admission);
static void on_missed(struct loop_task *task);
static int take_up(struct host *host, uint64_t seq, uint64_t lane, struct copy **copy);
static int take_open(void *context, const struct store_open_event *event);
static void on_rescan(struct loop_timer *timer);
static void rescan_later(struct host *host);

int intake_start(struct host *host, struct error *error) {
    struct store_totals totals;
    if (store_totals(host->reader, &totals, error) < 0) {
        return -1;
    }
    atomic_store(&host->queued, totals.open);
    host->window = host->window_limit = INTAKE_WINDOW;
    host->copy_limit = INTAKE_COPIES;
    store_on_commit(host->store, on_commit, host);
    return 0;
}

int intake_scan(struct host *host, struct error *error) {
    host->has_more = false;
    int result = store_each_open(host->reader, host->highest_seq, take_open, host, error);
    host_pump(host);
    return result;
}

/* The next part of the backlog: when half of the last one is gone, or when all that is left of it is held back by
 * lanes that wait. The window then grows, so that a lane which waits holds up no other. */
void intake_refill(struct host *host) {
    bool is_stuck = list_is_empty(&host->lanes.ready);
    if (!host->has_more || (!is_stuck && host->lanes.queued > host->window / 2)) {
        return;
    }
    host->window_limit = is_stuck ? host->lanes.queued + host->window : host->window;
    struct error error = {0};
    if (intake_scan(host, &error) < 0) {
        rescan_later(host);
    }
}

void intake_release(struct host *host, const struct copy *copy) {
    atomic_fetch_sub(&host->copied, copy->size);
}

void intake_again(struct host *host, uint64_t seq, uint64_t lane) {
    atomic_fetch_add(&host->queued, 1);
    if (host->has_more && seq > host->highest_seq) {
        return; /* in the part of the backlog that is still to be read: twice in memory would be twice handled */
    }
    if (lanes_push(&host->lanes, lane, seq, NULL) < 0) {
        log_error("host", "no memory to queue an event again: it goes on at the next start",
                  LOG_NUMBER("event", seq), LOG_END);
    }
    host_pump(host);
}

struct store_event intake_event(const struct event *event, uint64_t lane) {
    return (struct store_event){.identity = event->identity,
                                .content = event->content,
                                .raw = event->raw,
                                .id = event->id,
                                .type = event->type,
                                .source = event->source,
                                .subject = event->subject,
                                .time = event->time,
                                .job = event->job,
                                .worker = event->worker,
                                .lane = lane};
}

bool intake_drop(struct loop_task *task) {
    if (task->run != on_admission) {
        return false;
    }
    free_admission(CONTAINER_OF(task, struct admission, task));
    return true;
}

/* On the store's thread: one task for all deliveries of a commit, so that the loop wakes once. */
static void on_commit(const struct store_work *first, void *context) {
    struct host *host = context;
    size_t count = count_new(first);
    if (count == 0) {
        return;
    }
    atomic_fetch_add(&host->queued, count); /* whether or not the loop can be told */
    struct admission *admission =
        fault_point("host.admit") ? NULL : malloc(sizeof *admission + count * sizeof *admission->events);
    if (admission == NULL) {
        log_error("host", "no memory to take up events: they are looked for in the store", LOG_END);
        if (!atomic_exchange(&host->has_missed, true)) {
            loop_post(host->loop, &host->missed, on_missed);
        }
        return;
    }
    *admission = (struct admission){.host = host};
    for (const struct store_work *work = first; work != NULL; work = work->next) {
        if (store_has_appended(work)) {
            admit(admission, work);
        }
    }
    loop_post(host->loop, &admission->task, on_admission);
}

static size_t count_new(const struct store_work *first) {
    size_t count = 0;
    for (const struct store_work *work = first; work != NULL; work = work->next) {
        for (size_t i = 0; store_has_appended(work) && i < work->append.count; i++) {
            count += is_new(&work->append.events[i]);
        }
    }
    return count;
}

static void admit(struct admission *admission, const struct store_work *work) {
    for (size_t i = 0; i < work->append.count; i++) {
        const struct store_event *event = &work->append.events[i];
        if (is_new(event)) {
            struct copy *copy = copy_if_room(admission->host, event, work->append.received_us);
            admission->events[admission->count++] = (struct admitted){event->seq, event->lane, copy};
        }
    }
}

static bool is_new(const struct store_event *event) {
    return !event->is_duplicate && event->malformed == NULL;
}

/* Others only make room: what was free stays so. */
static struct copy *copy_if_room(struct host *host, const struct store_event *event, int64_t received_us) {
    if (atomic_load(&host->copied) >= host->copy_limit) {
        return NULL;
    }
    struct copy *copy = copy_of_event(event, received_us);
    if (copy != NULL) {
        atomic_fetch_add(&host->copied, copy->size);
    }
    return copy;
}

static void on_admission(struct loop_task *task) {
    struct admission *admission = CONTAINER_OF(task, struct admission, task);
    struct host *host = admission->host;
    /* Nothing is taken up past a gap: the rescan looks behind the highest number only. */
    for (size_t i = 0; i < admission->count && !loop_timer_is_set(&host->rescan); i++) {
        struct admitted *event = &admission->events[i];
        if (take_up(host, event->seq, event->lane, &event->copy) < 0) {
            rescan_later(host);
        }
    }
    host_pump(host);
    free_admission(admission);
}

/* With the copies that no lane took. */
static void free_admission(struct admission *admission) {
    for (size_t i = 0; i < admission->count; i++) {
        struct copy *copy = admission->events[i].copy;
        if (copy != NULL) {
            intake_release(admission->host, copy);
            free(copy);
        }
    }
    free(admission);
}

static void on_missed(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, missed);
    atomic_store(&host->has_missed, false);
    rescan_later(host);
}

/* In the order of their numbers, each once: the scan at the start and the telling may overlap. Memory holds a
 * window of the backlog, whatever its length. */
static int take_up(struct host *host, uint64_t seq, uint64_t lane, struct copy **copy) {
    if (seq <= host->highest_seq || host->has_more) {
        return 0;
    }
    if (host->lanes.queued >= host->window_limit) {
        host->has_more = true; /* this one and what follows is found in the store when there is room */
        return 0;
    }
    if (lanes_push(&host->lanes, lane, seq, *copy) < 0) {
        return -1;
    }
    *copy = NULL;
    host->highest_seq = seq;
    return 0;
}

static int take_open(void *context, const struct store_open_event *event) {
    struct host *host = context;
    struct copy *none = NULL;
    if (take_up(host, event->seq, event->lane, &none) < 0) {
        rescan_later(host);
        return -1;
    }
    return host->has_more ? -1 : 0;
}

static void rescan_later(struct host *host) {
    if (!loop_timer_is_set(&host->rescan)) {
        loop_timer_set(host->loop, &host->rescan, clock_monotonic_ns() + RESCAN_MS * CLOCK_NS_PER_MS, on_rescan);
    }
}

static void on_rescan(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, rescan);
    struct error error = {0};
    if (intake_scan(host, &error) < 0) {
        rescan_later(host);
    }
}
