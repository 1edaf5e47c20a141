/* Offers: made, accepted, declined, revoked, expired. */
#include "base/clock.h"
#include "sim/state.h"
#include <stdlib.h>

static void expire(struct sim_core *core, struct sim_timer *timer);
static struct sim_offer *find_open(struct sim_core *core, const struct sim_call *call);
static struct sim_assignment *assign(struct sim_core *core, struct sim_offer *offer);
static struct json *accepted_json(const struct sim_assignment *assignment);
static int remember_decline(struct sim_core *core, const struct sim_offer *offer, int64_t retry_us);
static void offer_again(struct sim_core *core, struct sim_timer *timer);

void sim_offer_issue(struct sim_core *core, struct sim_job *job, struct sim_worker *worker, int32_t cost) {
    char id[SIM_UUID_SIZE];
    sim_uuid(core, id);
    struct sim_offer *offer = calloc(1, sizeof *offer);
    if (offer == NULL || sim_entry_add(&core->offers, &offer->entry, id) < 0) {
        free(offer);
        core->is_broken = true;
        return;
    }
    offer->job = job;
    offer->worker = worker;
    offer->cost = cost;
    offer->offered_us = core->now_us;
    offer->expires_us = core->now_us + job->queue->policy->offer_us;
    list_append(&job->offers, &offer->in_job);
    list_append(&worker->offers, &offer->in_worker);
    job->offer_count++;
    worker->used += cost;
    sim_worker_recount(core, worker);
    core->is_broken |= sim_timer_set(&core->timers, &offer->timer, offer->expires_us, expire) < 0;
    sim_emit_offer(core, offer, SIM_OFFER_WAS_ISSUED, NULL);
    sim_say(core, job->entry.id, "offered to %s", worker->entry.id);
}

void sim_offer_end(struct sim_core *core, struct sim_offer *offer, enum sim_offer_state state) {
    static const struct {
        enum sim_offer_event event;
        const char *words;
    } endings[] = {
        [SIM_OFFER_DECLINED] = {SIM_OFFER_WAS_DECLINED, "declined by"},
        [SIM_OFFER_REVOKED] = {SIM_OFFER_WAS_REVOKED, "offer revoked from"},
        [SIM_OFFER_EXPIRED] = {SIM_OFFER_WAS_EXPIRED, "offer expired at"},
    };
    struct sim_job *job = offer->job;
    struct sim_worker *worker = offer->worker;
    offer->state = state;
    sim_timer_cancel(&core->timers, &offer->timer);
    list_remove(&offer->in_job);
    list_remove(&offer->in_worker);
    list_append(&job->past_offers, &offer->in_job);
    list_append(&worker->past_offers, &offer->in_worker);
    job->offer_count--;
    worker->used -= offer->cost;
    if (state == SIM_OFFER_ACCEPTED) {
        return; /* the assignment takes what the offer gave back */
    }
    sim_worker_recount(core, worker);
    sim_emit_offer(core, offer, endings[state].event, NULL);
    sim_say(core, job->entry.id, "%s %s", endings[state].words, worker->entry.id);
    sim_worker_stir(core, worker);
    sim_job_stir(core, job);
}

void sim_offer_free(struct sim_core *core, struct sim_offer *offer) {
    sim_timer_cancel(&core->timers, &offer->timer);
    list_remove(&offer->in_job);
    list_remove(&offer->in_worker);
    sim_entry_remove(&core->offers, &offer->entry);
    free(offer);
}

void sim_decline_free(struct sim_core *core, struct sim_decline *decline) {
    sim_timer_cancel(&core->timers, &decline->retry);
    list_remove(&decline->in_job);
    free(decline);
}

void sim_offer_accept(struct sim_core *core, struct sim_call *call) {
    struct sim_offer *offer = find_open(core, call);
    if (offer == NULL) {
        return;
    }
    struct sim_job *job = offer->job;
    struct sim_assignment *assignment = assign(core, offer);
    if (assignment == NULL) {
        sim_fail_memory(core, call->answer);
        return;
    }
    sim_queue_count_accept(core, job);
    sim_job_set_status(core, job, SIM_JOB_ASSIGNED);
    sim_emit_offer(core, offer, SIM_OFFER_WAS_ACCEPTED, assignment->id);
    sim_say(core, job->entry.id, "accepted by %s", assignment->worker_id);
    sim_job_dequeue(core, job);
    sim_succeed(core, call->answer, 200, accepted_json(assignment));
}

void sim_offer_decline(struct sim_core *core, struct sim_call *call) {
    struct sim_offer *offer = find_open(core, call);
    if (offer == NULL) {
        return;
    }
    int64_t retry_us = -1;
    const char *retry = json_get_string(call->body, "retryOfferAt");
    if (retry != NULL && clock_parse(retry, strlen(retry), &retry_us) < 0) {
        sim_fail(call->answer, 400, "InvalidMember", "\"retryOfferAt\" is no date and time");
        return;
    }
    if (remember_decline(core, offer, retry_us) < 0) {
        sim_fail_memory(core, call->answer);
        return;
    }
    sim_offer_end(core, offer, SIM_OFFER_DECLINED);
    sim_succeed(core, call->answer, 200, json_object());
}

/* Who does not answer an offer is taken to be away: the service deregisters the worker. */
static void expire(struct sim_core *core, struct sim_timer *timer) {
    struct sim_offer *offer = CONTAINER_OF(timer, struct sim_offer, timer);
    sim_offer_end(core, offer, SIM_OFFER_EXPIRED);
    if (offer->worker->state == SIM_WORKER_ACTIVE) {
        sim_worker_deregister(core, offer->worker);
    }
}

static struct sim_offer *find_open(struct sim_core *core, const struct sim_call *call) {
    static const char *const fates[] = {"open", "accepted", "declined", "revoked", "expired"};
    static const char *const codes[] = {"", "OfferAccepted", "OfferDeclined", "OfferRevoked", "OfferExpired"};
    if (sim_worker_find(core, call->ids[0]) == NULL) {
        sim_fail_unknown(call->answer, "worker", call->ids[0]);
        return NULL;
    }
    struct sim_entry *entry = sim_find(&core->offers, call->ids[1]);
    struct sim_offer *offer = entry == NULL ? NULL : CONTAINER_OF(entry, struct sim_offer, entry);
    if (offer == NULL || strcmp(offer->worker->entry.id, call->ids[0]) != 0) {
        sim_fail_unknown(call->answer, "offer to this worker", call->ids[1]);
        return NULL;
    }
    if (offer->state != SIM_OFFER_OPEN) {
        sim_fail(call->answer, 409, codes[offer->state], "this offer was %s already; its job is %s now",
                 fates[offer->state], sim_job_status_name(offer->job->status));
        return NULL;
    }
    return offer;
}

/* The offer ends, and what it took of the worker's capacity goes to the assignment. */
static struct sim_assignment *assign(struct sim_core *core, struct sim_offer *offer) {
    struct sim_assignment *assignment = calloc(1, sizeof *assignment);
    if (assignment == NULL || (assignment->worker_id = strdup(offer->worker->entry.id)) == NULL) {
        free(assignment);
        return NULL;
    }
    sim_uuid(core, assignment->id);
    assignment->job = offer->job;
    assignment->worker = offer->worker;
    assignment->cost = offer->cost;
    assignment->assigned_us = core->now_us;
    assignment->completed_us = assignment->closed_us = -1;
    sim_offer_end(core, offer, SIM_OFFER_ACCEPTED);
    list_append(&offer->job->assignments, &assignment->in_job);
    list_append(&offer->worker->assignments, &assignment->in_worker);
    offer->worker->used += assignment->cost;
    return assignment;
}

static struct json *accepted_json(const struct sim_assignment *assignment) {
    struct json *value = json_object();
    int failed = json_put(value, "assignmentId", json_text(assignment->id));
    failed |= json_put(value, "jobId", json_text(assignment->job->entry.id));
    failed |= json_put(value, "workerId", json_text(assignment->worker_id));
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

/* A decline holds for the registration it was given in; with a time to retry, until then. */
static int remember_decline(struct sim_core *core, const struct sim_offer *offer, int64_t retry_us) {
    if (retry_us >= 0 && retry_us <= core->now_us) {
        return 0;
    }
    struct sim_decline *decline = calloc(1, sizeof *decline);
    if (decline == NULL ||
        (retry_us >= 0 && sim_timer_set(&core->timers, &decline->retry, retry_us, offer_again) < 0)) {
        free(decline);
        return -1;
    }
    decline->registration = offer->worker->registration;
    decline->job = offer->job;
    list_append(&offer->job->declines, &decline->in_job);
    return 0;
}

static void offer_again(struct sim_core *core, struct sim_timer *timer) {
    struct sim_decline *decline = CONTAINER_OF(timer, struct sim_decline, retry);
    struct sim_job *job = decline->job;
    sim_decline_free(core, decline);
    sim_job_stir(core, job);
}
