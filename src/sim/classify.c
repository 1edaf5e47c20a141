#include "sim/classify.h"
#include "sim/attachments.h"
#include <math.h>
#include <stdio.h>

/* What a policy comes to for a job. */
struct result {
    struct sim_queue *queue;
    int32_t priority;
    struct json *attached; /* taken over by the job */
};

static bool may_be_classified(const struct sim_job *job);
static int upsert_labels(struct sim_job *job, const struct json *labels);
static void classify(struct sim_core *core, struct sim_job *job);
static int apply_policy(struct sim_core *core, const struct sim_job *job, struct result *result,
                        struct sim_classify_failure *failure);
static int find_priority(struct sim_core *core, const struct sim_job *job, const struct json *rule,
                         int32_t *priority, struct sim_classify_failure *failure);
static int find_queue(struct sim_core *core, const struct sim_job *job, const struct json *policy,
                      struct sim_queue **queue, struct sim_classify_failure *failure);
static struct sim_queue *first_queue(struct sim_core *core, const struct json *selectors);
static bool meets(struct sim_core *core, const struct sim_queue *queue, const struct json *selectors);
static bool meets_id(struct sim_core *core, const struct sim_queue *queue, const struct json *selector);
static void succeed(struct sim_core *core, struct sim_job *job, struct result *result);
static void go_on(struct sim_core *core, struct sim_job *job, bool is_same_queue);
static void fail_job(struct sim_core *core, struct sim_job *job, const struct sim_classify_failure *failure);
static int fail(struct sim_classify_failure *failure, const char *code, const char *target, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

void sim_job_reclassify_now(struct sim_core *core, struct sim_call *call) {
    struct sim_entry *entry = sim_find(&core->jobs, call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, "job", call->ids[0]);
        return;
    }
    struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    if (!may_be_classified(job)) {
        sim_fail(call->answer, 409, "InvalidJobState",
                 "the job is %s: only a job that no worker has can be reclassified",
                 sim_job_status_name(job->status));
        return;
    }
    if (sim_job_reclassify(core, job, NULL, NULL) < 0) {
        sim_fail(call->answer, 409, "InvalidJobState",
                 "the job has no classification policy; set \"classificationPolicyId\"");
        return;
    }
    sim_succeed(core, call->answer, 200, json_object());
}

int sim_job_reclassify(struct sim_core *core, struct sim_job *job, const char *policy_id,
                       const struct json *labels) {
    const char *own = json_get_string(job->entry.body, "classificationPolicyId");
    if (!may_be_classified(job) || (policy_id == NULL && own == NULL)) {
        return -1;
    }
    int failed = labels == NULL ? 0 : upsert_labels(job, labels);
    if (policy_id != NULL) {
        failed |= json_put(job->entry.body, "classificationPolicyId", json_text(policy_id));
    }
    core->is_broken |= failed != 0;
    sim_job_classify(core, job, false);
    return 0;
}

void sim_job_classify(struct sim_core *core, struct sim_job *job, bool is_entering) {
    if (is_entering) {
        sim_timer_cancel(&core->timers, &job->timer);
        list_remove(&job->in_scheduling);
        job->classified_from = SIM_JOB_PENDING_CLASSIFICATION;
    } else if (job->status != SIM_JOB_PENDING_CLASSIFICATION) {
        job->classified_from = job->status;
    }
    sim_job_dequeue(core, job);
    sim_job_set_status(core, job, SIM_JOB_PENDING_CLASSIFICATION);
    if (!list_is_linked(&job->in_classifying)) {
        list_append(&core->classifying, &job->in_classifying);
    }
}

void sim_classify_pending(struct sim_core *core) {
    struct list_node *node;
    while ((node = list_take_first(&core->classifying)) != NULL) {
        classify(core, CONTAINER_OF(node, struct sim_job, in_classifying));
    }
}

static bool may_be_classified(const struct sim_job *job) {
    return !sim_job_is_over(job) && job->status != SIM_JOB_ASSIGNED && job->status != SIM_JOB_COMPLETED;
}

static int upsert_labels(struct sim_job *job, const struct json *labels) {
    struct json *mine = json_get(job->entry.body, "labels");
    int failed = 0;
    if (mine == NULL) {
        failed |= json_put(job->entry.body, "labels", json_object());
        mine = json_get(job->entry.body, "labels");
    }
    for (const struct json *label = json_first(labels); label != NULL; label = json_next(label)) {
        if (json_kind(label) == JSON_NULL) {
            json_drop(mine, json_name(label));
        } else {
            failed |= json_put(mine, json_name(label), json_copy(label));
        }
    }
    return failed;
}

static void classify(struct sim_core *core, struct sim_job *job) {
    struct result result = {.queue = NULL};
    struct sim_classify_failure failure = {.code = ""};
    if (apply_policy(core, job, &result, &failure) == 0) {
        succeed(core, job, &result);
    } else if (!core->is_broken) {
        fail_job(core, job, &failure);
    }
}

/* Nothing of the job changes here: a policy is applied whole or not at all. */
static int apply_policy(struct sim_core *core, const struct sim_job *job, struct result *result,
                        struct sim_classify_failure *failure) {
    const char *id = json_get_string(job->entry.body, "classificationPolicyId");
    const struct sim_entry *policy = sim_find(&core->classifications, id);
    if (policy == NULL) {
        return fail(failure, "PolicyNotFound", "classificationPolicyId",
                    "there is no classification policy \"%s\"; create it and reclassify the job", id);
    }
    const struct json *labels = json_get(job->entry.body, "labels");
    if (find_queue(core, job, policy->body, &result->queue, failure) < 0 ||
        find_priority(core, job, json_get(policy->body, "prioritizationRule"), &result->priority, failure) < 0) {
        return -1;
    }
    result->attached =
        sim_attached_selectors(core, json_get(policy->body, "workerSelectorAttachments"), false, labels, failure);
    return result->attached == NULL ? -1 : 0;
}

/* A rule that comes to nothing leaves the job its own. */
static int find_priority(struct sim_core *core, const struct sim_job *job, const struct json *rule,
                         int32_t *priority, struct sim_classify_failure *failure) {
    struct sim_rule_input input = {.job = json_get(job->entry.body, "labels")};
    char words[SIM_WORDS_SIZE];
    *priority = (int32_t)json_get_double(job->entry.body, "priority", 1);
    if (rule == NULL) {
        return 0;
    }
    struct json *value = sim_rule_value(rule, &input, words, sizeof words);
    if (value == NULL) {
        core->is_broken |= words[0] == '\0';
        return fail(failure, "InvalidRule", "prioritizationRule", "%s", words);
    }
    double number = json_double_of(value, 0);
    bool is_blank = json_kind(value) == JSON_NULL;
    bool is_good = is_blank || (json_kind(value) == JSON_NUMBER && number >= INT32_MIN && number <= INT32_MAX &&
                                !(floor(number) < number));
    json_free(value);
    if (!is_good) {
        return fail(failure, "InvalidPriority", "prioritizationRule",
                    "the rule comes to something that is no priority: a whole number of 32 bits");
    }
    *priority = is_blank ? *priority : (int32_t)number;
    return 0;
}

static int find_queue(struct sim_core *core, const struct sim_job *job, const struct json *policy,
                      struct sim_queue **queue, struct sim_classify_failure *failure) {
    struct json *selectors = sim_attached_selectors(core, json_get(policy, "queueSelectorAttachments"), true,
                                                    json_get(job->entry.body, "labels"), failure);
    if (selectors == NULL) {
        return -1;
    }
    bool has_selectors = json_count(selectors) > 0;
    const char *fallback = json_get_string(policy, "fallbackQueueId");
    const char *own = json_get_string(job->entry.body, "queueId");
    *queue = has_selectors ? first_queue(core, selectors) : NULL;
    json_free(selectors);
    if (*queue == NULL && fallback != NULL) {
        *queue = sim_queue_find(core, fallback);
        return *queue != NULL ? 0
                              : fail(failure, "QueueNotFound", "fallbackQueueId",
                                     "there is no queue \"%s\" to fall back to", fallback);
    }
    if (*queue == NULL && !has_selectors) {
        *queue = sim_queue_find(core, own);
    }
    if (*queue != NULL) {
        return 0;
    }
    return fail(failure, "QueueNotFound", "queueSelectorAttachments",
                has_selectors ? "no queue meets the queue selectors, and the policy has no fallbackQueueId"
                              : "no queue selector was attached, the policy has no fallbackQueueId, and the job "
                                "has no queue of its own");
}

/* In the order in which they were made. */
static struct sim_queue *first_queue(struct sim_core *core, const struct json *selectors) {
    LIST_EACH (&core->queues.in_order, node) {
        struct sim_queue *queue = CONTAINER_OF(node, struct sim_queue, entry.in_order);
        if (meets(core, queue, selectors)) {
            return queue;
        }
    }
    return NULL;
}

static bool meets(struct sim_core *core, const struct sim_queue *queue, const struct json *selectors) {
    const struct json *labels = json_get(queue->entry.body, "labels");
    for (const struct json *selector = json_first(selectors); selector != NULL; selector = json_next(selector)) {
        bool is_id = strcmp(json_get_string(selector, "key"), "Id") == 0;
        if (is_id ? !meets_id(core, queue, selector) : !sim_selector_holds(selector, labels)) {
            return false;
        }
    }
    return true;
}

/* The key "Id" is no label, but the queue's id. Nearly always it is to be equal: that goes without memory. */
static bool meets_id(struct sim_core *core, const struct sim_queue *queue, const struct json *selector) {
    const char *value = json_get_string(selector, "value");
    if (value != NULL && strcmp(json_get_string(selector, "labelOperator"), "equal") == 0) {
        return strcmp(value, queue->entry.id) == 0;
    }
    struct json *id = json_object();
    int failed = json_put(id, "Id", json_text(queue->entry.id));
    bool is_met = failed == 0 && sim_selector_holds(selector, id);
    core->is_broken |= failed != 0;
    json_free(id);
    return is_met;
}

static void succeed(struct sim_core *core, struct sim_job *job, struct result *result) {
    struct json *body = job->entry.body;
    bool is_same_queue = job->queue == result->queue;
    int failed = json_put(body, "queueId", json_text(result->queue->entry.id));
    failed |= json_put(body, "priority", json_double(result->priority));
    core->is_broken |= failed != 0;
    sim_job_set_queue(job, result->queue);
    job->priority = result->priority;
    if (job->attached.list != NULL && json_equal(job->attached.list, result->attached)) {
        json_free(result->attached); /* the same ones go on with the lives that they have */
    } else {
        sim_job_attach(core, job, result->attached);
    }
    if (core->is_broken) {
        return;
    }
    sim_emit_classified(core, job);
    sim_say(core, job->entry.id, "classified: queue %s, priority %d", result->queue->entry.id,
            (int)result->priority);
    go_on(core, job, is_same_queue);
}

static void go_on(struct sim_core *core, struct sim_job *job, bool is_same_queue) {
    switch (job->classified_from) {
    case SIM_JOB_SCHEDULED:
    case SIM_JOB_PENDING_SCHEDULE:
    case SIM_JOB_SCHEDULE_FAILED:
    case SIM_JOB_WAITING: sim_job_set_status(core, job, job->classified_from); break;
    case SIM_JOB_QUEUED:
        if (is_same_queue) {
            sim_job_requeue(core, job);
        } else {
            sim_job_enqueue(core, job);
        }
        break;
    default: sim_job_enter_mode(core, job); break;
    }
}

static void fail_job(struct sim_core *core, struct sim_job *job, const struct sim_classify_failure *failure) {
    sim_timer_cancel(&core->timers, &job->timer);
    list_remove(&job->in_scheduling);
    sim_job_set_status(core, job, SIM_JOB_CLASSIFICATION_FAILED);
    sim_emit_classification_failed(core, job, failure);
    sim_say(core, job->entry.id, "classification failed: %s: %s", failure->target, failure->words);
}

static int fail(struct sim_classify_failure *failure, const char *code, const char *target, const char *format,
                ...) {
    va_list arguments;
    failure->code = code;
    snprintf(failure->target, sizeof failure->target, "%s", target);
    va_start(arguments, format);
    vsnprintf(failure->words, sizeof failure->words, format, arguments);
    va_end(arguments);
    return -1;
}
