/* What is done to a job by POST: cancel, complete, close, unassign. */
#include "base/clock.h"
#include "sim/state.h"
#include <stdlib.h>

static struct sim_job *find_job(struct sim_core *core, const struct sim_call *call);
static struct sim_assignment *find_assignment(struct sim_core *core, const struct sim_call *call,
                                              enum sim_job_status wanted, const char *verb);
static int put_disposition(struct sim_job *job, const char *code);
static int add_note(struct sim_core *core, struct sim_job *job, const char *text);
static void close_later(struct sim_core *core, struct sim_timer *timer);
static void close_now(struct sim_core *core, struct sim_assignment *assignment);
static int suspend_matching(struct sim_job *job);
static struct json *unassigned_json(const struct sim_job *job);

void sim_job_cancel(struct sim_core *core, struct sim_call *call) {
    struct sim_job *job = find_job(core, call);
    if (job == NULL) {
        return;
    }
    if (sim_job_is_over(job) || job->status == SIM_JOB_ASSIGNED || job->status == SIM_JOB_COMPLETED) {
        sim_fail(call->answer, 409, "InvalidJobState",
                 "the job is %s: only a job that no worker has can be cancelled",
                 sim_job_status_name(job->status));
        return;
    }
    if (sim_job_cancel_as(core, job, json_get_string(call->body, "note"),
                          json_get_string(call->body, "dispositionCode")) < 0) {
        sim_fail_memory(core, call->answer);
        return;
    }
    sim_succeed(core, call->answer, 200, json_object());
}

int sim_job_cancel_as(struct sim_core *core, struct sim_job *job, const char *note, const char *code) {
    if (add_note(core, job, note) < 0 || put_disposition(job, code == NULL ? "Cancelled" : code) < 0) {
        return -1;
    }
    sim_job_finish(core, job, SIM_JOB_CANCELLED);
    sim_emit_cancelled(core, job, note);
    sim_say(core, job->entry.id, "cancelled");
    return 0;
}

void sim_job_complete(struct sim_core *core, struct sim_call *call) {
    struct sim_assignment *assignment = find_assignment(core, call, SIM_JOB_ASSIGNED, "completed");
    if (assignment == NULL) {
        return;
    }
    if (add_note(core, assignment->job, json_get_string(call->body, "note")) < 0) {
        sim_fail_memory(core, call->answer);
        return;
    }
    assignment->completed_us = core->now_us;
    sim_job_set_status(core, assignment->job, SIM_JOB_COMPLETED);
    sim_emit_assignment(core, assignment, SIM_ASSIGNMENT_COMPLETED);
    sim_say(core, assignment->job->entry.id, "completed");
    sim_succeed(core, call->answer, 200, json_object());
}

void sim_job_close(struct sim_core *core, struct sim_call *call) {
    struct sim_assignment *assignment = find_assignment(core, call, SIM_JOB_COMPLETED, "closed");
    if (assignment == NULL) {
        return;
    }
    struct sim_job *job = assignment->job;
    const char *text = json_get_string(call->body, "closeAt");
    int64_t at = core->now_us;
    if (text != NULL && clock_parse(text, strlen(text), &at) < 0) {
        sim_fail(call->answer, 400, "InvalidMember", "\"closeAt\" is no date and time");
        return;
    }
    if (add_note(core, job, json_get_string(call->body, "note")) < 0 ||
        put_disposition(job, json_get_string(call->body, "dispositionCode")) < 0) {
        sim_fail_memory(core, call->answer);
        return;
    }
    sim_timer_cancel(&core->timers, &job->timer);
    if (at <= core->now_us) {
        close_now(core, assignment);
    } else {
        char when[SIM_TIME_SIZE];
        core->is_broken |= sim_timer_set(&core->timers, &job->timer, at, close_later) < 0;
        sim_say(core, job->entry.id, "to be closed at %s", sim_time(at, when));
    }
    sim_succeed(core, call->answer, 200, json_object());
}

void sim_job_unassign(struct sim_core *core, struct sim_call *call) {
    struct sim_assignment *assignment = find_assignment(core, call, SIM_JOB_ASSIGNED, "unassigned");
    if (assignment == NULL) {
        return;
    }
    struct sim_job *job = assignment->job;
    bool is_suspended = json_get_bool(call->body, "suspendMatching", false);
    if (job->unassign_count == SIM_UNASSIGN_LIMIT) {
        sim_fail(call->answer, 400, "UnassignLimit", "a job can be unassigned %d times, and this one was",
                 SIM_UNASSIGN_LIMIT);
        return;
    }
    if (is_suspended && suspend_matching(job) < 0) {
        sim_fail_memory(core, call->answer);
        return;
    }
    job->unassign_count++;
    sim_assignment_release(core, assignment);
    sim_emit_assignment(core, assignment, SIM_ASSIGNMENT_UNASSIGNED);
    sim_say(core, job->entry.id, "unassigned from %s", assignment->worker_id);
    list_remove(&assignment->in_job);
    free(assignment->worker_id);
    free(assignment);
    if (is_suspended) {
        sim_job_suspend(core, job);
    } else {
        sim_job_enqueue(core, job);
    }
    sim_succeed(core, call->answer, 200, unassigned_json(job));
}

static struct sim_job *find_job(struct sim_core *core, const struct sim_call *call) {
    struct sim_entry *entry = sim_find(&core->jobs, call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, "job", call->ids[0]);
        return NULL;
    }
    return CONTAINER_OF(entry, struct sim_job, entry);
}

/* The assignment, if its job is in the state that the call wants. */
static struct sim_assignment *find_assignment(struct sim_core *core, const struct sim_call *call,
                                              enum sim_job_status wanted, const char *verb) {
    struct sim_job *job = find_job(core, call);
    if (job == NULL) {
        return NULL;
    }
    LIST_EACH (&job->assignments, node) {
        struct sim_assignment *assignment = CONTAINER_OF(node, struct sim_assignment, in_job);
        if (strcmp(assignment->id, call->ids[1]) != 0) {
            continue;
        }
        if (job->status == wanted) {
            return assignment;
        }
        sim_fail(call->answer, 409, "InvalidJobState", "the job is %s: only one that is %s can be %s",
                 sim_job_status_name(job->status), sim_job_status_name(wanted), verb);
        return NULL;
    }
    sim_fail_unknown(call->answer, "assignment of this job", call->ids[1]);
    return NULL;
}

/* NULL: it keeps the one it has. */
static int put_disposition(struct sim_job *job, const char *code) {
    return code == NULL ? 0 : json_put(job->entry.body, "dispositionCode", json_text(code));
}

static int add_note(struct sim_core *core, struct sim_job *job, const char *text) {
    if (text == NULL) {
        return 0;
    }
    struct json *notes = json_get(job->entry.body, "notes");
    if (notes == NULL) {
        if (json_put(job->entry.body, "notes", json_array()) < 0) {
            return -1;
        }
        notes = json_get(job->entry.body, "notes");
    }
    struct json *note = json_object();
    int failed = json_put(note, "message", json_text(text));
    failed |= sim_put_time(note, "addedAt", core->now_us);
    if (failed) {
        json_free(note);
        note = NULL;
    }
    return json_push(notes, note);
}

static void close_later(struct sim_core *core, struct sim_timer *timer) {
    struct sim_job *job = CONTAINER_OF(timer, struct sim_job, timer);
    close_now(core, CONTAINER_OF(list_first(&job->assignments), struct sim_assignment, in_job));
}

static void close_now(struct sim_core *core, struct sim_assignment *assignment) {
    struct sim_job *job = assignment->job;
    assignment->closed_us = core->now_us;
    sim_job_finish(core, job, SIM_JOB_CLOSED);
    sim_assignment_release(core, assignment);
    sim_emit_assignment(core, assignment, SIM_ASSIGNMENT_CLOSED);
    sim_say(core, job->entry.id, "closed");
}

/* So that the same PATCH activates it as any suspended job. */
static int suspend_matching(struct sim_job *job) {
    struct json *mode = json_object();
    if (json_put(mode, "kind", json_text("suspend")) < 0) {
        json_free(mode);
        return -1;
    }
    return json_put(job->entry.body, "matchingMode", mode);
}

static struct json *unassigned_json(const struct sim_job *job) {
    struct json *value = json_object();
    int failed = json_put(value, "jobId", json_text(job->entry.id));
    failed |= json_put(value, "unassignmentCount", json_double(job->unassign_count));
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}
