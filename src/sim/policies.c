/* Distribution policies and queues. */
#include "base/clock.h"
#include "sim/exception.h"
#include "sim/state.h"
#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_OFFER_SECONDS = 60, MOST_OFFER_SECONDS = 365 * 24 * 3600 };

static int policy_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body);
static struct json *default_mode(void);
static void policy_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static struct json *policy_json(const struct sim_entry *entry);
static int policy_check_delete(const struct sim_entry *entry, struct sim_answer *answer);
static void policy_destroy(struct sim_core *core, struct sim_entry *entry);
static int queue_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                         struct json *body);
static void queue_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static void apply_exceptions(struct sim_core *core, struct sim_queue *queue);
static struct json *queue_json(const struct sim_entry *entry);
static int queue_check_delete(const struct sim_entry *entry, struct sim_answer *answer);
static void queue_leave(struct sim_core *core, struct sim_entry *entry);
static void queue_destroy(struct sim_core *core, struct sim_entry *entry);

const struct sim_kind sim_policy_kind = {.what = "distribution policy",
                                         .size = sizeof(struct sim_policy),
                                         .collection = offsetof(struct sim_core, policies),
                                         .prepare = policy_prepare,
                                         .apply = policy_apply,
                                         .to_json = policy_json,
                                         .check_delete = policy_check_delete,
                                         .destroy = policy_destroy};

const struct sim_kind sim_queue_kind = {.what = "queue",
                                        .size = sizeof(struct sim_queue),
                                        .collection = offsetof(struct sim_core, queues),
                                        .prepare = queue_prepare,
                                        .apply = queue_apply,
                                        .to_json = queue_json,
                                        .check_delete = queue_check_delete,
                                        .leave = queue_leave,
                                        .destroy = queue_destroy};

struct sim_queue *sim_queue_find(struct sim_core *core, const char *id) {
    struct sim_entry *entry = id == NULL ? NULL : sim_find(&core->queues, id);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct sim_queue, entry);
}

void sim_queue_stir(struct sim_core *core, struct sim_queue *queue) {
    queue->is_stirred_whole = true;
    if (!list_is_linked(&queue->in_stirred)) {
        list_append(&core->stirred_queues, &queue->in_stirred);
    }
}

static int policy_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body) {
    (void)entry;
    double seconds = json_get_double(body, "offerExpiresAfterSeconds", DEFAULT_OFFER_SECONDS);
    if (!(seconds > 0 && seconds <= MOST_OFFER_SECONDS)) {
        return sim_fail(call->answer, 400, "InvalidMember",
                        "\"offerExpiresAfterSeconds\" must be more than 0 and at most a year");
    }
    const struct json *mode = json_get(body, "mode");
    double least = json_get_double(mode, "minConcurrentOffers", 1);
    if (json_get_double(mode, "maxConcurrentOffers", least) < least) {
        return sim_fail(call->answer, 400, "InvalidMember",
                        "\"mode.minConcurrentOffers\" must not be more than \"mode.maxConcurrentOffers\"");
    }
    if (json_put(body, "offerExpiresAfterSeconds", json_double(seconds)) < 0 ||
        (json_get(body, "mode") == NULL && json_put(body, "mode", default_mode()) < 0)) {
        return sim_fail_memory(core, call->answer);
    }
    return 0;
}

static struct json *default_mode(void) {
    struct json *mode = json_object();
    if (json_put(mode, "kind", json_text("longestIdle")) < 0) {
        json_free(mode);
        return NULL;
    }
    return mode;
}

static void policy_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    struct sim_policy *policy = CONTAINER_OF(entry, struct sim_policy, entry);
    const struct json *mode = json_get(entry->body, "mode");
    const char *kind = json_get_string(mode, "kind");
    policy->mode = strcmp(kind, "roundRobin") == 0   ? SIM_ROUND_ROBIN
                   : strcmp(kind, "bestWorker") == 0 ? SIM_BEST_WORKER
                                                     : SIM_LONGEST_IDLE;
    policy->rule = json_get(mode, "scoringRule");
    policy->is_rule_told = false;
    policy->rule_options = json_get(mode, "scoringRuleOptions");
    policy->least_offers = (int32_t)json_get_double(mode, "minConcurrentOffers", 1);
    policy->is_bypassing = json_get_bool(mode, "bypassSelectors", false);
    policy->offers = (int32_t)json_get_double(mode, "maxConcurrentOffers", policy->least_offers);
    policy->offer_us =
        (int64_t)(json_get_double(entry->body, "offerExpiresAfterSeconds", 0) * (double)CLOCK_US_PER_S);
    LIST_EACH (&core->queues.in_order, node) {
        struct sim_queue *queue = CONTAINER_OF(node, struct sim_queue, entry.in_order);
        if (queue->policy == policy) {
            sim_queue_stir(core, queue);
        }
    }
    sim_say(core, entry->id, old == NULL ? "distribution policy created" : "distribution policy updated");
}

static struct json *policy_json(const struct sim_entry *entry) {
    static const char *const names[] = {"name", "offerExpiresAfterSeconds", NULL};
    struct json *value = sim_entry_json(entry);
    struct json *mode = json_copy(json_get(entry->body, "mode"));
    const struct sim_policy *policy = CONTAINER_OF(entry, const struct sim_policy, entry);
    int failed = sim_put_copies(value, entry->body, names);
    failed |= json_put(mode, "minConcurrentOffers", json_double(policy->least_offers));
    failed |= json_put(mode, "maxConcurrentOffers", json_double(policy->offers));
    failed |= json_put(mode, "bypassSelectors", json_bool(policy->is_bypassing));
    failed |= json_put(value, "mode", mode);
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static int policy_check_delete(const struct sim_entry *entry, struct sim_answer *answer) {
    const struct sim_policy *policy = CONTAINER_OF(entry, struct sim_policy, entry);
    if (policy->queue_count > 0) {
        return sim_fail(answer, 409, "InUse",
                        "%zu queue(s) name this distribution policy; change or delete them first",
                        policy->queue_count);
    }
    return 0;
}

static void policy_destroy(struct sim_core *core, struct sim_entry *entry) {
    sim_entry_remove(&core->policies, entry);
    free(CONTAINER_OF(entry, struct sim_policy, entry));
}

static int queue_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                         struct json *body) {
    (void)entry;
    const char *id = json_get_string(body, "distributionPolicyId");
    if (id == NULL) {
        return sim_fail(call->answer, 400, "MissingMember", "\"distributionPolicyId\" is required");
    }
    if (sim_find(&core->policies, id) == NULL) {
        return sim_fail(call->answer, 400, "InvalidReference",
                        "\"distributionPolicyId\": there is no distribution policy \"%.200s\"; create it first",
                        id);
    }
    const char *exception = json_get_string(body, "exceptionPolicyId");
    if (exception != NULL && sim_exception_find(core, exception) == NULL) {
        return sim_fail(call->answer, 400, "InvalidReference",
                        "\"exceptionPolicyId\": there is no exception policy \"%.200s\"; create it first",
                        exception);
    }
    return 0;
}

static void queue_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    struct sim_queue *queue = CONTAINER_OF(entry, struct sim_queue, entry);
    struct sim_entry *policy = sim_find(&core->policies, json_get_string(entry->body, "distributionPolicyId"));
    if (queue->policy != NULL) {
        queue->policy->queue_count--;
    }
    queue->policy = CONTAINER_OF(policy, struct sim_policy, entry);
    queue->policy->queue_count++;
    apply_exceptions(core, queue);
    if (old == NULL) {
        queue->accepted_us = queue->pace_us = -1;
        sim_queue_gather(core, queue);
    }
    sim_queue_stir(core, queue);
    sim_say(core, entry->id, old == NULL ? "queue created" : "queue updated");
}

static void apply_exceptions(struct sim_core *core, struct sim_queue *queue) {
    struct sim_exception_policy *policy =
        sim_exception_find(core, json_get_string(queue->entry.body, "exceptionPolicyId"));
    if (policy == queue->exception_policy) {
        return;
    }
    if (queue->exception_policy != NULL) {
        queue->exception_policy->queue_count--;
    }
    if (policy != NULL) {
        policy->queue_count++;
    }
    queue->exception_policy = policy;
    sim_exceptions_rearm(core, queue);
}

static struct json *queue_json(const struct sim_entry *entry) {
    static const char *const names[] = {"name", "distributionPolicyId", "exceptionPolicyId", NULL};
    struct json *value = sim_entry_json(entry);
    const struct json *labels = json_get(entry->body, "labels");
    int failed = sim_put_copies(value, entry->body, names);
    failed |= json_put(value, "labels", labels == NULL ? json_object() : json_copy(labels));
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static int queue_check_delete(const struct sim_entry *entry, struct sim_answer *answer) {
    const struct sim_queue *queue = CONTAINER_OF(entry, struct sim_queue, entry);
    if (queue->open_count > 0) {
        return sim_fail(answer, 409, "InUse", "%zu job(s) of this queue are not closed or cancelled yet",
                        queue->open_count);
    }
    return 0;
}

static void queue_leave(struct sim_core *core, struct sim_entry *entry) {
    struct sim_queue *queue = CONTAINER_OF(entry, struct sim_queue, entry);
    queue->policy->queue_count--;
    if (queue->exception_policy != NULL) {
        queue->exception_policy->queue_count--;
    }
    sim_queue_disband(queue);
    (void)core;
}

static void queue_destroy(struct sim_core *core, struct sim_entry *entry) {
    struct sim_queue *queue = CONTAINER_OF(entry, struct sim_queue, entry);
    list_remove(&queue->in_stirred);
    sim_entry_remove(&core->queues, entry);
    sim_line_reset(&queue->line);
    sim_members_reset(&queue->members);
    sim_members_reset(&queue->free);
    free(queue);
}
