/* The writer: strings, numbers that read back the same, texts without white space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) slice_make((literal), sizeof(literal) - 1)

static void check_string(struct slice text, const char *written) {
    struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(json_append_string(&out, text), 0);
    assert_string_equal(out.bytes, written);
    /* and back again */
    struct buffer back;
    buffer_init(&back, 4096);
    assert_int_equal(json_append_decoded(&back, buffer_slice(&out)), 0);
    assert_true(slice_equal(buffer_slice(&back), text));
    buffer_reset(&back);
    buffer_reset(&out);
}

static void test_strings(void **state) {
    (void)state;
    check_string(TEXT(""), "\"\"");
    check_string(slice_make(NULL, 0), "\"\"");
    check_string(TEXT("plain"), "\"plain\"");
    check_string(TEXT("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_string(TEXT("\0\x01\x1F"), "\"\\u0000\\u0001\\u001f\"");
    check_string(TEXT("\x7F"), "\"\x7F\"");
    check_string(TEXT("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80!"),
                 "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80!\"");
    check_string(TEXT("\xC3\xA9\n\xC3\xA9"), "\"\xC3\xA9\\n\xC3\xA9\"");
    check_string(TEXT("a long run of plain bytes, a quote \" and another long run"),
                 "\"a long run of plain bytes, a quote \\\" and another long run\"");
}

static void test_refuses_bad_utf8(void **state) {
    (void)state;
    static const struct slice bad[] = {
        {"\xFF", 1},
        {"abc\x80", 4},
        {"\xC3", 1},
        {"\xC0\x80", 2},
        {"\xED\xA0\x80", 3},
        {"\xF4\x90\x80\x80", 4},
        {"ok\xE2\x82"
         "a",
         5},
        {"12345678\xC3(", 10},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer out;
        buffer_init(&out, 4096);
        assert_int_equal(buffer_append_text(&out, "before"), 0);
        assert_int_equal(json_append_string(&out, bad[i]), -1);
        assert_string_equal(out.bytes, "before");
        assert_true(out.is_broken);
        buffer_reset(&out);
    }
}

static void check_number(double value, const char *written) {
    struct buffer out;
    buffer_init(&out, 64);
    assert_int_equal(json_append_number(&out, value), 0);
    assert_string_equal(out.bytes, written);
    buffer_reset(&out);
}

static void test_numbers(void **state) {
    (void)state;
    check_number(0, "0");
    check_number(-0.0, "-0.0");
    check_number(1, "1");
    check_number(-17, "-17");
    check_number(100, "100");
    check_number(0.1, "0.1");
    check_number(-2.5, "-2.5");
    check_number(1.0 / 3, "0.3333333333333333");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(1e20, "1e+20");
    check_number(123456789012345.0, "123456789012345");
    check_number(9007199254740991.0, "9007199254740991");
    check_number(1e-7, "1e-07");
    check_number(DBL_MAX, "1.7976931348623157e+308");
    check_number(DBL_MIN, "2.2250738585072014e-308");
}

static void test_integers(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 64);
    assert_int_equal(json_append_integer(&out, INT64_MIN), 0);
    assert_string_equal(out.bytes, "-9223372036854775808");
    buffer_clear(&out);
    assert_int_equal(json_append_integer(&out, INT64_MAX), 0);
    assert_string_equal(out.bytes, "9223372036854775807");
    buffer_reset(&out);
}

static void test_refuses_what_is_no_number(void **state) {
    (void)state;
    const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < 3; i++) {
        struct buffer out;
        buffer_init(&out, 64);
        assert_int_equal(json_append_number(&out, none[i]), -1);
        assert_int_equal(out.length, 0);
        assert_true(out.is_broken);
        buffer_reset(&out);
    }
}

struct number {
    double value;
    size_t count;
};

static int keep_number(void *context, double value) {
    struct number *number = context;
    number->value = value;
    number->count++;
    return 0;
}

static int keep_integer(void *context, int64_t value) {
    return keep_number(context, (double)value);
}

/* Doubles of every size, from their bits: what is written is JSON and reads back as the same bits. */
static void test_numbers_read_back(void **state) {
    (void)state;
    static const struct json_listener listener = {.number = keep_number, .integer = keep_integer};
    struct buffer out;
    buffer_init(&out, 64);
    uint64_t bits = UINT64_C(0x9E3779B97F4A7C15);
    for (int i = 0; i < 20000; i++) {
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 4 == 0) {
            value = (double)(int64_t)(bits >> 20) / 1000; /* as people write them */
        }
        if (!isfinite(value)) {
            continue;
        }
        buffer_clear(&out);
        struct number number = {0};
        assert_int_equal(json_append_number(&out, value), 0);
        assert_int_equal(json_read(out.bytes, out.length, NULL, &listener, &number, NULL), 0);
        assert_int_equal(number.count, 1);
        assert_memory_equal(&number.value, &value, sizeof value);
        char *end;
        assert_memory_equal(&value, (&(double){strtod(out.bytes, &end)}), sizeof value);
    }
    buffer_reset(&out);
}

/* A locale with a decimal comma, made in the folder: the system may have none. */
static const char *make_locale(const char *folder) {
    static const char recipe[] = "cd %s && printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \"\"\\n"
                                 "grouping -1\\nEND LC_NUMERIC\\n' > source && "
                                 "localedef --no-archive -c -i ./source -f ANSI_X3.4-1968 ./comma 2> /dev/null";
    char command[512];
    assert_true(snprintf(command, sizeof command, recipe, folder) < (int)sizeof command);
    (void)!system(command); /* complains of the categories that are left out */
    assert_int_equal(setenv("LOCPATH", folder, 1), 0);
    return setlocale(LC_NUMERIC, "comma");
}

/* Another decimal point changes nothing, in or out. */
static void test_locale(void **state) {
    (void)state;
    char folder[] = "/tmp/switchhook-locale-XXXXXX";
    char command[64];
    assert_non_null(mkdtemp(folder));
    const char *found = make_locale(folder);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (found == NULL) {
        skip(); /* no localedef */
    }
    assert_string_equal(localeconv()->decimal_point, ",");
    static const struct json_listener listener = {.number = keep_number};
    struct number number = {0};
    assert_int_equal(json_read("1.23456789012345678901e-5", 25, NULL, &listener, &number, NULL), 0);
    assert_true(number.value > 1.23e-5 && number.value < 1.24e-5);
    check_number(2.5, "2.5");
    (void)setlocale(LC_ALL, "C");
}

static void test_full_buffer(void **state) {
    (void)state;
    for (size_t limit = 0; limit < 12; limit++) {
        struct buffer out;
        buffer_init(&out, limit);
        assert_int_equal(json_append_string(&out, TEXT("ab\n\xC3\xA9"
                                                       "cd\x01")),
                         -1);
        assert_int_equal(out.length, 0);
        buffer_reset(&out);
        buffer_init(&out, limit);
        assert_int_equal(json_append_compact(&out, "[ 1, 22, 333, 4444 ]", 20), -1);
        assert_int_equal(out.length, 0);
        buffer_reset(&out);
    }
}

static void test_compact(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {" 1 ", "1"},
        {"[ ]", "[]"},
        {"{\t\"a b\" :\r\n[ 1 , \"c \\\" d\" , \"e\\\\\" ] }", "{\"a b\":[1,\"c \\\" d\",\"e\\\\\"]}"},
        {"\" \\n \\u0020 \"", "\" \\n \\u0020 \""},
        {"[1.50, 1e5 ,-0.0]", "[1.50,1e5,-0.0]"},
        {"{\"a\":1}", "{\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buffer out;
        buffer_init(&out, 4096);
        assert_int_equal(json_append_compact(&out, pairs[i][0], strlen(pairs[i][0])), 0);
        assert_string_equal(out.bytes, pairs[i][1]);
        buffer_reset(&out);
    }
}

static void test_decoded(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(json_append_decoded(&out, TEXT("\"a\\nb\"")), 0);
    assert_int_equal(json_append_decoded(&out, TEXT("\"\\ud83d\\ude00-\"")), 0);
    assert_int_equal(json_append_decoded(&out, TEXT("\"\"")), 0);
    assert_string_equal(out.bytes, "a\nb\xF0\x9F\x98\x80-");
    static const char *const bad[] = {"",       "\"",     "a",      "1",      "\"a",     "a\"",
                                      "\"a\"b", "\"a\" ", " \"a\"", "\"\\\"", "\"\\q\"", "\"\xFF\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(json_append_decoded(&out, slice_of(bad[i])), -1);
    }
    assert_string_equal(out.bytes, "a\nb\xF0\x9F\x98\x80-");
    buffer_reset(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_refuses_bad_utf8),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_refuses_what_is_no_number),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
