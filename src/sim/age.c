/* What ends by age: a registered worker without work, and a job that was made long ago (learn.microsoft.com, "Job
 * Router matching concepts": 7 days, 90 days). */
#include "base/clock.h"
#include "sim/state.h"

#define DAY_US (24 * 3600 * CLOCK_US_PER_S)

static void drop_old_jobs(struct sim_core *core, struct sim_timer *timer);
static void wait_for_oldest(struct sim_core *core);
static void wait_for_work(struct sim_core *core, struct sim_worker *worker);
static void end_idleness(struct sim_core *core, struct sim_timer *timer);

/* Jobs stand in the order of their making, and all live equally long: one timer, for the oldest, does. */
void sim_job_age(struct sim_core *core, struct sim_job *job) {
    job->created_us = core->now_us;
    if (core->job_ageing.place == 0) {
        wait_for_oldest(core);
    }
}

void sim_worker_idle(struct sim_core *core, struct sim_worker *worker) {
    worker->idle_since_us = core->now_us;
    if (worker->state == SIM_WORKER_ACTIVE && worker->idle_timer.place == 0) {
        wait_for_work(core, worker);
    }
}

static void drop_old_jobs(struct sim_core *core, struct sim_timer *timer) {
    (void)timer;
    struct list_node *node = list_first(&core->jobs.in_order);
    struct sim_job *job = node == NULL ? NULL : CONTAINER_OF(node, struct sim_job, entry.in_order);
    if (job != NULL && job->created_us + SIM_JOB_DAYS * DAY_US <= core->now_us) {
        sim_job_kind.leave(core, &job->entry);
        sim_say(core, job->entry.id, "job deleted: it is %d days old", SIM_JOB_DAYS);
        sim_job_kind.destroy(core, &job->entry);
    }
    wait_for_oldest(core);
}

static void wait_for_oldest(struct sim_core *core) {
    struct list_node *node = list_first(&core->jobs.in_order);
    if (node != NULL) {
        const struct sim_job *oldest = CONTAINER_OF(node, struct sim_job, entry.in_order);
        core->is_broken |= sim_timer_set(&core->timers, &core->job_ageing,
                                         oldest->created_us + SIM_JOB_DAYS * DAY_US, drop_old_jobs) < 0;
    }
}

static void wait_for_work(struct sim_core *core, struct sim_worker *worker) {
    core->is_broken |= sim_timer_set(&core->timers, &worker->idle_timer,
                                     worker->idle_since_us + SIM_IDLE_DAYS * DAY_US, end_idleness) < 0;
}

/* Work in between does not move the timer: it looks again when it fires, or when the work is done. */
static void end_idleness(struct sim_core *core, struct sim_timer *timer) {
    struct sim_worker *worker = CONTAINER_OF(timer, struct sim_worker, idle_timer);
    if (!list_is_empty(&worker->assignments)) {
        return;
    }
    if (worker->idle_since_us + SIM_IDLE_DAYS * DAY_US > core->now_us) {
        wait_for_work(core, worker);
        return;
    }
    sim_say(core, worker->entry.id, "idle for %d days", SIM_IDLE_DAYS);
    sim_worker_deregister(core, worker);
}
