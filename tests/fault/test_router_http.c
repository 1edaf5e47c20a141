/* The way out, with every allocation failing once: requests built and signed, answers read, and the client. */
#include "crypto/crypto.h"
#include "fault/alloc.h"
#include "router/router.h"
#include "support/http_paths.h"
#include <curl/curl.h>

/* --- the router */

static int build_and_sign(void *context, struct error *error) {
    const struct router_operation *operation = router_find(slice_of("router.jobs.update"));
    struct router_access access;
    struct router_request request;
    struct router_signature signature;
    int result = -1;
    (void)context;
    router_request_init(&request);
    if (router_access_init(&access, "endpoint=https://contoso.example/;accesskey=c2VjcmV0", error) < 0) {
        assert_null(access.endpoint);
        assert_null(access.key.bytes);
        return -1;
    }
    if (router_request_build(&request, operation,
                             slice_of("[\"j 1\",{\"ifMatch\":\"\\\"e\\\"\",\"ifUnmodifiedSince\":"
                                      "\"2026-03-01T09:30:00Z\",\"priority\":7,\"labels\":{\"a\":1}}]"),
                             error) < 0) {
        goto out;
    }
    if (router_sign(&access, request.method, buffer_slice(&request.target), buffer_slice(&request.body), 0,
                    &signature) < 0) {
        error_memory(error);
        goto out;
    }
    assert_string_equal(request.body.bytes, "{\"priority\":7,\"labels\":{\"a\":1}}");
    result = 0;
out:
    router_request_reset(&request);
    router_access_reset(&access);
    return result;
}

static void requests_are_whole_or_not_at_all(void **state) {
    (void)state;
    assert_true(fault_alloc_each(build_and_sign, NULL) >= 8);
}

static int follow_page(void *context, struct error *error) {
    struct router_request request;
    (void)context;
    router_request_init(&request);
    int result = router_request_build(
        &request, router_find(slice_of("router.jobs.list")),
        slice_of("[{},{\"nextLink\":\"https://contoso.example/routing/jobs?page=2\"}]"), error);
    if (result == 0) {
        assert_string_equal(request.target.bytes, "/routing/jobs?page=2&api-version=2023-11-01");
        assert_string_equal(request.origin.bytes, "https://contoso.example");
    }
    router_request_reset(&request);
    return result;
}

static void pages_are_as_well(void **state) {
    (void)state;
    assert_true(fault_alloc_each(follow_page, NULL) >= 3);
}

static int refuse_option(void *context, struct error *error) {
    struct router_request request;
    struct error why = {.code = ERROR_NONE};
    (void)context;
    router_request_init(&request);
    assert_int_equal(router_request_build(&request, router_find(slice_of("router.jobs.update")),
                                          slice_of("[\"j\",{\"prioritty\":7}]"), &why),
                     -1);
    router_request_reset(&request);
    if (why.code == ERROR_INVALID) {
        return 0;
    }
    *error = why;
    return -1;
}

static void refusals_are_as_well(void **state) {
    (void)state;
    assert_true(fault_alloc_each(refuse_option, NULL) >= 2);
}

static int read_answer(void *context, struct error *error) {
    struct router_outcome outcome = {.is_error = false};
    const char *body = context;
    buffer_init(&outcome.value, 4096);
    int result =
        router_read_answer(router_find(slice_of("router.jobs.get")), 409, slice_of(body), "Code", NULL, &outcome);
    if (result == 0) {
        assert_true(outcome.is_error);
        assert_int_equal(outcome.value.bytes[outcome.value.length - 1], '}');
    } else {
        error_memory(error);
    }
    buffer_reset(&outcome.value);
    return result;
}

static void answers_are_whole_or_not_at_all(void **state) {
    (void)state;
    char body[] = "{\"error\":{\"code\":\"Conflict\",\"message\":\"taken\"}}", other[] = "<html>";
    assert_true(fault_alloc_each(read_answer, body) >= 4);
    assert_true(fault_alloc_each(read_answer, other) >= 2);
}

/* --- the client */

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);

/* Whether what libcurl allocates for itself fails as well. */
static bool has_failing_libcurl;

static void *curl_malloc(size_t size) {
    return has_failing_libcurl ? malloc(size) : __real_malloc(size);
}

static void *curl_calloc(size_t number, size_t size) {
    return has_failing_libcurl ? calloc(number, size) : __real_calloc(number, size);
}

static void *curl_realloc(void *memory, size_t size) {
    return has_failing_libcurl ? realloc(memory, size) : __real_realloc(memory, size);
}

static char *curl_strdup(const char *text) {
    return has_failing_libcurl ? strdup(text) : __real_strdup(text);
}

static bool answer_ok(struct server_call *call) {
    server_send(call, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Test: yes\r\n\r\nok");
    return true;
}

static void send_and_run(struct fixture *fixture, struct fetch *fetch) {
    static const struct http_header headers[] = {{"X-One", "1"}, {"X-Two", "2"}};
    fixture_fetch(fixture, fetch, "/x");
    fetch->call.method = "POST";
    fetch->call.headers = headers;
    fetch->call.header_count = 2;
    fetch->call.body = slice_of("{}");
    fixture_send(fetch);
    fixture_run(fixture);
    assert_int_equal(fetch->done_count, 1);
    assert_false(fetch->was_done_inside_send);
}

/* Two calls, one after the other: one allocation failing spoils one of them at most. */
static int call_twice(void *context, struct error *error) {
    struct fixture *fixture = context;
    struct fetch fetches[2];
    int result = 0;
    fixture->client = http_client_new(fixture->loop, &(struct http_options){.ca_file = "/nowhere"}, error);
    if (fixture->client == NULL) {
        return -1;
    }
    for (size_t i = 0; i < 2; i++) {
        send_and_run(fixture, &fetches[i]);
        if (fetches[i].error.code == ERROR_NONE) {
            assert_int_equal(fetches[i].status, 200);
            assert_string_equal(fetches[i].x_test, "yes");
        } else {
            assert_int_equal(result, 0);
            *error = fetches[i].error;
            result = -1;
        }
    }
    http_client_free(fixture->client);
    fixture->client = NULL;
    /* libcurl has many words for it: "failed initialization" and "could not connect" among them. */
    if (result < 0 && has_failing_libcurl) {
        error_memory(error);
    }
    return result;
}

static void the_client_goes_on(void **state) {
    struct fixture *fixture = malloc(sizeof *fixture);
    (void)state;
    assert_non_null(fixture);
    fixture_start(fixture, answer_ok, NULL);
    http_client_free(fixture->client);
    fixture->client = NULL;
    has_failing_libcurl = false;
    assert_true(fault_alloc_each(call_twice, fixture) >= 8);
    has_failing_libcurl = true;
    assert_true(fault_alloc_each(call_twice, fixture) >= 50);
    has_failing_libcurl = false;
    fixture_stop(fixture);
    free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_whole_or_not_at_all),
        cmocka_unit_test(pages_are_as_well),
        cmocka_unit_test(refusals_are_as_well),
        cmocka_unit_test(answers_are_whole_or_not_at_all),
        cmocka_unit_test(the_client_goes_on),
    };
    if (crypto_start(NULL) < 0 || curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc,
                                                       curl_strdup, curl_calloc) != CURLE_OK) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
