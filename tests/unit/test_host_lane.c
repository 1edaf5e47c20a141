/* Lanes: the order in each, one at a time, and turns among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/lane.h"
#include <cmocka.h>

enum { MANY = 10000 };

static struct lanes lanes;

static int setup(void **state) {
    (void)state;
    lanes_init(&lanes);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    lanes_reset(&lanes);
    return 0;
}

static void push(uint64_t key, uint64_t seq) {
    assert_int_equal(lanes_push(&lanes, key, seq, NULL), 0);
}

static struct lane *take(uint64_t key, uint64_t seq) {
    uint64_t got = 0;
    struct lane *lane = lanes_take(&lanes, &got);

    assert_non_null(lane);
    assert_int_equal(lane->key, key);
    assert_int_equal(got, seq);
    return lane;
}

static void take_nothing(void) {
    uint64_t seq = 0;

    assert_null(lanes_take(&lanes, &seq));
}

static void hands_out_in_the_order_of_arrival(void **state) {
    (void)state;
    push(7, 1);
    push(7, 2);
    push(7, 3);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        lanes_release(&lanes, take(7, seq));
    }
    take_nothing();
    assert_int_equal(lanes_count(&lanes), 0);
}

static void has_one_event_of_a_lane_out_at_a_time(void **state) {
    (void)state;
    push(7, 1);
    struct lane *lane = take(7, 1);
    push(7, 2);
    take_nothing();
    assert_int_equal(lanes.queued, 1);
    lanes_release(&lanes, lane);
    lanes_release(&lanes, take(7, 2));
}

static void a_busy_lane_holds_up_no_other(void **state) {
    (void)state;
    push(7, 1);
    push(7, 2);
    push(8, 3);
    struct lane *busy = take(7, 1);
    struct lane *other = take(8, 3);
    take_nothing();
    lanes_release(&lanes, other);
    take_nothing();
    lanes_release(&lanes, busy);
    take(7, 2);
}

/* A lane with a thousand events does not keep those with one waiting. */
static void lanes_take_turns(void **state) {
    (void)state;
    push(1, 1);
    push(1, 2);
    push(1, 3);
    push(2, 4);
    push(3, 5);
    lanes_release(&lanes, take(1, 1));
    lanes_release(&lanes, take(2, 4));
    lanes_release(&lanes, take(3, 5));
    lanes_release(&lanes, take(1, 2));
    lanes_release(&lanes, take(1, 3));
}

static void what_was_put_back_is_first_again(void **state) {
    (void)state;
    push(7, 1);
    push(7, 2);
    lanes_put_back(&lanes, take(7, 1));
    assert_int_equal(lanes.queued, 2);
    lanes_release(&lanes, take(7, 1));
    lanes_release(&lanes, take(7, 2));
    push(7, 3);
    lanes_put_back(&lanes, take(7, 3)); /* the only one: also the last */
    push(7, 4);
    lanes_release(&lanes, take(7, 3));
    lanes_release(&lanes, take(7, 4));
    take_nothing();
}

static void a_lane_that_failed_to_begin_waits_its_turn(void **state) {
    (void)state;
    push(7, 1);
    push(8, 2);
    lanes_put_back(&lanes, take(7, 1));
    take(8, 2);
    take(7, 1);
}

static void lanes_come_and_go(void **state) {
    (void)state;
    push(0, 1); /* 0 is a key like any */
    struct lane *lane = take(0, 1);
    assert_int_equal(lanes_count(&lanes), 1);
    assert_int_equal(lanes.queued, 0);
    lanes_release(&lanes, lane);
    assert_int_equal(lanes_count(&lanes), 0);
    push(0, 2);
    take(0, 2);
}

static void there_may_be_many(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t key = 0; key < MANY; key++) {
            push(key << 32, round * MANY + key);
        }
    }
    assert_int_equal(lanes_count(&lanes), MANY);
    assert_int_equal(lanes.queued, 3 * MANY);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t key = 0; key < MANY; key++) {
            lanes_release(&lanes, take(key << 32, round * MANY + key));
        }
    }
    assert_int_equal(lanes_count(&lanes), 0);
    assert_int_equal(lanes.queued, 0);
}

/* With one out, one put back and one waiting: a leak would show under the sanitizers. */
static void can_be_dropped_as_they_are(void **state) {
    (void)state;
    push(1, 1);
    push(1, 2);
    push(2, 3);
    take(1, 1);
    lanes_put_back(&lanes, take(2, 3));
    lanes_reset(&lanes);
    assert_int_equal(lanes_count(&lanes), 0);
    assert_int_equal(lanes.queued, 0);
    take_nothing();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hands_out_in_the_order_of_arrival, setup, teardown),
        cmocka_unit_test_setup_teardown(has_one_event_of_a_lane_out_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_lane_holds_up_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_back_is_first_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_that_failed_to_begin_waits_its_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(there_may_be_many, setup, teardown),
        cmocka_unit_test_setup_teardown(can_be_dropped_as_they_are, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
