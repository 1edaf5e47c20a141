/* The breaker: what opens it, who may try, and what closes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/breaker.h"
#include <cmocka.h>

static struct loop *loop;
static struct breaker breaker;
static unsigned tries, all; /* how often it let one go, or all */

static void on_go(struct breaker *who, bool is_probe) {
    assert_ptr_equal(who, &breaker);
    tries += is_probe;
    all += !is_probe;
}

static int setup(void **state) {
    (void)state;
    tries = all = 0;
    loop = loop_new(NULL);
    breaker_init(&breaker, loop, "router", on_go, NULL);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    breaker_reset(&breaker);
    loop_free(loop);
    return 0;
}

static void note_failures(uint64_t run, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        breaker_note(&breaker, run, true);
    }
}

static void open_it(void) {
    note_failures(1, 3);
    note_failures(2, 1);
    note_failures(3, 1);
    assert_true(breaker_is_open(&breaker));
}

/* As if the pause had passed. */
static void end_pause(void) {
    assert_true(loop_timer_is_set(&breaker.timer));
    loop_timer_cancel(loop, &breaker.timer);
    breaker.timer.fire(&breaker.timer);
}

static int64_t pause_ms(void) {
    return (breaker.timer.at - clock_monotonic_ns() + CLOCK_NS_PER_MS / 2) / CLOCK_NS_PER_MS;
}

static void opens_after_five_failures_of_three_runs(void **state) {
    (void)state;
    note_failures(1, 3);
    note_failures(2, 10);
    assert_false(breaker_is_open(&breaker));
    assert_true(breaker_allows(&breaker, 9));
    note_failures(3, 1);
    assert_true(breaker_is_open(&breaker));
    assert_false(breaker_allows(&breaker, 9));
}

static void counts_failures_in_a_row_only(void **state) {
    (void)state;
    note_failures(1, 2);
    note_failures(2, 2);
    breaker_note(&breaker, 4, false);
    note_failures(3, 1);
    note_failures(1, 1);
    note_failures(2, 2);
    assert_false(breaker_is_open(&breaker));
    note_failures(2, 1);
    assert_true(breaker_is_open(&breaker));
}

static void one_run_may_try_after_the_pause(void **state) {
    (void)state;
    open_it();
    assert_false(breaker_allows(&breaker, 1));
    end_pause();
    assert_int_equal(tries, 1);
    assert_true(breaker_allows(&breaker, 4));
    assert_true(breaker_allows(&breaker, 4)); /* all that it asks for */
    assert_false(breaker_allows(&breaker, 5));
}

static void waits_longer_each_time(void **state) {
    (void)state;
    open_it();
    int64_t expected = BREAKER_FIRST_MS;
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(pause_ms(), expected - 900, expected);
        end_pause();
        assert_true(breaker_allows(&breaker, 4));
        note_failures(4, 1);
        assert_false(breaker_allows(&breaker, 4));
        expected = expected * 2 < BREAKER_MAX_MS ? expected * 2 : BREAKER_MAX_MS;
    }
    assert_in_range(pause_ms(), BREAKER_MAX_MS - 900, BREAKER_MAX_MS);
}

static void a_late_failure_is_not_the_one_that_tries(void **state) {
    (void)state;
    open_it();
    end_pause();
    assert_true(breaker_allows(&breaker, 4));
    note_failures(1, 20);
    assert_true(breaker_allows(&breaker, 4));
}

static void any_answer_lets_all_go_on(void **state) {
    (void)state;
    open_it();
    end_pause();
    assert_true(breaker_allows(&breaker, 4));
    breaker_note(&breaker, 4, false);
    assert_false(breaker_is_open(&breaker));
    assert_int_equal(all, 1);
    open_it();
    assert_in_range(pause_ms(), 100, BREAKER_FIRST_MS); /* as if for the first time */
    breaker_note(&breaker, 7, false);                   /* a late one */
    assert_false(breaker_is_open(&breaker));
    assert_int_equal(all, 2);
}

static void somebody_else_tries_when_the_first_does_not(void **state) {
    (void)state;
    open_it();
    end_pause();
    assert_true(breaker_allows(&breaker, 4));
    breaker_forget(&breaker, 5); /* is not concerned */
    assert_int_equal(tries, 1);
    breaker_forget(&breaker, 4);
    assert_int_equal(tries, 2);
    assert_true(breaker_allows(&breaker, 5));
}

static void somebody_else_tries_when_the_one_let_go_never_asks(void **state) {
    (void)state;
    open_it();
    end_pause();
    breaker_forget(&breaker, 6); /* it went without a call */
    assert_int_equal(tries, 2);
    end_pause(); /* and one that was never heard of again */
    assert_int_equal(tries, 3);
    assert_true(breaker_allows(&breaker, 7));
    end_pause(); /* this one still tries */
    assert_int_equal(tries, 3);
    assert_true(breaker_allows(&breaker, 7));
}

static void lets_nobody_go_while_it_is_open(void **state) {
    (void)state;
    open_it();
    breaker_forget(&breaker, 1);
    assert_int_equal(tries, 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_after_five_failures_of_three_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_failures_in_a_row_only, setup, teardown),
        cmocka_unit_test_setup_teardown(one_run_may_try_after_the_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_failure_is_not_the_one_that_tries, setup, teardown),
        cmocka_unit_test_setup_teardown(any_answer_lets_all_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_else_tries_when_the_first_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_else_tries_when_the_one_let_go_never_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(lets_nobody_go_while_it_is_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
