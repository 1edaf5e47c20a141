/* The local Job Router's exceptions: policies, triggers, actions; and schedules that fail. */
#include "sim_kit.h"

#define WAIT(seconds)              "{\"kind\":\"waitTime\",\"thresholdSeconds\":" seconds "}"
#define LENGTH(jobs)               "{\"kind\":\"queueLength\",\"threshold\":" jobs "}"
#define CANCEL                     "{\"kind\":\"cancel\",\"note\":\"too long\",\"dispositionCode\":\"Overflow\"}"
#define RULE(id, trigger, actions) "{\"id\":\"" id "\",\"trigger\":" trigger ",\"actions\":[" actions "]}"
#define POLICY(rules)              "{\"exceptionRules\":[" rules "]}"
#define SOON                       "2026-03-02T09:00:00Z"

/* Queues "q" and "other", of which q has the policy "e" with these rules. */
static void open_with(struct kit *kit, const char *policy) {
    kit_open_idle(kit);
    kit_ok(kit, 201, "PATCH", "/routing/queues/other", "{\"distributionPolicyId\":\"p\"}");
    kit_ok(kit, 201, "PATCH", "/routing/exceptionPolicies/e", policy);
    kit_ok(kit, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":\"e\"}");
    kit_drop_events(kit);
}

static void queued_job(struct kit *kit, const char *id, const char *more) {
    kit_job(kit, id, more);
    kit_event(kit, "RouterJobReceived");
    kit_event(kit, "RouterJobQueued");
}

static void fired(struct kit *kit, const char *job, const char *rule) {
    const struct json *data = kit_event(kit, "RouterJobExceptionTriggered");
    assert_string_equal(json_get_string(data, "jobId"), job);
    assert_string_equal(json_get_string(data, "ruleKey"), rule);
    assert_string_equal(json_get_string(data, "exceptionRuleId"), rule);
    assert_non_null(json_get_string(data, "queueId"));
}

static void a_policy_is_kept_and_its_actions_get_ids(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/exceptionPolicies/e",
           POLICY(RULE("r", WAIT("60.5"), CANCEL ",{\"id\":\"mine\",\"kind\":\"cancel\"}")));
    assert_true(kit.answer.etag[0] == '"' && kit.answer.last_modified[0] != '\0');
    kit_ok(&kit, 200, "GET", "/routing/exceptionPolicies/e", NULL);
    const struct json *actions = json_get(json_at(json_get(kit.json, "exceptionRules"), 0), "actions");
    char id[64];
    snprintf(id, sizeof id, "%s", json_get_string(json_at(actions, 0), "id"));
    assert_int_equal(strlen(id), 36);
    assert_string_equal(json_get_string(json_at(actions, 1), "id"), "mine");
    kit_ok(&kit, 200, "PATCH", "/routing/exceptionPolicies/e", "{\"name\":\"n\"}");
    actions = json_get(json_at(json_get(kit.json, "exceptionRules"), 0), "actions");
    assert_string_equal(json_get_string(json_at(actions, 0), "id"), id);
    kit_ok(&kit, 200, "GET", "/routing/exceptionPolicies", NULL);
    assert_int_equal(json_count(json_get(kit.json, "value")), 1);
    kit_ok(&kit, 204, "DELETE", "/routing/exceptionPolicies/e", NULL);
    kit_refused(&kit, 404, "NotFound", "exception policy", "GET", "/routing/exceptionPolicies/e", NULL, NULL);
    kit_close(&kit);
}

static void policies_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *code, *words, *body;
    } wrong[] = {
        {"InvalidMember", "two rules", POLICY(RULE("r", WAIT("1"), CANCEL) "," RULE("r", WAIT("2"), CANCEL))},
        {"InvalidMember", "thresholdSeconds", POLICY(RULE("r", WAIT("0"), CANCEL))},
        {"InvalidMember", "thresholdSeconds", POLICY(RULE("r", WAIT("1e300"), CANCEL))},
        {"InvalidMember", "exceptionRules[0].trigger.threshold", POLICY(RULE("r", LENGTH("0"), CANCEL))},
        {"InvalidMember", "exceptionRules[0].trigger.kind", POLICY(RULE("r", "{\"kind\":\"luck\"}", CANCEL))},
        {"MissingMember", "exceptionRules[0].trigger", "{\"exceptionRules\":[{\"id\":\"r\",\"actions\":[]}]}"},
        {"MissingMember", "exceptionRules[0].actions",
         "{\"exceptionRules\":[{\"id\":\"r\",\"trigger\":" WAIT("1") "}]}"},
        {"UnknownMember", "threshold", POLICY(RULE("r", "{\"kind\":\"waitTime\",\"threshold\":1}", CANCEL))},
        {"InvalidReference", "nowhere",
         POLICY(RULE("r", WAIT("1"), "{\"kind\":\"manualReclassify\",\"queueId\":\"nowhere\"}"))},
    };
    struct kit kit;
    kit_open_idle(&kit);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kit_refused(&kit, 400, wrong[i].code, wrong[i].words, "PATCH", "/routing/exceptionPolicies/e", NULL,
                    wrong[i].body);
    }
    kit_refused(&kit, 400, "InvalidReference", "ghost", "PATCH", "/routing/queues/q", NULL,
                "{\"exceptionPolicyId\":\"ghost\"}");
    kit_close(&kit);
}

static void a_policy_in_use_is_not_deleted(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, "{}");
    kit_ok(&kit, 200, "GET", "/routing/queues/q", NULL);
    assert_string_equal(json_get_string(kit.json, "exceptionPolicyId"), "e");
    kit_refused(&kit, 409, "InUse", "queue", "DELETE", "/routing/exceptionPolicies/e", NULL, NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/queues/other", "{\"exceptionPolicyId\":\"e\"}");
    kit_ok(&kit, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":null}");
    kit_refused(&kit, 409, "InUse", "1 queue", "DELETE", "/routing/exceptionPolicies/e", NULL, NULL);
    kit_ok(&kit, 204, "DELETE", "/routing/queues/other", NULL);
    kit_ok(&kit, 204, "DELETE", "/routing/exceptionPolicies/e", NULL);
    kit_close(&kit);
}

/* queued -> cancelled */
static void a_job_that_makes_the_queue_too_long_is_cancelled_before_it_is_offered(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("overflow", LENGTH("2"), CANCEL)));
    queued_job(&kit, "j1", "");
    queued_job(&kit, "j2", "");
    kit_worker(&kit, "w1", "");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"capacity\":10}");
    kit_drop_events(&kit);
    queued_job(&kit, "j3", "");
    fired(&kit, "j3", "overflow");
    const struct json *data = kit_event(&kit, "RouterJobCancelled");
    assert_string_equal(json_get_string(data, "jobId"), "j3");
    assert_string_equal(json_get_string(data, "note"), "too long");
    assert_string_equal(json_get_string(data, "dispositionCode"), "Overflow");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j3"), "cancelled");
    assert_string_equal(json_get_string(json_at(json_get(kit.json, "notes"), 0), "message"), "too long");
    kit_close(&kit);
}

static void a_queue_that_gets_shorter_takes_jobs_again(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("overflow", LENGTH("1"), "{\"kind\":\"cancel\"}")));
    queued_job(&kit, "j1", "");
    queued_job(&kit, "j2", "");
    fired(&kit, "j2", "overflow");
    const struct json *data = kit_event(&kit, "RouterJobCancelled");
    assert_string_equal(json_get_string(data, "dispositionCode"), "Cancelled");
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:cancel", NULL);
    kit_event(&kit, "RouterJobCancelled");
    queued_job(&kit, "j3", "");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_job_that_waits_too_long_is_cancelled_and_its_offer_revoked(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("late", WAIT("20"), CANCEL)));
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    queued_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_pass(&kit, 19.9);
    kit_quiet(&kit);
    kit_pass(&kit, 0.1);
    fired(&kit, "j1", "late");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterJobCancelled");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_rule_fires_once_while_the_job_waits_there(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("late", WAIT("10"), "")));
    queued_job(&kit, "j1", "");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "late");
    kit_pass(&kit, 1000);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"priority\":7}");
    kit_ok(&kit, 200, "PATCH", "/routing/exceptionPolicies/e", POLICY(RULE("late", WAIT("11"), "")));
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"suspend\"}}");
    kit_pass(&kit, 1000); /* it does not wait while it is suspended */
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 11);
    fired(&kit, "j1", "late");
    kit_close(&kit);
}

static void a_job_that_a_worker_has_does_not_wait(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    open_with(&kit, POLICY(RULE("late", WAIT("10"), "")));
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    queued_job(&kit, "j1", "");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":false}");
    kit_event(&kit, "RouterWorkerDeregistered");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 200);
    kit_event(&kit, "RouterJobUnassigned");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "late"); /* it waits anew */
    kit_close(&kit);
}

static const char *const move =
    POLICY(RULE("move", WAIT("10"),
                "{\"kind\":\"manualReclassify\",\"queueId\":\"other\",\"priority\":50,"
                "\"workerSelectors\":[{\"key\":\"Skill\",\"labelOperator\":\"equal\",\"value\":\"any\"}]}"));

static void a_job_is_moved_to_another_queue_with_another_priority_and_other_selectors(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, move);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    queued_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "move");
    assert_string_equal(json_get_string(json_get(kit.event, "data"), "queueId"), "q");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    const struct json *data = kit_event(&kit, "RouterJobQueued");
    assert_string_equal(json_get_string(data, "queueId"), "other");
    assert_true(json_get_double(data, "priority", 0) == 50);
    assert_int_equal(json_count(json_get(data, "requestedWorkerSelectors")), 1);
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "GET", "/routing/jobs/j1", NULL);
    assert_string_equal(json_get_string(kit.json, "queueId"), "other");
    assert_string_equal(json_get_string(kit.json, "status"), "queued");
    kit_ok(&kit, 204, "DELETE", "/routing/queues/q", NULL);
    kit_close(&kit);
}

static void a_job_that_stays_in_its_queue_goes_on_waiting(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("first", WAIT("10"), "{\"kind\":\"manualReclassify\",\"priority\":5}") "," RULE(
                        "second", WAIT("30"), "{\"kind\":\"cancel\"}")));
    queued_job(&kit, "j1", "");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "first");
    const struct json *data = kit_event(&kit, "RouterJobQueued");
    assert_true(json_get_double(data, "priority", 0) == 5);
    kit_ok(&kit, 200, "GET", "/routing/jobs/j1", NULL);
    assert_string_equal(json_get_string(kit.json, "enqueuedAt"), "2026-03-02T08:35:04.1200000Z");
    kit_pass(&kit, 19.9);
    kit_quiet(&kit);
    kit_pass(&kit, 0.1);
    fired(&kit, "j1", "second");
    kit_event(&kit, "RouterJobCancelled");
    kit_close(&kit);
}

static void a_job_stays_when_the_queue_of_the_action_is_gone(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, move);
    queued_job(&kit, "j1", "");
    kit_ok(&kit, 204, "DELETE", "/routing/queues/other", NULL);
    kit_pass(&kit, 10);
    fired(&kit, "j1", "move");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_ok(&kit, 200, "PATCH", "/routing/exceptionPolicies/e", "{\"name\":\"its rules are not looked at again\"}");
    kit_close(&kit);
}

static void a_policy_that_comes_or_changes_later_holds_for_jobs_that_wait(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    queued_job(&kit, "j1", "");
    kit_pass(&kit, 100);
    kit_ok(&kit, 201, "PATCH", "/routing/exceptionPolicies/e", POLICY(RULE("late", WAIT("200"), "")));
    kit_ok(&kit, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":\"e\"}");
    kit_pass(&kit, 99);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/exceptionPolicies/e", POLICY(RULE("late", WAIT("500"), "")));
    kit_pass(&kit, 300);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/exceptionPolicies/e",
           POLICY(RULE("late", WAIT("300"), "") "," RULE("long", LENGTH("1"), CANCEL)));
    kit_pass(&kit, 0);
    fired(&kit, "j1", "late"); /* its time was over already; a length is looked at on the way in only */
    kit_ok(&kit, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":null}");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void queues_that_hand_a_job_to_each_other_come_to_an_end(void **state) {
    (void)state;
    struct kit kit;
    open_with(&kit, POLICY(RULE("there", LENGTH("1"), "{\"kind\":\"manualReclassify\",\"queueId\":\"other\"}")));
    kit_ok(&kit, 201, "PATCH", "/routing/exceptionPolicies/back",
           POLICY(RULE("back", LENGTH("1"), "{\"kind\":\"manualReclassify\",\"queueId\":\"q\"}")));
    kit_job(&kit, "j1", "");
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/j2", "{\"queueId\":\"other\",\"channelId\":\"voice\"}");
    kit_ok(&kit, 200, "PATCH", "/routing/queues/other", "{\"exceptionPolicyId\":\"back\"}");
    kit_drop_events(&kit);
    kit_job(&kit, "j3", "");
    assert_string_equal(kit_status(&kit, "j3"), "queued");
    size_t count = 0;
    struct sim_event *event;
    while ((event = sim_core_take_event(kit.core)) != NULL) {
        count += strcmp(event->type, "RouterJobExceptionTriggered") == 0;
        sim_event_release(event);
    }
    assert_int_equal(count, 16);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j3:cancel", NULL);
    kit_close(&kit);
}

#define ESCALATE                                                                                                  \
    "{\"kind\":\"reclassify\",\"classificationPolicyId\":\"c\",\"labelsToUpsert\":{\"Escalated\":true}}"

/* With the policy "c": escalated jobs go first, and to the queue of their label Home. */
static void open_escalating(struct kit *kit, const char *rules) {
    kit_open_idle(kit);
    kit_ok(kit, 201, "PATCH", "/routing/queues/other", "{\"distributionPolicyId\":\"p\"}");
    kit_ok(kit, 201, "PATCH", "/routing/classificationPolicies/c",
           "{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"expression\","
           "\"expression\":\"If(job.Escalated = true, 10, 1)\"},\"queueSelectorAttachments\":[{\"kind\":"
           "\"conditional\",\"condition\":{\"kind\":\"expression\",\"expression\":\"job.Escalated = true\"},"
           "\"queueSelectors\":[{\"key\":\"Id\",\"labelOperator\":\"equal\",\"value\":\"other\"}]}]}");
    kit_ok(kit, 201, "PATCH", "/routing/exceptionPolicies/e", rules);
    kit_ok(kit, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":\"e\"}");
    kit_drop_events(kit);
}

/* queued -> pendingClassification -> queued elsewhere */
static void a_job_is_reclassified_with_more_labels(void **state) {
    (void)state;
    struct kit kit;
    open_escalating(&kit, POLICY(RULE("late", WAIT("10"), ESCALATE)));
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    queued_job(&kit, "j1", ",\"labels\":{\"Home\":\"q\"}");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "late");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterJobClassified");
    const struct json *data = kit_event(&kit, "RouterJobQueued");
    assert_string_equal(json_get_string(data, "queueId"), "other");
    assert_true(json_get_double(data, "priority", 0) == 10);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "GET", "/routing/jobs/j1", NULL);
    assert_true(json_get_bool(json_get(kit.json, "labels"), "Escalated", false));
    assert_string_equal(json_get_string(json_get(kit.json, "labels"), "Home"), "q");
    assert_string_equal(json_get_string(kit.json, "classificationPolicyId"), "c");
    kit_close(&kit);
}

/* queued -> pendingClassification -> queued in the same queue */
static void a_job_that_is_reclassified_in_its_queue_goes_on_waiting(void **state) {
    (void)state;
    struct kit kit;
    open_escalating(
        &kit,
        POLICY(RULE("long", LENGTH("1"), "{\"kind\":\"reclassify\",\"classificationPolicyId\":\"c\"}") "," RULE(
            "late", WAIT("10"), "")));
    queued_job(&kit, "j1", "");
    queued_job(&kit, "j2", "");
    fired(&kit, "j2", "long");
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit); /* the queue is as long as before, and the rule has fired */
    kit_pass(&kit, 9);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j2:reclassify", NULL);
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 1);
    fired(&kit, "j1", "late");
    fired(&kit, "j2", "late");
    kit_close(&kit);
}

/* It stays in its queue: reclassified by the rule itself, by hand, and queued again for other selectors. */
static void a_rule_that_has_fired_does_not_fire_again_in_that_queue(void **state) {
    (void)state;
    struct kit kit;
    open_escalating(
        &kit,
        POLICY(RULE("late", WAIT("10"), "{\"kind\":\"reclassify\",\"classificationPolicyId\":\"c\"}") "," RULE(
            "later", WAIT("30"), "")));
    queued_job(&kit, "j1", "");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "late");
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 10);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:reclassify", NULL);
    kit_event(&kit, "RouterJobClassified");
    kit_event(&kit, "RouterJobQueued");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"requestedWorkerSelectors\":[{\"key\":\"Skill\",\"labelOperator\":\"equal\",\"value\":\"any\"}]}");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 9.9);
    kit_quiet(&kit);
    kit_pass(&kit, 0.1);
    fired(&kit, "j1", "later");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_job_without_a_policy_and_one_whose_policy_is_gone_stay(void **state) {
    (void)state;
    struct kit kit;
    open_escalating(
        &kit, POLICY(RULE("own", WAIT("10"), "{\"kind\":\"reclassify\"}") "," RULE("late", WAIT("20"), ESCALATE)));
    queued_job(&kit, "j1", "");
    kit_ok(&kit, 204, "DELETE", "/routing/classificationPolicies/c", NULL);
    kit_pass(&kit, 10);
    fired(&kit, "j1", "own");
    kit_pass(&kit, 10);
    fired(&kit, "j1", "late");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_refused(&kit, 400, "InvalidReference", "\"c\"", "PATCH", "/routing/exceptionPolicies/new", NULL,
                POLICY(RULE("late", WAIT("20"), ESCALATE)));
    kit_close(&kit);
}

/* pendingSchedule -> scheduleFailed -> scheduled */
static void a_job_cannot_be_scheduled_for_after_its_life(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-12-24T18:00:00Z\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "pendingSchedule");
    kit_event(&kit, "RouterJobReceived");
    const struct json *data = kit_event(&kit, "RouterJobSchedulingFailed");
    assert_string_equal(json_get_string(data, "scheduledOn"), "2026-12-24T18:00:00.0000000Z");
    assert_non_null(strstr(json_get_string(data, "failureReason"), "90 days"));
    assert_string_equal(kit_status(&kit, "j1"), "scheduleFailed");
    assert_int_equal(kit_call(&kit, "GET", "/routing/jobs", "&status=scheduleFailed", NULL), 200);
    assert_int_equal(json_count(json_get(kit.json, "value")), 1);
    assert_true(sim_core_next(kit.core) > KIT_START + INT64_C(89) * 24 * 3600 * CLOCK_US_PER_S);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"" SOON "\"}}");
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_job_whose_schedule_failed_can_be_activated_or_cancelled(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    for (int i = 0; i < 2; i++) {
        kit_job(&kit, i == 0 ? "j1" : "j2",
                ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2027-01-01T00:00:00Z\"}");
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobSchedulingFailed");
    }
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_ok(&kit, 200, "POST", "/routing/jobs/j2:cancel", NULL);
    kit_event(&kit, "RouterJobCancelled");
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_kept_and_its_actions_get_ids),
        cmocka_unit_test(policies_are_checked),
        cmocka_unit_test(a_policy_in_use_is_not_deleted),
        cmocka_unit_test(a_job_that_makes_the_queue_too_long_is_cancelled_before_it_is_offered),
        cmocka_unit_test(a_queue_that_gets_shorter_takes_jobs_again),
        cmocka_unit_test(a_job_that_waits_too_long_is_cancelled_and_its_offer_revoked),
        cmocka_unit_test(a_rule_fires_once_while_the_job_waits_there),
        cmocka_unit_test(a_job_that_a_worker_has_does_not_wait),
        cmocka_unit_test(a_job_is_moved_to_another_queue_with_another_priority_and_other_selectors),
        cmocka_unit_test(a_job_that_stays_in_its_queue_goes_on_waiting),
        cmocka_unit_test(a_job_stays_when_the_queue_of_the_action_is_gone),
        cmocka_unit_test(a_policy_that_comes_or_changes_later_holds_for_jobs_that_wait),
        cmocka_unit_test(queues_that_hand_a_job_to_each_other_come_to_an_end),
        cmocka_unit_test(a_job_is_reclassified_with_more_labels),
        cmocka_unit_test(a_job_that_is_reclassified_in_its_queue_goes_on_waiting),
        cmocka_unit_test(a_rule_that_has_fired_does_not_fire_again_in_that_queue),
        cmocka_unit_test(a_job_without_a_policy_and_one_whose_policy_is_gone_stay),
        cmocka_unit_test(a_job_cannot_be_scheduled_for_after_its_life),
        cmocka_unit_test(a_job_whose_schedule_failed_can_be_activated_or_cancelled),
    };
    return cmocka_run_group_tests_name("sim exceptions", tests, NULL, NULL);
}
