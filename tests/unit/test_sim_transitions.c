/* What happens to a job in hands and to a worker, one test for each step, named: from, cause, to. The steps of
 * classification, exceptions and selectors have files of their own. */
#include "sim_kit.h"

#define SCHEDULED(at) ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"" at "\"}"

static void queued_job(struct kit *kit, char offer[64]) {
    kit_open_queued(kit);
    const struct json *data = kit_event(kit, "RouterWorkerOfferIssued");
    snprintf(offer, 64, "%s", json_get_string(data, "offerId"));
    assert_string_equal(kit_status(kit, "j1"), "queued");
}

static void assigned_job(struct kit *kit, char assignment[64]) {
    kit_open_queued(kit);
    kit_accept(kit, "w1", assignment);
    kit_event(kit, "RouterWorkerOfferAccepted");
    assert_string_equal(kit_status(kit, "j1"), "assigned");
}

static void completed_job(struct kit *kit, char assignment[64]) {
    assigned_job(kit, assignment);
    assert_int_equal(kit_assignment(kit, "j1", assignment, "complete", NULL), 200);
    kit_event(kit, "RouterJobCompleted");
    assert_string_equal(kit_status(kit, "j1"), "completed");
}

static void closed_job(struct kit *kit, char assignment[64]) {
    completed_job(kit, assignment);
    assert_int_equal(kit_assignment(kit, "j1", assignment, "close", NULL), 200);
    kit_event(kit, "RouterJobClosed");
    assert_string_equal(kit_status(kit, "j1"), "closed");
}

static double load_of(struct kit *kit, const char *path) {
    kit_ok(kit, 200, "GET", path, NULL);
    return json_get_double(kit->json, "loadRatio", -1);
}

static void none_created_queued(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", "");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterJobReceived"), "jobStatus"), "Queued");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_close(&kit);
}

static void none_created_scheduled_waiting_activated_queued(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T08:36:00Z\"}");
    assert_string_equal(json_get_string(kit.json, "status"), "pendingSchedule");
    assert_non_null(json_get_string(kit_event(&kit, "RouterJobReceived"), "scheduledOn"));
    assert_string_equal(kit_status(&kit, "j1"), "scheduled");
    kit_pass(&kit, 60);
    kit_event(&kit, "RouterJobWaitingForActivation");
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_close(&kit);
}

static void none_created_suspended_waiting(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1", ",\"matchingMode\":{\"kind\":\"suspend\"}");
    const struct json *data = kit_event(&kit, "RouterJobReceived");
    assert_string_equal(json_get_string(data, "jobStatus"), "WaitingForActivation");
    assert_true(json_get_bool(data, "unavailableForMatching", false));
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobQueued");
    kit_quiet(&kit);
    kit_close(&kit);
}

static void queued_suspended_waiting(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"suspend\"}}");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_close(&kit);
}

static void queued_match_found_queued(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    kit_quiet(&kit);
    assert_true(load_of(&kit, "/routing/workers/w1") == 1); /* an open offer takes capacity */
    kit_close(&kit);
}

static void queued_offer_accepted_assigned(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, "{\"kind\":\"longestIdle\",\"maxConcurrentOffers\":2}");
    kit_worker(&kit, "w1", "");
    kit_worker(&kit, "w2", "");
    kit_drop_events(&kit);
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_event(&kit, "RouterWorkerOfferAccepted");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferRevoked"), "workerId"), "w2");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "assigned");
    assert_true(load_of(&kit, "/routing/workers/w1") == 1);
    assert_true(load_of(&kit, "/routing/workers/w2") == 0);
    kit_close(&kit);
}

static void queued_offer_declined_queued(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    assert_int_equal(kit_answer_offer(&kit, "w1", offer, "decline", NULL), 200);
    kit_event(&kit, "RouterWorkerOfferDeclined");
    kit_quiet(&kit); /* not to that worker again */
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    assert_true(load_of(&kit, "/routing/workers/w1") == 0);
    kit_close(&kit);
}

static void queued_offer_declined_until_queued(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    assert_int_equal(kit_answer_offer(&kit, "w1", offer, "decline", "{\"retryOfferAt\":\"2026-03-02T08:36:00Z\"}"),
                     200);
    kit_event(&kit, "RouterWorkerOfferDeclined");
    kit_quiet(&kit);
    kit_pass(&kit, 60);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferIssued"), "workerId"), "w1");
    kit_close(&kit);
}

static void queued_offer_expired_queued(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    kit_pass(&kit, 30);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerOfferExpired"), "offerId"), offer);
    kit_event(&kit, "RouterWorkerDeregistered");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_close(&kit);
}

static void assigned_complete_completed(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    completed_job(&kit, assignment);
    assert_true(load_of(&kit, "/routing/workers/w1") == 1); /* still held */
    kit_close(&kit);
}

static void completed_close_closed(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    completed_job(&kit, assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", NULL), 200);
    kit_event(&kit, "RouterJobClosed");
    assert_string_equal(kit_status(&kit, "j1"), "closed");
    assert_true(load_of(&kit, "/routing/workers/w1") == 0);
    kit_close(&kit);
}

static void completed_close_at_closed(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    completed_job(&kit, assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", "{\"closeAt\":\"2026-03-02T08:36:00Z\"}"),
                     200);
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "completed");
    assert_true(load_of(&kit, "/routing/workers/w1") == 1);
    kit_pass(&kit, 60);
    kit_event(&kit, "RouterJobClosed");
    assert_string_equal(kit_status(&kit, "j1"), "closed");
    assert_true(load_of(&kit, "/routing/workers/w1") == 0);
    kit_close(&kit);
}

static void assigned_unassign_queued(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    assigned_job(&kit, assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 200);
    kit_event(&kit, "RouterJobUnassigned");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    assert_string_equal(kit_status(&kit, "j1"), "queued");
    kit_close(&kit);
}

static void assigned_unassign_suspended_waiting(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    assigned_job(&kit, assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", "{\"suspendMatching\":true}"), 200);
    kit_event(&kit, "RouterJobUnassigned");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "waitingForActivation");
    kit_close(&kit);
}

static void queued_cancel_cancelled(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    queued_job(&kit, offer);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j1:cancel", NULL);
    kit_event(&kit, "RouterWorkerOfferRevoked");
    assert_string_equal(json_get_string(kit_event(&kit, "RouterJobCancelled"), "dispositionCode"), "Cancelled");
    kit_quiet(&kit);
    assert_string_equal(kit_status(&kit, "j1"), "cancelled");
    kit_close(&kit);
}

static void any_delete_gone(void **state) {
    (void)state;
    struct kit kit;
    char id[64];
    static void (*const states[])(struct kit * kit, char id[64]) = {queued_job, assigned_job, completed_job,
                                                                    closed_job};
    for (size_t i = 0; i < 4; i++) {
        states[i](&kit, id);
        kit_ok(&kit, 204, "DELETE", "/routing/jobs/j1", NULL);
        if (i == 0) {
            kit_event(&kit, "RouterWorkerOfferRevoked");
        }
        kit_event(&kit, "RouterJobDeleted");
        kit_quiet(&kit);
        kit_ok(&kit, 404, "GET", "/routing/jobs/j1", NULL);
        assert_true(load_of(&kit, "/routing/workers/w1") == 0);
        kit_close(&kit);
    }
}

static void asleep_failed_or_over_delete_gone(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/classificationPolicies/nowhere", "{}");
    kit_job(&kit, "scheduled", SCHEDULED("2026-03-02T08:36:00Z"));
    kit_job(&kit, "scheduleFailed", SCHEDULED("2036-03-02T08:36:00Z"));
    kit_job(&kit, "waitingForActivation", ",\"matchingMode\":{\"kind\":\"suspend\"}");
    kit_job(&kit, "cancelled", "");
    kit_ok(&kit, 200, "POST", "/routing/jobs/cancelled:cancel", NULL);
    kit_ok(&kit, 201, "PATCH", "/routing/jobs/classificationFailed",
           "{\"channelId\":\"voice\",\"classificationPolicyId\":\"nowhere\"}");
    static const char *const jobs[] = {"scheduled", "scheduleFailed", "waitingForActivation", "cancelled",
                                       "classificationFailed"};
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/routing/jobs/%s", jobs[i]);
        assert_string_equal(kit_status(&kit, jobs[i]), jobs[i]);
        kit_drop_events(&kit);
        kit_ok(&kit, 204, "DELETE", path, NULL);
        kit_event(&kit, "RouterJobDeleted");
        kit_quiet(&kit);
        kit_ok(&kit, 404, "GET", path, NULL);
    }
    kit_pass(&kit, 3600);
    kit_quiet(&kit);
    kit_close(&kit);
}

static void worker_registered_updated_deregistered_deleted(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"tags\":{\"t\":1}}");
    kit_event(&kit, "RouterWorkerUpdated");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":false}");
    kit_event(&kit, "RouterWorkerDeregistered");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_ok(&kit, 204, "DELETE", "/routing/workers/w1", NULL);
    kit_event(&kit, "RouterWorkerDeleted");
    kit_quiet(&kit);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_created_queued),
        cmocka_unit_test(none_created_scheduled_waiting_activated_queued),
        cmocka_unit_test(none_created_suspended_waiting),
        cmocka_unit_test(queued_suspended_waiting),
        cmocka_unit_test(queued_match_found_queued),
        cmocka_unit_test(queued_offer_accepted_assigned),
        cmocka_unit_test(queued_offer_declined_queued),
        cmocka_unit_test(queued_offer_declined_until_queued),
        cmocka_unit_test(queued_offer_expired_queued),
        cmocka_unit_test(assigned_complete_completed),
        cmocka_unit_test(completed_close_closed),
        cmocka_unit_test(completed_close_at_closed),
        cmocka_unit_test(assigned_unassign_queued),
        cmocka_unit_test(assigned_unassign_suspended_waiting),
        cmocka_unit_test(queued_cancel_cancelled),
        cmocka_unit_test(any_delete_gone),
        cmocka_unit_test(asleep_failed_or_over_delete_gone),
        cmocka_unit_test(worker_registered_updated_deregistered_deleted),
    };
    return cmocka_run_group_tests_name("sim transitions", tests, NULL, NULL);
}
