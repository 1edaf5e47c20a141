/* Values: each answer is worked out in the commit that journals the step, and is what the next step finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_asserts.h"

enum { ANSWER_MOST = 1 << 20 };

struct asking {
    struct store *store;
    struct buffer answer;
    bool is_error;
    uint32_t step; /* the number of the latest */
};

static struct asking start(const struct kit *kit) {
    struct asking asking = {.store = open_kit(kit)};
    buffer_init(&asking.answer, ANSWER_MOST);
    assert_int_equal(kit_append_many(asking.store, 1, 1), ERROR_NONE);
    return asking;
}

static void finish(struct asking *asking) {
    check_store(asking->store);
    buffer_reset(&asking->answer);
    store_close(asking->store);
}

static enum error_code ask_op(struct asking *asking, const struct store_value_op *op) {
    struct store_run run = {.id = store_run_id(1, 0), .handler = slice_of("a.lua")};
    struct store_step step = {.run = run.id, .number = ++asking->step, .answer = slice_of("\"not this\"")};
    asking->is_error = true;
    return kit_do(asking->store, (struct store_work){.verb = STORE_CHANGE,
                                                     .change = {.fence = store_fence(asking->store),
                                                                .seq = 1,
                                                                .event_state = STORE_STATE_KEPT,
                                                                .runs = &run,
                                                                .run_count = 1,
                                                                .step = &step,
                                                                .value = op,
                                                                .answer = &asking->answer,
                                                                .is_error = &asking->is_error}});
}

struct journaled {
    uint32_t number;
    const struct asking *asking;
    bool is_found;
};

static int check_answer(void *context, const struct store_step *step) {
    struct journaled *journaled = context;
    if (step->number == journaled->number) {
        assert_true(slice_equal(step->answer, buffer_slice(&journaled->asking->answer)));
        assert_int_equal(step->is_error, journaled->asking->is_error);
        journaled->is_found = true;
    }
    return 0;
}

/* The journal has the answer that was given. */
static void check_journal(const struct asking *asking) {
    struct journaled journaled = {.number = asking->step, .asking = asking};
    struct store_reader *reader = reader_of(asking->store);
    assert_int_equal(store_each_step(reader, store_run_id(1, 0), check_answer, &journaled, NULL), 0);
    assert_true(journaled.is_found);
    store_reader_free(reader);
}

/* Does it, and wants this answer. */
static void ask(struct asking *asking, struct store_value_op op, const char *answer) {
    op.now_us = op.now_us == 0 ? KIT_NOW_US : op.now_us;
    assert_int_equal(ask_op(asking, &op), ERROR_NONE);
    struct slice got = buffer_slice(&asking->answer);
    if (asking->is_error || !slice_is(got, answer)) {
        fail_msg("the answer is %.*s, not %s", SLICE_ARG(got), answer);
    }
    check_journal(asking);
}

static void ask_wrongly(struct asking *asking, struct store_value_op op, const char *code, const char *operation) {
    char begin[64], end[96];
    op.now_us = KIT_NOW_US;
    assert_int_equal(ask_op(asking, &op), ERROR_NONE);
    assert_true(asking->is_error);
    snprintf(begin, sizeof begin, "{\"code\":\"%s\",\"message\":\"", code);
    snprintf(end, sizeof end, "\",\"operation\":\"%s\",\"retryable\":false,\"status\":0}", operation);
    assert_true(slice_starts_with(buffer_slice(&asking->answer), begin));
    assert_true(slice_ends_with(buffer_slice(&asking->answer), end));
    check_journal(asking);
}

#define GET(k)    ((struct store_value_op){.verb = STORE_VALUE_GET, .key = slice_of(k)})
#define SET(k, v) ((struct store_value_op){.verb = STORE_VALUE_SET, .key = slice_of(k), .value = slice_of(v)})
#define DELETE(k) ((struct store_value_op){.verb = STORE_VALUE_DELETE, .key = slice_of(k)})
#define INCREMENT(k, v)                                                                                           \
    ((struct store_value_op){.verb = STORE_VALUE_INCREMENT, .key = slice_of(k), .value = slice_of(v)})
#define SWAP(k, from, to)                                                                                         \
    ((struct store_value_op){                                                                                     \
        .verb = STORE_VALUE_SWAP, .key = slice_of(k), .expected = slice_of(from), .value = slice_of(to)})

static void a_value_is_there_until_it_is_deleted(void **state) {
    struct asking asking = start(*state);
    ask(&asking, GET("a"), "");
    ask(&asking, SET("a", "{\"n\":1}"), "");
    ask(&asking, GET("a"), "{\"n\":1}");
    ask(&asking, SET("a", "\"\\u0000\""), "");
    ask(&asking, GET("a"), "\"\\u0000\"");
    ask(&asking, GET("A"), "");
    ask(&asking, DELETE("a"), "true");
    ask(&asking, DELETE("a"), "false");
    ask(&asking, GET("a"), "");
    ask(&asking, SET("a", "1"), "");
    ask(&asking, SET("a", NULL), "");
    ask(&asking, GET("a"), "");
    finish(&asking);
    struct asking again = {.store = open_kit(*state), .step = 100};
    buffer_init(&again.answer, ANSWER_MOST);
    ask(&again, SET("b", "7"), "");
    store_close(again.store);
    again.store = open_kit(*state);
    ask(&again, GET("b"), "7");
    finish(&again);
}

static void integers_are_added_exactly(void **state) {
    struct asking asking = start(*state);
    ask(&asking, INCREMENT("n", "1"), "1");
    ask(&asking, INCREMENT("n", NULL), "2");
    ask(&asking, INCREMENT("n", "-5"), "-3");
    ask(&asking, SET("n", "9007199254740992"), ""); /* 2^53: a double would stay there */
    ask(&asking, INCREMENT("n", "1"), "9007199254740993");
    ask(&asking, SET("n", "9223372036854775806"), "");
    ask(&asking, INCREMENT("n", "1"), "9223372036854775807");
    ask_wrongly(&asking, INCREMENT("n", "1"), "NumberTooLarge", "state.increment");
    ask(&asking, GET("n"), "9223372036854775807");
    ask(&asking, INCREMENT("n", "-9223372036854775808"), "-1");
    ask(&asking, INCREMENT("n", "0.5"), "-0.5");
    ask(&asking, INCREMENT("n", "0.1"), "-0.4");
    ask(&asking, SET("n", "1.7e308"), "");
    ask_wrongly(&asking, INCREMENT("n", "1.7e308"), "NumberTooLarge", "state.increment");
    ask(&asking, GET("n"), "1.7e308");
    finish(&asking);
}

static void what_is_no_number_cannot_be_added_to(void **state) {
    struct asking asking = start(*state);
    static const char *const values[] = {"\"1\"", "[1]", "{\"n\":1}", "true", "null", "-", "1 2", "01"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ask(&asking, SET("n", values[i]), "");
        ask_wrongly(&asking, INCREMENT("n", "1"), "NotANumber", "state.increment");
        ask(&asking, GET("n"), values[i]);
        ask(&asking, SET("n", "1"), "");
        ask_wrongly(&asking, INCREMENT("n", values[i]), "NotANumber", "state.increment");
        ask(&asking, GET("n"), "1");
    }
    finish(&asking);
}

static void a_swap_happens_only_as_expected(void **state) {
    struct asking asking = start(*state);
    ask(&asking, SWAP("s", "1", "2"), "false"); /* nothing is there */
    ask(&asking, GET("s"), "");
    ask(&asking, SWAP("s", NULL, "[1,2]"), "true");
    ask(&asking, SWAP("s", NULL, "3"), "false");
    ask(&asking, SWAP("s", "[1,3]", "3"), "false");
    ask(&asking, GET("s"), "[1,2]");
    ask(&asking, SWAP("s", "[1,2]", "1e+15"), "true");
    ask(&asking, SWAP("s", "1000000000000001", "5"), "false");
    ask(&asking, SWAP("s", "1000000000000000", "5"), "true"); /* the same number */
    ask(&asking, SWAP("s", "\"5\"", "6"), "false");
    ask(&asking, SWAP("s", "5", "9223372036854775807"), "true");
    ask(&asking, SWAP("s", "9223372036854775808", "6"), "false"); /* a float, one more */
    ask(&asking, SWAP("s", "9223372036854775807", NULL), "true");
    ask(&asking, GET("s"), "");
    finish(&asking);
}

static void a_value_whose_time_is_over_is_not_there(void **state) {
    struct asking asking = start(*state);
    struct store_value_op set = SET("t", "1");
    set.expires_us = KIT_NOW_US + 10;
    struct store_value_op later = GET("t");
    later.now_us = KIT_NOW_US + 9;
    ask(&asking, set, "");
    ask(&asking, later, "1");
    ask(&asking, INCREMENT("t", "4"), "5"); /* and keeps its time */
    ask(&asking, later, "5");
    later.now_us = KIT_NOW_US + 10;
    ask(&asking, later, "");
    assert_int_equal(kit_number(*state, "SELECT count(*) FROM state"), 0); /* removed in passing */
    ask(&asking, set, "");
    struct store_value_op gone[] = {DELETE("t"), SWAP("t", "1", "2"), INCREMENT("t", "1")};
    static const char *const answers[] = {"false", "false", "1"};
    for (size_t i = 0; i < 3; i++) {
        gone[i].now_us = KIT_NOW_US + 10;
        ask(&asking, set, "");
        ask(&asking, gone[i], answers[i]);
    }
    later.now_us = KIT_NOW_US + KIT_HOUR_US; /* what was counted from nothing has no time */
    ask(&asking, later, "1");
    finish(&asking);
}

static void what_is_too_large_is_refused(void **state) {
    struct asking asking = start(*state);
    static char large[STORE_VALUE_MOST + 2];
    memset(large, '1', STORE_VALUE_MOST);
    large[0] = large[STORE_VALUE_MOST - 1] = '"';
    ask(&asking, SET("v", large), "");
    ask(&asking, GET("v"), large);
    large[STORE_VALUE_MOST - 1] = '1';
    large[STORE_VALUE_MOST] = '"';
    ask_wrongly(&asking, SET("v", large), "ValueTooLarge", "state.set");
    ask_wrongly(&asking, SWAP("w", NULL, large), "ValueTooLarge", "state.compare_and_set");
    ask(&asking, SWAP("v", "1", large), "false");
    large[STORE_KEY_MOST + 1] = '\0';
    assert_int_equal(ask_op(&asking, &SET(large, "1")), ERROR_INVALID);
    assert_int_equal(ask_op(&asking, &SET("", "1")), ERROR_INVALID);
    large[STORE_KEY_MOST] = '\0';
    ask(&asking, SET(large, "1"), "");
    ask(&asking, GET(large), "1");
    struct store_value_op unknown = GET("v");
    unknown.verb = (enum store_value_verb)9;
    assert_int_equal(ask_op(&asking, &unknown), ERROR_INVALID);
    finish(&asking);
}

/* A step whose number is taken changes no value. */
static void a_refused_step_leaves_the_value_alone(void **state) {
    struct asking asking = start(*state);
    ask(&asking, SET("a", "1"), "");
    asking.step--;
    assert_int_equal(ask_op(&asking, &INCREMENT("a", "1")), ERROR_INVALID);
    ask(&asking, GET("a"), "1");
    finish(&asking);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_value_is_there_until_it_is_deleted),    STORE_TEST(integers_are_added_exactly),
        STORE_TEST(what_is_no_number_cannot_be_added_to),    STORE_TEST(a_swap_happens_only_as_expected),
        STORE_TEST(a_value_whose_time_is_over_is_not_there), STORE_TEST(what_is_too_large_is_refused),
        STORE_TEST(a_refused_step_leaves_the_value_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
