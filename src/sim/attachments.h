/* The selectors that a policy's attachments come to, of all five kinds:
 *   static              its selector
 *   conditional         its selectors, when its rule comes to true
 *   passThrough         one with the job's label of that key; none when the job has no such label
 *   ruleEngine          what its rule comes to: a selector, a list of them, or none (blank)
 *   weightedAllocation  those of one allocation, drawn by weight; the weights need not sum up to 1
 * A condition that comes to a list of selectors (directMap does) attaches these beside its own.
 *
 * Source: learn.microsoft.com, "Job classification" and "Job Router rule engines".
 */
#ifndef SIM_ATTACHMENTS_H
#define SIM_ATTACHMENTS_H

#include "sim/classify.h"

/* `is_queue`: of queues; a rule engine's text is then the id of one. An array of selectors that the caller frees;
 * NULL, with the failure. */
struct json *sim_attached_selectors(struct sim_core *core, const struct json *attachments, bool is_queue,
                                    const struct json *labels, struct sim_classify_failure *failure);

#endif
