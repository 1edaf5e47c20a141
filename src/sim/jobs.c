/* Jobs as resources: made, changed, read, deleted. */
#include "base/clock.h"
#include "sim/exception.h"
#include "sim/state.h"
#include <stdlib.h>

static int job_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                       struct json *body);
static int check_required(struct sim_core *core, const struct sim_entry *entry, const struct json *body,
                          struct sim_answer *answer);
static int check_status(const struct sim_job *job, const struct json *body, struct sim_answer *answer);
static int check_not_yet(const struct json *body, struct sim_answer *answer);
static int fill_defaults(const struct sim_core *core, struct json *body);
static void job_init(struct sim_entry *entry);
static void job_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static void read_job(struct sim_core *core, struct sim_job *job, const struct json *old);
static void begin(struct sim_core *core, struct sim_job *job);
static void change(struct sim_core *core, struct sim_job *job, const struct json *old);
static void enter_mode(struct sim_core *core, struct sim_job *job, bool is_new);
static bool is_mode(const struct sim_job *job, const char *kind);
static struct json *job_json(const struct sim_entry *entry);
static struct json *assignments_json(const struct sim_job *job);
static bool job_is_listed(const struct sim_entry *entry, const struct sim_filter *filter);
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
    if (check_not_yet(body, call->answer) < 0 || check_required(core, entry, body, call->answer) < 0) {
        return -1;
    }
    if (fill_defaults(core, body) < 0) {
        return sim_fail_memory(core, call->answer);
    }
    return job == NULL ? 0 : check_status(job, body, call->answer);
}

static int check_not_yet(const struct json *body, struct sim_answer *answer) {
    if (json_get(body, "classificationPolicyId") != NULL) {
        return sim_fail(
            answer, 501, "NotImplemented",
            "classificationPolicyId: classification policies are not part of the local Job Router yet");
    }
    return 0;
}

static int check_required(struct sim_core *core, const struct sim_entry *entry, const struct json *body,
                          struct sim_answer *answer) {
    const char *queue = json_get_string(body, "queueId");
    const char *channel = json_get_string(body, "channelId");
    if (queue == NULL || channel == NULL) {
        return sim_fail(answer, 400, "MissingMember", "a job needs \"%s\"",
                        channel == NULL ? "channelId" : "queueId");
    }
    if ((entry == NULL || sim_differs(entry->body, body, "queueId")) && sim_queue_find(core, queue) == NULL) {
        return sim_fail(answer, 400, "InvalidReference",
                        "\"queueId\": there is no queue \"%.200s\"; create it first", queue);
    }
    return 0;
}

/* What decides where a job goes cannot change any more once a worker has it. The same value again is no change. */
static int check_status(const struct sim_job *job, const struct json *body, struct sim_answer *answer) {
    static const char *const routing[] = {"queueId",      "channelId", "priority", "requestedWorkerSelectors",
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

static int fill_defaults(const struct sim_core *core, struct json *body) {
    int failed = 0;
    if (json_get(body, "priority") == NULL) {
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
    job->queue = sim_queue_find(core, json_get_string(job->entry.body, "queueId"));
    job->queue->open_count++;
    job->status = is_mode(job, "scheduleAndSuspend") ? SIM_JOB_PENDING_SCHEDULE
                  : is_mode(job, "suspend")          ? SIM_JOB_WAITING
                                                     : SIM_JOB_QUEUED;
    sim_job_age(core, job);
    sim_emit_received(core, job);
    sim_say(core, job->entry.id, "job created");
    enter_mode(core, job, true);
}

static void change(struct sim_core *core, struct sim_job *job, const struct json *old) {
    const struct json *body = job->entry.body;
    bool is_moved = sim_differs(old, body, "queueId");
    bool is_other = sim_differs(old, body, "channelId") || sim_differs(old, body, "requestedWorkerSelectors");
    bool has_mode = sim_differs(old, body, "matchingMode");
    if (sim_job_is_over(job)) {
        return;
    }
    if (has_mode || is_moved) {
        sim_job_dequeue(core, job);
    }
    if (is_moved) {
        job->queue->open_count--;
        job->queue = sim_queue_find(core, json_get_string(body, "queueId"));
        job->queue->open_count++;
    }
    if (has_mode) {
        sim_timer_cancel(&core->timers, &job->timer);
        list_remove(&job->in_scheduling);
        enter_mode(core, job, false);
    } else if (job->status == SIM_JOB_QUEUED && is_moved) {
        sim_job_enqueue(core, job);
    } else if (job->status == SIM_JOB_QUEUED) {
        if (is_other) {
            sim_job_revoke_offers(core, job);
        }
        sim_job_reorder(core, job);
        sim_selectors_begin(core, job);
        sim_job_stir(core, job);
    }
}

static void enter_mode(struct sim_core *core, struct sim_job *job, bool is_new) {
    if (is_mode(job, "scheduleAndSuspend")) {
        sim_job_schedule(core, job);
    } else if (is_mode(job, "suspend")) {
        sim_job_suspend(core, job);
    } else {
        if (!is_new) {
            sim_say(core, job->entry.id, "activated");
        }
        sim_job_enqueue(core, job);
    }
}

static bool is_mode(const struct sim_job *job, const char *kind) {
    return strcmp(json_get_string(json_get(job->entry.body, "matchingMode"), "kind"), kind) == 0;
}

static struct json *job_json(const struct sim_entry *entry) {
    static const char *const texts[] = {"channelReference", "channelId",       "queueId",
                                        "priority",         "dispositionCode", NULL};
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
    return is_of(job, filter->state) && (filter->queue_id[0] == '\0' || strcmp(queue, filter->queue_id) == 0) &&
           (filter->channel_id[0] == '\0' || strcmp(job->channel, filter->channel_id) == 0) &&
           filter->policy_id[0] == '\0' &&
           (!is_timed || (job->scheduled_us >= filter->after_us && job->scheduled_us <= filter->before_us &&
                          job->scheduled_us >= 0));
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
    sim_entry_remove(&core->jobs, entry);
    free(job);
}
