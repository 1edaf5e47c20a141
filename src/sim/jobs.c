/* Jobs as resources: made, changed, read, deleted. */
#include "base/clock.h"
#include "sim/classify.h"
#include "sim/exception.h"
#include <stdlib.h>

static int job_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                       struct json *body);
static int check_required(struct sim_core *core, const struct sim_entry *entry, const struct json *body,
                          struct sim_answer *answer);
static int check_status(const struct sim_job *job, const struct json *body, struct sim_answer *answer);
static int fill_defaults(const struct sim_core *core, struct json *body, const struct json *old);
static void job_init(struct sim_entry *entry);
static void job_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static void read_job(struct sim_core *core, struct sim_job *job, const struct json *old);
static void begin(struct sim_core *core, struct sim_job *job);
static void change(struct sim_core *core, struct sim_job *job, const struct json *old);
static bool has_to_be_classified(const struct sim_job *job, const struct json *old);
static void requeue_or_reorder(struct sim_core *core, struct sim_job *job, const struct json *old);
static bool differs_in(const struct json *a, const struct json *b, const char *const *names);
static bool is_mode(const struct sim_job *job, const char *kind);
static struct json *job_json(const struct sim_entry *entry);
static struct json *assignments_json(const struct sim_job *job);
static bool job_is_listed(const struct sim_entry *entry, const struct sim_filter *filter);
static bool is_named(const char *id, const char *wanted);
static bool is_of(const struct sim_job *job, const char *status);
static void job_leave(struct sim_core *core, struct sim_entry *entry);
static void job_destroy(struct sim_core *core, struct sim_entry *entry);

const struct sim_kind sim_job_kind = {.what = "job",
                                      .size = sizeof(struct sim_job),
                                      .collection = offsetof(struct sim_core, jobs),
                                      .prepare = job_prepare,
                                      .init = job_init,
                                      .apply = job_apply,
                                      .to_json = job_json,
                                      .is_listed = job_is_listed,
                                      .leave = job_leave,
                                      .destroy = job_destroy};

static int job_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                       struct json *body) {
    const struct sim_job *job = entry == NULL ? NULL : CONTAINER_OF(entry, const struct sim_job, entry);
    if (check_required(core, entry, body, call->answer) < 0) {
        return -1;
    }
    if (fill_defaults(core, body, entry == NULL ? NULL : entry->body) < 0) {
        return sim_fail_memory(core, call->answer);
    }
    return job == NULL ? 0 : check_status(job, body, call->answer);
}

static int check_required(struct sim_core *core, const struct sim_entry *entry, const struct json *body,
                          struct sim_answer *answer) {
    const char *queue = json_get_string(body, "queueId");
    const char *policy = json_get_string(body, "classificationPolicyId");
    const struct json *old = entry == NULL ? NULL : entry->body;
    if (json_get_string(body, "channelId") == NULL || (queue == NULL && policy == NULL)) {
        return sim_fail(answer, 400, "MissingMember", "a job needs %s",
                        json_get_string(body, "channelId") == NULL ? "\"channelId\""
                                                                   : "\"queueId\" or \"classificationPolicyId\"");
    }
    if (policy != NULL && sim_differs(old, body, "classificationPolicyId") &&
        sim_find(&core->classifications, policy) == NULL) {
        return sim_fail(
            answer, 400, "InvalidReference",
            "\"classificationPolicyId\": there is no classification policy \"%.200s\"; create it first", policy);
    }
    if (queue != NULL && sim_differs(old, body, "queueId") && sim_queue_find(core, queue) == NULL) {
        return sim_fail(answer, 400, "InvalidReference",
                        "\"queueId\": there is no queue \"%.200s\"; create it first", queue);
    }
    return 0;
}

/* What decides where a job goes cannot change any more once a worker has it. The same value again is no change. */
static int check_status(const struct sim_job *job, const struct json *body, struct sim_answer *answer) {
    static const char *const routing[] = {
        "queueId",      "channelId", "priority", "requestedWorkerSelectors", "classificationPolicyId",
        "matchingMode", NULL};
    bool is_taken = sim_job_is_over(job) || job->status == SIM_JOB_ASSIGNED || job->status == SIM_JOB_COMPLETED;
    for (const char *const *name = routing; is_taken && *name != NULL; name++) {
        if (sim_differs(job->entry.body, body, *name)) {
            return sim_fail(answer, 409, "InvalidJobState", "\"%s\" cannot be changed: the job is %s", *name,
                            sim_job_status_name(job->status));
        }
    }
    return 0;
}

static int fill_defaults(const struct sim_core *core, struct json *body, const struct json *old) {
    int failed = 0;
    /* Until a policy has given it one. */
    if (json_get(body, "priority") == NULL &&
        (json_get(body, "classificationPolicyId") == NULL || json_get(old, "priority") != NULL)) {
        failed |= json_put(body, "priority", json_double(1));
    }
    if (json_get(body, "matchingMode") == NULL) {
        struct json *mode = json_object();
        failed |= json_put(mode, "kind", json_text("queueAndMatch"));
        failed |= json_put(body, "matchingMode", mode);
    }
    for (struct json *note = json_first(json_get(body, "notes")); note != NULL; note = json_next(note)) {
        if (json_kind(json_get(note, "addedAt")) == JSON_NULL) {
            failed |= sim_put_time(note, "addedAt", core->now_us);
        }
    }
    return failed;
}

static void job_init(struct sim_entry *entry) {
    struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    job->enqueued_us = job->scheduled_us = -1;
    list_init(&job->offers);
    list_init(&job->past_offers);
    list_init(&job->assignments);
    list_init(&job->declines);
}

static void job_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    read_job(core, job, old);
    if (old == NULL) {
        begin(core, job);
    } else {
        change(core, job, old);
    }
}

static void read_job(struct sim_core *core, struct sim_job *job, const struct json *old) {
    const struct json *body = job->entry.body;
    const char *at = json_get_string(json_get(body, "matchingMode"), "scheduleAt");
    const struct json *selectors = json_get(body, "requestedWorkerSelectors");
    job->channel = json_get_string(body, "channelId");
    job->priority = (int32_t)json_get_double(body, "priority", 1);
    if (sim_differs(old, body, "requestedWorkerSelectors")) {
        sim_selectors_set(core, &job->requested, selectors, NULL);
        sim_job_read_expedite(job);
    }
    job->requested.list = selectors; /* the same ones, but in the new body */
    if (at != NULL && clock_parse(at, strlen(at), &job->scheduled_us) < 0) {
        job->scheduled_us = core->now_us;
    }
}

static void begin(struct sim_core *core, struct sim_job *job) {
    const char *queue = json_get_string(job->entry.body, "queueId");
    bool has_policy = json_get(job->entry.body, "classificationPolicyId") != NULL;
    sim_job_set_queue(job, queue == NULL ? NULL : sim_queue_find(core, queue));
    job->status = has_policy                           ? SIM_JOB_PENDING_CLASSIFICATION
                  : is_mode(job, "scheduleAndSuspend") ? SIM_JOB_PENDING_SCHEDULE
                  : is_mode(job, "suspend")            ? SIM_JOB_WAITING
                                                       : SIM_JOB_QUEUED;
    sim_job_age(core, job);
    sim_emit_received(core, job);
    sim_say(core, job->entry.id, "job created");
    if (has_policy) {
        sim_job_classify(core, job, true);
    } else {
        sim_job_enter_mode(core, job);
    }
}

static void change(struct sim_core *core, struct sim_job *job, const struct json *old) {
    const struct json *body = job->entry.body;
    const char *queue = json_get_string(body, "queueId");
    bool is_moved = queue != NULL && sim_differs(old, body, "queueId");
    bool has_mode = sim_differs(old, body, "matchingMode");
    bool has_failed = job->status == SIM_JOB_CLASSIFICATION_FAILED;
    if (sim_job_is_over(job)) {
        return;
    }
    if (has_mode || is_moved) {
        sim_job_dequeue(core, job);
    }
    if (is_moved) {
        sim_job_set_queue(job, sim_queue_find(core, queue));
    }
    if (json_get(body, "classificationPolicyId") == NULL && job->attached.list != NULL) {
        sim_job_attach(core, job, NULL); /* they were the policy's */
    }
    if (has_to_be_classified(job, old)) {
        sim_job_classify(core, job, has_mode || has_failed);
    } else if (has_mode || (has_failed && json_get(body, "classificationPolicyId") == NULL)) {
        sim_timer_cancel(&core->timers, &job->timer);
        list_remove(&job->in_scheduling);
        if (is_mode(job, "queueAndMatch")) {
            sim_say(core, job->entry.id, "activated");
        }
        sim_job_enter_mode(core, job);
    } else if (job->status == SIM_JOB_QUEUED && is_moved) {
        sim_job_enqueue(core, job);
    } else if (job->status == SIM_JOB_QUEUED) {
        requeue_or_reorder(core, job, old);
    }
}

/* Other labels or another policy; when it failed before, whatever may mend it. */
static bool has_to_be_classified(const struct sim_job *job, const struct json *old) {
    static const char *const causes[] = {"labels", "classificationPolicyId", NULL};
    static const char *const mending[] = {"queueId",      "channelId", "priority", "requestedWorkerSelectors",
                                          "matchingMode", NULL};
    const struct json *body = job->entry.body;
    if (json_get(body, "classificationPolicyId") == NULL || job->status == SIM_JOB_ASSIGNED ||
        job->status == SIM_JOB_COMPLETED) {
        return false;
    }
    bool has_lost_queue = sim_differs(old, body, "queueId") && json_get(body, "queueId") == NULL;
    return differs_in(old, body, causes) || has_lost_queue ||
           (job->status == SIM_JOB_CLASSIFICATION_FAILED && differs_in(old, body, mending));
}

/* learn.microsoft.com, "Classifying a job": other labels, another channel or other worker selectors revoke the
 * offers and queue the job again. */
static void requeue_or_reorder(struct sim_core *core, struct sim_job *job, const struct json *old) {
    static const char *const causes[] = {"labels", "channelId", "requestedWorkerSelectors",
                                         "classificationPolicyId", NULL};
    if (differs_in(old, job->entry.body, causes)) {
        sim_job_requeue(core, job);
    } else {
        sim_job_reorder(core, job);
        sim_job_stir(core, job);
    }
}

static bool differs_in(const struct json *a, const struct json *b, const char *const *names) {
    for (; *names != NULL; names++) {
        if (sim_differs(a, b, *names)) {
            return true;
        }
    }
    return false;
}

void sim_job_enter_mode(struct sim_core *core, struct sim_job *job) {
    if (is_mode(job, "scheduleAndSuspend")) {
        sim_job_schedule(core, job);
    } else if (is_mode(job, "suspend")) {
        sim_job_suspend(core, job);
    } else {
        sim_job_enqueue(core, job);
    }
}

static bool is_mode(const struct sim_job *job, const char *kind) {
    return strcmp(json_get_string(json_get(job->entry.body, "matchingMode"), "kind"), kind) == 0;
}

static struct json *job_json(const struct sim_entry *entry) {
    static const char *const texts[] = {
        "channelReference", "channelId", "classificationPolicyId", "queueId", "priority", "dispositionCode", NULL};
    static const char *const rest[] = {"labels", "tags", "notes", "matchingMode", NULL};
    const struct sim_job *job = CONTAINER_OF(entry, const struct sim_job, entry);
    struct json *value = sim_entry_json(entry);
    int failed = json_put(value, "status", json_text(sim_job_status_name(job->status)));
    if (job->enqueued_us >= 0) {
        failed |= sim_put_time(value, "enqueuedAt", job->enqueued_us);
    }
    failed |= sim_put_copies(value, entry->body, texts);
    failed |= json_put(value, "requestedWorkerSelectors", sim_selectors_json(&job->requested));
    failed |= json_put(value, "attachedWorkerSelectors", sim_selectors_json(&job->attached));
    failed |= json_put(value, "assignments", assignments_json(job));
    failed |= json_put(value, "labels", json_object());
    failed |= json_put(value, "tags", json_object());
    failed |= json_put(value, "notes", json_array());
    failed |= sim_put_copies(value, entry->body, rest);
    if (job->scheduled_us >= 0) {
        failed |= sim_put_time(value, "scheduledAt", job->scheduled_us);
    }
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static struct json *assignments_json(const struct sim_job *job) {
    struct json *assignments = json_object();
    int failed = 0;
    LIST_EACH (&job->assignments, node) {
        const struct sim_assignment *assignment = CONTAINER_OF(node, struct sim_assignment, in_job);
        struct json *value = json_object();
        failed |= json_put(value, "assignmentId", json_text(assignment->id));
        failed |= json_put(value, "workerId", json_text(assignment->worker_id));
        failed |= sim_put_time(value, "assignedAt", assignment->assigned_us);
        if (assignment->completed_us >= 0) {
            failed |= sim_put_time(value, "completedAt", assignment->completed_us);
        }
        if (assignment->closed_us >= 0) {
            failed |= sim_put_time(value, "closedAt", assignment->closed_us);
        }
        failed |= json_put(assignments, assignment->id, value);
    }
    if (failed) {
        json_free(assignments);
        return NULL;
    }
    return assignments;
}

static bool job_is_listed(const struct sim_entry *entry, const struct sim_filter *filter) {
    const struct sim_job *job = CONTAINER_OF(entry, const struct sim_job, entry);
    const char *queue = json_get_string(entry->body, "queueId");
    bool is_timed = filter->before_us != SIM_NEVER || filter->after_us != INT64_MIN;
    return is_of(job, filter->state) && is_named(queue, filter->queue_id) &&
           is_named(job->channel, filter->channel_id) &&
           is_named(json_get_string(entry->body, "classificationPolicyId"), filter->policy_id) &&
           (!is_timed || (job->scheduled_us >= filter->after_us && job->scheduled_us <= filter->before_us &&
                          job->scheduled_us >= 0));
}

static bool is_named(const char *id, const char *wanted) {
    return wanted[0] == '\0' || (id != NULL && strcmp(id, wanted) == 0);
}

/* "active" is everything that is not over. */
static bool is_of(const struct sim_job *job, const char *status) {
    return status[0] == '\0' || strcmp(status, "all") == 0 ||
           strcmp(status, sim_job_status_name(job->status)) == 0 ||
           (strcmp(status, "active") == 0 && !sim_job_is_over(job));
}

static void job_leave(struct sim_core *core, struct sim_entry *entry) {
    struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    if (!sim_job_is_over(job)) {
        sim_job_finish(core, job, SIM_JOB_CANCELLED);
    }
    LIST_EACH (&job->assignments, node) {
        sim_assignment_release(core, CONTAINER_OF(node, struct sim_assignment, in_job));
    }
    sim_emit_deleted(core, job);
}

static void job_destroy(struct sim_core *core, struct sim_entry *entry) {
    struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    struct list *const offers[] = {&job->offers, &job->past_offers};
    for (size_t i = 0; i < 2; i++) {
        LIST_EACH (offers[i], node) {
            sim_offer_free(core, CONTAINER_OF(node, struct sim_offer, in_job));
        }
    }
    LIST_EACH (&job->declines, node) {
        sim_decline_free(core, CONTAINER_OF(node, struct sim_decline, in_job));
    }
    LIST_EACH (&job->assignments, node) {
        struct sim_assignment *assignment = CONTAINER_OF(node, struct sim_assignment, in_job);
        list_remove(&assignment->in_worker);
        free(assignment->worker_id);
        free(assignment);
    }
    sim_timer_cancel(&core->timers, &job->timer);
    sim_timer_cancel(&core->timers, &job->selector_timer);
    sim_exceptions_reset(core, job);
    if (job->queue != NULL) {
        sim_line_leave(&job->queue->line, job);
    }
    sim_selectors_reset(&job->requested);
    sim_selectors_reset(&job->attached);
    list_remove(&job->in_stirred);
    list_remove(&job->in_scheduling);
    list_remove(&job->in_classifying);
    sim_entry_remove(&core->jobs, entry);
    free(job);
}
