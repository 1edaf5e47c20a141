/* The local Job Router's core: calls, states, times; no sockets, the clock moved by hand. */
#include "sim_kit.h"

#define IDLE "{\"kind\":\"longestIdle\"}"

static void a_scheduled_job_goes_the_whole_way(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "bot-1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "j1",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T08:40:00Z\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "pendingSchedule");
    assert_string_equal(json_get_string(kit.json, "scheduledAt"), "2026-03-02T08:40:00.0000000Z");
    kit_event(&kit, "RouterJobReceived");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    int64_t due = sim_core_next(kit.core);
    assert_true(due > kit.now_us);
    kit.now_us = due - 1;
    sim_core_advance(kit.core, kit.now_us);
    kit_quiet(&kit);
    kit_pass(&kit, 0.000001);
    kit_event(&kit, "RouterJobWaitingForActivation");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    assert_true(sim_core_next(kit.core) == SIM_NEVER);

    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":100}");
    assert_string_equal(json_get_string(kit.json, "status"), "queued");
    assert_null(json_get(json_get(kit.json, "matchingMode"), "scheduleAt"));
    const struct json *data = kit_event(&kit, "RouterJobQueued");
    assert_true(json_get_double(data, "priority", 0) == 100);
    kit_accept(&kit, "bot-1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "assigned");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", NULL), 200);
    kit_event(&kit, "RouterJobCompleted");
    assert_string_equal(kit_status(&kit, "j1"), "completed");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", "{\"dispositionCode\":\"Done\"}"), 200);
    kit_event(&kit, "RouterJobClosed");
    assert_string_equal(kit_status(&kit, "j1"), "closed");
    assert_string_equal(json_get_string(kit.json, "dispositionCode"), "Done");
    assert_non_null(json_get_string(json_get(json_get(kit.json, "assignments"), assignment), "closedAt"));
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j1", NULL);
    kit_event(&kit, "RouterJobDeleted");
    kit_refused(&kit, 404, "NotFound", "j1", "GET", "/routing/jobs/j1", NULL, NULL);
    kit_quiet(&kit);
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
    kit_refused(&kit, 501, "NotImplemented", "router.classification_policies.list", "GET",
                "/routing/classificationPolicies", NULL, NULL);
    kit_refused(&kit, 501, "NotImplemented", "router.jobs.reclassify", "POST", "/routing/jobs/j:reclassify", NULL,
                NULL);
    char path[600] = "/routing/jobs/";
    memset(path + strlen(path), 'a', 500);
    kit_refused(&kit, 400, "InvalidId", "256", "GET", path, NULL, NULL);
    kit_close(&kit);
}

static void bodies_are_checked_against_the_table(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *code, *words, *body;
    } cases[] = {
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
        {400, "MissingMember", "requestedWorkerSelectors.key",
         "{\"requestedWorkerSelectors\":[{\"labelOperator\":\"equal\"}]}"},
        {400, "InvalidMember", "equal",
         "{\"requestedWorkerSelectors\":[{\"key\":\"a\",\"labelOperator\":\"is\"}]}"},
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
        {501, "NotImplemented", "classification", "{\"channelId\":\"voice\",\"classificationPolicyId\":\"c\"}"},
    };
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kit_refused(&kit, cases[i].status, cases[i].code, cases[i].words, "PATCH", "/routing/jobs/j1", NULL,
                    cases[i].body);
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
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
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
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
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

    kit.if_match = etag;
    kit_refused(&kit, 412, "PreconditionFailed", "If-Match", "PATCH", "/routing/jobs/j1", NULL, "{}");
    snprintf(etag, sizeof etag, "%s", json_get_string(json_get(kit.json, "error"), "code"));
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
    kit.unmodified_since = "yesterday";
    kit_refused(&kit, 400, "InvalidHeader", "date", "PATCH", "/routing/jobs/j1", NULL, "{}");
    kit_close(&kit);
}

static void activation_again_changes_nothing(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", ",\"matchingMode\":{\"kind\":\"suspend\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "waitingForActivation");
    kit_drop_events(&kit);
    static const char activation[] = "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":7}";
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", activation);
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", activation);
    assert_string_equal(json_get_string(kit.json, "status"), "assigned");
    kit_quiet(&kit);
    kit_refused(&kit, 409, "InvalidJobState", "priority", "PATCH", "/routing/jobs/j1", NULL, "{\"priority\":8}");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"tags\":{\"late\":true}}");
    kit_close(&kit);
}

static void a_job_changes_its_mode(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"suspend\"}}");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T09:00:00Z\"}}");
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"scheduleAt\":\"2026-03-02T08:36:00Z\",\"kind\":\"scheduleAndSuspend\"}}");
    kit_quiet(&kit);
    kit_pass(&kit, 60);
    kit_event(&kit, "RouterJobWaitingForActivation");
    kit_pass(&kit, 3600);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_close(&kit);
}

static void a_schedule_in_the_past_is_due_at_once(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_job(&kit, "j1",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2020-01-01T00:00:00Z\"}");
    kit_event(&kit, "RouterJobReceived");
    assert_true(sim_core_next(kit.core) <= kit.now_us);
    sim_core_advance(kit.core, kit.now_us);
    kit_event(&kit, "RouterJobWaitingForActivation");
    assert_string_equal(json_get_string(kit.event, "eventTime"), "2026-03-02T08:35:04.1200000Z");
    kit_close(&kit);
}

static void cancelling(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:cancel", "{\"note\":\"customer hung up\"}");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterJobCancelled");
    assert_string_equal(kit_status(&kit, "j1"), "cancelled");
    assert_string_equal(json_get_string(kit.json, "dispositionCode"), "Cancelled");
    assert_string_equal(json_get_string(json_at(json_get(kit.json, "notes"), 0), "message"), "customer hung up");
    kit_refused(&kit, 409, "InvalidJobState", "cancelled", "POST", "/routing/jobs/j1:cancel", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "j9", "POST", "/routing/jobs/j9:cancel", NULL, NULL);
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_refused(&kit, 409, "InvalidJobState", "assigned", "POST", "/routing/jobs/j2:cancel", NULL, NULL);
    kit_close(&kit);
}

static void completing_and_closing_want_their_states(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_drop_events(&kit);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", NULL), 409);
    assert_int_equal(kit_assignment(&kit, "j1", "nobody", "complete", NULL), 404);
    assert_int_equal(kit_assignment(&kit, "j2", assignment, "complete", NULL), 404);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", "{\"note\":\"n\"}"), 200);
    kit_event(&kit, "RouterJobCompleted");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", NULL), 409);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 409);
    kit_quiet(&kit); /* the worker's capacity is still taken: j2 waits */
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", "{\"closeAt\":\"2026-03-02T08:36:00Z\"}"),
                     200);
    assert_string_equal(kit_status(&kit, "j1"), "completed");
    kit_quiet(&kit);
    kit_pass(&kit, 60);
    kit_event(&kit, "RouterJobClosed");
    assert_string_equal(json_get_string(kit.event, "eventTime"), "2026-03-02T08:36:00.0000000Z");
    kit_event(&kit, "RouterWorkerOfferIssued");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", NULL), 409);
    kit_close(&kit);
}

static void unassigning_has_a_limit(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    for (int i = 1; i <= 3; i++) {
        kit_event(&kit, "RouterJobQueued");
        kit_accept(&kit, "w1", assignment);
        kit_event(&kit, "RouterWorkerOfferAccepted");
        assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", i == 1 ? "{}" : NULL), 200);
        assert_true(json_get_double(kit.json, "unassignmentCount", 0) == i);
        kit_event(&kit, "RouterJobUnassigned");
    }
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 400);
    assert_string_equal(kit.answer.code, "UnassignLimit");
    kit_close(&kit);
}

static void unassigned_with_matching_suspended_waits_for_activation(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", "{\"suspendMatching\":true}"), 200);
    kit_event(&kit, "RouterJobUnassigned");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_close(&kit);
}

static void lists_can_be_narrowed_down(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
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
    kit_open(&kit, 1);
    kit_furnish(&kit, IDLE);
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
        cmocka_unit_test(a_scheduled_job_goes_the_whole_way),
        cmocka_unit_test(requests_that_name_nothing_are_refused),
        cmocka_unit_test(bodies_are_checked_against_the_table),
        cmocka_unit_test(a_huge_body_does_not_take_its_square_in_time),
        cmocka_unit_test(ids_may_hold_anything),
        cmocka_unit_test(an_upsert_merges_and_says_its_etag),
        cmocka_unit_test(activation_again_changes_nothing),
        cmocka_unit_test(a_job_changes_its_mode),
        cmocka_unit_test(a_schedule_in_the_past_is_due_at_once),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(completing_and_closing_want_their_states),
        cmocka_unit_test(unassigning_has_a_limit),
        cmocka_unit_test(unassigned_with_matching_suspended_waits_for_activation),
        cmocka_unit_test(lists_can_be_narrowed_down),
        cmocka_unit_test(what_is_in_use_is_not_deleted),
        cmocka_unit_test(queues_and_policies_are_checked),
    };
    return cmocka_run_group_tests_name("sim core", tests, NULL, NULL);
}
