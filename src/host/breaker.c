#include "host/breaker.h"
#include "base/clock.h"
#include "base/log.h"

static void remember(struct breaker *breaker, uint64_t run);
static void open_it(struct breaker *breaker);
static void pause(struct breaker *breaker);
static void close_it(struct breaker *breaker);
static void on_pause_over(struct loop_timer *timer);

void breaker_init(struct breaker *breaker, struct loop *loop, const char *upstream,
                  void (*go)(struct breaker *breaker, bool is_probe), void *context) {
    *breaker = (struct breaker){
        .loop = loop, .upstream = upstream, .go = go, .context = context, .pause_ms = BREAKER_FIRST_MS};
}

void breaker_reset(struct breaker *breaker) {
    if (breaker->loop != NULL) {
        loop_timer_cancel(breaker->loop, &breaker->timer);
    }
}

bool breaker_allows(struct breaker *breaker, uint64_t run) {
    if (breaker->state == BREAKER_TRYING && breaker->probe == 0) {
        breaker->probe = run;
    }
    return breaker->state == BREAKER_CLOSED || (breaker->state == BREAKER_TRYING && breaker->probe == run);
}

void breaker_note(struct breaker *breaker, uint64_t run, bool is_failure) {
    if (!is_failure) {
        breaker->failures = breaker->run_count = 0;
        if (breaker->state != BREAKER_CLOSED) {
            close_it(breaker);
        }
        return;
    }
    if (breaker->state == BREAKER_TRYING && breaker->probe == run) {
        breaker->pause_ms = breaker->pause_ms * 2 < BREAKER_MAX_MS ? breaker->pause_ms * 2 : BREAKER_MAX_MS;
        open_it(breaker);
        return;
    }
    breaker->failures++;
    remember(breaker, run);
    if (breaker->state == BREAKER_CLOSED && breaker->failures >= BREAKER_FAILURES &&
        breaker->run_count >= BREAKER_RUNS) {
        log_warn("breaker", "the upstream fails: runs that need it wait, and no attempt is counted",
                 LOG_TEXT("upstream", breaker->upstream), LOG_NUMBER("failures", breaker->failures), LOG_END);
        open_it(breaker);
    }
}

void breaker_forget(struct breaker *breaker, uint64_t run) {
    if (breaker->state == BREAKER_TRYING && (breaker->probe == run || breaker->probe == 0)) {
        breaker->probe = 0;
        breaker->go(breaker, true);
    }
}

static void remember(struct breaker *breaker, uint64_t run) {
    for (unsigned i = 0; i < breaker->run_count; i++) {
        if (breaker->runs[i] == run) {
            return;
        }
    }
    if (breaker->run_count < BREAKER_RUNS) {
        breaker->runs[breaker->run_count++] = run;
    }
}

static void open_it(struct breaker *breaker) {
    breaker->state = BREAKER_OPEN;
    breaker->probe = 0;
    pause(breaker);
}

static void pause(struct breaker *breaker) {
    loop_timer_set(breaker->loop, &breaker->timer, clock_monotonic_ns() + breaker->pause_ms * CLOCK_NS_PER_MS,
                   on_pause_over);
}

static void close_it(struct breaker *breaker) {
    breaker->state = BREAKER_CLOSED;
    breaker->probe = 0;
    breaker->pause_ms = BREAKER_FIRST_MS;
    loop_timer_cancel(breaker->loop, &breaker->timer);
    log_info("breaker", "the upstream answers again", LOG_TEXT("upstream", breaker->upstream), LOG_END);
    breaker->go(breaker, false);
}

/* Who may try need not do so (its script takes another way now, its handler is paused): then it is another's
 * turn. */
static void on_pause_over(struct loop_timer *timer) {
    struct breaker *breaker = CONTAINER_OF(timer, struct breaker, timer);
    breaker->state = BREAKER_TRYING;
    pause(breaker);
    if (breaker->probe == 0) {
        breaker->go(breaker, true);
    }
}
