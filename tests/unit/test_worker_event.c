/* What a handler sees of an event: event.data under every spelling, and event.parsed. */
#include "event/catalogue.h"
#include "event/event.h"
#include "event/sample.h"
#include "worker_kit.h"
#include <stdio.h>

enum { TEXT_MAX = 64 * 1024 };

/* What `expression` is, as JSON, for an event of the type with the data. */
static void is(const char *type, const char *data, const char *expression, const char *result) {
    struct world world;
    struct buffer script, event, line;
    buffer_init(&script, TEXT_MAX);
    buffer_init(&event, TEXT_MAX);
    buffer_init(&line, TEXT_MAX);
    buffer_append_format(
        &script, "return function(event) local data, parsed = event.data, event.parsed return %s end", expression);
    buffer_append_format(&event,
                         "{\"id\":\"e1\",\"eventType\":\"" EVENT_TYPE_PREFIX "%s\",\"eventTime\":"
                         "\"2026-03-01T09:30:00.25Z\",\"data\":%s}",
                         type, data);
    buffer_append_format(&line, "done 1 %s\n", result);
    world_open_script(&world, 64, script.bytes);
    world_run_event(&world, 1, WORLD_SCRIPT, event.bytes);
    const char *told = world_take(&world);
    if (strcmp(told, line.bytes) != 0) {
        fail_msg("%s of %s\n  told:     %s  expected: %s", expression, data, told, line.bytes);
    }
    world_close(&world);
    buffer_reset(&script);
    buffer_reset(&event);
    buffer_reset(&line);
}

/* A WaitingForActivation with one selector: that selector in event.parsed. */
static void selector_is(const char *selector, const char *result) {
    char data[1024];
    char expected[1024];
    snprintf(data, sizeof data, "{\"requestedWorkerSelectors\":[%s]}", selector);
    snprintf(expected, sizeof expected, "[%s]", result);
    is("RouterJobWaitingForActivation", data, "parsed.requestedWorkerSelectors", expected);
}

static void whatever_was_sent_is_under_all_present_names(void **state) {
    (void)state;
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        for (const struct event_alias *sent = type->aliases; sent->other != NULL; sent++) {
            char data[256];
            char expression[512];
            snprintf(data, sizeof data, "{\"%s\":\"x\"}", sent->other);
            snprintf(expression, sizeof expression, "data.%s == 'x' and data.%s == 'x'", sent->other, sent->name);
            is(type->name, data, expression, "true");
            for (const struct event_alias *other = type->aliases; other->other != NULL; other++) {
                bool is_same = strcmp(other->name, sent->name) == 0;
                bool is_there = is_same && (other->is_present || other == sent);
                snprintf(expression, sizeof expression, "data.%s == %s", other->other, is_there ? "'x'" : "nil");
                is(type->name, data, expression, "true");
            }
            snprintf(data, sizeof data, "{\"%s\":\"x\",\"%s\":\"y\"}", sent->other, sent->name);
            snprintf(expression, sizeof expression, "data.%s .. data.%s", sent->other, sent->name);
            is(type->name, data, expression, "\"xy\"");
            snprintf(data, sizeof data, "{\"%s\":\"x\"}", sent->name);
            snprintf(expression, sizeof expression, "data.%s == %s", sent->other,
                     sent->is_present ? "'x'" : "nil");
            is(type->name, data, expression, "true");
        }
    }
}

static void every_field_of_a_sample_is_there(void **state) {
    (void)state;
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        struct buffer data, expression;
        buffer_init(&data, TEXT_MAX);
        buffer_init(&expression, TEXT_MAX);
        assert_int_equal(event_sample_data(&data, type), 0);
        buffer_append_text(&expression, "true");
        for (const struct event_field *field = type->fields; field->name != NULL; field++) {
            bool is_set = strcmp(field->sample, "null") != 0;
            buffer_append_format(&expression, " and (data.%s ~= nil) == %s", field->name,
                                 is_set ? "true" : "false");
            if (field->kind == EVENT_TIME) {
                buffer_append_format(&expression, " and math.type(parsed.%s) ~= nil", field->name);
            }
        }
        is(type->name, data.bytes, expression.bytes, "true");
        buffer_reset(&data);
        buffer_reset(&expression);
    }
}

static void a_null_is_not_sent(void **state) {
    (void)state;
    is("RouterJobClassified", "{\"queueInfo\":{\"id\":\"q\"},\"queueDetails\":null}", "data.queueDetails.id",
       "\"q\"");
}

static void selectors_of_every_spelling(void **state) {
    (void)state;
    selector_is("{\"key\":\"k\",\"labelOperator\":\"GreaterThanEqual\",\"value\":5,\"ttlSeconds\":90,"
                "\"state\":\"active\",\"expirationTime\":\"2026-03-01T09:31:30.9183302Z\"}",
                "{\"expirationTime\":1772357490.91833,\"key\":\"k\",\"labelOperator\":\"greaterThanOrEqual\","
                "\"state\":\"active\",\"ttlSeconds\":90,\"value\":5}");
    selector_is("{\"ttlSeconds\":\"36\"}", "{\"ttlSeconds\":36}");
    selector_is("{\"ttlSeconds\":90.5}", "{\"ttlSeconds\":90.5}");
    selector_is("{\"ttl\":\"P3Y6M4DT12H30M5S\"}", "{\"ttlSeconds\":110550605}");
    selector_is("{\"TTLSeconds\":50}", "{\"ttlSeconds\":50}");
    selector_is("{\"ttlSeconds\":null,\"ttl\":\"PT1M\"}", "{\"ttlSeconds\":60}");
    selector_is("{\"ttlSeconds\":7,\"ttl\":\"PT1M\"}", "{\"ttlSeconds\":7}");
    selector_is("{\"ExpireTime\":\"3/28/2007 7:13:50 PM +00:00\"}", "{\"expirationTime\":1175109230}");
    selector_is("{\"state\":\"Expired\"}", "{\"state\":\"expired\"}");
    selector_is("{\"state\":0}", "{\"state\":\"active\"}");
    selector_is("{\"state\":1}", "{\"state\":\"expired\"}");
    selector_is("{\"labelOperator\":\"Less\"}", "{\"labelOperator\":\"lessThan\"}");
    selector_is("{\"value\":false}", "{\"value\":false}");
}

static void what_cannot_be_read_is_absent(void **state) {
    (void)state;
    selector_is("{\"ttlSeconds\":\"soon\",\"labelOperator\":\"Like\",\"state\":2,\"expirationTime\":17}", "{}");
    selector_is("{\"ttlSeconds\":-1,\"labelOperator\":{},\"state\":true,\"expirationTime\":[]}", "{}");
    selector_is("{\"ttlSeconds\":[],\"state\":\"\"}", "{}");
    is("RouterJobWaitingForActivation", "{\"requestedWorkerSelectors\":[7,null,{},\"x\",[],true]}",
       "parsed.requestedWorkerSelectors", "[{},{}]");
    is("RouterJobWaitingForActivation", "{\"requestedWorkerSelectors\":\"all\",\"scheduledOn\":\"soon\"}",
       "{ parsed.requestedWorkerSelectors == nil, parsed.scheduledOn == nil }", "[true,true]");
    is("RouterJobWaitingForActivation", "{\"requestedWorkerSelectors\":[]}", "parsed.requestedWorkerSelectors",
       "[]");
    is("RouterJobWaitingForActivation", "[]", "parsed", "{\"time\":1772357400.25}");
    is("RouterJobWaitingForActivation", "\"text\"", "parsed", "{\"time\":1772357400.25}");
    is("Unheard", "{\"scheduledOn\":\"2026-03-01T09:30:00Z\"}", "parsed", "{\"time\":1772357400.25}");
}

static void times_of_every_form(void **state) {
    (void)state;
    is("RouterJobReceived", "{\"scheduledOn\":\"3/28/2007 7:13:50 PM +00:00\"}", "parsed.scheduledOn",
       "1175109230");
    is("RouterJobReceived", "{\"scheduledOn\":\"2022-02-17T00:55:25.1736293Z\"}", "parsed.scheduledOn",
       "1645059325.173629");
    is("RouterWorkerOfferIssued",
       "{\"offerTimeUtc\":\"2022-02-17T00:55:25Z\",\"expiryTimeUtc\":\"2022-02-17T00:55:55Z\"}",
       "{ parsed.expiresOn - parsed.offeredOn, parsed.expiryTimeUtc == nil }", "[30,true]");
}

static void words_and_errors(void **state) {
    (void)state;
    is("RouterJobReceived", "{\"jobStatus\":\"PendingClassification\"}", "parsed.jobStatus",
       "\"pendingClassification\"");
    is("RouterWorkerUpdated", "{\"propertiesUpdated\":[\"totalCapacity\",\"Labels\",\"sockets\"]}",
       "{ parsed.updatedWorkerProperties, parsed.propertiesUpdated == parsed.updatedWorkerProperties }",
       "[[\"totalCapacity\",\"labels\"],true]");
    is("RouterJobClassificationFailed",
       "{\"errors\":[{\"code\":\"a\",\"innererror\":{\"code\":\"b\",\"innerError\":{\"code\":\"c\"}},"
       "\"details\":[{\"innererror\":{\"code\":\"d\"}}]}]}",
       "parsed.errors",
       "[{\"code\":\"a\",\"details\":[{\"innerError\":{\"code\":\"d\"}}],"
       "\"innerError\":{\"code\":\"b\",\"innerError\":{\"code\":\"c\"}}}]");
}

/* As sent in `data`, canonical in `parsed`, under each of the spellings. */
static void each_spelling_has_its_own_value(void **state) {
    (void)state;
    is("RouterJobWorkerSelectorsExpired", "{\"requestedWorkerSelectorsExpired\":[{\"ttl\":\"PT1M\"}]}",
       "{ data.expiredRequestedWorkerSelectors[1].ttl, data.expiredRequestedWorkerSelectors[1].ttlSeconds == nil, "
       "parsed.expiredRequestedWorkerSelectors == parsed.requestedWorkerSelectorsExpired, "
       "parsed.requestedWorkerSelectorsExpired[1].ttlSeconds }",
       "[\"PT1M\",true,true,60]");
    is("RouterJobWaitingForActivation",
       "{\"requestedWorkerSelectors\":[{\"ttlSeconds\":1}],\"expiredRequestedWorkerSelectors\":[{\"ttlSeconds\":2}"
       "]}",
       "{ parsed.requestedWorkerSelectors[1].ttlSeconds, parsed.expiredRequestedWorkerSelectors[1].ttlSeconds, "
       "parsed.requestedWorkerSelectorsExpired[1].ttlSeconds }",
       "[1,2,1]");
}

static void it_is_no_member_of_the_event(void **state) {
    (void)state;
    is("RouterJobReceived", "{}",
       "(function() local n = 0 for k in pairs(event) do assert(k ~= 'parsed') n = n + 1 end "
       "return { n > 5, json.encode(event):find('parsed', 1, true) == nil, event.parsed == parsed, "
       "event.unheard == nil, event[1] == nil, getmetatable(event) } end)()",
       "[true,true,true,true,true,false]");
    is("RouterJobReceived", "{}", "pcall(setmetatable, event, {})", "false");
    /* it can be replaced, like everything in the event */
    is("RouterJobReceived", "{}", "(function() event.parsed = 5 return event.parsed end)()", "5");
    /* asked for late, and not at all of the event */
    is("RouterJobReceived", "{}", "(function() event.data, event.time = 7, nil return event.parsed.time end)()",
       "1772357400.25");
}

/* As deep as JSON may be, and as long as memory allows: never a crash. */
static void deep_errors(void **state) {
    (void)state;
    struct buffer data;
    buffer_init(&data, TEXT_MAX);
    buffer_append_text(&data, "{\"errors\":[");
    for (int i = 0; i < 120; i++) {
        buffer_append_text(&data, "{\"innererror\":");
    }
    buffer_append_text(&data, "{\"code\":\"deep\"}");
    for (int i = 0; i < 120; i++) {
        buffer_append_char(&data, '}');
    }
    buffer_append_text(&data, "]}");
    is("RouterJobClassificationFailed", data.bytes,
       "(function() local e, n = parsed.errors[1], 0 while e.innerError do e, n = e.innerError, n + 1 end "
       "return { n, e.code } end)()",
       "[120,\"deep\"]");
    buffer_reset(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_was_sent_is_under_all_present_names),
        cmocka_unit_test(every_field_of_a_sample_is_there),
        cmocka_unit_test(a_null_is_not_sent),
        cmocka_unit_test(selectors_of_every_spelling),
        cmocka_unit_test(what_cannot_be_read_is_absent),
        cmocka_unit_test(times_of_every_form),
        cmocka_unit_test(words_and_errors),
        cmocka_unit_test(each_spelling_has_its_own_value),
        cmocka_unit_test(it_is_no_member_of_the_event),
        cmocka_unit_test(deep_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
