/* A text to look for in others, with or without case. Private to the room.
 *
 * Without case, the letters of ASCII, of the Latin blocks up to U+017F, of Greek and of Cyrillic are equal to
 * their other case; other characters, and forms of more than one character ("ss" for U+00DF), only to themselves.
 * Each question takes time in proportion to the text that is looked at, whatever the pattern. Both are UTF-8. */
#ifndef EVENT_PATTERN_H
#define EVENT_PATTERN_H

#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN_MAX = UINT16_MAX }; /* characters */

struct pattern {
    uint32_t *characters;
    uint16_t *borders; /* of each beginning: its longest proper end that is a beginning, too */
    size_t length;
    bool ignores_case;
};

/* 0, or -1 without memory. */
int pattern_init(struct pattern *pattern, struct slice text, bool ignores_case);
void pattern_reset(struct pattern *pattern);

bool pattern_equals(const struct pattern *pattern, struct slice text);
bool pattern_begins(const struct pattern *pattern, struct slice text);
bool pattern_ends(const struct pattern *pattern, struct slice text);
bool pattern_is_in(const struct pattern *pattern, struct slice text);

/* How many characters a text has. */
size_t pattern_count(struct slice text);

#endif
