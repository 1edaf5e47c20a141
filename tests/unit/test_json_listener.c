/* The strict reader's limits, its places, and how a listener stops it; and the cutting of members and elements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `count` times "[", or "{"a":" with a 1 in the middle. */
static char *nested(const char *open, const char *middle, const char *close, size_t count) {
    struct buffer text;
    buffer_init(&text, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buffer_append_text(&text, open), 0);
    }
    assert_int_equal(buffer_append_text(&text, middle), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buffer_append_text(&text, close), 0);
    }
    return buffer_take(&text);
}

static void check_depth(const char *open, const char *middle, const char *close, size_t offset_of_one_too_many) {
    struct json_error error;
    char *fits = nested(open, middle, close, JSON_DEPTH);
    assert_int_equal(json_check(fits, strlen(fits), &error), 0);
    free(fits);
    char *deep = nested(open, middle, close, JSON_DEPTH + 1);
    assert_int_equal(json_check(deep, strlen(deep), &error), -1);
    assert_int_equal(error.offset, offset_of_one_too_many);
    assert_non_null(strstr(error.message, "too deep"));
    free(deep);
}

static void test_depth(void **state) {
    (void)state;
    check_depth("[", "", "]", 128);
    check_depth("[", "1", "]", 128);
    check_depth("{\"a\":", "1", "}", 128 * 5);
}

static void test_hostile_depth(void **state) {
    (void)state;
    char *text = nested("[", "", "", 1000 * 1000);
    struct json_error error;
    assert_int_equal(json_check(text, strlen(text), &error), -1);
    assert_int_equal(error.offset, 128);
    free(text);
}

static void test_own_limits(void **state) {
    (void)state;
    static const struct json_listener nobody = {0};
    const struct json_limits limits = {.depth = 2, .values = 5};
    struct json_error error;
    assert_int_equal(json_read("[[1],2,3]", 9, &limits, &nobody, NULL, &error), 0);
    assert_int_equal(json_read("[[[]]]", 6, &limits, &nobody, NULL, &error), -1);
    assert_int_equal(error.offset, 2);
    assert_int_equal(json_read("[[1],2,3,4]", 11, &limits, &nobody, NULL, &error), -1);
    assert_int_equal(error.offset, 9);
    assert_non_null(strstr(error.message, "more values"));
    /* names are no values */
    assert_int_equal(json_read("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", 25, &limits, &nobody, NULL, &error), 0);
    /* a depth past the constant counts as the constant */
    const struct json_limits wide = {.depth = SIZE_MAX, .values = SIZE_MAX};
    char *deep = nested("[", "", "]", JSON_DEPTH + 1);
    assert_int_equal(json_read(deep, strlen(deep), &wide, &nobody, NULL, &error), -1);
    assert_int_equal(error.offset, 128);
    free(deep);
    /* a scalar needs no depth */
    const struct json_limits none = {.depth = 0, .values = 1};
    assert_int_equal(json_read("1", 1, &none, &nobody, NULL, &error), 0);
    assert_int_equal(json_read("[]", 2, &none, &nobody, NULL, &error), -1);
}

static void test_values_limit(void **state) {
    (void)state;
    /* The array and its elements: one value too many, then just as many as are allowed. */
    size_t length = 2 * (size_t)JSON_VALUES + 1;
    char *text = malloc(length);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++) {
        text[i] = i % 2 == 0 ? ',' : '1';
    }
    text[0] = '[';
    text[length - 1] = ']';
    struct json_error error;
    assert_int_equal(json_check(text, length, &error), -1);
    assert_int_equal(error.offset, length - 2);
    text[length - 3] = ']';
    assert_int_equal(json_check(text, length - 2, &error), 0);
    free(text);
}

struct seeing {
    const struct json_place *place;
    struct buffer places;
};

static void take_place(void *context, const struct json_place *place) {
    ((struct seeing *)context)->place = place;
}

static int on_any(void *context) {
    struct seeing *seeing = context;
    const struct json_place *place = seeing->place;
    return buffer_append_format(&seeing->places, "%zu-%zu/%zu ", place->begin, place->end, place->blanks);
}

static int on_text(void *context, struct slice text) {
    (void)text;
    return on_any(context);
}

static int on_real(void *context, double value) {
    (void)value;
    return on_any(context);
}

static void test_places(void **state) {
    (void)state;
    static const struct json_listener listener = {.object_begin = on_any,
                                                  .object_end = on_any,
                                                  .array_begin = on_any,
                                                  .array_end = on_any,
                                                  .name = on_text,
                                                  .string = on_text,
                                                  .number = on_real,
                                                  .null = on_any,
                                                  .begin = take_place};
    static const char text[] = " {\"a\\n\": [10, \"x y\",-2.5 ],\"b\":null}\n";
    struct seeing seeing = {.place = NULL};
    buffer_init(&seeing.places, 4096);
    struct json_error error;
    assert_int_equal(json_read(text, sizeof text - 1, NULL, &listener, &seeing, &error), 0);
    /* {, "a\n", [, (10), "x y", -2.5, ], "b", null, } */
    assert_string_equal(seeing.places.bytes,
                        "1-2/1 2-7/1 9-10/2 14-19/3 20-24/3 25-26/4 27-30/4 31-35/4 35-36/4 ");
    buffer_reset(&seeing.places);
}

static int stop_at_three(void *context, int64_t value) {
    struct json_error *error = context;
    if (value != 3) {
        return 0;
    }
    if (error != NULL) {
        error->offset = 77;
        (void)snprintf(error->message, sizeof error->message, "three is too many");
    }
    return -1;
}

static void test_a_listener_stops(void **state) {
    (void)state;
    static const struct json_listener listener = {.integer = stop_at_three};
    struct json_error error = {.offset = 5, .message = "left from before"};
    assert_int_equal(json_read("[1, 3, x", 8, NULL, &listener, NULL, &error), -1);
    assert_string_equal(error.message, "stopped by the listener");
    assert_int_equal(error.offset, 4);
    assert_int_equal(json_read("[1, 3, x", 8, NULL, &listener, &error, &error), -1);
    assert_string_equal(error.message, "three is too many");
    assert_int_equal(error.offset, 77);
    assert_int_equal(json_read("[1, 3, x", 8, NULL, &listener, NULL, NULL), -1);
}

/* The text of a string without escapes lies in the input itself: nothing is copied. */
static int expect_slice(void *context, struct slice value) {
    const char *input = context;
    assert_ptr_equal(value.bytes, input + 1);
    assert_int_equal(value.length, 5);
    return 0;
}

static void test_plain_strings_are_slices(void **state) {
    (void)state;
    static const struct json_listener listener = {.string = expect_slice};
    char text[] = "\"plain\"";
    assert_int_equal(json_read(text, 7, NULL, &listener, text, NULL), 0);
}

/* Strings are looked at eight bytes at a time: each byte at each place, in a string longer than two such steps. */
static void test_every_byte_at_every_place(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 1; place < 19; place++) {
            char text[21];
            memset(text, 'a', sizeof text);
            text[0] = text[20] = '"';
            text[place] = (char)byte;
            struct json_error error;
            int result = json_check(text, sizeof text, &error);
            if (byte < 0x20 || byte >= 0x80 || byte == '\\') {
                assert_int_equal(result, -1);
                assert_int_equal(error.offset, place);
            } else if (byte == '"') {
                assert_int_equal(result, -1);
                assert_int_equal(error.offset, place + 1);
            } else {
                assert_int_equal(result, 0);
            }
        }
    }
}

/* The rest of the character lies in memory, and not in the text. */
static void test_reads_no_further_than_told(void **state) {
    (void)state;
    struct json_error error;
    for (size_t length = 2; length < 5; length++) {
        assert_int_equal(json_check("\"\xF0\x9F\x98\x80\"", length, &error), -1);
        assert_int_equal(error.offset, 1);
        assert_non_null(strstr(error.message, "UTF-8"));
    }
    assert_int_equal(json_check("123", 2, &error), 0);
    assert_int_equal(json_check("1.5", 2, &error), -1);
    assert_int_equal(json_check("true", 3, &error), -1);
    assert_int_equal(json_check("[]", 1, &error), -1);
}

/* However long the zeros before the digits are: the exponent is not cut where they would take it back. */
static void test_long_exponents(void **state) {
    (void)state;
    for (size_t zeros = 100; zeros <= 100000; zeros *= 10) {
        struct buffer text;
        buffer_init(&text, 1 << 20);
        assert_int_equal(buffer_append_text(&text, "0."), 0);
        for (size_t i = 0; i < zeros; i++) {
            assert_int_equal(buffer_append_char(&text, '0'), 0);
        }
        size_t length = text.length;
        assert_int_equal(buffer_append_format(&text, "1e%zu1", zeros), 0);
        struct json_error error;
        assert_int_equal(json_check(text.bytes, text.length, &error), -1);
        assert_non_null(strstr(error.message, "too large"));
        buffer_truncate(&text, length);
        assert_int_equal(buffer_append_format(&text, "1e%zu", zeros + 1), 0);
        assert_int_equal(json_check(text.bytes, text.length, &error), 0);
        buffer_reset(&text);
    }
}

static int note_member(void *context, struct slice name, struct slice raw) {
    return buffer_append_format(context, "%.*s=%.*s;", SLICE_ARG(name), SLICE_ARG(raw));
}

static int note_element(void *context, size_t index, struct slice raw) {
    return buffer_append_format(context, "%zu=%.*s;", index, SLICE_ARG(raw));
}

static void test_each_member(void **state) {
    (void)state;
    static const char text[] = " { \"a\" : 1 ,\"\\u0062\\t\":[1, {\"c\":2}],\"d\":{\"a\":[]},\"a\": "
                               "\"x\\ny\",\"\":null,\"e\":true,\"f\":-1.50}";
    struct buffer seen;
    buffer_init(&seen, 4096);
    struct json_error error;
    assert_int_equal(json_each_member(text, sizeof text - 1, note_member, &seen, &error), 0);
    assert_string_equal(seen.bytes, "a=1;b\t=[1, {\"c\":2}];d={\"a\":[]};a=\"x\\ny\";=null;e=true;f=-1.50;");
    assert_int_equal(json_each_member("{}", 2, note_member, &seen, &error), 0);
    buffer_reset(&seen);
    static const char *const others[] = {"[]", "1", "\"a\"", "null", "true", "2.5", "[{}]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(json_each_member(others[i], strlen(others[i]), note_member, &seen, &error), -1);
        assert_non_null(strstr(error.message, "expected an object"));
        assert_int_equal(error.offset, 0);
    }
    assert_int_equal(json_each_member("{\"a\":1,}", 8, note_member, &seen, NULL), -1);
    buffer_reset(&seen);
}

static void test_each_element(void **state) {
    (void)state;
    static const char text[] = "[1, [2,3] ,{\"a\":[4]},\"x\",null,false,2.50]";
    struct buffer seen;
    buffer_init(&seen, 4096);
    struct json_error error;
    assert_int_equal(json_each_element(text, sizeof text - 1, note_element, &seen, &error), 0);
    assert_string_equal(seen.bytes, "0=1;1=[2,3];2={\"a\":[4]};3=\"x\";4=null;5=false;6=2.50;");
    buffer_reset(&seen);
    assert_int_equal(json_each_element("{\"a\":[]}", 8, note_element, &seen, &error), -1);
    assert_non_null(strstr(error.message, "expected an array"));
    assert_int_equal(json_each_element("[1,2", 4, note_element, &seen, &error), -1);
    assert_int_equal(error.offset, 4);
    buffer_reset(&seen);
}

static int stop_member(void *context, struct slice name, struct slice raw) {
    (void)raw;
    ++*(int *)context;
    return slice_is(name, "b") ? -1 : 0;
}

static void test_a_visit_stops(void **state) {
    (void)state;
    int seen = 0;
    struct json_error error;
    static const char text[] = "{\"a\":1,\"b\":[2],\"c\":3}";
    assert_int_equal(json_each_member(text, sizeof text - 1, stop_member, &seen, &error), -1);
    assert_int_equal(seen, 2);
    assert_string_equal(error.message, "stopped by the listener");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_hostile_depth),
        cmocka_unit_test(test_own_limits),
        cmocka_unit_test(test_values_limit),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_a_listener_stops),
        cmocka_unit_test(test_plain_strings_are_slices),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_reads_no_further_than_told),
        cmocka_unit_test(test_long_exponents),
        cmocka_unit_test(test_each_member),
        cmocka_unit_test(test_each_element),
        cmocka_unit_test(test_a_visit_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
