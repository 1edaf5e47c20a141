/* The states of a job and what leads from one to the next. */
#include "base/clock.h"
#include "sim/exception.h"
#include "sim/state.h"

static void wait_in_line(struct sim_core *core, struct sim_job *job);
static void wake(struct sim_core *core, struct sim_timer *timer);

const char *sim_job_status_name(enum sim_job_status status) {
    static const char *const names[] = {
        [SIM_JOB_QUEUED] = "queued",
        [SIM_JOB_ASSIGNED] = "assigned",
        [SIM_JOB_COMPLETED] = "completed",
        [SIM_JOB_CLOSED] = "closed",
        [SIM_JOB_CANCELLED] = "cancelled",
        [SIM_JOB_PENDING_SCHEDULE] = "pendingSchedule",
        [SIM_JOB_SCHEDULED] = "scheduled",
        [SIM_JOB_SCHEDULE_FAILED] = "scheduleFailed",
        [SIM_JOB_WAITING] = "waitingForActivation",
        [SIM_JOB_PENDING_CLASSIFICATION] = "pendingClassification",
        [SIM_JOB_CLASSIFICATION_FAILED] = "classificationFailed",
    };
    return names[status];
}

bool sim_job_is_over(const struct sim_job *job) {
    return job->status == SIM_JOB_CLOSED || job->status == SIM_JOB_CANCELLED;
}

void sim_job_set_status(struct sim_core *core, struct sim_job *job, enum sim_job_status status) {
    job->status = status;
    sim_entry_touch(core, &job->entry);
}

void sim_job_enqueue(struct sim_core *core, struct sim_job *job) {
    job->enqueued_us = core->now_us;
    job->turn = ++core->turn;
    wait_in_line(core, job);
    sim_exceptions_begin(core, job);
}

void sim_job_requeue(struct sim_core *core, struct sim_job *job) {
    wait_in_line(core, job);
    sim_exceptions_resume(core, job);
}

static void wait_in_line(struct sim_core *core, struct sim_job *job) {
    sim_job_revoke_offers(core, job);
    sim_job_set_status(core, job, SIM_JOB_QUEUED);
    sim_job_reorder(core, job);
    sim_selectors_begin(core, job);
    sim_emit_queued(core, job);
    sim_say(core, job->entry.id, "queued in %s, priority %d", job->queue->entry.id, (int)job->priority);
    sim_selectors_go_on(core, job);
    sim_job_stir(core, job);
}

void sim_job_set_queue(struct sim_job *job, struct sim_queue *queue) {
    if (job->queue != NULL) {
        job->queue->open_count--;
    }
    job->queue = queue;
    if (queue != NULL) {
        queue->open_count++;
    }
}

void sim_job_reorder(struct sim_core *core, struct sim_job *job) {
    sim_line_leave(&job->queue->line, job);
    core->is_broken |= sim_line_enter(&job->queue->line, job) < 0;
}

void sim_job_revoke_offers(struct sim_core *core, struct sim_job *job) {
    while (!list_is_empty(&job->offers)) {
        sim_offer_end(core, CONTAINER_OF(list_first(&job->offers), struct sim_offer, in_job), SIM_OFFER_REVOKED);
    }
}

void sim_job_dequeue(struct sim_core *core, struct sim_job *job) {
    if (job->queue != NULL) {
        sim_line_leave(&job->queue->line, job);
    }
    sim_selectors_pause(core, job);
    sim_exceptions_pause(core, job);
    sim_job_revoke_offers(core, job);
    list_remove(&job->in_stirred);
}

void sim_job_schedule(struct sim_core *core, struct sim_job *job) {
    sim_job_set_status(core, job, SIM_JOB_PENDING_SCHEDULE);
    if (!list_is_linked(&job->in_scheduling)) {
        list_append(&core->scheduling, &job->in_scheduling);
    }
    core->is_broken |= sim_timer_set(&core->timers, &job->timer, job->scheduled_us, wake) < 0;
}

void sim_job_suspend(struct sim_core *core, struct sim_job *job) {
    sim_job_set_status(core, job, SIM_JOB_WAITING);
    sim_say(core, job->entry.id, "suspended");
}

void sim_job_finish(struct sim_core *core, struct sim_job *job, enum sim_job_status status) {
    sim_timer_cancel(&core->timers, &job->timer);
    sim_job_set_status(core, job, status);
    sim_job_dequeue(core, job);
    list_remove(&job->in_scheduling);
    list_remove(&job->in_classifying);
    sim_job_set_queue(job, NULL);
    LIST_EACH (&job->declines, node) {
        sim_decline_free(core, CONTAINER_OF(node, struct sim_decline, in_job));
    }
}

static void wake(struct sim_core *core, struct sim_timer *timer) {
    struct sim_job *job = CONTAINER_OF(timer, struct sim_job, timer);
    sim_job_set_status(core, job, SIM_JOB_WAITING);
    sim_emit_waiting(core, job);
    sim_say(core, job->entry.id, "waiting for activation");
}
