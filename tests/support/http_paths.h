/* What the test server of the client's tests answers, path by path, and the checks that these tests share. */
#ifndef TESTS_HTTP_PATHS_H
#define TESTS_HTTP_PATHS_H

#include "support/http_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n"

static inline void answer_retry_after(struct server_call *call) {
    server_send(call, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n");
    char date[CLOCK_TEXT_SIZE];
    if (strcmp(call->path, "/retry/seconds") == 0) {
        server_send(call, "Retry-After: 120\r\n\r\n");
    } else if (strcmp(call->path, "/retry/date") == 0) {
        int64_t at = clock_wall_us() + 90 * CLOCK_US_PER_S;
        server_send(call, "retry-after:   %s  \r\n\r\n", clock_format_http(at, date));
    } else if (strcmp(call->path, "/retry/past") == 0) {
        server_send(call, "Retry-After: Tue, 06 Feb 2024 10:00:00 GMT\r\n\r\n");
    } else if (strcmp(call->path, "/retry/huge") == 0) {
        server_send(call, "Retry-After: 99999999999\r\n\r\n");
    } else {
        server_send(call, "Retry-After: -5 or so\r\n\r\n");
    }
}

static inline void answer_body_of(struct server_call *call, size_t length, const char *framing) {
    char line[4096];
    memset(line, 'x', sizeof line);
    server_send(call, "HTTP/1.1 200 OK\r\n%s\r\n", framing);
    while (length > 0) {
        size_t piece = length < sizeof line ? length : sizeof line;
        server_send_bytes(call, line, piece);
        length -= piece;
    }
}

static inline bool answer(struct server_call *call) {
    const char *path = call->path;
    if (strncmp(path, "/echo/", 6) == 0) {
        server_send(call, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(path), path);
    } else if (strcmp(path, "/body") == 0) {
        server_send(call, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", call->body_length);
        server_send_bytes(call, call->body, call->body_length);
    } else if (strncmp(path, "/retry/", 7) == 0) {
        answer_retry_after(call);
    } else if (strcmp(path, "/never") == 0) {
        server_wait_for_end(call);
        return false;
    } else if (strcmp(path, "/half") == 0) {
        server_send(call, OK(100) "\r\nhalf");
        return false;
    } else if (strcmp(path, "/half-chunk") == 0) {
        server_send(call, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha");
        return false;
    } else if (strcmp(path, "/half-then-never") == 0) {
        server_send(call, OK(100) "\r\nhalf");
        server_wait_for_end(call);
        return false;
    } else if (strcmp(path, "/nothing") == 0) {
        return false;
    } else if (strcmp(path, "/not-http") == 0) {
        server_send(call, "hello\r\n\r\n");
        return false;
    } else if (strcmp(path, "/dead-when-reused") == 0 && call->connection_request > 1) {
        return false;
    } else if (strcmp(path, "/limit") == 0) {
        answer_body_of(call, 4096, "Content-Length: 4096\r\n");
    } else if (strcmp(path, "/over") == 0) {
        answer_body_of(call, 4097, "Content-Length: 4097\r\n");
    } else if (strcmp(path, "/endless") == 0) {
        answer_body_of(call, 64 * 1024, "");
        return false;
    } else if (strcmp(path, "/many-headers") == 0) {
        server_send(call, OK(0));
        for (int i = 0; i < 3000; i++) {
            server_send(call, "X-Header-%d: a value of some length\r\n", i);
        }
        server_send(call, "\r\n");
    } else if (strcmp(path, "/hints") == 0) {
        server_send(call, "HTTP/1.1 103 Early Hints\r\nX-Test: early\r\n\r\n"
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-TEST: \t final \r\n\r\n"
                          "2\r\nok\r\n0\r\nX-Trailer: late\r\n\r\n");
    } else if (strcmp(path, "/redirect") == 0) {
        server_send(call,
                    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nX-Test: moved\r\nLocation: /echo/moved\r\n\r\n");
    } else {
        server_send(call, OK(2) "\r\nok");
    }
    return true;
}

static inline int start(void **state) {
    struct fixture *fixture = malloc(sizeof *fixture);
    if (fixture == NULL) {
        return -1;
    }
    fixture_start(fixture, answer, &(struct http_options){.connections_per_host = 8});
    *state = fixture;
    return 0;
}

static inline int stop(void **state) {
    fixture_stop(*state);
    free(*state);
    return 0;
}

static inline void assert_ok(const struct fetch *fetch, const char *body) {
    if (fetch->error.code != ERROR_NONE) {
        fail_msg("%s: %s", fetch->url, fetch->error.message);
    }
    assert_int_equal(fetch->status, 200);
    assert_string_equal(fetch->body, body);
    assert_int_equal(fetch->done_count, 1);
    assert_null(fetch->call.transfer);
    assert_false(fetch->was_done_inside_send);
}

static inline void assert_failed(const struct fetch *fetch, enum error_code code) {
    if (fetch->error.code != code) {
        fail_msg("%s: %d %s", fetch->url, (int)fetch->error.code, fetch->error.message);
    }
    assert_int_equal(fetch->status, 0);
    assert_int_equal(fetch->body_length, 0);
    assert_int_equal(fetch->done_count, 1);
    assert_null(fetch->call.transfer);
    assert_false(fetch->was_done_inside_send);
    assert_true(fetch->error.message[0] != '\0');
}

#endif
