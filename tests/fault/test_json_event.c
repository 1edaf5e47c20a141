/* Reader, writer, tree and envelopes, with every allocation failing once. cJSON's allocations are counted too: it
 * is told to make them here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "event/cloud.h"
#include "event/event.h"
#include "fault/alloc.h"
#include "json/json.h"
#include "json/tree.h"
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* -1 with the right code for what a reader said: memory has no place in the text. */
static int pass_on(const struct json_error *where, struct error *error) {
    if (where->offset == SIZE_MAX) {
        assert_non_null(strstr(where->message, "memory"));
        return error_memory(error);
    }
    return error_set(error, ERROR_INVALID, "%s", where->message);
}

static int append(void *context, struct slice text) {
    return buffer_append_slice(context, text);
}

/* Strings with escapes need the scratch buffer; long numbers, a copy. */
static int read_text(void *context, struct error *error) {
    (void)context;
    static const struct json_listener listener = {.string = append};
    static const char text[] = "[\"\\n\",0.1234567890123456789012345678901234567890123456789012345678901234567890,"
                               "\"a long text with an escape at its end, so that the scratch buffer grows\\t\"]";
    struct buffer texts;
    buffer_init(&texts, 4096);
    struct json_error where;
    int result = json_read(text, sizeof text - 1, NULL, &listener, &texts, &where);
    if (result < 0) {
        result = texts.is_broken ? error_memory(error) : pass_on(&where, error);
    }
    buffer_reset(&texts);
    return result;
}

static void the_reader_says_memory(void **state) {
    (void)state;
    assert_true(fault_alloc_each(read_text, NULL) >= 3);
}

static int note_member(void *context, struct slice name, struct slice raw) {
    (void)name;
    (void)raw;
    ++*(int *)context;
    return 0;
}

static int cut_members(void *context, struct error *error) {
    (void)context;
    static const char text[] = "{\"a\":1,\"\\u0062\":[2]}";
    int seen = 0;
    struct json_error where;
    return json_each_member(text, sizeof text - 1, note_member, &seen, &where) < 0 ? pass_on(&where, error) : 0;
}

static void members_say_memory(void **state) {
    (void)state;
    assert_true(fault_alloc_each(cut_members, NULL) >= 2);
}

static int write_text(void *context, struct error *error) {
    (void)context;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    for (int i = 0; i < 40; i++) {
        size_t before = out.length;
        if (json_append_string(&out, slice_of("text\n\xC3\xA9")) < 0 || json_append_number(&out, 0.1) < 0 ||
            json_append_integer(&out, i) < 0 || json_append_compact(&out, "[ 1, 2 ]", 8) < 0 ||
            json_append_decoded(&out, slice_of("\"\\n\"")) < 0) {
            assert_true(out.is_broken);
            assert_true(out.length >= before);
        }
    }
    int result = out.is_broken ? error_memory(error) : 0;
    buffer_reset(&out);
    return result;
}

static void the_writer_breaks_the_buffer(void **state) {
    (void)state;
    assert_true(fault_alloc_each(write_text, NULL) >= 5);
}

static int plant_tree(void *context, struct error *error) {
    (void)context;
    static const char text[] = "{\"a\":[1,2.5,\"x\\n\",true,null],\"b\":{\"c\":\"\"}}";
    struct json *value = json_parse(text, sizeof text - 1, error);
    if (value == NULL) {
        return -1;
    }
    struct buffer out;
    buffer_init(&out, 4096);
    struct json *copy = json_copy(value);
    int result = -1;
    if (copy == NULL || json_print(copy, &out) < 0) {
        error_memory(error);
        goto out;
    }
    assert_true(json_equal(value, copy));
    result = 0;
out:
    buffer_reset(&out);
    json_free(copy);
    json_free(value);
    return result;
}

static void parsing_fails_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(plant_tree, NULL) >= 25);
}

/* The chained way of tree.h: one check at the end, and nothing is lost or freed twice. */
static int build_tree(void *context, struct error *error) {
    (void)context;
    struct json *body = json_object();
    struct json *list = json_array();
    int failed =
        json_push(list, json_text("x")) | json_push(list, json_double(2)) | json_push(list, json_bool(true));
    failed |= json_put(body, "list", list) | json_put(body, "id", json_slice(slice_make("j1", 2)));
    failed |= json_put(body, "id", json_none());
    json_free(json_detach(body, "id"));
    json_free(body);
    return failed ? error_memory(error) : 0;
}

static void building_fails_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(build_tree, NULL) >= 10);
}

static int read_envelope(void *context, struct error *error) {
    (void)context;
    static const char body[] = "[{\"id\":\"1\",\"eventType\":\"t\"}, {\"id\": "
                               "\"\\n\",\"eventType\":\"\\t\",\"data\":{\"jobId\":\"\\u0041\"}},"
                               "7,{\"id\":\"2\",\"eventType\":\"t\",\"subject\":\"\\r\",\"topic\":\"\\b\"},{"
                               "\"id\":\"3\",\"eventType\":\"t\"}]";
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    int result = envelope_read(&envelope, body, sizeof body - 1, &where);
    if (result < 0) {
        assert_int_equal(envelope.count, 0);
        assert_null(envelope.events);
        result = pass_on(&where, error);
    } else {
        assert_int_equal(envelope.count, 5);
        assert_non_null(envelope.events[2].malformed);
    }
    envelope_reset(&envelope);
    return result;
}

static void envelopes_fail_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(read_envelope, NULL) >= 10);
}

static int read_cloud_events(void *context, struct error *error) {
    (void)context;
    static const char body[] =
        "[{\"specversion\":\"1\\u002e0\",\"id\":\"\\n\",\"source\":\"\\u002f\",\"type\":\"\\t\","
        "\"data\":{\"jobId\":\"\\u0041\"}}, {\"specversion\":\"1.0\",\"id\":\"2\"}]";
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    int result = envelope_read(&envelope, body, sizeof body - 1, &where);
    if (result < 0) {
        assert_null(envelope.events);
        result = pass_on(&where, error);
    } else {
        assert_true(envelope.count == 2 && envelope.events[0].malformed == NULL);
        assert_non_null(envelope.events[1].malformed);
    }
    envelope_reset(&envelope);
    return result;
}

static void cloud_events_fail_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(read_cloud_events, NULL) >= 6);
}

static int compose_binary(void *context, struct error *error) {
    (void)context;
    static const char *const headers[][2] = {
        {"ce-specversion", "1.0"}, {"ce-id", "%41"}, {"ce-source", "/s"}, {"ce-type", "\"T\\\"\""}};
    struct cloud_event cloud = {.count = 0};
    struct json_error where = {.message = ""};
    struct buffer out;
    buffer_init(&out, 65536);
    for (size_t i = 0; i < 4; i++) {
        cloud_take(&cloud, slice_of(headers[i][0]), slice_of(headers[i][1]));
    }
    int result = cloud_check(&cloud, error);
    if (result == 0) {
        result = cloud_compose(&cloud, slice_of("application/json"), slice_of("{\"a\":\"\\n\"}"), &out, &where);
        result = result < 0 ? pass_on(&where, error) : 0;
    }
    buffer_reset(&out);
    return result;
}

static void binary_mode_fails_cleanly(void **state) {
    (void)state;
    assert_true(fault_alloc_each(compose_binary, NULL) >= 6);
}

static int start(void **state) {
    (void)state;
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_says_memory),       cmocka_unit_test(members_say_memory),
        cmocka_unit_test(the_writer_breaks_the_buffer), cmocka_unit_test(parsing_fails_cleanly),
        cmocka_unit_test(building_fails_cleanly),       cmocka_unit_test(envelopes_fail_cleanly),
        cmocka_unit_test(cloud_events_fail_cleanly),    cmocka_unit_test(binary_mode_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
