#include "event/condition.h"
#include "base/text.h"
#include "json/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATOR, KEY, VALUE, VALUES, MEMBERS };

static const struct rule rules[] = {
    {"NumberIn", OPERAND_NUMBERS, TEST_NUMBER_EQUALS, false, false},
    {"NumberNotIn", OPERAND_NUMBERS, TEST_NUMBER_EQUALS, true, true},
    {"NumberLessThan", OPERAND_NUMBER, TEST_NUMBER_BELOW, false, false},
    {"NumberGreaterThan", OPERAND_NUMBER, TEST_NUMBER_ABOVE, false, false},
    {"NumberLessThanOrEquals", OPERAND_NUMBER, TEST_NUMBER_AT_MOST, false, false},
    {"NumberGreaterThanOrEquals", OPERAND_NUMBER, TEST_NUMBER_AT_LEAST, false, false},
    {"NumberInRange", OPERAND_RANGES, TEST_NUMBER_WITHIN, false, false},
    {"NumberNotInRange", OPERAND_RANGES, TEST_NUMBER_WITHIN, true, true},
    {"BoolEquals", OPERAND_BOOLEAN, TEST_BOOLEAN, false, false},
    {"StringContains", OPERAND_TEXTS, TEST_TEXT_CONTAINS, false, false},
    {"StringNotContains", OPERAND_TEXTS, TEST_TEXT_CONTAINS, true, false},
    {"StringBeginsWith", OPERAND_TEXTS, TEST_TEXT_BEGINS, false, false},
    {"StringNotBeginsWith", OPERAND_TEXTS, TEST_TEXT_BEGINS, true, false},
    {"StringEndsWith", OPERAND_TEXTS, TEST_TEXT_ENDS, false, false},
    {"StringNotEndsWith", OPERAND_TEXTS, TEST_TEXT_ENDS, true, false},
    {"StringIn", OPERAND_TEXTS, TEST_TEXT_EQUALS, false, false},
    {"StringNotIn", OPERAND_TEXTS, TEST_TEXT_EQUALS, true, true},
    {"IsNullOrUndefined", OPERAND_NONE, TEST_PRESENT, true, true},
    {"IsNotNull", OPERAND_NONE, TEST_PRESENT, false, false},
};

enum { RULES = sizeof rules / sizeof rules[0] };

static int take_rule(struct condition *condition, struct slice json, const char *where, struct error *error);
static int take_key(struct condition *condition, struct slice json, const char *where, struct error *error);
static int split_key(struct condition *condition);
static void name_first(struct condition *condition);
static int take_operand(struct condition *condition, const struct slice *members, size_t *values,
                        const char *where, struct error *error);
static int take_values(struct condition *condition, const struct slice *elements, size_t count, const char *where,
                       struct error *error);
static int take_number(struct slice json, struct number *number, const char *where, struct error *error);
static int take_range(struct slice json, struct range *range, const char *where, struct error *error);
static bool hits_number(const struct condition *condition, size_t i, const struct number *number);
static int compare(const struct number *a, const struct number *b);
static int compare_mixed(int64_t integer, double real);

int condition_init(struct condition *condition, struct slice json, size_t *values, const char *where,
                   struct error *error) {
    static const char *const names[] = {"operatorType", "key", "value", "values", NULL};
    struct slice members[MEMBERS] = {{0}};
    *condition = (struct condition){0};
    if (filter_collect(json, names, members, where, error) < 0 ||
        take_rule(condition, members[OPERATOR], where, error) < 0 ||
        take_key(condition, members[KEY], where, error) < 0 ||
        take_operand(condition, members, values, where, error) < 0) {
        condition_reset(condition);
        return -1;
    }
    return 0;
}

void condition_reset(struct condition *condition) {
    for (size_t i = 0; condition->texts != NULL && i < condition->count; i++) {
        pattern_reset(&condition->texts[i]);
    }
    free(condition->texts);
    free(condition->ranges);
    free(condition->segments);
    free(condition->key);
    *condition = (struct condition){0};
}

bool condition_hits(const struct condition *condition, const struct value *value) {
    if (condition->rule->test == TEST_PRESENT) {
        return true;
    }
    if (value == NULL) {
        return false;
    }
    if (condition->rule->test == TEST_BOOLEAN) {
        return value->kind == VALUE_BOOLEAN && value->boolean == condition->boolean;
    }
    bool wants_text = condition->rule->test >= TEST_TEXT_EQUALS;
    bool is_attribute = condition->depth == 1;
    if (wants_text ? value->kind != VALUE_TEXT && !(value->kind == VALUE_NUMBER && is_attribute)
                   : value->kind != VALUE_NUMBER) {
        return false;
    }
    bool hits = false;
    for (size_t i = 0; i < condition->count && !hits; i++) {
        switch (condition->rule->test) {
        case TEST_TEXT_EQUALS: hits = pattern_equals(&condition->texts[i], value->text); break;
        case TEST_TEXT_CONTAINS: hits = pattern_is_in(&condition->texts[i], value->text); break;
        case TEST_TEXT_BEGINS: hits = pattern_begins(&condition->texts[i], value->text); break;
        case TEST_TEXT_ENDS: hits = pattern_ends(&condition->texts[i], value->text); break;
        default: hits = hits_number(condition, i, &value->number); break;
        }
    }
    return hits;
}

static int take_rule(struct condition *condition, struct slice json, const char *where, struct error *error) {
    if (!slice_is_set(json)) {
        return error_set(error, ERROR_INVALID, "%s: has no operatorType, such as \"StringIn\"", where);
    }
    if (json.bytes[0] != '"') {
        return error_set(error, ERROR_INVALID, "%s.operatorType: must be a string, got %s", where,
                         filter_kind(json));
    }
    struct slice name = slice_make(json.bytes + 1, json.length - 2);
    const char *names[RULES + 1];
    for (size_t i = 0; i < RULES; i++) {
        if (slice_is(name, rules[i].name)) {
            condition->rule = &rules[i];
            return 0;
        }
        names[i] = rules[i].name;
    }
    names[RULES] = NULL;
    const char *nearest = text_nearest(name, names);
    struct slice shown = name.length <= 64 ? name : slice_of("...");
    return error_set(error, ERROR_INVALID, "%s.operatorType: there is no operator '%.*s'%s%s%s", where,
                     SLICE_ARG(shown), nearest == NULL ? "" : " (did you mean '", nearest == NULL ? "" : nearest,
                     nearest == NULL ? "" : "'?)");
}

static int take_key(struct condition *condition, struct slice json, const char *where, struct error *error) {
    if (!slice_is_set(json)) {
        return error_set(error, ERROR_INVALID, "%s: has no key, such as \"data.queueId\"", where);
    }
    if (json.bytes[0] != '"') {
        return error_set(error, ERROR_INVALID, "%s.key: must be a string, got %s", where, filter_kind(json));
    }
    struct buffer key;
    buffer_init(&key, json.length);
    int result = json_append_decoded(&key, json);
    size_t characters = result < 0 ? 0 : pattern_count(buffer_slice(&key));
    bool has_nul = key.length > 0 && memchr(key.bytes, '\0', key.length) != NULL;
    condition->key = result < 0 || key.length == 0 ? NULL : buffer_take(&key);
    buffer_reset(&key);
    if (result < 0) {
        return error_memory(error);
    }
    if (characters > FILTER_TEXT) {
        return error_set(error, ERROR_INVALID, "%s.key: has %zu characters; %d at most", where, characters,
                         FILTER_TEXT);
    }
    result = condition->key == NULL || has_nul ? 1 : split_key(condition);
    if (result > 0) {
        return error_set(error, ERROR_INVALID,
                         "%s.key: must be names with dots between them, such as \"data.queueId\"", where);
    }
    if (result < 0) {
        return error_memory(error);
    }
    name_first(condition);
    return 0;
}

/* 0; 1: a name is empty; -1: no memory. */
static int split_key(struct condition *condition) {
    size_t names = 1;
    for (const char *c = condition->key; *c != '\0'; c++) {
        names += *c == '.';
    }
    condition->segments = calloc(names, sizeof *condition->segments);
    if (condition->segments == NULL) {
        return -1;
    }
    for (const char *from = condition->key; from != NULL;) {
        const char *dot = strchr(from, '.');
        size_t length = dot == NULL ? strlen(from) : (size_t)(dot - from);
        if (length == 0) {
            return 1;
        }
        condition->segments[condition->depth++] = slice_make(from, length);
        from = dot == NULL ? NULL : dot + 1;
    }
    return 0;
}

/* The first name has no case in filters; in events it has. What the Event Grid schema does not have may be an
 * attribute of a CloudEvent. */
static void name_first(struct condition *condition) {
    static const struct {
        const char *name;
        bool is_in_cloud;
    } grid[] = {{"id", true},         {"topic", true},        {"subject", true},
                {"eventType", false}, {"dataVersion", false}, {"data", true}};
    struct slice first = condition->segments[0];
    condition->is_in_cloud = true;
    for (size_t i = 0; i < sizeof grid / sizeof grid[0]; i++) {
        if (slice_equal_ignoring_case(first, slice_of(grid[i].name))) {
            memcpy(condition->key, grid[i].name, first.length);
            condition->is_in_grid = true;
            condition->is_in_cloud = grid[i].is_in_cloud;
        }
    }
}

static int take_operand(struct condition *condition, const struct slice *members, size_t *values,
                        const char *where, struct error *error) {
    static const char *const words[] = {
        [OPERAND_NONE] = "no value",
        [OPERAND_BOOLEAN] = "`value`, true or false",
        [OPERAND_NUMBER] = "`value`, a number",
        [OPERAND_NUMBERS] = "`values`, a list of numbers",
        [OPERAND_RANGES] = "`values`, a list of pairs of numbers",
        [OPERAND_TEXTS] = "`values`, a list of strings",
    };
    const struct rule *rule = condition->rule;
    bool is_single = rule->operand == OPERAND_BOOLEAN || rule->operand == OPERAND_NUMBER;
    bool is_list = rule->operand >= OPERAND_NUMBERS;
    if (slice_is_set(members[VALUE]) != is_single || slice_is_set(members[VALUES]) != is_list) {
        return error_set(error, ERROR_INVALID, "%s: %s takes %s", where, rule->name, words[rule->operand]);
    }
    if (rule->operand == OPERAND_NONE) {
        return 0;
    }
    struct slice elements[FILTER_VALUES] = {members[VALUE]};
    char place[96];
    (void)snprintf(place, sizeof place, "%s.%s", where, is_list ? "values" : "value");
    long count = is_list ? filter_list(members[VALUES], elements, FILTER_VALUES, place, error) : 1;
    if (count < 0) {
        return -1;
    }
    *values += (size_t)count;
    if (*values > FILTER_VALUES) {
        return error_set(error, ERROR_INVALID,
                         "%s: all filters together have more than %d values; Event Grid takes "
                         "no more",
                         place, FILTER_VALUES);
    }
    return take_values(condition, elements, (size_t)count, place, error);
}

static int take_values(struct condition *condition, const struct slice *elements, size_t count, const char *where,
                       struct error *error) {
    if (condition->rule->operand == OPERAND_BOOLEAN) {
        return filter_take_boolean(elements[0], &condition->boolean, where, error);
    }
    bool is_text = condition->rule->operand == OPERAND_TEXTS;
    condition->texts = is_text ? calloc(count + 1, sizeof *condition->texts) : NULL;
    condition->ranges = is_text ? NULL : calloc(count + 1, sizeof *condition->ranges);
    if (condition->texts == NULL && condition->ranges == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        char place[128];
        (void)snprintf(place, sizeof place, "%s[%zu]", where, i + 1);
        const char *at = condition->rule->operand == OPERAND_NUMBER ? where : place;
        int result;
        switch (condition->rule->operand) {
        case OPERAND_TEXTS: result = filter_take_text(elements[i], true, &condition->texts[i], at, error); break;
        case OPERAND_RANGES: result = take_range(elements[i], &condition->ranges[i], at, error); break;
        default: result = take_number(elements[i], &condition->ranges[i].low, at, error); break;
        }
        if (result < 0) {
            return -1;
        }
        condition->count++;
    }
    return 0;
}

static int on_integer(void *context, int64_t value) {
    *(struct number *)context = (struct number){.is_integer = true, .integer = value, .real = (double)value};
    return 0;
}

static int on_real(void *context, double value) {
    *(struct number *)context = (struct number){.real = value};
    return 0;
}

static int take_number(struct slice json, struct number *number, const char *where, struct error *error) {
    static const struct json_listener listener = {.integer = on_integer, .number = on_real};
    if (json.bytes[0] != '-' && (json.bytes[0] < '0' || json.bytes[0] > '9')) {
        return error_set(error, ERROR_INVALID, "%s: must be a number, got %s", where, filter_kind(json));
    }
    return json_read(json.bytes, json.length, NULL, &listener, number, NULL) < 0 ? error_memory(error) : 0;
}

static int take_range(struct slice json, struct range *range, const char *where, struct error *error) {
    struct slice ends[3];
    if (json.bytes[0] != '[' || filter_list(json, ends, 3, where, NULL) != 2) {
        return error_set(error, ERROR_INVALID, "%s: must be two numbers, the lowest and the highest", where);
    }
    if (take_number(ends[0], &range->low, where, error) < 0 ||
        take_number(ends[1], &range->high, where, error) < 0) {
        return -1;
    }
    if (compare(&range->low, &range->high) > 0) {
        return error_set(error, ERROR_INVALID, "%s: the range ends before it begins", where);
    }
    return 0;
}

static bool hits_number(const struct condition *condition, size_t i, const struct number *number) {
    const struct range *range = &condition->ranges[i];
    int order = compare(number, &range->low);
    switch (condition->rule->test) {
    case TEST_NUMBER_EQUALS: return order == 0;
    case TEST_NUMBER_BELOW: return order < 0;
    case TEST_NUMBER_AT_MOST: return order <= 0;
    case TEST_NUMBER_ABOVE: return order > 0;
    case TEST_NUMBER_AT_LEAST: return order >= 0;
    default: return order >= 0 && compare(number, &range->high) <= 0;
    }
}

static int compare(const struct number *a, const struct number *b) {
    if (a->is_integer && b->is_integer) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
    if (a->is_integer) {
        return compare_mixed(a->integer, b->real);
    }
    if (b->is_integer) {
        return -compare_mixed(b->integer, a->real);
    }
    return (a->real > b->real) - (a->real < b->real);
}

/* Exactly: 64 bits of an integer are more than a double holds. */
static int compare_mixed(int64_t integer, double real) {
    if (real >= 0x1p63) {
        return -1;
    }
    if (real < -0x1p63) {
        return 1;
    }
    int64_t whole = (int64_t)real;
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    double fraction = real - (double)whole;
    return (fraction < 0) - (fraction > 0);
}
