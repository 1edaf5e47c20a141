/* The local Job Router's core as a REST service: routes, bodies, ids, conditions, lists. */
#include "router/router.h"
#include "sim_kit.h"

static void every_operation_of_the_table_has_its_route(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        char path[256] = "";
        for (const char *c = operation->path; *c != '\0'; c++) {
            size_t length = strlen(path);
            snprintf(path + length, sizeof path - length, "%c", *c == '{' ? 'x' : *c);
            c = *c == '{' ? strchr(c, '}') : c;
        }
        kit_call(&kit, operation->method, path, NULL, NULL);
        const char *message = json_get_string(json_get(kit.json, "error"), "message");
        assert_int_not_equal(kit.answer.status, 405);
        assert_true(message == NULL || strstr(message, "no such path") == NULL);
    }
    kit_close(&kit);
}

static void requests_that_name_nothing_are_refused(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_refused(&kit, 404, "NotFound", "path", "GET", "/", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "path", "GET", "/routing/nothing", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "path", "GET", "/routing/jobs/", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "path", "GET", "", NULL, NULL);
    kit_refused(&kit, 405, "MethodNotAllowed", "POST", "POST", "/routing/jobs/j:explode", NULL, NULL);
    kit_refused(&kit, 405, "MethodNotAllowed", "PUT", "PUT", "/routing/jobs/j1", NULL, NULL);
    kit_refused(&kit, 400, "MissingApiVersionParameter", "2023-11-01", "GET", "/routing/jobs", "?", NULL);
    kit_refused(&kit, 400, "UnsupportedApiVersionValue", "2023-11-01", "GET", "/routing/jobs",
                "?api-version=2021-01-01", NULL);
    kit_refused(&kit, 400, "InvalidId", "id", "GET", "/routing/jobs/%00", NULL, NULL);
    kit_refused(&kit, 400, "InvalidId", "id", "GET", "/routing/jobs/%ff", NULL, NULL);
    kit_refused(&kit, 400, "InvalidId", "id", "GET", "/routing/jobs/%4", NULL, NULL);
    char path[600] = "/routing/jobs/";
    memset(path + strlen(path), 'a', 500);
    kit_refused(&kit, 400, "InvalidId", "256", "GET", path, NULL, NULL);
    kit_close(&kit);
}

static const struct {
    unsigned status;
    const char *code, *words, *body;
} bodies[] = {
    {400, "MissingBody", "merge-patch", NULL},
    {400, "InvalidJson", "object", "[]"},
    {400, "InvalidJson", "JSON", "{\"queueId\":"},
    {400, "InvalidJson", "JSON", "{\"queueId\":\"\xff\"}"},
    {400, "InvalidJson", "u0000", "{\"queueId\":\"a\\u0000b\"}"},
    {400, "UnknownMember", "priorty", "{\"priorty\":1}"},
    {400, "UnknownMember", "status", "{\"status\":\"queued\"}"},
    {400, "UnknownMember", "ifMatch", "{\"ifMatch\":\"x\"}"},
    {400, "InvalidMember", "queueId", "{\"queueId\":1}"},
    {400, "InvalidMember", "priority", "{\"priority\":1.5}"},
    {400, "InvalidMember", "priority", "{\"priority\":3000000000}"},
    {400, "InvalidMember", "labels.deep", "{\"labels\":{\"deep\":{\"a\":1}}}"},
    {400, "InvalidMember", "tags.list", "{\"tags\":{\"list\":[]}}"},
    {400, "MissingMember", "requestedWorkerSelectors[0].key",
     "{\"requestedWorkerSelectors\":[{\"labelOperator\":\"equal\"}]}"},
    {400, "InvalidMember", "equal", "{\"requestedWorkerSelectors\":[{\"key\":\"a\",\"labelOperator\":\"is\"}]}"},
    {400, "InvalidMember", "requestedWorkerSelectors", "{\"requestedWorkerSelectors\":[1]}"},
    {400, "UnknownMember", "colour", "{\"notes\":[{\"message\":\"m\",\"colour\":1}]}"},
    {400, "MissingMember", "matchingMode.kind", "{\"matchingMode\":{}}"},
    {400, "InvalidMember", "later", "{\"matchingMode\":{\"kind\":\"later\"}}"},
    {400, "MissingMember", "scheduleAt", "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\"}}"},
    {400, "InvalidMember", "scheduleAt",
     "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"soon\"}}"},
    {400, "UnknownMember", "scheduleAt",
     "{\"matchingMode\":{\"kind\":\"suspend\",\"scheduleAt\":\"2026-03-02T08:40:00Z\"}}"},
    {400, "MissingMember", "channelId", "{\"queueId\":\"q\"}"},
    {400, "MissingMember", "queueId", "{\"channelId\":\"voice\"}"},
    {400, "InvalidReference", "nowhere", "{\"channelId\":\"voice\",\"queueId\":\"nowhere\"}"},
    {400, "InvalidReference", "classificationPolicyId",
     "{\"channelId\":\"voice\",\"classificationPolicyId\":\"c\"}"},
};

static void bodies_are_checked_against_the_table(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        kit_refused(&kit, bodies[i].status, bodies[i].code, bodies[i].words, "PATCH", "/routing/jobs/j1", NULL,
                    bodies[i].body);
    }
    kit.type = "application/json";
    kit_refused(&kit, 415, "UnsupportedMediaType", "merge-patch", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit.type = "application/merge-patch+json; charset=utf-8";
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/j1", "{\"queueId\":\"q\",\"channelId\":\"voice\"}");
    kit.type = KIT_MERGE;
    kit_refused(&kit, 415, "UnsupportedMediaType", "application/json", "POST", "/routing/jobs/j1:cancel", NULL,
                "{\"note\":\"n\"}");
    kit_close(&kit);
}

static void a_huge_body_does_not_take_its_square_in_time(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    struct buffer body;
    buffer_init(&body, 16 << 20);
    buffer_append_text(&body, "{\"labels\":{");
    for (int i = 0; i < 100000; i++) {
        buffer_append_format(&body, "%s\"l%d\":1", i == 0 ? "" : ",", i);
    }
    buffer_append_text(&body, "}}");
    kit_refused(&kit, 400, "InvalidMember", "1000", "PATCH", "/routing/jobs/j1", NULL, body.bytes);
    buffer_reset(&body);
    kit_close(&kit);
}

static void ids_may_hold_anything(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/a%2Fb%20%C3%A9:x%22%0A",
           "{\"queueId\":\"q\",\"channelId\":\"v/\\\"w\"}");
    assert_string_equal(json_get_string(kit.json, "id"), "a/b \xc3\xa9:x\"\n");
    kit_event(&kit, "RouterJobReceived");
    assert_string_equal(json_get_string(kit.event, "subject"), "job/a/b \xc3\xa9:x\"\n/channel/v/\"w");
    kit_ok(&kit, 200, "POST", "/routing/jobs/a%2Fb%20%C3%A9:x%22%0A:cancel", NULL);
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/%25s%25n", "{\"queueId\":\"q\",\"channelId\":\"%s%n\"}");
    assert_string_equal(json_get_string(kit.json, "id"), "%s%n");
    kit_close(&kit);
}

static void an_upsert_merges_and_says_its_etag(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", ",\"labels\":{\"a\":1,\"b\":\"x\",\"c\":true},\"channelReference\":\"call\"");
    assert_true(kit.answer.etag[0] == '"');
    assert_string_equal(json_get_string(kit.json, "etag"), kit.answer.etag);
    assert_string_equal(kit.answer.last_modified, "Mon, 02 Mar 2026 08:35:04 GMT");
    char etag[SIM_ETAG_SIZE];
    snprintf(etag, sizeof etag, "%s", kit.answer.etag);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"labels\":{\"a\":null,\"b\":\"y\"},\"channelReference\":null,\"notes\":[{\"message\":\"hello\"}]}");
    const struct json *labels = json_get(kit.json, "labels");
    assert_int_equal(json_count(labels), 2);
    assert_string_equal(json_get_string(labels, "b"), "y");
    assert_null(json_get(kit.json, "channelReference"));
    assert_string_equal(json_get_string(json_at(json_get(kit.json, "notes"), 0), "addedAt"),
                        "2026-03-02T08:35:04.1200000Z");
    assert_string_not_equal(kit.answer.etag, etag);
    kit_close(&kit);
}

static void an_upsert_has_conditions(void **state) {
    (void)state;
    struct kit kit;
    char etag[SIM_ETAG_SIZE];
    kit_open_idle(&kit);
    kit_job(&kit, "j1", "");
    snprintf(etag, sizeof etag, "%s", kit.answer.etag);
    kit.if_match = "\"other\"";
    kit_refused(&kit, 412, "PreconditionFailed", "If-Match", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit.if_match = NULL;
    kit_ok(&kit, 200, "GET", "/routing/jobs/j1", NULL);
    snprintf(etag, sizeof etag, "%s", kit.answer.etag);
    kit.if_match = etag;
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"tags\":{\"t\":1}}");
    kit.if_match = "*";
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{}");
    kit_refused(&kit, 412, "PreconditionFailed", "none", "PATCH", "/routing/jobs/new", NULL, "{}");
    kit.if_match = NULL;
    kit.unmodified_since = "Mon, 02 Mar 2026 08:35:04 GMT";
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{}");
    kit.unmodified_since = "Mon, 02 Mar 2026 08:35:03 GMT";
    kit_refused(&kit, 412, "PreconditionFailed", "changed", "PATCH", "/routing/jobs/j1", NULL, "{}");
    char etags[2 * SIM_ETAG_SIZE];
    kit.if_match = NULL;
    kit.unmodified_since = NULL;
    kit_ok(&kit, 200, "GET", "/routing/jobs/j1", NULL);
    snprintf(etags, sizeof etags, "\"other\" , %s", kit.answer.etag);
    kit.if_match = etags; /* one of them holds, and the date is not looked at then */
    kit.unmodified_since = "Mon, 02 Mar 2026 08:35:03 GMT";
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{}");
    kit_refused(&kit, 412, "PreconditionFailed", "If-Match", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit.if_match = "";
    kit_refused(&kit, 412, "PreconditionFailed", "If-Match", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit.if_match = NULL;
    kit.unmodified_since = "yesterday";
    kit_refused(&kit, 400, "InvalidHeader", "date", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit_close(&kit);
}

static void lists_can_be_narrowed_down(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 200, "GET", "/routing/jobs", NULL);
    assert_int_equal(json_count(json_get(kit.json, "value")), 0);
    assert_non_null(json_get(kit.json, "nextLink"));
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T09:00:00Z\"}");
    kit_job(&kit, "j3", "");
    kit_ok(&kit, 200, "POST", "/routing/jobs/j3:cancel", NULL);
    static const struct {
        const char *path, *query;
        size_t count;
    } cases[] = {
        {"/routing/jobs", NULL, 3},
        {"/routing/jobs", "&status=all&maxpagesize=10", 3},
        {"/routing/jobs", "&status=active", 2},
        {"/routing/jobs", "&status=queued", 1},
        {"/routing/jobs", "&queueId=q&channelId=voice", 3},
        {"/routing/jobs", "&queueId=other", 0},
        {"/routing/jobs", "&scheduledBefore=2026-03-02T09%3A00%3A00Z", 1},
        {"/routing/jobs", "&scheduledAfter=2026-03-02T09%3A00%3A01Z", 0},
        {"/routing/workers", "&state=active&queueId=q&channelId=voice", 1},
        {"/routing/workers", "&state=inactive", 0},
        {"/routing/workers", "&status=inactive", 1}, /* not one of its parameters */
        {"/routing/workers", "&hasCapacity=true", 0},
        {"/routing/queues", NULL, 1},
        {"/routing/distributionPolicies", NULL, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kit_call(&kit, "GET", cases[i].path, cases[i].query, NULL), 200);
        assert_int_equal(json_count(json_get(kit.json, "value")), cases[i].count);
    }
    kit_refused(&kit, 400, "InvalidQuery", "maxpagesize", "GET", "/routing/jobs", "&maxpagesize=0", NULL);
    kit_refused(&kit, 400, "InvalidQuery", "scheduledAfter", "GET", "/routing/jobs", "&scheduledAfter=x", NULL);
    kit_refused(&kit, 400, "InvalidQuery", "queueId", "GET", "/routing/jobs", "&queueId=%zz", NULL);
    kit_close(&kit);
}

static void what_is_in_use_is_not_deleted(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", "");
    kit_refused(&kit, 409, "InUse", "queue", "DELETE", "/routing/distributionPolicies/p", NULL, NULL);
    kit_refused(&kit, 409, "InUse", "job", "DELETE", "/routing/queues/q", NULL, NULL);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:cancel", NULL);
    kit_worker(&kit, "w1", "");
    kit_ok(&kit, 204, "DELETE", "/routing/queues/q", NULL);
    assert_null(kit.answer.body.bytes);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"tags\":{\"a\":1}}"); /* still names it */
    kit_ok(&kit, 204, "DELETE", "/routing/distributionPolicies/p", NULL);
    kit_refused(&kit, 404, "NotFound", "distribution policy", "DELETE", "/routing/distributionPolicies/p", NULL,
                NULL);
    kit_furnish(&kit, IDLE);
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued"); /* the queue made anew has its worker again */
    kit_close(&kit);
}

static void queues_and_policies_are_checked(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_refused(&kit, 400, "MissingMember", "distributionPolicyId", "PATCH", "/routing/queues/q", NULL, "{}");
    kit_refused(&kit, 400, "InvalidReference", "nope", "PATCH", "/routing/queues/q", NULL,
                "{\"distributionPolicyId\":\"nope\"}");
    kit_ok(&kit, 201, "PATCH", "/routing/distributionPolicies/p", "{}");
    assert_string_equal(json_get_string(json_get(kit.json, "mode"), "kind"), "longestIdle");
    assert_true(json_get_double(kit.json, "offerExpiresAfterSeconds", 0) == 60);
    kit_ok(&kit, 200, "PATCH", "/routing/distributionPolicies/p",
           "{\"mode\":{\"kind\":\"bestWorker\",\"scoringRule\":{\"kind\":\"static\",\"value\":1}}}");
    kit_refused(&kit, 400, "InvalidMember", "mode.kind", "PATCH", "/routing/distributionPolicies/p", NULL,
                "{\"mode\":{\"kind\":\"random\"}}");
    kit_refused(&kit, 400, "InvalidMember", "offerExpires", "PATCH", "/routing/distributionPolicies/p", NULL,
                "{\"offerExpiresAfterSeconds\":0}");
    kit_refused(&kit, 400, "InvalidMember", "offerExpires", "PATCH", "/routing/distributionPolicies/p", NULL,
                "{\"offerExpiresAfterSeconds\":1e300}");
    kit_refused(&kit, 400, "InvalidReference", "ghost", "PATCH", "/routing/workers/w", NULL,
                "{\"queues\":[\"ghost\"]}");
    kit_refused(&kit, 400, "InvalidMember", "capacity", "PATCH", "/routing/workers/w", NULL, "{\"capacity\":0}");
    kit_refused(&kit, 400, "InvalidMember", "capacityCostPerJob", "PATCH", "/routing/workers/w", NULL,
                "{\"channels\":[{\"channelId\":\"v\",\"capacityCostPerJob\":0}]}");
    kit_refused(&kit, 400, "InvalidMember", "queues", "PATCH", "/routing/workers/w", NULL, "{\"queues\":[1]}");
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_of_the_table_has_its_route),
        cmocka_unit_test(requests_that_name_nothing_are_refused),
        cmocka_unit_test(bodies_are_checked_against_the_table),
        cmocka_unit_test(a_huge_body_does_not_take_its_square_in_time),
        cmocka_unit_test(ids_may_hold_anything),
        cmocka_unit_test(an_upsert_merges_and_says_its_etag),
        cmocka_unit_test(an_upsert_has_conditions),
        cmocka_unit_test(lists_can_be_narrowed_down),
        cmocka_unit_test(what_is_in_use_is_not_deleted),
        cmocka_unit_test(queues_and_policies_are_checked),
    };
    return cmocka_run_group_tests_name("sim rest", tests, NULL, NULL);
}
