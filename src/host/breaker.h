/* Stands between runs and an upstream that does not answer: while it is open, runs wait and no attempt is counted.
 *
 * It opens after BREAKER_FAILURES failures in a row from at least BREAKER_RUNS different runs (a single run that
 * fails again and again says something of itself, not of the upstream). A failure is no answer, a 5xx, or 401 and
 * 403 (the key was changed). Open, it lets one run try after a pause, which doubles while the tries fail; when one
 * gets an answer, all that waited go on. All on the loop's thread.
 *
 *     if (!breaker_allows(&host->breaker, run)) { run_postpone(run); return; }
 *     ... breaker_note(&host->breaker, run->id, is_failure);
 */
#ifndef HOST_BREAKER_H
#define HOST_BREAKER_H

#include "base/list.h"
#include "base/loop.h"
#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_FAILURES = 5, BREAKER_RUNS = 3, BREAKER_FIRST_MS = 1000, BREAKER_MAX_MS = 30 * 1000 };

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRYING };

struct breaker {
    struct loop *loop;
    const char *upstream; /* for the log */
    enum breaker_state state;
    unsigned failures;           /* in a row */
    uint64_t runs[BREAKER_RUNS]; /* different ones among them */
    unsigned run_count;
    uint64_t probe; /* the run that tries; 0: whoever asks next */
    int64_t pause_ms;
    struct loop_timer timer;
    void (*go)(struct breaker *breaker, bool is_probe); /* let one of those that wait try, or let them all go on */
    void *context;
};

void breaker_init(struct breaker *breaker, struct loop *loop, const char *upstream,
                  void (*go)(struct breaker *breaker, bool is_probe), void *context);
void breaker_reset(struct breaker *breaker);

/* Whether `run` may call now; when the breaker is trying and nobody tries yet, `run` does. */
bool breaker_allows(struct breaker *breaker, uint64_t run);
void breaker_note(struct breaker *breaker, uint64_t run, bool is_failure);
/* The run goes on without a call: if it was to try, or nobody does yet, somebody else must. */
void breaker_forget(struct breaker *breaker, uint64_t run);
static inline bool breaker_is_open(const struct breaker *breaker) {
    return breaker->state != BREAKER_CLOSED;
}

#endif
