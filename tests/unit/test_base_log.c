/* What a log line looks like, whatever comes from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAMP_LENGTH = sizeof "2026-03-01T09:30:00.123Z " - 1, LINE_MAX_LENGTH = 8192 };

static int pipe_ends[2];
static char written[LINE_MAX_LENGTH * 4];
static size_t written_length;

static int open_pipe(void **state) {
    (void)state;
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -1;
    }
    log_setup(LOG_INFO, pipe_ends[1], false);
    return 0;
}

static int close_pipe(void **state) {
    (void)state;
    log_setup(LOG_INFO, STDERR_FILENO, false);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

/* What was written since the last call, without the time in front. */
static const char *line(void) {
    ssize_t got = read(pipe_ends[0], written, sizeof written - 1);
    written_length = got < 0 ? 0 : (size_t)got;
    written[written_length] = '\0';
    return written_length < STAMP_LENGTH ? "" : written + STAMP_LENGTH;
}

static void a_line_has_time_level_room_and_fields(void **state) {
    (void)state;
    int64_t before = clock_wall_us() / 1000;
    log_info("reload", "the new scripts are live", LOG_TEXT("generation", "5f3c"), LOG_NUMBER("files", 7),
             LOG_MS("took", 1.5), LOG_SLICE("lane", slice_make("job-1xx", 5)), LOG_END);
    assert_string_equal(
        line(), "info  reload: the new scripts are live generation=5f3c files=7 took=1.500ms lane=job-1\n");
    int64_t stamp = 0;
    assert_int_equal(clock_parse(written, STAMP_LENGTH - 1, &stamp), 0);
    assert_true(stamp / 1000 >= before && stamp <= clock_wall_us());
    assert_int_equal(written[STAMP_LENGTH - 1], ' ');
    log_error("store", "no", LOG_END);
    assert_string_equal(line(), "error store: no\n");
    log_warn("store", "no", LOG_END);
    assert_string_equal(line(), "warn  store: no\n");
}

static void lower_levels_are_dropped(void **state) {
    (void)state;
    assert_false(log_is_on(LOG_DEBUG));
    log_debug("x", "unheard", LOG_END);
    assert_string_equal(line(), "");
    log_setup(LOG_DEBUG, pipe_ends[1], false);
    log_debug("x", "heard", LOG_END);
    assert_string_equal(line(), "debug x: heard\n");
    log_setup(LOG_ERROR, pipe_ends[1], false);
    log_warn("x", "unheard", LOG_END);
    assert_string_equal(line(), "");
}

static void values_from_outside_are_quoted(void **state) {
    (void)state;
    static const struct {
        const char *value;
        const char *shown;
    } cases[] = {
        {"two words", "\"two words\""},
        {"", "\"\""},
        {NULL, "\"\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"\"", "\"\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"a=b", "\"a=b\""},
        {"line\nerror store: forged", "\"line\\x0aerror store: forged\""},
        {"\x1b[2J", "\"\\x1b[2J\""},
        {"del\x7f", "\"del\\x7f\""},
        {"\xC2\x9B", "\"\\xc2\\x9b\""},
        {"bad\xff", "\"bad\\xff\""},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
        {"%s%n", "%s%n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[200] = "info  x: y v=";
        memcpy(wanted + strlen(wanted), cases[i].shown, strlen(cases[i].shown) + 1);
        memcpy(wanted + strlen(wanted), "\n", 2);
        log_info("x", "y", LOG_TEXT("v", cases[i].value), LOG_END);
        assert_string_equal(line(), wanted);
    }
    log_info("x", "y", LOG_SLICE("v", slice_make("a\0b", 3)), LOG_END);
    assert_string_equal(line(), "info  x: y v=\"a\\x00b\"\n");
}

static void long_lines_are_cut_between_characters(void **state) {
    (void)state;
    static char value[20000];
    for (size_t i = 0; i + 3 <= sizeof value; i += 3) {
        memcpy(value + i, "\xE2\x82\xAC", 3);
    }
    for (size_t shift = 0; shift < 3; shift++) {
        log_info("xxx" + shift, "y", LOG_SLICE("v", slice_make(value, sizeof value / 3 * 3)), LOG_TEXT("w", "z"),
                 LOG_END);
        const char *text = line();
        assert_true(written_length <= LINE_MAX_LENGTH && written_length > LINE_MAX_LENGTH - 8);
        assert_string_equal(written + written_length - 4, "...\n");
        const char *start = strstr(text, "v=") + 2;
        assert_int_equal((size_t)(written + written_length - 4 - start) % 3, 0);
        assert_null(strchr(start, 'z'));
    }
    memset(value, '"', sizeof value);
    log_info("x", "y", LOG_SLICE("v", slice_make(value, sizeof value)), LOG_END);
    line();
    assert_true(written_length <= LINE_MAX_LENGTH);
    assert_string_equal(written + written_length - 4, "...\n");
}

static void colour_is_only_where_asked(void **state) {
    (void)state;
    log_setup(LOG_INFO, pipe_ends[1], true);
    log_warn("x", "y", LOG_TEXT("v", "z"), LOG_END);
    assert_string_equal(line(), "\x1b[33mwarn \x1b[0m x: y v=z\n");
}

static void a_full_pipe_stops_nobody(void **state) {
    (void)state;
    char block[4096] = {0};
    while (write(pipe_ends[1], block, sizeof block) > 0) {
    }
    errno = ENOENT;
    log_info("x", "y", LOG_END);
    assert_int_equal(errno, ENOENT);
}

enum { THREADS = 4, LINES = 20 };

static void *write_lines(void *name) {
    for (int i = 0; i < LINES; i++) {
        log_info(name, "a line of some length, so that halves would show", LOG_NUMBER("i", i), LOG_END);
    }
    return NULL;
}

static void lines_of_threads_stay_whole(void **state) {
    (void)state;
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    line();
    int next[THREADS] = {0};
    char *rest = written;
    for (int i = 0; i < THREADS * LINES; i++) {
        char *end = strchr(rest, '\n');
        assert_non_null(end);
        *end = '\0';
        int thread = rest[STAMP_LENGTH + 6] - 'a';
        assert_in_range(thread, 0, THREADS - 1);
        char wanted[200];
        snprintf(wanted, sizeof wanted, "info  %s: a line of some length, so that halves would show i=%d",
                 names[thread], next[thread]++);
        assert_string_equal(rest + STAMP_LENGTH, wanted);
        rest = end + 1;
    }
    assert_string_equal(rest, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_room_and_fields, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(lower_levels_are_dropped, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(values_from_outside_are_quoted, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_between_characters, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(colour_is_only_where_asked, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_full_pipe_stops_nobody, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(lines_of_threads_stay_whole, open_pipe, close_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
