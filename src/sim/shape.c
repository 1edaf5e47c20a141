#include "sim/shape.h"
#include "base/clock.h"
#include "sim/state.h"
#include <math.h>
#include <stdio.h>

enum { SHAPE_ENTRIES = 1000, PATH_SIZE = 512, WORDS_SIZE = 256 };

/* Where the check is, for the words of a refusal. */
struct place {
    struct sim_answer *answer;
    char path[PATH_SIZE];
};

static int check_field(struct place *place, const struct sim_field *field, const struct json *value);
static int check_value(struct place *place, const struct sim_field *field, const struct json *value);
static int check_each(struct place *place, const struct sim_field *field, const struct json *list);
static int check_labels(struct place *place, const struct json *labels);
static int check_word(struct place *place, const char *const *words, const char *text);
static int check_object(struct place *place, const struct sim_shape *shape, const struct json *object);
static int find_variant(struct place *place, const struct sim_variant *variants, const struct json *object,
                        const struct sim_variant **variant);
static int check_names(struct place *place, const struct sim_shape *shape, const struct sim_field *more,
                       const struct json *object);
static int check_table(struct place *place, const struct sim_field *fields, const struct json *object);
static const struct sim_field *find_field(const struct sim_field *fields, const char *name);
static size_t go(struct place *place, const char *name);
static size_t go_to(struct place *place, size_t index);
static const char *wrong_kind(enum sim_field_kind kind, const struct json *value);
static bool is_primitive(const struct json *value);

int sim_check_fields(const struct sim_field *fields, const struct json *body, struct sim_answer *answer) {
    struct place place = {.answer = answer};
    return check_table(&place, fields, body);
}

bool sim_is_count(const struct json *value, double least) {
    if (json_kind(value) != JSON_NUMBER) {
        return false;
    }
    double number = json_double_of(value, 0);
    return number >= least && number <= INT32_MAX && !(floor(number) < number);
}

bool sim_is_time(const struct json *value) {
    const char *text = json_string_of(value);
    int64_t us = 0;
    return text != NULL && clock_parse(text, strlen(text), &us) == 0;
}

static int check_table(struct place *place, const struct sim_field *fields, const struct json *object) {
    for (const struct sim_field *field = fields; field != NULL && field->name != NULL; field++) {
        size_t back = go(place, field->name);
        if (check_field(place, field, json_get(object, field->name)) < 0) {
            return -1;
        }
        place->path[back] = '\0';
    }
    return 0;
}

static int check_field(struct place *place, const struct sim_field *field, const struct json *value) {
    if (json_kind(value) != JSON_NULL) {
        return check_value(place, field, value);
    }
    if (field->is_required) {
        return sim_fail(place->answer, 400, "MissingMember", "\"%s\" is required", place->path);
    }
    return 0;
}

static int check_value(struct place *place, const struct sim_field *field, const struct json *value) {
    const char *wanted = wrong_kind(field->kind, value);
    if (wanted != NULL) {
        return sim_fail(place->answer, 400, "InvalidMember", "\"%s\" must be %s", place->path, wanted);
    }
    switch (field->kind) {
    case SIM_FIELD_TEXT: return check_word(place, field->words, json_string_of(value));
    case SIM_FIELD_LABELS: return check_labels(place, value);
    case SIM_FIELD_OBJECT: return check_object(place, field->shape, value);
    case SIM_FIELD_TEXTS:
    case SIM_FIELD_OBJECTS: return check_each(place, field, value);
    default: return 0;
    }
}

static int check_each(struct place *place, const struct sim_field *field, const struct json *list) {
    struct sim_field element = *field;
    element.kind = field->kind == SIM_FIELD_TEXTS ? SIM_FIELD_TEXT : SIM_FIELD_OBJECT;
    size_t index = 0;
    for (const struct json *value = json_first(list); value != NULL; value = json_next(value)) {
        size_t back = go_to(place, index++);
        if (check_value(place, &element, value) < 0) {
            return -1;
        }
        place->path[back] = '\0';
    }
    return 0;
}

static int check_labels(struct place *place, const struct json *labels) {
    if (json_count(labels) > SHAPE_ENTRIES) {
        return sim_fail(place->answer, 400, "InvalidMember", "\"%s\" has more than %d entries", place->path,
                        SHAPE_ENTRIES);
    }
    for (const struct json *label = json_first(labels); label != NULL; label = json_next(label)) {
        if (!is_primitive(label)) {
            return sim_fail(place->answer, 400, "InvalidMember",
                            "\"%s.%.200s\" must be a string, a number, true or false", place->path,
                            json_name(label));
        }
    }
    return 0;
}

static int check_word(struct place *place, const char *const *words, const char *text) {
    char all[WORDS_SIZE] = "";
    for (const char *const *word = words; word != NULL && *word != NULL; word++) {
        if (strcmp(text, *word) == 0) {
            return 0;
        }
        size_t length = strlen(all);
        snprintf(all + length, sizeof all - length, "%s%s", length == 0 ? "" : ", ", *word);
    }
    return words == NULL ? 0
                         : sim_fail(place->answer, 400, "InvalidMember",
                                    "\"%s\" cannot be \"%.200s\"; it can be %s", place->path, text, all);
}

static int check_object(struct place *place, const struct sim_shape *shape, const struct json *object) {
    const struct sim_variant *variant = NULL;
    if (shape->variants != NULL && find_variant(place, shape->variants, object, &variant) < 0) {
        return -1;
    }
    const struct sim_field *more = variant == NULL ? NULL : variant->fields;
    if (check_names(place, shape, more, object) < 0 || check_table(place, shape->fields, object) < 0) {
        return -1;
    }
    return check_table(place, more, object);
}

static int find_variant(struct place *place, const struct sim_variant *variants, const struct json *object,
                        const struct sim_variant **variant) {
    const char *words[16] = {NULL};
    for (size_t i = 0; variants[i].kind != NULL && i + 1 < sizeof words / sizeof *words; i++) {
        words[i] = variants[i].kind;
    }
    const struct sim_field kind = {"kind", SIM_FIELD_TEXT, true, words, NULL};
    const struct sim_field table[] = {kind, {0}};
    if (check_table(place, table, object) < 0) {
        return -1;
    }
    const char *text = json_get_string(object, "kind");
    for (*variant = variants; strcmp((*variant)->kind, text) != 0; ++*variant) {
    }
    return 0;
}

static int check_names(struct place *place, const struct sim_shape *shape, const struct sim_field *more,
                       const struct json *object) {
    for (const struct json *member = json_first(object); member != NULL; member = json_next(member)) {
        const char *name = json_name(member);
        bool is_kind = shape->variants != NULL && strcmp(name, "kind") == 0;
        if (!is_kind && find_field(shape->fields, name) == NULL && find_field(more, name) == NULL) {
            return sim_fail(place->answer, 400, "UnknownMember",
                            "\"%s\" has a member \"%.200s\" that it does not take", place->path, name);
        }
    }
    return 0;
}

static const struct sim_field *find_field(const struct sim_field *fields, const char *name) {
    for (const struct sim_field *field = fields; field != NULL && field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

/* Down to a member or element; the length to go back to. */
static size_t go(struct place *place, const char *name) {
    size_t length = strlen(place->path);
    snprintf(place->path + length, sizeof place->path - length, "%s%s", length == 0 ? "" : ".", name);
    return length;
}

static size_t go_to(struct place *place, size_t index) {
    size_t length = strlen(place->path);
    snprintf(place->path + length, sizeof place->path - length, "[%zu]", index);
    return length;
}

/* What it should be, or NULL. */
static const char *wrong_kind(enum sim_field_kind kind, const struct json *value) {
    enum json_kind is = json_kind(value);
    double number = json_double_of(value, -1);
    switch (kind) {
    case SIM_FIELD_TEXT: return is == JSON_STRING ? NULL : "a string";
    case SIM_FIELD_TEXTS: return is == JSON_ARRAY ? NULL : "a list of strings";
    case SIM_FIELD_INTEGER: return sim_is_count(value, INT32_MIN) ? NULL : "a 32-bit integer";
    case SIM_FIELD_COUNT: return sim_is_count(value, 1) ? NULL : "a whole number of 1 or more";
    case SIM_FIELD_FRACTION: return number >= 0 && number <= 1 ? NULL : "a number from 0 to 1";
    case SIM_FIELD_SECONDS: return number >= 0 ? NULL : "a number of seconds, 0 or more";
    case SIM_FIELD_BOOLEAN: return is == JSON_BOOLEAN ? NULL : "true or false";
    case SIM_FIELD_TIME: return sim_is_time(value) ? NULL : "a date and time such as 2026-03-02T09:30:00Z";
    case SIM_FIELD_PRIMITIVE: return is_primitive(value) ? NULL : "a string, a number, true or false";
    case SIM_FIELD_LABELS:
    case SIM_FIELD_OBJECT: return is == JSON_OBJECT ? NULL : "an object";
    case SIM_FIELD_OBJECTS: return is == JSON_ARRAY ? NULL : "a list of objects";
    case SIM_FIELD_ANY: break;
    }
    return NULL;
}

static bool is_primitive(const struct json *value) {
    enum json_kind kind = json_kind(value);
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_BOOLEAN;
}
