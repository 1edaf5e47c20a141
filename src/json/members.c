#include "json/json.h"
#include <stdio.h>

/* Follows one pass and cuts out the values at the first level. */
struct cutting {
    const char *bytes;
    bool wants_object;
    size_t depth;
    size_t begin; /* of the value that is open at the first level */
    size_t index;
    const struct json_place *place;
    struct buffer name;
    int (*visit_member)(void *context, struct slice name, struct slice raw_value);
    int (*visit_element)(void *context, size_t index, struct slice raw_value);
    void *context;
    struct json_error *error;
};

static int cut(struct cutting *cutting, size_t length, struct json_error *error);
static int visit(struct cutting *cutting);
static int refuse_kind(struct cutting *cutting);

static void take_place(void *context, const struct json_place *place) {
    struct cutting *cutting = context;
    cutting->place = place;
}

static int on_begin(void *context, bool is_object) {
    struct cutting *cutting = context;
    if (cutting->depth == 0 && is_object != cutting->wants_object) {
        return refuse_kind(cutting);
    }
    if (cutting->depth++ == 1) {
        cutting->begin = cutting->place->begin;
    }
    return 0;
}

static int on_object_begin(void *context) {
    return on_begin(context, true);
}

static int on_array_begin(void *context) {
    return on_begin(context, false);
}

static int on_end(void *context) {
    struct cutting *cutting = context;
    return --cutting->depth == 1 ? visit(cutting) : 0;
}

static int on_scalar(void *context) {
    struct cutting *cutting = context;
    if (cutting->depth == 0) {
        return refuse_kind(cutting);
    }
    if (cutting->depth > 1) {
        return 0;
    }
    cutting->begin = cutting->place->begin;
    return visit(cutting);
}

static int on_string(void *context, struct slice value) {
    (void)value;
    return on_scalar(context);
}

static int on_integer(void *context, int64_t value) {
    (void)value;
    return on_scalar(context);
}

static int on_number(void *context, double value) {
    (void)value;
    return on_scalar(context);
}

static int on_boolean(void *context, bool value) {
    (void)value;
    return on_scalar(context);
}

static int on_name(void *context, struct slice name) {
    struct cutting *cutting = context;
    if (cutting->depth != 1) {
        return 0;
    }
    buffer_clear(&cutting->name);
    if (buffer_append_slice(&cutting->name, name) < 0) {
        cutting->error->offset = SIZE_MAX;
        (void)snprintf(cutting->error->message, sizeof cutting->error->message, "no memory for a member's name");
        return -1;
    }
    return 0;
}

int json_each_member(const char *bytes, size_t length,
                     int (*visit_member)(void *context, struct slice name, struct slice raw_value), void *context,
                     struct json_error *error) {
    struct cutting cutting = {
        .bytes = bytes, .wants_object = true, .visit_member = visit_member, .context = context};
    return cut(&cutting, length, error);
}

int json_each_element(const char *bytes, size_t length,
                      int (*visit_element)(void *context, size_t index, struct slice raw_value), void *context,
                      struct json_error *error) {
    struct cutting cutting = {
        .bytes = bytes, .wants_object = false, .visit_element = visit_element, .context = context};
    return cut(&cutting, length, error);
}

static int cut(struct cutting *cutting, size_t length, struct json_error *error) {
    static const struct json_listener listener = {
        .object_begin = on_object_begin,
        .object_end = on_end,
        .array_begin = on_array_begin,
        .array_end = on_end,
        .name = on_name,
        .string = on_string,
        .integer = on_integer,
        .number = on_number,
        .boolean = on_boolean,
        .null = on_scalar,
        .begin = take_place,
    };
    struct json_error unwanted;
    cutting->error = error == NULL ? &unwanted : error;
    buffer_init(&cutting->name, length);
    int result = json_read(cutting->bytes, length, NULL, &listener, cutting, cutting->error);
    buffer_reset(&cutting->name);
    return result;
}

static int visit(struct cutting *cutting) {
    struct slice raw = slice_make(cutting->bytes + cutting->begin, cutting->place->end - cutting->begin);
    if (cutting->wants_object) {
        return cutting->visit_member(cutting->context, buffer_slice(&cutting->name), raw);
    }
    return cutting->visit_element(cutting->context, cutting->index++, raw);
}

static int refuse_kind(struct cutting *cutting) {
    cutting->error->offset = cutting->place->begin;
    (void)snprintf(cutting->error->message, sizeof cutting->error->message, "%s",
                   cutting->wants_object ? "expected an object" : "expected an array");
    return -1;
}
