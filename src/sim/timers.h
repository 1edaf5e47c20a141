/* Timers, for the core and for those who act on it: a heap by time, then by the order in which they were set.
 * They live in their owners' structs; nothing here knows what time it is: the owner takes the first one as long as
 * it is due, cancels it, and fires it.
 */
#ifndef SIM_TIMERS_H
#define SIM_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct sim_core;

struct sim_timer {
    int64_t at;
    uint64_t order;
    size_t place; /* from 1; 0: not set */
    void (*fire)(struct sim_core *core, struct sim_timer *timer);
};

struct sim_timers {
    struct sim_timer **heap;
    size_t count, capacity;
    uint64_t order;
};

/* -1 without memory. */
int sim_timer_set(struct sim_timers *timers, struct sim_timer *timer, int64_t at,
                  void (*fire)(struct sim_core *core, struct sim_timer *timer));
void sim_timer_cancel(struct sim_timers *timers, struct sim_timer *timer);
struct sim_timer *sim_timer_first(const struct sim_timers *timers);

#endif
