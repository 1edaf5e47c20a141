/* The catalogue: that it is whole, that its samples are what it says, and that the envelope reads them so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/catalogue.h"
#include "event/event.h"
#include "event/parsed.h"
#include "event/sample.h"
#include "json/tree.h"
#include <string.h>

enum { SAMPLE_MAX = 64 * 1024 };

static const struct event_sample plain = {.id = "e-1", .time = "2026-03-02T08:15:04.1200000Z"};

static struct json *parse(struct slice text) {
    struct error error = {0};
    struct json *json = json_parse(text.bytes, text.length, &error);
    if (json == NULL) {
        fail_msg("%s: %.*s", error.message, SLICE_ARG(text));
    }
    return json;
}

static bool is_primitive(const struct json *value) {
    enum json_kind kind = json_kind(value);
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_BOOLEAN;
}

static bool is_known(const struct event_field *field, const char *text) {
    for (const char *const *value = field->values; value != NULL && *value != NULL; value++) {
        if (strcmp(*value, text) == 0) {
            return true;
        }
    }
    return field->values == NULL;
}

static void check_fields(const char *owner, const struct event_field *fields, const struct json *data);

static bool is_right_text(const struct event_field *field, const struct json *value) {
    const char *text = json_string_of(value);
    int64_t us;
    double seconds;
    if (text == NULL) {
        return false;
    }
    switch (field->kind) {
    case EVENT_TIME: return event_parse_time(slice_of(text), &us) == 0;
    case EVENT_LIFETIME: return event_parse_lifetime(slice_of(text), &seconds) == 0;
    default:
        return is_known(field, text) && (field->canonical == NULL || field->canonical(slice_of(text)) != NULL);
    }
}

static bool is_right(const struct event_field *field, const struct json *value) {
    if (json_kind(value) == JSON_NULL) {
        return field->is_nullable;
    }
    switch (field->kind) {
    case EVENT_TEXT:
    case EVENT_TIME: return is_right_text(field, value);
    case EVENT_LIFETIME: return json_kind(value) == JSON_NUMBER || is_right_text(field, value);
    case EVENT_INTEGER:
    case EVENT_NUMBER: return json_kind(value) == JSON_NUMBER;
    case EVENT_BOOLEAN: return json_kind(value) == JSON_BOOLEAN;
    case EVENT_PRIMITIVE: return is_primitive(value);
    case EVENT_MAP:
        for (const struct json *each = json_first(value); each != NULL; each = json_next(each)) {
            if (!is_primitive(each)) {
                return false;
            }
        }
        return json_kind(value) == JSON_OBJECT;
    case EVENT_TEXTS:
        for (const struct json *each = json_first(value); each != NULL; each = json_next(each)) {
            if (!is_right_text(field, each)) {
                return false;
            }
        }
        return json_kind(value) == JSON_ARRAY;
    case EVENT_MODEL: check_fields(field->name, field->model->fields, value); return true;
    case EVENT_MODELS:
        for (const struct json *each = json_first(value); each != NULL; each = json_next(each)) {
            check_fields(field->name, field->model->fields, each);
        }
        return json_kind(value) == JSON_ARRAY;
    }
    return false;
}

/* Each field is there and of its kind; nothing else is there. */
static void check_fields(const char *owner, const struct event_field *fields, const struct json *data) {
    assert_int_equal(json_kind(data), JSON_OBJECT);
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        const struct json *value = json_get(data, field->name);
        if (value == NULL || !is_right(field, value)) {
            fail_msg("%s.%s: its sample is not what it says", owner, field->name);
        }
    }
    for (const struct json *each = json_first(data); each != NULL; each = json_next(each)) {
        if (event_find_field(fields, slice_of(json_name(each))) == NULL) {
            fail_msg("%s.%s: a sample of no field", owner, json_name(each));
        }
    }
}

static void check_words(const char *owner, const struct event_field *fields) {
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        bool is_model = field->kind == EVENT_MODEL || field->kind == EVENT_MODELS;
        bool is_last = event_find_field(field + 1, slice_of(field->name)) == NULL;
        if (!is_last || is_model != (field->model != NULL) || field->sources == 0 || field->words == NULL ||
            field->words[0] == '\0' || field->sample == NULL) {
            fail_msg("%s.%s is not whole, or there twice", owner, field->name);
        }
    }
}

static void the_types_are_sorted_and_whole(void **state) {
    (void)state;
    size_t count = 0;
    for (; event_types[count].name != NULL; count++) {
        const struct event_type *type = &event_types[count];
        assert_true(count == 0 || strcmp(event_types[count - 1].name, type->name) < 0);
        assert_string_equal(event_type_names[count], type->name);
        assert_ptr_equal(event_find_type(slice_of(type->name)), type);
        assert_true(type->words[0] != '\0' && type->sources != 0 && type->aliases != NULL);
        assert_int_equal(type->lane == EVENT_LANE_JOB,
                         strncmp(type->subject, "job/", 4) == 0 || strstr(type->name, "Offer") != NULL);
        assert_non_null(
            event_find_field(type->fields, slice_of(type->lane == EVENT_LANE_JOB ? "jobId" : "workerId")));
        assert_true(type->deadline == NULL ||
                    event_find_field(type->fields, slice_of(type->deadline))->kind == EVENT_TIME);
        check_words(type->name, type->fields);
    }
    assert_int_equal(count, 24);
    assert_null(event_type_names[count]);
    for (size_t i = 0; event_models[i] != NULL; i++) {
        check_words(event_models[i]->name, event_models[i]->fields);
        assert_true(event_models[i]->aliases != NULL && event_models[i]->words[0] != '\0');
    }
}

static void what_is_no_type_is_not_found(void **state) {
    (void)state;
    static const char *const names[] = {"",
                                        "R",
                                        "Router",
                                        "RouterJobQueue",
                                        "routerjobqueued",
                                        "RouterJobQueuedX",
                                        "zzz",
                                        "RouterWorkerUpdated ",
                                        "Microsoft.Communication.RouterJobQueued"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_null(event_find_type(slice_of(names[i])));
    }
    assert_null(event_find_type(slice_make(NULL, 0)));
    assert_null(event_find_type(slice_make("RouterJobQueued\0x", 17)));
}

static void check_aliases(const struct event_field *fields, const struct event_alias *aliases) {
    for (const struct event_alias *alias = aliases; alias->other != NULL; alias++) {
        assert_non_null(event_find_field(fields, slice_of(alias->name)));
        assert_null(event_find_field(fields, slice_of(alias->other)));
        for (const struct event_alias *later = alias + 1; later->other != NULL; later++) {
            assert_string_not_equal(later->other, alias->other);
            /* those of one field follow each other */
            assert_true(strcmp(later->name, alias->name) != 0 || strcmp(later[-1].name, alias->name) == 0);
        }
    }
}

static void spellings_lead_to_fields(void **state) {
    (void)state;
    size_t olds = 0;
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        check_aliases(type->fields, type->aliases);
        for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
            const struct event_field *field = event_find_spelling(type, slice_of(alias->other));
            assert_string_equal(field->name, alias->name);
            assert_ptr_equal(event_find_spelling(type, slice_of(alias->name)), field);
            olds += alias->is_present ? 0 : 1;
        }
        assert_null(event_find_spelling(type, slice_of("no such field")));
    }
    assert_int_equal(olds, 3);
    for (size_t i = 0; event_models[i] != NULL; i++) {
        check_aliases(event_models[i]->fields, event_models[i]->aliases);
    }
}

static void every_field_is_in_its_sample(void **state) {
    (void)state;
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        struct buffer out;
        buffer_init(&out, SAMPLE_MAX);
        assert_int_equal(event_sample_data(&out, type), 0);
        struct json *data = parse(buffer_slice(&out));
        check_fields(type->name, type->fields, data);
        json_free(data);
        buffer_reset(&out);
    }
    for (size_t i = 0; event_models[i] != NULL; i++) {
        for (const struct event_field *field = event_models[i]->fields; field->name != NULL; field++) {
            struct json *value = parse(slice_of(field->sample));
            assert_true(is_right(field, value));
            json_free(value);
        }
    }
}

/* What a type's sample has under `name`, as a text. */
static struct json *sample_of(const struct event_type *type, bool is_cloud, struct buffer *out) {
    struct event_sample sample = plain;
    sample.type = type;
    sample.is_cloud = is_cloud;
    buffer_init(out, SAMPLE_MAX);
    assert_int_equal(event_sample_append(out, &sample), 0);
    return parse(buffer_slice(out));
}

static void samples_are_events_of_both_schemas(void **state) {
    (void)state;
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        for (int is_cloud = 0; is_cloud < 2; is_cloud++) {
            struct buffer out;
            struct json *event = sample_of(type, is_cloud == 1, &out);
            const char *full = json_get_string(event, is_cloud == 1 ? "type" : "eventType");
            const char *source = json_get_string(event, is_cloud == 1 ? "source" : "topic");
            const char *subject = json_get_string(event, "subject");
            assert_string_equal(full + strlen(EVENT_TYPE_PREFIX), type->name);
            assert_memory_equal(source, "/subscriptions/", strlen("/subscriptions/"));
            assert_string_equal(json_get_string(event, "id"), plain.id);
            assert_string_equal(json_get_string(event, is_cloud == 1 ? "time" : "eventTime"), plain.time);
            assert_true(strpbrk(subject, "{}") == NULL && strstr(subject, "//") == NULL);
            assert_null(json_get(event, is_cloud == 1 ? "dataVersion" : "specversion"));
            json_free(event);
            buffer_reset(&out);
        }
    }
}

static void a_subject_is_made_of_the_data(void **state) {
    (void)state;
    static const struct {
        const char *type, *data, *subject;
    } cases[] = {
        {"RouterJobCancelled", "{\"jobId\":\"a/b\\n\",\"dispositionCode\":\"\",\"channelId\":\"v\"}",
         "job/a/b\n/channel/v/disposition/"},
        {"RouterWorkerOfferIssued", "{\"jobId\":7,\"workerId\":\"w\"}", "worker/w/job/"},
        {"RouterWorkerDeleted", "{\"workerId\":\"first\",\"workerId\":\"later\"}", "worker/later"},
        {"RouterWorkerDeleted", "{}", "worker/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out;
        struct event_sample sample = plain;
        sample.type = event_find_type(slice_of(cases[i].type));
        sample.data = slice_of(cases[i].data);
        buffer_init(&out, SAMPLE_MAX);
        assert_int_equal(event_sample_append(&out, &sample), 0);
        assert_non_null(strstr(out.bytes, cases[i].data));
        struct json *event = parse(buffer_slice(&out));
        assert_string_equal(json_get_string(event, "subject"), cases[i].subject);
        json_free(event);
        buffer_reset(&out);
    }
}

static void data_that_is_no_object_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "7", "{", "{}}", "{\"a\":}", "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer out;
        struct event_sample sample = plain;
        sample.type = &event_types[0];
        sample.data = slice_of(texts[i]);
        buffer_init(&out, SAMPLE_MAX);
        assert_int_equal(event_sample_append(&out, &sample), -1);
        assert_int_equal(out.length, 0);
        buffer_reset(&out);
    }
    struct buffer tight;
    struct event_sample sample = plain;
    sample.type = &event_types[0];
    buffer_init(&tight, 100);
    assert_int_equal(event_sample_append(&tight, &sample), -1);
    buffer_reset(&tight);
}

/* The envelope's ids, lane and deadline are those that the catalogue names. */
static void the_envelope_reads_as_the_catalogue_says(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    uint64_t lanes[2] = {0, 0};
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        struct buffer out;
        json_free(sample_of(type, false, &out));
        struct json_error error;
        assert_int_equal(envelope_read(&envelope, out.bytes, out.length, &error), 0);
        const struct event *event = &envelope.events[0];
        assert_true(slice_is(event_short_name(event->type), type->name));
        assert_true(lanes[type->lane] == 0 || lanes[type->lane] == event->lane);
        lanes[type->lane] = event->lane;
        assert_int_equal(slice_is_set(event->expires), type->deadline != NULL);
        buffer_reset(&out);
    }
    assert_true(lanes[EVENT_LANE_JOB] != lanes[EVENT_LANE_WORKER]);
    envelope_reset(&envelope);
}

static void a_deadline_is_read_in_every_spelling(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        const struct event_alias *alias = type->aliases;
        const char *spelling = type->deadline == NULL ? "expiresOn" : type->deadline;
        while (spelling != NULL) {
            struct buffer body;
            buffer_init(&body, SAMPLE_MAX);
            buffer_append_format(&body, "{\"id\":\"1\",\"data\":{\"%s\":\"2026\"},\"eventType\":\"%s%s\"}",
                                 spelling, EVENT_TYPE_PREFIX, type->name);
            assert_int_equal(envelope_read(&envelope, body.bytes, body.length, NULL), 0);
            assert_true(slice_is(envelope.events[0].expires, type->deadline == NULL ? "" : "2026"));
            buffer_reset(&body);
            spelling = NULL;
            for (; type->deadline != NULL && alias->other != NULL && spelling == NULL; alias++) {
                spelling = strcmp(alias->name, type->deadline) == 0 ? alias->other : NULL;
            }
        }
    }
    envelope_reset(&envelope);
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_types_are_sorted_and_whole),
        cmocka_unit_test(what_is_no_type_is_not_found),
        cmocka_unit_test(spellings_lead_to_fields),
        cmocka_unit_test(every_field_is_in_its_sample),
        cmocka_unit_test(samples_are_events_of_both_schemas),
        cmocka_unit_test(a_subject_is_made_of_the_data),
        cmocka_unit_test(data_that_is_no_object_is_refused),
        cmocka_unit_test(the_envelope_reads_as_the_catalogue_says),
        cmocka_unit_test(a_deadline_is_read_in_every_spelling),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
