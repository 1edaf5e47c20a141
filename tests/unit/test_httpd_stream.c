/* The listener: answers without an end yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpd_app.h"
#include <time.h>

#define HEAD " HTTP/1.1\r\nHost: test\r\n"

enum { STREAMS = 64, BOUND = 64 * 1024 };

/* The owner of streams, as any would be: `gone` takes the same lock as whoever writes. */
static struct owner {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct httpd_stream *streams[STREAMS]; /* NULL: gone */
    size_t begun, gone;
} owner = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_gone(struct httpd_stream *stream, void *context) {
    (void)context;
    pthread_mutex_lock(&owner.lock);
    for (size_t i = 0; i < owner.begun; i++) {
        if (owner.streams[i] == stream) {
            owner.streams[i] = NULL;
        }
    }
    owner.gone++;
    pthread_cond_broadcast(&owner.changed);
    pthread_mutex_unlock(&owner.lock);
}

static void begin(struct httpd_request *request) {
    pthread_mutex_lock(&owner.lock);
    assert_true(owner.begun < STREAMS);
    owner.streams[owner.begun] = httpd_stream_begin(
        request, &(struct httpd_stream_options){.type = "text/event-stream", .bound = BOUND, .gone = on_gone});
    owner.begun++;
    pthread_cond_broadcast(&owner.changed);
    pthread_mutex_unlock(&owner.lock);
}

static void on_request(struct httpd_request *request, void *context) {
    if (slice_is(httpd_path(request), "/stream")) {
        begin(request);
    } else {
        app_on_request(request, context);
    }
}

static int write_to(size_t place, const char *text) {
    pthread_mutex_lock(&owner.lock);
    struct httpd_stream *stream = owner.streams[place];
    int result = stream == NULL ? -1 : httpd_stream_write(stream, slice_of(text));
    pthread_mutex_unlock(&owner.lock);
    return result;
}

static void end(size_t place) {
    pthread_mutex_lock(&owner.lock);
    if (owner.streams[place] != NULL) {
        httpd_stream_end(owner.streams[place]);
    }
    pthread_mutex_unlock(&owner.lock);
}

static void wait_for(const size_t *count, size_t wanted) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RAW_DEADLINE_SECONDS;
    int result = 0;
    pthread_mutex_lock(&owner.lock);
    while (*count < wanted && result == 0) {
        result = pthread_cond_timedwait(&owner.changed, &owner.lock, &until);
    }
    assert_int_equal(*count, wanted);
    pthread_mutex_unlock(&owner.lock);
}

static void start(struct app *app, struct httpd_options options) {
    owner.begun = owner.gone = 0;
    options.on_request = on_request;
    app_start(app, options);
}

/* The head of a stream, which comes before anything is written. */
static void open_stream(struct raw *raw, uint16_t port, size_t place) {
    struct raw_answer answer;
    char value[256];
    raw_open(raw, port);
    raw_send(raw, "GET /stream" HEAD "\r\n");
    wait_for(&owner.begun, place + 1);
    raw_read(raw, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Type", value), "text/event-stream");
    assert_string_equal(raw_header(&answer, "Cache-Control", value), "no-store");
    assert_string_equal(raw_header(&answer, "Transfer-Encoding", value), "chunked");
}

/* Takes whole chunks off what came, until `length` bytes of content are there or the last chunk was (true). */
static bool read_chunks(struct raw *raw, struct buffer *content, size_t length) {
    int64_t until = clock_monotonic_ns() + RAW_DEADLINE_SECONDS * CLOCK_NS_PER_S;
    while (content->length < length) {
        char *line = raw->in.length == 0 ? NULL : strstr(raw->in.bytes, "\r\n");
        size_t size = line == NULL ? 0 : strtoul(raw->in.bytes, NULL, 16);
        size_t head = line == NULL ? 0 : (size_t)(line - raw->in.bytes) + 2;
        if (line == NULL || raw->in.length < head + size + 2) {
            if (raw_fill(raw, until) <= 0) {
                return false;
            }
            continue;
        }
        buffer_append(content, raw->in.bytes + head, size);
        buffer_consume(&raw->in, head + size + 2);
        if (size == 0) {
            return true;
        }
    }
    return false;
}

static void expect(struct raw *raw, const char *text) {
    struct buffer content;
    buffer_init(&content, 4096);
    assert_false(read_chunks(raw, &content, strlen(text)));
    assert_true(slice_is(buffer_slice(&content), text));
    buffer_reset(&content);
}

static void expect_end(struct raw *raw) {
    struct buffer content;
    buffer_init(&content, 4096);
    assert_true(read_chunks(raw, &content, SIZE_MAX));
    assert_int_equal(content.length, 0);
    buffer_reset(&content);
    assert_true(raw_is_closed(raw, RAW_DEADLINE_SECONDS));
}

/* Each piece comes as it is written, and not only once there are many. */
static void test_pieces_come_at_once(void **state) {
    (void)state;
    struct app app;
    struct raw raw;
    start(&app, (struct httpd_options){0});
    open_stream(&raw, app.port, 0);
    for (int i = 0; i < 50; i++) {
        char text[32];
        snprintf(text, sizeof text, "data: %d\n\n", i);
        assert_int_equal(write_to(0, text), 0);
        expect(&raw, text);
    }
    assert_int_equal(owner.gone, 0);
    end(0);
    expect_end(&raw);
    wait_for(&owner.gone, 1);
    raw_close(&raw);
    app_stop(&app);
    assert_int_equal(owner.gone, 1);
}

enum { WRITERS = 4, LINES = 400 };

static void *write_lines(void *context) {
    for (int i = 0; i < LINES; i++) {
        char text[32];
        snprintf(text, sizeof text, "%c%03d\n", 'a' + (int)(intptr_t)context, i);
        assert_int_equal(write_to(0, text), 0);
    }
    return NULL;
}

static void test_many_threads_write_one_stream(void **state) {
    (void)state;
    struct app app;
    struct raw raw;
    start(&app, (struct httpd_options){0});
    open_stream(&raw, app.port, 0);
    pthread_t writers[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, write_lines, (void *)i), 0);
    }
    struct buffer content;
    buffer_init(&content, RAW_LIMIT);
    enum { LINE = 5 };
    assert_false(read_chunks(&raw, &content, (size_t)WRITERS * LINES * LINE));
    int next[WRITERS] = {0};
    for (size_t at = 0; at < content.length; at += LINE) {
        int writer = content.bytes[at] - 'a';
        assert_in_range(writer, 0, WRITERS - 1);
        assert_int_equal(atoi(content.bytes + at + 1), next[writer]++);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
        assert_int_equal(next[i], LINES);
    }
    buffer_reset(&content);
    raw_close(&raw);
    app_stop(&app);
    assert_int_equal(owner.gone, 1);
}

static double cpu_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Silence costs nothing and is no reason to close. */
static void test_silent_stream_stays(void **state) {
    (void)state;
    struct app app;
    struct raw raws[8];
    start(&app, (struct httpd_options){.timeout_seconds = 2});
    for (size_t i = 0; i < 8; i++) {
        open_stream(&raws[i], app.port, i);
    }
    double before = cpu_seconds();
    /* Another connection that is closed for its silence shows how long the streams had. */
    struct raw silent;
    raw_open(&silent, app.port);
    assert_true(raw_is_closed(&silent, RAW_DEADLINE_SECONDS));
    raw_close(&silent);
    assert_true(cpu_seconds() - before < 0.5);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(write_to(i, "still here"), 0);
        expect(&raws[i], "still here");
        raw_close(&raws[i]);
    }
    app_stop(&app);
    assert_int_equal(owner.gone, 8);
}

/* It costs its bound and no more, nobody waits for it, and others are served. */
static void test_client_that_does_not_read_is_closed(void **state) {
    (void)state;
    struct app app;
    struct raw deaf, other;
    start(&app, (struct httpd_options){0});
    open_stream(&deaf, app.port, 0);
    open_stream(&other, app.port, 1);
    char piece[8192];
    memset(piece, 'x', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    int written = 0;
    while (write_to(0, piece) == 0) {
        /* What fits into the sockets is megabytes at most; the rest waits here. The other's turn shows that the
         * listener has had its own: it is the sockets that are full. */
        assert_true(++written < 64 * 1024);
        assert_int_equal(write_to(1, "turn"), 0);
        expect(&other, "turn");
    }
    assert_int_equal(write_to(0, "late"), -1);
    wait_for(&owner.gone, 1);
    assert_int_equal(write_to(1, "fine"), 0);
    expect(&other, "fine");
    struct buffer content;
    buffer_init(&content, (size_t)512 * 1024 * 1024);
    assert_false(read_chunks(&deaf, &content, SIZE_MAX)); /* no last chunk: it sees that something is missing */
    buffer_reset(&content);
    raw_close(&deaf);
    raw_close(&other);
    app_stop(&app);
    assert_int_equal(owner.gone, 2);
}

static void test_client_that_left_is_noticed(void **state) {
    (void)state;
    struct app app;
    struct raw raw;
    start(&app, (struct httpd_options){0});
    open_stream(&raw, app.port, 0);
    raw_close(&raw);
    pthread_mutex_lock(&owner.lock);
    if (owner.streams[0] != NULL) {
        httpd_stream_look(owner.streams[0]);
    }
    pthread_mutex_unlock(&owner.lock);
    wait_for(&owner.gone, 1);
    open_stream(&raw, app.port, 1);
    raw_close(&raw);
    (void)write_to(1, "one write is enough");
    wait_for(&owner.gone, 2);
    app_stop(&app);
}

static void test_looking_disturbs_nobody(void **state) {
    (void)state;
    struct app app;
    struct raw raw;
    start(&app, (struct httpd_options){0});
    open_stream(&raw, app.port, 0);
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&owner.lock);
        httpd_stream_look(owner.streams[0]);
        pthread_mutex_unlock(&owner.lock);
    }
    assert_int_equal(write_to(0, "here"), 0);
    expect(&raw, "here");
    raw_close(&raw);
    app_stop(&app);
}

/* What was written is sent; then there is an end. */
static void test_stop_ends_streams(void **state) {
    (void)state;
    struct app app;
    struct raw raws[3];
    start(&app, (struct httpd_options){0});
    for (size_t i = 0; i < 3; i++) {
        open_stream(&raws[i], app.port, i);
    }
    assert_int_equal(write_to(1, "last words"), 0);
    app_stop(&app);
    assert_int_equal(owner.gone, 3);
    assert_int_equal(write_to(2, "too late"), -1);
    expect_end(&raws[0]);
    expect(&raws[1], "last words");
    expect_end(&raws[1]);
    expect_end(&raws[2]);
    for (size_t i = 0; i < 3; i++) {
        raw_close(&raws[i]);
    }
}

static void *begin_late(void *context) {
    struct app *app = context;
    while (!atomic_load(&app->is_over)) {
        struct httpd_request *request = atomic_exchange(&app->handed, NULL);
        if (request != NULL) {
            begin(request);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

/* Begun on another thread, perhaps before on_request has returned, for a client that perhaps has left. */
static void test_stream_is_begun_elsewhere(void **state) {
    (void)state;
    struct app app;
    start(&app, (struct httpd_options){0});
    assert_int_equal(pthread_create(&app.racer, NULL, begin_late, &app), 0);
    for (size_t i = 0; i < STREAMS; i++) {
        struct raw raw;
        raw_open(&raw, app.port);
        raw_send(&raw, "GET /race" HEAD "\r\n");
        wait_for(&owner.begun, i + 1);
        if (i % 2 == 0) {
            struct raw_answer answer;
            raw_read(&raw, &answer);
            assert_int_equal(answer.status, 200);
            assert_int_equal(write_to(i, "hello"), 0);
            expect(&raw, "hello");
        }
        raw_close(&raw);
    }
    atomic_store(&app.is_over, true);
    pthread_join(app.racer, NULL);
    app_stop(&app);
    assert_int_equal(owner.gone, STREAMS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_come_at_once),
        cmocka_unit_test(test_many_threads_write_one_stream),
        cmocka_unit_test(test_silent_stream_stays),
        cmocka_unit_test(test_client_that_does_not_read_is_closed),
        cmocka_unit_test(test_client_that_left_is_noticed),
        cmocka_unit_test(test_looking_disturbs_nobody),
        cmocka_unit_test(test_stop_ends_streams),
        cmocka_unit_test(test_stream_is_begun_elsewhere),
    };
    return cmocka_run_group_tests_name("httpd, streams", tests, NULL, NULL);
}
