/* Filters and events as short texts, for the tests of filters. */
#ifndef TESTS_FILTER_KIT_H
#define TESTS_FILTER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "event/filter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Single quotes stand for double ones. */
static inline char *quoted(const char *text) {
    char *copy = strdup(text);
    assert_non_null(copy);
    for (char *c = copy; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return copy;
}

static inline struct filter *filter_of(const char *text) {
    struct error error = {0};
    char *json = quoted(text);
    struct filter *filter = filter_new(slice_of(json), &error);
    if (filter == NULL) {
        fail_msg("%s\n  refused: %s", json, error.message);
    }
    free(json);
    return filter;
}

/* Y, N, or U for unreadable. */
static inline char ask(const struct filter *filter, const char *text) {
    char *json = quoted(text);
    enum filter_verdict verdict = filter_ask(filter, slice_of(json));
    free(json);
    return verdict == FILTER_PASSES ? 'Y' : verdict == FILTER_REFUSES ? 'N' : 'U';
}

static inline void answers(const char *filter_text, const char *event, char expected) {
    struct filter *filter = filter_of(filter_text);
    char verdict = ask(filter, event);
    filter_free(filter);
    if (verdict != expected) {
        fail_msg("%s\n  of %s\n  says %c, not %c", filter_text, event, verdict, expected);
    }
}

static inline void refuses(const char *text, const char *why) {
    struct error error = {0};
    char *json = quoted(text);
    struct filter *filter = filter_new(slice_of(json), &error);
    free(json);
    assert_null(filter);
    assert_int_equal(error.code, ERROR_INVALID);
    if (strcmp(error.message, why) != 0) {
        fail_msg("%s\n  says     %s\n  expected %s", text, error.message, why);
    }
}

#endif
