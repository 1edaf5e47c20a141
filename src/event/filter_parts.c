#include "base/text.h"
#include "event/condition.h"
#include "json/json.h"
#include <stdio.h>
#include <string.h>

enum { MOST_MEMBERS = 8 };

struct collecting {
    const char *const *names;
    struct slice *members;
    bool seen[MOST_MEMBERS];
    const char *where;
    struct error *error;
    bool has_failed; /* and said so */
};

struct listing {
    struct slice *elements;
    size_t count, most;
};

static int on_member(void *context, struct slice name, struct slice raw);
static int on_element(void *context, size_t index, struct slice raw);
static int refuse_name(const struct collecting *collecting, struct slice name);
static const char *find_meant(struct slice name, const char *const *names);

int filter_collect(struct slice json, const char *const *names, struct slice *members, const char *where,
                   struct error *error) {
    struct collecting collecting = {.names = names, .members = members, .where = where, .error = error};
    struct json_error fault;
    if (json_each_member(json.bytes, json.length, on_member, &collecting, &fault) == 0) {
        return 0;
    }
    if (collecting.has_failed) {
        return -1;
    }
    if (fault.offset == SIZE_MAX) {
        return error_memory(error);
    }
    if (json_check(json.bytes, json.length, NULL) == 0) {
        return error_set(error, ERROR_INVALID, "%s: must be a table with names, got %s", where, filter_kind(json));
    }
    return error_set(error, ERROR_INVALID, "%s: %s at byte %zu", where, fault.message, fault.offset);
}

long filter_list(struct slice json, struct slice *elements, size_t most, const char *where, struct error *error) {
    struct listing listing = {.elements = elements, .most = most};
    struct slice members[1];
    static const char *const no_names[] = {NULL};
    if (json.bytes[0] == '{' && filter_collect(json, no_names, members, where, NULL) == 0) {
        return 0;
    }
    struct json_error fault;
    if (json_each_element(json.bytes, json.length, on_element, &listing, &fault) == 0) {
        return (long)listing.count;
    }
    if (listing.count == most) {
        return error_set(error, ERROR_INVALID, "%s: more than %zu; Event Grid takes no more", where, most);
    }
    if (fault.offset == SIZE_MAX) {
        return error_memory(error);
    }
    return error_set(error, ERROR_INVALID, "%s: must be a list, got %s", where, filter_kind(json));
}

int filter_take_text(struct slice json, bool ignores_case, struct pattern *pattern, const char *where,
                     struct error *error) {
    if (json.bytes[0] != '"') {
        return error_set(error, ERROR_INVALID, "%s: must be a string, got %s", where, filter_kind(json));
    }
    struct buffer text;
    buffer_init(&text, json.length);
    int result = -1;
    if (json_append_decoded(&text, json) < 0) {
        error_memory(error);
    } else if (pattern_count(buffer_slice(&text)) > FILTER_TEXT) {
        error_set(error, ERROR_INVALID, "%s: has %zu characters; Event Grid takes %d at most", where,
                  pattern_count(buffer_slice(&text)), FILTER_TEXT);
    } else if (pattern_init(pattern, buffer_slice(&text), ignores_case) < 0) {
        error_memory(error);
    } else {
        result = 0;
    }
    buffer_reset(&text);
    return result;
}

int filter_take_boolean(struct slice json, bool *value, const char *where, struct error *error) {
    if (!slice_is_set(json)) {
        return 0;
    }
    *value = json.bytes[0] == 't';
    if (*value || json.bytes[0] == 'f') {
        return 0;
    }
    return error_set(error, ERROR_INVALID, "%s: must be true or false, got %s", where, filter_kind(json));
}

const char *filter_kind(struct slice json) {
    size_t blanks = 0;
    while (blanks < json.length && memchr(" \t\r\n", json.bytes[blanks], 4) != NULL) {
        blanks++;
    }
    switch (blanks == json.length ? '\0' : json.bytes[blanks]) {
    case '{': return "a table with names";
    case '[': return "a list";
    case '"': return "a string";
    case 't': return "true";
    case 'f': return "false";
    case 'n': return "null";
    default: return "a number";
    }
}

static int on_member(void *context, struct slice name, struct slice raw) {
    struct collecting *collecting = context;
    size_t i = 0;
    while (collecting->names[i] != NULL && !slice_is(name, collecting->names[i])) {
        i++;
    }
    collecting->has_failed = collecting->names[i] == NULL || collecting->seen[i];
    if (collecting->names[i] == NULL) {
        return refuse_name(collecting, name);
    }
    if (collecting->seen[i]) {
        return error_set(collecting->error, ERROR_INVALID, "%s.%s: is there twice", collecting->where,
                         collecting->names[i]);
    }
    collecting->seen[i] = true;
    if (!slice_is(raw, "null")) {
        collecting->members[i] = raw;
    }
    return 0;
}

static int on_element(void *context, size_t index, struct slice raw) {
    struct listing *listing = context;
    if (index == listing->most) {
        return -1;
    }
    listing->elements[listing->count++] = raw;
    return 0;
}

static int refuse_name(const struct collecting *collecting, struct slice name) {
    char known[160] = "";
    for (size_t i = 0, used = 0; collecting->names[i] != NULL && used < sizeof known; i++) {
        int added = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", collecting->names[i]);
        used += added > 0 ? (size_t)added : 0;
    }
    struct slice shown = name.length <= 64 ? name : slice_of("...");
    const char *meant = find_meant(name, collecting->names);
    if (meant == NULL) {
        return error_set(collecting->error, ERROR_INVALID, "%s: has no member '%.*s'; the members are %s",
                         collecting->where, SLICE_ARG(shown), known);
    }
    return error_set(collecting->error, ERROR_INVALID, "%s: has no member '%.*s' (did you mean '%s'?)",
                     collecting->where, SLICE_ARG(shown), meant);
}

/* Also one that was called by its first word, as the syntax of 2018 had it (Operator for operatorType). */
static const char *find_meant(struct slice name, const char *const *names) {
    const char *meant = text_nearest(name, names);
    for (; meant == NULL && *names != NULL; names++) {
        struct slice known = slice_of(*names);
        if (name.length >= 4 && name.length < known.length &&
            slice_equal_ignoring_case(name, slice_make(known.bytes, name.length))) {
            return *names;
        }
    }
    return meant;
}
