/* Works that wait for long leave memory, and come back when it is time. The host here is one without workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/conductor.h"
#include "host/waiter.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { SEQ = 5 };

static struct host *host;
static struct work *work;

/* An event with two runs, both over, which holds its lane. */
static int setup(void **state) {
    uint64_t seq = 0;
    (void)state;
    host = calloc(1, sizeof *host);
    host->loop = loop_new(NULL);
    lanes_init(&host->lanes);
    map_init(&host->runs);
    list_init(&host->works);
    list_init(&host->ready_runs);
    list_init(&host->paused_runs);
    list_init(&host->postponed);
    list_init(&host->waiters);
    list_init(&host->postponed_waiters);
    list_init(&host->paused_waiters);
    list_init(&host->due_waiters);
    work = calloc(1, sizeof *work);
    *work = (struct work){.host = host, .seq = SEQ, .run_count = 2};
    work->runs = calloc(work->run_count, sizeof *work->runs);
    for (unsigned i = 0; i < work->run_count; i++) {
        work->runs[i] = (struct run){.work = work, .id = store_run_id(SEQ, i), .state = RUN_OVER};
        list_init(&work->runs[i].steps);
    }
    list_append(&host->works, &work->in_host);
    if (lanes_push(&host->lanes, 1, SEQ, NULL) < 0 || lanes_push(&host->lanes, 1, SEQ + 1, NULL) < 0) {
        return -1;
    }
    work->lane = lanes_take(&host->lanes, &seq);
    return host->loop == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    LIST_EACH (&host->works, node) {
        work_free(CONTAINER_OF(node, struct work, in_host));
    }
    waiter_free_all(host);
    lanes_reset(&host->lanes);
    map_reset(&host->runs);
    loop_free(host->loop);
    free(host);
    return 0;
}

static struct run *waits(unsigned number, double seconds) {
    struct run *run = &work->runs[number];
    run->state = RUN_WAITING;
    run->due_us = clock_wall_us() + (int64_t)(seconds * 1e6);
    return run;
}

static void postpone(unsigned number) {
    struct run *run = waits(number, -1);
    run->is_postponed = true;
    list_append(&host->postponed, &run->in_ready);
}

static void set_aside(unsigned number) {
    struct run *run = waits(number, -1);
    run->is_set_aside = true;
    list_append(&host->paused_runs, &run->in_ready);
}

static void assert_replaced(struct list *list) {
    struct lane *lane = work->lane;
    uint64_t seq = 0;

    assert_true(waiter_replace(work));
    assert_true(list_is_empty(&host->works));
    assert_int_equal(host->waiter_count, 1);
    struct waiter *waiter = CONTAINER_OF(list_first(list), struct waiter, in_list);
    assert_int_equal(waiter->seq, SEQ);
    assert_ptr_equal(waiter->lane, lane);
    assert_null(lanes_take(&host->lanes, &seq)); /* it still holds its lane */
}

static void assert_stays(void) {
    assert_false(waiter_replace(work));
    assert_int_equal(host->waiter_count, 0);
    assert_ptr_equal(list_first(&host->works), &work->in_host);
}

static void a_long_wait_leaves_memory(void **state) {
    (void)state;
    waits(1, 3600);
    assert_replaced(&host->waiters);
}

static void the_earliest_of_two_counts(void **state) {
    (void)state;
    waits(0, 3600);
    waits(1, 10);
    assert_replaced(&host->waiters);
    struct waiter *waiter = CONTAINER_OF(list_first(&host->waiters), struct waiter, in_list);
    assert_true(waiter->timer.at <= clock_monotonic_ns() + 10 * CLOCK_NS_PER_S);
}

static void a_short_wait_stays(void **state) {
    (void)state;
    waits(0, 3600);
    waits(1, 0.5);
    assert_stays();
}

static void one_that_is_still_busy_stays(void **state) {
    (void)state;
    waits(0, 3600);
    work->runs[1].state = RUN_SAVING;
    assert_stays();
    work->runs[1].state = RUN_OVER;
    work->runs[0].unsettled = 1;
    assert_stays();
    work->runs[0].unsettled = 0;
    assert_replaced(&host->waiters);
}

static void two_things_to_wait_for_stay(void **state) {
    (void)state;
    waits(0, 3600);
    postpone(1);
    assert_stays();
}

static void a_pause_and_the_breaker_are_two_things(void **state) {
    (void)state;
    set_aside(0);
    postpone(1);
    assert_stays();
}

static void goes_on_with_the_breaker(void **state) {
    (void)state;
    postpone(0);
    assert_replaced(&host->postponed_waiters);
    waiter_release_paused(host);
    assert_true(list_is_empty(&host->due_waiters));
    waiter_release(host, NULL, false);
    assert_false(list_is_empty(&host->due_waiters));
}

static void goes_on_when_its_handler_is_resumed(void **state) {
    (void)state;
    set_aside(0);
    assert_replaced(&host->paused_waiters);
    waiter_release(host, NULL, true);
    assert_true(list_is_empty(&host->due_waiters));
    waiter_release_paused(host);
    assert_false(list_is_empty(&host->due_waiters));
}

static void the_breaker_lets_one_go_or_all(void **state) {
    (void)state;
    postpone(0);
    postpone(1);
    waiter_release(host, NULL, false);
    assert_int_equal(work->runs[0].state, RUN_READY);
    assert_int_equal(work->runs[1].state, RUN_WAITING);
    waiter_release(host, NULL, true);
    assert_int_equal(work->runs[1].state, RUN_READY);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_wait_leaves_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(the_earliest_of_two_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_wait_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_still_busy_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(two_things_to_wait_for_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_and_the_breaker_are_two_things, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_on_with_the_breaker, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_on_when_its_handler_is_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_breaker_lets_one_go_or_all, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
