/* The loop: timers in order, watches that go away while it runs, and its sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include <cmocka.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/loop_notes.h"

struct pair {
    struct loop_watch watch;
    int near;
    int far;
    char name;
    struct pair *other;
};

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
    /* Once for the timer, and a few for what the machine does besides; polling each millisecond would make 50. */
    assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
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
        cmocka_unit_test_setup_teardown(the_loop_sleeps, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
