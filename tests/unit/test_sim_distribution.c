/* The distribution modes beyond the plain ones, positions and statistics, and what ends by age. */
#include "sim/state.h"
#include "sim_kit.h"
#include <math.h>

#define BEST  "{\"kind\":\"bestWorker\"}"
#define DAY_S (24.0 * 3600)

static void open_best(struct kit *kit, const char *more) {
    char mode[512];
    snprintf(mode, sizeof mode, "{\"kind\":\"bestWorker\"%s}", more);
    kit_open(kit, 1);
    kit_furnish(kit, mode);
}

static void expect_offer(struct kit *kit, const char *worker, const char *job) {
    const struct json *data = kit_event(kit, "RouterWorkerOfferIssued");
    assert_string_equal(json_get_string(data, "workerId"), worker);
    assert_string_equal(json_get_string(data, "jobId"), job);
}

static struct sim_worker *worker_of(struct kit *kit, const char *id) {
    return CONTAINER_OF(sim_find(&kit->core->workers, id), struct sim_worker, entry);
}

static struct sim_job *job_of(struct kit *kit, const char *id) {
    return CONTAINER_OF(sim_find(&kit->core->jobs, id), struct sim_job, entry);
}

static void expect_score(struct kit *kit, const char *job, const char *worker, double wanted) {
    double score = sim_score(kit->core, job_of(kit, job), worker_of(kit, worker));
    if (!(fabs(score - wanted) < 0.0005)) {
        print_error("%s and %s: %f instead of %f\n", job, worker, score, wanted);
    }
    assert_true(fabs(score - wanted) < 0.0005);
}

/* The documented examples: learn.microsoft.com, "Distribution modes", jobs 1 to 3 and workers A to I. */
static void the_default_score_is_the_documented_one(void **state) {
    (void)state;
    struct kit kit;
    open_best(&kit, "");
    kit_ok(&kit, 201, "PATCH", "/routing/queues/elsewhere", "{\"distributionPolicyId\":\"p\"}");
    kit_job(&kit, "1", ",\"labels\":{\"language\":\"english\",\"department\":\"sales\"}");
    kit_job(&kit, "2",
            ",\"requestedWorkerSelectors\":[{\"key\":\"department\",\"labelOperator\":\"equal\",\"value\":"
            "\"billing\"},"
            "{\"key\":\"segment\",\"labelOperator\":\"notEqual\",\"value\":\"vip\"}]");
    kit_job(
        &kit, "3",
        ",\"requestedWorkerSelectors\":[{\"key\":\"language\",\"labelOperator\":\"equal\",\"value\":\"french\"},"
        "{\"key\":\"sales\",\"labelOperator\":\"greaterThanOrEqual\",\"value\":10},"
        "{\"key\":\"cost\",\"labelOperator\":\"lessThanOrEqual\",\"value\":10}]");
    static const struct {
        const char *id, *labels, *job;
        double score;
    } workers[] = {
        {"A", "{\"language\":\"english\",\"department\":\"sales\"}", "1", 1},
        {"B", "{\"language\":\"english\"}", "1", 0.5},
        {"C", "{\"language\":\"english\",\"department\":\"support\"}", "1", 0.5},
        {"D", "{\"department\":\"billing\",\"segment\":\"vip\"}", "2", 0.5},
        {"E", "{\"department\":\"billing\"}", "2", 1},
        {"F", "{\"department\":\"sales\",\"segment\":\"new\"}", "2", 0.5},
        {"G", "{\"language\":\"french\",\"sales\":10,\"cost\":10}", "3", 0.667},
        {"H", "{\"language\":\"french\",\"sales\":15,\"cost\":10}", "3", 0.707},
        {"I", "{\"language\":\"french\",\"sales\":10,\"cost\":9}", "3", 0.675},
        {"odd", "{\"language\":\"french\",\"sales\":\"many\"}", "3", 1.0 / 3},
    };
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        char more[256];
        snprintf(more, sizeof more, ",\"labels\":%s,\"availableForOffers\":false", workers[i].labels);
        kit_worker(&kit, workers[i].id, more);
        expect_score(&kit, workers[i].job, workers[i].id, workers[i].score);
    }
    kit_close(&kit);
}

static void odd_selectors_score_within_0_and_1(void **state) {
    (void)state;
    struct kit kit;
    open_best(&kit, "");
    kit_job(&kit, "zero",
            ",\"requestedWorkerSelectors\":[{\"key\":\"n\",\"labelOperator\":\"greaterThan\",\"value\":0}]");
    kit_job(&kit, "mixed",
            ",\"labels\":{\"n\":1,\"a\":2},\"requestedWorkerSelectors\":["
            "{\"key\":\"n\",\"labelOperator\":\"equal\",\"value\":1,\"expiresAfterSeconds\":9},"
            "{\"key\":\"m\",\"labelOperator\":\"equal\",\"value\":1}]");
    kit_job(&kit, "plain", "");
    static const struct {
        const char *id, *labels;
        double score;
    } workers[] = {{"none", "{\"n\":0}", 0.5}, {"some", "{\"n\":1}", 1}, {"less", "{\"n\":-1}", 0}};
    for (size_t i = 0; i < 3; i++) {
        char more[256];
        snprintf(more, sizeof more, ",\"labels\":%s,\"availableForOffers\":false", workers[i].labels);
        kit_worker(&kit, workers[i].id, more);
        expect_score(&kit, "zero", workers[i].id, workers[i].score);
    }
    expect_score(&kit, "plain", "some", 0);
    expect_score(&kit, "mixed", "some", 0.5); /* the mean of 1/2 and 1/2 */
    kit_pass(&kit, 10);                       /* the selector that is met expires: of 1/2 and 0 */
    expect_score(&kit, "mixed", "some", 0.25);
    kit_close(&kit);
}

static void the_best_worker_gets_the_offer_then_the_longest_idle(void **state) {
    (void)state;
    struct kit kit;
    open_best(&kit, "");
    kit_worker(&kit, "late", ",\"labels\":{\"l\":\"de\"}");
    kit_pass(&kit, 1);
    kit_worker(&kit, "early", ",\"labels\":{\"l\":\"de\"}");
    kit_worker(&kit, "best", ",\"labels\":{\"l\":\"de\",\"gold\":true}");
    kit_drop_events(&kit);
    static const char *const order[] = {"best", "late", "early"};
    for (size_t i = 0; i < 3; i++) {
        char job[16];
        snprintf(job, sizeof job, "j%zu", i);
        kit_job(&kit, job, ",\"labels\":{\"l\":\"de\",\"gold\":true}");
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        expect_offer(&kit, order[i], job);
    }
    kit_close(&kit);
}

static void a_scoring_rule_says_who_is_best(void **state) {
    (void)state;
    static const char *const rules[] = {
        ",\"scoringRule\":{\"kind\":\"expression\",\"language\":\"powerFx\",\"expression\":"
        "\"If(worker.Skill > 5, 10, 1)\"}",
        ",\"scoringRule\":{\"kind\":\"expression\",\"language\":\"powerFx\",\"expression\":"
        "\"If(worker.Skill > 5, 10, 1)\"},\"scoringRuleOptions\":{\"descendingOrder\":false}",
        ",\"scoringRule\":{\"kind\":\"function\",\"functionUri\":\"https://example.com\"}",
    };
    static const char *const wanted[] = {"b", "c", "a"}; /* by a rule that cannot be run: the longest idle */
    for (size_t i = 0; i < 3; i++) {
        struct kit kit;
        open_best(&kit, rules[i]);
        kit_worker(&kit, "a", ",\"labels\":{\"Skill\":\"none\"}");
        kit_pass(&kit, 1);
        kit_worker(&kit, "b", ",\"labels\":{\"Skill\":9}");
        kit_worker(&kit, "c", ",\"labels\":{\"Skill\":2}");
        kit_drop_events(&kit);
        kit_job(&kit, "j1", "");
        kit_event(&kit, "RouterJobReceived");
        kit_event(&kit, "RouterJobQueued");
        expect_offer(&kit, wanted[i], "j1");
        kit_close(&kit);
    }
}

static void bypassing_offers_to_the_unfit_too(void **state) {
    (void)state;
    struct kit kit;
    open_best(&kit, ",\"bypassSelectors\":true");
    kit_worker(&kit, "unfit", ",\"labels\":{\"n\":4}");
    kit_pass(&kit, 1);
    kit_worker(&kit, "nearly", ",\"labels\":{\"n\":5}");
    kit_drop_events(&kit);
    kit_job(&kit, "j1",
            ",\"requestedWorkerSelectors\":[{\"key\":\"n\",\"labelOperator\":\"greaterThan\",\"value\":9}]");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    expect_offer(&kit, "nearly", "j1");
    kit_close(&kit);
}

/* What is the least goes to every job before any job gets more. */
static void each_job_gets_its_least_offers_first(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, "{\"kind\":\"roundRobin\",\"minConcurrentOffers\":1,\"maxConcurrentOffers\":3}");
    kit_refused(&kit, 400, "InvalidMember", "minConcurrentOffers", "PATCH", "/routing/distributionPolicies/bad",
                NULL, "{\"mode\":{\"kind\":\"roundRobin\",\"minConcurrentOffers\":4,\"maxConcurrentOffers\":3}}");
    kit_ok(&kit, 201, "PATCH", "/routing/queues/spare", "{\"distributionPolicyId\":\"p\"}");
    static const char *const ids[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        kit_worker(&kit, ids[i], "");
        snprintf(path, sizeof path, "/routing/workers/%s", ids[i]);
        kit_ok(&kit, 200, "PATCH", path, "{\"queues\":[\"spare\"]}");
    }
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2", "");
    kit_ok(&kit, 204, "DELETE", "/routing/queues/spare", NULL);
    kit_drop_events(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/queues/spare", "{\"distributionPolicyId\":\"p\"}");
    kit_quiet(&kit);
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "/routing/workers/%s", ids[i]);
        kit_ok(&kit, 200, "PATCH", path, "{\"queues\":[\"q\"]}");
        kit_event(&kit, "RouterWorkerUpdated");
        expect_offer(&kit, ids[i], i == 1 ? "j2" : "j1"); /* one each, then j1 up to three */
    }
    kit_quiet(&kit);
    kit_close(&kit);
}

static void position_counts_who_is_before(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_job(&kit, "j1", "");
    kit_job(&kit, "j2", "");
    kit_job(&kit, "top", ",\"priority\":9");
    static const char *const jobs[] = {"top", "j1", "j2"};
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "/routing/jobs/%s/position", jobs[i]);
        kit_ok(&kit, 200, "GET", path, NULL);
        assert_string_equal(json_get_string(kit.json, "jobId"), jobs[i]);
        assert_string_equal(json_get_string(kit.json, "queueId"), "q");
        assert_true(json_get_double(kit.json, "position", 0) == (double)i + 1);
        assert_true(json_get_double(kit.json, "queueLength", 0) == 3);
        /* Nothing was accepted yet: 30 s for each, rounded up to minutes. */
        assert_true(json_get_double(kit.json, "estimatedWaitTimeMinutes", 0) == ceil(((double)i + 1) / 2));
    }
    kit_pass(&kit, 240);
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_accept(&kit, "w1", assignment); /* after four minutes: the pace from now on */
    kit_refused(&kit, 409, "InvalidJobState", "assigned", "GET", "/routing/jobs/top/position", NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "nobody", "GET", "/routing/jobs/nobody/position", NULL, NULL);
    kit_ok(&kit, 200, "GET", "/routing/jobs/j2/position", NULL);
    assert_true(json_get_double(kit.json, "position", 0) == 2);
    assert_true(json_get_double(kit.json, "estimatedWaitTimeMinutes", 0) == 8);
    kit_close(&kit);
}

static void statistics_go_by_priority(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 200, "GET", "/routing/queues/q/statistics", NULL);
    assert_string_equal(json_get_string(kit.json, "queueId"), "q");
    assert_true(json_get_double(kit.json, "length", -1) == 0);
    assert_int_equal(json_count(json_get(kit.json, "estimatedWaitTimeMinutes")), 0);
    assert_true(json_get_double(kit.json, "longestJobWaitTimeMinutes", -1) == 0);
    kit_job(&kit, "j1", "");
    kit_pass(&kit, 60);
    kit_job(&kit, "j2", "");
    kit_job(&kit, "j3", ",\"priority\":-7");
    kit_job(
        &kit, "j4",
        ",\"priority\":-7,\"requestedWorkerSelectors\":[{\"key\":\"k\",\"labelOperator\":\"equal\",\"value\":1,"
        "\"expedite\":true}]");
    kit_pass(&kit, 30);
    kit_ok(&kit, 200, "GET", "/routing/queues/q/statistics", NULL);
    assert_true(json_get_double(kit.json, "length", -1) == 4);
    assert_true(json_get_double(kit.json, "longestJobWaitTimeMinutes", -1) == 1.5);
    const struct json *minutes = json_get(kit.json, "estimatedWaitTimeMinutes");
    assert_int_equal(json_count(minutes), 2);
    assert_true(json_get_double(minutes, "1", 0) == 2);  /* the fourth: after j4, j1, j2 */
    assert_true(json_get_double(minutes, "-7", 0) == 3); /* the fifth */
    kit_refused(&kit, 404, "NotFound", "nowhere", "GET", "/routing/queues/nowhere/statistics", NULL, NULL);
    kit_close(&kit);
}

/* active -> inactive: a registered worker without work for 7 days. */
static void an_idle_worker_is_deregistered_after_a_week(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_worker(&kit, "idle", "");
    kit_drop_events(&kit);
    kit_pass(&kit, 3 * DAY_S);
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "idle", assignment);
    kit_drop_events(&kit);
    kit_pass(&kit, 4 * DAY_S - 1);
    kit_quiet(&kit);
    kit_pass(&kit, 1);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerDeregistered"), "workerId"), "w1");
    kit_quiet(&kit);
    kit_pass(&kit, 13 * DAY_S); /* still with the job */
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", NULL), 200);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", NULL), 200);
    kit_drop_events(&kit);
    kit_pass(&kit, 7 * DAY_S - 1);
    kit_quiet(&kit);
    kit_pass(&kit, 1);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterWorkerDeregistered"), "workerId"), "idle");
    kit_pass(&kit, 30 * DAY_S);
    kit_quiet(&kit);
    kit_close(&kit);
}

/* any -> gone: 90 days after it was made. */
static void a_job_is_dropped_after_90_days(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64];
    kit_open_idle(&kit);
    kit_worker(&kit, "w1", "");
    kit_job(&kit, "j1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_pass(&kit, 10 * DAY_S);
    kit_job(&kit, "j2", "");
    kit_drop_events(&kit);
    kit_pass(&kit, 80 * DAY_S - 1);
    kit_quiet(&kit);
    kit_pass(&kit, 1);
    assert_string_equal(json_get_string(kit_event(&kit, "RouterJobDeleted"), "jobId"), "j1");
    expect_offer(&kit, "w1", "j2"); /* the worker has room again */
    kit_ok(&kit, 404, "GET", "/routing/jobs/j1", NULL);
    kit_pass(&kit, 30);
    kit_event(&kit, "RouterWorkerOfferExpired");
    kit_event(&kit, "RouterWorkerDeregistered");
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j2", NULL);
    kit_event(&kit, "RouterJobDeleted");
    kit_pass(&kit, 100 * DAY_S);
    kit_quiet(&kit);
    assert_true(sim_core_next(kit.core) == SIM_NEVER);
    kit_close(&kit);
}

/* Of two jobs that lose their offers at once, the one of the higher priority is offered first. */
static void revoked_jobs_are_offered_in_their_order(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", "/routing/workers/big",
           "{\"queues\":[\"q\"],\"capacity\":2,\"availableForOffers\":true,\"channels\":"
           "[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]}");
    kit_job(&kit, "low", "");
    kit_job(&kit, "high", ",\"priority\":5");
    kit_worker(&kit, "w1", "");
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/big", "{\"availableForOffers\":false}");
    kit_event(&kit, "RouterWorkerDeregistered");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    kit_event(&kit, "RouterWorkerOfferRevoked");
    expect_offer(&kit, "w1", "high");
    kit_quiet(&kit);
    kit_close(&kit);
}

static int offers_of(struct kit *kit, const char *path) {
    kit_ok(kit, 200, "GET", path, NULL);
    return (int)json_count(json_get(kit->json, "offers"));
}

static void a_queue_or_channel_named_twice_counts_once(void **state) {
    (void)state;
    struct kit kit;
    kit_open(&kit, 1);
    kit_furnish(&kit, "{\"kind\":\"roundRobin\",\"maxConcurrentOffers\":3}");
    kit_ok(&kit, 201, "PATCH", "/routing/workers/w1",
           "{\"queues\":[\"q\",\"q\"],\"capacity\":9,\"availableForOffers\":true,\"channels\":["
           "{\"channelId\":\"voice\",\"capacityCostPerJob\":1,\"maxNumberOfJobs\":2},"
           "{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]}");
    kit_job(&kit, "j1", "");
    assert_int_equal(offers_of(&kit, "/routing/workers/w1"), 1);
    kit_job(&kit, "j2", "");
    kit_job(&kit, "j3", "");
    assert_int_equal(offers_of(&kit, "/routing/workers/w1"), 2);
    kit_ok(&kit, 204, "DELETE", "/routing/workers/w1", NULL);
    kit_close(&kit);
}

static void who_leaves_a_queue_keeps_the_open_offer_and_gets_no_other(void **state) {
    (void)state;
    struct kit kit;
    kit_open_queued(&kit);
    kit_drop_events(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"queues\":[],\"labels\":{\"a\":1},\"capacity\":5}");
    kit_event(&kit, "RouterWorkerUpdated");
    kit_quiet(&kit);
    kit_job(&kit, "j2", "");
    assert_int_equal(offers_of(&kit, "/routing/workers/w1"), 1);
    kit_close(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_score_is_the_documented_one),
        cmocka_unit_test(odd_selectors_score_within_0_and_1),
        cmocka_unit_test(the_best_worker_gets_the_offer_then_the_longest_idle),
        cmocka_unit_test(a_scoring_rule_says_who_is_best),
        cmocka_unit_test(bypassing_offers_to_the_unfit_too),
        cmocka_unit_test(each_job_gets_its_least_offers_first),
        cmocka_unit_test(position_counts_who_is_before),
        cmocka_unit_test(statistics_go_by_priority),
        cmocka_unit_test(an_idle_worker_is_deregistered_after_a_week),
        cmocka_unit_test(a_job_is_dropped_after_90_days),
        cmocka_unit_test(revoked_jobs_are_offered_in_their_order),
        cmocka_unit_test(a_queue_or_channel_named_twice_counts_once),
        cmocka_unit_test(who_leaves_a_queue_keeps_the_open_offer_and_gets_no_other),
    };
    return cmocka_run_group_tests_name("sim distribution", tests, NULL, NULL);
}
