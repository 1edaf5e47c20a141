/* The loop's tasks: from other threads, in order, with no wake lost; and those of the turn's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "unit/loop_notes.h"

static void posted_tasks_keep_their_order(void **state) {
    (void)state;
    struct named_task tasks[5];
    for (int i = 0; i < 5; i++) {
        tasks[i] = (struct named_task){.name = (char)('a' + i)};
        loop_post(loop, &tasks[i].task, note_task);
    }
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(happened, "abcde");
    loop_post(loop, &tasks[1].task, note_task);
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(happened, "abcdeb");
}

enum { POSTERS = 4, POSTS = 5000 };

struct poster {
    pthread_t thread;
    struct counted_task {
        struct loop_task task;
        struct poster *poster;
        int number;
    } tasks[POSTS];
    int next;
};

static int posters_left;

static void count_task(struct loop_task *task) {
    struct counted_task *counted = CONTAINER_OF(task, struct counted_task, task);
    assert_int_equal(counted->number, counted->poster->next);
    if (++counted->poster->next == POSTS && --posters_left == 0) {
        loop_stop(loop);
    }
}

static void *post_all(void *context) {
    struct poster *poster = context;
    for (int i = 0; i < POSTS; i++) {
        poster->tasks[i] = (struct counted_task){.poster = poster, .number = i};
        loop_post(loop, &poster->tasks[i].task, count_task);
    }
    return NULL;
}

static void threads_post_at_once(void **state) {
    (void)state;
    static struct poster posters[POSTERS];
    posters_left = POSTERS;
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].next, POSTS);
    }
}

/* Each round trip needs a wake of its own: a lost one would hang here. */
struct echo {
    struct loop *there;
    struct loop_task ping;
    struct loop_task pong;
    int left;
};

static struct echo echo;

static void on_pong(struct loop_task *task);

static void on_ping(struct loop_task *task) {
    (void)task;
    loop_post(loop, &echo.pong, on_pong);
}

static void on_pong(struct loop_task *task) {
    (void)task;
    if (--echo.left > 0) {
        loop_post(echo.there, &echo.ping, on_ping);
        return;
    }
    loop_stop(echo.there);
    loop_stop(loop);
}

static void *run_there(void *unused) {
    (void)unused;
    loop_run(echo.there);
    return NULL;
}

static void no_wake_is_lost(void **state) {
    (void)state;
    pthread_t thread;
    echo = (struct echo){.there = loop_new(NULL), .left = 3000};
    assert_non_null(echo.there);
    assert_int_equal(pthread_create(&thread, NULL, run_there, NULL), 0);
    loop_post(echo.there, &echo.ping, on_ping);
    loop_run(loop);
    pthread_join(thread, NULL);
    loop_free(echo.there);
    assert_int_equal(echo.left, 0);
}

static struct named_task deferred[3] = {{.name = 'x'}, {.name = 'y'}, {.name = 'z'}};

static void defer_all(struct loop_task *task) {
    note_task(task);
    for (int i = 0; i < 3; i++) {
        loop_defer(loop, &deferred[i].task, note_task);
        loop_defer(loop, &deferred[0].task, note_task);
    }
}

static void deferred_tasks_run_once_at_the_end_of_the_turn(void **state) {
    (void)state;
    struct named_task first = {.name = '1'};
    struct named_task second = {.name = '2'};
    struct named_timer due = {.name = 't'};
    loop_timer_set(loop, &due.timer, 0, note_timer);
    loop_post(loop, &first.task, defer_all);
    loop_post(loop, &second.task, defer_all);
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(happened, "12txyz");
}

static void defer_again(struct loop_task *task) {
    loop_defer(loop, task, defer_again);
}

static void defer_x(struct loop_task *task) {
    note_task(task);
    loop_defer(loop, &deferred[0].task, note_task);
}

static void deferred_tasks_defer_tasks(void **state) {
    (void)state;
    struct named_task first = {.name = 'd'};
    loop_defer(loop, &first.task, defer_x);
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(happened, "dx");
    /* One that never ends: the loop goes on around it, without sleeping. */
    struct named_task endless = {.name = 'e'};
    struct loop_timer stop = {0};
    loop_defer(loop, &endless.task, defer_again);
    loop_timer_set(loop, &stop, clock_monotonic_ns() + CLOCK_NS_PER_MS, stop_timer);
    loop_run(loop);
    assert_true(endless.task.is_queued);
}

static void post_and_stop(struct loop_task *task) {
    (void)task;
    loop_post(loop, &deferred[1].task, defer_x);
    loop_stop(loop);
}

/* Posted when the turn has taken its posted tasks already. */
static void what_was_posted_before_the_stop_has_run(void **state) {
    (void)state;
    struct loop_task late_task = {0};
    struct loop_task first = {0};
    loop_defer(loop, &late_task, post_and_stop);
    loop_post(loop, &first, stop_task);
    loop_run(loop);
    assert_string_equal(happened, "yx");
}

/* The eventfd counts how often it was rung, and nobody else in this process has one. */
static unsigned long long count_rings(void) {
    unsigned long long rings = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char path[64];
        char line[128];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            unsigned long long count = 0;
            if (sscanf(line, "eventfd-count: %llx", &count) == 1) {
                rings += count;
            }
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    return rings;
}

static void many_posts_ring_once(void **state) {
    (void)state;
    static struct named_task tasks[100];
    memset(tasks, 0, sizeof tasks);
    for (int i = 0; i < 100; i++) {
        tasks[i].name = 'p';
        loop_post(loop, &tasks[i].task, note_task);
    }
    assert_int_equal(count_rings(), 1);
    loop_stop(loop);
    loop_run(loop);
    assert_int_equal(strlen(happened), 100);
    loop_post(loop, &tasks[0].task, note_task);
    assert_int_equal(count_rings(), 3);
    loop_stop(loop);
    loop_run(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(posted_tasks_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_post_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(no_wake_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_tasks_run_once_at_the_end_of_the_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_tasks_defer_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_posted_before_the_stop_has_run, setup, teardown),
        cmocka_unit_test_setup_teardown(many_posts_ring_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
