/* CloudEvents: which schema an element has, what makes one malformed, and binary mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/cloud.h"
#include "event/event.h"
#include <stdio.h>
#include <string.h>

#define CLOUD(members)    "{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"/s\",\"type\":\"T\"" members "}"
#define CLOUD_LAST(first) "{" first "\"type\":\"T\",\"source\":\"/s\",\"id\":\"c\",\"specversion\":\"1.0\"}"

#define assert_slice(slice, text)                                                                                 \
    do {                                                                                                          \
        if (!slice_is((slice), (text))) {                                                                         \
            fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(slice), (text));                                         \
        }                                                                                                         \
    } while (0)

/* Of an array of one, so that a malformed one is there to be looked at. */
static struct event read_element(struct envelope *envelope, const char *element) {
    static char body[4096];
    struct json_error where;
    (void)snprintf(body, sizeof body, "[%s]", element);
    if (envelope_read(envelope, body, strlen(body), &where) < 0) {
        fail_msg("%s at %zu: %s", where.message, where.offset, body);
    }
    assert_int_equal(envelope->count, 1);
    return envelope->events[0];
}

static void test_members(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    struct event event = read_element(
        &envelope,
        CLOUD(",\"subject\":\"job/j\",\"time\":\"2026-03-01T09:30:00Z\",\"datacontenttype\":\"application/"
              "json\",\"dataschema\":\"#\",\"traceparent\":\"00\",\"data\":{\"jobId\":\"j\",\"workerId\":\"w\","
              "\"expiresOn\":\"e\"}"));
    assert_null(event.malformed);
    assert_true(event.is_cloud);
    assert_slice(event.id, "c");
    assert_slice(event.source, "/s");
    assert_slice(event.type, "T");
    assert_slice(event.subject, "job/j");
    assert_slice(event.time, "2026-03-01T09:30:00Z");
    assert_slice(event.job, "j");
    assert_slice(event.worker, "w");
    assert_slice(event.expires, "e");
    event = read_element(&envelope, CLOUD(",\"data_base64\":\"eyJqb2JJZCI6ImoifQ==\""));
    assert_null(event.malformed);
    assert_false(slice_is_set(event.job));
    envelope_reset(&envelope);
}

/* The same lane, the same identity, whichever schema brings it. */
static void test_schemas_are_one_event(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    struct event cloud = read_element(&envelope, CLOUD(",\"data\":{\"jobId\":\"j\"}"));
    struct event grid =
        read_element(&envelope, "{\"id\":\"c\",\"topic\":\"/s\",\"eventType\":\"T\",\"data\":{\"jobId\":\"j\"}}");
    assert_int_equal(cloud.lane, grid.lane);
    assert_memory_equal(cloud.identity, grid.identity, sizeof cloud.identity);
    assert_memory_not_equal(cloud.content, grid.content, sizeof cloud.content);
    cloud = read_element(&envelope, CLOUD(",\"subject\":\"s\""));
    grid = read_element(&envelope, "{\"id\":\"c\",\"topic\":\"/s\",\"subject\":\"s\",\"eventType\":\"T\"}");
    assert_int_equal(cloud.lane, grid.lane);
    envelope_reset(&envelope);
}

/* Members of the other schema mean nothing, wherever they stand, even twice. */
static void test_schemas_are_told_apart(void **state) {
    (void)state;
    static const char *const clouds[] = {
        CLOUD(",\"eventType\":\"X\",\"topic\":\"x\",\"eventTime\":\"x\",\"topic\":7"),
        CLOUD_LAST("\"eventType\":\"X\",\"topic\":\"x\",\"eventType\":\"Y\","),
        CLOUD_LAST("\"dataVersion\":1,\"dataVersion\":2,\"eventTime\":\"x\","),
    };
    static const char *const grids[] = {
        "{\"id\":\"c\",\"eventType\":\"T\",\"topic\":\"/"
        "s\",\"type\":\"X\",\"source\":\"x\",\"time\":\"x\",\"type\":7}",
        "{\"type\":\"X\",\"source\":\"x\",\"type\":\"Y\",\"id\":\"c\",\"eventType\":\"T\",\"topic\":\"/s\"}",
        "{\"data_base64\":1,\"data_base64\":1,\"id\":\"c\",\"eventType\":\"T\",\"topic\":\"/"
        "s\",\"Specversion\":\"1.0\","
        "\"data\":{\"specversion\":\"1.0\"}}",
    };
    struct envelope envelope;
    envelope_init(&envelope);
    for (size_t i = 0; i < 6; i++) {
        struct event event = read_element(&envelope, i < 3 ? clouds[i] : grids[i - 3]);
        assert_null(event.malformed);
        assert_int_equal(event.is_cloud, i < 3);
        assert_slice(event.type, "T");
        assert_slice(event.source, "/s");
        assert_false(slice_is_set(event.time));
    }
    envelope_reset(&envelope);
}

static void test_malformed(void **state) {
    (void)state;
    static const struct {
        const char *element, *words;
    } rows[] = {
        {"{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"T\"}", "id is"},
        {"{\"specversion\":\"1.0\",\"id\":7,\"source\":\"/s\",\"type\":\"T\"}", "id is"},
        {"{\"specversion\":\"1.0\",\"id\":\"c\",\"type\":\"T\"}", "source is"},
        {"{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"\",\"topic\":\"t\",\"type\":\"T\"}", "source is"},
        {"{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"/s\"}", "type is"},
        {"{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"/s\",\"eventType\":\"T\"}", "type is"},
        {"{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"/s\",\"type\":null}", "type is"},
        {"{\"specversion\":\"0.3\",\"id\":\"c\",\"source\":\"/s\",\"type\":\"T\"}", "specversion is not"},
        {"{\"specversion\":1.0,\"id\":\"c\",\"source\":\"/s\",\"type\":\"T\"}", "specversion is not"},
        {"{\"specversion\":null,\"id\":\"c\",\"eventType\":\"T\"}", "specversion is not"},
        {"{\"specversion\":{\"a\":\"1.0\"},\"id\":\"c\",\"eventType\":\"T\"}", "specversion is not"},
        {CLOUD(",\"specversion\":\"1.0\""), "a member twice"},
        {CLOUD(",\"type\":\"T\""), "a member twice"},
        {CLOUD(",\"\\u0069d\":\"c\""), "a member twice"},
        {CLOUD(",\"data\":1,\"data\":2"), "a member twice"},
    };
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = read_element(&envelope, rows[i].element);
        if (event.malformed == NULL || strstr(event.malformed, rows[i].words) == NULL) {
            fail_msg("%s: %s", rows[i].element, event.malformed == NULL ? "an event" : event.malformed);
        }
        assert_false(slice_is_set(event.id) || slice_is_set(event.type) || slice_is_set(event.source));
        assert_int_equal(envelope_read(&envelope, rows[i].element, strlen(rows[i].element), &where), -1);
        assert_non_null(strstr(where.message, rows[i].words));
    }
    envelope_reset(&envelope);
}

static void test_mixed(void **state) {
    (void)state;
    static const char body[] = "[" CLOUD(
        "") ",{\"id\":\"g\",\"eventType\":\"T\"},7,{\"specversion\":\"1.0\"}," CLOUD(",\"subject\":\"2\"") "]";
    struct envelope envelope;
    envelope_init(&envelope);
    assert_int_equal(envelope_read(&envelope, body, sizeof body - 1, NULL), 0);
    assert_int_equal(envelope.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(envelope.events[i].malformed != NULL, i == 2 || i == 3);
        assert_int_equal(envelope.events[i].is_cloud, i != 1 && i != 2);
    }
    envelope_reset(&envelope);
}

/* Headers as "name: value" lines. */
static void take_all(struct cloud_event *cloud, const char *lines) {
    *cloud = (struct cloud_event){.count = 0};
    for (const char *line = lines; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        size_t name = strcspn(line, ":");
        cloud_take(cloud, slice_make(line, name), slice_make(line + name + 2, length - name - 2));
        line += length + (line[length] != '\0');
    }
}

#define REQUIRED "ce-specversion: 1.0\nce-id: c\nce-source: /s\nce-type: T\n"

static void expect_composed(const char *lines, const char *type, const char *body, const char *expected) {
    struct cloud_event cloud;
    struct error error = {0};
    struct json_error where = {0};
    struct buffer out;
    buffer_init(&out, 65536);
    take_all(&cloud, lines);
    assert_true(cloud_is_binary(&cloud));
    if (cloud_check(&cloud, &error) < 0) {
        fail_msg("%s: %s", lines, error.message);
    }
    if (cloud_compose(&cloud, slice_of(type), slice_of(body), &out, &where) < 0) {
        fail_msg("%s: %s", lines, where.message);
    }
    assert_slice(buffer_slice(&out), expected);
    assert_int_equal(json_check(out.bytes, out.length, NULL), 0);
    buffer_reset(&out);
}

#define COMPOSED "{\"specversion\":\"1.0\",\"id\":\"c\",\"source\":\"/s\",\"type\":\"T\""

static void test_binary(void **state) {
    (void)state;
    expect_composed(REQUIRED, NULL, " {\"jobId\" : 1.0} ", COMPOSED ",\"data\": {\"jobId\" : 1.0} }");
    expect_composed(REQUIRED, "application/json; charset=utf-8", "7",
                    COMPOSED ",\"datacontenttype\":\"application/json; charset=utf-8\",\"data\":7}");
    expect_composed(REQUIRED, NULL, "", COMPOSED "}");
    /* The order of headers, the case of their names and others that are none of ours make no difference. */
    static const char expected[] = COMPOSED ",\"alpha\":\"1\",\"subject\":\"s\",\"data\":null}";
    expect_composed("host: h\nCE-Subject: s\n" REQUIRED "ce-ALPHA: 1\naccept: x\n", NULL, "null", expected);
    expect_composed("ce-alpha: 1\nCE-TYPE: T\nce-source: /s\nce-subject: s \t\nce-id: c\nCe-SpecVersion: 1.0\n",
                    NULL, "null", expected);
    expect_composed(REQUIRED "ce-datacontenttype: text/plain\n", NULL, "1", COMPOSED ",\"data\":1}");
    expect_composed(REQUIRED "ce-a: Euro%20%E2%82%AC%20%22%25\n", NULL, "1",
                    COMPOSED ",\"a\":\"Euro \xe2\x82\xac \\\"%\",\"data\":1}");
    expect_composed(REQUIRED "ce-a: \"in \\\"quotes\\\" %41\"\n", NULL, "1",
                    COMPOSED ",\"a\":\"in \\\"quotes\\\" A\",\"data\":1}");
    expect_composed(REQUIRED "ce-a: \xc3\xa4 + \\\n", NULL, "1",
                    COMPOSED ",\"a\":\"\xc3\xa4 + \\\\\",\"data\":1}");
}

static void test_binary_headers_that_cannot_be(void **state) {
    (void)state;
    static const struct {
        const char *lines, *words;
    } rows[] = {
        {"ce-id: c\nce-source: /s\nce-type: T\n", "ce-specversion is missing"},
        {"ce-specversion: 1.0\nce-source: /s\nce-type: T\n", "ce-id is missing"},
        {"ce-specversion: 1.0\nce-id: c\nce-type: T\n", "ce-source is missing"},
        {"ce-specversion: 1.0\nce-id: c\nce-source: /s\n", "ce-type is missing"},
        {"ce-specversion: 1.0\nce-id:  \nce-source: /s\nce-type: T\n", "ce-id is empty"},
        {"ce-specversion: 0.3\nce-id: c\nce-source: /s\nce-type: T\n", "ce-specversion is not 1.0"},
        {REQUIRED "CE-ID: c\n", "ce-ID is there twice"},
        {REQUIRED "ce-a: 1\nce-A: 2\n", "ce-A is there twice"},
        {REQUIRED "ce-data: {}\n", "names no attribute"},
        {REQUIRED "ce-data_base64: e30=\n", "names no attribute"},
        {REQUIRED "ce-: x\n", "names no attribute"},
        {REQUIRED "ce-a-b: x\n", "names no attribute"},
        {REQUIRED "ce-a: %\n", "is no text"},
        {REQUIRED "ce-a: %4\n", "is no text"},
        {REQUIRED "ce-a: %zz\n", "is no text"},
        {REQUIRED "ce-a: %00\n", "is no text"},
        {REQUIRED "ce-a: \"open\n", "is no text"},
        {REQUIRED "ce-a: \"open\\\"\n", "is no text"},
        {REQUIRED "ce-a: \"a\"b\"\n", "is no text"},
        {REQUIRED "ce-a: \"\n", "is no text"},
        {REQUIRED "ce-a: %0d%0a\n", "control characters"},
        {REQUIRED "ce-a: %7F\n", "control characters"},
        {REQUIRED "ce-a: %C2%85\n", "control characters"},
        {REQUIRED "ce-a: %FF\n", "no UTF-8"},
        {REQUIRED "ce-a: %C0%80\n", "no UTF-8"},
        {REQUIRED "ce-a: %ED%A0%80\n", "no UTF-8"},
        {REQUIRED "ce-a: \xff\n", "no UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cloud_event cloud;
        struct error error = {0};
        take_all(&cloud, rows[i].lines);
        assert_true(cloud_is_binary(&cloud));
        assert_int_equal(cloud_check(&cloud, &error), -1);
        assert_int_equal(error.code, ERROR_INVALID);
        if (strstr(error.message, rows[i].words) == NULL) {
            fail_msg("%s: %s", rows[i].lines, error.message);
        }
    }
    struct cloud_event cloud;
    take_all(&cloud, "ce-subject: s\nhost: h\nce: x\ncex-id: 1\n");
    assert_false(cloud_is_binary(&cloud));
    for (int i = 0; i < CLOUD_ATTRIBUTES + 5; i++) {
        cloud_take(&cloud, slice_of("ce-id"), slice_of("x"));
    }
    assert_int_equal(cloud_check(&cloud, NULL), -1);
}

/* Nothing of the body gets out of `data`. */
static void test_binary_bodies_that_are_no_json(void **state) {
    (void)state;
    static const char *const bodies[] = {"1,\"id\":\"other\"", "1}",  "{\"a\":1}}",    "{", "hello", " ",
                                         "\"\xff\"",           "1 2", "\xef\xbb\xbf{}"};
    struct cloud_event cloud;
    struct buffer out;
    buffer_init(&out, 65536);
    take_all(&cloud, REQUIRED);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct json_error where = {.offset = SIZE_MAX};
        assert_int_equal(cloud_compose(&cloud, slice_of(NULL), slice_of(bodies[i]), &out, &where), -1);
        assert_true(where.offset <= strlen(bodies[i]));
        assert_int_equal(out.length, 0);
    }
    buffer_reset(&out);
}

/* What is taken can be read: the event around the data counts as a level. */
static void test_binary_depth(void **state) {
    (void)state;
    char body[2 * JSON_DEPTH + 1];
    struct cloud_event cloud;
    struct json_error where;
    struct envelope envelope;
    struct buffer out;
    envelope_init(&envelope);
    for (size_t depth = JSON_DEPTH - 1; depth <= JSON_DEPTH; depth++) {
        memset(body, '[', depth);
        memset(body + depth, ']', depth);
        buffer_init(&out, 65536);
        take_all(&cloud, REQUIRED);
        int result = cloud_compose(&cloud, slice_of(NULL), slice_make(body, 2 * depth), &out, &where);
        assert_int_equal(result, depth < JSON_DEPTH ? 0 : -1);
        if (result == 0) {
            assert_int_equal(envelope_read(&envelope, out.bytes, out.length, &where), 0);
        }
        envelope_reset(&envelope);
        buffer_reset(&out);
    }
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_schemas_are_one_event),
        cmocka_unit_test(test_schemas_are_told_apart),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_binary_headers_that_cannot_be),
        cmocka_unit_test(test_binary_bodies_that_are_no_json),
        cmocka_unit_test(test_binary_depth),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
