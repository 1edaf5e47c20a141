#include "base/text.h"
#include "inspect/walk.h"
#include <stdio.h>
#include <string.h>

enum { NEAREST_MAX = 3 };

static bool is_offered(const struct walk *walk, const char *path, bool *is_table);
static const char *const *find_name(const struct walk *walk, const char *path);
static struct slice nearest_name(const struct walk *walk, struct slice prefix, struct slice name);
static void consider(struct slice name, struct slice candidate, size_t *most, struct slice *nearest);

struct value walk_global(struct walk *walk, struct slice name, unsigned line) {
    struct value value = {.kind = VALUE_OFFERED};
    const struct inspect_writes *modules = walk->options->modules;
    uint64_t key = walk_key(name);
    bool is_assigned =
        walk_has(&walk->writes->globals, key) || (modules != NULL && walk_has(&modules->globals, key));
    bool is_any = walk->writes->is_any_global || (modules != NULL && modules->is_any_global);
    if (slice_is(name, "_ENV") || slice_is(name, "load")) { /* there may be any globals, then */
        walk->writes->is_any_global = true;
    }
    if (is_assigned || (is_any && !slice_is(name, "require")) || name.length >= sizeof value.path) {
        value.kind = VALUE_UNKNOWN;
        return value;
    }
    memcpy(value.path, name.bytes, name.length);
    bool is_table;
    if (is_offered(walk, value.path, &is_table) || slice_is(name, "_G")) {
        return value;
    }
    struct slice nearest = nearest_name(walk, slice_of(""), name);
    walk_tell(walk, INSPECT_WARNING, line, "%.*s: there is no global of this name%s%.*s%s", SLICE_ARG(name),
              nearest.length > 0 ? "; did you mean " : "", SLICE_ARG(nearest), nearest.length > 0 ? "?" : "");
    return value;
}

struct value walk_offered_member(struct walk *walk, const struct value *table, struct slice name, unsigned line) {
    struct value value = {.kind = VALUE_UNKNOWN};
    if (strcmp(table->path, "_G") == 0) {
        return value;
    }
    bool is_table;
    if (!is_offered(walk, table->path, &is_table) || !is_table) {
        return value;
    }
    int length = snprintf(value.path, sizeof value.path, "%s.%.*s", table->path, SLICE_ARG(name));
    if (length < 0 || (size_t)length >= sizeof value.path || memchr(name.bytes, '\0', name.length) != NULL) {
        return (struct value){.kind = VALUE_UNKNOWN};
    }
    if (is_offered(walk, value.path, &is_table)) {
        value.kind = VALUE_OFFERED;
        return value;
    }
    struct slice nearest = nearest_name(walk, slice_of(table->path), name);
    walk_tell(walk, INSPECT_WARNING, line, "%s: there is nothing of this name in %s%s%.*s%s", value.path,
              table->path, nearest.length > 0 ? "; did you mean " : "", SLICE_ARG(nearest),
              nearest.length > 0 ? "?" : "");
    return value;
}

static bool is_offered(const struct walk *walk, const char *path, bool *is_table) {
    const char *const *name = find_name(walk, path);
    bool is_there = *name != NULL && strcmp(*name, path) == 0;
    name += is_there;
    /* No name stands between "json" and "json.null" but its other members: '.' comes before letters. */
    size_t length = strlen(path);
    *is_table = *name != NULL && strncmp(*name, path, length) == 0 && (*name)[length] == '.';
    return is_there || *is_table;
}

/* The first that is not before it. */
static const char *const *find_name(const struct walk *walk, const char *path) {
    size_t low = 0, high = walk->name_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(walk->options->names[middle], path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &walk->options->names[low];
}

/* Among the members of `prefix`, or the globals and the variables that are known here. */
static struct slice nearest_name(const struct walk *walk, struct slice prefix, struct slice name) {
    struct slice nearest = {NULL, 0};
    if (walk->pass != WALK_TELL || walk->found == INSPECT_FINDINGS_MAX) {
        return nearest;
    }
    size_t most = name.length / 3 < NEAREST_MAX ? name.length / 3 : NEAREST_MAX;
    for (const char *const *at = walk->options->names; *at != NULL; at++) {
        struct slice candidate = slice_of(*at);
        if (prefix.length > 0) {
            bool is_inside = candidate.length > prefix.length && candidate.bytes[prefix.length] == '.' &&
                             memcmp(candidate.bytes, prefix.bytes, prefix.length) == 0;
            if (!is_inside) {
                continue;
            }
            candidate = slice_make(candidate.bytes + prefix.length + 1, candidate.length - prefix.length - 1);
        }
        const char *dot = memchr(candidate.bytes, '.', candidate.length);
        candidate.length = dot == NULL ? candidate.length : (size_t)(dot - candidate.bytes);
        consider(name, candidate, &most, &nearest);
    }
    for (size_t i = 0; prefix.length == 0 && i < walk->variable_count; i++) {
        consider(name, walk->variables[i].name, &most, &nearest);
    }
    return nearest;
}

static void consider(struct slice name, struct slice candidate, size_t *most, struct slice *nearest) {
    size_t distance = text_distance(name, candidate, *most);
    if (distance <= *most && (distance < *most || nearest->length == 0)) {
        *nearest = candidate;
        *most = distance;
    }
}
