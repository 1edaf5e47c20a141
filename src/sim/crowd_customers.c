/* The customers: when they come, what they want, and how long they wait for it. And what became of every job. */
#include "sim/crowd_parts.h"
#include "sim/state.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void plan_arrival(struct crowd_stream *stream);
static int64_t draw_arrival(struct crowd_stream *stream);
static void arrive(struct sim_core *core, struct sim_timer *timer);
static void put_labels(struct buffer *body, struct crowd_stream *stream);
static void put_callback(struct buffer *body, struct crowd_stream *stream);
static const char *choose(struct random *random, const struct scenario_label *label);
static struct crowd_job *know(struct crowd *crowd, const char *id, struct crowd_stream *stream);
static int state_of(const char *type);
static void on_waiting(struct crowd_job *job);
static void activate(struct sim_core *core, struct sim_timer *timer);
static void on_queued(struct crowd_job *job, int64_t time_us);
static void give_up(struct sim_core *core, struct sim_timer *timer);

void crowd_stream_start(struct crowd_stream *stream) {
    plan_arrival(stream);
}

void crowd_job_tell(struct crowd *crowd, const char *type, int64_t time_us, const struct json *data) {
    const char *id = json_get_string(data, "jobId");
    int state = state_of(type);
    struct crowd_job *job = state < 0 ? NULL : know(crowd, id, NULL);
    if (job == NULL) {
        return;
    }
    job->state = (enum crowd_job_state)state;
    sim_timer_cancel(&crowd->timers, &job->timer);
    if (job->state == CROWD_JOB_ASSIGNED) {
        job->gives_up_us = -1; /* who is put back into a queue waits anew */
    }
    if (strcmp(type, "RouterJobWaitingForActivation") == 0) {
        on_waiting(job);
    } else if (job->state == CROWD_JOB_QUEUED) {
        on_queued(job, time_us);
    } else if (job->queued_us >= 0 && job->wait_us < 0 &&
               (job->state == CROWD_JOB_ASSIGNED || job->state == CROWD_JOB_CANCELLED)) {
        job->wait_us = time_us - job->queued_us;
    } else if (job->state == CROWD_JOB_DELETED) {
        crowd_deals_drop(crowd, id);
    }
}

void crowd_jobs_free(struct crowd *crowd) {
    for (size_t i = 0; crowd->streams != NULL && i < crowd->scenario->customer_count; i++) {
        sim_timer_cancel(&crowd->timers, &crowd->streams[i].arrival);
    }
    LIST_EACH (&crowd->jobs.in_order, node) {
        struct crowd_job *job = CONTAINER_OF(node, struct crowd_job, entry.in_order);
        sim_timer_cancel(&crowd->timers, &job->timer);
        sim_entry_remove(&crowd->jobs, &job->entry);
        free(job);
    }
    sim_collection_reset(&crowd->jobs);
}

static void plan_arrival(struct crowd_stream *stream) {
    int64_t at = draw_arrival(stream);
    if (at < stream->crowd->end_us) {
        crowd_set_timer(stream->crowd, &stream->arrival, at, arrive);
    }
}

/* Arrivals without memory: what is drawn is how many customers would have come meanwhile, and then the moment at
 * which the profile has brought that many. SIM_NEVER past the end. */
static int64_t draw_arrival(struct crowd_stream *stream) {
    const struct crowd *crowd = stream->crowd;
    double missing = -log(1 - random_fraction(&stream->random));
    double at_s = crowd_day_s(crowd, crowd->now_us);
    double end_s = crowd_day_s(crowd, crowd->end_us);
    while (at_s < end_s) {
        int64_t hour = (int64_t)(at_s / 3600);
        double rate = stream->customers->per_hour[hour % 24] / 3600; /* a second */
        double left_s = (double)(hour + 1) * 3600 - at_s;
        if (rate > 0 && missing <= rate * left_s) {
            at_s += missing / rate;
            return crowd->start_us + (int64_t)((at_s - crowd->scenario->start_s) * 1000) * 1000;
        }
        missing -= rate * left_s;
        at_s = (double)(hour + 1) * 3600;
    }
    return SIM_NEVER;
}

static void arrive(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_stream *stream = CONTAINER_OF(timer, struct crowd_stream, arrival);
    struct crowd *crowd = stream->crowd;
    const char *base = stream->customers->body;
    char id[SIM_ID_LIMIT + 24];
    struct buffer path, body;
    snprintf(id, sizeof id, "%.*s-%" PRIu64, SIM_ID_LIMIT, stream->customers->name, ++stream->count);
    crowd_path(&path, "jobs", id);
    buffer_init(&body, CROWD_BODY_LIMIT);
    buffer_append(&body, base, strlen(base) - 1);
    put_labels(&body, stream);
    bool is_callback = crowd_chance(&stream->random, stream->customers->callbacks);
    if (is_callback) {
        put_callback(&body, stream);
    }
    buffer_append_char(&body, '}');
    sim_say(core, id, is_callback ? "comes, and wants to be called back" : "comes");
    if (body.is_broken || know(crowd, id, stream) == NULL) {
        crowd->is_broken = true;
    } else {
        crowd_call(crowd, id, "come in", "PATCH", &path, body.bytes);
    }
    buffer_reset(&path);
    buffer_reset(&body);
    plan_arrival(stream);
}

static void put_labels(struct buffer *body, struct crowd_stream *stream) {
    const struct scenario_customers *customers = stream->customers;
    for (size_t i = 0; i < customers->label_count; i++) {
        buffer_append_format(body, "%s%s:%s", i == 0 ? ",\"labels\":{" : ",", customers->labels[i].name,
                             choose(&stream->random, &customers->labels[i]));
    }
    buffer_append_text(body, customers->label_count > 0 ? "}" : "");
}

static void put_callback(struct buffer *body, struct crowd_stream *stream) {
    int64_t at = stream->crowd->now_us + crowd_draw(&stream->random, &stream->customers->callback_after);
    char text[SIM_TIME_SIZE];
    buffer_append_format(body, ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"%s\"}",
                         sim_time(at, text));
}

static const char *choose(struct random *random, const struct scenario_label *label) {
    double total = 0;
    for (size_t i = 0; i < label->count; i++) {
        total += label->values[i].weight;
    }
    double at = random_fraction(random) * total;
    size_t chosen = 0;
    while (chosen + 1 < label->count && at >= label->values[chosen].weight) {
        at -= label->values[chosen++].weight;
    }
    return label->values[chosen].json;
}

static struct crowd_job *know(struct crowd *crowd, const char *id, struct crowd_stream *stream) {
    struct sim_entry *entry = sim_find(&crowd->jobs, id);
    if (entry != NULL) {
        return CONTAINER_OF(entry, struct crowd_job, entry);
    }
    struct crowd_job *job = calloc(1, sizeof *job);
    if (job == NULL || sim_entry_add(&crowd->jobs, &job->entry, id) < 0) {
        free(job);
        crowd->is_broken = true;
        return NULL;
    }
    job->crowd = crowd;
    job->stream = stream;
    job->queued_us = job->wait_us = job->gives_up_us = -1;
    return job;
}

/* -1: an event that changes no job's state. */
static int state_of(const char *type) {
    static const struct {
        const char *type;
        enum crowd_job_state state;
    } states[] = {
        {"RouterJobReceived", CROWD_JOB_NEW},
        {"RouterJobWaitingForActivation", CROWD_JOB_WAITING},
        {"RouterJobQueued", CROWD_JOB_QUEUED},
        {"RouterJobUnassigned", CROWD_JOB_WAITING},
        {"RouterWorkerOfferAccepted", CROWD_JOB_ASSIGNED},
        {"RouterJobCompleted", CROWD_JOB_COMPLETED},
        {"RouterJobClosed", CROWD_JOB_CLOSED},
        {"RouterJobCancelled", CROWD_JOB_CANCELLED},
        {"RouterJobDeleted", CROWD_JOB_DELETED},
        {"RouterJobClassificationFailed", CROWD_JOB_FAILED},
        {"RouterJobSchedulingFailed", CROWD_JOB_FAILED},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i].type, type) == 0) {
            return (int)states[i].state;
        }
    }
    return -1;
}

static void on_waiting(struct crowd_job *job) {
    struct crowd_stream *stream = job->stream;
    if (stream != NULL && stream->customers->is_activated) {
        int64_t wait_us = crowd_draw(&stream->random, &stream->customers->activated_after);
        crowd_set_timer(job->crowd, &job->timer, job->crowd->now_us + wait_us, activate);
    }
}

static void activate(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_job *job = CONTAINER_OF(timer, struct crowd_job, timer);
    struct buffer path;
    (void)core;
    crowd_path(&path, "jobs", job->entry.id);
    crowd_call(job->crowd, job->entry.id, "be activated", "PATCH", &path,
               "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    buffer_reset(&path);
}

/* Another queue does not make anybody more patient. */
static void on_queued(struct crowd_job *job, int64_t time_us) {
    struct crowd_stream *stream = job->stream;
    job->queued_us = job->queued_us < 0 ? time_us : job->queued_us;
    if (stream == NULL || !stream->customers->has_patience) {
        return;
    }
    if (job->gives_up_us < 0) {
        job->gives_up_us = time_us + crowd_draw(&stream->random, &stream->customers->patience);
    }
    crowd_set_timer(job->crowd, &job->timer, job->gives_up_us, give_up);
}

static void give_up(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_job *job = CONTAINER_OF(timer, struct crowd_job, timer);
    char words[CROWD_WORDS_SIZE];
    struct buffer path;
    sim_say(core, job->entry.id, "gives up after %s", crowd_words(core->now_us - job->queued_us, words));
    crowd_path(&path, "jobs", job->entry.id);
    buffer_append_text(&path, ":cancel");
    job->has_given_up =
        crowd_call(job->crowd, job->entry.id, "give up", "POST", &path,
                   "{\"dispositionCode\":\"GaveUp\",\"note\":\"the customer gave up waiting\"}") < 400;
    buffer_reset(&path);
}
