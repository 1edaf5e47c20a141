/* A long row of random calls. After each of them nothing may be left that could be offered: trying every queue
 * anew must offer nothing. What the core keeps beside the truth, for speed, must agree with it. */
#include "sim/state.h"
#include "sim_kit.h"

enum { JOBS = 40, WORKERS = 8, QUEUES = 3, STEPS = 1500 };

struct dice {
    uint64_t state;
};

static unsigned throw_dice(struct dice *dice, unsigned sides) {
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice->state >> 33) % sides;
}

static void call(struct kit *kit, const char *method, const char *body, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void call(struct kit *kit, const char *method, const char *body, const char *format, ...) {
    char path[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    unsigned status = kit_call(kit, method, path, NULL, body);
    if (status == 0 || status >= 500 || status == 400) {
        print_error("%s %s %s: %u %s\n", method, path, body == NULL ? "" : body, status,
                    kit->answer.body.bytes == NULL ? "" : kit->answer.body.bytes);
    }
    assert_true(status != 0 && status < 500 && status != 400);
}

static void patch_job(struct kit *kit, struct dice *dice) {
    static const char *const selectors[] = {
        "[]",
        "[{\"key\":\"k\",\"labelOperator\":\"equal\",\"value\":1}]",
        "[{\"key\":\"k\",\"labelOperator\":\"greaterThan\",\"value\":0,\"expiresAfterSeconds\":20}]",
        "[{\"key\":\"k\",\"labelOperator\":\"equal\",\"value\":2,\"expedite\":true,\"expiresAfterSeconds\":9}]",
    };
    static const char *const modes[] = {"queueAndMatch", "queueAndMatch", "queueAndMatch", "suspend"};
    char body[512];
    snprintf(body, sizeof body,
             "{\"queueId\":\"q%u\",\"channelId\":\"%s\",\"priority\":%d,\"requestedWorkerSelectors\":%s,"
             "\"labels\":{\"k\":%u},\"matchingMode\":{\"kind\":\"%s\"}}",
             throw_dice(dice, QUEUES), throw_dice(dice, 3) == 0 ? "chat" : "voice", (int)throw_dice(dice, 4) - 1,
             selectors[throw_dice(dice, 4)], throw_dice(dice, 3), modes[throw_dice(dice, 4)]);
    call(kit, "PATCH", body, "/routing/jobs/j%u", throw_dice(dice, JOBS));
}

static void patch_worker(struct kit *kit, struct dice *dice) {
    static const char *const queues[] = {"[\"q0\"]", "[\"q1\",\"q0\"]", "[\"q2\",\"q1\",\"q0\",\"q2\"]", "[]"};
    char body[512];
    snprintf(body, sizeof body,
             "{\"queues\":%s,\"capacity\":%u,\"availableForOffers\":%s,\"labels\":{\"k\":%u},\"channels\":["
             "{\"channelId\":\"voice\",\"capacityCostPerJob\":2,\"maxNumberOfJobs\":2},"
             "{\"channelId\":\"chat\",\"capacityCostPerJob\":1}]}",
             queues[throw_dice(dice, 4)], throw_dice(dice, 6) + 1, throw_dice(dice, 4) == 0 ? "false" : "true",
             throw_dice(dice, 3));
    call(kit, "PATCH", body, "/routing/workers/w%u", throw_dice(dice, WORKERS));
}

static void patch_policy(struct kit *kit, struct dice *dice) {
    static const char *const kinds[] = {"longestIdle", "roundRobin", "bestWorker"};
    unsigned least = throw_dice(dice, 2) + 1;
    char body[256];
    snprintf(body, sizeof body,
             "{\"offerExpiresAfterSeconds\":30,\"mode\":{\"kind\":\"%s\",\"minConcurrentOffers\":%u,"
             "\"maxConcurrentOffers\":%u,\"bypassSelectors\":%s}}",
             kinds[throw_dice(dice, 3)], least, least + throw_dice(dice, 3),
             throw_dice(dice, 5) == 0 ? "true" : "false");
    call(kit, "PATCH", body, "/routing/distributionPolicies/p%u", throw_dice(dice, 2));
}

/* Jobs with a classification policy, the policy itself, and the exceptions that reclassify. */
static void patch_classified(struct kit *kit, struct dice *dice) {
    static const char *const modes[] = {
        "{\"kind\":\"queueAndMatch\"}", "{\"kind\":\"queueAndMatch\"}", "{\"kind\":\"suspend\"}",
        "{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T08:45:00Z\"}"};
    char body[512];
    snprintf(
        body, sizeof body,
        "{\"channelId\":\"voice\",\"classificationPolicyId\":\"c\",\"labels\":{\"k\":%u},\"matchingMode\":%s}",
        throw_dice(dice, 4), modes[throw_dice(dice, 4)]);
    call(kit, "PATCH", body, "/routing/jobs/j%u", throw_dice(dice, JOBS));
}

static void change_classification(struct kit *kit, struct dice *dice) {
    static const char *const bodies[] = {
        "{\"fallbackQueueId\":null}",
        "{\"fallbackQueueId\":\"q0\"}",
        "{\"queueSelectorAttachments\":[{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"expression\","
        "\"expression\":\"\\\"q\\\" & job.k\"}}]}",
        "{\"queueSelectorAttachments\":null}",
        "{\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"6 / job.k\"}}",
        "{\"prioritizationRule\":null}",
        "{\"workerSelectorAttachments\":[{\"kind\":\"passThrough\",\"key\":\"k\",\"labelOperator\":\"equal\","
        "\"expiresAfterSeconds\":7}]}",
        "{\"workerSelectorAttachments\":[{\"kind\":\"weightedAllocation\",\"allocations\":[{\"weight\":0.5,"
        "\"workerSelectors\":[]},{\"weight\":0.5,\"workerSelectors\":[{\"key\":\"k\",\"labelOperator\":\"equal\","
        "\"value\":1,\"expedite\":true}]}]}]}",
    };
    call(kit, "PATCH", bodies[throw_dice(dice, sizeof bodies / sizeof bodies[0])],
         "/routing/classificationPolicies/c");
}

static void change_exceptions(struct kit *kit, struct dice *dice) {
    char body[512];
    snprintf(
        body, sizeof body,
        "{\"exceptionRules\":[{\"id\":\"long\",\"trigger\":{\"kind\":\"queueLength\",\"threshold\":%u},"
        "\"actions\":[{\"kind\":\"reclassify\",\"classificationPolicyId\":\"c\"}]},{\"id\":\"late\",\"trigger\":"
        "{\"kind\":\"waitTime\",\"thresholdSeconds\":%u},\"actions\":[{\"kind\":\"reclassify\",\"labelsToUpsert\":"
        "{\"k\":%u}}]}]}",
        throw_dice(dice, 9) + 1, throw_dice(dice, 20) + 1, throw_dice(dice, 3));
    call(kit, "PATCH", body, "/routing/exceptionPolicies/e");
    call(kit, "PATCH", throw_dice(dice, 2) == 0 ? "{\"exceptionPolicyId\":\"e\"}" : "{\"exceptionPolicyId\":null}",
         "/routing/queues/q%u", throw_dice(dice, QUEUES));
}

/* Something that can be done with a worker's first offer or assignment. */
static void answer(struct kit *kit, struct dice *dice) {
    char id[16];
    snprintf(id, sizeof id, "w%u", throw_dice(dice, WORKERS));
    const struct sim_entry *entry = sim_find(&kit->core->workers, id);
    if (entry == NULL) {
        return;
    }
    const struct sim_worker *worker = CONTAINER_OF(entry, const struct sim_worker, entry);
    if (!list_is_empty(&worker->offers) && throw_dice(dice, 2) == 0) {
        const struct sim_offer *offer = CONTAINER_OF(list_first(&worker->offers), struct sim_offer, in_worker);
        static const char *const verbs[] = {"accept", "accept", "decline"};
        call(kit, "POST", NULL, "/routing/workers/%s/offers/%s:%s", id, offer->entry.id,
             verbs[throw_dice(dice, 3)]);
    } else if (!list_is_empty(&worker->assignments)) {
        const struct sim_assignment *assignment =
            CONTAINER_OF(list_first(&worker->assignments), struct sim_assignment, in_worker);
        char job[64], mine[SIM_UUID_SIZE];
        snprintf(job, sizeof job, "%s", assignment->job->entry.id);
        memcpy(mine, assignment->id, sizeof mine);
        if (throw_dice(dice, 4) == 0 && assignment->job->unassign_count < SIM_UNASSIGN_LIMIT) {
            call(kit, "POST", NULL, "/routing/jobs/%s/assignments/%s:unassign", job, mine);
        } else {
            call(kit, "POST", NULL, "/routing/jobs/%s/assignments/%s:complete", job, mine);
            call(kit, "POST", NULL, "/routing/jobs/%s/assignments/%s:close", job, mine);
        }
    }
}

static void step(struct kit *kit, struct dice *dice) {
    switch (throw_dice(dice, 22)) {
    case 0:
    case 1:
    case 2:
    case 3: patch_job(kit, dice); break;
    case 4:
    case 5: patch_worker(kit, dice); break;
    case 6: patch_policy(kit, dice); break;
    case 7: kit_pass(kit, throw_dice(dice, 100) / 10.0); break;
    case 8: call(kit, "POST", NULL, "/routing/jobs/j%u:cancel", throw_dice(dice, JOBS)); break;
    case 9: call(kit, "DELETE", NULL, "/routing/jobs/j%u", throw_dice(dice, JOBS)); break;
    case 10: call(kit, "DELETE", NULL, "/routing/workers/w%u", throw_dice(dice, 4 * WORKERS)); break;
    case 11:
        call(kit, "PATCH",
             throw_dice(dice, 2) == 0 ? "{\"distributionPolicyId\":\"p0\"}" : "{\"distributionPolicyId\":\"p1\"}",
             "/routing/queues/q%u", throw_dice(dice, QUEUES));
        break;
    case 12:
    case 13:
    case 14: patch_classified(kit, dice); break;
    case 15: change_classification(kit, dice); break;
    case 16: change_exceptions(kit, dice); break;
    case 17: call(kit, "POST", NULL, "/routing/jobs/j%u:reclassify", throw_dice(dice, JOBS)); break;
    default: answer(kit, dice); break;
    }
}

static void expect_true_counts(struct sim_core *core) {
    size_t waiting = 0, in_lines = 0;
    LIST_EACH (&core->jobs.in_order, node) {
        const struct sim_job *job = CONTAINER_OF(node, struct sim_job, entry.in_order);
        waiting += job->status == SIM_JOB_QUEUED;
        assert_int_equal(job->lane != NULL, job->status == SIM_JOB_QUEUED);
        assert_int_not_equal(job->status, SIM_JOB_PENDING_CLASSIFICATION);
    }
    LIST_EACH (&core->queues.in_order, node) {
        const struct sim_queue *queue = CONTAINER_OF(node, struct sim_queue, entry.in_order);
        const struct sim_job *before = NULL;
        for (const struct sim_job *job = sim_line_first(&queue->line); job != NULL;
             job = sim_line_next(&queue->line, job)) {
            assert_true(before == NULL || sim_line_before(before, job));
            assert_ptr_equal(job->queue, queue);
            before = job;
            in_lines++;
            assert_true(sim_line_place(&queue->line, job) >= 1);
        }
        for (size_t i = 0; i < queue->members.count; i++) {
            const struct sim_worker *worker = queue->members.items[i];
            bool is_free = worker->state == SIM_WORKER_ACTIVE && worker->used < worker->capacity;
            assert_int_equal(worker->is_free, is_free);
            assert_int_equal(sim_members_have(&queue->free, worker), is_free);
        }
        size_t open = 0;
        LIST_EACH (&core->jobs.in_order, each) {
            open += CONTAINER_OF(each, const struct sim_job, entry.in_order)->queue == queue;
        }
        assert_int_equal(queue->open_count, open);
    }
    assert_int_equal(in_lines, waiting);
    LIST_EACH (&core->workers.in_order, node) {
        const struct sim_worker *worker = CONTAINER_OF(node, struct sim_worker, entry.in_order);
        int64_t used = 0;
        LIST_EACH (&worker->offers, each) {
            used += CONTAINER_OF(each, struct sim_offer, in_worker)->cost;
        }
        LIST_EACH (&worker->assignments, each) {
            used += CONTAINER_OF(each, struct sim_assignment, in_worker)->cost;
        }
        assert_int_equal(worker->used, used);
    }
}

static void expect_nothing_left_to_offer(struct kit *kit) {
    kit_drop_events(kit);
    LIST_EACH (&kit->core->queues.in_order, node) {
        sim_queue_stir(kit->core, CONTAINER_OF(node, struct sim_queue, entry.in_order));
    }
    sim_match(kit->core);
    kit_quiet(kit);
    LIST_EACH (&kit->core->jobs.in_order, node) { /* and each job alone */
        sim_job_stir(kit->core, CONTAINER_OF(node, struct sim_job, entry.in_order));
    }
    sim_match(kit->core);
    kit_quiet(kit);
}

static void nothing_that_could_be_offered_is_left(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct dice dice = {.state = seed};
        struct kit kit;
        kit_open(&kit, seed);
        patch_policy(&kit, &dice);
        call(&kit, "PATCH", "{}", "/routing/distributionPolicies/p0");
        call(&kit, "PATCH", "{}", "/routing/distributionPolicies/p1");
        for (unsigned i = 0; i < QUEUES; i++) {
            call(&kit, "PATCH", "{\"distributionPolicyId\":\"p0\"}", "/routing/queues/q%u", i);
        }
        call(&kit, "PATCH", "{}", "/routing/classificationPolicies/c");
        for (int i = 0; i < STEPS; i++) {
            step(&kit, &dice);
            expect_true_counts(kit.core);
            expect_nothing_left_to_offer(&kit);
        }
        assert_false(kit.core->is_broken);
        kit_close(&kit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_could_be_offered_is_left),
    };
    return cmocka_run_group_tests_name("sim random", tests, NULL, NULL);
}
