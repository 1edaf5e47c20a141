/* The tree: parsing, looking, changing, printing; who owns what when something fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include "json/tree.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text) {
    struct error error = {0};
    struct json *value = json_parse(text, strlen(text), &error);
    if (value == NULL) {
        fail_msg("%s: %s", text, error.message);
    }
    return value;
}

static void check_printed(const struct json *value, const char *expected) {
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_int_equal(json_print(value, &out), 0);
    assert_string_equal(out.bytes, expected);
    buffer_reset(&out);
}

static void test_parses_and_prints(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"null", "null"},
        {" true ", "true"},
        {"-12", "-12"},
        {"2.50", "2.5"},
        {"\"a\\n\\u00e9\"", "\"a\\n\xC3\xA9\""},
        {"[]", "[]"},
        {"{ }", "{}"},
        {"[1, [2, {\"a\": null}], \"x\"]", "[1,[2,{\"a\":null}],\"x\"]"},
        {"{\"b\":1,\"a\":{\"\":false}}", "{\"b\":1,\"a\":{\"\":false}}"},
        /* more digits than cJSON's own parser takes */
        {"1000000000000000000000000000000000000000000000000000000000000000000000000000000", "1e+78"},
        {"[0.10000000000000000000000000000000000000000000000000000000000000000000000000000]", "[0.1]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct json *value = parse(pairs[i][0]);
        check_printed(value, pairs[i][1]);
        json_free(value);
    }
}

static void test_refuses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "empty"},
        {"{\"a\":[1,{\"b\":2}", "inside an array"},
        {"[1,2", "inside an array"},
        {"[\"\xFF\"]", "UTF-8"},
        {"1e999", "too large"},
        {"{\"a\":\"x\\u0000y\"}", "\\u0000 in it, which is not supported here (at byte 5)"},
        {"{\"x\":1,\"a\\u0000\":1}", "\\u0000 in it, which is not supported here (at byte 7)"},
        {"\"\\u0000\"", "\\u0000 in it"},
        {"{\"name\" 1}", "expected ':'"},
        {"[1] x", "follows the value (at byte 4)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        assert_null(json_parse(cases[i].text, strlen(cases[i].text), &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_non_null(strstr(error.message, cases[i].why));
        assert_null(json_parse(cases[i].text, strlen(cases[i].text), NULL));
    }
}

static void test_looks(void **state) {
    (void)state;
    struct json *value = parse(
        "{\"s\":\"text\",\"n\":2.5,\"b\":true,\"z\":null,\"a\":[10,20,30],\"o\":{\"k\":\"v\"},\"S\":\"case\"}");
    assert_int_equal(json_kind(value), JSON_OBJECT);
    assert_int_equal(json_count(value), 7);
    assert_string_equal(json_get_string(value, "s"), "text");
    assert_string_equal(json_get_string(value, "S"), "case");
    assert_null(json_get_string(value, "n"));
    assert_null(json_get_string(value, "absent"));
    assert_true(json_get_double(value, "n", -1) > 2.4);
    assert_true(json_get_double(value, "s", -1) < 0);
    assert_true(json_get_bool(value, "b", false));
    assert_true(json_get_bool(value, "z", true));
    assert_int_equal(json_kind(json_get(value, "z")), JSON_NULL);
    assert_int_equal(json_kind(json_get(value, "b")), JSON_BOOLEAN);
    assert_int_equal(json_kind(json_get(value, "n")), JSON_NUMBER);
    assert_int_equal(json_kind(json_get(value, "s")), JSON_STRING);
    struct json *array = json_get(value, "a");
    assert_int_equal(json_kind(array), JSON_ARRAY);
    assert_int_equal(json_count(array), 3);
    assert_true(json_double_of(json_at(array, 2), 0) > 29);
    assert_null(json_at(array, 3));
    assert_null(json_at(value, 0));
    assert_null(json_get(array, "a"));
    assert_string_equal(json_name(json_first(value)), "s");
    assert_string_equal(json_name(json_next(json_first(value))), "n");
    assert_null(json_next(json_at(array, 2)));
    json_free(value);
    /* nothing at all */
    assert_int_equal(json_kind(NULL), JSON_NULL);
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_name(NULL));
    assert_null(json_get(NULL, "a"));
    assert_null(json_at(NULL, 0));
    assert_null(json_string_of(NULL));
    json_free(NULL);
}

static void test_builds(void **state) {
    (void)state;
    struct json *body = json_object();
    struct json *list = json_array();
    int failed = json_push(list, json_double(1)) | json_push(list, json_none()) | json_push(list, json_bool(true));
    failed |= json_put(body, "id", json_text("j1")) | json_put(body, "part", json_slice(slice_make("abcdef", 3)));
    failed |= json_put(body, "list", list) | json_put(body, "empty", json_slice(slice_make(NULL, 0)));
    assert_int_equal(failed, 0);
    check_printed(body, "{\"id\":\"j1\",\"part\":\"abc\",\"list\":[1,null,true],\"empty\":\"\"}");
    /* replacing keeps the place */
    assert_int_equal(json_put(body, "id", json_double(7)), 0);
    assert_int_equal(json_put(body, "empty", json_array()), 0);
    check_printed(body, "{\"id\":7,\"part\":\"abc\",\"list\":[1,null,true],\"empty\":[]}");
    json_drop(body, "part");
    json_drop(body, "absent");
    json_drop_at(json_get(body, "list"), 1);
    json_drop_at(json_get(body, "list"), 9);
    check_printed(body, "{\"id\":7,\"list\":[1,true],\"empty\":[]}");
    struct json *moved = json_detach(body, "list");
    assert_null(json_detach(body, "list"));
    /* a value that had a name elsewhere gets the new one, also when it replaces */
    assert_int_equal(json_put(body, "id", moved), 0);
    check_printed(body, "{\"id\":[1,true],\"empty\":[]}");
    moved = json_detach(body, "empty");
    assert_int_equal(json_put(body, "other", moved), 0);
    check_printed(body, "{\"id\":[1,true],\"other\":[]}");
    json_free(body);
}

/* What cannot be put is freed (the leak checker watches), and the calls can be chained. */
static void test_failed_puts(void **state) {
    (void)state;
    struct json *array = json_array();
    struct json *object = json_object();
    assert_int_equal(json_put(array, "a", json_text("x")), -1);
    assert_int_equal(json_push(object, json_text("x")), -1);
    assert_int_equal(json_put(NULL, "a", json_text("x")), -1);
    assert_int_equal(json_push(NULL, json_text("x")), -1);
    assert_int_equal(json_put(object, "a", NULL), -1);
    assert_int_equal(json_push(array, NULL), -1);
    assert_null(json_text(NULL));
    assert_null(json_double((double)NAN));
    assert_null(json_double((double)INFINITY));
    assert_null(json_slice(slice_make("a\0b", 3)));
    check_printed(array, "[]");
    check_printed(object, "{}");
    json_free(array);
    json_free(object);
}

static void test_prints_only_json(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(buffer_append_text(&out, "before"), 0);
    struct json *array = json_array();
    assert_int_equal(json_push(array, json_double(1)), 0);
    assert_int_equal(json_push(array, json_text("\xFF")), 0);
    assert_int_equal(json_print(array, &out), -1);
    assert_string_equal(out.bytes, "before");
    assert_true(out.is_broken);
    json_free(array);
    buffer_reset(&out);
    assert_int_equal(json_print(NULL, &out), -1);
    buffer_reset(&out);
    /* as deep as the reader takes, and one more */
    struct json *deep = json_array();
    for (int i = 1; i < JSON_DEPTH; i++) {
        struct json *around = json_array();
        assert_int_equal(json_push(around, deep), 0);
        deep = around;
    }
    assert_int_equal(json_print(deep, &out), 0);
    assert_int_equal(json_check(out.bytes, out.length, NULL), 0);
    struct json *around = json_object();
    assert_int_equal(json_put(around, "a", deep), 0);
    assert_int_equal(json_print(around, &out), -1);
    json_free(around);
    buffer_reset(&out);
}

static void test_copies_and_compares(void **state) {
    (void)state;
    struct json *value = parse("{\"a\":[1,{\"b\":\"x\"}],\"c\":null}");
    struct json *copy = json_copy(value);
    assert_true(json_equal(value, copy));
    assert_int_equal(json_put(copy, "c", json_bool(false)), 0);
    assert_false(json_equal(value, copy));
    json_free(value);
    json_free(copy);
    static const struct {
        const char *a;
        const char *b;
        bool is_equal;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
        {"{\"a\":1}", "{\"A\":1}", false},
        {"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":1}", false},
        {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}", true},
        {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":3}", false},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1]", false},
        {"[1]", "[1,2]", false},
        {"1", "1.0", true},
        {"9007199254740991", "9007199254740990", false},
        {"1", "\"1\"", false},
        {"\"a\"", "\"a\"", true},
        {"\"a\"", "\"b\"", false},
        {"true", "false", false},
        {"null", "false", false},
        {"null", "null", true},
        {"{}", "[]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *a = parse(cases[i].a);
        struct json *b = parse(cases[i].b);
        assert_int_equal(json_equal(a, b), cases[i].is_equal);
        json_free(a);
        json_free(b);
    }
    assert_true(json_equal(NULL, NULL));
}

/* 128 levels of objects: comparing takes its time once, and not twice for each level. */
static void test_compares_deep_objects(void **state) {
    (void)state;
    struct json *a = json_object();
    struct json *b = json_object();
    for (int i = 1; i < JSON_DEPTH; i++) {
        struct json *outer_a = json_object();
        struct json *outer_b = json_object();
        assert_int_equal(json_put(outer_a, "in", a) | json_put(outer_b, "in", b), 0);
        a = outer_a;
        b = outer_b;
    }
    assert_true(json_equal(a, b));
    json_free(a);
    json_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses_and_prints),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_builds),
        cmocka_unit_test(test_failed_puts),
        cmocka_unit_test(test_prints_only_json),
        cmocka_unit_test(test_copies_and_compares),
        cmocka_unit_test(test_compares_deep_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
