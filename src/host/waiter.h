/* Events that wait and hold no memory but this: a number, a lane and a moment. When the moment comes the event is
 * taken up again from the store. All on the loop's thread. */
#ifndef HOST_WAITER_H
#define HOST_WAITER_H

#include "base/list.h"
#include "base/loop.h"
#include <stdbool.h>
#include <stdint.h>

struct breaker;
struct host;
struct lane;
struct work;

enum {
    WAITER_WORTH_MS = 2000,   /* shorter waits stay in memory */
    WAITERS_MAX = 100 * 1000, /* past these no further event is begun */
};

struct waiter {
    struct host *host;
    uint64_t seq;
    struct lane *lane;             /* that it holds; NULL: none */
    int64_t due_us;                /* wall; 0: it waits for something else */
    const struct breaker *held_by; /* NULL: none */
    struct loop_timer timer;
    struct list_node in_list; /* the host's waiters, postponed, paused or due ones */
};

/* Whether all that is left of the work waits, long enough; then the work is freed, and a waiter stands for it. */
bool waiter_replace(struct work *work);
/* Begins one that is due; false: none is, or it cannot be begun now. */
bool waiter_begin_due(struct host *host);
/* A breaker: one of those that it held may try, or (all) all go on. */
void waiter_release(struct host *host, const struct breaker *breaker, bool all);
/* A handler was resumed: what was set aside goes on. */
void waiter_release_paused(struct host *host);
void waiter_free_all(struct host *host);

#endif
