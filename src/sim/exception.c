/* When rules fire, and what they do. */
#include "sim/exception.h"
#include "sim/classify.h"

/* Of one job at one moment: two queues whose rules hand a job to each other would go on forever. */
enum { MOST_AT_ONCE = 16 };

static void on_wait(struct sim_core *core, struct sim_timer *timer);
static void fire_due(struct sim_core *core, struct sim_job *job, enum sim_trigger trigger);
static bool is_due(const struct sim_core *core, const struct sim_job *job, const struct sim_exception_rule *rule);
static bool has_fired(const struct sim_job *job, const char *rule);
static void fire(struct sim_core *core, struct sim_job *job, const struct sim_exception_rule *rule);
static bool may_fire(struct sim_core *core, struct sim_job *job);
static void act(struct sim_core *core, struct sim_job *job, const struct json *action);
static void cancel(struct sim_core *core, struct sim_job *job, const struct json *action);
static void reclassify_by_hand(struct sim_core *core, struct sim_job *job, const struct json *action);
static void reclassify(struct sim_core *core, struct sim_job *job, const struct json *action);
static struct json *changed_body(const struct sim_job *job, const struct json *action);
static void arm(struct sim_core *core, struct sim_job *job);

void sim_exceptions_begin(struct sim_core *core, struct sim_job *job) {
    struct sim_exceptions *exceptions = &job->exceptions;
    const struct sim_exception_policy *policy = job->queue->exception_policy;
    json_free(exceptions->fired);
    exceptions->fired = NULL;
    exceptions->since_us = core->now_us;
    if (policy != NULL && !list_is_linked(&exceptions->in_excepting)) {
        list_append(&core->excepting, &exceptions->in_excepting);
    }
    arm(core, job);
}

void sim_exceptions_resume(struct sim_core *core, struct sim_job *job) {
    arm(core, job);
}

void sim_exceptions_pause(struct sim_core *core, struct sim_job *job) {
    sim_timer_cancel(&core->timers, &job->exceptions.timer);
    list_remove(&job->exceptions.in_excepting);
}

void sim_exceptions_reset(struct sim_core *core, struct sim_job *job) {
    sim_exceptions_pause(core, job);
    json_free(job->exceptions.fired);
    job->exceptions.fired = NULL;
}

void sim_exceptions_rearm(struct sim_core *core, struct sim_queue *queue) {
    for (struct sim_job *job = sim_line_first(&queue->line); job != NULL; job = sim_line_next(&queue->line, job)) {
        arm(core, job);
    }
}

bool sim_exceptions_settle(struct sim_core *core) {
    bool were_any = false;
    struct list_node *node;
    while ((node = list_take_first(&core->excepting)) != NULL) {
        fire_due(core, CONTAINER_OF(node, struct sim_job, exceptions.in_excepting), SIM_TRIGGER_LENGTH);
        were_any = true;
    }
    return were_any;
}

static void on_wait(struct sim_core *core, struct sim_timer *timer) {
    fire_due(core, CONTAINER_OF(timer, struct sim_job, exceptions.timer), SIM_TRIGGER_WAIT);
}

static void fire_due(struct sim_core *core, struct sim_job *job, enum sim_trigger trigger) {
    const struct sim_queue *queue = job->queue;
    const struct sim_exception_policy *policy = queue->exception_policy;
    uint64_t turn = job->turn;
    for (size_t i = 0; policy != NULL && i < policy->rule_count; i++) {
        const struct sim_exception_rule *rule = &policy->rules[i];
        if (rule->trigger != trigger || !is_due(core, job, rule) || has_fired(job, rule->id)) {
            continue;
        }
        fire(core, job, rule);
        if (job->lane == NULL || job->queue != queue || job->turn != turn) {
            return; /* it does not wait there any more: the other rules are of another time */
        }
    }
    arm(core, job);
}

static bool is_due(const struct sim_core *core, const struct sim_job *job, const struct sim_exception_rule *rule) {
    return rule->trigger == SIM_TRIGGER_LENGTH ? job->queue->line.length > (size_t)rule->threshold
                                               : core->now_us - job->exceptions.since_us >= rule->threshold_us;
}

static bool has_fired(const struct sim_job *job, const char *rule) {
    const struct json *fired = json_first(job->exceptions.fired);
    while (fired != NULL && strcmp(json_string_of(fired), rule) != 0) {
        fired = json_next(fired);
    }
    return fired != NULL;
}

static void fire(struct sim_core *core, struct sim_job *job, const struct sim_exception_rule *rule) {
    if (job->exceptions.fired == NULL) {
        job->exceptions.fired = json_array();
    }
    core->is_broken |= json_push(job->exceptions.fired, json_text(rule->id)) < 0;
    if (core->is_broken || !may_fire(core, job)) {
        return;
    }
    sim_emit_exception(core, job, rule->id);
    sim_say(core, job->entry.id, "exception rule %s in %s", rule->id, job->queue->entry.id);
    const struct json *action = json_first(rule->actions);
    for (; action != NULL && !sim_job_is_over(job); action = json_next(action)) {
        act(core, job, action);
    }
}

static bool may_fire(struct sim_core *core, struct sim_job *job) {
    struct sim_exceptions *exceptions = &job->exceptions;
    if (exceptions->moment_us != core->now_us) {
        exceptions->moment_us = core->now_us;
        exceptions->moment_count = 0;
    }
    if (++exceptions->moment_count <= MOST_AT_ONCE) {
        return true;
    }
    sim_say(core, job->entry.id, "stays in %s: %d exception rules fired at this moment, each leading to the next",
            job->queue->entry.id, MOST_AT_ONCE);
    return false;
}

static void act(struct sim_core *core, struct sim_job *job, const struct json *action) {
    const char *kind = json_get_string(action, "kind");
    if (strcmp(kind, "cancel") == 0) {
        cancel(core, job, action);
    } else if (strcmp(kind, "manualReclassify") == 0) {
        reclassify_by_hand(core, job, action);
    } else {
        reclassify(core, job, action);
    }
}

static void cancel(struct sim_core *core, struct sim_job *job, const struct json *action) {
    core->is_broken |= sim_job_cancel_as(core, job, json_get_string(action, "note"),
                                         json_get_string(action, "dispositionCode")) < 0;
}

/* As if somebody had patched the job. A job that stays in its queue keeps its age there. */
static void reclassify_by_hand(struct sim_core *core, struct sim_job *job, const struct json *action) {
    const char *id = json_get_string(action, "queueId");
    const struct sim_queue *queue = job->queue;
    if (id != NULL && sim_queue_find(core, id) == NULL) {
        sim_say(core, job->entry.id, "stays in %s: the queue %s of the exception rule is gone", queue->entry.id,
                id);
        return;
    }
    struct json *old = job->entry.body;
    struct json *body = changed_body(job, action);
    if (body == NULL) {
        core->is_broken = true;
        return;
    }
    bool has_selectors = sim_differs(old, body, "requestedWorkerSelectors"); /* these queue it again as well */
    job->entry.body = body;
    sim_entry_touch(core, &job->entry);
    sim_job_kind.apply(core, &job->entry, old);
    json_free(old);
    if (job->queue == queue && job->status == SIM_JOB_QUEUED && !has_selectors) {
        sim_emit_queued(core, job);
        sim_say(core, job->entry.id, "queued in %s again, priority %d", queue->entry.id, (int)job->priority);
    }
}

static struct json *changed_body(const struct sim_job *job, const struct json *action) {
    struct json *body = json_copy(job->entry.body);
    const struct json *selectors = json_get(action, "workerSelectors");
    static const char *const names[] = {"queueId", "priority", NULL};
    int failed = body == NULL ? -1 : 0;
    for (const char *const *name = names; failed == 0 && *name != NULL; name++) {
        const struct json *value = json_get(action, *name);
        failed = json_kind(value) == JSON_NULL ? 0 : json_put(body, *name, json_copy(value));
    }
    if (failed == 0 && json_kind(selectors) == JSON_ARRAY) {
        failed = json_put(body, "requestedWorkerSelectors", json_copy(selectors));
    }
    if (failed) {
        json_free(body);
        return NULL;
    }
    return body;
}

/* Where it goes is the policy's affair; it is applied when what happens now is settled. */
static void reclassify(struct sim_core *core, struct sim_job *job, const struct json *action) {
    const char *id = json_get_string(action, "classificationPolicyId");
    const struct json *labels = json_get(action, "labelsToUpsert");
    if (id != NULL && sim_find(&core->classifications, id) == NULL) {
        sim_say(core, job->entry.id,
                "stays where it is: the classification policy %s of the exception rule is gone", id);
    } else if (sim_job_reclassify(core, job, id, json_kind(labels) == JSON_OBJECT ? labels : NULL) < 0) {
        sim_say(core, job->entry.id, "stays where it is: neither it nor the exception rule names a policy");
    }
}

/* The timer to the first wait time that is not over. */
static void arm(struct sim_core *core, struct sim_job *job) {
    const struct sim_exception_policy *policy = job->queue->exception_policy;
    int64_t next_us = SIM_NEVER;
    for (size_t i = 0; policy != NULL && i < policy->rule_count; i++) {
        const struct sim_exception_rule *rule = &policy->rules[i];
        int64_t at_us = job->exceptions.since_us + rule->threshold_us;
        if (rule->trigger == SIM_TRIGGER_WAIT && at_us < next_us && !has_fired(job, rule->id)) {
            next_us = at_us;
        }
    }
    if (next_us == SIM_NEVER) {
        sim_timer_cancel(&core->timers, &job->exceptions.timer);
        return;
    }
    next_us = next_us < core->now_us ? core->now_us : next_us;
    core->is_broken |= sim_timer_set(&core->timers, &job->exceptions.timer, next_us, on_wait) < 0;
}
