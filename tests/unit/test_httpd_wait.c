/* The listener: requests that wait, answers from other threads, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpd_app.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD " HTTP/1.1\r\nHost: test\r\n"

/* A request that waits holds no thread (there is one) and is not timed out. */
static void test_many_wait_at_once(void **state) {
    (void)state;
    enum { COUNT = 600 };
    struct app app;
    app_start(&app, (struct httpd_options){.timeout_seconds = 1});
    static struct raw raws[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        raw_open(&raws[i], app.port);
        raw_send(&raws[i], "POST /later" HEAD "Content-Length: 2\r\n\r\nhi");
    }
    app_wait_for_later(&app, COUNT);
    /* Another connection going silent for its second shows that the waiting ones had theirs. */
    struct raw silent;
    raw_open(&silent, app.port);
    assert_true(raw_is_closed(&silent, RAW_DEADLINE_SECONDS));
    raw_close(&silent);
    for (size_t i = 0; i < COUNT; i++) {
        app_answer(app.later[COUNT - 1 - i], "done");
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct raw_answer answer;
        raw_read(&raws[i], &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "done");
        raw_close(&raws[i]);
    }
    app_stop(&app);
}

/* The answer comes from another thread at the moment in which on_request returns. */
static void test_answer_races_with_suspend(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    assert_int_equal(pthread_create(&app.racer, NULL, app_race, &app), 0);
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    for (int i = 0; i < 2000; i++) {
        raw_send(&raw, "POST /race" HEAD "Content-Length: 1\r\n\r\nx");
        raw_read(&raw, &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "POST /race x");
    }
    raw_close(&raw);
    atomic_store(&app.is_over, true);
    pthread_join(app.racer, NULL);
    app_stop(&app);
}

static _Thread_local bool is_listeners_thread;

static void on_called(struct httpd_request *request, void *context) {
    struct app *app = context;
    /* The first call leaves the request waiting. */
    if (atomic_fetch_add(&app->requests, 1) == 0) {
        return;
    }
    app_answer(request, is_listeners_thread ? "at home" : "abroad");
}

static void note_thread(struct httpd_request *request, void *context) {
    is_listeners_thread = true;
    struct app *app = context;
    pthread_mutex_lock(&app->lock);
    app->later[app->later_count++] = request;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->lock);
}

/* The listener has nothing else to do that would wake it. */
static void test_call_on_the_listeners_thread(void **state) {
    (void)state;
    struct app app;
    app_start(&app,
              (struct httpd_options){.on_request = note_thread, .timeout_seconds = 10 * RAW_DEADLINE_SECONDS});
    struct raw raw;
    struct raw_answer answer;
    raw_open(&raw, app.port);
    raw_send(&raw, "GET /later" HEAD "\r\n");
    app_wait_for_later(&app, 1);
    httpd_call(app.later[0], on_called);
    while (atomic_load(&app.requests) == 0) {
        sched_yield();
    }
    httpd_call(app.later[0], on_called);
    raw_read(&raw, &answer);
    assert_string_equal(answer.body, "at home");
    raw_close(&raw);
    app_stop(&app);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_open;
    size_t requests, calls, told;
} crowd = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The first holds the listener's thread until the others were sent. */
static void take_crowd(struct httpd_request *request, void *context) {
    (void)context;
    pthread_mutex_lock(&crowd.mutex);
    crowd.requests++;
    pthread_cond_broadcast(&crowd.changed);
    while (!crowd.is_open) {
        pthread_cond_wait(&crowd.changed, &crowd.mutex);
    }
    pthread_mutex_unlock(&crowd.mutex);
    app_answer(request, "taken");
}

static void end_crowd(void *context) {
    (void)context;
    pthread_mutex_lock(&crowd.mutex);
    crowd.calls++;
    crowd.told = crowd.requests;
    pthread_mutex_unlock(&crowd.mutex);
}

/* Once for the first request, once for all that had come by then. */
static void test_after_requests(void **state) {
    (void)state;
    enum { COUNT = 6 };
    struct app app;
    struct raw raws[COUNT];
    app_start(&app, (struct httpd_options){.on_request = take_crowd, .after_requests = end_crowd});
    for (size_t i = 0; i < COUNT; i++) {
        raw_open(&raws[i], app.port);
    }
    /* The listener knows all connections. */
    for (size_t turn = 0; turn < 2; turn++) {
        pthread_mutex_lock(&crowd.mutex);
        crowd.is_open = turn == 0;
        crowd.calls = 0;
        pthread_mutex_unlock(&crowd.mutex);
        for (size_t i = 0; i < COUNT; i++) {
            raw_send(&raws[i], "GET /" HEAD "\r\n");
            pthread_mutex_lock(&crowd.mutex);
            while (i == 0 && crowd.requests == turn * COUNT) {
                pthread_cond_wait(&crowd.changed, &crowd.mutex);
            }
            pthread_mutex_unlock(&crowd.mutex);
        }
        pthread_mutex_lock(&crowd.mutex);
        crowd.is_open = true;
        pthread_cond_broadcast(&crowd.changed);
        pthread_mutex_unlock(&crowd.mutex);
        for (size_t i = 0; i < COUNT; i++) {
            struct raw_answer answer;
            raw_read(&raws[i], &answer);
            assert_int_equal(answer.status, 200);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        raw_close(&raws[i]);
    }
    app_stop(&app);
    assert_int_equal(crowd.requests, 2 * COUNT);
    assert_int_equal(crowd.told, 2 * COUNT);
    /* A call for the last of the first turn may come late. */
    assert_in_range(crowd.calls, 2, 3);
}

static void ask_for_brief(struct app *app, struct raw *raws, size_t count, size_t already) {
    for (size_t i = 0; i < count; i++) {
        raw_send(&raws[i], "GET /later" HEAD "\r\n");
        app_wait_for_later(app, already + i + 1);
    }
}

/* Every second one says the same. */
static void answer_brief(struct httpd_request *request, size_t number) {
    char text[32];
    (void)snprintf(text, sizeof text, "{\"n\":%zu}", number % 2 == 0 ? 0 : number);
    httpd_answer(request, &(struct httpd_answer){.status = 200, .body = slice_of(text)});
}

static void expect_brief(struct raw *raw, size_t number, bool is_last) {
    struct raw_answer answer;
    char text[32], value[256];
    (void)snprintf(text, sizeof text, "{\"n\":%zu}", number % 2 == 0 ? 0 : number);
    raw_read(raw, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, text);
    assert_string_equal(raw_header(&answer, "Content-Type", value), "application/json");
    assert_int_equal(raw_header(&answer, "Connection", value) != NULL, is_last);
}

/* Such answers share a response of the library's, when they say the same and when that is all they say. */
static void test_brief_answers(void **state) {
    (void)state;
    enum { COUNT = 8 };
    struct app app;
    app_start(&app, (struct httpd_options){0});
    struct raw raws[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        raw_open(&raws[i], app.port);
    }
    for (size_t round = 0; round < 2; round++) {
        bool is_last = round == 1;
        ask_for_brief(&app, raws, COUNT, round * COUNT);
        if (is_last) {
            httpd_quiesce(app.httpd);
        }
        for (size_t i = 0; i < COUNT; i++) {
            answer_brief(app.later[round * COUNT + i], i);
        }
        for (size_t i = 0; i < COUNT; i++) {
            expect_brief(&raws[i], i, is_last);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        raw_close(&raws[i]);
    }
    app_stop(&app);
}

/* Of a burst of answers, as a commit brings it. */
enum { BURST = 20, BLOCKS = BURST, LOOKS = BURST + 1 };

static struct raw burst[LOOKS + 1];
static atomic_bool is_blocked, may_go_on;

static void on_burst(struct httpd_request *request, void *context) {
    (void)context;
    if (slice_is(httpd_query(request), "blocks")) {
        atomic_store(&is_blocked, true);
        while (!atomic_load(&may_go_on)) {
            sched_yield();
        }
        app_answer(request, "free");
        return;
    }
    char text[32];
    struct pollfd first = {.fd = burst[0].fd, .events = POLLIN};
    struct pollfd last = {.fd = burst[BURST - 1].fd, .events = POLLIN};
    (void)snprintf(text, sizeof text, "%d %d", poll(&first, 1, 0), poll(&last, 1, 0));
    app_answer(request, text);
}

/* They are sent a few at a time: the first of many are gone before the last are begun with. */
static void test_burst_of_answers(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct httpd_options){0});
    for (size_t i = 0; i <= LOOKS; i++) {
        raw_open(&burst[i], app.port);
        raw_send(&burst[i], i == BLOCKS ? "GET /later?blocks" HEAD "\r\n" : "GET /later" HEAD "\r\n");
        app_wait_for_later(&app, i + 1);
    }
    httpd_call(app.later[BLOCKS], on_burst);
    while (!atomic_load(&is_blocked)) {
        sched_yield();
    }
    for (size_t i = 0; i < BURST; i++) {
        app_answer(app.later[i], "one of many");
    }
    httpd_call(app.later[LOOKS], on_burst);
    atomic_store(&may_go_on, true);
    for (size_t i = 0; i <= LOOKS; i++) {
        struct raw_answer answer;
        raw_read(&burst[i], &answer);
        assert_string_equal(answer.body, i < BURST ? "one of many" : i == BLOCKS ? "free" : "1 0");
        raw_close(&burst[i]);
    }
    app_stop(&app);
}

static void test_sender_hangs_up_while_it_waits(void **state) {
    (void)state;
    enum { COUNT = 20 };
    struct app app;
    app_start(&app, (struct httpd_options){0});
    for (size_t i = 0; i < COUNT; i++) {
        struct raw raw;
        raw_open(&raw, app.port);
        raw_send(&raw, "POST /later" HEAD "Content-Length: 2\r\n\r\nhi");
        app_wait_for_later(&app, i + 1);
        const struct linger at_once = {1, 0}; /* a reset */
        setsockopt(raw.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        raw_close(&raw);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(slice_is(httpd_body(app.later[i]), "hi"));
        app_answer(app.later[i], "nobody hears this");
    }
    struct raw_answer answer;
    assert_int_equal(raw_ask(app.port, "GET /now" HEAD "\r\n", &answer), 200);
    app_stop(&app);
}

/* Until the listener refuses, which is what stopping begins with. */
static void wait_until_refused(uint16_t port) {
    const struct sockaddr_in place = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (bool is_open = true; is_open;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        is_open = connect(fd, (const struct sockaddr *)(const void *)&place, sizeof place) == 0;
        close(fd);
    }
}

struct late_answer {
    struct app *app;
    struct raw silent; /* closed by the listener when its patience ends: longer than a stop waits for mere bytes */
    struct raw others[2]; /* open and idle when the stop begins */
    bool is_refused;
};

static void *answer_late(void *context) {
    struct late_answer *late = context;
    wait_until_refused(late->app->port);
    /* The first may still get in, for the listener refuses a little before it stops; then it waits like the
     * rest. */
    for (size_t i = 0; i < 2 && !late->is_refused; i++) {
        struct raw_answer answer;
        raw_send(&late->others[i], "GET /later" HEAD "\r\n");
        raw_read_within(&late->others[i], &answer, 1);
        char value[256];
        late->is_refused = answer.status == 503 && raw_header(&answer, "Retry-After", value) != NULL;
    }
    (void)raw_is_closed(&late->silent, RAW_DEADLINE_SECONDS);
    atomic_store(&late->app->is_over, true);
    for (size_t i = 0; i < late->app->later_count; i++) {
        app_answer(late->app->later[i], "at last");
    }
    return NULL;
}

/* Leaves a connection open of which the listener knows. */
static void ask_once(struct raw *raw, uint16_t port) {
    struct raw_answer answer;
    raw_open(raw, port);
    raw_send(raw, "GET /now" HEAD "\r\n");
    raw_read(raw, &answer);
    assert_int_equal(answer.status, 200);
}

static void test_stop_waits_for_answers(void **state) {
    (void)state;
    enum { COUNT = 5 };
    struct app app;
    app_start(&app, (struct httpd_options){.timeout_seconds = 7});
    struct raw raws[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        raw_open(&raws[i], app.port);
        raw_send(&raws[i], "GET /later" HEAD "\r\n");
    }
    app_wait_for_later(&app, COUNT);
    struct late_answer late = {.app = &app};
    ask_once(&late.silent, app.port);
    ask_once(&late.others[0], app.port);
    ask_once(&late.others[1], app.port);
    assert_int_equal(pthread_create(&app.racer, NULL, answer_late, &late), 0);
    httpd_stop(app.httpd);
    assert_true(atomic_load(&app.is_over));
    pthread_join(app.racer, NULL);
    assert_true(late.is_refused);
    raw_close(&late.silent);
    raw_close(&late.others[0]);
    raw_close(&late.others[1]);
    for (size_t i = 0; i < COUNT; i++) {
        struct raw_answer answer;
        char value[256];
        raw_read(&raws[i], &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(raw_header(&answer, "Connection", value), "close");
        raw_close(&raws[i]);
    }
}

/* Asks on its connection until the listener has gone; NULL when no answer was missing or half. */
static void *hammer(void *context) {
    struct raw *raw = context;
    struct raw_answer answer;
    do {
        (void)raw_send(raw, "POST /race" HEAD "Content-Length: 1\r\n\r\nxGET /race" HEAD "\r\n");
        raw_read(raw, &answer);
    } while (answer.status == 200 && strstr(answer.head, "close") == NULL);
    return answer.status < 0 ? context : NULL;
}

static void test_stop_while_requests_come_in(void **state) {
    (void)state;
    enum { ROUNDS = 20, CLIENTS = 8 };
    for (int round = 0; round < ROUNDS; round++) {
        struct app app;
        app_start(&app, (struct httpd_options){0});
        assert_int_equal(pthread_create(&app.racer, NULL, app_race, &app), 0);
        pthread_t clients[CLIENTS];
        struct raw raws[CLIENTS];
        for (size_t i = 0; i < CLIENTS; i++) {
            raw_open(&raws[i], app.port);
            assert_int_equal(pthread_create(&clients[i], NULL, hammer, &raws[i]), 0);
        }
        while (atomic_load(&app.requests) < 10 * CLIENTS) {
            sched_yield();
        }
        httpd_stop(app.httpd);
        atomic_store(&app.is_over, true);
        pthread_join(app.racer, NULL);
        for (size_t i = 0; i < CLIENTS; i++) {
            void *result = NULL;
            pthread_join(clients[i], &result);
            assert_null(result);
            raw_close(&raws[i]);
        }
    }
}

static void quiesce_inside(struct httpd_request *request, void *context) {
    struct app *app = context;
    (void)request;
    httpd_quiesce(app->httpd);
}

static void stop_inside(struct httpd_request *request, void *context) {
    struct app *app = context;
    (void)request;
    httpd_stop(app->httpd);
}

/* It would wait for itself. In a process of its own, which the alarm ends otherwise. */
static void assert_aborts(void (*on_request)(struct httpd_request *request, void *context)) {
    pid_t child = fork();
    if (child == 0) {
        struct app app;
        struct raw raw;
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)alarm(RAW_DEADLINE_SECONDS);
        app_start(&app, (struct httpd_options){.on_request = on_request});
        raw_open(&raw, app.port);
        raw_send(&raw, "GET /inside HTTP/1.1\r\nHost: test\r\n\r\n");
        for (;;) {
            (void)pause();
        }
    }
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_a_callback_that_stops_its_listener_aborts(void **state) {
    (void)state;
    assert_aborts(quiesce_inside);
    assert_aborts(stop_inside);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_wait_at_once),
        cmocka_unit_test(test_answer_races_with_suspend),
        cmocka_unit_test(test_call_on_the_listeners_thread),
        cmocka_unit_test(test_after_requests),
        cmocka_unit_test(test_brief_answers),
        cmocka_unit_test(test_burst_of_answers),
        cmocka_unit_test(test_sender_hangs_up_while_it_waits),
        cmocka_unit_test(test_stop_waits_for_answers),
        cmocka_unit_test(test_stop_while_requests_come_in),
        cmocka_unit_test(test_a_callback_that_stops_its_listener_aborts),
    };
    return cmocka_run_group_tests_name("httpd, waiting", tests, NULL, NULL);
}
