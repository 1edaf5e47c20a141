/* Where a job stands in its queue, and what there is to say of a queue.
 *
 * Waits are estimated by the queue's pace: the mean time from one acceptance to the next, counted only while the
 * accepted job waited, newer ones for more than older ones. A queue of which nothing was accepted yet goes by how
 * long an offer is open. */
#include "base/clock.h"
#include "sim/state.h"
#include <math.h>
#include <stdio.h>

enum { PACE_WEIGHT = 8 };

static double estimate_minutes(const struct sim_queue *queue, size_t place);
static struct json *estimates_json(const struct sim_queue *queue);
static int64_t oldest_us(const struct sim_queue *queue);

void sim_queue_count_accept(struct sim_core *core, const struct sim_job *job) {
    struct sim_queue *queue = job->queue;
    int64_t since = queue->accepted_us > job->enqueued_us ? queue->accepted_us : job->enqueued_us;
    int64_t took = core->now_us - since;
    queue->pace_us = queue->pace_us < 0 ? took : queue->pace_us + (took - queue->pace_us) / PACE_WEIGHT;
    queue->accepted_us = core->now_us;
}

void sim_job_position(struct sim_core *core, struct sim_call *call) {
    struct sim_entry *entry = sim_find(&core->jobs, call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, "job", call->ids[0]);
        return;
    }
    const struct sim_job *job = CONTAINER_OF(entry, struct sim_job, entry);
    if (job->status != SIM_JOB_QUEUED) {
        sim_fail(call->answer, 409, "InvalidJobState", "the job is %s: only a queued job has a position",
                 sim_job_status_name(job->status));
        return;
    }
    size_t place = sim_line_place(&job->queue->line, job);
    struct json *value = json_object();
    int failed = json_put(value, "jobId", json_text(entry->id));
    failed |= json_put(value, "position", json_double((double)place));
    failed |= json_put(value, "queueId", json_text(job->queue->entry.id));
    failed |= json_put(value, "queueLength", json_double((double)job->queue->line.length));
    failed |= json_put(value, "estimatedWaitTimeMinutes", json_double(estimate_minutes(job->queue, place)));
    if (failed) {
        json_free(value);
        value = NULL;
    }
    sim_succeed(core, call->answer, 200, value);
}

void sim_queue_statistics(struct sim_core *core, struct sim_call *call) {
    const struct sim_queue *queue = sim_queue_find(core, call->ids[0]);
    if (queue == NULL) {
        sim_fail_unknown(call->answer, "queue", call->ids[0]);
        return;
    }
    int64_t waited_us = queue->line.length == 0 ? 0 : core->now_us - oldest_us(queue);
    struct json *value = json_object();
    int failed = json_put(value, "queueId", json_text(queue->entry.id));
    failed |= json_put(value, "length", json_double((double)queue->line.length));
    failed |= json_put(value, "estimatedWaitTimeMinutes", estimates_json(queue));
    failed |= json_put(value, "longestJobWaitTimeMinutes",
                       json_double((double)waited_us / (60 * (double)CLOCK_US_PER_S)));
    if (failed) {
        json_free(value);
        value = NULL;
    }
    sim_succeed(core, call->answer, 200, value);
}

/* Whole minutes, rounded up, as the REST contract has them. */
static double estimate_minutes(const struct sim_queue *queue, size_t place) {
    int64_t pace_us = queue->pace_us < 0 ? queue->policy->offer_us : queue->pace_us;
    return ceil((double)place * (double)pace_us / (60 * (double)CLOCK_US_PER_S));
}

/* For each priority that waits: how long the next job of it would. */
static struct json *estimates_json(const struct sim_queue *queue) {
    struct json *value = json_object();
    int failed = 0;
    for (size_t i = 0; i < queue->line.count; i++) {
        int32_t priority = queue->line.lanes[i]->priority;
        char name[16];
        snprintf(name, sizeof name, "%d", (int)priority);
        size_t place = sim_line_ahead(&queue->line, priority) + 1;
        failed |= json_put(value, name, json_double(estimate_minutes(queue, place)));
    }
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

/* The first of each lane is its oldest. */
static int64_t oldest_us(const struct sim_queue *queue) {
    int64_t oldest = SIM_NEVER;
    for (size_t i = 0; i < queue->line.count; i++) {
        const struct sim_job *job = CONTAINER_OF(list_first(&queue->line.lanes[i]->jobs), struct sim_job, in_lane);
        oldest = job->enqueued_us < oldest ? job->enqueued_us : oldest;
    }
    return oldest;
}
