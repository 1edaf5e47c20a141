/* Which job is offered to whom.
 *
 * After each change nothing is left that could be offered, so only what the change touched is tried again: a job
 * that is new or free again against the workers of its queue; when a worker or a policy changed, the queue's jobs
 * in their order. */
#include "sim/state.h"

static void match_queue(struct sim_core *core, struct sim_queue *queue);
static void match_line(struct sim_core *core, struct sim_line *line, int32_t wanted);
static void match_lane(struct sim_core *core, const struct sim_lane *lane, int32_t wanted);
static void pass_unfit(const struct sim_members *candidates, const struct sim_lane *lane);
static struct sim_job *take_next(const struct sim_lane *lane);
static int gather(struct sim_core *core, const struct sim_queue *queue);
static void offer_job(struct sim_core *core, struct sim_job *job, struct sim_members *workers, int32_t wanted);
static struct sim_worker *choose(struct sim_core *core, const struct sim_job *job,
                                 const struct sim_members *workers);
static bool fits(const struct sim_job *job, const struct sim_worker *worker);
static int32_t count_jobs(const struct sim_worker *worker, const char *channel);
static bool is_offered(const struct sim_job *job, const struct sim_worker *worker);
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
    if (queue->line.length == 0 || gather(core, queue) < 0) {
        return;
    }
    int32_t least = queue->policy->least_offers, most = queue->policy->offers;
    match_line(core, &queue->line, least);
    if (most > least) {
        match_line(core, &queue->line, most);
    }
}

static void match_line(struct sim_core *core, struct sim_line *line, int32_t wanted) {
    for (size_t i = 0; i < line->count && core->candidates.count > 0; i++) {
        match_lane(core, line->lanes[i], wanted);
    }
}

/* Its jobs in their order, but none of a group that no candidate fits. */
static void match_lane(struct sim_core *core, const struct sim_lane *lane, int32_t wanted) {
    for (size_t i = 0; i < lane->group_count; i++) {
        lane->groups[i]->next = list_first(&lane->groups[i]->jobs);
    }
    pass_unfit(&core->candidates, lane);
    for (struct sim_job *job = take_next(lane); job != NULL; job = take_next(lane)) {
        size_t before = job->offer_count;
        offer_job(core, job, &core->candidates, wanted);
        if (job->offer_count != before) {
            pass_unfit(&core->candidates, lane);
        }
    }
}

static void pass_unfit(const struct sim_members *candidates, const struct sim_lane *lane) {
    for (size_t i = 0; i < lane->group_count; i++) {
        struct sim_group *group = lane->groups[i];
        bool is_fit = false;
        for (size_t k = 0; group->next != NULL && !is_fit && k < candidates->count; k++) {
            is_fit = fits(CONTAINER_OF(group->next, struct sim_job, in_group), candidates->items[k]);
        }
        group->next = is_fit ? group->next : NULL;
    }
}

/* The first of all groups. */
static struct sim_job *take_next(const struct sim_lane *lane) {
    struct sim_group *first = NULL;
    struct sim_job *job = NULL;
    for (size_t i = 0; i < lane->group_count; i++) {
        struct sim_group *group = lane->groups[i];
        if (group->next != NULL) {
            struct sim_job *other = CONTAINER_OF(group->next, struct sim_job, in_group);
            if (job == NULL || other->turn < job->turn) {
                job = other;
                first = group;
            }
        }
    }
    if (first != NULL) {
        first->next = first->next->next == &first->jobs.head ? NULL : first->next->next;
    }
    return job;
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
        if (is_offered(job, worker) || is_declined(job, worker) || !fits(job, worker)) {
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

/* What holds for all jobs of a group. */
static bool fits(const struct sim_job *job, const struct sim_worker *worker) {
    const struct sim_channel *channel = sim_worker_channel(worker, job->channel);
    if (channel == NULL || worker->used + channel->cost > worker->capacity) {
        return false;
    }
    if (channel->most < INT32_MAX && count_jobs(worker, job->channel) >= channel->most) {
        return false;
    }
    return job->queue->policy->is_bypassing || sim_job_accepts(job, json_get(worker->entry.body, "labels"));
}

static int32_t count_jobs(const struct sim_worker *worker, const char *channel) {
    int32_t count = 0;
    LIST_EACH (&worker->offers, node) {
        count += strcmp(CONTAINER_OF(node, struct sim_offer, in_worker)->job->channel, channel) == 0;
    }
    LIST_EACH (&worker->assignments, node) {
        count += strcmp(CONTAINER_OF(node, struct sim_assignment, in_worker)->job->channel, channel) == 0;
    }
    return count;
}

static bool is_offered(const struct sim_job *job, const struct sim_worker *worker) {
    LIST_EACH (&job->offers, node) {
        if (CONTAINER_OF(node, struct sim_offer, in_job)->worker == worker) {
            return true;
        }
    }
    return false;
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
