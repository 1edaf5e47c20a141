/* What is kept from one call to the next (connections, their place in the loop, handles), and what must not be. */
#include "base/list.h"
#include "support/http_paths.h"
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

enum { TOGETHER = 150, DEADLINE_S = 20 };

static atomic_uint waiting, registrations, watched;

/* Stands before the C library's, and counts. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    int result = (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
    registrations++;
    if (result == 0) {
        watched += operation == EPOLL_CTL_ADD ? 1U : operation == EPOLL_CTL_DEL ? -1U : 0U;
    }
    return result;
}

static void answer_when_all_are_here(struct server_call *call) {
    int64_t deadline = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    waiting++;
    while (waiting < TOGETHER && clock_monotonic_ns() < deadline) {
        sched_yield();
    }
    server_send(call, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", waiting < TOGETHER ? "503 Alone" : "200 OK");
}

static bool answer_kept(struct server_call *call) {
    if (strcmp(call->path, "/together") == 0) {
        answer_when_all_are_here(call);
        return true;
    }
    if (strcmp(call->path, "/slow") == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 200 * CLOCK_NS_PER_MS}, NULL);
    }
    bool is_kept = answer(call);
    return is_kept && strcmp(call->path, "/last") != 0;
}

static int start_kept(void **state) {
    struct fixture *fixture = malloc(sizeof *fixture);
    if (fixture == NULL) {
        return -1;
    }
    waiting = 0;
    watched = 0;
    fixture_start(fixture, answer_kept, NULL);
    *state = fixture;
    return 0;
}

static void hundreds_of_calls_to_one_host_are_under_way_at_once(void **state) {
    struct fixture *fixture = *state;
    struct fetch *fetches = calloc(TOGETHER, sizeof *fetches);
    assert_non_null(fetches);
    for (int i = 0; i < TOGETHER; i++) {
        fixture_fetch(fixture, &fetches[i], "/together");
        fixture_send(&fetches[i]);
    }
    fixture_run(fixture);
    for (int i = 0; i < TOGETHER; i++) {
        assert_ok(&fetches[i], "");
    }
    assert_int_equal(fixture->server.connection_count, TOGETHER);
    free(fetches);
}

static void a_call_on_a_kept_connection_registers_nothing(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/echo/first");
    assert_ok(&fetch, "/echo/first");
    unsigned before = registrations;
    for (int i = 0; i < 20; i++) {
        fixture_get(fixture, &fetch, "/echo/again");
        assert_ok(&fetch, "/echo/again");
    }
    assert_int_equal(registrations, before);
    assert_int_equal(fixture->server.connection_count, 1);
}

static void stop_the_loop(struct loop_timer *timer) {
    struct fixture *fixture = CONTAINER_OF(timer, struct fixture, deadline);
    loop_stop(fixture->loop);
}

static void run_until_watched(struct fixture *fixture, unsigned count) {
    int64_t deadline = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    while (watched != count) {
        assert_true(clock_monotonic_ns() < deadline);
        assert_int_equal(loop_timer_set(fixture->loop, &fixture->deadline, clock_monotonic_ns() + CLOCK_NS_PER_MS,
                                        stop_the_loop),
                         0);
        loop_run(fixture->loop);
    }
}

static void a_connection_that_ends_while_it_is_kept_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    unsigned own = watched; /* the loop's */
    for (int i = 0; i < 30; i++) {
        struct fetch fetch;
        fixture_get(fixture, &fetch, "/last");
        assert_ok(&fetch, "ok");
        assert_int_equal(fetch.sends, 1);
        run_until_watched(fixture, own);
    }
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/x");
    assert_int_equal(watched, own + 1);
    http_client_free(fixture->client);
    fixture->client = NULL;
    assert_int_equal(watched, own);
}

static void send_and_run(struct fetch *fetch, struct http_transfer **transfer) {
    fixture_send(fetch);
    /* Otherwise nothing is seen here: it is the same handle each time. */
    assert_true(*transfer == NULL || *transfer == fetch->call.transfer);
    *transfer = fetch->call.transfer;
    fixture_run(fetch->fixture);
}

static void nothing_of_a_request_stays_for_the_next(void **state) {
    struct fixture *fixture = *state;
    static const struct http_header secret[] = {{"X-Secret", "s"}, {"Content-Type", "text/x"}};
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "PUT", "GET"};
    const char *head = fixture->server.last_head;
    struct http_transfer *transfer = NULL;
    struct fetch fetch;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        fixture_fetch(fixture, &fetch, "/body");
        fetch.call.method = i % 2 == 0 ? "PATCH" : "POST";
        fetch.call.headers = secret;
        fetch.call.header_count = 2;
        fetch.call.body = slice_of("{\"a\":1}");
        send_and_run(&fetch, &transfer);
        assert_non_null(strstr(head, "X-Secret: s\r\n"));

        bool has_length = methods[i][0] == 'P', is_head = strcmp(methods[i], "HEAD") == 0;
        fixture_fetch(fixture, &fetch, "/x");
        fetch.call.method = methods[i];
        send_and_run(&fetch, &transfer);
        assert_ok(&fetch, is_head ? "" : "ok");
        assert_memory_equal(head, methods[i], strlen(methods[i]));
        assert_non_null(strstr(head, " /x HTTP/1.1\r\n"));
        assert_null(strcasestr(head, "x-secret"));
        assert_null(strcasestr(head, "content-type"));
        assert_true((strcasestr(head, "content-length: 0\r\n") != NULL) == has_length);
        assert_true((strcasestr(head, "content-length") != NULL) == has_length);
    }
}

static void nothing_of_a_calls_limits_stays_for_the_next(void **state) {
    struct fixture *fixture = *state;
    struct http_transfer *transfer = NULL;
    struct fetch fetch;
    for (int i = 0; i < 2; i++) {
        fixture_fetch(fixture, &fetch, "/slow");
        fetch.call.timeout_ms = 20;
        send_and_run(&fetch, &transfer);
        assert_failed(&fetch, ERROR_TIMEOUT);

        fixture_fetch(fixture, &fetch, "/slow");
        send_and_run(&fetch, &transfer);
        assert_ok(&fetch, "ok");

        fixture_fetch(fixture, &fetch, "/echo/longer-than-that");
        fetch.call.answer_limit = 4;
        send_and_run(&fetch, &transfer);
        assert_failed(&fetch, ERROR_LIMIT);

        fixture_fetch(fixture, &fetch, "/x");
        fetch.call.is_guarded = true;
        send_and_run(&fetch, &transfer);
        assert_failed(&fetch, ERROR_INVALID);
        assert_int_equal(fetch.sends, 0);

        fixture_fetch(fixture, &fetch, "/echo/longer-than-that");
        send_and_run(&fetch, &transfer);
        assert_ok(&fetch, "/echo/longer-than-that");
        assert_int_equal(fetch.sends, 1);

        fixture_fetch(fixture, &fetch, "/redirect");
        send_and_run(&fetch, &transfer);
        assert_string_equal(fetch.x_test, "moved");
        fixture_fetch(fixture, &fetch, "/x");
        send_and_run(&fetch, &transfer);
        assert_ok(&fetch, "ok");
        assert_string_equal(fetch.x_test, "");
    }
}

#define KEPT(name) cmocka_unit_test_setup_teardown(name, start_kept, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        KEPT(hundreds_of_calls_to_one_host_are_under_way_at_once),
        KEPT(a_call_on_a_kept_connection_registers_nothing),
        KEPT(a_connection_that_ends_while_it_is_kept_leaves_nothing),
        KEPT(nothing_of_a_request_stays_for_the_next),
        KEPT(nothing_of_a_calls_limits_stays_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
