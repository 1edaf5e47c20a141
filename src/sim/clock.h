/* What time it is in the local Job Router: the wall clock's, or one that began with it and runs faster or slower.
 * What the core says and waits for is in this time; signatures are checked by the wall clock, since their dates
 * come from outside.
 *
 *     struct sim_clock clock;
 *     sim_clock_start(&clock, 60, clock_wall_us());             // a minute each second
 *     int64_t now_us = sim_clock_at(&clock, clock_wall_us());
 *
 * A started clock does not change: any thread. Microseconds since 1970, of either time.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

struct sim_clock {
    int64_t start_us; /* of both times */
    double speed;     /* 1: it is the wall clock */
};

#define SIM_SPEED_LEAST 0.001
#define SIM_SPEED_MOST  1000000.0

void sim_clock_start(struct sim_clock *clock, double speed, int64_t wall_us);
/* Never past the year 9999, where texts of times end. */
int64_t sim_clock_at(const struct sim_clock *clock, int64_t wall_us);
/* How long to wait by the wall for `at_us` of the simulator's time: 0 when it is there, a day at most (the wall
 * clock may have been moved meanwhile), and never too short. */
int64_t sim_clock_wait_us(const struct sim_clock *clock, int64_t wall_us, int64_t at_us);

#endif
