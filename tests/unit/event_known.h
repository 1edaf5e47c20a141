/* What the catalogue says of the data of an event: nothing that it does not know, everything that it has as never
 * null. */
#ifndef EVENT_KNOWN_H
#define EVENT_KNOWN_H

#include "event/catalogue.h"
#include "json/tree.h"
#include <stdbool.h>
#include <stdio.h>

/* The fields of an object, in the data of a type or in a model of it; says on stdout what is wrong. */
static inline bool event_has_fields(const char *owner, const struct event_field *fields,
                                    const struct json *object) {
    bool is_right = true;
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        const struct json *value = json_get(object, field->name);
        bool is_null = json_kind(value) == JSON_NULL;
        if (is_null && !field->is_nullable) {
            printf("%s has no %s\n", owner, field->name);
            is_right = false;
        }
        if (field->kind == EVENT_MODEL && !is_null) {
            is_right = event_has_fields(field->name, field->model->fields, value) && is_right;
        }
        bool is_list = field->kind == EVENT_MODELS && !is_null;
        for (const struct json *each = is_list ? json_first(value) : NULL; each != NULL; each = json_next(each)) {
            is_right = event_has_fields(field->name, field->model->fields, each) && is_right;
        }
    }
    return is_right;
}

static inline bool event_is_known(const char *name, const struct json *data) {
    const struct event_type *type = event_find_type(slice_of(name));
    if (type == NULL) {
        printf("the catalogue has no %s\n", name);
        return false;
    }
    bool is_right = event_has_fields(name, type->fields, data);
    for (const struct json *member = json_first(data); member != NULL; member = json_next(member)) {
        if (event_find_spelling(type, slice_of(json_name(member))) == NULL) {
            printf("the catalogue does not know %s.%s\n", name, json_name(member));
            is_right = false;
        }
    }
    return is_right;
}

#endif
