/* Timers, which raise their event once, and replays, which queue what was given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_asserts.h"

static struct store_timer timer_of(uint64_t id, int64_t due_us) {
    return (struct store_timer){.id = id,
                                .due_us = due_us,
                                .lane = UINT64_MAX,
                                .type = slice_of("later"),
                                .raw = slice_of("{\"id\":\"t\"}")};
}

struct timing {
    struct store_timer *timer;
    uint64_t cancel;
    struct buffer answer;
    bool is_error;
};

static enum error_code change(struct store *store, struct timing *timing, uint32_t number) {
    struct store_run run = {.id = store_run_id(1, 0)};
    struct store_step step = {.run = run.id, .number = number};
    return kit_do(store, (struct store_work){.verb = STORE_CHANGE,
                                             .change = {.fence = store_fence(store),
                                                        .seq = 1,
                                                        .event_state = STORE_STATE_KEPT,
                                                        .runs = &run,
                                                        .run_count = 1,
                                                        .step = &step,
                                                        .timer = timing->timer,
                                                        .cancel = timing->cancel,
                                                        .answer = &timing->answer,
                                                        .is_error = &timing->is_error}});
}

static enum error_code add(struct store *store, uint64_t id, int64_t due_us) {
    struct store_timer timer = timer_of(id, due_us);
    struct timing timing = {.timer = &timer};
    return change(store, &timing, (uint32_t)id);
}

static void cancel(struct store *store, uint64_t id, uint32_t number, const char *answer) {
    struct timing timing = {.cancel = id, .is_error = true};
    buffer_init(&timing.answer, 16);
    assert_int_equal(change(store, &timing, number), ERROR_NONE);
    assert_false(timing.is_error);
    assert_slice(buffer_slice(&timing.answer), answer);
    buffer_reset(&timing.answer);
}

struct timers {
    uint64_t ids[8];
    size_t count, most;
};

static int note_timer(void *context, const struct store_timer *timer) {
    struct timers *timers = context;
    assert_true(timer->lane == UINT64_MAX);
    assert_slice(timer->type, "later");
    assert_slice(timer->raw, "{\"id\":\"t\"}");
    timers->ids[timers->count++] = timer->id;
    return timers->count == timers->most ? -1 : 0;
}

static struct timers timers_before(struct store *store, int64_t before_us, size_t most) {
    struct timers timers = {.most = 8};
    struct store_reader *reader = reader_of(store);
    assert_int_equal(store_each_timer(reader, before_us, most, note_timer, &timers, NULL), 0);
    store_reader_free(reader);
    return timers;
}

static int64_t next_of(struct store *store) {
    int64_t due_us = -1;
    struct store_reader *reader = reader_of(store);
    assert_int_equal(store_next_timer(reader, &due_us, NULL), 0);
    store_reader_free(reader);
    return due_us;
}

static void timers_come_the_earliest_first(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    assert_int_equal(next_of(store), 0);
    assert_int_equal(add(store, 1, 300), ERROR_NONE);
    assert_int_equal(add(store, 2, 200), ERROR_NONE);
    assert_int_equal(add(store, 3, 100), ERROR_NONE);
    assert_int_equal(next_of(store), 100);
    assert_int_equal(add(store, 3, 5), ERROR_INVALID); /* its number is taken */
    store_close(store);
    store = open_kit(*state);
    struct timers timers = timers_before(store, 300, 10);
    assert_int_equal(timers.count, 2);
    assert_int_equal(timers.ids[0], 3);
    assert_int_equal(timers.ids[1], 2);
    assert_int_equal(timers_before(store, 301, 10).count, 3);
    assert_int_equal(timers_before(store, 301, 1).count, 1);
    assert_int_equal(timers_before(store, 100, SIZE_MAX).count, 0);
    check_store(store);
    store_close(store);
}

static void a_timer_is_cancelled_once(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    assert_int_equal(add(store, 1, 300), ERROR_NONE);
    cancel(store, 9, 10, "false");
    cancel(store, 1, 11, "true");
    cancel(store, 1, 12, "false");
    assert_int_equal(next_of(store), 0);
    struct timing mute = {.cancel = 1};
    assert_int_equal(kit_do(store, (struct store_work){.verb = STORE_CHANGE,
                                                       .change = {.fence = store_fence(store),
                                                                  .seq = 1,
                                                                  .event_state = STORE_STATE_KEPT,
                                                                  .cancel = mute.cancel}}),
                     ERROR_INVALID); /* nowhere to put the answer */
    store_close(store);
}

static void raise(struct store *store, struct kit_event *made, uint64_t timer, const char *id) {
    kit_event(made, id, "j", "x");
    uint64_t timers[] = {timer};
    assert_int_equal(
        kit_do(store,
               (struct store_work){
                   .verb = STORE_APPEND,
                   .append = {.events = &made->event, .count = 1, .received_us = KIT_NOW_US, .timers = timers}}),
        ERROR_NONE);
}

static void a_timer_raises_its_event_once(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made;
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    assert_int_equal(add(store, 1, 300), ERROR_NONE);
    assert_int_equal(add(store, 2, 300), ERROR_NONE);
    raise(store, &made, 1, "later");
    assert_false(made.event.is_duplicate);
    assert_int_equal(made.event.seq, 2);
    raise(store, &made, 1, "later, with another name");
    assert_true(made.event.is_duplicate);
    cancel(store, 2, 9, "true");
    raise(store, &made, 2, "cancelled");
    assert_true(made.event.is_duplicate);
    assert_int_equal(totals_of(store).events, 2);
    assert_int_equal(timers_before(store, INT64_MAX, 8).count, 0);
    check_store(store);
    store_close(store);
}

enum { RUNS = 4 };

/* Event 1 with a parked run a.lua, a done run b.lua, a parked run c.lua and a filtered one, each with two steps. */
static struct store *parked(const struct kit *kit) {
    struct store *store = open_kit(kit);
    static const uint8_t script[STORE_DIGEST_SIZE] = {3};
    static const enum store_state states[RUNS] = {STORE_PARKED, STORE_DONE, STORE_PARKED, STORE_DONE};
    static const char *const handlers[RUNS] = {"a.lua", "b.lua", "c.lua", "d.lua"};
    assert_int_equal(kit_append_many(store, 1, 3), ERROR_NONE);
    for (unsigned i = 0; i < RUNS; i++) {
        struct store_run run = {
            .id = store_run_id(1, i),
            .state = states[i],
            .handler = slice_of(handlers[i]),
            .script = script,
            .attempt = 8,
            .kills = 2,
            .due_us = 4,
            .started_us = 5,
            .finished_us = 6,
            .result = slice_of("error"),
            .reason = slice_of("a bug"),
            .traceback = slice_of("line 1"),
        };
        for (uint32_t number = 1; number <= 2; number++) {
            struct store_step step = {.run = run.id, .number = number};
            assert_int_equal(kit_do(store, (struct store_work){.verb = STORE_CHANGE,
                                                               .change = {.fence = store_fence(store),
                                                                          .seq = 1,
                                                                          .event_state = STORE_PARKED,
                                                                          .runs = &run,
                                                                          .run_count = 1,
                                                                          .step = &step}}),
                             ERROR_NONE);
        }
    }
    assert_int_equal(totals_of(store).open, 2);
    return store;
}

static struct store_work replay_of(struct store *store, uint64_t seq) {
    return (struct store_work){.verb = STORE_REPLAY, .replay = {.fence = store_fence(store), .seq = seq}};
}

static size_t replayed(struct store *store, struct store_work work) {
    struct kit_work waiting;
    kit_submit(store, &waiting, work);
    assert_int_equal(kit_wait(&waiting), ERROR_NONE);
    assert_int_equal(waiting.work.replay.lane, 7);
    return waiting.work.replay.run_count;
}

struct runs {
    char queued[RUNS + 1]; /* the first letters of those that are queued */
    size_t forgotten;      /* steps */
};

static int note_run(void *context, const struct store_run *run) {
    struct runs *runs = context;
    bool is_queued = run->state == STORE_QUEUED;
    assert_int_equal(run->attempt, is_queued ? 0 : 8);
    assert_int_equal(run->kills, is_queued ? 0 : 2);
    assert_int_equal(run->due_us, is_queued ? 0 : 4);
    assert_int_equal(run->finished_us, is_queued ? 0 : 6);
    assert_slice(run->reason, is_queued ? NULL : "a bug");
    assert_slice(run->traceback, is_queued ? NULL : "line 1");
    assert_int_equal(run->script[0], 3); /* whether it was mended is told by it */
    if (is_queued) {
        runs->queued[strlen(runs->queued)] = run->handler.bytes[0];
    }
    return 0;
}

static int note_step(void *context, const struct store_step *step) {
    struct runs *runs = context;
    runs->forgotten += step->is_forgotten;
    return 0;
}

static struct runs runs_of(struct store *store) {
    struct runs runs = {0};
    struct store_reader *reader = reader_of(store);
    assert_int_equal(store_each_run(reader, 1, note_run, &runs, NULL), 0);
    for (unsigned i = 0; i < RUNS; i++) {
        assert_int_equal(store_each_step(reader, store_run_id(1, i), note_step, &runs, NULL), 0);
    }
    store_reader_free(reader);
    return runs;
}

static void parked_runs_are_queued_again(void **state) {
    struct store *store = parked(*state);
    assert_int_equal(replayed(store, replay_of(store, 1)), 2);
    struct runs runs = runs_of(store);
    assert_string_equal(runs.queued, "ac");
    assert_int_equal(runs.forgotten, 0);
    assert_int_equal(kit_state_of(store, 1), STORE_QUEUED);
    assert_int_equal(totals_of(store).open, 3);
    assert_int_equal(replayed(store, replay_of(store, 1)), 0);
    assert_int_equal(totals_of(store).open, 3);
    check_store(store);
    store_close(store);
}

static void one_handlers_run_is_queued_again(void **state) {
    struct store *store = parked(*state);
    struct store_work work = replay_of(store, 1);
    work.replay.handler = "b.lua"; /* done */
    assert_int_equal(replayed(store, work), 0);
    assert_int_equal(kit_state_of(store, 1), STORE_PARKED);
    work.replay.handler = "c.lua";
    work.replay.from_start = true;
    assert_int_equal(replayed(store, work), 1);
    assert_string_equal(runs_of(store).queued, "c");
    assert_int_equal(runs_of(store).forgotten, 2);
    store_close(store);
}

static void a_replay_from_the_start_forgets_the_steps(void **state) {
    struct store *store = parked(*state);
    struct store_work work = replay_of(store, 1);
    work.replay.from_start = work.replay.all = true;
    assert_int_equal(replayed(store, work), RUNS);
    assert_string_equal(runs_of(store).queued, "abcd");
    assert_int_equal(runs_of(store).forgotten, 2 * RUNS);
    check_store(store);
    store_close(store);
}

static void what_cannot_be_replayed_is_refused(void **state) {
    struct store *store = parked(*state);
    struct store_work work = replay_of(store, 9);
    assert_int_equal(kit_do(store, work), ERROR_NOT_FOUND);
    work = replay_of(store, 1);
    work.replay.fence++;
    assert_int_equal(kit_do(store, work), ERROR_BUSY);
    assert_int_equal(kit_set_state(store, 2, STORE_QUARANTINED), ERROR_NONE);
    assert_int_equal(kit_do(store, replay_of(store, 2)), ERROR_INVALID);
    /* No script was there for it; now there may be one. */
    assert_int_equal(kit_set_state(store, 3, STORE_UNHANDLED), ERROR_NONE);
    assert_int_equal(replayed(store, replay_of(store, 3)), 1);
    assert_int_equal(kit_state_of(store, 3), STORE_QUEUED);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(timers_come_the_earliest_first),     STORE_TEST(a_timer_is_cancelled_once),
        STORE_TEST(a_timer_raises_its_event_once),      STORE_TEST(parked_runs_are_queued_again),
        STORE_TEST(one_handlers_run_is_queued_again),   STORE_TEST(a_replay_from_the_start_forgets_the_steps),
        STORE_TEST(what_cannot_be_replayed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
