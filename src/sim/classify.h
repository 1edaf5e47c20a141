/* Classification: a job gets its queue, its priority and its attached worker selectors from a policy.
 *
 * A job that is to be classified is `pendingClassification` in the answer to the call that brought it there; the
 * policy is applied when that request (or the timer) is settled: RouterJobClassified, and from there on the job
 * goes where its matching mode says, or back to where it was. A policy that cannot be applied leaves the job in
 * `classificationFailed`, out of its queue, until :reclassify or a PATCH tries again. A policy that changes later
 * does not touch the jobs that it was applied to.
 *
 * Sources: learn.microsoft.com, "Job classification", "Classifying a job"; for a job's own queueId, the remarks of
 * CreateJobWithClassificationPolicyOptions.QueueId.
 *
 *     if (sim_job_reclassify(core, job, json_get_string(action, "classificationPolicyId"), labels) < 0) ...
 */
#ifndef SIM_CLASSIFY_H
#define SIM_CLASSIFY_H

#include "sim/rule.h"
#include "sim/state.h"

struct sim_classification {
    struct sim_entry entry;
};
extern const struct sim_kind sim_classification_kind;

/* The call :reclassify. */
sim_handler sim_job_reclassify_now;

/* Another policy (NULL: the job's own) and labels to upsert (NULL: none; null takes one away), then it is to be
 * classified. -1, and nothing changed, when a worker has the job, it is over, or it has no policy. */
int sim_job_reclassify(struct sim_core *core, struct sim_job *job, const char *policy_id,
                       const struct json *labels);

/* To pendingClassification, out of its queue's line, its offers revoked. `is_entering`: afterwards it goes where
 * its matching mode says, from wherever it was; else a scheduled or suspended job goes back to that. */
void sim_job_classify(struct sim_core *core, struct sim_job *job, bool is_entering);

/* Classifies all that are pending. Of sim_settle. */
void sim_classify_pending(struct sim_core *core);

/* Why a policy could not be applied. */
struct sim_classify_failure {
    const char *code;
    char target[64]; /* the policy's member */
    char words[SIM_WORDS_SIZE];
};
void sim_emit_classified(struct sim_core *core, const struct sim_job *job);
void sim_emit_classification_failed(struct sim_core *core, const struct sim_job *job,
                                    const struct sim_classify_failure *failure);

#endif
