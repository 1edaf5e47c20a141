#include "sim/attachments.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct attaching {
    struct sim_core *core;
    const struct json *labels;
    bool is_queue;
    const char *member; /* of the policy */
    size_t index;
    struct json *out;
    struct sim_classify_failure *failure;
};

static int attach(struct attaching *this, const struct json *attachment);
static int attach_static(struct attaching *this, const struct json *attachment);
static int attach_conditional(struct attaching *this, const struct json *attachment);
static int attach_pass_through(struct attaching *this, const struct json *attachment);
static int attach_rule(struct attaching *this, const struct json *attachment);
static int attach_weighted(struct attaching *this, const struct json *attachment);
static struct json *evaluate(struct attaching *this, const struct json *rule);
static int push_value(struct attaching *this, const struct json *value);
static int push_all(struct attaching *this, const struct json *selectors);
static int push(struct attaching *this, const struct json *selector);
static int push_made(struct attaching *this, const char *key, const char *sign, const struct json *value,
                     const struct json *seconds);
static bool is_selector(const struct json *value);
static int fail(struct attaching *this, const char *code, const char *words);

struct json *sim_attached_selectors(struct sim_core *core, const struct json *attachments, bool is_queue,
                                    const struct json *labels, struct sim_classify_failure *failure) {
    struct attaching this = {.core = core,
                             .labels = labels,
                             .is_queue = is_queue,
                             .member = is_queue ? "queueSelectorAttachments" : "workerSelectorAttachments",
                             .out = json_array(),
                             .failure = failure};
    if (this.out == NULL) {
        fail(&this, "OutOfMemory", "");
        return NULL;
    }
    const struct json *attachment = json_first(attachments);
    for (; attachment != NULL; attachment = json_next(attachment), this.index++) {
        if (attach(&this, attachment) < 0) {
            json_free(this.out);
            return NULL;
        }
    }
    return this.out;
}

static int attach(struct attaching *this, const struct json *attachment) {
    static const struct {
        const char *kind;
        int (*attach)(struct attaching *this, const struct json *attachment);
    } kinds[] = {{"static", attach_static},
                 {"conditional", attach_conditional},
                 {"passThrough", attach_pass_through},
                 {"ruleEngine", attach_rule},
                 {"weightedAllocation", attach_weighted}};
    const char *kind = json_get_string(attachment, "kind");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i].kind) == 0) {
            return kinds[i].attach(this, attachment);
        }
    }
    return 0;
}

static int attach_static(struct attaching *this, const struct json *attachment) {
    return push(this, json_get(attachment, this->is_queue ? "queueSelector" : "workerSelector"));
}

static int attach_conditional(struct attaching *this, const struct json *attachment) {
    const struct json *selectors = json_get(attachment, this->is_queue ? "queueSelectors" : "workerSelectors");
    struct json *value = evaluate(this, json_get(attachment, "condition"));
    int result = -1;
    const char *text = json_string_of(value);
    if (value == NULL) {
        return -1;
    }
    switch (json_kind(value)) {
    case JSON_NULL: result = 0; break;
    case JSON_BOOLEAN: result = json_bool_of(value, false) ? push_all(this, selectors) : 0; break;
    case JSON_STRING:
        result = strcasecmp(text, "true") == 0                       ? push_all(this, selectors)
                 : strcasecmp(text, "false") == 0 || text[0] == '\0' ? 0
                                                                     : -2;
        break;
    case JSON_ARRAY: result = push_value(this, value) < 0 ? -1 : push_all(this, selectors); break;
    case JSON_NUMBER:
    case JSON_OBJECT: result = -2; break;
    }
    json_free(value);
    return result == -2 ? fail(this, "InvalidCondition", "its condition comes to neither true nor false") : result;
}

static int attach_pass_through(struct attaching *this, const struct json *attachment) {
    const char *key = json_get_string(attachment, "key");
    const struct json *label = json_get(this->labels, key);
    if (label == NULL) {
        return 0;
    }
    return push_made(this, key, json_get_string(attachment, "labelOperator"), label,
                     json_get(attachment, "expiresAfterSeconds"));
}

static int attach_rule(struct attaching *this, const struct json *attachment) {
    struct json *value = evaluate(this, json_get(attachment, "rule"));
    int result = value == NULL ? -1 : push_value(this, value);
    json_free(value);
    return result;
}

static int attach_weighted(struct attaching *this, const struct json *attachment) {
    const struct json *allocations = json_get(attachment, "allocations");
    const struct json *allocation;
    double sum = 0;
    for (allocation = json_first(allocations); allocation != NULL; allocation = json_next(allocation)) {
        sum += json_get_double(allocation, "weight", 0);
    }
    double drawn = sim_random(this->core) * sum;
    for (allocation = json_first(allocations); allocation != NULL; allocation = json_next(allocation)) {
        double weight = json_get_double(allocation, "weight", 0);
        if (drawn < weight) {
            return push_all(this, json_get(allocation, this->is_queue ? "queueSelectors" : "workerSelectors"));
        }
        drawn -= weight;
    }
    return 0;
}

static struct json *evaluate(struct attaching *this, const struct json *rule) {
    struct sim_rule_input input = {.job = this->labels};
    char words[SIM_WORDS_SIZE];
    struct json *value = sim_rule_value(rule, &input, words, sizeof words);
    if (value == NULL) {
        fail(this, "InvalidRule", words);
    }
    return value;
}

static int push_value(struct attaching *this, const struct json *value) {
    switch (json_kind(value)) {
    case JSON_NULL: return 0;
    case JSON_ARRAY: return push_all(this, value);
    case JSON_OBJECT: return push(this, value);
    case JSON_STRING:
        if (this->is_queue) {
            return push_made(this, "Id", "equal", value, NULL);
        }
        break;
    case JSON_BOOLEAN:
    case JSON_NUMBER: break;
    }
    return fail(this, "InvalidSelector", "its rule does not come to selectors");
}

static int push_all(struct attaching *this, const struct json *selectors) {
    for (const struct json *selector = json_first(selectors); selector != NULL; selector = json_next(selector)) {
        if (push(this, selector) < 0) {
            return -1;
        }
    }
    return 0;
}

static int push(struct attaching *this, const struct json *selector) {
    if (!is_selector(selector)) {
        return fail(this, "InvalidSelector",
                    "its rule comes to something that is no selector: {key, labelOperator, value}");
    }
    return json_push(this->out, json_copy(selector)) == 0 ? 0 : fail(this, "OutOfMemory", "");
}

static int push_made(struct attaching *this, const char *key, const char *sign, const struct json *value,
                     const struct json *seconds) {
    struct json *selector = json_object();
    int failed = json_put(selector, "key", json_text(key));
    failed |= json_put(selector, "labelOperator", json_text(sign));
    failed |= json_put(selector, "value", json_copy(value));
    if (json_kind(seconds) == JSON_NUMBER) {
        failed |= json_put(selector, "expiresAfterSeconds", json_copy(seconds));
    }
    if (failed) {
        json_free(selector);
        selector = NULL;
    }
    return json_push(this->out, selector) == 0 ? 0 : fail(this, "OutOfMemory", "");
}

/* The written ones were checked with the policy; this is for what rules make. */
static bool is_selector(const struct json *value) {
    static const char *const operators[] = {"equal",       "notEqual",           "lessThan", "lessThanOrEqual",
                                            "greaterThan", "greaterThanOrEqual", NULL};
    const char *sign = json_get_string(value, "labelOperator");
    enum json_kind kind = json_kind(json_get(value, "value"));
    const struct json *seconds = json_get(value, "expiresAfterSeconds");
    bool has_operator = false;
    for (const char *const *word = operators; sign != NULL && *word != NULL; word++) {
        has_operator |= strcmp(sign, *word) == 0;
    }
    return has_operator && json_get_string(value, "key") != NULL && kind != JSON_ARRAY && kind != JSON_OBJECT &&
           (json_kind(seconds) == JSON_NULL || json_double_of(seconds, -1) >= 0);
}

static int fail(struct attaching *this, const char *code, const char *words) {
    this->failure->code = code;
    snprintf(this->failure->target, sizeof this->failure->target, "%s[%zu]", this->member, this->index);
    snprintf(this->failure->words, sizeof this->failure->words, "%s", words);
    this->core->is_broken |= words[0] == '\0'; /* no memory is no mistake of the policy's */
    return -1;
}
