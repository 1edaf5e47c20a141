/* The listener: connections, bodies, what a request holds. Waiting requests are in test_httpd_wait.c, requests
 * that are wrong on purpose in test_httpd_hostile.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpd_app.h"
#include <dirent.h>
#include <fcntl.h>

#define HEAD " HTTP/1.1\r\nHost: test\r\n"

static void test_connection_is_kept_alive(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    for (int i = 0; i < 3; i++) {
        raw_send(&raw, "POST /now?a=%20" HEAD "Content-Length: 3\r\n\r\nabc");
        raw_read(&raw, &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "POST /now?a=%20 abc");
    }
    raw_send(&raw, "GET /refuse" HEAD "\r\n");
    raw_read(&raw, &answer);
    assert_int_equal(answer.status, 403);
    assert_string_equal(answer.body, "{\"error\":{\"code\":\"refused\",\"message\":\"not \\\"this\\\"\"}}");
    raw_send(&raw, "HEAD /now" HEAD "Connection: close\r\n\r\n");
    while (raw_fill(&raw, clock_monotonic_ns() + RAW_DEADLINE_SECONDS * CLOCK_NS_PER_S) > 0) {
    }
    assert_true(slice_starts_with(buffer_slice(&raw.in), "HTTP/1.1 200 OK\r\n"));
    assert_true(slice_ends_with(buffer_slice(&raw.in), "\r\n\r\n"));
    raw_close(&raw);
    app_stop(&app);
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    raw_send(&raw, "GET /later" HEAD "\r\nPOST /now" HEAD "Content-Length: 2\r\n\r\nxyGET /now?3" HEAD "\r\n");
    app_wait_for_later(&app, 1);
    assert_int_equal(app.requests, 1);
    app_answer(app.later[0], "first");
    raw_read(&raw, &answer);
    assert_string_equal(answer.body, "first");
    raw_read(&raw, &answer);
    assert_string_equal(answer.body, "POST /now xy");
    raw_read(&raw, &answer);
    assert_string_equal(answer.body, "GET /now?3 ");
    raw_close(&raw);
    app_stop(&app);
}

static void test_chunked_body_is_put_together(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    static const char request[] = "POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                  "1\r\na\r\n5;name=value\r\nbcdef\r\n0\r\nTrailer: x\r\n\r\n";
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(raw_send_bytes(&raw, request + i, 1), 0);
    }
    raw_read(&raw, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "POST /now abcdef");
    raw_close(&raw);
    app_stop(&app);
}

/* The last byte that fits, and the first that does not. */
static void test_body_limit(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    char body[APP_BODY_LIMIT + 1];
    memset(body, 'b', sizeof body);
    struct raw_answer answer;
    char request[4096];
    snprintf(request, sizeof request, "POST /now" HEAD "Content-Length: %d\r\n\r\n%.*s", APP_BODY_LIMIT,
             APP_BODY_LIMIT, body);
    assert_int_equal(raw_ask(app.port, request, &answer), 200);
    snprintf(request, sizeof request, "POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
             APP_BODY_LIMIT, APP_BODY_LIMIT, body);
    assert_int_equal(raw_ask(app.port, request, &answer), 200);
    assert_int_equal(app.requests, 2);

    /* Known beforehand: answered though no byte of the body was sent. */
    snprintf(request, sizeof request, "POST /now" HEAD "Content-Length: %d\r\n\r\n", APP_BODY_LIMIT + 1);
    assert_int_equal(raw_ask(app.port, request, &answer), 413);
    assert_non_null(strstr(answer.body, "\"body_too_large\""));
    snprintf(request, sizeof request, "POST /now" HEAD "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n",
             APP_BODY_LIMIT + 1);
    assert_int_equal(raw_ask(app.port, request, &answer), 413);
    snprintf(request, sizeof request, "POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
             APP_BODY_LIMIT + 1, APP_BODY_LIMIT + 1, body);
    assert_int_equal(raw_ask(app.port, request, &answer), 413);
    assert_int_equal(app.requests, 2);
    app_stop(&app);
}

/* A sender that writes all of a large body first must be able to do so, and then reads why it was in vain. */
static void test_refused_sender_is_not_reset(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    enum { SIZE = 12 * 1024 * 1024 };
    char *body = calloc(1, SIZE);
    assert_non_null(body);
    static const char *const paths[] = {"/now", "/refuse"};
    for (size_t i = 0; i < 2; i++) {
        struct raw raw;
        struct raw_answer answer;
        raw_open(&raw, app.port);
        char head[256];
        snprintf(head, sizeof head, "POST %s" HEAD "Content-Length: %d\r\n\r\n", paths[i], SIZE);
        raw_send(&raw, head);
        assert_int_equal(raw_send_bytes(&raw, body, SIZE), 0);
        raw_read(&raw, &answer);
        assert_int_equal(answer.status, i == 0 ? 413 : 403);
        assert_true(raw_is_closed(&raw, RAW_DEADLINE_SECONDS));
        raw_close(&raw);
    }
    free(body);
    app_stop(&app);
}

static void test_expected_continue_is_sent(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    raw_send(&raw, "POST /now" HEAD "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    raw_read(&raw, &answer);
    assert_int_equal(answer.status, 100);
    raw_send(&raw, "x");
    raw_read(&raw, &answer);
    assert_int_equal(answer.status, 200);
    raw_close(&raw);
    app_stop(&app);
}

static void test_half_a_body_then_nothing(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){.timeout_seconds = 1});
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    raw_send(&raw, "POST /now" HEAD "Content-Length: 10\r\n\r\nhalf");
    raw_close(&raw);
    raw_open(&raw, app.port);
    raw_send(&raw, "POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\n10\r\nhalf");
    shutdown(raw.fd, SHUT_WR);
    raw_read(&raw, &answer);
    assert_int_not_equal(answer.status, 200);
    raw_close(&raw);
    assert_int_equal(raw_ask(app.port, "GET /now" HEAD "\r\n", &answer), 200);
    assert_int_equal(app.requests, 1);
    /* One that is still open must not hold up the stop. */
    raw_open(&raw, app.port);
    raw_send(&raw, "POST /now" HEAD "Content-Length: 10\r\n\r\nhalf");
    app_stop(&app);
    raw_close(&raw);
}

static void test_silent_client_is_closed(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){.timeout_seconds = 1});
    static const char *const starts[] = {"POST /now HT", "POST /now" HEAD "Content-Length: 10\r\n\r\nhalf"};
    for (size_t i = 0; i < 2; i++) {
        struct raw raw;
        raw_open(&raw, app.port);
        raw_send(&raw, starts[i]);
        assert_true(raw_is_closed(&raw, RAW_DEADLINE_SECONDS));
        raw_close(&raw);
    }
    app_stop(&app);
}

static void test_connections_are_limited(void **state) {
    (void)state;
    struct app app;
    /* Nobody's silence helps. */
    app_start(&app, (struct httpd_options){.connections = 2, .timeout_seconds = 10 * RAW_DEADLINE_SECONDS});
    struct raw raws[3];
    struct raw_answer answer;
    for (size_t i = 0; i < 2; i++) {
        raw_open(&raws[i], app.port);
        raw_send(&raws[i], "GET /now" HEAD "\r\n");
        raw_read(&raws[i], &answer);
        assert_int_equal(answer.status, 200);
    }
    raw_open(&raws[2], app.port);
    raw_send(&raws[2], "GET /later" HEAD "\r\n");
    raw_send(&raws[1], "GET /now" HEAD "\r\n");
    raw_read(&raws[1], &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(app.later_count, 0);
    raw_close(&raws[0]);
    app_wait_for_later(&app, 1);
    app_answer(app.later[0], "it is my turn");
    raw_read(&raws[2], &answer);
    assert_int_equal(answer.status, 200);
    for (size_t i = 1; i < 3; i++) {
        raw_close(&raws[i]);
    }
    app_stop(&app);
}

static void test_descriptors_are_closed_on_exec(void **state) {
    (void)state;
    bool was_open[1024] = {false};
    for (int fd = 0; fd < 1024; fd++) {
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw raw;
    raw_open(&raw, app.port);
    raw_send(&raw, "GET /later" HEAD "\r\n");
    app_wait_for_later(&app, 1);
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && !was_open[fd]) {
            count++;
            assert_true((flags & FD_CLOEXEC) != 0);
        }
    }
    assert_true(count >= 4);
    app_answer(app.later[0], "");
    raw_close(&raw);
    app_stop(&app);
}

static void inspect(struct httpd_request *request, void *context) {
    (void)context;
    assert_true(slice_is(httpd_path(request), "/a%2Fb"));
    assert_true(slice_is(httpd_query(request), "code=a%2Bb+c&empty=&bad=%zz&flag&code=second"));
    assert_true(slice_is(httpd_parameter(request, "code"), "a+b c"));
    assert_true(slice_is(httpd_parameter(request, "empty"), ""));
    assert_true(slice_is_set(httpd_parameter(request, "empty")));
    assert_true(slice_is_set(httpd_parameter(request, "flag")));
    assert_false(slice_is_set(httpd_parameter(request, "bad")));
    assert_false(slice_is_set(httpd_parameter(request, "cod")));
    assert_false(slice_is_set(httpd_parameter(request, "")));
    assert_true(slice_is(httpd_header(request, "X-SECRET"), "s3"));
    assert_false(slice_is_set(httpd_header(request, "x-other")));
    size_t length = 0;
    char *body = httpd_take_body(request, &length);
    assert_int_equal(length, 4);
    assert_memory_equal(body, "body", 4);
    free(body);
    assert_int_equal(httpd_body(request).length, 0);
    httpd_set_context(request, &length);
    assert_ptr_equal(httpd_context(request), &length);
    static const struct httpd_header headers[] = {{"Retry-After", "30"}, {"Allow", "POST"}};
    httpd_answer(request,
                 &(struct httpd_answer){.status = 503, .headers = headers, .header_count = 2, .must_close = true});
}

static void test_what_a_request_holds(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){.on_request = inspect});
    struct raw_answer answer;
    char value[256];
    raw_ask(app.port,
            "POST /a%2Fb?code=a%2Bb+c&empty=&bad=%zz&flag&code=second" HEAD
            "x-secret: s3\r\nContent-Length: 4\r\n\r\nbody",
            &answer);
    assert_int_equal(answer.status, 503);
    assert_string_equal(raw_header(&answer, "Retry-After", value), "30");
    assert_string_equal(raw_header(&answer, "Allow", value), "POST");
    assert_string_equal(raw_header(&answer, "Connection", value), "close");
    assert_null(raw_header(&answer, "Content-Type", value));
    app_stop(&app);
}

static void test_addresses(void **state) {
    (void)state;
    struct app app;
    struct error error = {0};
    app_start(&app, (struct httpd_options){.address = "localhost:0"});
    char taken[64];
    snprintf(taken, sizeof taken, "localhost:%u", (unsigned)app.port);
    const struct httpd_options again = {.address = taken, .on_request = app_on_request};
    assert_null(httpd_start(&again, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, taken));
    app_stop(&app);
    static const char *const wrong[] = {"", "127.0.0.1", "127.0.0.1:99999", "no host:1", "[::1:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct httpd_options options = {.address = wrong[i], .on_request = app_on_request};
        assert_null(httpd_start(&options, &error));
    }
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (fd >= 0 && bind(fd, (const struct sockaddr *)(const void *)&loopback, sizeof loopback) == 0) {
        app_start(&app, (struct httpd_options){.address = "[::1]:0"});
        assert_true(app.port > 0);
        app_stop(&app);
    }
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_is_kept_alive),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_chunked_body_is_put_together),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_refused_sender_is_not_reset),
        cmocka_unit_test(test_expected_continue_is_sent),
        cmocka_unit_test(test_half_a_body_then_nothing),
        cmocka_unit_test(test_silent_client_is_closed),
        cmocka_unit_test(test_connections_are_limited),
        cmocka_unit_test(test_descriptors_are_closed_on_exec),
        cmocka_unit_test(test_what_a_request_holds),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests_name("httpd", tests, NULL, NULL);
}
