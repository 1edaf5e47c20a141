/* The local Job Router's core with every allocation failing once, cJSON's too: the calls before it are as ever,
 * the one that it hits answers 500, and nothing is left over or touched after its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "fault/alloc.h"
#include "sim/core.h"
#include "json/tree.h"
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct life {
    struct sim_core *core;
    struct sim_answer answer;
    bool has_failed;
    char offer[64], assignment[64];
};

static void call(struct life *life, unsigned wanted, const char *method, const char *path, const char *body) {
    sim_answer_reset(&life->answer);
    sim_answer_init(&life->answer);
    sim_core_request(life->core, 1000000,
                     &(struct sim_request){.method = slice_of(method),
                                           .path = slice_of(path),
                                           .query = slice_of("api-version=2023-11-01&maxpagesize=1"),
                                           .content_type = slice_of(strcmp(method, "PATCH") == 0
                                                                        ? "application/merge-patch+json"
                                                                        : "application/json"),
                                           .body = slice_of(body)},
                     &life->answer);
    if (life->answer.status == 500) {
        life->has_failed = true;
    } else if (!life->has_failed) {
        assert_int_equal(life->answer.status, wanted);
    }
}

/* What a call gives to the next, out of the answer's text: without an allocation. */
static void take(const struct life *life, const char *name, char value[64]) {
    const char *found = life->answer.body.bytes == NULL ? NULL : strstr(life->answer.body.bytes, name);
    const char *begin = found == NULL ? "none" : found + strlen(name) + 3;
    snprintf(value, 64, "%.*s", (int)strcspn(begin, "\""), begin);
}

static void on_offer(struct life *life, const char *verb) {
    char path[256];
    call(life, 200, "GET", "/routing/workers/w", NULL);
    take(life, "offerId", life->offer);
    snprintf(path, sizeof path, "/routing/workers/w/offers/%s:%s", life->offer, verb);
    call(life, 200, "POST", path,
         strcmp(verb, "decline") == 0 ? "{\"retryOfferAt\":\"1970-01-01T00:00:02Z\"}" : NULL);
    take(life, "assignmentId", life->assignment);
}

static void on_assignment(struct life *life, const char *verb, const char *body) {
    char path[256];
    snprintf(path, sizeof path, "/routing/jobs/j/assignments/%s:%s", life->assignment, verb);
    call(life, 200, "POST", path, body);
}

static void classify(struct life *life);

static void run(struct life *life) {
    call(life, 201, "PATCH", "/routing/distributionPolicies/p", "{\"name\":\"P\"}");
    call(life, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\",\"labels\":{\"a\":1}}");
    call(life, 201, "PATCH", "/routing/workers/w",
         "{\"queues\":[\"q\"],\"availableForOffers\":true,\"labels\":{\"l\":1},"
         "\"channels\":[{\"channelId\":\"c\",\"capacityCostPerJob\":1}]}");
    call(life, 201, "PATCH", "/routing/jobs/j",
         "{\"queueId\":\"q\",\"channelId\":\"c\",\"notes\":[{\"message\":\"m\"}],\"requestedWorkerSelectors\":"
         "[{\"key\":\"l\",\"labelOperator\":\"equal\",\"value\":1}],"
         "\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"1970-01-01T00:00:03Z\"}}");
    call(life, 200, "PATCH", "/routing/jobs/j", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":2}");
    on_offer(life, "decline");
    sim_core_advance(life->core, 2000000);
    on_offer(life, "accept");
    on_assignment(life, "unassign", "{\"suspendMatching\":true}");
    call(life, 200, "PATCH", "/routing/jobs/j", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    on_offer(life, "accept");
    on_assignment(life, "complete", "{\"note\":\"n\"}");
    on_assignment(life, "close", "{\"dispositionCode\":\"d\",\"closeAt\":\"1970-01-01T00:00:04Z\"}");
    sim_core_advance(life->core, 4000000);
    call(life, 201, "PATCH", "/routing/jobs/k", "{\"queueId\":\"q\",\"channelId\":\"c\"}");
    call(life, 200, "PATCH", "/routing/workers/w", "{\"capacity\":2,\"tags\":{\"t\":true}}");
    call(life, 200, "GET", "/routing/jobs", NULL);
    sim_core_advance(life->core, 90000000); /* the offer of k expires */
    call(life, 200, "POST", "/routing/jobs/k:cancel", "{\"note\":\"n\"}");
    call(life, 204, "DELETE", "/routing/jobs/j", NULL);
    call(life, 204, "DELETE", "/routing/workers/w", NULL);
    classify(life);
}

/* Every kind of rule and attachment. */
static const char classification[] =
    "{\"fallbackQueueId\":\"q\",\"queueSelectorAttachments\":[{\"kind\":\"static\","
    "\"queueSelector\":{\"key\":\"Id\",\"labelOperator\":\"notEqual\",\"value\":\"x\"}}],"
    "\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":"
    "\"If(Lower(job.A) & \\\"c\\\" = \\\"bc\\\", Round(Value(\\\"2\\\") * 1.2, 0))\"},"
    "\"workerSelectorAttachments\":[{\"kind\":\"conditional\",\"condition\":{\"kind\":\"expression\","
    "\"expression\":\"StartsWith(job.A, Text(\\\"b\\\"))\"},\"workerSelectors\":[{\"key\":\"s\","
    "\"labelOperator\":\"equal\",\"value\":1}]},{\"kind\":\"passThrough\",\"key\":\"A\",\"labelOperator\":"
    "\"equal\","
    "\"expiresAfterSeconds\":5},{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"directMap\"}},{\"kind\":"
    "\"ruleEngine\","
    "\"rule\":{\"kind\":\"expression\",\"expression\":"
    "\"[{key: \\\"t\\\", labelOperator: \\\"equal\\\", value: job.'A'}]\"}},"
    "{\"kind\":\"weightedAllocation\",\"allocations\":[{\"weight\":1,\"workerSelectors\":[{\"key\":\"u\","
    "\"labelOperator\":\"equal\",\"value\":2}]}]}]}";

static void classify(struct life *life) {
    call(life, 201, "PATCH", "/routing/classificationPolicies/c", classification);
    call(life, 201, "PATCH", "/routing/jobs/m",
         "{\"channelId\":\"c\",\"classificationPolicyId\":\"c\",\"labels\":{\"A\":\"B\"}}");
    call(life, 200, "GET", "/routing/jobs/m", NULL);
    if (!life->has_failed) {
        assert_non_null(strstr(life->answer.body.bytes, "\"status\":\"queued\""));
        assert_non_null(strstr(life->answer.body.bytes, "\"priority\":2"));
    }
    call(life, 200, "PATCH", "/routing/jobs/m", "{\"labels\":{\"A\":5,\"B\":true}}");
    call(life, 200, "PATCH", "/routing/classificationPolicies/c",
         "{\"prioritizationRule\":{\"kind\":\"webhook\"},\"fallbackQueueId\":null}");
    call(life, 200, "POST", "/routing/jobs/m:reclassify", "{}");
    call(life, 200, "POST", "/routing/jobs/m:cancel", NULL);
    call(life, 200, "GET", "/routing/classificationPolicies", NULL);
    call(life, 204, "DELETE", "/routing/classificationPolicies/c", NULL);
}

/* Policies that classify jobs and make exceptions of them, and a schedule that fails. */
static void run_policies(struct life *life) {
    call(life, 201, "PATCH", "/routing/distributionPolicies/p", "{}");
    call(life, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\"}");
    call(life, 201, "PATCH", "/routing/queues/other", "{\"distributionPolicyId\":\"p\"}");
    call(life, 201, "PATCH", "/routing/classificationPolicies/c",
         "{\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":"
         "\"If(job.Late = true, 10, 1)\"},\"workerSelectorAttachments\":[{\"kind\":\"passThrough\",\"key\":\"l\","
         "\"labelOperator\":\"equal\"}]}");
    call(life, 201, "PATCH", "/routing/exceptionPolicies/e",
         "{\"exceptionRules\":[{\"id\":\"long\",\"trigger\":{\"kind\":\"queueLength\",\"threshold\":1},"
         "\"actions\":[{"
         "\"kind\":\"manualReclassify\",\"queueId\":\"other\",\"workerSelectors\":[]}]},{\"id\":\"late\","
         "\"trigger\":"
         "{\"kind\":\"waitTime\",\"thresholdSeconds\":1},\"actions\":[{\"kind\":\"reclassify\","
         "\"classificationPolicyId\":\"c\",\"labelsToUpsert\":{\"Late\":true,\"l\":1}}]},{\"id\":\"end\","
         "\"trigger\":{\"kind\":\"waitTime\",\"thresholdSeconds\":2},\"actions\":[{\"kind\":\"cancel\","
         "\"note\":\"n\"}]}]}");
    call(life, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":\"e\"}");
    call(life, 201, "PATCH", "/routing/jobs/j",
         "{\"channelId\":\"c\",\"classificationPolicyId\":\"c\",\"labels\":{\"l\":2}}");
    call(life, 201, "PATCH", "/routing/jobs/k", "{\"queueId\":\"q\",\"channelId\":\"c\"}");
    call(life, 200, "GET", "/routing/jobs", NULL);
    sim_core_advance(life->core, 4000000);
    call(life, 201, "PATCH", "/routing/jobs/s",
         "{\"queueId\":\"q\",\"channelId\":\"c\",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\","
         "\"scheduleAt\":\"1971-01-01T00:00:00Z\"}}");
    call(life, 200, "PATCH", "/routing/exceptionPolicies/e", "{\"exceptionRules\":[]}");
    call(life, 200, "PATCH", "/routing/queues/q", "{\"exceptionPolicyId\":null}");
    call(life, 204, "DELETE", "/routing/exceptionPolicies/e", NULL);
    call(life, 204, "DELETE", "/routing/classificationPolicies/c", NULL);
}

/* The best worker by a rule, several offers, selectors that end, positions and ages. */
static void run_matching(struct life *life) {
    call(life, 201, "PATCH", "/routing/distributionPolicies/p",
         "{\"mode\":{\"kind\":\"bestWorker\",\"maxConcurrentOffers\":2,\"scoringRule\":{\"kind\":\"expression\","
         "\"expression\":\"worker.l + job.l\"}}}");
    call(life, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\"}");
    call(life, 201, "PATCH", "/routing/jobs/j",
         "{\"queueId\":\"q\",\"channelId\":\"c\",\"labels\":{\"l\":1},\"requestedWorkerSelectors\":["
         "{\"key\":\"l\",\"labelOperator\":\"greaterThan\",\"value\":1,\"expiresAfterSeconds\":5,"
         "\"expedite\":true}]}");
    call(life, 201, "PATCH", "/routing/jobs/k", "{\"queueId\":\"q\",\"channelId\":\"c\",\"priority\":3}");
    call(life, 200, "GET", "/routing/jobs/k/position", NULL);
    call(life, 200, "GET", "/routing/queues/q/statistics", NULL);
    static const char *const workers[] = {"/routing/workers/v", "/routing/workers/w"};
    for (size_t i = 0; i < 2; i++) {
        call(life, 201, "PATCH", workers[i],
             "{\"queues\":[\"q\"],\"availableForOffers\":true,\"labels\":{\"l\":1},\"capacity\":2,"
             "\"channels\":[{\"channelId\":\"c\",\"capacityCostPerJob\":1}]}");
    }
    sim_core_advance(life->core, 6000000); /* the selector ends, and j is offered too */
    on_offer(life, "accept");
    sim_core_advance(life->core, INT64_C(91) * 24 * 3600 * 1000000); /* idle, then too old */
    call(life, 200, "GET", "/routing/workers/v", NULL);
    call(life, 204, "DELETE", "/routing/queues/q", NULL);
    call(life, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\"}");
}

static int live(void *context, struct error *error) {
    struct life life = {0};
    void (*const *what)(struct life * life) = context;
    life.core = sim_core_new(1, error);
    if (life.core == NULL) {
        return -1;
    }
    sim_answer_init(&life.answer);
    (*what)(&life);
    if (!life.has_failed) {
        /* An event or a timer may have been what failed: then every later request says so. */
        call(&life, 404, "GET", "/routing/jobs/none", NULL);
    }
    sim_answer_reset(&life.answer);
    sim_core_free(life.core);
    return life.has_failed ? error_memory(error) : 0;
}

static void *allocate(size_t size) {
    return malloc(size);
}

static void every_call_is_whole_or_says_that_it_is_not(void **state) {
    (void)state;
    assert_int_equal(crypto_start(NULL), 0);
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = free});
    void (*const runs[])(struct life * life) = {run, run_policies, run_matching};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        assert_true(fault_alloc_each(live, (void *)&runs[i]) > 500);
    }
    cJSON_InitHooks(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_whole_or_says_that_it_is_not),
    };
    return cmocka_run_group_tests_name("sim without memory", tests, NULL, NULL);
}
