/* How well a worker fits a job. The default: learn.microsoft.com, "Distribution modes", Job Router; where a job
 * has labels and selectors, the mean of both scores, each between 0 and 1. Or what the policy's scoring rule
 * says. */
#include "sim/rule.h"
#include "sim/state.h"
#include <math.h>

static double default_score(const struct sim_job *job, const struct json *labels);
static double rule_score(struct sim_core *core, const struct sim_job *job, const struct json *labels);
static bool has_parameter(const struct json *options, const char *name);
static double label_score(const struct json *wanted, const struct json *labels);
static double selector_score(const struct sim_selectors *selectors, const struct json *labels, size_t *count);
static double magnitude_score(const struct json *selector, const struct json *label);

double sim_score(struct sim_core *core, const struct sim_job *job, const struct sim_worker *worker) {
    const struct json *labels = json_get(worker->entry.body, "labels");
    return job->queue->policy->rule == NULL ? default_score(job, labels) : rule_score(core, job, labels);
}

static double default_score(const struct sim_job *job, const struct json *labels) {
    const struct json *wanted = json_get(job->entry.body, "labels");
    size_t count = 0;
    double selectors = selector_score(&job->requested, labels, &count);
    selectors += selector_score(&job->attached, labels, &count);
    if (count == 0) {
        return label_score(wanted, labels);
    }
    selectors /= (double)count;
    return json_first(wanted) == NULL ? selectors : (selectors + label_score(wanted, labels)) / 2;
}

/* A worker for whom the rule comes to no number is the last. */
static double rule_score(struct sim_core *core, const struct sim_job *job, const struct json *labels) {
    struct sim_policy *policy = job->queue->policy;
    bool has_labels = has_parameter(policy->rule_options, "jobLabels");
    struct sim_rule_input input = {
        .job = has_labels ? json_get(job->entry.body, "labels") : NULL, .worker = labels, .has_worker = true};
    char words[SIM_WORDS_SIZE] = "it comes to no number";
    struct json *value = sim_rule_value(policy->rule, &input, words, sizeof words);
    core->is_broken |= value == NULL && words[0] == '\0'; /* no memory */
    core->is_broken |= value == NULL && words[0] == '\0';
    bool is_number = json_kind(value) == JSON_NUMBER;
    double score = json_double_of(value, 0);
    json_free(value);
    if (!is_number && !policy->is_rule_told) {
        policy->is_rule_told = true;
        sim_say(core, policy->entry.id, "the scoring rule scores nothing: %.400s", words);
    }
    bool is_ascending = !json_get_bool(policy->rule_options, "descendingOrder", true);
    return !is_number ? -INFINITY : is_ascending ? -score : score;
}

/* Not set: all. */
static bool has_parameter(const struct json *options, const char *name) {
    const struct json *names = json_get(options, "scoringParameters");
    bool is_there = json_kind(names) != JSON_ARRAY;
    for (const struct json *each = json_first(names); each != NULL && !is_there; each = json_next(each)) {
        is_there = json_kind(each) == JSON_STRING && strcmp(json_string_of(each), name) == 0;
    }
    return is_there;
}

static double label_score(const struct json *wanted, const struct json *labels) {
    size_t count = 0, same = 0;
    for (const struct json *label = json_first(wanted); label != NULL; label = json_next(label)) {
        const struct json *own = json_get(labels, json_name(label));
        same += own != NULL && json_equal(label, own);
        count++;
    }
    return count == 0 ? 0 : (double)same / (double)count;
}

/* Adds up, and counts, those that did not expire. */
static double selector_score(const struct sim_selectors *selectors, const struct json *labels, size_t *count) {
    double sum = 0;
    size_t index = 0;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        if (life != NULL && life->state != SIM_SELECTOR_ACTIVE) {
            continue;
        }
        const char *operator= json_get_string(selector, "labelOperator");
        bool is_magnitude = strcmp(operator, "equal") != 0 && strcmp(operator, "notEqual") != 0;
        const struct json *label = json_get(labels, json_get_string(selector, "key"));
        sum += is_magnitude ? magnitude_score(selector, label) : sim_selector_holds(selector, labels);
        ++*count;
    }
    return sum;
}

/* The logistic function of how far the label is beyond the selector's value, as a part of that value. */
static double magnitude_score(const struct json *selector, const struct json *label) {
    const struct json *value = json_get(selector, "value");
    if (json_kind(label) != JSON_NUMBER || json_kind(value) != JSON_NUMBER) {
        return 0;
    }
    double bound = json_double_of(value, 0), beyond = json_double_of(label, 0) - bound;
    if (strncmp(json_get_string(selector, "labelOperator"), "less", 4) == 0) {
        beyond = -beyond;
    }
    /* Of 0 there are no parts: as far beyond as can be, or not at all. */
    bool is_zero = !(bound < 0) && !(bound > 0);
    double x = !is_zero ? beyond / bound : beyond > 0 ? INFINITY : beyond < 0 ? -INFINITY : 0;
    return 1 / (1 + exp(-x));
}
