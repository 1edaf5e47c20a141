/* The local Job Router's core: the states of a job and what leads from one to the next. */
#include "sim_kit.h"

static void a_scheduled_job_goes_the_whole_way(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
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
    assert_true(sim_core_next(kit.core) > kit.now_us + INT64_C(86400000000)); /* only ages */

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

static void activation_again_changes_nothing(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
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
    kit_open_queued(&kit);
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
    kit_open_idle(&kit);
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
    kit_open_queued(&kit);
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
    kit_open_idle(&kit);
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
    kit_open_idle(&kit);
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
    kit_open_queued(&kit);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scheduled_job_goes_the_whole_way),
        cmocka_unit_test(activation_again_changes_nothing),
        cmocka_unit_test(a_job_changes_its_mode),
        cmocka_unit_test(a_schedule_in_the_past_is_due_at_once),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(completing_and_closing_want_their_states),
        cmocka_unit_test(unassigning_has_a_limit),
        cmocka_unit_test(unassigned_with_matching_suspended_waits_for_activation),
    };
    return cmocka_run_group_tests_name("sim core", tests, NULL, NULL);
}
