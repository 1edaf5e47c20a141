/* Exception policies as resources. */
#include "base/clock.h"
#include "sim/exception.h"
#include <stdlib.h>

enum { MOST_WAIT_SECONDS = 90 * 24 * 3600 }; /* no job lives longer */

static int prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                   struct json *body);
static int check_rule(struct sim_core *core, const struct json *rules, const struct json *rule,
                      struct sim_answer *answer);
static int check_action(struct sim_core *core, const struct json *action, struct sim_answer *answer);
static int fill_ids(struct sim_core *core, struct json *rules);
static void apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static struct sim_exception_rule read_rule(const struct json *rule);
static struct json *to_json(const struct sim_entry *entry);
static int check_delete(const struct sim_entry *entry, struct sim_answer *answer);
static void destroy(struct sim_core *core, struct sim_entry *entry);

const struct sim_kind sim_exception_kind = {.what = "exception policy",
                                            .size = sizeof(struct sim_exception_policy),
                                            .collection = offsetof(struct sim_core, exception_policies),
                                            .prepare = prepare,
                                            .apply = apply,
                                            .to_json = to_json,
                                            .check_delete = check_delete,
                                            .destroy = destroy};

struct sim_exception_policy *sim_exception_find(struct sim_core *core, const char *id) {
    struct sim_entry *entry = id == NULL ? NULL : sim_find(&core->exception_policies, id);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct sim_exception_policy, entry);
}

static int prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                   struct json *body) {
    struct json *rules = json_get(body, "exceptionRules");
    bool is_same = entry != NULL && !sim_differs(entry->body, body, "exceptionRules");
    for (const struct json *rule = is_same ? NULL : json_first(rules); rule != NULL; rule = json_next(rule)) {
        if (check_rule(core, rules, rule, call->answer) < 0) {
            return -1;
        }
    }
    return fill_ids(core, rules) < 0 ? sim_fail_memory(core, call->answer) : 0;
}

static int check_rule(struct sim_core *core, const struct json *rules, const struct json *rule,
                      struct sim_answer *answer) {
    const char *id = json_get_string(rule, "id");
    double seconds = json_get_double(json_get(rule, "trigger"), "thresholdSeconds", 1);
    for (const struct json *other = json_first(rules); other != rule; other = json_next(other)) {
        if (strcmp(json_get_string(other, "id"), id) == 0) {
            return sim_fail(answer, 400, "InvalidMember",
                            "\"exceptionRules\" has two rules with the id \"%.200s\"", id);
        }
    }
    if (!(seconds > 0 && seconds <= MOST_WAIT_SECONDS)) {
        return sim_fail(answer, 400, "InvalidMember",
                        "\"exceptionRules\": thresholdSeconds must be more than 0 and at most 90 days");
    }
    for (const struct json *action = json_first(json_get(rule, "actions")); action != NULL;
         action = json_next(action)) {
        if (check_action(core, action, answer) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_action(struct sim_core *core, const struct json *action, struct sim_answer *answer) {
    const char *queue = json_get_string(action, "queueId");
    const char *policy = json_get_string(action, "classificationPolicyId");
    if (policy != NULL && sim_find(&core->classifications, policy) == NULL) {
        return sim_fail(answer, 400, "InvalidReference",
                        "\"exceptionRules\": there is no classification policy \"%.200s\"; create it first",
                        policy);
    }
    if (queue != NULL && sim_queue_find(core, queue) == NULL) {
        return sim_fail(answer, 400, "InvalidReference",
                        "\"exceptionRules\": there is no queue \"%.200s\"; create it first", queue);
    }
    return 0;
}

/* Actions that came without one. */
static int fill_ids(struct sim_core *core, struct json *rules) {
    int failed = 0;
    for (struct json *rule = json_first(rules); rule != NULL; rule = json_next(rule)) {
        struct json *action = json_first(json_get(rule, "actions"));
        for (; action != NULL; action = json_next(action)) {
            char id[SIM_UUID_SIZE];
            if (json_get_string(action, "id") == NULL) {
                sim_uuid(core, id);
                failed |= json_put(action, "id", json_text(id));
            }
        }
    }
    return failed;
}

static void apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    struct sim_exception_policy *policy = CONTAINER_OF(entry, struct sim_exception_policy, entry);
    const struct json *rules = json_get(entry->body, "exceptionRules");
    size_t count = json_count(rules);
    free(policy->rules);
    policy->rules = calloc(count + 1, sizeof *policy->rules);
    policy->rule_count = policy->rules == NULL ? 0 : count;
    core->is_broken |= policy->rules == NULL;
    const struct json *rule = json_first(rules);
    for (size_t i = 0; i < policy->rule_count; i++, rule = json_next(rule)) {
        policy->rules[i] = read_rule(rule);
    }
    LIST_EACH (&core->queues.in_order, node) {
        struct sim_queue *queue = CONTAINER_OF(node, struct sim_queue, entry.in_order);
        if (queue->exception_policy == policy) {
            sim_exceptions_rearm(core, queue);
        }
    }
    sim_say(core, entry->id, old == NULL ? "exception policy created" : "exception policy updated");
}

static struct sim_exception_rule read_rule(const struct json *rule) {
    const struct json *trigger = json_get(rule, "trigger");
    bool is_length = strcmp(json_get_string(trigger, "kind"), "queueLength") == 0;
    double us = json_get_double(trigger, "thresholdSeconds", 1) * (double)CLOCK_US_PER_S;
    return (struct sim_exception_rule){
        .id = json_get_string(rule, "id"),
        .trigger = is_length ? SIM_TRIGGER_LENGTH : SIM_TRIGGER_WAIT,
        .threshold = (int32_t)json_get_double(trigger, "threshold", 1),
        .threshold_us = us < CLOCK_US_PER_S / 1000.0 ? CLOCK_US_PER_S / 1000 : (int64_t)us,
        .actions = json_get(rule, "actions"),
    };
}

static struct json *to_json(const struct sim_entry *entry) {
    static const char *const names[] = {"name", "exceptionRules", NULL};
    struct json *value = sim_entry_json(entry);
    int failed = json_put(value, "exceptionRules", json_array());
    failed |= sim_put_copies(value, entry->body, names);
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static int check_delete(const struct sim_entry *entry, struct sim_answer *answer) {
    const struct sim_exception_policy *policy = CONTAINER_OF(entry, struct sim_exception_policy, entry);
    if (policy->queue_count > 0) {
        return sim_fail(answer, 409, "InUse",
                        "%zu queue(s) name this exception policy; change or delete them first",
                        policy->queue_count);
    }
    return 0;
}

static void destroy(struct sim_core *core, struct sim_entry *entry) {
    struct sim_exception_policy *policy = CONTAINER_OF(entry, struct sim_exception_policy, entry);
    sim_entry_remove(&core->exception_policies, entry);
    free(policy->rules);
    free(policy);
}
