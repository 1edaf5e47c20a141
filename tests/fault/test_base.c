/* The base, with every allocation failing once: no crash, no leak, the right error, and nothing half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "fault/alloc.h"
#include "wire/wire.h"
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int fill_buffer(void *context, struct error *error) {
    (void)context;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        size_t before = buffer.length;
        if (buffer_append_format(&buffer, "%d, ", i) < 0) {
            assert_true(buffer.is_broken);
            assert_int_equal(buffer.length, before);
            assert_true(buffer.bytes == NULL || strlen(buffer.bytes) == before);
        }
    }
    int result = buffer.is_broken ? error_memory(error) : 0;
    free(buffer_take(&buffer));
    return result;
}

static void buffers_keep_what_they_have(void **state) {
    (void)state;
    assert_in_range(fault_alloc_each(fill_buffer, NULL), 5, 20);
}

static int encode(void *context, struct error *error) {
    (void)context;
    struct buffer out;
    int result = -1;
    buffer_init(&out, 1000);
    char *copy = slice_copy(slice_of("a b/c"));
    if (copy == NULL || text_append_visible(&out, slice_of("\x1b")) < 0 ||
        text_append_percent(&out, slice_of(copy)) < 0 || text_append_unpercent(&out, slice_of("%41"), false) < 0 ||
        crypto_append_base64(&out, slice_of(copy)) < 0 || crypto_append_unbase64(&out, slice_of("Zm9v")) < 0) {
        error_memory(error);
        goto out;
    }
    result = 0;
out:
    buffer_reset(&out);
    free(copy);
    return result;
}

static void encoders_fail_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(encode, NULL) >= 2);
}

static int fill_map(void *context, struct error *error) {
    (void)context;
    static int value;
    struct map map;
    int result = 0;
    map_init(&map);
    for (uint64_t key = 0; key < 1000 && result == 0; key++) {
        if (map_put(&map, key, &value) < 0) {
            assert_int_equal(map.count, key);
            assert_null(map_get(&map, key));
            assert_true(key == 0 || map_get(&map, key - 1) == &value);
            result = error_memory(error);
        }
    }
    map_reset(&map);
    return result;
}

static void maps_keep_what_they_have(void **state) {
    (void)state;
    assert_in_range(fault_alloc_each(fill_map, NULL), 5, 20);
}

static int frame(void *context, struct error *error) {
    (void)context;
    static char text[3000];
    struct buffer out;
    struct wire_frame found;
    size_t taken = 0;
    int result = 0;
    buffer_init(&out, 1 << 20);
    for (uint64_t run = 0; run < 3; run++) {
        size_t place = wire_begin(&out, WIRE_REFUSED, run);
        wire_put_text(&out, slice_make(text, sizeof text));
        wire_put_text(&out, slice_of("traceback"));
        if (wire_end(&out, place) < 0) {
            result = error_memory(error);
        }
    }
    for (struct slice rest = buffer_slice(&out); rest.length > 0;) {
        assert_int_equal(wire_next(rest, &found, &taken), 1);
        assert_int_equal(taken, WIRE_HEAD_SIZE + 4 + sizeof text + 4 + 9);
        rest = slice_make(rest.bytes + taken, rest.length - taken);
    }
    buffer_reset(&out);
    return result;
}

static void frames_are_whole_or_not_there(void **state) {
    (void)state;
    assert_true(fault_alloc_each(frame, NULL) >= 2);
}

enum { TIMERS = 300 };

struct ticker {
    struct loop_timer timers[TIMERS];
    struct loop *loop;
};

static struct ticker ticker;

static void stop(struct loop_task *task) {
    (void)task;
    loop_stop(ticker.loop);
}

static void tick(struct loop_timer *timer) {
    loop_timer_cancel(ticker.loop, timer);
}

static int run_loop(void *context, struct error *error) {
    (void)context;
    struct loop_task task = {0};
    int result = 0;
    ticker = (struct ticker){.loop = loop_new(error)};
    if (ticker.loop == NULL) {
        return -1;
    }
    for (int i = 0; i < TIMERS; i++) {
        if (loop_timer_set(ticker.loop, &ticker.timers[i], i, tick) < 0) {
            assert_false(loop_timer_is_set(&ticker.timers[i]));
            result = error_memory(error);
        }
    }
    loop_post(ticker.loop, &task, stop);
    loop_run(ticker.loop);
    for (int i = 0; i < TIMERS; i++) {
        assert_false(loop_timer_is_set(&ticker.timers[i]));
    }
    loop_free(ticker.loop);
    return result;
}

static void loops_go_on(void **state) {
    (void)state;
    assert_true(fault_alloc_each(run_loop, NULL) >= 4);
}

static void the_log_needs_no_memory(void **state) {
    (void)state;
    char time[CLOCK_TEXT_SIZE];
    struct error error = {0};
    int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true(sink >= 0);
    log_setup(LOG_INFO, sink, false);
    fault_alloc_fail_at(1);
    log_error("store", "no memory", LOG_TEXT("reason", "a \"quoted\" one"), LOG_NUMBER("n", 1), LOG_END);
    error_system(&error, 2, "cannot open %s", clock_format(0, time));
    error_prefix(&error, "store");
    assert_int_equal(fault_alloc_count(), 0);
    fault_alloc_fail_at(0);
    log_setup(LOG_INFO, STDERR_FILENO, false);
    close(sink);
}

static void the_right_allocation_fails(void **state) {
    (void)state;
    fault_alloc_fail_at(2);
    void *first = malloc(1);
    void *second = calloc(1, 1);
    void *third = realloc(NULL, 1);
    assert_int_equal(fault_alloc_count(), 3);
    fault_alloc_fail_at(0);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    free(first);
    free(third);
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_allocation_fails),    cmocka_unit_test(buffers_keep_what_they_have),
        cmocka_unit_test(encoders_fail_cleanly),         cmocka_unit_test(maps_keep_what_they_have),
        cmocka_unit_test(frames_are_whole_or_not_there), cmocka_unit_test(loops_go_on),
        cmocka_unit_test(the_log_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
