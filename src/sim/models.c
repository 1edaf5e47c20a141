/* What bodies may hold. Names and kinds of the members come from the router's table; here are only the shapes
 * below them, by the names of the REST contract. */
#include "base/clock.h"
#include "sim/state.h"
#include <math.h>

enum { MODEL_ENTRIES = 1000 }; /* of one list or map: far over what people write, far under what hurts */

enum field_kind { FIELD_TEXT, FIELD_COUNT, FIELD_SECONDS, FIELD_BOOLEAN, FIELD_TIME, FIELD_PRIMITIVE, FIELD_ANY };

struct field {
    const char *name;
    enum field_kind kind;
    bool is_required;
    const char *const *words; /* of FIELD_TEXT: what it may be */
};

enum model_form { MODEL_OBJECT, MODEL_OBJECTS, MODEL_TEXTS, MODEL_LABELS };

struct model {
    const char *member;
    enum model_form form;
    const struct field *fields;
};

static const char *const operators[] = {"equal",       "notEqual",           "lessThan", "lessThanOrEqual",
                                        "greaterThan", "greaterThanOrEqual", NULL};
static const char *const matching_kinds[] = {"queueAndMatch", "scheduleAndSuspend", "suspend", NULL};
static const char *const mode_kinds[] = {"bestWorker", "longestIdle", "roundRobin", NULL};

static const struct field selector_fields[] = {
    {"key", FIELD_TEXT, true, NULL},          {"labelOperator", FIELD_TEXT, true, operators},
    {"value", FIELD_PRIMITIVE, false, NULL},  {"expiresAfterSeconds", FIELD_SECONDS, false, NULL},
    {"expedite", FIELD_BOOLEAN, false, NULL}, {NULL, FIELD_ANY, false, NULL}};
static const struct field note_fields[] = {
    {"message", FIELD_TEXT, true, NULL}, {"addedAt", FIELD_TIME, false, NULL}, {NULL, FIELD_ANY, false, NULL}};
static const struct field channel_fields[] = {{"channelId", FIELD_TEXT, true, NULL},
                                              {"capacityCostPerJob", FIELD_COUNT, true, NULL},
                                              {"maxNumberOfJobs", FIELD_COUNT, false, NULL},
                                              {NULL, FIELD_ANY, false, NULL}};
static const struct field matching_fields[] = {{"kind", FIELD_TEXT, true, matching_kinds},
                                               {"scheduleAt", FIELD_TIME, false, NULL},
                                               {NULL, FIELD_ANY, false, NULL}};
static const struct field mode_fields[] = {{"kind", FIELD_TEXT, true, mode_kinds},
                                           {"minConcurrentOffers", FIELD_COUNT, false, NULL},
                                           {"maxConcurrentOffers", FIELD_COUNT, false, NULL},
                                           {"bypassSelectors", FIELD_BOOLEAN, false, NULL},
                                           {"scoringRule", FIELD_ANY, false, NULL},
                                           {"scoringRuleOptions", FIELD_ANY, false, NULL},
                                           {NULL, FIELD_ANY, false, NULL}};

static const struct model models[] = {
    {"labels", MODEL_LABELS, NULL},
    {"tags", MODEL_LABELS, NULL},
    {"queues", MODEL_TEXTS, NULL},
    {"channels", MODEL_OBJECTS, channel_fields},
    {"notes", MODEL_OBJECTS, note_fields},
    {"requestedWorkerSelectors", MODEL_OBJECTS, selector_fields},
    {"matchingMode", MODEL_OBJECT, matching_fields},
    {"mode", MODEL_OBJECT, mode_fields},
};

static bool is_modest(const struct json *value);
static int check_kind(const struct router_member *member, const struct json *value, struct sim_answer *answer);
static int merge_into(struct json *target, const struct json *patch, unsigned depth);
static int check_models(const struct json *body, struct sim_answer *answer);
static int check_model(const struct model *model, const struct json *value, struct sim_answer *answer);
static int check_labels(const struct model *model, const struct json *value, struct sim_answer *answer);
static int check_object(const struct model *model, const struct json *value, struct sim_answer *answer);
static int check_field(const struct model *model, const struct field *field, const struct json *value,
                       struct sim_answer *answer);
static bool is_field(const struct field *field, const struct json *value);
static bool is_primitive(const struct json *value);
static bool is_count(const struct json *value, double least);
static bool is_time(const struct json *value);

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
    if (check_models(merged, answer) == 0) {
        return merged;
    }
failed:
    json_free(merged);
    return NULL;
}

int sim_check_conditions(const struct sim_call *call, const struct sim_entry *entry) {
    struct slice wanted = call->if_match;
    if (slice_is_set(wanted)) {
        char etag[SIM_ETAG_SIZE] = "";
        size_t length = entry == NULL ? 0 : strlen(sim_etag(entry, etag));
        bool is_same = slice_is(wanted, "*") || slice_is(wanted, etag) ||
                       (length > 2 && slice_equal(wanted, slice_make(etag + 1, length - 2)));
        if (entry == NULL || !is_same) {
            return sim_fail(call->answer, 412, "PreconditionFailed", "If-Match does not hold: the etag now is %s",
                            entry == NULL ? "none, there is no such resource" : etag);
        }
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
    case ROUTER_INTEGER: wanted = is_count(value, INT32_MIN) ? NULL : "a 32-bit integer"; break;
    case ROUTER_NUMBER: wanted = kind == JSON_NUMBER ? NULL : "a number"; break;
    case ROUTER_BOOLEAN: wanted = kind == JSON_BOOLEAN ? NULL : "true or false"; break;
    case ROUTER_TIME: wanted = is_time(value) ? NULL : "a date and time such as 2026-03-02T09:30:00Z"; break;
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

static int check_models(const struct json *body, struct sim_answer *answer) {
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const struct json *value = json_get(body, models[i].member);
        if (value != NULL && check_model(&models[i], value, answer) < 0) {
            return -1;
        }
    }
    const struct json *matching = json_get(body, "matchingMode");
    const char *kind = json_get_string(matching, "kind");
    bool is_scheduled = kind != NULL && strcmp(kind, "scheduleAndSuspend") == 0;
    if (matching != NULL && is_scheduled != (json_get(matching, "scheduleAt") != NULL)) {
        return sim_fail(answer, 400, is_scheduled ? "MissingMember" : "UnknownMember",
                        "matchingMode.scheduleAt goes with the kind scheduleAndSuspend, and only with it");
    }
    return 0;
}

static int check_model(const struct model *model, const struct json *value, struct sim_answer *answer) {
    if (json_count(value) > MODEL_ENTRIES) {
        return sim_fail(answer, 400, "InvalidMember", "\"%s\" has more than %d entries", model->member,
                        MODEL_ENTRIES);
    }
    switch (model->form) {
    case MODEL_OBJECT: return check_object(model, value, answer);
    case MODEL_LABELS: return check_labels(model, value, answer);
    case MODEL_OBJECTS:
    case MODEL_TEXTS: break;
    }
    for (const struct json *element = json_first(value); element != NULL; element = json_next(element)) {
        if (model->form == MODEL_OBJECTS && check_object(model, element, answer) < 0) {
            return -1;
        }
        if (model->form == MODEL_TEXTS && json_kind(element) != JSON_STRING) {
            return sim_fail(answer, 400, "InvalidMember", "the elements of \"%s\" must be strings", model->member);
        }
    }
    return 0;
}

static int check_labels(const struct model *model, const struct json *value, struct sim_answer *answer) {
    for (const struct json *label = json_first(value); label != NULL; label = json_next(label)) {
        if (!is_primitive(label)) {
            return sim_fail(answer, 400, "InvalidMember",
                            "\"%s.%.200s\" must be a string, a number, true or false", model->member,
                            json_name(label));
        }
    }
    return 0;
}

static int check_object(const struct model *model, const struct json *value, struct sim_answer *answer) {
    if (json_kind(value) != JSON_OBJECT) {
        return sim_fail(answer, 400, "InvalidMember", "the elements of \"%s\" must be objects", model->member);
    }
    for (const struct json *part = json_first(value); part != NULL; part = json_next(part)) {
        const struct field *field = model->fields;
        while (field->name != NULL && strcmp(field->name, json_name(part)) != 0) {
            field++;
        }
        if (field->name == NULL) {
            return sim_fail(answer, 400, "UnknownMember", "\"%s\" has a member \"%.200s\" that it does not take",
                            model->member, json_name(part));
        }
    }
    for (const struct field *field = model->fields; field->name != NULL; field++) {
        if (check_field(model, field, json_get(value, field->name), answer) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_field(const struct model *model, const struct field *field, const struct json *value,
                       struct sim_answer *answer) {
    if (json_kind(value) == JSON_NULL) {
        return !field->is_required
                   ? 0
                   : sim_fail(answer, 400, "MissingMember", "\"%s.%s\" is required", model->member, field->name);
    }
    if (!is_field(field, value)) {
        return sim_fail(answer, 400, "InvalidMember", "\"%s.%s\" has a value of the wrong kind", model->member,
                        field->name);
    }
    if (field->words == NULL) {
        return 0;
    }
    const char *text = json_string_of(value);
    for (const char *const *word = field->words; *word != NULL; word++) {
        if (strcmp(text, *word) == 0) {
            return 0;
        }
    }
    return sim_fail(answer, 400, "InvalidMember", "\"%s.%s\" cannot be \"%.200s\"; it can be %s, ... %s",
                    model->member, field->name, text, field->words[0], field->words[1]);
}

static bool is_field(const struct field *field, const struct json *value) {
    switch (field->kind) {
    case FIELD_TEXT: return json_kind(value) == JSON_STRING;
    case FIELD_COUNT: return is_count(value, 1);
    case FIELD_SECONDS: return json_kind(value) == JSON_NUMBER && json_double_of(value, -1) >= 0;
    case FIELD_BOOLEAN: return json_kind(value) == JSON_BOOLEAN;
    case FIELD_TIME: return is_time(value);
    case FIELD_PRIMITIVE: return is_primitive(value);
    case FIELD_ANY: break;
    }
    return true;
}

static bool is_primitive(const struct json *value) {
    enum json_kind kind = json_kind(value);
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_BOOLEAN;
}

/* A whole number from `least` to the largest of 32 bits. */
static bool is_count(const struct json *value, double least) {
    if (json_kind(value) != JSON_NUMBER) {
        return false;
    }
    double number = json_double_of(value, 0);
    return number >= least && number <= INT32_MAX && !(floor(number) < number);
}

static bool is_time(const struct json *value) {
    const char *text = json_string_of(value);
    int64_t us = 0;
    return text != NULL && clock_parse(text, strlen(text), &us) == 0;
}
