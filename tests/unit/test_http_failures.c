/* The client against a real server: what fails, what is sent again, what is cancelled. */
#include "support/http_paths.h"
#include <errno.h>

static void a_slow_answer_times_out(void **state) {
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/never", "/half-then-never"};
    for (size_t i = 0; i < 2; i++) {
        struct fetch fetch;
        fixture_fetch(fixture, &fetch, paths[i]);
        fetch.call.timeout_ms = 150;
        fixture_send(&fetch);
        fixture_run(fixture);
        assert_failed(&fetch, ERROR_TIMEOUT);
        assert_int_equal(fetch.sends, 1);
        assert_true(fetch.seconds >= 0.1);
    }
}

static void answers_over_the_limit_fail(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/limit");
    assert_int_equal(fetch.error.code, ERROR_NONE);
    assert_int_equal(fetch.body_length, 4096);
    static const char *const paths[] = {"/over", "/endless", "/many-headers"};
    for (size_t i = 0; i < 3; i++) {
        fixture_get(fixture, &fetch, paths[i]);
        assert_failed(&fetch, ERROR_LIMIT);
    }
    fixture_fetch(fixture, &fetch, "/x");
    fetch.call.answer_limit = 0;
    fixture_send(&fetch);
    fixture_run(fixture);
    assert_failed(&fetch, ERROR_LIMIT);
}

static void half_an_answer_is_none(void **state) {
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/half", "/half-chunk", "/nothing", "/not-http"};
    for (size_t i = 0; i < 4; i++) {
        struct fetch fetch;
        fixture_get(fixture, &fetch, paths[i]);
        assert_failed(&fetch, ERROR_SYSTEM);
        assert_int_equal(fetch.sends, 1);
        assert_int_equal(fetch.retry_after_s, -1);
    }
}

static void a_refused_connection_was_never_sent_on(void **state) {
    struct fixture *fixture = *state;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof place;
    /* Bound and not listening: nobody else gets the port meanwhile. */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&place, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&place, &length), 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(place.sin_port));
    struct fetch fetch;
    fixture_get(fixture, &fetch, url);
    assert_failed(&fetch, ERROR_SYSTEM);
    assert_int_equal(fetch.error.system, ECONNREFUSED);
    assert_int_equal(fetch.sends, 0);
    close(fd);
}

static void a_request_that_libcurl_sends_again_is_counted(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"GET", "POST", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        struct fetch fetch;
        fixture_get(fixture, &fetch, "/echo/warm");
        assert_int_equal(fetch.sends, 1);
        unsigned before = fixture->server.request_count;
        fixture_fetch(fixture, &fetch, "/dead-when-reused");
        fetch.call.method = methods[i];
        fetch.call.body = i == 2 ? slice_of("{}") : slice_of(NULL);
        fixture_send(&fetch);
        fixture_run(fixture);
        assert_ok(&fetch, "ok");
        assert_int_equal(fetch.sends, 2);
        assert_int_equal(fixture->server.request_count, before + 2);
    }
}

/* --- cancelling */

static void a_cancelled_call_is_never_done(void **state) {
    struct fixture *fixture = *state;
    struct fetch stuck, other, refused;
    fixture_fetch(fixture, &stuck, "/never");
    http_send(fixture->client, &stuck.call);
    /* Until the server has the request. */
    while (fixture->server.request_count < 2) {
        fixture_get(fixture, &other, "/echo/other");
        assert_ok(&other, "/echo/other");
    }
    assert_non_null(stuck.call.transfer);
    http_cancel(fixture->client, &stuck.call);
    assert_null(stuck.call.transfer);
    http_cancel(fixture->client, &stuck.call);

    /* One that has failed already and waits for its turn. */
    fixture_fetch(fixture, &refused, "ftp://x/");
    http_send(fixture->client, &refused.call);
    assert_non_null(refused.call.transfer);
    http_cancel(fixture->client, &refused.call);

    /* One that libcurl has not begun. */
    fixture_fetch(fixture, &refused, "/x");
    http_send(fixture->client, &refused.call);
    http_cancel(fixture->client, &refused.call);

    fixture_get(fixture, &other, "/echo/after");
    assert_ok(&other, "/echo/after");
    assert_int_equal(stuck.done_count, 0);
    assert_int_equal(refused.done_count, 0);
}

static struct fetch pair[2];

static void cancel_the_other(struct fetch *fetch, const struct http_answer *unused) {
    struct fetch *other = fetch == &pair[0] ? &pair[1] : &pair[0];
    (void)unused;
    http_cancel(fetch->fixture->client, &other->call);
    if (--fetch->fixture->pending == 0) {
        loop_stop(fetch->fixture->loop);
    }
}

static void done_may_cancel_another_that_is_finished(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2; i++) {
        fixture_fetch(fixture, &pair[i], "ftp://x/");
        pair[i].then = cancel_the_other;
        fixture_send(&pair[i]);
    }
    fixture_run(fixture);
    assert_int_equal(pair[0].done_count + pair[1].done_count, 1);
}

static void send_again(struct fetch *fetch, const struct http_answer *unused) {
    (void)unused;
    if (fetch->done_count < 5) {
        fixture_send(fetch);
    }
}

static void done_may_send_the_same_call_again(void **state) {
    struct fixture *fixture = *state;
    static const char *const urls[] = {"/x", "ftp://x/"};
    for (size_t i = 0; i < 2; i++) {
        struct fetch fetch;
        fixture_fetch(fixture, &fetch, urls[i]);
        fetch.then = send_again;
        fixture_send(&fetch);
        while (fetch.done_count < 5) {
            fixture_run(fixture);
        }
        assert_int_equal(fetch.done_count, 5);
        assert_false(fetch.was_done_inside_send);
    }
}

static void a_client_can_be_freed_at_any_moment(void **state) {
    struct fixture *fixture = *state;
    struct fetch stuck, refused, waiting;
    fixture_fetch(fixture, &stuck, "/never");
    http_send(fixture->client, &stuck.call);
    while (fixture->server.request_count < 2) {
        fixture_get(fixture, &waiting, "/x");
    }
    fixture_fetch(fixture, &waiting, "/x");
    http_send(fixture->client, &waiting.call);
    fixture_fetch(fixture, &refused, "ftp://x/");
    http_send(fixture->client, &refused.call);
    http_client_free(fixture->client);
    assert_null(stuck.call.transfer);
    assert_null(waiting.call.transfer);
    assert_null(refused.call.transfer);
    /* The loop still has the client's task. */
    loop_stop(fixture->loop);
    loop_run(fixture->loop);
    assert_int_equal(stuck.done_count + refused.done_count, 0);
    fixture->client = http_client_new(fixture->loop, NULL, NULL);
    assert_non_null(fixture->client);
    fixture_get(fixture, &waiting, "/x");
    assert_ok(&waiting, "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_slow_answer_times_out),
        TEST(answers_over_the_limit_fail),
        TEST(half_an_answer_is_none),
        TEST(a_refused_connection_was_never_sent_on),
        TEST(a_request_that_libcurl_sends_again_is_counted),
        TEST(a_cancelled_call_is_never_done),
        TEST(done_may_cancel_another_that_is_finished),
        TEST(done_may_send_the_same_call_again),
        TEST(a_client_can_be_freed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
