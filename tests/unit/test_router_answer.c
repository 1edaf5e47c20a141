/* Answers: values, the contract's errors, and what others in between answer. */
#include "router/router.h"
#include "json/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct router_operation *accept_operation(void) {
    return router_find(slice_of("router.offers.accept"));
}

static void check(unsigned status, const char *body, const char *header, const char *transport, bool is_error,
                  bool is_retryable, const char *value) {
    struct router_outcome outcome = {.is_error = false};
    buffer_init(&outcome.value, 1 << 20);
    assert_int_equal(router_read_answer(accept_operation(), status, slice_of(body), header, transport, &outcome),
                     0);
    assert_int_equal(outcome.is_error, is_error);
    assert_int_equal(outcome.is_retryable, is_retryable);
    assert_string_equal(outcome.value.length == 0 ? "" : outcome.value.bytes, value);
    buffer_reset(&outcome.value);
}

#define ERROR_JSON(code, message, retryable, status)                                                              \
    "{\"code\":\"" code "\",\"message\":\"" message                                                               \
    "\",\"operation\":\"router.offers.accept\",\"retryable\":" retryable ",\"status\":" status "}"

static void a_value_stays_as_it_is(void **state) {
    (void)state;
    check(200, "{\"n\": 9007199254740993, \"x\":1.10}", NULL, NULL, false, false,
          "{\"n\": 9007199254740993, \"x\":1.10}");
    check(201, "{}", NULL, NULL, false, false, "{}");
    check(204, "", NULL, NULL, false, false, "");
    check(200, "", NULL, NULL, false, false, "");
}

static void an_unreadable_success_is_an_error(void **state) {
    (void)state;
    struct router_outcome outcome = {.is_error = false};
    buffer_init(&outcome.value, 4096);
    assert_int_equal(
        router_read_answer(accept_operation(), 200, slice_of("<html>sign in</html>"), NULL, NULL, &outcome), 0);
    assert_true(outcome.is_error);
    assert_false(outcome.is_retryable);
    assert_non_null(strstr(outcome.value.bytes, "\"AnswerUnreadable\""));
    assert_int_equal(json_check(outcome.value.bytes, outcome.value.length, NULL), 0);
    buffer_reset(&outcome.value);
}

static void the_contracts_error_is_read(void **state) {
    (void)state;
    check(409,
          "{\"error\":{\"code\":\"Conflict\",\"message\":\"The job is \\\"taken\\\".\",\"details\":[{\"code\":"
          "\"Inner\",\"message\":\"no\"}],\"innererror\":{\"code\":\"Deep\"}}}",
          "Other", NULL, true, false, ERROR_JSON("Conflict", "The job is \\\"taken\\\".", "false", "409"));
    check(400, "{\"trace\":{\"code\":\"x\"},\"error\":{\"message\":\"\\u00fc\",\"code\":\"Bad\"}}", NULL, NULL,
          true, false, ERROR_JSON("Bad", "\xc3\xbc", "false", "400"));
}

static void what_is_missing_comes_from_elsewhere(void **state) {
    (void)state;
    check(404, "", NULL, NULL, true, false, ERROR_JSON("NotFound", "404 Not Found", "false", "404"));
    check(404, "", "JobNotFound", NULL, true, false, ERROR_JSON("JobNotFound", "404 Not Found", "false", "404"));
    check(404, "{\"error\":{\"message\":\"no job\"}}", "JobNotFound", NULL, true, false,
          ERROR_JSON("JobNotFound", "no job", "false", "404"));
    check(404, "{\"error\":{\"code\":7,\"message\":null}}", NULL, NULL, true, false,
          ERROR_JSON("NotFound", "404 Not Found", "false", "404"));
    check(404, "{\"error\":\"x\"}", NULL, NULL, true, false,
          ERROR_JSON("NotFound", "404 Not Found", "false", "404"));
    check(302, "", NULL, NULL, true, false, ERROR_JSON("Status302", "302", "false", "302"));
    check(599, "", NULL, NULL, true, true, ERROR_JSON("Status599", "599", "true", "599"));
}

static void bodies_that_are_no_json_are_passed_over(void **state) {
    (void)state;
    check(502, "<html>Bad Gateway</html>", NULL, NULL, true, true,
          ERROR_JSON("BadGateway", "502 Bad Gateway", "true", "502"));
    /* What was read before the text turned out to be broken does not count either. */
    check(500, "{\"error\":{\"code\":\"Half\",\"message\":\"half\"}", NULL, NULL, true, true,
          ERROR_JSON("InternalServerError", "500 Internal Server Error", "true", "500"));
    check(500, "{\"error\":{\"code\":\"\xff\"}}", NULL, NULL, true, true,
          ERROR_JSON("InternalServerError", "500 Internal Server Error", "true", "500"));
    check(500, "", "a\xff\x1b", NULL, true, true,
          ERROR_JSON("a\\\\xff\\\\x1b", "500 Internal Server Error", "true", "500"));
}

static void what_may_be_tried_again_is_marked(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        bool is_retryable;
    } cases[] = {{400, false}, {401, false}, {403, false}, {404, false}, {408, true}, {409, false},
                 {412, false}, {413, false}, {429, true},  {500, true},  {501, true}, {503, true},
                 {504, true},  {304, false}, {600, false}, {100, false}, {0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct router_outcome outcome = {.is_error = false};
        buffer_init(&outcome.value, 4096);
        assert_int_equal(
            router_read_answer(accept_operation(), cases[i].status, slice_of(""), NULL, NULL, &outcome), 0);
        assert_true(outcome.is_error);
        assert_int_equal(outcome.is_retryable, cases[i].is_retryable);
        buffer_reset(&outcome.value);
    }
}

static void a_call_without_an_answer_is_a_transport_failure(void **state) {
    (void)state;
    check(0, "", NULL, "Connection refused\n", true, true,
          ERROR_JSON("TransportFailed", "Connection refused\\\\x0a", "true", "0"));
    check(0, "", NULL, NULL, true, true, ERROR_JSON("TransportFailed", "there was no answer", "true", "0"));
}

static void long_words_are_cut_between_characters(void **state) {
    (void)state;
    enum { LONG = 6000 };
    char *body = malloc(LONG + 100);
    assert_non_null(body);
    size_t length = (size_t)snprintf(body, LONG, "{\"error\":{\"code\":\"C\",\"message\":\"a");
    for (size_t i = 0; i < LONG / 2; i++) {
        memcpy(body + length, "\xc3\xbc", 2);
        length += 2;
    }
    memcpy(body + length, "\"}}", 4);
    struct router_outcome outcome = {.is_error = false};
    buffer_init(&outcome.value, 1 << 20);
    assert_int_equal(router_read_answer(accept_operation(), 400, slice_of(body), NULL, NULL, &outcome), 0);
    assert_true(outcome.value.length > 2000 && outcome.value.length < 2300);
    assert_int_equal(json_check(outcome.value.bytes, outcome.value.length, NULL), 0);
    buffer_reset(&outcome.value);
    free(body);
}

static void a_value_that_does_not_fit_fails(void **state) {
    (void)state;
    struct router_outcome outcome = {.is_error = false};
    buffer_init(&outcome.value, 8);
    assert_int_equal(router_read_answer(accept_operation(), 200, slice_of("[1,2,3,4,5]"), NULL, NULL, &outcome),
                     -1);
    assert_int_equal(router_read_answer(accept_operation(), 500, slice_of(""), NULL, NULL, &outcome), -1);
    buffer_reset(&outcome.value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_stays_as_it_is),
        cmocka_unit_test(an_unreadable_success_is_an_error),
        cmocka_unit_test(the_contracts_error_is_read),
        cmocka_unit_test(what_is_missing_comes_from_elsewhere),
        cmocka_unit_test(bodies_that_are_no_json_are_passed_over),
        cmocka_unit_test(what_may_be_tried_again_is_marked),
        cmocka_unit_test(a_call_without_an_answer_is_a_transport_failure),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(a_value_that_does_not_fit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
