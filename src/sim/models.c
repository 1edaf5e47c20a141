/* What bodies may hold: names and kinds of the members come from the router's table; here are the shapes below
 * them, by the names of the REST contract. */
#include "base/clock.h"
#include "sim/shape.h"
#include "sim/state.h"

enum { MODEL_ENTRIES = 1000 }; /* of one list or map: far over what people write, far under what hurts */

#define TEXT(name)                                                                                                \
    { name, SIM_FIELD_TEXT, false, NULL, NULL }
#define LIST(name, each)                                                                                          \
    { name, SIM_FIELD_OBJECTS, false, NULL, &(each) }
#define NEEDED(name, kind)                                                                                        \
    { name, kind, true, NULL, NULL }
#define OPTIONAL(name, kind)                                                                                      \
    { name, kind, false, NULL, NULL }
#define LAST                                                                                                      \
    { NULL, SIM_FIELD_ANY, false, NULL, NULL }

static const char *const operators[] = {"equal",       "notEqual",           "lessThan", "lessThanOrEqual",
                                        "greaterThan", "greaterThanOrEqual", NULL};
static const char *const scoring_parameters[] = {"jobLabels", "workerSelectors", NULL};

static const struct sim_field worker_selector[] = {
    NEEDED("key", SIM_FIELD_TEXT),           {"labelOperator", SIM_FIELD_TEXT, true, operators, NULL},
    OPTIONAL("value", SIM_FIELD_PRIMITIVE),  OPTIONAL("expiresAfterSeconds", SIM_FIELD_SECONDS),
    OPTIONAL("expedite", SIM_FIELD_BOOLEAN), LAST};
static const struct sim_shape worker_selectors = {worker_selector, NULL};

static const struct sim_field note[] = {NEEDED("message", SIM_FIELD_TEXT), OPTIONAL("addedAt", SIM_FIELD_TIME),
                                        LAST};
static const struct sim_shape notes = {note, NULL};

static const struct sim_field channel[] = {NEEDED("channelId", SIM_FIELD_TEXT),
                                           NEEDED("capacityCostPerJob", SIM_FIELD_COUNT),
                                           OPTIONAL("maxNumberOfJobs", SIM_FIELD_COUNT), LAST};
static const struct sim_shape channels = {channel, NULL};

static const struct sim_field schedule[] = {NEEDED("scheduleAt", SIM_FIELD_TIME), LAST};
static const struct sim_variant matching_modes[] = {
    {"queueAndMatch", NULL}, {"scheduleAndSuspend", schedule}, {"suspend", NULL}, {NULL, NULL}};
static const struct sim_shape matching_mode = {NULL, matching_modes};

static const struct sim_field function_credential[] = {TEXT("functionKey"), TEXT("appKey"), TEXT("clientId"),
                                                       LAST};
static const struct sim_shape function_credentials = {function_credential, NULL};
static const struct sim_field client_credential[] = {TEXT("clientId"), TEXT("clientSecret"), LAST};
static const struct sim_shape client_credentials = {client_credential, NULL};
static const char *const languages[] = {"powerFx", NULL};
static const struct sim_field static_rule[] = {OPTIONAL("value", SIM_FIELD_ANY), LAST};
static const struct sim_field expression_rule[] = {
    NEEDED("expression", SIM_FIELD_TEXT), {"language", SIM_FIELD_TEXT, false, languages, NULL}, LAST};
static const struct sim_field function_rule[] = {
    NEEDED("functionUri", SIM_FIELD_TEXT),
    {"credential", SIM_FIELD_OBJECT, false, NULL, &function_credentials},
    LAST};
static const struct sim_field webhook_rule[] = {
    TEXT("authorizationServerUri"),
    {"clientCredential", SIM_FIELD_OBJECT, false, NULL, &client_credentials},
    TEXT("webhookUri"),
    LAST};
static const struct sim_variant rules[] = {{"directMap", NULL},         {"expression", expression_rule},
                                           {"function", function_rule}, {"static", static_rule},
                                           {"webhook", webhook_rule},   {NULL, NULL}};
static const struct sim_shape rule = {NULL, rules};

static const struct sim_field queue_selector[] = {NEEDED("key", SIM_FIELD_TEXT),
                                                  {"labelOperator", SIM_FIELD_TEXT, true, operators, NULL},
                                                  OPTIONAL("value", SIM_FIELD_PRIMITIVE),
                                                  LAST};
static const struct sim_shape queue_selectors = {queue_selector, NULL};
static const struct sim_field queue_allocation[] = {
    NEEDED("weight", SIM_FIELD_FRACTION),
    {"queueSelectors", SIM_FIELD_OBJECTS, true, NULL, &queue_selectors},
    LAST};
static const struct sim_shape queue_allocations = {queue_allocation, NULL};
static const struct sim_field worker_allocation[] = {
    NEEDED("weight", SIM_FIELD_FRACTION),
    {"workerSelectors", SIM_FIELD_OBJECTS, true, NULL, &worker_selectors},
    LAST};
static const struct sim_shape worker_allocations = {worker_allocation, NULL};

static const struct sim_field queue_conditional[] = {
    {"condition", SIM_FIELD_OBJECT, true, NULL, &rule},
    {"queueSelectors", SIM_FIELD_OBJECTS, true, NULL, &queue_selectors},
    LAST};
static const struct sim_field worker_conditional[] = {
    {"condition", SIM_FIELD_OBJECT, true, NULL, &rule},
    {"workerSelectors", SIM_FIELD_OBJECTS, true, NULL, &worker_selectors},
    LAST};
static const struct sim_field queue_pass[] = {
    NEEDED("key", SIM_FIELD_TEXT), {"labelOperator", SIM_FIELD_TEXT, true, operators, NULL}, LAST};
static const struct sim_field worker_pass[] = {NEEDED("key", SIM_FIELD_TEXT),
                                               {"labelOperator", SIM_FIELD_TEXT, true, operators, NULL},
                                               OPTIONAL("expiresAfterSeconds", SIM_FIELD_SECONDS),
                                               LAST};
static const struct sim_field rule_engine[] = {{"rule", SIM_FIELD_OBJECT, true, NULL, &rule}, LAST};
static const struct sim_field queue_static[] = {{"queueSelector", SIM_FIELD_OBJECT, true, NULL, &queue_selectors},
                                                LAST};
static const struct sim_field worker_static[] = {
    {"workerSelector", SIM_FIELD_OBJECT, true, NULL, &worker_selectors}, LAST};
static const struct sim_field queue_weighted[] = {
    {"allocations", SIM_FIELD_OBJECTS, true, NULL, &queue_allocations}, LAST};
static const struct sim_field worker_weighted[] = {
    {"allocations", SIM_FIELD_OBJECTS, true, NULL, &worker_allocations}, LAST};
static const struct sim_variant queue_attachment[] = {{"conditional", queue_conditional},
                                                      {"passThrough", queue_pass},
                                                      {"ruleEngine", rule_engine},
                                                      {"static", queue_static},
                                                      {"weightedAllocation", queue_weighted},
                                                      {NULL, NULL}};
static const struct sim_shape queue_attachments = {NULL, queue_attachment};
static const struct sim_variant worker_attachment[] = {{"conditional", worker_conditional},
                                                       {"passThrough", worker_pass},
                                                       {"ruleEngine", rule_engine},
                                                       {"static", worker_static},
                                                       {"weightedAllocation", worker_weighted},
                                                       {NULL, NULL}};
static const struct sim_shape worker_attachments = {NULL, worker_attachment};

static const struct sim_field scoring_option[] = {
    OPTIONAL("batchSize", SIM_FIELD_COUNT),
    {"scoringParameters", SIM_FIELD_TEXTS, false, scoring_parameters, NULL},
    OPTIONAL("isBatchScoringEnabled", SIM_FIELD_BOOLEAN),
    OPTIONAL("descendingOrder", SIM_FIELD_BOOLEAN),
    LAST};
static const struct sim_shape scoring_options = {scoring_option, NULL};
static const struct sim_field offers[] = {OPTIONAL("minConcurrentOffers", SIM_FIELD_COUNT),
                                          OPTIONAL("maxConcurrentOffers", SIM_FIELD_COUNT),
                                          OPTIONAL("bypassSelectors", SIM_FIELD_BOOLEAN), LAST};
static const struct sim_field best_worker[] = {
    {"scoringRule", SIM_FIELD_OBJECT, false, NULL, &rule},
    {"scoringRuleOptions", SIM_FIELD_OBJECT, false, NULL, &scoring_options},
    LAST};
static const struct sim_variant modes[] = {
    {"bestWorker", best_worker}, {"longestIdle", NULL}, {"roundRobin", NULL}, {NULL, NULL}};
static const struct sim_shape mode = {offers, modes};

static const struct sim_field length_trigger[] = {NEEDED("threshold", SIM_FIELD_COUNT), LAST};
static const struct sim_field time_trigger[] = {NEEDED("thresholdSeconds", SIM_FIELD_SECONDS), LAST};
static const struct sim_variant trigger_kinds[] = {
    {"queueLength", length_trigger}, {"waitTime", time_trigger}, {NULL, NULL}};
static const struct sim_shape trigger = {NULL, trigger_kinds};
static const struct sim_field cancel_action[] = {TEXT("note"), TEXT("dispositionCode"), LAST};
static const struct sim_field manual_action[] = {TEXT("queueId"), OPTIONAL("priority", SIM_FIELD_INTEGER),
                                                 LIST("workerSelectors", worker_selectors), LAST};
static const struct sim_field reclassify_action[] = {TEXT("classificationPolicyId"),
                                                     OPTIONAL("labelsToUpsert", SIM_FIELD_LABELS), LAST};
static const struct sim_variant action_kinds[] = {{"cancel", cancel_action},
                                                  {"manualReclassify", manual_action},
                                                  {"reclassify", reclassify_action},
                                                  {NULL, NULL}};
static const struct sim_field action[] = {TEXT("id"), LAST};
static const struct sim_shape actions = {action, action_kinds};
static const struct sim_field exception_rule[] = {NEEDED("id", SIM_FIELD_TEXT),
                                                  {"trigger", SIM_FIELD_OBJECT, true, NULL, &trigger},
                                                  {"actions", SIM_FIELD_OBJECTS, true, NULL, &actions},
                                                  LAST};
static const struct sim_shape exception_rules = {exception_rule, NULL};

/* Of all bodies: no two resources have a member of the same name and another shape. */
static const struct sim_field members[] = {
    OPTIONAL("labels", SIM_FIELD_LABELS),
    OPTIONAL("tags", SIM_FIELD_LABELS),
    OPTIONAL("queues", SIM_FIELD_TEXTS),
    LIST("channels", channels),
    LIST("notes", notes),
    LIST("requestedWorkerSelectors", worker_selectors),
    {"matchingMode", SIM_FIELD_OBJECT, false, NULL, &matching_mode},
    {"mode", SIM_FIELD_OBJECT, false, NULL, &mode},
    {"prioritizationRule", SIM_FIELD_OBJECT, false, NULL, &rule},
    LIST("queueSelectorAttachments", queue_attachments),
    LIST("workerSelectorAttachments", worker_attachments),
    LIST("exceptionRules", exception_rules),
    LAST,
};

static bool is_modest(const struct json *value);
static int check_kind(const struct router_member *member, const struct json *value, struct sim_answer *answer);
static int merge_into(struct json *target, const struct json *patch, unsigned depth);
static bool has_etag(struct slice list, const char *etag);

int sim_check_body(const struct router_operation *operation, const struct json *body, struct sim_answer *answer) {
    if (!is_modest(body)) {
        return sim_fail(answer, 400, "InvalidMember", "a list or an object in the body has more than %d entries",
                        MODEL_ENTRIES);
    }
    for (const struct json *value = json_first(body); value != NULL; value = json_next(value)) {
        const struct router_member *member = router_find_member(operation, slice_of(json_name(value)));
        if (member == NULL || member->place != ROUTER_BODY) {
            return sim_fail(answer, 400, "UnknownMember",
                            "the body has a member \"%.200s\" that this call does not take", json_name(value));
        }
        if (json_kind(value) != JSON_NULL && check_kind(member, value, answer) < 0) {
            return -1;
        }
    }
    return 0;
}

struct json *sim_merge(struct sim_core *core, const struct json *body, const struct json *patch,
                       struct sim_answer *answer) {
    struct json *merged = body == NULL ? json_object() : json_copy(body);
    if (merged == NULL || merge_into(merged, patch, 0) < 0) {
        sim_fail_memory(core, answer);
        goto failed;
    }
    if (sim_check_fields(members, merged, answer) == 0) {
        return merged;
    }
failed:
    json_free(merged);
    return NULL;
}

int sim_check_conditions(const struct sim_call *call, const struct sim_entry *entry) {
    if (slice_is_set(call->if_match)) {
        char etag[SIM_ETAG_SIZE] = "";
        if (entry == NULL || !has_etag(call->if_match, sim_etag(entry, etag))) {
            return sim_fail(call->answer, 412, "PreconditionFailed", "If-Match does not hold: the etag now is %s",
                            entry == NULL ? "none, there is no such resource" : etag);
        }
        return 0; /* it goes before If-Unmodified-Since: RFC 9110, 13.2.2 */
    }
    int64_t since = 0;
    if (slice_is_set(call->if_unmodified_since) && entry != NULL) {
        struct slice text = call->if_unmodified_since;
        if (clock_parse_http(text.bytes, text.length, &since) < 0) {
            return sim_fail(call->answer, 400, "InvalidHeader", "If-Unmodified-Since is no HTTP date");
        }
        if (entry->modified_us / CLOCK_US_PER_S > since / CLOCK_US_PER_S) {
            return sim_fail(call->answer, 412, "PreconditionFailed",
                            "If-Unmodified-Since does not hold: the resource was changed after that");
        }
    }
    return 0;
}

/* Members are looked up one by one: a huge object would take its square in time. */
static bool is_modest(const struct json *value) {
    size_t count = 0;
    for (const struct json *part = json_first(value); part != NULL; part = json_next(part)) {
        if (++count > MODEL_ENTRIES || !is_modest(part)) {
            return false;
        }
    }
    return true;
}

static int check_kind(const struct router_member *member, const struct json *value, struct sim_answer *answer) {
    enum json_kind kind = json_kind(value);
    const char *wanted = NULL;
    switch (member->kind) {
    case ROUTER_STRING: wanted = kind == JSON_STRING ? NULL : "a string"; break;
    case ROUTER_INTEGER: wanted = sim_is_count(value, INT32_MIN) ? NULL : "a 32-bit integer"; break;
    case ROUTER_NUMBER: wanted = kind == JSON_NUMBER ? NULL : "a number"; break;
    case ROUTER_BOOLEAN: wanted = kind == JSON_BOOLEAN ? NULL : "true or false"; break;
    case ROUTER_TIME: wanted = sim_is_time(value) ? NULL : "a date and time such as 2026-03-02T09:30:00Z"; break;
    case ROUTER_LIST: wanted = kind == JSON_ARRAY ? NULL : "an array"; break;
    case ROUTER_MAP: wanted = kind == JSON_OBJECT ? NULL : "an object"; break;
    }
    if (wanted != NULL) {
        return sim_fail(answer, 400, "InvalidMember", "\"%s\" must be %s", member->name, wanted);
    }
    return 0;
}

/* RFC 7396, with one addition: an object that says another `kind` than the one that is there replaces it whole,
 * since the members of one kind mean nothing in another. */
static int merge_into(struct json *target, const struct json *patch, unsigned depth) {
    for (const struct json *value = json_first(patch); value != NULL; value = json_next(value)) {
        const char *name = json_name(value);
        struct json *old = json_get(target, name);
        const struct json *kind = json_get(value, "kind");
        if (depth == 0 && kind != NULL && json_kind(value) == JSON_OBJECT &&
            !json_equal(kind, json_get(old, "kind"))) {
            old = NULL;
        }
        if (json_kind(value) == JSON_NULL) {
            json_drop(target, name);
        } else if (json_kind(value) == JSON_OBJECT) {
            struct json *member = json_kind(old) == JSON_OBJECT ? old : json_object();
            if (member == NULL || (member != old && json_put(target, name, member) < 0) ||
                merge_into(member, value, depth + 1) < 0) {
                return -1;
            }
        } else if (json_put(target, name, json_copy(value)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* One etag, several with commas between, or "*": any. With or without its quotes. */
static bool has_etag(struct slice list, const char *etag) {
    size_t length = strlen(etag);
    while (list.length > 0) {
        const char *comma = memchr(list.bytes, ',', list.length);
        struct slice one = slice_make(list.bytes, comma == NULL ? list.length : (size_t)(comma - list.bytes));
        size_t used = one.length + (comma != NULL);
        list = slice_make(list.bytes + used, list.length - used);
        while (one.length > 0 && one.bytes[0] == ' ') {
            one = slice_make(one.bytes + 1, one.length - 1);
        }
        while (one.length > 0 && one.bytes[one.length - 1] == ' ') {
            one.length--;
        }
        if (slice_is(one, "*") || slice_is(one, etag) || slice_equal(one, slice_make(etag + 1, length - 2))) {
            return true;
        }
    }
    return false;
}
