/* What a filter is made of once it is compiled. Private to the room: filter.c makes it, filter_ask.c and
 * filter_never.c read it. */
#ifndef EVENT_CONDITION_H
#define EVENT_CONDITION_H

#include "event/filter.h"
#include "event/pattern.h"
#include <stdint.h>

enum operand {
    OPERAND_NONE,
    OPERAND_BOOLEAN, /* `value` */
    OPERAND_NUMBER,
    OPERAND_NUMBERS, /* `values` */
    OPERAND_RANGES,
    OPERAND_TEXTS,
};

enum test {
    TEST_PRESENT,
    TEST_BOOLEAN,
    TEST_NUMBER_EQUALS,
    TEST_NUMBER_BELOW,
    TEST_NUMBER_AT_MOST,
    TEST_NUMBER_ABOVE,
    TEST_NUMBER_AT_LEAST,
    TEST_NUMBER_WITHIN,
    TEST_TEXT_EQUALS,
    TEST_TEXT_CONTAINS,
    TEST_TEXT_BEGINS,
    TEST_TEXT_ENDS,
};

struct rule {
    const char *name;
    enum operand operand;
    enum test test;
    bool is_negated;
    bool passes_missing; /* where the key is missing or null */
};

struct number {
    bool is_integer;
    int64_t integer;
    double real;
};

struct range {
    struct number low, high; /* of a single number: low */
};

enum value_kind { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOLEAN };

struct value {
    enum value_kind kind;
    struct slice text; /* of a number: as it was sent */
    struct number number;
    bool boolean;
};

struct condition {
    const struct rule *rule;
    char *key;              /* the first name as the Event Grid schema spells it, if it has it */
    struct slice *segments; /* the names, into `key` */
    size_t depth;           /* how many */
    bool is_in_grid;        /* the Event Grid schema has such a member */
    bool is_in_cloud;       /* a CloudEvent can have */
    bool boolean;
    struct range *ranges;
    struct pattern *texts;
    size_t count; /* of the two */
};

/* A place in events where a condition's value may be: its key, or what data's member is called otherwise. */
struct watch {
    size_t condition;
    const char *other; /* instead of the second name; NULL: the key */
};

enum { FILTER_WATCHES = 8 * FILTER_CONDITIONS };

struct filter {
    struct condition conditions[FILTER_CONDITIONS];
    size_t count;
    struct watch watches[FILTER_WATCHES]; /* the first `count` are the keys */
    size_t watch_count;
    size_t values; /* of all conditions */
    struct pattern *types;
    size_t type_count; /* 0: any */
    struct pattern subject_begins, subject_ends;
    bool is_subject_case_sensitive;
    bool looks_into_arrays;
};

/* The members of a JSON object by their names; what is absent or null stays unset. -1 with the error, which begins
 * with `where`, for no object, an unknown name, or one that comes twice. */
int filter_collect(struct slice json, const char *const *names, struct slice *members, const char *where,
                   struct error *error);
/* The elements of a JSON list, at most `most`, into `elements`; an empty object is an empty list, as Lua writes
 * it. Returns how many, or -1. */
long filter_list(struct slice json, struct slice *elements, size_t most, const char *where, struct error *error);
/* A JSON string, as a pattern of at most FILTER_TEXT characters. */
int filter_take_text(struct slice json, bool ignores_case, struct pattern *pattern, const char *where,
                     struct error *error);
int filter_take_boolean(struct slice json, bool *value, const char *where, struct error *error);
/* What JSON it is, with its article: "a number". */
const char *filter_kind(struct slice json);

/* From its JSON object; `values` counts those of the whole filter. */
int condition_init(struct condition *condition, struct slice json, size_t *values, const char *where,
                   struct error *error);
void condition_reset(struct condition *condition);

/* Whether one value, which is there, is what the condition looks for, before `is_negated`. A value of another
 * kind than the operator's never is; but the number of an attribute stands for its text. NULL: an object or an
 * array. */
bool condition_hits(const struct condition *condition, const struct value *value);
/* The name of one of the place's segments. */
bool watch_is_named(const struct filter *filter, const struct watch *watch, size_t segment, struct slice name);
/* The field of which the name is one of several of the present set's spellings; NULL: it is the only one. What
 * the event has under any spelling counts under each of those, as in a handler's event.data. */
const char *spelling_field(const struct event_type *type, struct slice name);
bool filter_includes(const struct filter *filter, struct slice type);

#endif
