/* Hands out what can be handed out: runs that were begun first, then events whose waiting is over, then new ones,
 * as long as a worker has room. */
#include "base/clock.h"
#include "host/conductor.h"
#include "host/waiter.h"

enum { BEGIN_AT_ONCE = 256, PUMP_AGAIN_MS = 1000 };

static void on_pump(struct loop_task *task);
static bool begin_next(struct host *host);
static struct run *next_ready(struct host *host);
static bool is_handler_paused(const struct host *host, const struct run *run);
static void pump_in(struct host *host, int64_t pause_ms);
static void on_pump_later(struct loop_timer *timer);

void host_pump(struct host *host) {
    loop_defer(host->loop, &host->pump, on_pump);
}

/* A slice of the backlog per turn, so that nobody else waits for long. */
static void on_pump(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, pump);
    size_t begun = 0;
    while (host->live != NULL && !host->is_paused && !atomic_load(&host->is_stopping)) {
        struct worker_slot *slot = generation_pick(host->live, host->config->limits.in_flight);
        if (slot == NULL) {
            break;
        }
        struct run *run = next_ready(host);
        if (run != NULL) {
            if (run_dispatch(run, slot) < 0) {
                pump_in(host, PUMP_AGAIN_MS);
                break;
            }
            continue;
        }
        if (begun == BEGIN_AT_ONCE) {
            pump_in(host, 0);
            break;
        }
        if (!begin_next(host)) {
            break;
        }
        begun++;
    }
    store_reader_end(host->reader); /* what was read back, was read from one moment */
    intake_refill(host);
}

static bool begin_next(struct host *host) {
    if (change_is_stuck(host)) {
        return false;
    }
    if (!list_is_empty(&host->due_waiters)) {
        bool has_begun = waiter_begin_due(host);
        if (!has_begun) {
            pump_in(host, PUMP_AGAIN_MS);
        }
        return has_begun;
    }
    uint64_t seq = 0;
    struct lane *lane = host->waiter_count < WAITERS_MAX ? lanes_take(&host->lanes, &seq) : NULL;
    if (lane == NULL) {
        return false;
    }
    if (work_begin(host, lane, seq) < 0) {
        pump_in(host, PUMP_AGAIN_MS);
        return false;
    }
    return true;
}

/* Runs of handlers that are paused are put aside until they are resumed. */
static struct run *next_ready(struct host *host) {
    for (struct list_node *node; (node = list_take_first(&host->ready_runs)) != NULL;) {
        struct run *run = CONTAINER_OF(node, struct run, in_ready);
        if (!is_handler_paused(host, run)) {
            return run;
        }
        run_set_aside(run);
    }
    return NULL;
}

static bool is_handler_paused(const struct host *host, const struct run *run) {
    for (size_t i = 0; i < host->paused_count; i++) {
        if (slice_is(slice_of(run->handler), host->paused[i])) {
            return true;
        }
    }
    return false;
}

static void pump_in(struct host *host, int64_t pause_ms) {
    loop_timer_set(host->loop, &host->pump_later, clock_monotonic_ns() + pause_ms * CLOCK_NS_PER_MS,
                   on_pump_later);
}

static void on_pump_later(struct loop_timer *timer) {
    host_pump(CONTAINER_OF(timer, struct host, pump_later));
}
