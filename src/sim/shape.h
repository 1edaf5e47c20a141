/* Shapes of what a body holds below its members, and the check of a body against them. models.c has the
 * tables, by the names of the REST contract (Azure/azure-rest-api-specs, JobRouter 2023-11-01, definitions).
 *
 *     static const struct sim_field note[] = {{.name = "message", .kind = SIM_FIELD_TEXT, .is_required = true},
 *                                             {.name = "addedAt", .kind = SIM_FIELD_TIME},
 *                                             {.name = NULL}};
 *     static const struct sim_shape note_shape = {.fields = note};
 *     static const struct sim_field body[] = {
 *         {.name = "notes", .kind = SIM_FIELD_OBJECTS, .shape = &note_shape}, {0}};
 *     sim_check_fields(body, merged, answer)
 *
 * A member that is null is absent. Pure; the tables are constant.
 */
#ifndef SIM_SHAPE_H
#define SIM_SHAPE_H

#include "json/tree.h"
#include <stdbool.h>

struct sim_answer;

enum sim_field_kind {
    SIM_FIELD_ANY,
    SIM_FIELD_TEXT,
    SIM_FIELD_TEXTS, /* a list of texts */
    SIM_FIELD_INTEGER,
    SIM_FIELD_COUNT,    /* a whole number of 1 or more */
    SIM_FIELD_FRACTION, /* 0 to 1 */
    SIM_FIELD_SECONDS,  /* a number of 0 or more */
    SIM_FIELD_BOOLEAN,
    SIM_FIELD_TIME,
    SIM_FIELD_PRIMITIVE, /* a text, a number, true or false */
    SIM_FIELD_LABELS,    /* an object of primitives */
    SIM_FIELD_OBJECT,
    SIM_FIELD_OBJECTS, /* a list of objects */
};

struct sim_shape;

struct sim_field {
    const char *name; /* NULL ends a table */
    enum sim_field_kind kind;
    bool is_required;
    const char *const *words;      /* of a text, or of each of a list of texts: what it may be; NULL: anything */
    const struct sim_shape *shape; /* of OBJECT and OBJECTS */
};

/* What an object has beside the shape's fields when its `kind` says this. */
struct sim_variant {
    const char *kind;               /* NULL ends a table */
    const struct sim_field *fields; /* NULL: nothing */
};

struct sim_shape {
    const struct sim_field *fields;     /* NULL: none */
    const struct sim_variant *variants; /* NULL: the object has no `kind` */
};

/* Whether the members that the table names are as it says; others are nothing to it. 0, or -1 with the answer,
 * which names the place: "exceptionRules[0].trigger.kind". */
int sim_check_fields(const struct sim_field *fields, const struct json *body, struct sim_answer *answer);

/* A whole number from `least` to the largest of 32 bits. */
bool sim_is_count(const struct json *value, double least);
bool sim_is_time(const struct json *value);

#endif
