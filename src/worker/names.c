#include "worker/names.h"
#include "base/text.h"
#include "json/json.h"
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 1024 };

struct reading {
    const char *member;
    char **names;
    size_t count;
};

static int take_member(void *context, struct slice name, struct slice value);
static int take_name(void *context, size_t index, struct slice value);
static int add(struct reading *reading, struct slice name);

char **names_read(struct slice object, const char *member) {
    struct reading reading = {.member = member, .names = calloc(1, sizeof *reading.names)};
    if (reading.names != NULL && json_each_member(object.bytes, object.length, take_member, &reading, NULL) < 0) {
        names_free(reading.names);
        return NULL;
    }
    return reading.names;
}

char **names_copy(const char *const *names) {
    struct reading reading = {.names = calloc(1, sizeof *reading.names)};
    for (size_t i = 0; reading.names != NULL && names != NULL && names[i] != NULL; i++) {
        if (add(&reading, slice_of(names[i])) < 0) {
            names_free(reading.names);
            return NULL;
        }
    }
    return reading.names;
}

void names_free(char **names) {
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        free(names[i]);
    }
    free(names);
}

static int take_member(void *context, struct slice name, struct slice value) {
    const struct reading *reading = context;
    return slice_is(name, reading->member) ? json_each_element(value.bytes, value.length, take_name, context, NULL)
                                           : 0;
}

static int take_name(void *context, size_t index, struct slice value) {
    (void)index;
    struct buffer name;
    buffer_init(&name, NAME_MAX_BYTES);
    int result = json_append_decoded(&name, value);
    struct slice text = buffer_slice(&name);
    if (result == 0) {
        bool is_text = text.length > 0 && memchr(text.bytes, '\0', text.length) == NULL;
        result = is_text ? add(context, text) : -1;
    }
    buffer_reset(&name);
    return result;
}

static int add(struct reading *reading, struct slice name) {
    char **grown = realloc(reading->names, (reading->count + 2) * sizeof *grown);
    if (grown == NULL) {
        return -1;
    }
    reading->names = grown;
    grown[reading->count] = slice_copy(name);
    grown[reading->count + 1] = NULL;
    return grown[reading->count++] == NULL ? -1 : 0;
}
