/* Which job is offered to whom.
 *
 * After each change nothing is left that could be offered, so only what the change touched is tried again: a job
 * that is new or free again against the workers of its queue; when a worker or a policy changed, the queue's jobs
 * in their order. */
#include "sim/state.h"

static void match_queue(struct sim_core *core, struct sim_queue *queue);
static int gather(struct sim_core *core, const struct sim_queue *queue);
static void offer_job(struct sim_core *core, struct sim_job *job, struct sim_members *workers, int32_t wanted);
static struct sim_worker *choose(struct sim_core *core, const struct sim_job *job,
                                 const struct sim_members *workers);
static bool is_eligible(const struct sim_job *job, const struct sim_worker *worker);
static bool is_declined(const struct sim_job *job, const struct sim_worker *worker);
static double load(const struct sim_worker *worker);
static bool holds(const struct json *selector, const struct json *label);
static int compare(const struct json *a, const struct json *b, bool *is_comparable);

void sim_job_stir(struct sim_core *core, struct sim_job *job) {
    if (job->status != SIM_JOB_QUEUED || list_is_linked(&job->in_stirred)) {
        return;
    }
    struct list_node *place = &core->stirred_jobs.head;
    while (place->previous != &core->stirred_jobs.head &&
           sim_line_before(job, CONTAINER_OF(place->previous, struct sim_job, in_stirred))) {
        place = place->previous;
    }
    list_insert_before(place, &job->in_stirred);
}

void sim_match(struct sim_core *core) {
    struct list_node *node;
    while ((node = list_take_first(&core->stirred_queues)) != NULL) {
        struct sim_queue *queue = CONTAINER_OF(node, struct sim_queue, in_stirred);
        match_queue(core, queue);
        queue->is_stirred_whole = false;
    }
    while (list_take_first(&core->stirred_workers) != NULL) {
    }
    LIST_EACH (&core->stirred_jobs, first) {
        struct sim_job *job = CONTAINER_OF(first, struct sim_job, in_stirred);
        offer_job(core, job, &job->queue->free, job->queue->policy->least_offers);
    }
    while ((node = list_take_first(&core->stirred_jobs)) != NULL) {
        struct sim_job *job = CONTAINER_OF(node, struct sim_job, in_stirred);
        offer_job(core, job, &job->queue->free, job->queue->policy->offers);
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

/* First each job, in order, gets the least number of offers that its policy wants; who is free then goes, in
 * order, to those that may have more. */
static void match_queue(struct sim_core *core, struct sim_queue *queue) {
    struct sim_members *candidates = &core->candidates;
    if (queue->line.length == 0 || gather(core, queue) < 0) {
        return;
    }
    int32_t least = queue->policy->least_offers, most = queue->policy->offers;
    for (int32_t wanted = least; candidates->count > 0; wanted = most) {
        struct sim_job *job = sim_line_first(&queue->line);
        for (; job != NULL && candidates->count > 0; job = sim_line_next(&queue->line, job)) {
            offer_job(core, job, candidates, wanted);
        }
        if (wanted == most) {
            return;
        }
    }
}

/* Who was not stirred was free before, and no waiting job could be offered to them. */
static int gather(struct sim_core *core, const struct sim_queue *queue) {
    struct sim_members *candidates = &core->candidates;
    candidates->count = 0;
    int failed = 0;
    if (queue->is_stirred_whole) {
        for (size_t i = 0; i < queue->free.count; i++) {
            failed |= sim_members_add(candidates, queue->free.items[i]);
        }
    } else {
        LIST_EACH (&core->stirred_workers, node) {
            struct sim_worker *worker = CONTAINER_OF(node, struct sim_worker, in_stirred);
            if (worker->is_free && sim_members_have(&queue->free, worker)) {
                failed |= sim_members_add(candidates, worker);
            }
        }
    }
    core->is_broken |= failed != 0;
    return failed;
}

/* To the best of these, until it has that many. An offer takes a worker without further room from the queue's free
 * members. */
static void offer_job(struct sim_core *core, struct sim_job *job, struct sim_members *workers, int32_t wanted) {
    while (job->offer_count < (size_t)wanted && !core->is_broken) {
        struct sim_worker *worker = choose(core, job, workers);
        if (worker == NULL) {
            return;
        }
        memcpy(job->queue->last_offered, worker->entry.id, strlen(worker->entry.id) + 1);
        sim_offer_issue(core, job, worker, sim_worker_channel(worker, job->channel)->cost);
        if (!worker->is_free) {
            sim_members_remove(workers, worker);
        }
    }
}

static struct sim_worker *choose(struct sim_core *core, const struct sim_job *job,
                                 const struct sim_members *workers) {
    enum sim_mode mode = job->queue->policy->mode;
    size_t start = mode == SIM_ROUND_ROBIN ? sim_members_after(workers, job->queue->last_offered) : 0;
    struct sim_worker *best = NULL;
    double best_score = 0;
    for (size_t i = 0; i < workers->count; i++) {
        struct sim_worker *worker = workers->items[(start + i) % workers->count];
        if (!is_eligible(job, worker)) {
            continue;
        }
        if (mode == SIM_ROUND_ROBIN) {
            return worker;
        }
        double score = mode == SIM_BEST_WORKER ? sim_score(core, job, worker) : -load(worker);
        if (best == NULL || score > best_score ||
            (!(score < best_score) && worker->idle_since_us < best->idle_since_us)) {
            best = worker;
            best_score = score;
        }
    }
    return best;
}

static bool is_eligible(const struct sim_job *job, const struct sim_worker *worker) {
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

static double load(const struct sim_worker *worker) {
    return (double)worker->used / worker->capacity;
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
