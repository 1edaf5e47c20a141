#include "base/slice.h"

#include <stdint.h>
#include <stdlib.h>

static unsigned char lower(char c);

bool slice_equal_ignoring_case(struct slice a, struct slice b) {
    if (a.length != b.length) {
        return false;
    }
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.bytes[i]) != lower(b.bytes[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts_with(struct slice s, const char *prefix) {
    size_t length = strlen(prefix);
    return s.length >= length && slice_is(slice_make(s.bytes, length), prefix);
}

bool slice_ends_with(struct slice s, const char *suffix) {
    size_t length = strlen(suffix);
    if (s.length < length) {
        return false;
    }
    return length == 0 || memcmp(s.bytes + (s.length - length), suffix, length) == 0;
}

char *slice_copy(struct slice s) {
    if (s.length == SIZE_MAX) {
        return NULL;
    }
    char *copy = malloc(s.length + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (s.length > 0) {
        memcpy(copy, s.bytes, s.length);
    }
    copy[s.length] = '\0';
    return copy;
}

/* Not tolower: the locale has no say in header names. */
static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}
