/* The client against a real server on a raw socket: what goes out, and what comes back. */
#include "support/http_paths.h"
#include <fcntl.h>

static void connections_are_kept_and_used_again(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    for (int i = 0; i < 20; i++) {
        fixture_get(fixture, &fetch, "/echo/again");
        assert_ok(&fetch, "/echo/again");
        assert_int_equal(fetch.sends, 1);
        assert_true(fetch.seconds >= 0 && fetch.seconds < FIXTURE_DEADLINE_S);
    }
    assert_int_equal(fixture->server.connection_count, 1);
}

static void many_at_once_share_the_hosts_connections(void **state) {
    struct fixture *fixture = *state;
    enum { COUNT = 200 };
    struct fetch *fetches = calloc(COUNT, sizeof *fetches);
    assert_non_null(fetches);
    for (int i = 0; i < COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "/echo/%d", i);
        fixture_fetch(fixture, &fetches[i], path);
        fixture_send(&fetches[i]);
    }
    fixture_run(fixture);
    for (int i = 0; i < COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "/echo/%d", i);
        assert_ok(&fetches[i], path);
    }
    assert_in_range(fixture->server.connection_count, 1, 8);
    free(fetches);
}

static void what_goes_out_is_what_was_given(void **state) {
    struct fixture *fixture = *state;
    const struct http_header headers[] = {{"X-One", "a\tb"}, {"X-Empty", ""}, {"Content-Type", "text/x"}};
    struct fetch fetch;
    fixture_fetch(fixture, &fetch, "/echo/a/../b/%2e%2E/./c%20:accept?x=%C3%BC&y=1;2");
    fetch.call.method = "PATCH";
    fetch.call.headers = headers;
    fetch.call.header_count = 3;
    fetch.call.body = slice_of("{\"a\":1}");
    fixture_send(&fetch);
    fixture_run(fixture);
    assert_ok(&fetch, "/echo/a/../b/%2e%2E/./c%20:accept?x=%C3%BC&y=1;2");
    const char *head = fixture->server.last_head;
    assert_non_null(strstr(head, "PATCH /echo/a/../b/%2e%2E/./c%20:accept?x=%C3%BC&y=1;2 HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nX-One: a\tb\r\n"));
    assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Type: text/x\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(head, "\r\nUser-Agent: switchhook/"));
}

static void a_post_without_a_body_says_so(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_fetch(fixture, &fetch, "/body");
    fetch.call.method = "POST";
    fixture_send(&fetch);
    fixture_run(fixture);
    assert_ok(&fetch, "");
    const char *head = fixture->server.last_head;
    assert_non_null(strstr(head, "POST /body HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 0\r\n"));
    assert_null(strcasestr(head, "content-type"));
}

static void a_large_body_goes_out_without_asking(void **state) {
    struct fixture *fixture = *state;
    enum { SIZE = 3 * 512 * 1024 }; /* libcurl would ask from 1 MiB on */
    char *body = malloc(SIZE);
    assert_non_null(body);
    memset(body, 'b', SIZE);
    struct fetch fetch;
    fixture_fetch(fixture, &fetch, "/body");
    fetch.call.method = "PUT";
    fetch.call.body = slice_make(body, SIZE);
    fetch.call.answer_limit = SIZE;
    fixture_send(&fetch);
    fixture_run(fixture);
    assert_int_equal(fetch.status, 200);
    assert_int_equal(fetch.body_length, SIZE);
    assert_null(strcasestr(fixture->server.last_head, "expect"));
    free(body);
}

static void other_methods_work(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"HEAD", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct fetch fetch;
        fixture_fetch(fixture, &fetch, "/x");
        fetch.call.method = methods[i];
        fixture_send(&fetch);
        fixture_run(fixture);
        /* The server sends a body to HEAD as well: the client must not wait for one, nor keep that connection. */
        assert_ok(&fetch, strcmp(methods[i], "HEAD") == 0 ? "" : "ok");
        assert_memory_equal(fixture->server.last_head, methods[i], strlen(methods[i]));
        assert_null(strcasestr(fixture->server.last_head, "content-length"));
        fixture->server.last_head[0] = '\0';
    }
}

static void calls_that_would_bend_the_request_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const struct http_header headers[] = {{"X-A", "a\r\nX-B: b"},
                                                 {"X-A", "a\nb"},
                                                 {"X-A", "a\rb"},
                                                 {"X-A", "a\x01"},
                                                 {"X-A", "a\x7f"},
                                                 {"X A", "a"},
                                                 {"X-A:", "a"},
                                                 {"X-A\r\nX-B", "a"},
                                                 {"", "a"},
                                                 {"Content-Length", "5"},
                                                 {"host", "evil"},
                                                 {"Transfer-Encoding", "chunked"},
                                                 {"connection", "close"},
                                                 {"Expect", "100-continue"},
                                                 {"X\xc3\xbc", "a"}};
    struct fetch fetch;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        fixture_fetch(fixture, &fetch, "/x");
        fetch.call.headers = &headers[i];
        fetch.call.header_count = 1;
        fixture_send(&fetch);
        fixture_run(fixture);
        assert_failed(&fetch, ERROR_INVALID);
        assert_int_equal(fetch.sends, 0);
    }
    static const char *const methods[] = {"",        "GET ",      "G\r\nET", "GET /evil HTTP/1.1\r\n",
                                          "CONNECT", "G\xc3\xbcT"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        fixture_fetch(fixture, &fetch, "/x");
        fetch.call.method = methods[i];
        fixture_send(&fetch);
        fixture_run(fixture);
        assert_failed(&fetch, ERROR_INVALID);
    }
    static const char *const urls[] = {"",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "127.0.0.1/",
                                       "http://127.0.0.1/a b",
                                       "http://\r\n",
                                       "http://127.0.0.1/\r\nX: y",
                                       "http://127.0.0.1/\xfc",
                                       "http://",
                                       "http://u:p@127.0.0.1/",
                                       "http://u@127.0.0.1/",
                                       "javascript:alert(1)",
                                       "http://127.0.0.1:0x50/",
                                       "http://[::1/",
                                       "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        fixture_get(fixture, &fetch, urls[i][0] == '\0' ? "\x01" : urls[i]);
        assert_failed(&fetch, ERROR_INVALID);
    }
    assert_int_equal(fixture->server.request_count, 0);
}

static void retry_after_is_read_in_its_forms(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *path;
        int64_t least, most;
    } cases[] = {{"/retry/seconds", 120, 120},          {"/retry/date", 60, 91}, {"/retry/past", 0, 0},
                 {"/retry/huge", INT32_MAX, INT32_MAX}, {"/retry/bad", -1, -1},  {"/x", -1, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fetch fetch;
        fixture_get(fixture, &fetch, cases[i].path);
        assert_int_equal(fetch.error.code, ERROR_NONE);
        assert_true(fetch.retry_after_s >= cases[i].least && fetch.retry_after_s <= cases[i].most);
    }
}

static void headers_are_those_of_the_final_answer(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/hints");
    assert_ok(&fetch, "ok");
    assert_string_equal(fetch.x_test, "final");
    assert_int_equal(fetch.header_count, 2);
}

static void redirects_are_answers(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/redirect");
    assert_int_equal(fetch.status, 302);
    assert_string_equal(fetch.x_test, "moved");
    assert_int_equal(fixture->server.request_count, 1);
}

static void proxies_of_the_environment_are_not_used(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < 4; i++) {
        setenv(names[i], "http://127.0.0.1:1/", 1);
    }
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/x");
    assert_ok(&fetch, "ok");
    for (size_t i = 0; i < 4; i++) {
        unsetenv(names[i]);
    }
}

static void check_close_on_exec(struct fetch *fetch, const struct http_answer *unused) {
    struct fixture *fixture = fetch->fixture;
    size_t found = 0;
    (void)unused;
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in place;
        socklen_t length = sizeof place;
        if (getpeername(fd, (struct sockaddr *)(void *)&place, &length) == 0 && place.sin_family == AF_INET &&
            ntohs(place.sin_port) == fixture->server.port) {
            found++;
            assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
    }
    assert_int_equal(found, 1);
}

static void descriptors_are_close_on_exec(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_fetch(fixture, &fetch, "/x");
    fetch.then = check_close_on_exec;
    fixture_send(&fetch);
    fixture_run(fixture);
    assert_ok(&fetch, "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(connections_are_kept_and_used_again),
        TEST(many_at_once_share_the_hosts_connections),
        TEST(what_goes_out_is_what_was_given),
        TEST(a_post_without_a_body_says_so),
        TEST(a_large_body_goes_out_without_asking),
        TEST(other_methods_work),
        TEST(calls_that_would_bend_the_request_are_refused),
        TEST(retry_after_is_read_in_its_forms),
        TEST(headers_are_those_of_the_final_answer),
        TEST(redirects_are_answers),
        TEST(proxies_of_the_environment_are_not_used),
        TEST(descriptors_are_close_on_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
