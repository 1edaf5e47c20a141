/* Classification policies as resources. Their shapes are checked with every other body; see models.c. */
#include "sim/classify.h"
#include <stdlib.h>

static int policy_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body);
static void policy_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static struct json *policy_json(const struct sim_entry *entry);
static void policy_destroy(struct sim_core *core, struct sim_entry *entry);

const struct sim_kind sim_classification_kind = {.what = "classification policy",
                                                 .size = sizeof(struct sim_classification),
                                                 .collection = offsetof(struct sim_core, classifications),
                                                 .prepare = policy_prepare,
                                                 .apply = policy_apply,
                                                 .to_json = policy_json,
                                                 .destroy = policy_destroy};

static int policy_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body) {
    const char *queue = json_get_string(body, "fallbackQueueId");
    bool is_named = entry == NULL || sim_differs(entry->body, body, "fallbackQueueId");
    if (queue != NULL && is_named && sim_queue_find(core, queue) == NULL) {
        return sim_fail(call->answer, 400, "InvalidReference",
                        "\"fallbackQueueId\": there is no queue \"%.200s\"; create it first", queue);
    }
    return 0;
}

static void policy_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    sim_say(core, entry->id, old == NULL ? "classification policy created" : "classification policy updated");
}

static struct json *policy_json(const struct sim_entry *entry) {
    static const char *const names[] = {
        "name", "fallbackQueueId", "queueSelectorAttachments", "prioritizationRule", "workerSelectorAttachments",
        NULL};
    struct json *value = sim_entry_json(entry);
    int failed = json_put(value, "queueSelectorAttachments", json_array());
    failed |= json_put(value, "workerSelectorAttachments", json_array());
    failed |= sim_put_copies(value, entry->body, names);
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static void policy_destroy(struct sim_core *core, struct sim_entry *entry) {
    sim_entry_remove(&core->classifications, entry);
    free(CONTAINER_OF(entry, struct sim_classification, entry));
}
