/* A view of bytes that somebody else owns: a pointer and a length, no terminator promised.
 *
 * An empty slice may have a NULL pointer; `slice_is_set` tells "absent" (NULL) from "empty". A slice lives as long
 * as what it looks into: whoever stores one says so.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *bytes;
    size_t length;
};

/* For printf: printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).length, ((s).bytes == NULL ? "" : (s).bytes)

static inline struct slice slice_of(const char *text) {
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline struct slice slice_make(const char *bytes, size_t length) {
    return (struct slice){bytes, length};
}

static inline bool slice_is_set(struct slice s) {
    return s.bytes != NULL;
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static inline bool slice_is(struct slice s, const char *text) {
    return slice_equal(s, slice_of(text));
}

/* ASCII only; for header names, scheme names and the like. */
bool slice_equal_ignoring_case(struct slice a, struct slice b);
bool slice_starts_with(struct slice s, const char *prefix);
bool slice_ends_with(struct slice s, const char *suffix);

/* A copy with a terminator, on the heap; NULL when there is no memory. The caller frees it. */
char *slice_copy(struct slice s);

#endif
