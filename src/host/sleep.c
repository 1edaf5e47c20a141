/* Sleeps inside a run: their ends, and what they do to the run's time and place.
 *
 * A sleep's answer is journaled when it begins, with the moment of its end. Its end is waited for on the monotonic
 * clock and never longer than was asked for, so that a clock that is set does no harm. A run that only sleeps, and
 * for longer than a minute, leaves its worker: it is run again to that point. */
#include "base/clock.h"
#include "host/conductor.h"
#include "host/effects.h"
#include <stdint.h>

enum { REST_SECONDS = 60 };

static void on_wake(struct loop_timer *timer);
static int64_t asked_ns(const struct step *step);
static void rest_if_idle(struct run *run);

bool sleep_begin(struct step *step) {
    struct run *run = step->run;
    if (!slice_is(buffer_slice(&step->operation), "sleep") || step->is_error || step->has_no_wait) {
        return false;
    }
    int64_t now = clock_wall_us();
    int64_t left = (step->answered_us - (run->reached_us > now ? run->reached_us : now)) * 1000;
    int64_t most = asked_ns(step);
    if (left > most) {
        left = most;
    }
    if (left <= 0) {
        return false;
    }
    loop_timer_set(run->work->host->loop, &step->wake, clock_monotonic_ns() + left, on_wake);
    sleep_count(run, 0, 1);
    rest_if_idle(run);
    return true;
}

void sleep_count(struct run *run, int waits, int sleeps) {
    struct loop *loop = run->work->host->loop;
    run->waits += (unsigned)waits;
    run->sleeps += (unsigned)sleeps;
    bool only_sleeps = run->waits > 0 && run->waits == run->sleeps;
    int64_t now = clock_monotonic_ns();
    if (only_sleeps && run->budget_ns == 0) {
        run->budget_ns = run->timer.at > now ? run->timer.at - now : 1;
        loop_timer_cancel(loop, &run->timer);
    } else if (!only_sleeps && run->budget_ns > 0) {
        loop_timer_set(loop, &run->timer, now + run->budget_ns, run->timer.fire);
        run->budget_ns = 0;
    }
}

void sleep_stop(struct run *run) {
    LIST_EACH (&run->steps, node) {
        loop_timer_cancel(run->work->host->loop, &CONTAINER_OF(node, struct step, in_run)->wake);
    }
    run->waits = run->sleeps = 0;
    run->budget_ns = 0;
}

static void on_wake(struct loop_timer *timer) {
    struct step *step = CONTAINER_OF(timer, struct step, wake);
    struct run *run = step->run;
    sleep_count(run, 0, -1);
    run_send_answer(step);
}

static int64_t asked_ns(const struct step *step) {
    struct slice seconds;
    effect_split(step, &seconds, 1);
    return (int64_t)(effect_number(seconds, 0) * 1e9);
}

static void rest_if_idle(struct run *run) {
    int64_t earliest = INT64_MAX;
    int64_t now = clock_monotonic_ns();
    if (run->waits != run->sleeps) {
        return;
    }
    LIST_EACH (&run->steps, node) {
        const struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (loop_timer_is_set(&step->wake) && step->wake.at < earliest) {
            earliest = step->wake.at;
        }
    }
    if (earliest != INT64_MAX && earliest - now > REST_SECONDS * CLOCK_NS_PER_S) {
        run_rest(run, clock_wall_us() + (earliest - now) / 1000);
    }
}
