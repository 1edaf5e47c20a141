/* Exception policies: what happens to a job that waits in a queue when the queue is long, or the wait is.
 * Facts: the REST contract's ExceptionPolicy, ExceptionRule, ExceptionTrigger and ExceptionAction;
 * learn.microsoft.com, "Exception Policy" (a queue's length is looked at when a job is added to it).
 *
 * A rule fires once for a job in a queue. A rule of a queue's length is looked at when the job has come into the
 * queue, once the change is settled and before the job is offered; it compares one count. Rules of wait times are
 * one timer for each waiting job: nothing walks over jobs, except when a policy itself changes.
 *
 * A job's waiting is told by sim_job_enqueue (begin) and sim_job_dequeue (pause). What an action does to the job
 * leads through those again.
 */
#ifndef SIM_EXCEPTION_H
#define SIM_EXCEPTION_H

#include "sim/state.h"

enum sim_trigger { SIM_TRIGGER_LENGTH, SIM_TRIGGER_WAIT };

struct sim_exception_rule {
    const char *id; /* into the policy's body, as the actions */
    enum sim_trigger trigger;
    int32_t threshold;    /* SIM_TRIGGER_LENGTH: fires when the queue with the job in it is longer */
    int64_t threshold_us; /* SIM_TRIGGER_WAIT: in this queue */
    const struct json *actions;
};

struct sim_exception_policy {
    struct sim_entry entry;
    struct sim_exception_rule *rules; /* in the order of the body */
    size_t rule_count;
    size_t queue_count;
};

extern const struct sim_kind sim_exception_kind;
struct sim_exception_policy *sim_exception_find(struct sim_core *core, const char *id); /* NULL for a NULL id */

/* The job waits in its queue from now on; it waits there again, as if it never had not; it does not wait there any
 * more; it is freed. */
void sim_exceptions_begin(struct sim_core *core, struct sim_job *job);
void sim_exceptions_resume(struct sim_core *core, struct sim_job *job);
void sim_exceptions_pause(struct sim_core *core, struct sim_job *job);
void sim_exceptions_reset(struct sim_core *core, struct sim_job *job);
/* The queue has other rules: the timers of its jobs are set anew. */
void sim_exceptions_rearm(struct sim_core *core, struct sim_queue *queue);
/* Lets fire what the jobs that came into queues set off. Whether there were any. */
bool sim_exceptions_settle(struct sim_core *core);

#endif
