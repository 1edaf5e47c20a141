/* Envelopes: what is read from a delivery, what marks one element, and what refuses the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "Microsoft.Communication."

static void read_events(struct envelope *envelope, const char *body, size_t length) {
    struct json_error error;
    if (envelope_read(envelope, body, length, &error) < 0) {
        fail_msg("%s at %zu: %.*s", error.message, error.offset, (int)length, body);
    }
}

/* A body of one element; its event, with the body left to the caller's literal. */
static struct event read_one(struct envelope *envelope, const char *body) {
    read_events(envelope, body, strlen(body));
    assert_int_equal(envelope->count, 1);
    return envelope->events[0];
}

static char *read_fixture(const char *name, size_t *length) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/fixtures/%s.json", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 16);
    assert_non_null(bytes);
    *length = fread(bytes, 1, 1 << 16, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

#define assert_slice(slice, text)                                                                                 \
    do {                                                                                                          \
        if (!slice_is((slice), (text))) {                                                                         \
            fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(slice), (text));                                         \
        }                                                                                                         \
    } while (0)

static void test_waiting_for_activation(void **state) {
    (void)state;
    size_t length;
    char *body = read_fixture("RouterJobWaitingForActivation", &length);
    struct envelope envelope;
    envelope_init(&envelope);
    read_events(&envelope, body, length);
    assert_int_equal(envelope.count, 1);
    const struct event *event = &envelope.events[0];
    assert_null(event->malformed);
    assert_slice(event->id, "5d0c6f7e-21b4-4c8a-9a53-3f7be0d1a642");
    assert_slice(event->type, TYPE "RouterJobWaitingForActivation");
    assert_true(slice_starts_with(event->source, "/subscriptions/7b1d2c90-"));
    assert_slice(event->subject, "job/job-meridian-0042/channel/voice");
    assert_slice(event->time, "2026-03-01T09:30:00.4183302Z");
    assert_slice(event->job, "job-meridian-0042");
    assert_false(slice_is_set(event->worker));
    assert_false(slice_is_set(event->expires));
    assert_false(slice_is_set(event->validation_code));
    /* verbatim, in the body itself */
    assert_true(event->raw.bytes > body && event->raw.bytes + event->raw.length < body + length);
    assert_true(event->raw.bytes[0] == '{' && event->raw.bytes[event->raw.length - 1] == '}');
    assert_int_equal(envelope.text_count, 0);
    envelope_reset(&envelope);
    free(body);
}

static void test_offer_issued(void **state) {
    (void)state;
    static const char *const names[] = {"RouterWorkerOfferIssued", "RouterWorkerOfferIssued2021"};
    static const char *const expires[] = {"2026-03-01T09:31:02.7531188Z", "2021-11-08T14:06:10.0954421Z"};
    for (size_t i = 0; i < 2; i++) {
        size_t length;
        char *body = read_fixture(names[i], &length);
        struct envelope envelope;
        envelope_init(&envelope);
        read_events(&envelope, body, length);
        assert_int_equal(envelope.count, 1);
        assert_slice(envelope.events[0].type, TYPE "RouterWorkerOfferIssued");
        assert_slice(envelope.events[0].worker, "bot-larkspur");
        assert_true(slice_starts_with(envelope.events[0].job, "job-meridian-00"));
        assert_slice(envelope.events[0].expires, expires[i]);
        envelope_reset(&envelope);
        free(body);
    }
}

static void test_expires_has_two_names(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"expiresOn\":\"new\",\"expiryTimeUtc\":\"old\"}}",
        "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"expiryTimeUtc\":\"old\",\"expiresOn\":\"new\"}}",
    };
    struct envelope envelope;
    envelope_init(&envelope);
    for (size_t i = 0; i < 2; i++) {
        assert_slice(read_one(&envelope, bodies[i]).expires, "new");
    }
    envelope_reset(&envelope);
}

static void test_validation(void **state) {
    (void)state;
    size_t length;
    char *body = read_fixture("SubscriptionValidation", &length);
    struct envelope envelope;
    envelope_init(&envelope);
    read_events(&envelope, body, length);
    assert_slice(envelope.events[0].type, EVENT_TYPE_VALIDATION);
    assert_slice(envelope.events[0].validation_code, "9E3B7D52-06C1-4F8A-B2D4-71A5C0E86F39");
    assert_true(slice_starts_with(envelope.events[0].validation_url, "https://rp-example."));
    free(body);
    /* of no other type */
    struct event event =
        read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"validationCode\":\"x\"}}");
    assert_false(slice_is_set(event.validation_code));
    envelope_reset(&envelope);
}

/* Text with escapes is decoded, and lives in the envelope, however many there are. */
static void test_escaped_texts(void **state) {
    (void)state;
    struct buffer body;
    buffer_init(&body, 1 << 20);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(
            buffer_append_format(
                &body, "%s{\"id\":\"i\\n%d\",\"eventType\":\"\\u0074%d\",\"data\":{\"job\\u0049d\":\"j\\\"%d\"}}",
                i == 0 ? "[" : ",", i, i, i),
            0);
    }
    assert_int_equal(buffer_append_text(&body, "]"), 0);
    struct envelope envelope;
    envelope_init(&envelope);
    read_events(&envelope, body.bytes, body.length);
    assert_int_equal(envelope.count, 300);
    for (int i = 0; i < 300; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "i\n%d", i);
        assert_slice(envelope.events[i].id, expected);
        (void)snprintf(expected, sizeof expected, "t%d", i);
        assert_slice(envelope.events[i].type, expected);
        (void)snprintf(expected, sizeof expected, "j\"%d", i);
        assert_slice(envelope.events[i].job, expected);
    }
    envelope_reset(&envelope);
    buffer_reset(&body);
}

static void test_only_its_own_members(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    struct event event = read_one(
        &envelope, "{\"extra\":{\"id\":\"x\",\"data\":{\"jobId\":\"x\"}},\"id\":\"1\",\"eventType\":\"t\","
                   "\"data\":{\"deep\":{\"jobId\":\"x\",\"workerId\":[\"x\"]},\"list\":[{\"jobId\":\"x\"}],"
                   "\"jobId\":\"right\"},\"more\":{\"jobId\":\"x\"},\"ID\":\"x\",\"jobId\":\"x\"}");
    assert_slice(event.id, "1");
    assert_slice(event.job, "right");
    assert_false(slice_is_set(event.worker));
    event = read_one(&envelope,
                     "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"jobId\":\"right\",\"deep\":{\"jobId\":\"x\"},"
                     "\"list\":[{\"jobId\":\"x\"}]},\"after\":{\"jobId\":\"x\"}}");
    assert_slice(event.job, "right");
    /* what is no string, or an array instead of an object, gives nothing */
    event =
        read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"topic\":5,\"subject\":null,\"eventTime\":[\"x\"],"
                            "\"data\":{\"jobId\":7,\"workerId\":null,\"expiresOn\":{\"a\":\"x\"}}}");
    assert_int_equal(event.source.length + event.subject.length + event.time.length, 0);
    assert_int_equal(event.job.length + event.worker.length + event.expires.length, 0);
    event = read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"data\":[{\"jobId\":\"x\"},\"jobId\"]}");
    assert_int_equal(event.job.length, 0);
    event = read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"data\":\"jobId\"}");
    assert_int_equal(event.job.length, 0);
    /* of two in `data` the later counts, also when it is no string */
    event = read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"jobId\":\"a\",\"jobId\":\"b\"}}");
    assert_slice(event.job, "b");
    event = read_one(&envelope, "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"jobId\":\"a\",\"jobId\":1}}");
    assert_int_equal(event.job.length, 0);
    envelope_reset(&envelope);
}

static const struct {
    const char *element;
    const char *why;
} malformed[] = {
    {"1", "no object"},
    {"-2.5", "no object"},
    {"\"text\"", "no object"},
    {"null", "no object"},
    {"true", "no object"},
    {"[]", "no object"},
    {"[{\"id\":\"1\",\"eventType\":\"t\"}]", "no object"},
    {"{}", "id is missing"},
    {"{\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":\"\",\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":1,\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":null,\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":{\"id\":\"1\"},\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":[\"1\"],\"eventType\":\"t\"}", "id is missing"},
    {"{\"Id\":\"1\",\"eventType\":\"t\"}", "id is missing"},
    {"{\"id\":\"1\"}", "eventType is missing"},
    {"{\"id\":\"1\",\"eventType\":\"\"}", "eventType is missing"},
    {"{\"id\":\"1\",\"eventType\":7}", "eventType is missing"},
    {"{\"id\":\"1\",\"type\":\"t\"}", "eventType is missing"},
    {"{\"id\":\"1\",\"data\":{\"eventType\":\"t\"}}", "eventType is missing"},
    {"{\"id\":\"1\",\"eventType\":\"t\",\"id\":\"1\"}", "twice"},
    {"{\"id\":\"1\",\"eventType\":\"t\",\"i\\u0064\":\"2\"}", "twice"},
    {"{\"data\":{\"jobId\":\"a\"},\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"jobId\":\"b\"}}", "twice"},
    {"{\"id\":\"1\",\"eventType\":\"t\",\"topic\":\"a\",\"topic\":null}", "twice"},
    {"{\"id\":\"1\",\"eventType\":\"t\",\"dataVersion\":\"1\",\"dataVersion\":\"2\"}", "twice"},
};

/* Each between two good ones, which it does not touch; alone, an object is a refused body. */
static void test_malformed_elements(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        const char *element = malformed[i].element;
        char body[512];
        (void)snprintf(body, sizeof body,
                       "[{\"id\":\"1\",\"eventType\":\"t\"}, %s ,{\"id\":\"3\",\"eventType\":\"t\"}]", element);
        read_events(&envelope, body, strlen(body));
        assert_int_equal(envelope.count, 3);
        assert_null(envelope.events[0].malformed);
        assert_slice(envelope.events[0].id, "1");
        assert_null(envelope.events[2].malformed);
        assert_slice(envelope.events[2].id, "3");
        const struct event *event = &envelope.events[1];
        if (event->malformed == NULL || strstr(event->malformed, malformed[i].why) == NULL) {
            fail_msg("%s: %s", element, event->malformed == NULL ? "taken" : event->malformed);
        }
        assert_slice(event->raw, element);
        assert_false(slice_is_set(event->id) || slice_is_set(event->type) || slice_is_set(event->expires));
        struct json_error error;
        if (element[0] == '{') {
            assert_int_equal(envelope_read(&envelope, element, strlen(element), &error), -1);
            assert_non_null(strstr(error.message, malformed[i].why));
            assert_int_equal(error.offset, 0);
            assert_int_equal(envelope.count, 0);
        }
    }
    envelope_reset(&envelope);
}

static void test_refused_bodies(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t offset;
        const char *why;
    } cases[] = {
        {"", 0, "empty"},
        {"1", 0, "neither"},
        {" \"text\"", 1, "neither"},
        {"null", 0, "neither"},
        {"true", 0, "neither"},
        {"2.5", 0, "neither"},
        {"[{\"id\":\"1\",\"eventType\":\"t\"}", 27, "ends inside an array"},
        {"[{\"id\":\"1\",\"eventType\":\"t\"}]x", 28, "follows"},
        {"[{\"id\":\"\xFF\",\"eventType\":\"t\"}]", 8, "UTF-8"},
        {"{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"n\":1e999}}", 38, "too large"},
        {"id=1&eventType=t", 0, "expected a value"},
        {" {}", 1, "id is missing"},
    };
    struct envelope envelope;
    envelope_init(&envelope);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_error error;
        assert_int_equal(envelope_read(&envelope, cases[i].body, strlen(cases[i].body), &error), -1);
        if (error.offset != cases[i].offset || strstr(error.message, cases[i].why) == NULL) {
            fail_msg("%s: %s at %zu", cases[i].body, error.message, error.offset);
        }
        assert_int_equal(envelope.count, 0);
        assert_int_equal(envelope_read(&envelope, cases[i].body, strlen(cases[i].body), NULL), -1);
    }
    read_events(&envelope, "[]", 2);
    assert_int_equal(envelope.count, 0);
    envelope_reset(&envelope);
}

static void test_too_many_elements(void **state) {
    (void)state;
    size_t length = 2 * (size_t)ENVELOPE_EVENTS + 1;
    char *body = malloc(length + 2);
    assert_non_null(body);
    for (size_t i = 0; i < length; i++) {
        body[i] = i % 2 == 0 ? ',' : '1';
    }
    body[0] = '[';
    body[length - 1] = ']';
    struct envelope envelope;
    envelope_init(&envelope);
    read_events(&envelope, body, length);
    assert_int_equal(envelope.count, ENVELOPE_EVENTS);
    memcpy(body + length - 1, ",1]", 3);
    struct json_error error;
    assert_int_equal(envelope_read(&envelope, body, length + 2, &error), -1);
    assert_int_equal(error.offset, length);
    assert_non_null(strstr(error.message, "more events"));
    envelope_reset(&envelope);
    free(body);
}

static void test_deep_data(void **state) {
    (void)state;
    for (size_t levels = JSON_DEPTH - 2; levels <= JSON_DEPTH - 1; levels++) {
        struct buffer body;
        buffer_init(&body, 4096);
        assert_int_equal(buffer_append_text(&body, "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":"), 0);
        for (size_t i = 0; i < 2 * levels; i++) {
            assert_int_equal(buffer_append_char(&body, i < levels ? '[' : ']'), 0);
        }
        assert_int_equal(buffer_append_text(&body, "}]"), 0);
        struct envelope envelope;
        envelope_init(&envelope);
        assert_int_equal(envelope_read(&envelope, body.bytes, body.length, NULL),
                         levels + 2 <= JSON_DEPTH ? 0 : -1);
        envelope_reset(&envelope);
        buffer_reset(&body);
    }
}

static void test_short_names(void **state) {
    (void)state;
    assert_slice(event_short_name(slice_of(TYPE "RouterJobQueued")), "RouterJobQueued");
    assert_slice(event_short_name(slice_of("RouterJobQueued")), "RouterJobQueued");
    assert_slice(event_short_name(slice_of("Contoso.Thing")), "Contoso.Thing");
    assert_slice(event_short_name(slice_of(TYPE)), TYPE);
    assert_slice(event_short_name(slice_of("microsoft.communication.X")), "microsoft.communication.X");
    assert_int_equal(event_short_name(slice_make(NULL, 0)).length, 0);
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_for_activation),
        cmocka_unit_test(test_offer_issued),
        cmocka_unit_test(test_expires_has_two_names),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_escaped_texts),
        cmocka_unit_test(test_only_its_own_members),
        cmocka_unit_test(test_malformed_elements),
        cmocka_unit_test(test_refused_bodies),
        cmocka_unit_test(test_too_many_elements),
        cmocka_unit_test(test_deep_data),
        cmocka_unit_test(test_short_names),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
