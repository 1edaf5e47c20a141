#include "event/pattern.h"
#include <stdlib.h>

static void find_borders(struct pattern *pattern);
static bool begins_at(const struct pattern *pattern, const char **at, const char *end);
static uint32_t take(const struct pattern *pattern, const char **at, const char *end);
static uint32_t decode(const char **at, const char *end);
static uint32_t fold(uint32_t c);
static bool is_within(uint32_t c, uint32_t first, uint32_t last);

int pattern_init(struct pattern *pattern, struct slice text, bool ignores_case) {
    size_t length = pattern_count(text);
    *pattern = (struct pattern){.ignores_case = ignores_case, .length = length};
    if (length > PATTERN_MAX) {
        return -1;
    }
    pattern->characters = calloc(length + 1, sizeof *pattern->characters);
    pattern->borders = calloc(length + 1, sizeof *pattern->borders);
    if (pattern->characters == NULL || pattern->borders == NULL) {
        pattern_reset(pattern);
        return -1;
    }
    const char *at = text.bytes;
    const char *end = length == 0 ? at : at + text.length;
    for (size_t i = 0; i < length; i++) {
        pattern->characters[i] = take(pattern, &at, end);
    }
    find_borders(pattern);
    return 0;
}

void pattern_reset(struct pattern *pattern) {
    free(pattern->characters);
    free(pattern->borders);
    *pattern = (struct pattern){0};
}

bool pattern_equals(const struct pattern *pattern, struct slice text) {
    const char *at = text.bytes;
    const char *end = text.length == 0 ? at : at + text.length;
    return begins_at(pattern, &at, end) && at == end;
}

bool pattern_begins(const struct pattern *pattern, struct slice text) {
    const char *at = text.bytes;
    return begins_at(pattern, &at, text.length == 0 ? at : at + text.length);
}

bool pattern_ends(const struct pattern *pattern, struct slice text) {
    const char *end = text.length == 0 ? text.bytes : text.bytes + text.length;
    const char *at = end;
    for (size_t missing = pattern->length; missing > 0 && at > text.bytes; missing--) {
        do {
            at--;
        } while (at > text.bytes && ((unsigned char)*at & 0xC0) == 0x80);
    }
    return begins_at(pattern, &at, end) && at == end;
}

/* Knuth, Morris and Pratt: each character of the text is looked at once. */
bool pattern_is_in(const struct pattern *pattern, struct slice text) {
    const char *at = text.bytes;
    const char *end = text.length == 0 ? at : at + text.length;
    size_t found = 0;
    while (found < pattern->length && at != end) {
        uint32_t c = take(pattern, &at, end);
        while (found > 0 && pattern->characters[found] != c) {
            found = pattern->borders[found - 1];
        }
        found += pattern->characters[found] == c;
    }
    return found == pattern->length;
}

size_t pattern_count(struct slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += ((unsigned char)text.bytes[i] & 0xC0) != 0x80;
    }
    return count;
}

static void find_borders(struct pattern *pattern) {
    size_t border = 0;
    for (size_t i = 1; i < pattern->length; i++) {
        while (border > 0 && pattern->characters[border] != pattern->characters[i]) {
            border = pattern->borders[border - 1];
        }
        border += pattern->characters[border] == pattern->characters[i];
        pattern->borders[i] = (uint16_t)border;
    }
}

/* Leaves `at` behind what it found. */
static bool begins_at(const struct pattern *pattern, const char **at, const char *end) {
    for (size_t i = 0; i < pattern->length; i++) {
        if (*at == end || take(pattern, at, end) != pattern->characters[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t take(const struct pattern *pattern, const char **at, const char *end) {
    uint32_t c = decode(at, end);
    return pattern->ignores_case ? fold(c) : c;
}

/* What is no UTF-8 gives other characters, and never leads past the end. */
static uint32_t decode(const char **at, const char *end) {
    uint32_t first = (unsigned char)*(*at)++;
    if (first < 0xC0) {
        return first;
    }
    uint32_t c = first < 0xE0 ? first & 0x1F : first < 0xF0 ? first & 0x0F : first & 0x07;
    while (*at != end && ((unsigned char)**at & 0xC0) == 0x80) {
        c = c << 6 | ((unsigned char)*(*at)++ & 0x3F);
    }
    return c;
}

/* To the small letter. */
static uint32_t fold(uint32_t c) {
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
    }
    if ((is_within(c, 0xC0, 0xDE) && c != 0xD7) || (is_within(c, 0x391, 0x3AB) && c != 0x3A2) ||
        is_within(c, 0x410, 0x42F)) {
        return c + 0x20;
    }
    if (is_within(c, 0x400, 0x40F)) {
        return c + 0x50;
    }
    /* Neighbours: the capital is even in some stretches, and odd in others. */
    if (is_within(c, 0x100, 0x12F) || is_within(c, 0x132, 0x137) || is_within(c, 0x14A, 0x177) ||
        is_within(c, 0x460, 0x481) || is_within(c, 0x48A, 0x4BF) || is_within(c, 0x4D0, 0x52F)) {
        return c | 1;
    }
    if (is_within(c, 0x139, 0x148) || is_within(c, 0x179, 0x17E) || is_within(c, 0x4C1, 0x4CE)) {
        return c + (c & 1);
    }
    switch (c) {
    case 0x178: return 0xFF;
    case 0x386: return 0x3AC;
    case 0x388:
    case 0x389:
    case 0x38A: return c + 0x25;
    case 0x38C: return 0x3CC;
    case 0x38E:
    case 0x38F: return c + 0x3F;
    case 0x4C0: return 0x4CF;
    default: return c;
    }
}

static bool is_within(uint32_t c, uint32_t first, uint32_t last) {
    return c >= first && c <= last;
}
