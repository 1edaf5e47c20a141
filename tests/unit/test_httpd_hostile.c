/* The listener against requests that are wrong on purpose: each gets a clear answer, none reaches the caller,
 * and the listener goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpd_app.h"

#define HEAD   " HTTP/1.1\r\nHost: test\r\n"
#define CHUNKS "3\r\nabc\r\n0\r\n\r\n"

struct row {
    const char *request;
    int status;
    const char *code; /* NULL: the library's own page */
};

/* Every one is answered and its connection closed: what follows on it cannot be trusted. */
static const struct row rows[] = {
    {"POST /now" HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "bad_length"},
    {"POST /now" HEAD "Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc", 400, "bad_length"},
    {"POST /now" HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 400, "bad_length"},
    {"POST /now" HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" CHUNKS, 400, "bad_length"},
    {"POST /now" HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 400,
     "bad_length"},
    {"POST /now" HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS, 501, "bad_coding"},
    {"POST /now" HEAD "Transfer-Encoding: identity\r\n\r\nabc", 501, "bad_coding"},
    {"POST /now" HEAD "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS, 501, "bad_coding"},
    {"POST /now" HEAD "Content-Length : 3\r\n\r\nabc", 400, "bad_header"},
    {"POST /now" HEAD "Transfer-Encoding : chunked\r\n\r\n" CHUNKS, 400, "bad_header"},
    {"POST /now" HEAD "Content-Length: -3\r\n\r\nabc", 400, NULL},
    {"POST /now" HEAD "Content-Length: 3x\r\n\r\nabc", 400, NULL},
    {"POST /now" HEAD "Content-Length: +3\r\n\r\nabc", 400, NULL},
    {"POST /now" HEAD "Content-Length: 99999999999999999999999\r\n\r\nabc", 413, NULL},
    {"POST /now" HEAD "Content-Length: 18446744073709551615\r\n\r\nabc", 413, NULL},
    {"POST /now" HEAD "Content-Length: 9223372036854775807\r\n\r\nabc", 413, "body_too_large"},
    {"POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400, NULL},
    {"POST /now" HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", 413, NULL},
    {"GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_host"},
    {"GET /now HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", 400, "bad_host"},
    {"GET /now HTTP/1.1\r\n\r\n", 400, "bad_host"},
    {"GET /now" HEAD "X-A : b\r\n\r\n", 400, "bad_header"},
    {"GET /now" HEAD "X(A): b\r\n\r\n", 400, "bad_header"},
    {"GET /now" HEAD "X-A: a\rb\r\n\r\n", 400, "bad_header"},
    {"GET /now" HEAD "X-A: a\x01\r\n\r\n", 400, "bad_header"},
    {"GET /now" HEAD "no colon\r\n\r\n", 400, NULL},
    {"G(T /now" HEAD "\r\n", 400, "bad_method"},
    {"GET now" HEAD "\r\n", 400, "bad_target"},
    {"GET http://test/now" HEAD "\r\n", 400, "bad_target"},
    {"OPTIONS *" HEAD "\r\n", 400, "bad_target"},
    {"GET /now now" HEAD "\r\n", 400, "bad_target"},
    {"GET /n\xc3\xb6w" HEAD "\r\n", 400, "bad_target"},
    {"GET /now\r\nHost: test\r\n\r\n", 400, NULL},
    {"GET /now HTTP/2.0\r\nHost: test\r\n\r\n", 505, NULL},
};

static void test_ambiguous_requests_are_refused(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw raw;
        struct raw_answer answer;
        raw_open(&raw, app.port);
        raw_send(&raw, rows[i].request);
        raw_read(&raw, &answer);
        if (answer.status != rows[i].status ||
            (rows[i].code != NULL && strstr(answer.body, rows[i].code) == NULL)) {
            fail_msg("row %zu: %s is answered %d %s", i, rows[i].request, answer.status, answer.body);
        }
        char value[256];
        assert_string_equal(raw_header(&answer, "Connection", value), "close");
        /* The library sends its page for a bad length twice; then it closes. */
        while (raw_fill(&raw, clock_monotonic_ns() + RAW_DEADLINE_SECONDS * CLOCK_NS_PER_S) > 0) {
        }
        assert_null(raw.in.bytes == NULL ? NULL : strstr(raw.in.bytes, " 200 "));
        raw_close(&raw);
    }
    assert_int_equal(app.requests, 0);
    app_stop(&app);
}

/* A second request hidden behind the first one's doubtful end is not read. */
static void test_smuggled_request_is_not_seen(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw_answer answer;
    raw_ask(app.port,
            "POST /now" HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            "GET /now" HEAD "\r\n",
            &answer);
    assert_int_equal(answer.status, 400);
    assert_int_equal(app.requests, 0);
    app_stop(&app);
}

/* What is odd and yet clear goes through. */
static void test_odd_requests_are_understood(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    static const char *const requests[] = {
        "GET /now HTTP/1.0\r\n\r\n",
        "BREW /now" HEAD "\r\n",
        "GET /now" HEAD "X-A: b\r\n folded\r\n\r\n",
        "GET /now" HEAD "X-A:\r\nX-B: \xff\xfe\r\n\r\n",
        "\r\nGET /now" HEAD "\r\n",
        "GET /now?a=%00%zz&&==& HTTP/1.1\r\nhost:test\r\n\r\n",
        "GET /../../etc/passwd" HEAD "\r\n",
        "DELETE /now" HEAD "Content-Length: 1\r\n\r\nx",
        "POST /now" HEAD "Content-Length: 000001\r\n\r\nx",
        "POST /now" HEAD "Transfer-Encoding: CHUNKED\r\n\r\n" CHUNKS,
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct raw_answer answer;
        if (raw_ask(app.port, requests[i], &answer) != 200) {
            fail_msg("%s is answered %d %s", requests[i], answer.status, answer.body);
        }
    }
    app_stop(&app);
}

static void ask_with_header(uint16_t port, size_t size, bool is_target, struct raw_answer *answer) {
    struct buffer request;
    buffer_init(&request, size + 1024);
    buffer_append_text(&request, is_target ? "GET /now" : "GET /now" HEAD "X-Long: ");
    char *room = buffer_reserve(&request, size);
    assert_non_null(room);
    memset(room, 'a', size);
    buffer_grew(&request, size);
    buffer_append_text(&request, is_target ? HEAD "\r\n" : "\r\n\r\n");
    assert_int_not_equal(raw_ask(port, request.bytes, answer), 0);
    buffer_reset(&request);
}

static void test_large_heads(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw_answer answer;
    char value[256];
    ask_with_header(app.port, 40 * 1024, false, &answer); /* what Event Grid may add */
    assert_int_equal(answer.status, 200);
    ask_with_header(app.port, 49 * 1024, false, &answer);
    assert_int_equal(answer.status, 431);
    assert_string_equal(raw_header(&answer, "Content-Type", value), "application/json");
    ask_with_header(app.port, 49 * 1024, true, &answer);
    assert_int_equal(answer.status, 431);
    ask_with_header(app.port, 1024 * 1024, false, &answer);
    assert_int_equal(answer.status, 431);
    ask_with_header(app.port, 1024 * 1024, true, &answer);
    assert_int_equal(answer.status, 414);
    assert_int_equal(app.requests, 1);
    app_stop(&app);
}

/* Much of everything: a connection's memory holds the head and what the library notes of each header. */
static void ask_with_headers(uint16_t port, size_t wide, size_t narrow, struct raw_answer *answer) {
    struct buffer request;
    buffer_init(&request, 256 * 1024);
    buffer_append_text(&request, "POST /now" HEAD "Content-Length: 900\r\n");
    for (size_t i = 0; i < wide; i++) {
        buffer_append_format(&request, "X-Wide-%zu: %04086d\r\n", i, 0);
    }
    for (size_t i = 0; i < narrow; i++) {
        buffer_append_format(&request, "X-Narrow-%03zu: %042d\r\n", i, 0);
    }
    buffer_append_format(&request, "\r\n%0900d", 0);
    assert_false(request.is_broken);
    assert_int_not_equal(raw_ask(port, request.bytes, answer), 0);
    buffer_reset(&request);
}

static void test_many_headers(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw_answer answer;
    char value[256];
    ask_with_headers(app.port, 10, 100, &answer); /* 47 KiB: ten that a subscription adds, and others */
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "00000"));
    ask_with_headers(app.port, 14, 10, &answer);
    assert_int_equal(answer.status, 431);
    assert_string_equal(raw_header(&answer, "Content-Type", value), "application/json");
    app_stop(&app);
}

/* Heads cut anywhere, and bytes that are no HTTP at all. */
static void test_broken_off_requests(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    static const char whole[] = "POST /later" HEAD "Content-Length: 4\r\nX-A: b\r\n\r\nbody";
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        struct raw raw;
        raw_open(&raw, app.port);
        raw_send_bytes(&raw, whole, cut);
        raw_close(&raw);
    }
    unsigned char noise[4096];
    uint32_t random = 12345;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            random = random * 1664525U + 1013904223U;
            noise[i] = (unsigned char)(random >> 24);
        }
        struct raw raw;
        raw_open(&raw, app.port);
        raw_send_bytes(&raw, (const char *)noise, sizeof noise);
        raw_close(&raw);
    }
    struct raw_answer answer;
    assert_int_equal(raw_ask(app.port, "GET /now" HEAD "\r\n", &answer), 200);
    assert_int_equal(app.requests, 1);
    app_stop(&app);
}

/* A header that cannot be sent is never sent half: the connection is closed. */
static void answer_split(struct httpd_request *request, void *context) {
    (void)context;
    static const struct httpd_header header = {"X-A", "a\r\nSet-Cookie: b"};
    httpd_answer(request, &(struct httpd_answer){.status = 200, .headers = &header, .header_count = 1});
}

static void test_answer_cannot_be_split(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){.on_request = answer_split});
    struct raw_answer answer;
    assert_int_equal(raw_ask(app.port, "GET /now" HEAD "\r\n", &answer), 0);
    app_stop(&app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ambiguous_requests_are_refused),
        cmocka_unit_test(test_smuggled_request_is_not_seen),
        cmocka_unit_test(test_odd_requests_are_understood),
        cmocka_unit_test(test_large_heads),
        cmocka_unit_test(test_many_headers),
        cmocka_unit_test(test_broken_off_requests),
        cmocka_unit_test(test_answer_cannot_be_split),
    };
    return cmocka_run_group_tests_name("httpd, hostile", tests, NULL, NULL);
}
