/* What classification does to jobs: their states, events and places. The names say the transitions. */
#include "sim_kit.h"

#define POLICY "/routing/classificationPolicies/c"
#define JOB    "/routing/jobs/j1"
#define BY_REGION                                                                                                 \
    "{\"name\":\"By region\",\"fallbackQueueId\":\"q\",\"queueSelectorAttachments\":[{\"kind\":\"conditional\","  \
    "\"condition\":{\"kind\":\"expression\",\"expression\":\"job.Region = \\\"NA\\\"\"},"                         \
    "\"queueSelectors\":[{\"key\":\"Id\",\"labelOperator\":\"equal\",\"value\":\"na\"}]}],"                       \
    "\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"If(job.VIP = true, 10, 1)\"},"              \
    "\"workerSelectorAttachments\":[{\"kind\":\"static\",\"workerSelector\":"                                     \
    "{\"key\":\"Skill\",\"labelOperator\":\"equal\",\"value\":\"tv\"}}]}"

/* Queues "q" and "na", and the policy "c". */
static void open_classified(struct kit *kit, const char *policy) {
    kit_open_idle(kit);
    kit_ok(kit, 201, "PATCH", "/routing/queues/na",
           "{\"distributionPolicyId\":\"p\",\"name\":\"America\",\"labels\":{\"Region\":\"NA\",\"Level\":2}}");
    kit_ok(kit, 201, "PATCH", POLICY, policy);
    kit_drop_events(kit);
}

static void make_job(struct kit *kit, const char *more) {
    char body[512];
    snprintf(body, sizeof body, "{\"channelId\":\"voice\",\"classificationPolicyId\":\"c\"%s}", more);
    kit_ok(kit, 201, "PATCH", JOB, body);
    assert_string_equal(json_get_string(kit->json, "status"), "pendingClassification");
}

static void expect_text(const struct json *data, const char *member, const char *text) {
    assert_string_equal(json_get_string(data, member), text);
}

static void expect_classified(struct kit *kit, const char *queue, int priority) {
    const struct json *data = kit_event(kit, "RouterJobClassified");
    expect_text(data, "queueId", queue);
    expect_text(json_get(data, "queueDetails"), "id", queue);
    expect_text(data, "classificationPolicyId", "c");
    assert_int_equal(json_get_double(data, "priority", 0), priority);
}

static void expect_failed(struct kit *kit, const char *code, const char *target, const char *words) {
    const struct json *data = kit_event(kit, "RouterJobClassificationFailed");
    const struct json *error = json_at(json_get(data, "errors"), 0);
    expect_text(error, "code", code);
    expect_text(error, "target", target);
    if (strstr(json_get_string(error, "message"), words) == NULL) {
        fail_msg("%s", json_get_string(error, "message"));
    }
    char subject[] = "job/j1/channel/voice/classificationpolicy/";
    assert_memory_equal(json_get_string(kit->event, "subject"), subject, strlen(subject));
    assert_string_equal(kit_status(kit, "j1"), "classificationFailed");
    kit_quiet(kit);
}

static void pending_classification_to_queued(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, ",\"labels\":{\"Region\":\"NA\",\"VIP\":true}");
    assert_null(json_get(kit.json, "queueId"));
    assert_null(json_get(kit.json, "priority"));
    const struct json *data = kit_event(&kit, "RouterJobReceived");
    expect_text(data, "jobStatus", "PendingClassification");
    expect_text(data, "classificationPolicyId", "c");
    assert_true(json_get(data, "queueId") != NULL && json_kind(json_get(data, "queueId")) == JSON_NULL);
    assert_true(json_get(data, "priority") != NULL && json_kind(json_get(data, "priority")) == JSON_NULL);
    assert_false(json_get_bool(data, "unavailableForMatching", true));
    expect_classified(&kit, "na", 10);
    expect_text(json_get(json_get(kit.event, "data"), "queueDetails"), "name", "America");
    expect_text(kit.event, "subject", "job/j1/channel/voice/queue/na");
    data = kit_event(&kit, "RouterJobQueued");
    expect_text(data, "queueId", "na");
    expect_text(json_at(json_get(data, "attachedWorkerSelectors"), 0), "key", "Skill");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    expect_text(kit.json, "queueId", "na");
    expect_text(kit.json, "classificationPolicyId", "c");
    assert_int_equal(json_get_double(kit.json, "priority", 0), 10);
    expect_text(json_at(json_get(kit.json, "attachedWorkerSelectors"), 0), "status", "active");
    kit_close(&kit);
}

static void what_no_queue_meets_falls_back(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, ",\"labels\":{\"Region\":\"na\"}");
    kit_event(&kit, "RouterJobReceived");
    expect_classified(&kit, "q", 1);
    kit_event(&kit, "RouterJobQueued");
    kit_close(&kit);
}

static void attached_selectors_hold_workers_off(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    open_classified(&kit, BY_REGION);
    kit_worker(&kit, "w1", "");
    kit_worker(&kit, "w2", ",\"labels\":{\"Skill\":\"tv\"}");
    kit_drop_events(&kit);
    make_job(&kit, "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w2", assignment);
    kit_close(&kit);
}

static void a_job_with_its_own_queue_and_priority(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{}");
    make_job(&kit, ",\"queueId\":\"na\",\"priority\":7");
    expect_text(kit_event(&kit, "RouterJobReceived"), "queueId", "na");
    expect_classified(&kit, "na", 7);
    kit_event(&kit, "RouterJobQueued");
    /* Where the policy has a say, it has the last word. */
    kit_ok(&kit, 200, "PATCH", POLICY,
           "{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"static\",\"value\":3}}");
    kit_ok(&kit, 200, "POST", JOB ":reclassify", "{}");
    expect_classified(&kit, "q", 3);
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_close(&kit);
}

static const struct {
    const char *policy, *code, *target, *words;
} failures[] = {
    {"{}", "QueueNotFound", "queueSelectorAttachments", "no queue of its own"},
    {"{\"queueSelectorAttachments\":[{\"kind\":\"static\",\"queueSelector\":"
     "{\"key\":\"Region\",\"labelOperator\":\"equal\",\"value\":\"EU\"}}]}",
     "QueueNotFound", "queueSelectorAttachments", "no queue meets the queue selectors"},
    {"{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"Rank(1)\"}}",
     "InvalidRule", "prioritizationRule", "no function \"Rank\""},
    {"{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"webhook\"}}", "InvalidRule",
     "prioritizationRule", "calls another service"},
    {"{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"static\",\"value\":\"high\"}}",
     "InvalidPriority", "prioritizationRule", "no priority"},
    {"{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"3 / 2\"}}",
     "InvalidPriority", "prioritizationRule", "whole number"},
    {"{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"1e10\"}}",
     "InvalidPriority", "prioritizationRule", "32 bits"},
    {"{\"fallbackQueueId\":\"q\",\"workerSelectorAttachments\":[{\"kind\":\"passThrough\",\"key\":\"a\","
     "\"labelOperator\":\"equal\"},{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"static\",\"value\":5}}]}",
     "InvalidSelector", "workerSelectorAttachments[1]", "does not come to selectors"},
};

static void pending_classification_to_classification_failed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct kit kit;
        open_classified(&kit, failures[i].policy);
        make_job(&kit, "");
        kit_event(&kit, "RouterJobReceived");
        expect_failed(&kit, failures[i].code, failures[i].target, failures[i].words);
        kit_close(&kit);
    }
}

static void a_failed_job_is_mended_and_queued(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{}");
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "POST", JOB ":reclassify", NULL); /* nothing is better yet */
    expect_failed(&kit, "QueueNotFound", "queueSelectorAttachments", "queue");
    kit_ok(&kit, 200, "PATCH", JOB, "{\"tags\":{\"a\":1}}"); /* nothing that could help */
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", JOB, "{\"queueId\":\"na\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "pendingClassification");
    expect_classified(&kit, "na", 1);
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_failed_job_goes_on_without_a_policy(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{}");
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_refused(&kit, 400, "MissingMember", "\"queueId\" or \"classificationPolicyId\"", "PATCH", JOB, NULL,
                "{\"classificationPolicyId\":null}");
    kit_ok(&kit, 200, "PATCH", JOB, "{\"classificationPolicyId\":null,\"queueId\":\"q\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "queued");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_failed_job_is_cancelled_and_deleted(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{}");
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "POST", JOB ":cancel", NULL);
    assert_true(json_kind(json_get(kit_event(&kit, "RouterJobCancelled"), "queueId")) == JSON_NULL);
    kit_refused(&kit, 409, "InvalidJobState", "cancelled", "POST", JOB ":reclassify", NULL, NULL);
    kit_ok(&kit, 204, "DELETE", JOB, NULL);
    kit_event(&kit, "RouterJobDeleted");
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_ok(&kit, 204, "DELETE", JOB, NULL);
    kit_event(&kit, "RouterJobDeleted");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void queued_and_reclassified_by_label_to_another_queue(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    kit_worker(&kit, "w1", ",\"labels\":{\"Skill\":\"tv\"}");
    make_job(&kit, "");
    kit_drop_events(&kit); /* offered to w1 */
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"Region\":\"NA\"}}");
    assert_string_equal(json_get_string(kit.json, "status"), "pendingClassification");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    expect_classified(&kit, "na", 1);
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_ok(&kit, 204, "DELETE", "/routing/queues/q", NULL); /* it counts for the new one */
    kit_refused(&kit, 409, "InUse", "job", "DELETE", "/routing/queues/na", NULL, NULL);
    kit_close(&kit);
}

static void queued_and_reclassified_keeps_its_turn_in_the_same_queue(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    open_classified(&kit, "{\"fallbackQueueId\":\"q\"}");
    make_job(&kit, "");
    kit_pass(&kit, 10);
    kit_job(&kit, "j2", "");
    kit_ok(&kit, 200, "POST", JOB ":reclassify", "{}");
    kit_ok(&kit, 200, "GET", JOB, NULL);
    expect_text(kit.json, "enqueuedAt", "2026-03-02T08:35:04.1200000Z");
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_accept(&kit, "w1", assignment);
    expect_text(json_get(kit.event, "data"), "jobId", "j1");
    kit_close(&kit);
}

static void reclassified_by_another_policy(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    kit_ok(&kit, 201, "PATCH", "/routing/classificationPolicies/other",
           "{\"fallbackQueueId\":\"na\",\"prioritizationRule\":{\"kind\":\"static\",\"value\":-4}}");
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", JOB, "{\"classificationPolicyId\":\"other\",\"labels\":{\"VIP\":true}}");
    const struct json *data = kit_event(&kit, "RouterJobClassified");
    expect_text(data, "classificationPolicyId", "other");
    assert_int_equal(json_get_double(data, "priority", 0), -4);
    assert_int_equal(json_count(json_get(data, "attachedWorkerSelectors")), 0);
    kit_event(&kit, "RouterJobQueued");
    kit_refused(&kit, 400, "InvalidReference", "none", "PATCH", JOB, NULL,
                "{\"classificationPolicyId\":\"none\"}");
    kit_close(&kit);
}

static void what_does_not_reclassify(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, ",\"labels\":{\"Region\":\"NA\"}");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", POLICY, "{\"prioritizationRule\":{\"kind\":\"static\",\"value\":9}}");
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"Region\":\"NA\"},\"tags\":{\"a\":1}}"); /* the same labels */
    kit_ok(&kit, 200, "PATCH", JOB, "{\"priority\":4}");
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", JOB, "{\"queueId\":\"q\"}");
    expect_text(kit_event(&kit, "RouterJobQueued"), "queueId", "q");
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    assert_int_equal(json_get_double(kit.json, "priority", 0), 4);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void labels_without_a_policy_queue_the_job_again(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    kit_open_queued(&kit);
    snprintf(offer, sizeof offer, "%s", json_get_string(kit_event(&kit, "RouterWorkerOfferIssued"), "offerId"));
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"a\":1}}");
    expect_text(kit_event(&kit, "RouterWorkerOfferRevoked"), "offerId", offer);
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_refused(&kit, 409, "InvalidJobState", "no classification policy", "POST", JOB ":reclassify", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "nobody", "POST", "/routing/jobs/nobody:reclassify", NULL, NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void assigned_jobs_are_not_reclassified(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    open_classified(&kit, "{\"fallbackQueueId\":\"q\"}");
    make_job(&kit, "");
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_refused(&kit, 409, "InvalidJobState", "assigned", "POST", JOB ":reclassify", NULL, NULL);
    kit_refused(&kit, 409, "InvalidJobState", "classificationPolicyId", "PATCH", JOB, NULL,
                "{\"classificationPolicyId\":null}");
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"a\":1}}");
    assert_string_equal(kit_status(&kit, "j1"), "assigned");
    kit_quiet(&kit);
    kit_close(&kit);
}

#define TOMORROW ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-03T08:00:00Z\"}"

static void a_scheduled_job_is_classified_first(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, TOMORROW);
    assert_true(json_get_bool(kit_event(&kit, "RouterJobReceived"), "unavailableForMatching", false));
    expect_classified(&kit, "q", 1);
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    /* Classified again, it goes on sleeping. */
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"VIP\":true}}");
    expect_classified(&kit, "q", 10);
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    kit_pass(&kit, 24 * 3600);
    const struct json *data = kit_event(&kit, "RouterJobWaitingForActivation");
    assert_int_equal(json_get_double(data, "priority", 0), 10);
    assert_int_equal(json_count(json_get(data, "attachedWorkerSelectors")), 1);
    kit_ok(&kit, 200, "POST", JOB ":reclassify", NULL);
    kit_event(&kit, "RouterJobClassified");
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_ok(&kit, 200, "PATCH", JOB, "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void labels_and_activation_in_one_call(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, TOMORROW);
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", JOB,
           "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"labels\":{\"Region\":\"NA\"}}");
    expect_classified(&kit, "na", 1);
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 24 * 3600); /* its schedule is forgotten */
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_close(&kit);
}

static void a_scheduled_job_that_fails_does_not_wake(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{\"fallbackQueueId\":\"q\",\"prioritizationRule\":"
                          "{\"kind\":\"expression\",\"expression\":\"1 / job.Divisor\"}}");
    make_job(&kit, ",\"labels\":{\"Divisor\":1}" TOMORROW);
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"Divisor\":0}}");
    expect_failed(&kit, "InvalidRule", "prioritizationRule", "a division by zero (at character 3)");
    kit_pass(&kit, 24 * 3600);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", JOB, "{\"labels\":{\"Divisor\":1}}");
    kit_event(&kit, "RouterJobClassified");
    kit_pass(&kit, 0); /* its time is over */
    kit_event(&kit, "RouterJobWaitingForActivation");
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_close(&kit);
}

static void jobs_are_listed_by_policy_and_by_status(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, "{}");
    make_job(&kit, "");
    kit_job(&kit, "j2", "");
    static const struct {
        const char *query;
        size_t count;
    } lists[] = {{"&classificationPolicyId=c", 1},     {"&classificationPolicyId=d", 0},
                 {"&status=classificationFailed", 1},  {"&status=active", 2},
                 {"&status=pendingClassification", 0}, {"&queueId=q", 1}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_int_equal(kit_call(&kit, "GET", "/routing/jobs", lists[i].query, NULL), 200);
        assert_int_equal(json_count(json_get(kit.json, "value")), lists[i].count);
    }
    kit_close(&kit);
}

static void a_policy_that_is_gone_fails_the_next_classification(void **state) {
    (void)state;
    struct kit kit;
    open_classified(&kit, BY_REGION);
    make_job(&kit, "");
    kit_drop_events(&kit);
    kit_ok(&kit, 204, "DELETE", POLICY, NULL);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_ok(&kit, 200, "POST", JOB ":reclassify", NULL);
    expect_failed(&kit, "PolicyNotFound", "classificationPolicyId", "no classification policy \"c\"");
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_classification_to_queued),
        cmocka_unit_test(what_no_queue_meets_falls_back),
        cmocka_unit_test(attached_selectors_hold_workers_off),
        cmocka_unit_test(a_job_with_its_own_queue_and_priority),
        cmocka_unit_test(pending_classification_to_classification_failed),
        cmocka_unit_test(a_failed_job_is_mended_and_queued),
        cmocka_unit_test(a_failed_job_goes_on_without_a_policy),
        cmocka_unit_test(a_failed_job_is_cancelled_and_deleted),
        cmocka_unit_test(queued_and_reclassified_by_label_to_another_queue),
        cmocka_unit_test(queued_and_reclassified_keeps_its_turn_in_the_same_queue),
        cmocka_unit_test(reclassified_by_another_policy),
        cmocka_unit_test(what_does_not_reclassify),
        cmocka_unit_test(labels_without_a_policy_queue_the_job_again),
        cmocka_unit_test(assigned_jobs_are_not_reclassified),
        cmocka_unit_test(a_scheduled_job_is_classified_first),
        cmocka_unit_test(labels_and_activation_in_one_call),
        cmocka_unit_test(a_scheduled_job_that_fails_does_not_wake),
        cmocka_unit_test(jobs_are_listed_by_policy_and_by_status),
        cmocka_unit_test(a_policy_that_is_gone_fails_the_next_classification),
    };
    return cmocka_run_group_tests_name("sim classification", tests, NULL, NULL);
}
