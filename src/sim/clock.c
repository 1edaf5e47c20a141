#include "sim/clock.h"

static const int64_t DAY_US = INT64_C(24) * 3600 * 1000 * 1000;
static const int64_t LAST_US = INT64_C(253402300799) * 1000 * 1000; /* 9999-12-31T23:59:59Z */

void sim_clock_start(struct sim_clock *clock, double speed, int64_t wall_us) {
    *clock = (struct sim_clock){.start_us = wall_us, .speed = speed};
}

int64_t sim_clock_at(const struct sim_clock *clock, int64_t wall_us) {
    if (clock->speed == 1) {
        return wall_us;
    }
    double passed = (double)(wall_us - clock->start_us) * clock->speed;
    return passed >= (double)(LAST_US - clock->start_us) ? LAST_US : clock->start_us + (int64_t)passed;
}

int64_t sim_clock_wait_us(const struct sim_clock *clock, int64_t wall_us, int64_t at_us) {
    int64_t now_us = sim_clock_at(clock, wall_us);
    if (at_us <= now_us) {
        return 0;
    }
    double wait = (double)(at_us - now_us) / clock->speed;
    return wait >= (double)DAY_US ? DAY_US : (int64_t)wait + (clock->speed != 1);
}
