#include "base/text.h"
#include "event/condition.h"
#include "event/event.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where the words go, and about what they are. */
struct asked {
    const struct filter *filter;
    const struct event_type *type;
    struct slice type_name; /* in full */
    size_t condition;
    char *words;
    size_t size;
};

static bool is_begin_wrong(const struct asked *asked);
static bool is_condition_wrong(struct asked *asked);
static bool is_attribute_wrong(const struct asked *asked);
static bool is_field_wrong(const struct asked *asked);
static const struct event_field *find_place(const struct asked *asked, size_t *known);
static bool is_missing_wrong(const struct asked *asked, size_t known);
static bool is_kind_wrong(const struct asked *asked, const struct event_field *field);
static const char *kind_words(enum event_kind kind);
static bool say(const struct asked *asked, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool filter_never_passes(const struct filter *filter, const struct event_type *type, char *words, size_t size) {
    char name[128];
    (void)snprintf(name, sizeof name, "%s%s", EVENT_TYPE_PREFIX, type->name);
    struct asked asked = {
        .filter = filter, .type = type, .type_name = slice_of(name), .words = words, .size = size};
    if (!filter_includes(filter, asked.type_name)) {
        (void)snprintf(words, size, "filter.includedEventTypes: does not include %s", name);
        return true;
    }
    if (is_begin_wrong(&asked)) {
        (void)snprintf(words, size, "filter.subjectBeginsWith: the subject of %s is %s", type->name,
                       type->subject);
        return true;
    }
    for (size_t i = 0; i < filter->count; i++) {
        asked.condition = i;
        if (is_condition_wrong(&asked)) {
            return true;
        }
    }
    return false;
}

/* Of the subject's form only its beginning, up to the first id, is fixed. */
static bool is_begin_wrong(const struct asked *asked) {
    const struct pattern *begin = &asked->filter->subject_begins;
    size_t fixed = strcspn(asked->type->subject, "{");
    size_t length = fixed < begin->length ? fixed : begin->length;
    struct pattern start = *begin;
    start.length = length;
    return !pattern_begins(&start, slice_make(asked->type->subject, length));
}

static bool is_condition_wrong(struct asked *asked) {
    const struct condition *condition = &asked->filter->conditions[asked->condition];
    const struct rule *rule = condition->rule;
    bool has_values = rule->operand >= OPERAND_NUMBERS;
    if (has_values && condition->count == 0 && !rule->is_negated) {
        return say(asked, "%s matches nothing: its list of values is empty", rule->name);
    }
    if (slice_is(condition->segments[0], "data")) {
        return condition->depth > 1 && is_field_wrong(asked);
    }
    return is_attribute_wrong(asked);
}

static bool is_attribute_wrong(const struct asked *asked) {
    static const char *const names[] = {
        "id",   "topic",       "subject", "eventType",  "dataVersion",     "source",
        "type", "specversion", "time",    "dataschema", "datacontenttype", NULL};
    const struct condition *condition = &asked->filter->conditions[asked->condition];
    const struct rule *rule = condition->rule;
    const char *const *name = names;
    while (*name != NULL && !slice_equal_ignoring_case(condition->segments[0], slice_of(*name))) {
        name++;
    }
    if (*name == NULL || condition->depth > 1) {
        if (rule->passes_missing) {
            return false;
        }
        const struct event_field *field = event_find_spelling(asked->type, condition->segments[0]);
        return say(asked, "no event has %s%s%s%s", condition->key, field == NULL ? "" : " (did you mean data.",
                   field == NULL ? "" : condition->key, field == NULL ? "" : "?)");
    }
    bool is_type = strcmp(*name, "eventType") == 0 || strcmp(*name, "type") == 0;
    const struct value value = {.kind = VALUE_TEXT, .text = asked->type_name};
    if (is_type && rule->test >= TEST_TEXT_EQUALS && condition_hits(condition, &value) == rule->is_negated) {
        return say(asked, "the type is always %.*s", SLICE_ARG(asked->type_name));
    }
    if (rule->test < TEST_TEXT_EQUALS && rule->test != TEST_PRESENT && !rule->is_negated) {
        return say(asked, "%s is a string; %s never matches one", *name, rule->name);
    }
    return false;
}

static bool is_field_wrong(const struct asked *asked) {
    const struct rule *rule = asked->filter->conditions[asked->condition].rule;
    size_t known = 0;
    const struct event_field *field = find_place(asked, &known);
    if (field == NULL) {
        return !rule->passes_missing && is_missing_wrong(asked, known);
    }
    return rule->test != TEST_PRESENT && !rule->is_negated && is_kind_wrong(asked, field);
}

/* The field that the key leads to; NULL: none, and `known` names of the key do lead somewhere. A map's members are
 * what their makers put there: then the map, with all names known. */
static const struct event_field *find_place(const struct asked *asked, size_t *known) {
    const struct condition *condition = &asked->filter->conditions[asked->condition];
    const struct event_field *field = event_find_spelling(asked->type, condition->segments[1]);
    *known = 1;
    for (size_t i = 2; field != NULL && i < condition->depth; i++) {
        *known = i;
        if (field->kind == EVENT_MAP) {
            *known = condition->depth;
            return i + 1 == condition->depth ? field : NULL;
        }
        field = field->kind == EVENT_MODEL ? event_find_field(field->model->fields, condition->segments[i]) : NULL;
    }
    return field;
}

static bool is_missing_wrong(const struct asked *asked, size_t known) {
    const struct condition *condition = &asked->filter->conditions[asked->condition];
    const char *names[64];
    size_t count = 0;
    for (const struct event_field *field = asked->type->fields; field->name != NULL && count < 63; field++) {
        names[count++] = field->name;
    }
    names[count] = NULL;
    const char *nearest = known == 1 ? text_nearest(condition->segments[1], names) : NULL;
    return say(asked, "%s has no %s%s%s%s, and %s does not match where its key is missing", asked->type->name,
               condition->key, nearest == NULL ? "" : " (did you mean data.", nearest == NULL ? "" : nearest,
               nearest == NULL ? "" : "?)", condition->rule->name);
}

static bool is_kind_wrong(const struct asked *asked, const struct event_field *field) {
    const struct condition *condition = &asked->filter->conditions[asked->condition];
    enum test test = condition->rule->test;
    bool wants_text = test >= TEST_TEXT_EQUALS;
    bool wants_boolean = test == TEST_BOOLEAN;
    bool is_member = field->kind == EVENT_MAP && condition->depth > 2 &&
                     slice_is(condition->segments[condition->depth - 2], field->name);
    bool is_right = false;
    switch (field->kind) {
    case EVENT_TEXT:
    case EVENT_TIME: is_right = wants_text; break;
    case EVENT_INTEGER:
    case EVENT_NUMBER: is_right = !wants_text && !wants_boolean; break;
    case EVENT_BOOLEAN: is_right = wants_boolean; break;
    case EVENT_LIFETIME: is_right = !wants_boolean; break;
    case EVENT_PRIMITIVE: is_right = true; break;
    case EVENT_MAP: is_right = is_member; break;
    case EVENT_TEXTS:
        if (wants_text && !asked->filter->looks_into_arrays) {
            return say(asked, "%s is a list: set enableAdvancedFilteringOnArrays", condition->key);
        }
        is_right = wants_text;
        break;
    case EVENT_MODEL:
    case EVENT_MODELS: break;
    }
    return !is_right && say(asked, "%s is %s; %s never matches that", condition->key, kind_words(field->kind),
                            condition->rule->name);
}

static const char *kind_words(enum event_kind kind) {
    switch (kind) {
    case EVENT_TEXT:
    case EVENT_TIME: return "a string";
    case EVENT_INTEGER:
    case EVENT_NUMBER: return "a number";
    case EVENT_BOOLEAN: return "true or false";
    case EVENT_LIFETIME: return "a number or a string";
    case EVENT_TEXTS: return "a list of strings";
    case EVENT_MODELS: return "a list of objects";
    default: return "an object";
    }
}

static bool say(const struct asked *asked, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int used = snprintf(asked->words, asked->size, "filter.advancedFilters[%zu]: ", asked->condition + 1);
    if (used > 0 && (size_t)used < asked->size) {
        (void)vsnprintf(asked->words + used, asked->size - (size_t)used, format, arguments);
    }
    va_end(arguments);
    return true;
}
