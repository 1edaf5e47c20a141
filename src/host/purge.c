/* Keeping house: what is kept long enough goes, in small bites between which everybody else has their turn. */
#include "base/clock.h"
#include "host/conductor.h"
#include <stdlib.h>

enum { BITE = 100, BITE_PAUSE_MS = 50, LOOK_S = 600, FIRST_LOOK_S = 5 };

struct bite {
    struct store_work work;
    struct loop_task taken;
    struct host *host;
};

static void purge_in(struct host *host, int64_t pause_ms);
static void on_time(struct loop_timer *timer);
static struct store_cutoffs cutoffs_of(const struct config *config);
static void on_done(struct store_work *work);
static void on_taken(struct loop_task *task);

void purge_start(struct host *host) {
    purge_in(host, FIRST_LOOK_S * 1000);
}

bool purge_drop(struct loop_task *task) {
    if (task->run != on_taken) {
        return false;
    }
    free(CONTAINER_OF(task, struct bite, taken));
    return true;
}

static void purge_in(struct host *host, int64_t pause_ms) {
    loop_timer_set(host->loop, &host->purge_timer, clock_monotonic_ns() + pause_ms * CLOCK_NS_PER_MS, on_time);
}

static void on_time(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, purge_timer);
    struct bite *bite = calloc(1, sizeof *bite);
    if (bite == NULL) {
        purge_in(host, LOOK_S * 1000);
        return;
    }
    bite->host = host;
    bite->work = (struct store_work){.verb = STORE_PURGE, .done = on_done};
    bite->work.purge.cutoffs = cutoffs_of(host->config);
    bite->work.purge.most = BITE;
    store_submit(host->store, &bite->work);
}

static struct store_cutoffs cutoffs_of(const struct config *config) {
    int64_t now = clock_wall_us();
    int64_t day = 24 * 3600 * CLOCK_US_PER_S;
    return (struct store_cutoffs){
        .done_us = now - (int64_t)(config->keep.done_days * (double)day),
        .parked_us = now - (int64_t)(config->keep.parked_days * (double)day),
        .unhandled_us = now - (int64_t)(config->keep.unhandled_days * (double)day),
        .quarantined_us = now - (int64_t)(config->keep.quarantined_days * (double)day),
        .duplicate_us = now - (int64_t)(config->keep.duplicate_hours * 3600 * (double)CLOCK_US_PER_S),
    };
}

/* On a thread of the store. */
static void on_done(struct store_work *work) {
    struct bite *bite = CONTAINER_OF(work, struct bite, work);
    loop_post(bite->host->loop, &bite->taken, on_taken);
}

static void on_taken(struct loop_task *task) {
    struct bite *bite = CONTAINER_OF(task, struct bite, taken);
    bool has_more = bite->work.error.code == ERROR_NONE && bite->work.purge.has_more;
    purge_in(bite->host, has_more ? BITE_PAUSE_MS : LOOK_S * 1000);
    free(bite);
}
