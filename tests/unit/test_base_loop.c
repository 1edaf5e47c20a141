/* The loop: watches that go away while it runs, timers in order, work from other threads, and its sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* One test's things: callbacks have no other way to them. */
static struct loop *loop;
static char happened[256];

static int setup(void **state) {
    (void)state;
    happened[0] = '\0';
    loop = loop_new(NULL);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    loop_free(loop);
    return 0;
}

static void note(char what) {
    size_t length = strlen(happened);
    assert_true(length + 1 < sizeof happened);
    happened[length] = what;
    happened[length + 1] = '\0';
}

struct named_timer {
    struct loop_timer timer;
    char name;
};

struct named_task {
    struct loop_task task;
    char name;
};

struct pair {
    struct loop_watch watch;
    int near;
    int far;
    char name;
    struct pair *other;
};

static void note_timer(struct loop_timer *timer) {
    note(CONTAINER_OF(timer, struct named_timer, timer)->name);
}

static void stop_timer(struct loop_timer *timer) {
    (void)timer;
    loop_stop(loop);
}

static void note_task(struct loop_task *task) {
    note(CONTAINER_OF(task, struct named_task, task)->name);
}

static void stop_task(struct loop_task *task) {
    (void)task;
    loop_stop(loop);
}

static void open_pair(struct pair *pair, char name) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    *pair = (struct pair){.near = ends[0], .far = ends[1], .name = name, .watch = {.fd = -1}};
}

static void close_pair(struct pair *pair) {
    loop_unwatch(loop, &pair->watch);
    close(pair->near);
    close(pair->far);
}

static void timers_fire_in_order(void **state) {
    (void)state;
    static const char order[] = "gcahbfed";
    struct named_timer timers[8];
    struct named_timer cancelled = {.name = '!'};
    struct loop_timer stop = {0};
    int64_t now = clock_monotonic_ns();
    for (int i = 0; i < 8; i++) {
        timers[i] = (struct named_timer){.name = order[i]};
        assert_int_equal(loop_timer_set(loop, &timers[i].timer, now + (order[i] - 'a') * 100000, note_timer), 0);
        assert_true(loop_timer_is_set(&timers[i].timer));
    }
    assert_int_equal(loop_timer_set(loop, &cancelled.timer, now + 50000, note_timer), 0);
    assert_int_equal(loop_timer_set(loop, &stop, now + 900000, stop_timer), 0);
    loop_timer_cancel(loop, &cancelled.timer);
    loop_timer_cancel(loop, &cancelled.timer);
    loop_run(loop);
    assert_string_equal(happened, "abcdefgh");
    assert_false(loop_timer_is_set(&timers[0].timer));
    assert_true(loop_now(loop) >= now + 900000);
}

/* Sets, moves and cancels at random; what is left must come out sorted, none too early. */
static int64_t last_at;
static size_t fired;

static void check_order(struct loop_timer *timer) {
    assert_true(timer->at >= last_at);
    assert_true(timer->at <= loop_now(loop));
    assert_false(loop_timer_is_set(timer));
    last_at = timer->at;
    fired++;
}

static void many_timers_keep_their_order(void **state) {
    (void)state;
    enum { TIMERS = 2000 };
    static struct loop_timer timers[TIMERS];
    struct loop_timer stop = {0};
    uint64_t chance = 42;
    int64_t now = clock_monotonic_ns();
    memset(timers, 0, sizeof timers);
    last_at = 0;
    fired = 0;
    for (int step = 0; step < 10 * TIMERS; step++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        struct loop_timer *timer = &timers[(chance >> 33) % TIMERS];
        if ((chance >> 50) % 4 == 0) {
            loop_timer_cancel(loop, timer);
        } else {
            int64_t at = now + (int64_t)((chance >> 20) % 5000000);
            assert_int_equal(loop_timer_set(loop, timer, at, check_order), 0);
        }
    }
    size_t left = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        left += loop_timer_is_set(&timers[i]) ? 1 : 0;
    }
    assert_int_equal(loop_timer_set(loop, &stop, now + 6000000, stop_timer), 0);
    loop_run(loop);
    assert_int_equal(fired, left);
    assert_true(left > TIMERS / 2);
}

static struct named_timer late = {.name = 'l'};

static void move_and_cancel(struct loop_timer *timer) {
    static int count;
    note('m');
    loop_timer_cancel(loop, &late.timer);
    if (++count < 3) {
        loop_timer_set(loop, timer, 0, move_and_cancel);
    }
}

static void timers_change_timers(void **state) {
    (void)state;
    struct loop_timer mover = {0};
    struct loop_timer stop = {0};
    int64_t now = clock_monotonic_ns();
    loop_timer_set(loop, &mover, now - 2, move_and_cancel);
    loop_timer_set(loop, &late.timer, now - 1, note_timer);
    loop_timer_set(loop, &stop, now + CLOCK_NS_PER_MS, stop_timer);
    loop_run(loop);
    assert_string_equal(happened, "mmm");
}

static void always_again(struct loop_timer *timer) {
    loop_timer_set(loop, timer, 0, always_again);
}

static void a_timer_that_never_rests_starves_nobody(void **state) {
    (void)state;
    struct loop_timer greedy = {0};
    struct loop_task stop = {0};
    loop_timer_set(loop, &greedy, 0, always_again);
    loop_post(loop, &stop, stop_task);
    loop_run(loop);
    assert_true(loop_timer_is_set(&greedy));
}

static void on_ready(struct loop_watch *watch, uint32_t events) {
    struct pair *pair = CONTAINER_OF(watch, struct pair, watch);
    char byte;
    assert_true((events & EPOLLIN) != 0);
    assert_int_equal(read(pair->near, &byte, 1), 1);
    note(pair->name);
    if (byte == '.') {
        loop_stop(loop);
    }
}

static void watches_tell_of_what_is_ready(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair, 'r');
    assert_int_equal(loop_watch(loop, &pair.watch, pair.near, EPOLLIN, on_ready, NULL), 0);
    assert_int_equal(write(pair.far, "ab.", 3), 3);
    loop_run(loop);
    assert_string_equal(happened, "rrr");
    loop_unwatch(loop, &pair.watch);
    assert_int_equal(pair.watch.fd, -1);
    loop_unwatch(loop, &pair.watch);
    close_pair(&pair);
}

static void what_cannot_be_watched_is_an_error(void **state) {
    (void)state;
    struct error error = {0};
    struct loop_watch watch = {.fd = -1};
    assert_int_equal(loop_watch(loop, &watch, -1, EPOLLIN, on_ready, &error), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(watch.fd, -1);
    struct loop_watch zeros = {0};
    loop_unwatch(loop, &zeros);
}

/* Whichever of two ready watches comes first removes the other, and its memory with it. */
static struct pair *survivor;

static void remove_other(struct loop_watch *watch, uint32_t events) {
    (void)events;
    struct pair *pair = CONTAINER_OF(watch, struct pair, watch);
    note(pair->name);
    if (pair->other != NULL) {
        close_pair(pair->other);
        free(pair->other);
        pair->other = NULL;
        survivor = pair;
    }
    loop_stop(loop);
}

static void a_removed_watch_hears_no_more(void **state) {
    (void)state;
    struct pair *pairs[2] = {malloc(sizeof **pairs), malloc(sizeof **pairs)};
    for (int i = 0; i < 2; i++) {
        assert_non_null(pairs[i]);
        open_pair(pairs[i], 'w');
        assert_int_equal(loop_watch(loop, &pairs[i]->watch, pairs[i]->near, EPOLLIN, remove_other, NULL), 0);
        assert_int_equal(write(pairs[i]->far, "x", 1), 1);
    }
    pairs[0]->other = pairs[1];
    pairs[1]->other = pairs[0];
    loop_run(loop);
    assert_string_equal(happened, "w");
    close_pair(survivor);
    free(survivor);
}

static void remove_self(struct loop_watch *watch, uint32_t events) {
    (void)events;
    struct pair *pair = CONTAINER_OF(watch, struct pair, watch);
    note(pair->name);
    close_pair(pair);
    free(pair);
    loop_stop(loop);
}

static void a_watch_may_remove_itself(void **state) {
    (void)state;
    struct pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    open_pair(pair, 's');
    assert_int_equal(loop_watch(loop, &pair->watch, pair->near, EPOLLIN, remove_self, NULL), 0);
    assert_int_equal(write(pair->far, "x", 1), 1);
    loop_run(loop);
    assert_string_equal(happened, "s");
}

/* Whichever comes first is no longer interested in the other's events. */
static void ignore_other(struct loop_watch *watch, uint32_t events) {
    struct pair *pair = CONTAINER_OF(watch, struct pair, watch);
    assert_int_equal(events, EPOLLIN);
    note(pair->name);
    assert_int_equal(loop_rewatch(loop, &pair->other->watch, 0, NULL), 0);
    loop_stop(loop);
}

static void rewatch_counts_at_once(void **state) {
    (void)state;
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        open_pair(&pairs[i], 'i');
        assert_int_equal(loop_watch(loop, &pairs[i].watch, pairs[i].near, EPOLLIN, ignore_other, NULL), 0);
        assert_int_equal(write(pairs[i].far, "x", 1), 1);
    }
    pairs[0].other = &pairs[1];
    pairs[1].other = &pairs[0];
    loop_run(loop);
    assert_string_equal(happened, "i");
    close_pair(&pairs[0]);
    close_pair(&pairs[1]);
}

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

static void the_loop_sleeps(void **state) {
    (void)state;
    struct loop_timer stop = {0};
    struct loop_timer early = {0};
    struct rusage before;
    struct rusage after;
    int64_t at = clock_monotonic_ns() + 50 * CLOCK_NS_PER_MS;
    assert_int_equal(getrusage(RUSAGE_THREAD, &before), 0);
    loop_timer_set(loop, &stop, at, stop_timer);
    loop_timer_set(loop, &early, at - 40 * CLOCK_NS_PER_MS, stop_timer);
    loop_timer_cancel(loop, &early);
    loop_run(loop);
    assert_int_equal(getrusage(RUSAGE_THREAD, &after), 0);
    assert_true(loop_now(loop) >= at);
    /* Once for the timer, and a few for what the machine does besides; a loop that polls each millisecond has 50. */
    assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
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
        cmocka_unit_test_setup_teardown(timers_fire_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(many_timers_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_change_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_that_never_rests_starves_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(watches_tell_of_what_is_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_watched_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_watch_hears_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_may_remove_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(rewatch_counts_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(posted_tasks_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_post_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(no_wake_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_tasks_run_once_at_the_end_of_the_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_tasks_defer_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_posted_before_the_stop_has_run, setup, teardown),
        cmocka_unit_test_setup_teardown(the_loop_sleeps, setup, teardown),
        cmocka_unit_test_setup_teardown(many_posts_ring_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_posted_before_the_stop_has_run, setup, teardown),
        cmocka_unit_test_setup_teardown(the_loop_sleeps, setup, teardown),
        cmocka_unit_test_setup_teardown(many_posts_ring_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
