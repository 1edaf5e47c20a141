#include "sim/rule.h"
#include "sim/powerfx.h"
#include <stdio.h>
#include <string.h>

static struct json *static_value(const struct json *rule, char *words, size_t size);
static struct json *label_selectors(const struct json *labels, char *words, size_t size);

struct json *sim_rule_value(const struct json *rule, const struct sim_rule_input *input, char *words,
                            size_t size) {
    const char *kind = json_get_string(rule, "kind");
    kind = kind == NULL ? "" : kind;
    if (strcmp(kind, "static") == 0) {
        return static_value(rule, words, size);
    }
    if (strcmp(kind, "directMap") == 0) {
        return label_selectors(input->job, words, size);
    }
    const char *formula = json_get_string(rule, "expression");
    if (strcmp(kind, "expression") == 0 && formula != NULL) {
        return sim_powerfx_value(formula, input, words, size);
    }
    if (strcmp(kind, "expression") == 0) {
        snprintf(words, size, "the rule has no expression");
    } else {
        snprintf(
            words, size,
            "a rule of the kind \"%.50s\" calls another service, and the local Job Router calls nobody; use an "
            "expression or a static value in its place",
            kind);
    }
    return NULL;
}

static struct json *static_value(const struct json *rule, char *words, size_t size) {
    const struct json *value = json_get(rule, "value");
    struct json *copy = value == NULL ? json_none() : json_copy(value);
    if (copy == NULL) {
        snprintf(words, size, "%s", "");
    }
    return copy;
}

static struct json *label_selectors(const struct json *labels, char *words, size_t size) {
    struct json *selectors = json_array();
    int failed = selectors == NULL;
    for (const struct json *label = json_first(labels); label != NULL && !failed; label = json_next(label)) {
        struct json *selector = json_object();
        failed |= json_put(selector, "key", json_text(json_name(label)));
        failed |= json_put(selector, "labelOperator", json_text("equal"));
        failed |= json_put(selector, "value", json_copy(label));
        failed |= json_push(selectors, selector);
    }
    if (failed) {
        snprintf(words, size, "%s", "");
        json_free(selectors);
        return NULL;
    }
    return selectors;
}
