/* Runs in a host whose worker is the test: what it is sent is thrown away, what it says is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "host/conductor.h"
#include "host/waiter.h"
#include "unit/store_kit.h"
#include <cmocka.h>
#include <sched.h>

enum { SEQ = 1, DEADLINE_S = 60, YEAR_S = 365 * 24 * 3600 };

static struct config config;
static struct host *host;
static struct handler handlers[2];
static struct script_set scripts;
static struct generation generation;
static struct process process;
static struct worker_slot slot;
static _Atomic unsigned answers;

static struct run *run_of(unsigned place) {
    return map_get(&host->runs, store_run_id(SEQ, place));
}

static void turn(void) {
    loop_stop(host->loop);
    loop_run(host->loop);
}

static void begin(void) {
    uint64_t seq = 0;
    struct lane *lane = lanes_take(&host->lanes, &seq);
    assert_non_null(lane);
    assert_int_equal(work_begin(host, lane, seq), 0);
    assert_non_null(run_of(0));
}

/* On the worker. */
static struct run *dispatch(void) {
    begin();
    list_remove(&run_of(0)->in_ready);
    assert_int_equal(run_dispatch(run_of(0), &slot), 0);
    assert_int_equal(run_of(0)->state, RUN_ON);
    return run_of(0);
}

static int setup(void **state) {
    struct kit_event event;
    if (kit_setup(state) < 0 || crypto_start(NULL) < 0) {
        return -1;
    }
    const struct kit *kit = *state;
    config = (struct config){.limits = {.run_seconds = 30, .run_steps = 100, .answer_mib = 1, .in_flight = 1}};
    for (size_t i = 0; i < 2; i++) {
        handlers[i] =
            (struct handler){.path = i == 0 ? "RouterJobQueued.lua" : "RouterJobQueued/second.lua",
                             .type = "RouterJobQueued",
                             .retry = {.attempts = 9, .first_seconds = 1, .factor = 1, .max_seconds = 1}};
    }
    struct store *store = store_open(kit->path, NULL);
    host = host_new(&(struct host_options){.config = &config, .store = store}, NULL);
    if (host == NULL) {
        return -1;
    }
    generation = (struct generation){
        .context = host, .scripts = &scripts, .handlers = handlers, .handler_count = 1, .state = GENERATION_READY};
    process = (struct process){.options = {.loop = host->loop}, .pid = -1, .pidfd = -1, .socket = {.fd = -1}};
    buffer_init(&process.out, WIRE_PAYLOAD_MAX);
    process.page = calloc(1, sizeof *process.page);
    slot = (struct worker_slot){.generation = &generation, .process = &process};
    list_init(&slot.runs);
    host->live = &generation;
    answers = 0;
    kit_event(&event, "e1", "j1", "words");
    if (process.page == NULL || kit_append(store, &event.event) != ERROR_NONE) {
        return -1;
    }
    turn();
    return 0;
}

static int teardown(void **state) {
    struct store *store = host->store;
    turn();
    store_reader_free(host->reader);
    host->reader = NULL;
    host->live = NULL;
    store_close(store);
    host_free(host);
    buffer_reset(&process.out);
    free(process.page);
    return kit_teardown(state);
}

static void wait_until(bool (*is_so)(void)) {
    int64_t end = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    while (!is_so()) {
        assert_true(clock_monotonic_ns() < end);
        turn();
        sched_yield();
    }
}

static bool is_settled(void) {
    return run_of(0)->unsettled == 0;
}

static bool has_waiter(void) {
    return !list_is_empty(&host->waiters);
}

static bool is_gone(void) {
    return list_is_empty(&host->works);
}

static bool is_answered(void) {
    return answers > 0;
}

static void on_order(struct host_order *order) {
    (void)order;
    answers++;
}

/* As the worker would ask for it, and until that is journaled. */
static const struct step *want_of(uint64_t dispatch, uint32_t wait, const char *operation, const char *arguments) {
    struct buffer out;
    struct wire_frame frame;
    size_t taken = 0;
    buffer_init(&out, WIRE_PAYLOAD_MAX);
    size_t place = wire_begin(&out, WIRE_WANT, dispatch);
    wire_put_u32(&out, wait);
    wire_put_u32(&out, 0);
    wire_put_text(&out, slice_of(operation));
    wire_put_text(&out, slice_of(arguments));
    assert_int_equal(wire_end(&out, place), 0);
    assert_int_equal(wire_next(buffer_slice(&out), &frame, &taken), 1);
    run_on_frame(&slot, &frame);
    buffer_reset(&out);
    wait_until(is_settled);
    const struct list *steps = &run_of(0)->steps;
    return list_is_empty(steps) ? NULL : CONTAINER_OF(steps->head.previous, struct step, in_run);
}

static const struct step *want(uint32_t wait, const char *operation, const char *arguments) {
    return want_of(run_of(0)->dispatch, wait, operation, arguments);
}

/* The point host.read fails the first time that an event is read from the store: that is not here, but there. */
static void a_new_event_is_begun_without_a_read(void **state) {
    (void)state;
#ifndef SWITCHHOOK_FAULTS
    skip();
#endif
    assert_true(atomic_load(&host->copied) > 0);
    begin();
    assert_int_equal(atomic_load(&host->copied), 0);
    assert_int_equal(atomic_load(&host->queued), 0);
    assert_string_equal(run_of(0)->work->copy->short_type, "RouterJobQueued");
    assert_string_equal(run_of(0)->work->copy->subject, "j1");
    list_remove(&run_of(0)->in_ready);
    run_fail(run_of(0), &(struct verdict){.result = "error", .retry_after_s = -1});
    wait_until(is_gone);
    struct host_order order = {.verb = HOST_REPLAY, .seq = SEQ, .answered = on_order};
    host_give(host, &order);
    wait_until(is_answered);
    assert_int_equal(order.error.code, ERROR_NONE);
    uint64_t seq = 0;
    struct lane *lane = lanes_take(&host->lanes, &seq);
    assert_non_null(lane);
    assert_int_equal(work_begin(host, lane, seq), -1); /* back in its lane, to be tried again */
    begin();
    assert_int_equal(run_of(0)->stored, STORE_QUEUED);
    assert_true(run_of(0)->work->is_stored);
    list_remove(&run_of(0)->in_ready);
}

static void fire(struct loop_timer *timer) {
    loop_timer_cancel(host->loop, timer);
    timer->fire(timer);
    turn();
}

static void one_that_waited_and_cannot_be_read_is_tried_again(void **state) {
    (void)state;
#ifndef SWITCHHOOK_FAULTS
    skip();
#endif
    begin();
    list_remove(&run_of(0)->in_ready);
    run_fail(run_of(0), &(struct verdict){.result = "answer", .is_retryable = true, .retry_after_s = 3600});
    wait_until(has_waiter);
    generation.slots = &slot;
    generation.options.workers = 1;
    slot.is_ready = true;
    fire(&CONTAINER_OF(list_first(&host->waiters), struct waiter, in_list)->timer);
    assert_int_equal(host->waiter_count, 1);
    assert_null(run_of(0));
    assert_true(loop_timer_is_set(&host->pump_later));
    fire(&host->pump_later);
    assert_int_equal(host->waiter_count, 0);
    assert_int_equal(run_of(0)->state, RUN_ON);
}

static void a_handler_that_came_later_has_no_run_of_it(void **state) {
    (void)state;
    begin();
    list_remove(&run_of(0)->in_ready);
    run_fail(run_of(0), &(struct verdict){.result = "answer", .is_retryable = true, .retry_after_s = 3600});
    wait_until(has_waiter);
    assert_null(run_of(0));
    generation.handler_count = 2;
    assert_int_equal(work_resume(host, NULL, SEQ, 0), 0); /* still too early: it leaves memory again */
    assert_true(list_is_empty(&host->works));
    assert_null(run_of(0));
    assert_null(run_of(1));
}

static void changes_of_a_turn_go_to_the_store_together(void **state) {
    (void)state;
    generation.handler_count = 2;
    begin();
    for (unsigned i = 0; i < 2; i++) {
        list_remove(&run_of(i)->in_ready);
        run_fail(run_of(i), &(struct verdict){.result = "error", .retry_after_s = -1});
    }
    assert_ptr_equal(host->unsent, &run_of(0)->save.work);
    assert_ptr_equal(host->unsent->next, &run_of(1)->save.work);
    wait_until(is_gone);
    assert_null(host->unsent);
}

/* In `count` more events of the same job, the first of them begun. */
static struct run *begin_more(uint64_t first, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct kit_event event;
        char id[32];
        snprintf(id, sizeof id, "e%u", (unsigned)first + i);
        kit_event(&event, id, "j1", "words");
        assert_int_equal(kit_append(host->store, &event.event), ERROR_NONE);
    }
    turn();
    uint64_t seq = 0;
    struct lane *lane = lanes_take(&host->lanes, &seq);
    assert_non_null(lane);
    assert_int_equal(work_begin(host, lane, seq), 0);
    assert_int_equal(seq, first);
    struct run *run = map_get(&host->runs, store_run_id(seq, 0));
    list_remove(&run->in_ready);
    return run;
}

static void the_end_of_an_event_is_patient_unless_its_lane_waits(void **state) {
    (void)state;
    begin();
    list_remove(&run_of(0)->in_ready);
    run_succeed(run_of(0), false, slice_of(""));
    assert_true(host->unsent->is_patient);
    wait_until(is_gone);
    run_succeed(begin_more(2, 2), false, slice_of(""));
    assert_false(host->unsent->is_patient);
    wait_until(is_gone);
    run_fail(begin_more(3, 0), &(struct verdict){.result = "error", .retry_after_s = -1});
    assert_false(host->unsent->is_patient); /* people look at what is parked */
    wait_until(is_gone);
}

static void arguments_that_are_no_list_end_the_worker(void **state) {
    (void)state;
    dispatch();
    assert_null(want(1, "step.keep", "5"));
    assert_true(process.is_killed);
    run_hand_back(run_of(0));
}

static void a_run_may_leave_its_worker_before_it_goes_back(void **state) {
    (void)state;
    struct run *run = dispatch();
    run_cancel(run);
    run_hand_back(run);
    assert_int_equal(run->state, RUN_READY);
    assert_int_equal(slot.run_count, 0);
}

/* It was on its way when the run was taken off the worker, and the run is there again. */
static void what_an_earlier_attempt_wanted_is_not_done(void **state) {
    (void)state;
    struct run *run = dispatch();
    uint64_t before = run->dispatch;
    run_cancel(run);
    run_hand_back(run);
    list_remove(&run->in_ready);
    assert_int_equal(run_dispatch(run, &slot), 0);
    assert_null(want_of(before, 1, "state.set", "[\"k\",\"v\"]"));
    assert_non_null(want(1, "state.set", "[\"k\",\"v\"]"));
    run_hand_back(run);
}

static void on_deadline(struct loop_timer *timer) {
    (void)timer;
    fail_msg("the loop goes on");
}

static void the_last_run_that_goes_back_lets_a_stop_go_on(void **state) {
    struct loop_timer deadline = {0};

    (void)state;
    struct run *run = dispatch();
    turn();
    atomic_store(&host->is_stopping, true);
    loop_timer_set(host->loop, &deadline, clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S, on_deadline);
    run_hand_back(run);
    loop_run(host->loop);
    loop_timer_cancel(host->loop, &deadline);
}

static void a_timeout_of_any_length_is_not_over_at_once(void **state) {
    (void)state;
    handlers[0].timeout_seconds = 1e300;
    struct run *run = dispatch();
    assert_true(run->timer.at > clock_monotonic_ns() + YEAR_S * CLOCK_NS_PER_S);
    run_hand_back(run);
}

static void a_value_of_any_time_to_live_is_there(void **state) {
    (void)state;
    dispatch();
    assert_false(want(1, "state.set", "[\"k\",\"v\",{\"ttl\":1e300}]")->is_error);
    assert_string_equal(want(2, "state.get", "[\"k\"]")->answer.bytes, "\"v\"");
    run_hand_back(run_of(0));
}

/* Each of its characters takes six bytes in the event. */
static void a_name_may_grow_as_it_is_written(void **state) {
    char arguments[16 * 1024];
    size_t length = (size_t)snprintf(arguments, sizeof arguments, "[3600,\"");

    (void)state;
    for (int i = 0; i < 2000; i++) {
        length += (size_t)snprintf(arguments + length, sizeof arguments - length, "\\u0001");
    }
    snprintf(arguments + length, sizeof arguments - length, "\",null]");
    dispatch();
    assert_int_equal(want(1, "after", arguments)->state, STEP_ANSWERED);
    run_hand_back(run_of(0));
}

static void on_question(struct host_question *question) {
    assert_true(question->status.is_stopping);
    answers++;
}

static void a_host_that_never_ran_answers_when_it_is_closed(void **state) {
    struct host_question question = {.answered = on_question};
    struct host_order order = {.verb = HOST_PAUSE, .answered = on_order};

    (void)state;
    host_ask(host, &question);
    host_give(host, &order);
    assert_int_equal(answers, 0);
    host_close(host);
    assert_int_equal(answers, 2);
    assert_int_equal(order.error.code, ERROR_CLOSED);
    host_ask(host, &question);
    assert_int_equal(answers, 3);
}

static void a_replay_is_answered_though_the_loop_has_ended(void **state) {
    struct host_order order = {.verb = HOST_REPLAY, .seq = SEQ, .answered = on_order};

    (void)state;
    begin();
    list_remove(&run_of(0)->in_ready);
    run_fail(run_of(0), &(struct verdict){.result = "error", .retry_after_s = -1});
    wait_until(is_gone);
    host_give(host, &order);
    turn(); /* it is the store's now */
    host_close(host);
    int64_t end = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    while (!is_answered() && clock_monotonic_ns() < end) {
        sched_yield();
    }
    assert_int_equal(answers, 1);
    assert_int_equal(order.error.code, ERROR_NONE);
    assert_int_equal(order.run_count, 1);
}

static bool reads_event(uint64_t seq) {
    struct store_record record;
    return store_read_event(host->reader, seq, &record, NULL) == 0;
}

/* Without a copy it is read, in a transaction of the pump's slice. */
static void events_are_read_back_from_one_moment_of_the_store(void **state) {
    (void)state;
    uint64_t seq = 0;
    struct lane *lane = lanes_take(&host->lanes, &seq);
    struct kit_event later;
    intake_release(host, lane->taken->copy);
    free(lane->taken->copy);
    lane->taken->copy = NULL;
    assert_int_equal(work_begin(host, lane, seq), 0);
    assert_non_null(run_of(0));
    kit_event(&later, "e2", "j1", "words");
    assert_int_equal(kit_append(host->store, &later.event), ERROR_NONE);
    assert_false(reads_event(SEQ + 1));
    host_pump(host);
    turn();
    assert_true(reads_event(SEQ + 1));
}

#define HOSTED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        HOSTED(a_new_event_is_begun_without_a_read),
        HOSTED(one_that_waited_and_cannot_be_read_is_tried_again),
        HOSTED(events_are_read_back_from_one_moment_of_the_store),
        HOSTED(a_handler_that_came_later_has_no_run_of_it),
        HOSTED(changes_of_a_turn_go_to_the_store_together),
        HOSTED(the_end_of_an_event_is_patient_unless_its_lane_waits),
        HOSTED(arguments_that_are_no_list_end_the_worker),
        HOSTED(a_run_may_leave_its_worker_before_it_goes_back),
        HOSTED(what_an_earlier_attempt_wanted_is_not_done),
        HOSTED(the_last_run_that_goes_back_lets_a_stop_go_on),
        HOSTED(a_timeout_of_any_length_is_not_over_at_once),
        HOSTED(a_value_of_any_time_to_live_is_there),
        HOSTED(a_name_may_grow_as_it_is_written),
        HOSTED(a_host_that_never_ran_answers_when_it_is_closed),
        HOSTED(a_replay_is_answered_though_the_loop_has_ended),
    };
    setenv("SWITCHHOOK_FAULT", "host.read:1:fail,host.read:3:fail", 1); /* in the first two tests */
    return cmocka_run_group_tests_name("host: runs", tests, NULL, NULL);
}
