#include "host/timers.h"
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "host/conductor.h"
#include <stdlib.h>
#include <string.h>

enum {
    RAISE_AT_ONCE = 64,
    LOOK_AGAIN_S = 600, /* at the latest: the wall clock may be set meanwhile */
    AGAIN_MS = 1000,
};

/* Some timers on their way to become events. */
struct raising {
    struct store_work work;
    struct loop_task raised;
    struct host *host;
    size_t count;
    bool has_failed;
    struct envelope envelopes[RAISE_AT_ONCE];
    char *raw[RAISE_AT_ONCE];
    struct store_event events[RAISE_AT_ONCE];
    uint64_t timers[RAISE_AT_ONCE];
};

static void arm(struct host *host, int64_t due_us);
static void on_due(struct loop_timer *timer);
static int take_timer(void *context, const struct store_timer *timer);
static void on_done(struct store_work *work);
static void on_raised(struct loop_task *task);
static void free_raising(struct raising *raising);

void timers_start(struct host *host) {
    struct error error = {0};
    int64_t due_us = 0;
    if (store_next_timer(host->reader, &due_us, &error) < 0) {
        log_error("host", "cannot look for the next timer", LOG_TEXT("reason", error.message), LOG_END);
        due_us = clock_wall_us() + AGAIN_MS * 1000;
    }
    if (due_us != 0) {
        arm(host, due_us);
    }
}

void timers_note(struct host *host, const struct effect_extra *extra) {
    if (extra->has_timer) {
        arm(host, extra->timer.due_us);
    }
}

static void arm(struct host *host, int64_t due_us) {
    int64_t pause_us = due_us - clock_wall_us();
    int64_t most_us = LOOK_AGAIN_S * CLOCK_US_PER_S;
    pause_us = pause_us < 0 ? 0 : pause_us > most_us ? most_us : pause_us;
    int64_t at = clock_monotonic_ns() + pause_us * 1000;
    if (!loop_timer_is_set(&host->next_timer) || at < host->next_timer.at) {
        loop_timer_set(host->loop, &host->next_timer, at, on_due);
    }
}

bool timers_drop(struct loop_task *task) {
    if (task->run != on_raised) {
        return false;
    }
    free_raising(CONTAINER_OF(task, struct raising, raised));
    return true;
}

static void on_due(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, next_timer);
    struct error error = {0};
    if (host->is_raising) {
        return; /* when that is done, the next one is looked for */
    }
    struct raising *raising = calloc(1, sizeof *raising);
    if (raising == NULL ||
        store_each_timer(host->reader, clock_wall_us() + 1, RAISE_AT_ONCE, take_timer, raising, &error) < 0) {
        free_raising(raising);
        arm(host, clock_wall_us() + AGAIN_MS * 1000);
        return;
    }
    if (raising->count == 0) {
        bool has_failed = raising->has_failed;
        free_raising(raising);
        if (has_failed) {
            arm(host, clock_wall_us() + AGAIN_MS * 1000);
        } else {
            timers_start(host);
        }
        return;
    }
    host->is_raising = true;
    raising->host = host;
    raising->work = (struct store_work){.verb = STORE_APPEND, .done = on_done};
    raising->work.append.events = raising->events;
    raising->work.append.count = raising->count;
    raising->work.append.timers = raising->timers;
    raising->work.append.received_us = clock_wall_us();
    store_submit(host->store, &raising->work);
}

static int take_timer(void *context, const struct store_timer *timer) {
    struct raising *raising = context;
    struct json_error where;
    struct envelope *envelope = &raising->envelopes[raising->count];
    char *raw = slice_copy(timer->raw);
    envelope_init(envelope);
    if (raw == NULL || envelope_read(envelope, raw, timer->raw.length, &where) < 0 || envelope->count != 1) {
        envelope_reset(envelope);
        free(raw);
        raising->has_failed = true;
        return 0; /* no memory: it is looked for again */
    }
    raising->raw[raising->count] = raw;
    raising->events[raising->count] = intake_event(&envelope->events[0], timer->lane);
    raising->timers[raising->count] = timer->id;
    raising->count++;
    return 0;
}

/* On a thread of the store. */
static void on_done(struct store_work *work) {
    struct raising *raising = CONTAINER_OF(work, struct raising, work);
    loop_post(raising->host->loop, &raising->raised, on_raised);
}

static void on_raised(struct loop_task *task) {
    struct raising *raising = CONTAINER_OF(task, struct raising, raised);
    struct host *host = raising->host;
    bool has_failed = raising->work.error.code != ERROR_NONE;
    host->is_raising = false;
    free_raising(raising);
    if (has_failed) {
        arm(host, clock_wall_us() + AGAIN_MS * 1000);
    } else {
        timers_start(host);
    }
}

static void free_raising(struct raising *raising) {
    for (size_t i = 0; raising != NULL && i < raising->count; i++) {
        envelope_reset(&raising->envelopes[i]);
        free(raising->raw[i]);
    }
    free(raising);
}
