/* The local Job Router's time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/clock.h"

static const int64_t SECOND = INT64_C(1000000);

static struct sim_clock started(double speed, int64_t wall_us) {
    struct sim_clock clock;
    sim_clock_start(&clock, speed, wall_us);
    return clock;
}

static void it_begins_with_the_wall_and_runs_at_its_speed(void **state) {
    (void)state;
    const struct sim_clock fast = started(60, 1000 * SECOND), slow = started(0.5, 1000 * SECOND);
    assert_int_equal(sim_clock_at(&fast, 1000 * SECOND), 1000 * SECOND);
    assert_int_equal(sim_clock_at(&fast, 1001 * SECOND), 1060 * SECOND);
    assert_int_equal(sim_clock_at(&slow, 1010 * SECOND), 1005 * SECOND);
}

static void at_speed_one_it_is_the_wall_s(void **state) {
    (void)state;
    const struct sim_clock clock = started(1, 1000 * SECOND);
    assert_int_equal(sim_clock_at(&clock, INT64_C(1772357400123457)), INT64_C(1772357400123457));
    assert_int_equal(sim_clock_at(&clock, 5), 5); /* it may be set back, too */
    assert_int_equal(sim_clock_wait_us(&clock, 7, 12), 5);
}

static void a_wait_is_never_too_short_and_a_day_at_most(void **state) {
    (void)state;
    const struct sim_clock fast = started(7, 1000 * SECOND), slow = started(0.001, 1000 * SECOND);
    for (int64_t ahead = 1; ahead < 100; ahead++) {
        int64_t wait = sim_clock_wait_us(&fast, 1000 * SECOND, 1000 * SECOND + ahead);
        assert_true(wait > 0 && wait <= ahead / 7 + 1);
        assert_true(sim_clock_at(&fast, 1000 * SECOND + wait) >= 1000 * SECOND + ahead);
    }
    assert_int_equal(sim_clock_wait_us(&fast, 1000 * SECOND, 999 * SECOND), 0);
    assert_int_equal(sim_clock_wait_us(&slow, 1000 * SECOND, INT64_MAX), 24 * 3600 * SECOND);
}

static void it_stops_where_texts_of_times_end(void **state) {
    (void)state;
    const struct sim_clock clock = started(SIM_SPEED_MOST, 1000 * SECOND);
    assert_int_equal(sim_clock_at(&clock, INT64_MAX), INT64_C(253402300799) * SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_the_wall_and_runs_at_its_speed),
        cmocka_unit_test(at_speed_one_it_is_the_wall_s),
        cmocka_unit_test(a_wait_is_never_too_short_and_a_day_at_most),
        cmocka_unit_test(it_stops_where_texts_of_times_end),
    };
    return cmocka_run_group_tests_name("sim clock", tests, NULL, NULL);
}
