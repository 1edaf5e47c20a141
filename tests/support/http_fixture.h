/* A client on a loop with a test server beside it. Each fetch keeps what its call was answered. */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include "base/clock.h"
#include "base/loop.h"
#include "http/http.h"
#include "support/http_server.h"

enum { FIXTURE_DEADLINE_S = 60, FIXTURE_URL_SIZE = 1200 };

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct server server;
    struct loop_timer deadline;
    size_t pending;
    bool is_sending; /* inside http_send */
};

struct fetch {
    struct http_call call;
    struct fixture *fixture;
    char url[FIXTURE_URL_SIZE];
    unsigned done_count;
    bool was_done_inside_send;
    struct error error;
    unsigned status, sends;
    int64_t retry_after_s;
    double seconds;
    char body[512], x_test[64];
    size_t body_length, header_count;
    void (*then)(struct fetch *fetch, const struct http_answer *answer); /* or NULL */
};

static inline void fixture_done(struct http_call *call, const struct http_answer *answer) {
    struct fetch *fetch = (struct fetch *)(void *)call;
    const char *x_test = http_answer_header(answer, "x-test");
    fetch->done_count++;
    fetch->was_done_inside_send = fetch->was_done_inside_send || fetch->fixture->is_sending;
    fetch->error = answer->error;
    fetch->status = answer->status;
    fetch->sends = answer->sends;
    fetch->retry_after_s = answer->retry_after_s;
    fetch->seconds = answer->seconds;
    fetch->header_count = answer->header_count;
    fetch->body_length = answer->body.length;
    snprintf(fetch->body, sizeof fetch->body, "%.*s", SLICE_ARG(answer->body));
    snprintf(fetch->x_test, sizeof fetch->x_test, "%s", x_test == NULL ? "" : x_test);
    if (--fetch->fixture->pending == 0) {
        loop_stop(fetch->fixture->loop);
    }
    if (fetch->then != NULL) {
        fetch->then(fetch, answer);
    }
}

/* A GET of `path` (or of a whole URL) that can still be changed before fixture_send. */
static inline void fixture_fetch(struct fixture *fixture, struct fetch *fetch, const char *path) {
    memset(fetch, 0, sizeof *fetch);
    if (path[0] == '/') {
        snprintf(fetch->url, sizeof fetch->url, "http://127.0.0.1:%u%s", fixture->server.port, path);
    } else {
        snprintf(fetch->url, sizeof fetch->url, "%s", path);
    }
    fetch->fixture = fixture;
    fetch->call = (struct http_call){
        .method = "GET", .url = fetch->url, .timeout_ms = 30000, .answer_limit = 4096, .done = fixture_done};
}

static inline void fixture_send(struct fetch *fetch) {
    struct fixture *fixture = fetch->fixture;
    fixture->pending++;
    fixture->is_sending = true;
    http_send(fixture->client, &fetch->call);
    fixture->is_sending = false;
}

static inline void fixture_too_late(struct loop_timer *timer) {
    (void)timer;
    fprintf(stderr, "a call was not done within %d s\n", FIXTURE_DEADLINE_S);
    abort();
}

/* Until nothing is pending. */
static inline void fixture_run(struct fixture *fixture) {
    if (fixture->pending == 0) {
        loop_stop(fixture->loop);
    }
    if (loop_timer_set(fixture->loop, &fixture->deadline,
                       clock_monotonic_ns() + FIXTURE_DEADLINE_S * CLOCK_NS_PER_S, fixture_too_late) < 0) {
        abort();
    }
    loop_run(fixture->loop);
    loop_timer_cancel(fixture->loop, &fixture->deadline);
}

static inline void fixture_get(struct fixture *fixture, struct fetch *fetch, const char *path) {
    fixture_fetch(fixture, fetch, path);
    fixture_send(fetch);
    fixture_run(fixture);
}

static inline void fixture_start(struct fixture *fixture, bool (*answer)(struct server_call *call),
                                 const struct http_options *options) {
    struct error error = {.code = ERROR_NONE};
    memset(fixture, 0, sizeof *fixture);
    server_start(&fixture->server, answer, fixture);
    fixture->loop = loop_new(&error);
    fixture->client = fixture->loop == NULL ? NULL : http_client_new(fixture->loop, options, &error);
    if (fixture->client == NULL) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
}

static inline void fixture_stop(struct fixture *fixture) {
    http_client_free(fixture->client);
    loop_free(fixture->loop);
    server_stop(&fixture->server);
}

#endif
