/* What a rule of a policy comes to, for a job and perhaps a worker.
 *
 * Kinds (the REST contract's RouterRule; learn.microsoft.com, "Job Router rule engines"):
 *   static      its value, whatever kind of JSON that is; null without one
 *   expression  a formula in the part of Power Fx that sim/powerfx.h has: labels are job.Name and worker.Name
 *   directMap   the job's labels as a list of selectors, each with `equal` and the label's value
 *   function, webhook   cannot be evaluated: the local Job Router calls nobody
 *
 *     char words[SIM_WORDS_SIZE];
 *     struct sim_rule_input input = {.job = json_get(job->entry.body, "labels")};
 *     struct json *value = sim_rule_value(rule, &input, words, sizeof words);
 *     if (value == NULL) ... words say why
 *     json_free(value);
 *
 * No state, no clock, no chance: the same rule and labels come to the same value. Any thread.
 */
#ifndef SIM_RULE_H
#define SIM_RULE_H

#include "json/tree.h"
#include <stdbool.h>
#include <stddef.h>

enum { SIM_WORDS_SIZE = 512 };

struct sim_rule_input {
    const struct json *job;    /* labels: an object, or NULL for none */
    const struct json *worker; /* the same */
    bool has_worker;           /* one is judged; else worker.Name is an error */
};

/* The caller frees the value; JSON null is what Power Fx calls blank. NULL when it cannot be evaluated, and the
 * words, cut to `size`, say why; they are empty when there was no memory. */
struct json *sim_rule_value(const struct json *rule, const struct sim_rule_input *input, char *words, size_t size);

#endif
