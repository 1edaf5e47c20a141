/* When a failed run is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/retry.h"
#include <cmocka.h>
#include <limits.h>

static const struct retry_policy usual = {.attempts = 20, .first_seconds = 1, .factor = 2, .max_seconds = 600};
static const int64_t second = 1000000;

static int64_t delay(unsigned attempt) {
    return retry_delay_us(&usual, attempt, 0, -1);
}

static void doubles_until_the_most(void **state) {
    (void)state;
    assert_int_equal(delay(1), second);
    assert_int_equal(delay(2), 2 * second);
    assert_int_equal(delay(3), 4 * second);
    assert_int_equal(delay(10), 512 * second);
    assert_int_equal(delay(11), 600 * second);
    assert_int_equal(delay(20), 600 * second);
}

static void stands_numbers_that_grow_out_of_reach(void **state) {
    struct retry_policy wild = {.first_seconds = 0, .factor = 1e300, .max_seconds = 5};

    (void)state;
    assert_int_equal(delay(UINT_MAX), 600 * second);
    assert_int_equal(delay(0), second);
    assert_int_equal(retry_delay_us(&wild, UINT_MAX, 0, -1), 5 * second); /* 0 times infinity */
}

static void takes_up_to_a_quarter_off(void **state) {
    (void)state;
    assert_int_equal(retry_delay_us(&usual, 3, 0.5, -1), 3500 * second / 1000);
    int64_t least = retry_delay_us(&usual, 3, 0.999999, -1);
    assert_true(least >= 3 * second && least < 3 * second + second / 1000);
}

static void never_comes_before_retry_after(void **state) {
    (void)state;
    assert_int_equal(retry_delay_us(&usual, 1, 0.9, 30), 30 * second);
    assert_int_equal(retry_delay_us(&usual, 11, 0, 30), 600 * second); /* the back-off is longer */
    assert_int_equal(retry_delay_us(&usual, 1, 0, 0), second);
}

/* What an upstream may write there is not bounded by anybody. */
static void a_retry_after_of_ages_does_not_overflow(void **state) {
    (void)state;
    int64_t longest = retry_delay_us(&usual, 1, 0, INT64_MAX);
    assert_true(longest > 600 * second);
    assert_true(longest < INT64_MAX / 1000); /* it is multiplied to nanoseconds */
}

static void a_constant_pause_stays_one(void **state) {
    struct retry_policy even = {.first_seconds = 0.25, .factor = 1, .max_seconds = 600};

    (void)state;
    assert_int_equal(retry_delay_us(&even, 1, 0, -1), second / 4);
    assert_int_equal(retry_delay_us(&even, 19, 0, -1), second / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_until_the_most),
        cmocka_unit_test(stands_numbers_that_grow_out_of_reach),
        cmocka_unit_test(takes_up_to_a_quarter_off),
        cmocka_unit_test(never_comes_before_retry_after),
        cmocka_unit_test(a_retry_after_of_ages_does_not_overflow),
        cmocka_unit_test(a_constant_pause_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
