/* Worker selectors that expire or expedite, and the order in which jobs wait. */
#include "sim_kit.h"

#define FRENCH "{\"key\":\"language\",\"labelOperator\":\"equal\",\"value\":\"fr\""

static void expect_offer(struct kit *kit, const char *worker, const char *job) {
    const struct json *data = kit_event(kit, "RouterWorkerOfferIssued");
    assert_string_equal(json_get_string(data, "workerId"), worker);
    assert_string_equal(json_get_string(data, "jobId"), job);
}

static const struct json *requested(struct kit *kit, const char *job, size_t index) {
    assert_non_null(kit_status(kit, job));
    return json_at(json_get(kit->json, "requestedWorkerSelectors"), index);
}

/* queued -> queued, "selector lifetime over": RouterJobWorkerSelectorsExpired, and the job is tried again. */
static void queued_selector_lifetime_over_queued(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "j1",
            ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":90.5},"
            "{\"key\":\"vip\",\"labelOperator\":\"notEqual\",\"value\":1},"
            "{\"key\":\"skill\",\"labelOperator\":\"greaterThan\",\"value\":3,\"expiresAfterSeconds\":200}]");
    kit_event(&kit, "RouterJobReceived");
    const struct json *data = kit_event(&kit, "RouterJobQueued");
    const struct json *selector = json_at(json_get(data, "requestedWorkerSelectors"), 0);
    assert_true(json_get_double(selector, "ttlSeconds", 0) == 90.5);
    assert_string_equal(json_get_string(selector, "state"), "active");
    assert_string_equal(json_get_string(selector, "expirationTime"), "2026-03-02T08:36:34.6200000Z");
    assert_string_equal(json_get_string(requested(&kit, "j1", 0), "status"), "active");
    assert_string_equal(json_get_string(requested(&kit, "j1", 0), "expiresAt"), "2026-03-02T08:36:34.6200000Z");
    assert_null(json_get(requested(&kit, "j1", 1), "expiresAt"));
    kit_pass(&kit, 90);
    kit_quiet(&kit);
    kit_pass(&kit, 0.5);
    data = kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    assert_string_equal(json_get_string(kit.event, "subject"), "job/j1/channel/voice/queue/q");
    assert_string_equal(json_get_string(data, "queueId"), "q");
    assert_int_equal(json_count(json_get(data, "expiredAttachedWorkerSelectors")), 0);
    assert_int_equal(json_count(json_get(data, "expiredRequestedWorkerSelectors")), 1);
    selector = json_at(json_get(data, "expiredRequestedWorkerSelectors"), 0);
    assert_string_equal(json_get_string(selector, "key"), "language");
    assert_string_equal(json_get_string(selector, "state"), "expired");
    assert_string_equal(json_get_string(selector, "expirationTime"), "2026-03-02T08:36:34.6200000Z");
    kit_quiet(&kit);
    assert_string_equal(json_get_string(requested(&kit, "j1", 0), "status"), "expired");
    assert_string_equal(json_get_string(requested(&kit, "j1", 2), "status"), "active");
    kit_pass(&kit, 200);
    data = kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    assert_string_equal(json_get_string(json_at(json_get(data, "expiredRequestedWorkerSelectors"), 0), "key"),
                        "skill");
    expect_offer(&kit, "w1", "j1");
    kit_close(&kit);
}

static void lives_begin_in_the_queue_and_end_there(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", ",\"labels\":{\"language\":\"fr\"}");
    kit_job(&kit, "j1",
            ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}],"
            "\"matchingMode\":{\"kind\":\"suspend\"}");
    kit_drop_events(&kit);
    kit_pass(&kit, 100);
    assert_null(json_get(requested(&kit, "j1", 0), "expiresAt"));
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_pass(&kit, 100); /* a worker has it */
    kit_quiet(&kit);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 200);
    kit_event(&kit, "RouterJobUnassigned");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    expect_offer(&kit, "w1", "j1");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void other_selectors_have_other_lives(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]");
    kit_drop_events(&kit);
    kit_pass(&kit, 30);
    /* The same again changes nothing. */
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"priority\":2,\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]}");
    assert_string_equal(json_get_string(requested(&kit, "j1", 0), "expiresAt"), "2026-03-02T08:36:04.1200000Z");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":61}]}");
    assert_string_equal(json_get_string(requested(&kit, "j1", 0), "expiresAt"), "2026-03-02T08:36:35.1200000Z");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"requestedWorkerSelectors\":null}");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterJobQueued");
    kit_pass(&kit, 1000);
    kit_quiet(&kit);
    kit_job(&kit, "at-once", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":0}]");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    kit_job(&kit, "never", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":1e300}]");
    assert_null(json_get(requested(&kit, "never", 0), "expiresAt"));
    kit_close(&kit);
}

static void a_job_that_is_over_has_no_selectors_to_expire(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]");
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:cancel", NULL);
    kit_job(&kit, "j2", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]");
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j2", NULL);
    kit_drop_events(&kit);
    kit_pass(&kit, 100);
    kit_quiet(&kit);
    kit_close(&kit);
}

/* In front of every priority while it is active, in its own place afterwards. */
static void expedite_goes_to_the_front_while_it_is_active(void **state) {
    (void)state;
    static const char patch[] = "{\"availableForOffers\":true}";
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_job(&kit, "high", ",\"priority\":100");
    kit_job(&kit, "low",
            ",\"priority\":-1,\"requestedWorkerSelectors\":[{\"key\":\"x\",\"labelOperator\":\"notEqual\","
            "\"value\":1,\"expedite\":true,\"expiresAfterSeconds\":60}]");
    kit_job(&kit, "lower",
            ",\"priority\":-2,\"requestedWorkerSelectors\":[{\"key\":\"x\",\"labelOperator\":\"notEqual\","
            "\"value\":1,\"expedite\":true}]");
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    expect_offer(&kit, "w1", "low");
    kit_pass(&kit, 30);
    kit_drop_events(&kit);
    kit_pass(&kit, 30);
    kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    kit_quiet(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", patch);
    kit_event(&kit, "RouterWorkerRegistered");
    kit_accept(&kit, "w1", assignment);
    assert_string_equal(json_get_string(json_get(kit.event, "data"), "jobId"), "lower");
    kit_event(&kit, "RouterWorkerOfferAccepted");
    assert_int_equal(kit_assignment(&kit, "lower", assignment, "complete", NULL), 200);
    assert_int_equal(kit_assignment(&kit, "lower", assignment, "close", NULL), 200);
    kit_event(&kit, "RouterJobCompleted");
    kit_event(&kit, "RouterJobClosed");
    expect_offer(&kit, "w1", "high");
    kit_close(&kit);
}

/* Two jobs ask the same in the same words, but the one behind does not any more. */
static void an_expired_selector_asks_less_than_a_living_one(void **state) {
    (void)state;
    static const char asking[] = "{\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]}";
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "first", "");
    kit_job(&kit, "second", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]");
    kit_pass(&kit, 30);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/first", asking);
    kit_pass(&kit, 30);
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    expect_offer(&kit, "w1", "second");
    kit_close(&kit);
}

/* The same for what a classification policy attached. */
static void attached_selectors_expire_too(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_ok(&kit, 201, "PATCH", "/routing/classificationPolicies/c",
           "{\"workerSelectorAttachments\":["
           "{\"kind\":\"static\",\"workerSelector\":{\"key\":\"a\",\"labelOperator\":\"equal\",\"value\":1,"
           "\"expiresAfterSeconds\":60}},"
           "{\"kind\":\"passThrough\",\"key\":\"Level\",\"labelOperator\":\"greaterThan\","
           "\"expiresAfterSeconds\":90}]}");
    kit_job(&kit, "j1",
            ",\"classificationPolicyId\":\"c\",\"labels\":{\"Level\":3},\"requestedWorkerSelectors\":[" FRENCH
            ",\"expiresAfterSeconds\":60}]");
    kit_drop_events(&kit);
    kit_pass(&kit, 60);
    const struct json *data = kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    assert_int_equal(json_count(json_get(data, "expiredRequestedWorkerSelectors")), 1);
    const struct json *attached = json_get(data, "expiredAttachedWorkerSelectors");
    assert_int_equal(json_count(attached), 1);
    assert_string_equal(json_get_string(json_at(attached, 0), "key"), "a");
    assert_non_null(kit_status(&kit, "j1"));
    attached = json_get(kit.json, "attachedWorkerSelectors");
    assert_string_equal(json_get_string(json_at(attached, 0), "status"), "expired");
    assert_string_equal(json_get_string(json_at(attached, 1), "status"), "active");
    kit_pass(&kit, 30);
    data = kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    attached = json_get(data, "expiredAttachedWorkerSelectors");
    assert_string_equal(json_get_string(json_at(attached, 0), "key"), "Level");
    assert_true(json_get_double(json_at(attached, 0), "value", 0) == 3);
    assert_int_equal(json_count(json_get(data, "expiredRequestedWorkerSelectors")), 0);
    expect_offer(&kit, "w1", "j1");
    /* Classified again with the same selectors: what is over is over. */
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:reclassify", "{}");
    kit_drop_events(&kit);
    kit_pass(&kit, 10);
    kit_quiet(&kit);
    kit_close(&kit);
}

/* Suspended with a selector whose time passes, then activated: it is told then. */
static void scheduled_jobs_tell_what_expired(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", ",\"requestedWorkerSelectors\":[" FRENCH ",\"expiresAfterSeconds\":60}]");
    kit_drop_events(&kit);
    kit_pass(&kit, 60);
    kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T09:00:00Z\"}}");
    kit_pass(&kit, 3600);
    const struct json *data = kit_event(&kit, "RouterJobWaitingForActivation");
    const struct json *selector = json_at(json_get(data, "expiredRequestedWorkerSelectors"), 0);
    assert_string_equal(json_get_string(selector, "state"), "expired");
    assert_int_equal(json_count(json_get(data, "expiredAttachedWorkerSelectors")), 0);
    kit_quiet(&kit);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queued_selector_lifetime_over_queued),
        cmocka_unit_test(lives_begin_in_the_queue_and_end_there),
        cmocka_unit_test(other_selectors_have_other_lives),
        cmocka_unit_test(a_job_that_is_over_has_no_selectors_to_expire),
        cmocka_unit_test(an_expired_selector_asks_less_than_a_living_one),
        cmocka_unit_test(attached_selectors_expire_too),
        cmocka_unit_test(scheduled_jobs_tell_what_expired),
        cmocka_unit_test(expedite_goes_to_the_front_while_it_is_active),
    };
    return cmocka_run_group_tests_name("sim selectors", tests, NULL, NULL);
}
