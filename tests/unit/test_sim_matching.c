/* Who is offered what: order, capacity, channels, selectors, declines, expiry. */
#include "sim_kit.h"

#define ROUND "{\"kind\":\"roundRobin\"}"

static void take_offer(struct kit *kit, const char *worker, const char *job, char offer[64]) {
    const struct json *data = kit_event(kit, "RouterWorkerOfferIssued");
    assert_string_equal(json_get_string(data, "workerId"), worker);
    assert_string_equal(json_get_string(data, "jobId"), job);
    if (offer != NULL) {
        snprintf(offer, 64, "%s", json_get_string(data, "offerId"));
    }
}

static void finish(struct kit *kit, const char *job, const char *worker, const char *offer) {
    char assignment[64];
    assert_int_equal(kit_answer_offer(kit, worker, offer, "accept", NULL), 200);
    snprintf(assignment, sizeof assignment, "%s", json_get_string(kit->json, "assignmentId"));
    assert_int_equal(kit_assignment(kit, job, assignment, "complete", NULL), 200);
    assert_int_equal(kit_assignment(kit, job, assignment, "close", NULL), 200);
}

static void the_higher_priority_goes_first_then_the_older(void **state) {
    (void)state;
    static const char *const order[] = {"high", "new", "old", "young", "low"};
    struct kit kit;
    char offer[64];
    kit_open_idle(&kit);
    kit_job(&kit, "low", ",\"priority\":-5");
    kit_job(&kit, "old", "");
    kit_pass(&kit, 1);
    kit_job(&kit, "young", "");
    kit_job(&kit, "high", ",\"priority\":10");
    kit_job(&kit, "new", ",\"priority\":1");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/new", "{\"priority\":9}"); /* moves up */
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/old", "{\"priority\":9}"); /* older than new */
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/old", "{\"priority\":1}"); /* and back to its old place */
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    for (size_t i = 0; i < 5; i++) {
        take_offer(&kit, "w1", order[i], offer);
        kit_quiet(&kit);
        finish(&kit, order[i], "w1", offer);
        kit_event(&kit, "RouterWorkerOfferAccepted");
        kit_event(&kit, "RouterJobCompleted");
        kit_event(&kit, "RouterJobClosed");
    }
    kit_quiet(&kit);
    kit_close(&kit);
}

static void the_longest_idle_gets_the_offer(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "b", "");
    kit_pass(&kit, 1);
    kit_worker(&kit, "a", "");
    kit_drop_events(&kit);
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "b", "j1", offer); /* free for a second longer */
    kit_pass(&kit, 1);
    finish(&kit, "j1", "b", offer);
    kit_drop_events(&kit);
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "a", "j2", NULL);
    kit_close(&kit);
}

static void the_lower_load_goes_before_the_longer_idle(void **state) {
    (void)state;
    static const char two[] = "{\"queues\":[\"q\"],\"capacity\":%d,\"availableForOffers\":true,"
                              "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]}";
    struct kit kit;
    char body[256];
    kit_open_idle(&kit);
    snprintf(body, sizeof body, two, 4);
    kit_ok(&kit, 201, "PATCH", "/routing/workers/small", body);
    kit_pass(&kit, 1);
    snprintf(body, sizeof body, two, 100);
    kit_ok(&kit, 201, "PATCH", "/routing/workers/big", body);
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2", "");
    kit_job(&kit, "j3", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterWorkerRegistered");
    static const char *const wanted[] = {"small", "big", "big"};
    for (size_t i = 0; i < 3; i++) {
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferIssued"), "workerId"), wanted[i]);
    }
    kit_ok(&kit, 200, "GET", "/routing/workers/small", NULL);
    assert_true(json_get_double(kit.json, "loadRatio", 0) == 0.25);
    kit_close(&kit);
}

static void round_robin_goes_by_id(void **state) {
    (void)state;
    static const char *const order[] = {"a", "b", "c", "a", "b"};
    struct kit kit;
    char offer[64], job[16];
    kit_open(&kit, 1);
    kit_furnish(&kit, ROUND);
    kit_worker(&kit, "c", "");
    kit_worker(&kit, "a", "");
    kit_worker(&kit, "b", "");
    for (size_t i = 0; i < 5; i++) {
        kit_drop_events(&kit);
        snprintf(job, sizeof job, "j%zu", i);
        kit_job(&kit, job, "");
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        take_offer(&kit, order[i], job, offer);
        finish(&kit, job, order[i], offer);
    }
    kit_close(&kit);
}

static void capacity_and_channels_limit_offers(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/workers/w1",
           "{\"queues\":[\"q\"],\"capacity\":10,\"availableForOffers\":true,\"channels\":["
           "{\"channelId\":\"voice\",\"capacityCostPerJob\":4,\"maxNumberOfJobs\":1},"
           "{\"channelId\":\"chat\",\"capacityCostPerJob\":3}]}");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "v1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "v1", NULL);
    kit_job(&kit, "v2", ""); /* one voice job is the most */
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "/routing/jobs/c%d", i);
        kit_ok(&kit, 201, "PATCH", path, "{\"queueId\":\"q\",\"channelId\":\"chat\"}");
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        if (i < 2) {
            kit_event(&kit, "RouterWorkerOfferIssued"); /* 4 + 3 + 3 = 10 */
        }
        kit_quiet(&kit);
    }
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/mail", "{\"queueId\":\"q\",\"channelId\":\"mail\"}");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit); /* a channel that the worker does not serve */
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"capacity\":13}");
    kit_event(&kit, "RouterWorkerUpdated");
    take_offer(&kit, "w1", "c2", NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void selectors_are_met_by_labels(void **state) {
    (void)state;
    static const struct {
        const char *selector;
        bool is_met;
    } cases[] = {
        {"\"key\":\"lang\",\"labelOperator\":\"equal\",\"value\":\"de\"", true},
        {"\"key\":\"lang\",\"labelOperator\":\"equal\",\"value\":\"en\"", false},
        {"\"key\":\"lang\",\"labelOperator\":\"notEqual\",\"value\":\"en\"", true},
        {"\"key\":\"nothing\",\"labelOperator\":\"notEqual\",\"value\":1", true},
        {"\"key\":\"nothing\",\"labelOperator\":\"equal\",\"value\":1", false},
        {"\"key\":\"nothing\",\"labelOperator\":\"lessThan\",\"value\":1", false},
        {"\"key\":\"level\",\"labelOperator\":\"greaterThan\",\"value\":2", true},
        {"\"key\":\"level\",\"labelOperator\":\"greaterThan\",\"value\":3", false},
        {"\"key\":\"level\",\"labelOperator\":\"greaterThanOrEqual\",\"value\":3", true},
        {"\"key\":\"level\",\"labelOperator\":\"lessThan\",\"value\":3", false},
        {"\"key\":\"level\",\"labelOperator\":\"lessThan\",\"value\":3.5", true},
        {"\"key\":\"level\",\"labelOperator\":\"lessThanOrEqual\",\"value\":3", true},
        {"\"key\":\"level\",\"labelOperator\":\"equal\",\"value\":\"3\"", false},
        {"\"key\":\"vip\",\"labelOperator\":\"equal\",\"value\":true", true},
        {"\"key\":\"vip\",\"labelOperator\":\"greaterThan\",\"value\":false", false},
    };
    struct kit kit;
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", ",\"labels\":{\"lang\":\"de\",\"level\":3,\"vip\":true}");
    kit_drop_events(&kit);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char more[256];
        snprintf(more, sizeof more, ",\"requestedWorkerSelectors\":[{%s}]", cases[i].selector);
        kit_job(&kit, "j", more);
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        if (cases[i].is_met) {
            kit_event(&kit, "RouterWorkerOfferIssued");
        }
        kit_quiet(&kit);
        kit_ok(&kit, 204, "DELETE", "/routing/jobs/j", NULL);
        kit_drop_events(&kit);
    }
    kit_ok(&kit, 200, "PATCH", "/routing/distributionPolicies/p",
           "{\"mode\":{\"bypassSelectors\":true,\"kind\":\"longestIdle\"}}");
    kit_job(&kit, "j", ",\"requestedWorkerSelectors\":[{\"key\":\"x\",\"labelOperator\":\"equal\",\"value\":1}]");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_close(&kit);
}

static void a_label_that_changes_makes_a_match(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", ",\"requestedWorkerSelectors\":[{\"key\":\"a\",\"labelOperator\":\"equal\",\"value\":1}]");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"labels\":{\"a\":1}}");
    kit_event(&kit, "RouterWorkerUpdated");
    take_offer(&kit, "w1", "j1", NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"requestedWorkerSelectors\":[]}");
    kit_event(&kit, "RouterWorkerOfferRevoked"); /* what it asks for is another thing now */
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j1", NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_decline_holds_until_the_worker_registers_anew(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    kit_open_queued(&kit);
    take_offer(&kit, "w1", "j1", offer);
    assert_int_equal(kit_answer_offer(&kit, "w1", offer, "decline", NULL), 200);
    kit_event(&kit, "RouterWorkerOfferDeclined");
    kit_quiet(&kit);
    kit_job(&kit, "j2", ""); /* another job is offered */
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j2", NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":false}");
    assert_string_equal(json_get_string(kit.json, "state"), "draining");
    kit_event(&kit, "RouterWorkerDeregistered");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_quiet(&kit);
    kit_ok(&kit, 200, "GET", "/routing/workers/w1", NULL);
    assert_string_equal(json_get_string(kit.json, "state"), "inactive");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":true}");
    kit_event(&kit, "RouterWorkerRegistered");
    take_offer(&kit, "w1", "j1", NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void a_decline_may_say_when_to_try_again(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    kit_open_queued(&kit);
    take_offer(&kit, "w1", "j1", offer);
    assert_int_equal(kit_answer_offer(&kit, "w1", offer, "decline", "{\"retryOfferAt\":\"soon\"}"), 400);
    assert_int_equal(
        kit_answer_offer(&kit, "w1", offer, "decline", "{\"retryOfferAt\":\"2026-03-02T08:36:04.12Z\"}"), 200);
    kit_event(&kit, "RouterWorkerOfferDeclined");
    kit_pass(&kit, 59);
    kit_quiet(&kit);
    kit_pass(&kit, 1);
    take_offer(&kit, "w1", "j1", NULL);
    kit_close(&kit);
}

static void an_offer_that_is_not_answered_deregisters_the_worker(void **state) {
    (void)state;
    struct kit kit;
    char first[64], second[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", ",\"labels\":{}");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"capacity\":2}");
    kit_drop_events(&kit);
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j1", first);
    kit_pass(&kit, 10);
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j2", second);
    kit_pass(&kit, 100); /* 30 s after the first offer */
    const struct json *data = kit_event(&kit, "RouterWorkerOfferExpired");
    assert_string_equal(json_get_string(data, "offerId"), first);
    assert_string_equal(json_get_string(kit.event, "eventTime"), "2026-03-02T08:35:34.1200000Z");
    kit_event(&kit, "RouterWorkerDeregistered");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferRevoked"), "offerId"), second);
    kit_quiet(&kit);
    kit_ok(&kit, 200, "GET", "/routing/workers/w1", NULL);
    assert_string_equal(json_get_string(kit.json, "state"), "inactive");
    assert_false(json_get_bool(kit.json, "availableForOffers", true));
    assert_int_equal(json_count(json_get(kit.json, "offers")), 0);
    assert_int_equal(kit_answer_offer(&kit, "w1", first, "accept", NULL), 409);
    assert_string_equal(kit.answer.code, "OfferExpired");
    kit_close(&kit);
}

static void an_offer_is_taken_once(void **state) {
    (void)state;
    struct kit kit;
    char first[64], second[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, "{\"kind\":\"longestIdle\",\"maxConcurrentOffers\":2}");
    kit_worker(&kit, "w1", "");
    kit_worker(&kit, "w2", "");
    kit_worker(&kit, "w3", "");
    kit_drop_events(&kit);
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j1", first);
    take_offer(&kit, "w2", "j1", second);
    kit_quiet(&kit); /* two at a time */
    assert_int_equal(kit_answer_offer(&kit, "w2", first, "accept", NULL), 404);
    assert_int_equal(kit_answer_offer(&kit, "nobody", first, "accept", NULL), 404);
    assert_int_equal(kit_answer_offer(&kit, "w1", "nothing", "accept", NULL), 404);
    assert_int_equal(kit_answer_offer(&kit, "w1", first, "accept", "{}"), 200);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferRevoked"), "workerId"), "w2");
    kit_quiet(&kit);
    assert_int_equal(kit_answer_offer(&kit, "w2", second, "accept", NULL), 409);
    assert_string_equal(kit.answer.code, "OfferRevoked");
    assert_int_equal(kit_answer_offer(&kit, "w2", second, "decline", NULL), 409);
    assert_int_equal(kit_answer_offer(&kit, "w1", first, "accept", NULL), 409);
    assert_string_equal(kit.answer.code, "OfferAccepted");
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j1", NULL);
    assert_int_equal(kit_answer_offer(&kit, "w1", first, "accept", NULL), 404);
    kit_close(&kit);
}

static void a_deleted_worker_leaves_its_work_behind(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_queued(&kit);
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    kit_ok(&kit, 204, "DELETE", "/routing/workers/w1", NULL);
    kit_event(&kit, "RouterWorkerDeleted");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", NULL), 200);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterJobCompleted"), "workerId"), "w1");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", NULL), 200);
    kit_event(&kit, "RouterJobClosed");
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j2", NULL);
    kit_ok(&kit, 204, "DELETE", "/routing/workers/w1", NULL);
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterWorkerDeleted");
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j2", NULL);
    kit_close(&kit);
}

static void a_deleted_job_gives_its_worker_back(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_drop_events(&kit);
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j1", NULL);
    kit_event(&kit, "RouterJobDeleted");
    take_offer(&kit, "w1", "j2", NULL);
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j2", NULL);
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterJobDeleted");
    kit_close(&kit);
}

static void a_job_can_move_to_another_queue(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/queues/q2", "{\"distributionPolicyId\":\"p\"}");
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "w1", "j1", NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"queueId\":\"q2\"}");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterJobQueued"), "queueId"), "q2");
    kit_quiet(&kit);
    kit_ok(&kit, 204, "DELETE", "/routing/queues/q", NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"queues\":[\"q2\",\"q2\"]}");
    kit_event(&kit, "RouterWorkerUpdated");
    take_offer(&kit, "w1", "j1", NULL);
    kit_close(&kit);
}

/* Jobs that ask the same are passed by at once: that must not change who is next. */
static void what_jobs_ask_does_not_change_their_order(void **state) {
    (void)state;
    static const char *const asked[] = {"fr", "de", "fr", "de", "fr", "de", "it"};
    static const char *const labels[] = {"fr", "de", "de", "fr", "de", "it"};
    static const char *const order[] = {"j0", "j1", "j3", "j2", "j5", "j6"};
    struct kit kit;
    kit_open_idle(&kit);
    for (size_t i = 0; i < 7; i++) {
        char id[16], more[160];
        snprintf(id, sizeof id, "j%zu", i);
        snprintf(more, sizeof more,
                 ",\"requestedWorkerSelectors\":[{\"key\":\"l\",\"labelOperator\":\"equal\",\"value\":\"%s\"}]",
                 asked[i]);
        kit_job(&kit, id, more);
    }
    kit_drop_events(&kit);
    for (size_t i = 0; i < 6; i++) {
        char id[16], more[64];
        snprintf(id, sizeof id, "w%zu", i);
        snprintf(more, sizeof more, ",\"labels\":{\"l\":\"%s\"}", labels[i]);
        kit_worker(&kit, id, more);
        kit_event(&kit, "RouterWorkerRegistered");
        take_offer(&kit, id, order[i], NULL);
        kit_quiet(&kit);
    }
    /* One who fits several groups takes the oldest of all. */
    kit_ok(&kit, 200, "PATCH", "/routing/distributionPolicies/p",
           "{\"mode\":{\"kind\":\"longestIdle\",\"bypassSelectors\":true}}");
    kit_ok(&kit, 201, "PATCH", "/routing/workers/all",
           "{\"queues\":[\"q\"],\"capacity\":9,\"availableForOffers\":true,\"channels\":"
           "[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]}");
    kit_event(&kit, "RouterWorkerRegistered");
    take_offer(&kit, "all", "j4", NULL);
    kit_job(&kit, "j7", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    take_offer(&kit, "all", "j7", NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/all", "{\"capacity\":2}");
    kit_job(&kit, "older",
            ",\"requestedWorkerSelectors\":[{\"key\":\"z\",\"labelOperator\":\"equal\",\"value\":1}]");
    kit_job(&kit, "newer",
            ",\"requestedWorkerSelectors\":[{\"key\":\"a\",\"labelOperator\":\"equal\",\"value\":1}]");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/all", "{\"capacity\":3}");
    kit_event(&kit, "RouterWorkerUpdated");
    take_offer(&kit, "all", "older", NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_priority_goes_first_then_the_older),
        cmocka_unit_test(the_longest_idle_gets_the_offer),
        cmocka_unit_test(the_lower_load_goes_before_the_longer_idle),
        cmocka_unit_test(round_robin_goes_by_id),
        cmocka_unit_test(capacity_and_channels_limit_offers),
        cmocka_unit_test(selectors_are_met_by_labels),
        cmocka_unit_test(a_label_that_changes_makes_a_match),
        cmocka_unit_test(a_decline_holds_until_the_worker_registers_anew),
        cmocka_unit_test(a_decline_may_say_when_to_try_again),
        cmocka_unit_test(an_offer_that_is_not_answered_deregisters_the_worker),
        cmocka_unit_test(an_offer_is_taken_once),
        cmocka_unit_test(a_deleted_worker_leaves_its_work_behind),
        cmocka_unit_test(a_deleted_job_gives_its_worker_back),
        cmocka_unit_test(a_job_can_move_to_another_queue),
        cmocka_unit_test(what_jobs_ask_does_not_change_their_order),
    };
    return cmocka_run_group_tests_name("sim matching", tests, NULL, NULL);
}
