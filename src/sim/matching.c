/* Which job is offered to whom.
 *
 * After each change nothing is left that could be offered, so only what the change touched is tried again: a job
 * that is new or free again against the workers of its queue; when a worker or a policy changed, the queue's jobs
 * in their order. */
#include "sim/state.h"

static void match_queue(struct sim_core *core, struct sim_queue *queue);
static bool has_room(const struct sim_queue *queue);
static void match_job(struct sim_core *core, struct sim_job *job);
static struct sim_worker *choose(const struct sim_job *job);
static bool is_eligible(const struct sim_job *job, const struct sim_worker *worker);
static bool is_declined(const struct sim_job *job, const struct sim_worker *worker);
static bool is_better(const struct sim_worker *a, const struct sim_worker *b);
static bool holds(const struct json *selector, const struct json *label);
static int compare(const struct json *a, const struct json *b, bool *is_comparable);

void sim_job_stir(struct sim_core *core, struct sim_job *job) {
    if (job->status == SIM_JOB_QUEUED && !list_is_linked(&job->in_stirred)) {
        list_append(&core->stirred_jobs, &job->in_stirred);
    }
}

void sim_match(struct sim_core *core) {
    struct list_node *node;
    while ((node = list_take_first(&core->stirred_queues)) != NULL) {
        match_queue(core, CONTAINER_OF(node, struct sim_queue, in_stirred));
    }
    while ((node = list_take_first(&core->stirred_jobs)) != NULL) {
        match_job(core, CONTAINER_OF(node, struct sim_job, in_stirred));
    }
}

const struct sim_channel *sim_worker_channel(const struct sim_worker *worker, const char *channel) {
    for (size_t i = 0; i < worker->channel_count; i++) {
        if (strcmp(worker->channels[i].id, channel) == 0) {
            return &worker->channels[i];
        }
    }
    return NULL;
}

bool sim_selector_holds(const struct json *selector, const struct json *labels) {
    return holds(selector, json_get(labels, json_get_string(selector, "key")));
}

bool sim_selectors_hold(const struct json *selectors, const struct json *labels) {
    for (const struct json *selector = json_first(selectors); selector != NULL; selector = json_next(selector)) {
        if (!sim_selector_holds(selector, labels)) {
            return false;
        }
    }
    return true;
}

static void match_queue(struct sim_core *core, struct sim_queue *queue) {
    if (!has_room(queue)) {
        return;
    }
    for (struct sim_job *job = sim_line_first(&queue->line); job != NULL; job = sim_line_next(&queue->line, job)) {
        size_t before = job->offer_count;
        match_job(core, job);
        if (job->offer_count != before && !has_room(queue)) {
            return;
        }
    }
}

static bool has_room(const struct sim_queue *queue) {
    for (size_t i = 0; i < queue->member_count; i++) {
        const struct sim_worker *worker = queue->members[i];
        if (worker->state == SIM_WORKER_ACTIVE && worker->used < worker->capacity) {
            return true;
        }
    }
    return false;
}

static void match_job(struct sim_core *core, struct sim_job *job) {
    while (job->status == SIM_JOB_QUEUED && job->offer_count < (size_t)job->queue->policy->offers &&
           !core->is_broken) {
        struct sim_worker *worker = choose(job);
        if (worker == NULL) {
            return;
        }
        memcpy(job->queue->last_offered, worker->entry.id, strlen(worker->entry.id) + 1);
        sim_offer_issue(core, job, worker, sim_worker_channel(worker, job->channel)->cost);
    }
}

static struct sim_worker *choose(const struct sim_job *job) {
    const struct sim_queue *queue = job->queue;
    struct sim_worker *best = NULL;
    struct sim_worker *first = NULL; /* round robin: the first of all, when none comes after the last */
    for (size_t i = 0; i < queue->member_count; i++) {
        struct sim_worker *worker = queue->members[i];
        if (!is_eligible(job, worker)) {
            continue;
        }
        if (!queue->policy->is_round_robin) {
            best = best == NULL || is_better(worker, best) ? worker : best;
        } else if (strcmp(worker->entry.id, queue->last_offered) > 0) {
            return worker;
        } else if (first == NULL) {
            first = worker;
        }
    }
    return queue->policy->is_round_robin ? first : best;
}

static bool is_eligible(const struct sim_job *job, const struct sim_worker *worker) {
    if (worker->state != SIM_WORKER_ACTIVE || worker->used >= worker->capacity) {
        return false;
    }
    const struct sim_channel *channel = sim_worker_channel(worker, job->channel);
    if (channel == NULL || worker->used + channel->cost > worker->capacity) {
        return false;
    }
    int32_t count = 0;
    LIST_EACH (&worker->offers, node) {
        const struct sim_job *other = CONTAINER_OF(node, struct sim_offer, in_worker)->job;
        if (other == job) {
            return false;
        }
        count += strcmp(other->channel, job->channel) == 0;
    }
    LIST_EACH (&worker->assignments, node) {
        count += strcmp(CONTAINER_OF(node, struct sim_assignment, in_worker)->job->channel, job->channel) == 0;
    }
    if (count >= channel->most || is_declined(job, worker)) {
        return false;
    }
    return job->queue->policy->is_bypassing || sim_job_accepts(job, json_get(worker->entry.body, "labels"));
}

static bool is_declined(const struct sim_job *job, const struct sim_worker *worker) {
    LIST_EACH (&job->declines, node) {
        if (CONTAINER_OF(node, struct sim_decline, in_job)->registration == worker->registration) {
            return true;
        }
    }
    return false;
}

/* Longest idle: the lower load first, then who has been free for longer; members come by id. */
static bool is_better(const struct sim_worker *a, const struct sim_worker *b) {
    int64_t left = a->used * b->capacity, right = b->used * a->capacity;
    return left != right ? left < right : a->idle_since_us < b->idle_since_us;
}

/* A label that is not there, or of another kind, is not equal to anything and is neither less nor greater. */
static bool holds(const struct json *selector, const struct json *label) {
    const char *operator= json_get_string(selector, "labelOperator");
    bool is_comparable = false;
    int order = compare(label, json_get(selector, "value"), &is_comparable);
    if (strcmp(operator, "equal") == 0) {
        return is_comparable && order == 0;
    }
    if (strcmp(operator, "notEqual") == 0) {
        return !is_comparable || order != 0;
    }
    if (!is_comparable || json_kind(label) == JSON_BOOLEAN) {
        return false;
    }
    bool is_less = strncmp(operator, "less", 4) == 0;
    bool may_be_equal = strstr(operator, "OrEqual") != NULL;
    return (order == 0 && may_be_equal) || (is_less ? order < 0 : order > 0);
}

static int compare(const struct json *a, const struct json *b, bool *is_comparable) {
    if (json_kind(a) != json_kind(b) || json_kind(a) == JSON_NULL) {
        return 0;
    }
    *is_comparable = true;
    if (json_kind(a) == JSON_STRING) {
        return strcmp(json_string_of(a), json_string_of(b));
    }
    if (json_kind(a) == JSON_BOOLEAN) {
        return json_bool_of(a, false) - json_bool_of(b, false);
    }
    double left = json_double_of(a, 0), right = json_double_of(b, 0);
    return (left > right) - (left < right);
}
