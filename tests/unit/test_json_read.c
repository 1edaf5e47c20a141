/* The strict reader: what it takes, what it refuses and where, and what it tells a listener. Every text is read
 * from a block of its own size, so that the address sanitizer sees a byte read too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes down what it is told: {a:1 b:[d2.5 'x' T F N]} */
static int note(struct buffer *out, const char *words) {
    return buffer_append_text(out, words);
}

static int note_object_begin(void *out) {
    return note(out, "{");
}

static int note_object_end(void *out) {
    return note(out, "}");
}

static int note_array_begin(void *out) {
    return note(out, "[");
}

static int note_array_end(void *out) {
    return note(out, "]");
}

static int note_name(void *out, struct slice name) {
    return buffer_append_slice(out, name) < 0 ? -1 : note(out, ":");
}

static int note_string(void *out, struct slice text) {
    return note(out, "'") < 0 || buffer_append_slice(out, text) < 0 ? -1 : note(out, "'");
}

static int note_integer(void *out, int64_t value) {
    return buffer_append_format(out, "%lld ", (long long)value);
}

static int note_number(void *out, double value) {
    return buffer_append_format(out, "d%.17g ", value);
}

static int note_boolean(void *out, bool value) {
    return note(out, value ? "T" : "F");
}

static int note_null(void *out) {
    return note(out, "N");
}

static const struct json_listener noting = {
    .object_begin = note_object_begin,
    .object_end = note_object_end,
    .array_begin = note_array_begin,
    .array_end = note_array_end,
    .name = note_name,
    .string = note_string,
    .integer = note_integer,
    .number = note_number,
    .boolean = note_boolean,
    .null = note_null,
};

static int read_copy(const char *text, size_t length, const struct json_limits *limits, struct buffer *out,
                     struct json_error *error) {
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    int result = json_read(copy, length, limits, &noting, out, error);
    free(copy);
    return result;
}

/* A text that may hold NULs, and its length. */
#define TEXT(literal) (literal), sizeof(literal) - 1

struct accepted {
    const char *text;
    size_t length;
    const char *told;
    size_t told_length;
};

static const struct accepted accepted[] = {
    /* any value may stand at the top (RFC 8259, 2) */
    {TEXT("null"), TEXT("N")},
    {TEXT("true"), TEXT("T")},
    {TEXT("false"), TEXT("F")},
    {TEXT("0"), TEXT("0 ")},
    {TEXT("\"\""), TEXT("''")},
    {TEXT("{}"), TEXT("{}")},
    {TEXT("[]"), TEXT("[]")},
    /* white space: four bytes, anywhere between tokens */
    {TEXT(" \t\r\n1 \t\r\n"), TEXT("1 ")},
    {TEXT("[ ]"), TEXT("[]")},
    {TEXT("{\n}"), TEXT("{}")},
    {TEXT(" [ 1 , 2 ] "), TEXT("[1 2 ]")},
    {TEXT("\t{\r\"a\"\n: \t1\r,\n\"b\" :2 } "), TEXT("{a:1 b:2 }")},
    /* nesting and order */
    {TEXT("[[],[[]],{}]"), TEXT("[[][[]]{}]")},
    {TEXT("{\"a\":{\"b\":[true,false,null]},\"c\":\"d\"}"), TEXT("{a:{b:[TFN]}c:'d'}")},
    {TEXT("[1,\"a\",2.5,{}]"), TEXT("[1 'a'd2.5 {}]")},
    /* names: empty, twice, escaped; all are told */
    {TEXT("{\"\":1}"), TEXT("{:1 }")},
    {TEXT("{\"a\":1,\"a\":2}"), TEXT("{a:1 a:2 }")},
    {TEXT("{\"\\u0061\\n\":1}"), TEXT("{a\n:1 }")},
    {TEXT("{\"\\u0000\":\"\\u0000\"}"), TEXT("{\0:'\0'}")},
    /* escapes */
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("'\"\\/\b\f\n\r\t'")},
    {TEXT("\"a\\\\\""), TEXT("'a\\'")},
    {TEXT("\"\\\\\\\"\""), TEXT("'\\\"'")},
    {TEXT("\"\\u0041\\u00e9\\u20AC\""), TEXT("'A\xC3\xA9\xE2\x82\xAC'")},
    {TEXT("\"\\u007f\\u0080\""), TEXT("'\x7F\xC2\x80'")},
    {TEXT("\"\\u07ff\\u0800\""), TEXT("'\xDF\xBF\xE0\xA0\x80'")},
    {TEXT("\"\\ud7ff\\ue000\\uffff\""), TEXT("'\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF'")},
    {TEXT("\"\\uD83D\\uDE00\""), TEXT("'\xF0\x9F\x98\x80'")},
    {TEXT("\"\\ud800\\udc00\""), TEXT("'\xF0\x90\x80\x80'")},
    {TEXT("\"\\udbff\\udfff\""), TEXT("'\xF4\x8F\xBF\xBF'")},
    {TEXT("\"\\u0000\""), TEXT("'\0'")},
    {TEXT("\"before\\u0000after\""), TEXT("'before\0after'")},
    {TEXT("\"\\u001f\""), TEXT("'\x1F'")},
    {TEXT("\"plain text, then \\t and more plain text\""), TEXT("'plain text, then \t and more plain text'")},
    /* UTF-8 as it is: the first and last of each length, both sides of the surrogates */
    {TEXT("\"\x7F\""), TEXT("'\x7F'")},
    {TEXT("\"\xC2\x80\""), TEXT("'\xC2\x80'")},
    {TEXT("\"\xDF\xBF\""), TEXT("'\xDF\xBF'")},
    {TEXT("\"\xE0\xA0\x80\""), TEXT("'\xE0\xA0\x80'")},
    {TEXT("\"\xED\x9F\xBF\""), TEXT("'\xED\x9F\xBF'")},
    {TEXT("\"\xEE\x80\x80\""), TEXT("'\xEE\x80\x80'")},
    {TEXT("\"\xEF\xBF\xBF\""), TEXT("'\xEF\xBF\xBF'")},
    {TEXT("\"\xF0\x90\x80\x80\""), TEXT("'\xF0\x90\x80\x80'")},
    {TEXT("\"\xF4\x8F\xBF\xBF\""), TEXT("'\xF4\x8F\xBF\xBF'")},
    {TEXT("\"\xEF\xBB\xBF\""), TEXT("'\xEF\xBB\xBF'")}, /* a byte order mark inside a string is a character */
    {TEXT("\"\xE2\x80\xA8\xE2\x80\xA9\""), TEXT("'\xE2\x80\xA8\xE2\x80\xA9'")},
    {TEXT("\"1234567\xC3\xA9\""), TEXT("'1234567\xC3\xA9'")}, /* across the eight bytes looked at at once */
    {TEXT("\"12345678\xC3\xA9\""), TEXT("'12345678\xC3\xA9'")},
    {TEXT("\"12345678\\n12345678\\n\""), TEXT("'12345678\n12345678\n'")},
    /* integers */
    {TEXT("-0"), TEXT("0 ")},
    {TEXT("1"), TEXT("1 ")},
    {TEXT("-1"), TEXT("-1 ")},
    {TEXT("10"), TEXT("10 ")},
    {TEXT("9007199254740993"), TEXT("9007199254740993 ")},
    {TEXT("999999999999999999"), TEXT("999999999999999999 ")},
    {TEXT("9223372036854775807"), TEXT("9223372036854775807 ")},
    {TEXT("-9223372036854775808"), TEXT("-9223372036854775808 ")},
    /* an integer beyond 64 bits is a double */
    {TEXT("9223372036854775808"), TEXT("d9.2233720368547758e+18 ")},
    {TEXT("-9223372036854775809"), TEXT("d-9.2233720368547758e+18 ")},
    {TEXT("18446744073709551615"), TEXT("d1.8446744073709552e+19 ")},
    {TEXT("18446744073709551616"), TEXT("d1.8446744073709552e+19 ")},
    {TEXT("36893488147419103232"), TEXT("d3.6893488147419103e+19 ")}, /* 2^65: would wrap around to 0 */
    {TEXT("100000000000000000000000000000000000000000000000000000000000000000000000000000"),
     TEXT("d9.9999999999999998e+76 ")},
    /* other numbers */
    {TEXT("0.0"), TEXT("d0 ")},
    {TEXT("-0.0"), TEXT("d-0 ")},
    {TEXT("1.0"), TEXT("d1 ")},
    {TEXT("0e0"), TEXT("d0 ")},
    {TEXT("0E+9999999999999999999999"), TEXT("d0 ")},
    {TEXT("1e2"), TEXT("d100 ")},
    {TEXT("1E2"), TEXT("d100 ")},
    {TEXT("1e+2"), TEXT("d100 ")},
    {TEXT("1e-2"), TEXT("d0.01 ")},
    {TEXT("1.5e3"), TEXT("d1500 ")},
    {TEXT("-1.25"), TEXT("d-1.25 ")},
    {TEXT("0.1"), TEXT("d0.10000000000000001 ")},
    {TEXT("3.141592653589793"), TEXT("d3.1415926535897931 ")},
    {TEXT("3.14159265358979323846264338327950288419716939937510582097494459"), TEXT("d3.1415926535897931 ")},
    {TEXT("1e22"), TEXT("d1e+22 ")},
    {TEXT("1e23"), TEXT("d9.9999999999999992e+22 ")},
    {TEXT("1e-22"), TEXT("d1e-22 ")},
    {TEXT("9007199254740993.0"), TEXT("d9007199254740992 ")}, /* past 53 bits: to the even neighbour */
    {TEXT("8.41e21"), TEXT("d8.4099999999999995e+21 ")},
    {TEXT("123456789012345678.5"), TEXT("d1.2345678901234568e+17 ")},
    {TEXT("1.7976931348623157e308"), TEXT("d1.7976931348623157e+308 ")},
    {TEXT("1.7976931348623158e308"), TEXT("d1.7976931348623157e+308 ")}, /* rounds down to the largest */
    {TEXT("2.2250738585072014e-308"), TEXT("d2.2250738585072014e-308 ")},
    {TEXT("2.2250738585072011e-308"), TEXT("d2.2250738585072009e-308 ")},
    {TEXT("5e-324"), TEXT("d4.9406564584124654e-324 ")},
    {TEXT("1e-400"), TEXT("d0 ")},
    {TEXT("-1e-400"), TEXT("d-0 ")},
    {TEXT("1e-99999999999999999999"), TEXT("d0 ")},
    {TEXT("0.000000000000000000000000000000000000000000000000000000000000000000000001e72"), TEXT("d1 ")},
    {TEXT("[1,-2,3.5]"), TEXT("[1 -2 d3.5 ]")},
    {TEXT("{\"a\":1}"), TEXT("{a:1 }")},
};

struct refused {
    const char *text;
    size_t length;
    size_t offset;
    const char *why; /* a part of the message */
};

static const struct refused refused[] = {
    /* nothing, or only a part */
    {TEXT(""), 0, "empty"},
    {TEXT("  \n"), 3, "empty"},
    {TEXT("["), 1, "inside an array"},
    {TEXT("[1"), 2, "inside an array"},
    {TEXT("[1,"), 3, "value was expected"},
    {TEXT("{"), 1, "inside an object"},
    {TEXT("{\"a\""), 4, "inside an object"},
    {TEXT("{\"a\":"), 5, "value was expected"},
    {TEXT("{\"a\":1"), 6, "inside an object"},
    {TEXT("{\"a\":1,"), 7, "inside an object"},
    {TEXT("[[]"), 3, "inside an array"},
    {TEXT("\""), 1, "inside a string"},
    {TEXT("\"abc"), 4, "inside a string"},
    {TEXT("\"\\"), 2, "inside a string"},
    {TEXT("\"\\\""), 3, "inside a string"},
    /* more than one value */
    {TEXT("1 2"), 2, "follows"},
    {TEXT("{}{}"), 2, "follows"},
    {TEXT("[],"), 2, "follows"},
    {TEXT("null\0"), 4, "follows"},
    {TEXT("[]]"), 2, "follows"},
    {TEXT("\"a\"b"), 3, "follows"},
    /* punctuation */
    {TEXT("]"), 0, "expected a value"},
    {TEXT("}"), 0, "expected a value"},
    {TEXT(","), 0, "expected a value"},
    {TEXT(":"), 0, "expected a value"},
    {TEXT("[,]"), 1, "expected a value"},
    {TEXT("[1,]"), 3, "expected a value"},
    {TEXT("[1,,2]"), 3, "expected a value"},
    {TEXT("[,1]"), 1, "expected a value"},
    {TEXT("[1 2]"), 3, "',' or ']'"},
    {TEXT("[1:2]"), 2, "',' or ']'"},
    {TEXT("[1}"), 2, "',' or ']'"},
    {TEXT("[}"), 1, "expected a value"},
    {TEXT("{]"), 1, "member's name"},
    {TEXT("{,}"), 1, "member's name"},
    {TEXT("{\"a\":1,}"), 7, "member's name"},
    {TEXT("{\"a\":1]"), 6, "',' or '}'"},
    {TEXT("{\"a\":1 \"b\":2}"), 7, "',' or '}'"},
    {TEXT("{\"a\"}"), 4, "':'"},
    {TEXT("{\"a\",1}"), 4, "':'"},
    {TEXT("{\"a\" 1}"), 5, "':'"},
    {TEXT("{\"a\"::1}"), 5, "expected a value"},
    {TEXT("{\"a\":}"), 5, "expected a value"},
    {TEXT("{:1}"), 1, "member's name"},
    {TEXT("{a:1}"), 1, "member's name"},
    {TEXT("{'a':1}"), 1, "member's name"},
    {TEXT("{1:1}"), 1, "member's name"},
    {TEXT("{null:1}"), 1, "member's name"},
    {TEXT("{\"a\\x\":1}"), 3, "escape"},
    /* words */
    {TEXT("nul"), 0, "expected a value"},
    {TEXT("True"), 0, "expected a value"},
    {TEXT("NULL"), 0, "expected a value"},
    {TEXT("trux"), 0, "expected a value"},
    {TEXT("fals"), 0, "expected a value"},
    {TEXT("nulll"), 4, "follows"},
    {TEXT("[truefalse]"), 5, "',' or ']'"},
    {TEXT("undefined"), 0, "expected a value"},
    {TEXT("NaN"), 0, "expected a value"},
    {TEXT("Infinity"), 0, "expected a value"},
    {TEXT("-Infinity"), 1, "minus"},
    {TEXT("nan"), 0, "expected a value"},
    /* other white space, marks and comments */
    {TEXT("\xEF\xBB\xBF{}"), 0, "expected a value"},
    {TEXT("\xFF\xFE[\0]\0"), 0, "expected a value"},
    {TEXT("\f1"), 0, "expected a value"},
    {TEXT("\v1"), 0, "expected a value"},
    {TEXT("\xC2\xA0"
          "1"),
     0, "expected a value"},
    {TEXT("[1\0]"), 2, "',' or ']'"},
    {TEXT("\0"), 0, "expected a value"},
    {TEXT("/* no */1"), 0, "expected a value"},
    {TEXT("[1]//x"), 3, "follows"},
    {TEXT("#1"), 0, "expected a value"},
    /* strings */
    {TEXT("'a'"), 0, "expected a value"},
    {TEXT("\"a\nb\""), 2, "control character"},
    {TEXT("\"a\tb\""), 2, "control character"},
    {TEXT("\"\0\""), 1, "control character"},
    {TEXT("\"\x1F\""), 1, "control character"},
    {TEXT("\"12345678\x01\""), 9, "control character"},
    {TEXT("\"\\a\""), 1, "escape"},
    {TEXT("\"\\v\""), 1, "escape"},
    {TEXT("\"\\'\""), 1, "escape"},
    {TEXT("\"\\0\""), 1, "escape"},
    {TEXT("\"\\x41\""), 1, "escape"},
    {TEXT("\"\\U0041\""), 1, "escape"},
    {TEXT("\"\\\n\""), 1, "escape"},
    {TEXT("\"\\\xC3\xA9\""), 1, "escape"},
    {TEXT("\"\\u\""), 1, "four hexadecimal"},
    {TEXT("\"\\u12\""), 1, "four hexadecimal"},
    {TEXT("\"\\u123g\""), 1, "four hexadecimal"},
    {TEXT("\"\\u 123\""), 1, "four hexadecimal"},
    {TEXT("\"\\u+123\""), 1, "four hexadecimal"},
    {TEXT("\"\\u{41}\""), 1, "four hexadecimal"},
    {TEXT("\"\\u004"), 1, "four hexadecimal"},
    {TEXT("\"\\ud800\""), 1, "surrogate"},
    {TEXT("\"\\udbff\""), 1, "surrogate"},
    {TEXT("\"\\udc00\""), 1, "surrogate"},
    {TEXT("\"\\udfff\""), 1, "surrogate"},
    {TEXT("\"\\ude00\\ud83d\""), 1, "surrogate"},
    {TEXT("\"\\ud83d\\ud83d\""), 1, "surrogate"},
    {TEXT("\"\\ud83dx\\ude00\""), 1, "surrogate"},
    {TEXT("\"\\ud83d\\n\""), 1, "surrogate"},
    {TEXT("\"\\ud83d\\u0041\""), 1, "surrogate"},
    {TEXT("\"\\ud83d\\ue000\""), 1, "surrogate"},
    {TEXT("\"\\ud83d\\u"), 1, "surrogate"},
    {TEXT("\"\\ud83d\\ude0\""), 1, "surrogate"},
    /* bytes that are no UTF-8 */
    {TEXT("\"\x80\""), 1, "UTF-8"},
    {TEXT("\"\xBF\""), 1, "UTF-8"},
    {TEXT("\"\xC0\x80\""), 1, "UTF-8"}, /* overlong */
    {TEXT("\"\xC1\xBF\""), 1, "UTF-8"},
    {TEXT("\"\xE0\x9F\xBF\""), 1, "UTF-8"},
    {TEXT("\"\xF0\x8F\xBF\xBF\""), 1, "UTF-8"},
    {TEXT("\"\xED\xA0\x80\""), 1, "UTF-8"}, /* surrogates */
    {TEXT("\"\xED\xBF\xBF\""), 1, "UTF-8"},
    {TEXT("\"\xF4\x90\x80\x80\""), 1, "UTF-8"}, /* past U+10FFFF */
    {TEXT("\"\xF5\x80\x80\x80\""), 1, "UTF-8"},
    {TEXT("\"\xF8\x88\x80\x80\x80\""), 1, "UTF-8"},
    {TEXT("\"\xFE\""), 1, "UTF-8"},
    {TEXT("\"\xFF\""), 1, "UTF-8"},
    {TEXT("\"\xC3\""), 1, "UTF-8"}, /* cut short */
    {TEXT("\"\xC3"), 1, "UTF-8"},
    {TEXT("\"\xE2\x82\""), 1, "UTF-8"},
    {TEXT("\"\xE2\x28\xA1\""), 1, "UTF-8"},
    {TEXT("\"\xE2\x82\x28\""), 1, "UTF-8"},
    {TEXT("\"\xF0\x9F\x98\""), 1, "UTF-8"},
    {TEXT("\"\xF0\x9F\x98"), 1, "UTF-8"},
    {TEXT("\"\xF0\x28\x98\x80\""), 1, "UTF-8"},
    {TEXT("\"1234567890\xC3(\""), 11, "UTF-8"},
    {TEXT("{\"\xE9\":1}"), 2, "UTF-8"},
    {TEXT("[\xC3\xA9]"), 1, "expected a value"},
    /* numbers */
    {TEXT("01"), 0, "leading zero"},
    {TEXT("-01"), 1, "leading zero"},
    {TEXT("00"), 0, "leading zero"},
    {TEXT("+1"), 0, "expected a value"},
    {TEXT("-"), 1, "minus"},
    {TEXT("--1"), 1, "minus"},
    {TEXT("- 1"), 1, "minus"},
    {TEXT("-a"), 1, "minus"},
    {TEXT(".5"), 0, "expected a value"},
    {TEXT("-.5"), 1, "minus"},
    {TEXT("5."), 2, "after its point"},
    {TEXT("5.e1"), 2, "after its point"},
    {TEXT("[5.]"), 3, "after its point"},
    {TEXT("1e"), 2, "exponent"},
    {TEXT("1e+"), 3, "exponent"},
    {TEXT("1e-"), 3, "exponent"},
    {TEXT("1e.5"), 2, "exponent"},
    {TEXT("1e+-1"), 3, "exponent"},
    {TEXT("1e5.5"), 3, "follows"},
    {TEXT("1.2.3"), 3, "follows"},
    {TEXT("0x10"), 1, "follows"},
    {TEXT("1_000"), 1, "follows"},
    {TEXT("1a"), 1, "follows"},
    {TEXT("1f"), 1, "follows"},
    {TEXT("1,5"), 1, "follows"},
    {TEXT("1-2"), 1, "follows"},
    {TEXT("\xEF\xBC\x91"), 0, "expected a value"}, /* a full-width 1 */
    {TEXT("1e309"), 0, "too large"},
    {TEXT("-1e309"), 0, "too large"},
    {TEXT("[1,1.8e308]"), 3, "too large"},
    {TEXT("1.7976931348623159e308"), 0, "too large"},
    {TEXT("1e99999999999999999999"), 0, "too large"},
};

static void test_accepts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const struct accepted *one = &accepted[i];
        struct buffer told;
        buffer_init(&told, 4096);
        struct json_error error;
        if (read_copy(one->text, one->length, NULL, &told, &error) < 0) {
            fail_msg("case %zu, %s: %s at %zu", i, one->text, error.message, error.offset);
        }
        if (!slice_equal(buffer_slice(&told), slice_make(one->told, one->told_length))) {
            fail_msg("case %zu, %s: told %s", i, one->text, told.bytes);
        }
        buffer_reset(&told);
    }
}

static void test_refuses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refused *one = &refused[i];
        struct buffer told;
        buffer_init(&told, 4096);
        struct json_error error;
        if (read_copy(one->text, one->length, NULL, &told, &error) == 0) {
            fail_msg("case %zu, %s: accepted", i, one->text);
        }
        if (error.offset != one->offset || strstr(error.message, one->why) == NULL) {
            fail_msg("case %zu, %s: %s at %zu", i, one->text, error.message, error.offset);
        }
        buffer_reset(&told);
    }
}

/* A text with one of everything: every part of it that lacks the end is refused, at a place inside it. */
static void test_refuses_every_beginning(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e3,true,false,null],\"b\\n\":\"\\ud83d\\ude00 \xC3\xA9\",\"c\":{}}";
    struct buffer told;
    buffer_init(&told, 4096);
    struct json_error error;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_int_equal(read_copy(text, length, NULL, &told, &error), -1);
        assert_true(error.offset <= length);
        assert_true(error.message[0] != '\0');
        buffer_clear(&told);
    }
    assert_int_equal(read_copy(text, sizeof text - 1, NULL, &told, &error), 0);
    buffer_reset(&told);
}

/* Strings are read many bytes at a time: each byte is seen wherever it stands. */
static void test_every_byte_at_every_place(void **state) {
    (void)state;
    enum { LENGTH = 40 };
    struct buffer told;
    buffer_init(&told, 4096);
    for (size_t place = 1; place < LENGTH; place++) {
        for (int byte = 0; byte <= 0xFF; byte++) {
            char text[LENGTH + 2];
            memset(text, 'a', sizeof text);
            text[0] = text[LENGTH + 1] = '"';
            text[place] = (char)byte;
            struct json_error error;
            bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            int result = read_copy(text, sizeof text, NULL, &told, &error);
            size_t offset = byte == '"' ? place + 1 : place;
            if (result != (is_plain ? 0 : -1) || (!is_plain && error.offset != offset)) {
                fail_msg("byte %02x at %zu: %d, %s at %zu", (unsigned)byte, place, result, error.message,
                         error.offset);
            }
            buffer_clear(&told);
        }
    }
    buffer_reset(&told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_every_beginning),
        cmocka_unit_test(test_every_byte_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
