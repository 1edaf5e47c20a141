/* The buffer and its limit, slices, and the error value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

static void holds_what_was_put_in(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    assert_null(buffer.bytes);
    assert_int_equal(buffer_append_text(&buffer, "lane "), 0);
    assert_int_equal(buffer_append_format(&buffer, "%d-%s", 17, "x"), 0);
    assert_int_equal(buffer_append_char(&buffer, '!'), 0);
    assert_int_equal(buffer_append_slice(&buffer, slice_make("ab\0c", 4)), 0);
    assert_int_equal(buffer.length, 14);
    assert_memory_equal(buffer.bytes, "lane 17-x!ab\0c", 15);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buffer_append_format(&buffer, "%04d", i), 0);
    }
    assert_int_equal(buffer.length, 14 + 40000);
    assert_string_equal(buffer.bytes + buffer.length - 4, "9999");
    buffer_reset(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.limit, 1 << 20);
}

static void an_empty_append_is_not_nothing(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_false(slice_is_set(buffer_slice(&buffer)));
    assert_int_equal(buffer_append(&buffer, NULL, 0), 0);
    assert_true(slice_is_set(buffer_slice(&buffer)));
    assert_string_equal(buffer.bytes, "");
    buffer_reset(&buffer);
}

static void stops_at_its_limit(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    char text[101] = {0};
    memset(text, 'x', 100);
    assert_int_equal(buffer_append(&buffer, text, 99), 0);
    assert_int_equal(buffer_append_format(&buffer, "%s", "yz"), -1);
    assert_true(buffer.is_broken);
    assert_int_equal(buffer.length, 99);
    assert_int_equal(strlen(buffer.bytes), 99);
    assert_int_equal(buffer_append_char(&buffer, 'y'), -1);
    buffer_clear(&buffer);
    assert_false(buffer.is_broken);
    assert_int_equal(buffer_append(&buffer, text, 100), 0);
    assert_true(buffer.capacity <= 101);
    assert_int_equal(buffer_append_char(&buffer, 'y'), -1);
    assert_string_equal(buffer.bytes, text);
    buffer_reset(&buffer);
}

static void does_not_overflow(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX);
    assert_int_equal(buffer_append_text(&buffer, "abc"), 0);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    buffer.is_broken = false;
    assert_null(buffer_reserve(&buffer, SIZE_MAX - 3));
    assert_string_equal(buffer.bytes, "abc");
    buffer_reset(&buffer);
}

static void reserves_room_for_the_terminator_too(void **state) {
    (void)state;
    for (size_t length = 0; length < 300; length++) {
        struct buffer buffer;
        buffer_init(&buffer, 300);
        char *room = buffer_reserve(&buffer, length);
        assert_non_null(room);
        memset(room, 'r', length + 1);
        buffer_grew(&buffer, length);
        assert_int_equal(strlen(buffer.bytes), length);
        buffer_reset(&buffer);
    }
}

static void loses_its_start_or_its_end(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_consume(&buffer, 5);
    buffer_truncate(&buffer, 0);
    buffer_append_text(&buffer, "0123456789");
    buffer_consume(&buffer, 3);
    assert_string_equal(buffer.bytes, "3456789");
    buffer_truncate(&buffer, 20);
    buffer_truncate(&buffer, 4);
    assert_string_equal(buffer.bytes, "3456");
    buffer_consume(&buffer, 100);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer.bytes, "");
    buffer_reset(&buffer);
}

static void hands_its_bytes_over(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_null(buffer_take(&buffer));
    buffer_append_text(&buffer, "kept");
    char *bytes = buffer_take(&buffer);
    assert_string_equal(bytes, "kept");
    assert_null(buffer.bytes);
    assert_int_equal(buffer_append_text(&buffer, "next"), 0);
    assert_string_equal(bytes, "kept");
    free(bytes);
    buffer_reset(&buffer);
}

static void slices_compare(void **state) {
    (void)state;
    struct slice none = {NULL, 0};
    assert_true(slice_equal(none, slice_of("")));
    assert_true(slice_equal_ignoring_case(slice_of("Content-TYPE"), slice_of("content-type")));
    assert_false(slice_equal_ignoring_case(slice_of("content-type"), slice_of("content-typ")));
    assert_false(slice_equal_ignoring_case(slice_of("@"), slice_of("`")));
    assert_false(slice_equal_ignoring_case(slice_of("\xC3\x84"), slice_of("\xC3\xA4")));
    assert_true(slice_starts_with(slice_of("Bearer x"), "Bearer "));
    assert_false(slice_starts_with(slice_of("Bear"), "Bearer "));
    assert_true(slice_starts_with(none, ""));
    assert_true(slice_ends_with(slice_of("a.lua"), ".lua"));
    assert_false(slice_ends_with(slice_of("lua"), ".lua"));
    assert_true(slice_ends_with(none, ""));
    char *copy = slice_copy(none);
    assert_string_equal(copy, "");
    free(copy);
    copy = slice_copy(slice_make("abcd", 2));
    assert_string_equal(copy, "ab");
    free(copy);
}

static void errors_say_what_happened(void **state) {
    (void)state;
    struct error error = {0};
    assert_int_equal(error_set(&error, ERROR_LIMIT, "%d is too many", 7), -1);
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_string_equal(error.message, "7 is too many");
    assert_int_equal(error_prefix(&error, "line %d", 3), -1);
    assert_string_equal(error.message, "line 3: 7 is too many");
    assert_int_equal(error_set(&error, ERROR_INVALID, "again: %s", error.message), -1);
    assert_string_equal(error.message, "again: line 3: 7 is too many");
    error_system(&error, ENOENT, "cannot open %s", "x");
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(error.system, ENOENT);
    assert_string_equal(error.message, "cannot open x: No such file or directory");
    error_prefix(&error, "store");
    assert_int_equal(error.system, ENOENT);
    error_system(&error, ENOSPC, "x");
    assert_int_equal(error.code, ERROR_FULL);
    error_system(&error, EDQUOT, "x");
    assert_int_equal(error.code, ERROR_FULL);
    error_system(&error, ENOMEM, "x");
    assert_int_equal(error.code, ERROR_MEMORY);
    error_memory(&error);
    assert_int_equal(error.code, ERROR_MEMORY);
    assert_int_equal(error.system, 0);
    assert_int_equal(error_set(NULL, ERROR_BUSY, "x"), -1);
    assert_int_equal(error_system(NULL, ENOENT, "x"), -1);
    assert_int_equal(error_prefix(NULL, "x"), -1);
    assert_int_equal(error_memory(NULL), -1);
}

static void long_errors_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        char text[1024] = {0};
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 3);
        }
        struct error error = {0};
        error_set(&error, ERROR_INVALID, "%s", text);
        size_t length = strlen(error.message);
        assert_true(length > ERROR_MESSAGE_SIZE - 8 && length < ERROR_MESSAGE_SIZE);
        assert_string_equal(error.message + length - 3, "...");
        assert_int_equal((length - 3 - shift) % 3, 0);
        error_prefix(&error, "%s", text);
        assert_string_equal(error.message + length - 3, "...");
    }
    char exact[ERROR_MESSAGE_SIZE] = {0};
    memset(exact, 'y', sizeof exact - 1);
    struct error error = {0};
    error_set(&error, ERROR_INVALID, "%s", exact);
    assert_string_equal(error.message, exact);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_put_in),
        cmocka_unit_test(an_empty_append_is_not_nothing),
        cmocka_unit_test(stops_at_its_limit),
        cmocka_unit_test(does_not_overflow),
        cmocka_unit_test(reserves_room_for_the_terminator_too),
        cmocka_unit_test(loses_its_start_or_its_end),
        cmocka_unit_test(hands_its_bytes_over),
        cmocka_unit_test(slices_compare),
        cmocka_unit_test(errors_say_what_happened),
        cmocka_unit_test(long_errors_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
