/* From the store into the lanes, a window of the backlog at a time. The host here is one without workers: the test
 * takes events off their lanes itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/conductor.h"
#include "unit/store_kit.h"
#include <cmocka.h>
#include <sched.h>

enum { WINDOW = 10, SEQ_MAX = 1000 };

struct taken {
    struct lane *lane;
    uint64_t seq;
    bool has_copy;
};

static struct host *host;
static uint64_t last_of_lane[SEQ_MAX]; /* by lane */
static unsigned times[SEQ_MAX];        /* by seq: how often it came up */
static unsigned made;
static _Atomic unsigned done;

static int setup(void **state) {
    if (kit_setup(state) < 0) {
        return -1;
    }
    struct kit *kit = *state;
    memset(last_of_lane, 0, sizeof last_of_lane);
    memset(times, 0, sizeof times);
    made = 0;
    host = calloc(1, sizeof *host);
    host->loop = loop_new(NULL);
    host->store = store_open(kit->path, NULL);
    host->reader = store_reader_new(host->store, NULL);
    lanes_init(&host->lanes);
    list_init(&host->ready_runs);
    list_init(&host->due_waiters);
    if (intake_start(host, NULL) < 0) {
        return -1;
    }
    host->window = host->window_limit = WINDOW;
    return 0;
}

/* Everything that was posted to the loop happens. */
static void turn(void) {
    loop_stop(host->loop);
    loop_run(host->loop);
}

static int teardown(void **state) {
    turn();
    store_reader_free(host->reader);
    store_close(host->store);
    turn();
    lanes_reset(&host->lanes);
    loop_free(host->loop);
    free(host);
    return kit_teardown(state);
}

static void append(uint64_t lane) {
    struct kit_event event;
    char id[32];
    snprintf(id, sizeof id, "e%u", ++made);
    kit_event(&event, id, "j", "words");
    event.event.lane = lane;
    assert_int_equal(kit_append(host->store, &event.event), ERROR_NONE);
}

static void scan(void) {
    assert_int_equal(intake_scan(host, NULL), 0);
    turn();
}

/* As when it is begun: a copy goes to its work. */
static bool take(struct taken *taken) {
    taken->lane = lanes_take(&host->lanes, &taken->seq);
    if (taken->lane == NULL) {
        return false;
    }
    taken->has_copy = taken->lane->taken->copy != NULL;
    if (taken->has_copy) {
        intake_release(host, taken->lane->taken->copy);
        free(taken->lane->taken->copy);
        taken->lane->taken->copy = NULL;
    }
    assert_true(taken->seq < SEQ_MAX && taken->lane->key < SEQ_MAX);
    assert_true(taken->seq > last_of_lane[taken->lane->key]);
    last_of_lane[taken->lane->key] = taken->seq;
    times[taken->seq]++;
    return true;
}

/* As when a run of it is over. */
static void finish(struct taken *taken) {
    lanes_release(&host->lanes, taken->lane);
    intake_refill(host);
}

static void finish_all(void) {
    struct taken taken;
    intake_refill(host);
    while (take(&taken)) {
        finish(&taken);
        turn();
    }
}

static void assert_each_once(void) {
    for (unsigned seq = 1; seq <= made; seq++) {
        if (times[seq] != 1) {
            fail_msg("event %u came up %u times", seq, times[seq]);
        }
    }
}

static void takes_up_a_window_at_a_time(void **state) {
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        append(1 + i % 7);
    }
    scan();
    assert_int_equal(host->lanes.queued, WINDOW);
    assert_true(host->has_more);
    struct taken taken;
    while (take(&taken)) {
        assert_true(host->lanes.queued < 2 * WINDOW);
        finish(&taken);
    }
    assert_false(host->has_more);
    assert_each_once();
}

static void nothing_is_lost_or_doubled_by_what_arrives_meanwhile(void **state) {
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        append(1 + i % 7);
    }
    scan();
    struct taken taken;
    for (unsigned i = 0; take(&taken); i++) {
        if (i % 2 == 0) {
            append(1 + i % 7); /* told of after the refill, */
        }
        if (i % 3 == 0) {
            append(1 + i % 5);
            turn(); /* or before */
        }
        finish(&taken);
        if (made > 400) {
            break;
        }
    }
    finish_all();
    turn();
    finish_all();
    assert_each_once();
}

static void lanes_that_wait_hold_up_no_other(void **state) {
    (void)state;
    struct taken held[2];
    append(1);
    append(2);
    scan();
    assert_true(take(&held[0]) && take(&held[1]));
    for (unsigned i = 0; i < 5 * WINDOW; i++) {
        append(1 + i % 2);
    }
    append(3);
    append(4);
    struct taken taken;
    unsigned found = 0;
    for (unsigned turns = 0; found < 2 && turns < 20; turns++) {
        turn();
        if (take(&taken)) {
            assert_true(taken.lane->key > 2);
            finish(&taken);
            found++;
        }
    }
    assert_int_equal(found, 2);
    finish(&held[0]);
    finish(&held[1]);
    finish_all();
    assert_each_once();
}

static void one_that_is_queued_again_comes_up_once(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3 * WINDOW; i++) {
        append(1);
    }
    scan();
    intake_again(host, 3 * WINDOW, 1); /* not read yet: the scan will find it */
    finish_all();
    assert_each_once();
    intake_again(host, 5, 2); /* over, and queued again: at the tail of a lane */
    struct taken taken;
    assert_true(take(&taken));
    assert_int_equal(taken.seq, 5);
    finish(&taken);
}

static void what_is_told_of_comes_with_a_copy(void **state) {
    (void)state;
    struct taken taken;
    append(3);
    turn();
    assert_true(atomic_load(&host->copied) > 0);
    assert_true(take(&taken));
    assert_true(taken.has_copy);
    assert_int_equal(atomic_load(&host->copied), 0);
    finish(&taken);
    intake_again(host, 1, 4); /* it may have another state by now: the store knows */
    assert_true(take(&taken));
    assert_false(taken.has_copy);
    finish(&taken);
}

static void count_done(struct store_work *work) {
    (void)work;
    done++;
}

/* The loop is told once, and wakes once. */
static void deliveries_of_a_commit_are_one_task(void **state) {
    (void)state;
    enum { DELIVERIES = 3 };
    struct kit_event events[DELIVERIES];
    struct store_work works[DELIVERIES];
    struct loop_task *task;
    char id[32];
    for (unsigned i = 0; i < DELIVERIES; i++) {
        snprintf(id, sizeof id, "e%u", ++made);
        kit_event(&events[i], id, "j", "words");
        events[i].event.lane = i;
        works[i] = (struct store_work){
            .verb = STORE_APPEND, .append = {&events[i].event, 1, KIT_NOW_US}, .done = count_done};
        works[i].next = i + 1 < DELIVERIES ? &works[i + 1] : NULL;
    }
    done = 0;
    store_submit_all(host->store, works);
    while (done < DELIVERIES) {
        sched_yield();
    }
    task = loop_take_posted(host->loop);
    assert_non_null(task);
    assert_null(loop_take_posted(host->loop));
    task->run(task);
    assert_int_equal(host->lanes.queued, DELIVERIES);
    turn();
    finish_all();
    assert_each_once();
}

static void what_a_scan_finds_has_no_copy(void **state) {
    (void)state;
    struct taken taken;
    append(1);
    scan(); /* before the loop is told */
    turn();
    assert_int_equal(atomic_load(&host->copied), 0);
    assert_true(take(&taken));
    assert_false(taken.has_copy);
    finish(&taken);
    assert_each_once();
}

static void copies_are_bounded_and_the_others_come_up_too(void **state) {
    (void)state;
    struct taken taken;
    unsigned copies = 0;
    append(1);
    turn();
    size_t one = atomic_load(&host->copied);
    assert_true(take(&taken));
    finish(&taken);
    host->copy_limit = 3 * one;
    for (unsigned i = 0; i < 3 * WINDOW; i++) {
        append(1 + i % 7);
        assert_true(atomic_load(&host->copied) < 4 * one + one / 2);
    }
    turn();
    for (intake_refill(host); take(&taken); finish(&taken)) {
        copies += taken.has_copy;
    }
    assert_in_range(copies, 2, 4);
    assert_each_once();
    assert_int_equal(atomic_load(&host->copied), 0);
    append(2); /* there is room again */
    turn();
    assert_true(take(&taken));
    assert_true(taken.has_copy);
    finish(&taken);
}

/* Behind the window, and when nobody runs the loop any more. */
static void copies_that_no_lane_takes_are_freed(void **state) {
    (void)state;
    struct loop_task *task;
    for (unsigned i = 0; i < WINDOW; i++) {
        append(1 + i);
    }
    turn();
    size_t copied = atomic_load(&host->copied);
    append(1);
    turn();
    assert_true(host->has_more);
    assert_int_equal(atomic_load(&host->copied), copied);
    append(2);
    while ((task = loop_take_posted(host->loop)) != NULL) {
        assert_true(intake_drop(task));
    }
    assert_int_equal(atomic_load(&host->copied), copied);
    finish_all();
    assert_each_once();
}

/* The point host.admit stands for an allocation that fails. */
static void what_could_not_be_told_is_counted_and_found(void **state) {
    (void)state;
#ifndef SWITCHHOOK_FAULTS
    skip();
#endif
    for (unsigned i = 0; i < 5; i++) {
        append(1 + i);
    }
    assert_int_equal(atomic_load(&host->queued), 5);
    turn();
    finish_all();
    assert_true(loop_timer_is_set(&host->rescan));
    loop_timer_set(host->loop, &host->rescan, 0, host->rescan.fire);
    turn();
    finish_all();
    assert_each_once();
}

static void a_restart_takes_up_what_is_open(void **state) {
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        append(1 + i % 3);
    }
    turn();
    finish_all();
    assert_each_once();
    /* Nothing was changed in the store: to another host all are open. */
    memset(times, 0, sizeof times);
    memset(last_of_lane, 0, sizeof last_of_lane);
    host->highest_seq = 0;
    scan();
    finish_all();
    assert_each_once();
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_could_not_be_told_is_counted_and_found, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_up_a_window_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_lost_or_doubled_by_what_arrives_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_that_wait_hold_up_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_of_comes_with_a_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(deliveries_of_a_commit_are_one_task, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_scan_finds_has_no_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_are_bounded_and_the_others_come_up_too, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_that_no_lane_takes_are_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_queued_again_comes_up_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_takes_up_what_is_open, setup, teardown),
    };
    setenv("SWITCHHOOK_FAULT", "host.admit:3:fail", 1); /* in the first test */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
