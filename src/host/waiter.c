#include "host/waiter.h"
#include "base/clock.h"
#include "host/conductor.h"
#include <stdlib.h>

enum awaited { AWAITS_NOTHING, AWAITS_MOMENT, AWAITS_BREAKER, AWAITS_RESUME };

static void release(struct list *runs, struct list *waiters, const struct breaker *held_by, bool all);
static bool may_leave(const struct work *work, enum awaited *awaited, int64_t *due_us,
                      const struct breaker **held_by);
static void on_due(struct loop_timer *timer);
static void make_due(struct waiter *waiter);
static void free_list(struct list *list);

bool waiter_replace(struct work *work) {
    struct host *host = work->host;
    int64_t due_us = 0;
    enum awaited awaited = AWAITS_NOTHING;
    const struct breaker *held_by = NULL;
    if (!may_leave(work, &awaited, &due_us, &held_by)) {
        return false;
    }
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        return false; /* then it stays as it is */
    }
    *waiter = (struct waiter){.host = host, .seq = work->seq, .lane = work->lane, .held_by = held_by};
    waiter->due_us = awaited == AWAITS_MOMENT ? due_us : 0;
    host->waiter_count++;
    work->lane = NULL;
    work_free(work);
    if (awaited != AWAITS_MOMENT) {
        list_append(awaited == AWAITS_BREAKER ? &host->postponed_waiters : &host->paused_waiters,
                    &waiter->in_list);
        return true;
    }
    list_append(&host->waiters, &waiter->in_list);
    int64_t pause_us = due_us - clock_wall_us();
    loop_timer_set(host->loop, &waiter->timer, clock_monotonic_ns() + (pause_us > 0 ? pause_us : 0) * 1000,
                   on_due);
    return true;
}

bool waiter_begin_due(struct host *host) {
    struct list_node *node = list_first(&host->due_waiters);
    if (node == NULL) {
        return false;
    }
    struct waiter *waiter = CONTAINER_OF(node, struct waiter, in_list);
    struct lane *lane = waiter->lane;
    uint64_t seq = waiter->seq;
    if (work_resume(host, lane, seq, waiter->due_us) < 0) {
        return false;
    }
    list_remove(node);
    host->waiter_count--;
    free(waiter);
    return true;
}

void waiter_release(struct host *host, const struct breaker *breaker, bool all) {
    release(&host->postponed, &host->postponed_waiters, breaker, all);
}

void waiter_release_paused(struct host *host) {
    release(&host->paused_runs, &host->paused_waiters, NULL, true);
}

void waiter_free_all(struct host *host) {
    free_list(&host->waiters);
    free_list(&host->postponed_waiters);
    free_list(&host->due_waiters);
    free_list(&host->paused_waiters);
}

/* Those that `held_by` holds; NULL: all in the lists. */
static void release(struct list *runs, struct list *waiters, const struct breaker *held_by, bool all) {
    LIST_EACH (runs, node) {
        struct run *run = CONTAINER_OF(node, struct run, in_ready);
        if (held_by == NULL || run->held_by == held_by) {
            run_go_on(run);
            if (!all) {
                return;
            }
        }
    }
    LIST_EACH (waiters, node) {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, in_list);
        if (held_by == NULL || waiter->held_by == held_by) {
            make_due(waiter);
            if (!all) {
                return;
            }
        }
    }
}

/* Two things to wait for are more than a waiter knows. */
static bool may_leave(const struct work *work, enum awaited *awaited, int64_t *due_us,
                      const struct breaker **held_by) {
    *due_us = INT64_MAX;
    for (size_t i = 0; i < work->run_count; i++) {
        const struct run *run = &work->runs[i];
        if (run->unsettled > 0 || (run->state != RUN_WAITING && run->state != RUN_OVER)) {
            return false;
        }
        if (run->state == RUN_OVER) {
            continue;
        }
        enum awaited other = run->is_set_aside   ? AWAITS_RESUME
                             : run->is_postponed ? AWAITS_BREAKER
                                                 : AWAITS_MOMENT;
        const struct breaker *breaker = other == AWAITS_BREAKER ? run->held_by : NULL;
        if (*awaited != AWAITS_NOTHING && (*awaited != other || *held_by != breaker)) {
            return false;
        }
        *awaited = other;
        *held_by = breaker;
        *due_us = run->due_us < *due_us ? run->due_us : *due_us;
    }
    return *awaited != AWAITS_NOTHING &&
           (*awaited != AWAITS_MOMENT || *due_us - clock_wall_us() > WAITER_WORTH_MS * INT64_C(1000));
}

static void on_due(struct loop_timer *timer) {
    make_due(CONTAINER_OF(timer, struct waiter, timer));
}

static void make_due(struct waiter *waiter) {
    list_remove(&waiter->in_list);
    list_append(&waiter->host->due_waiters, &waiter->in_list);
    host_pump(waiter->host);
}

static void free_list(struct list *list) {
    for (struct list_node *node; (node = list_take_first(list)) != NULL;) {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, in_list);
        loop_timer_cancel(waiter->host->loop, &waiter->timer);
        free(waiter);
    }
}
