#include "json/json.h"
#include "json/scan.h"
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_SIZE = 32 };

static const char *skip_tokens(const char *at, const char *end);
static const char *skip_string(const char *at, const char *end);
static int append_quoted(struct buffer *out, struct slice text);
static int append_escaped(struct buffer *out, unsigned char c);
static int format_shortest(char text[NUMBER_SIZE], double value);

static inline bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int json_append_string(struct buffer *out, struct slice text) {
    size_t length = out->length;
    if (append_quoted(out, text) < 0) {
        buffer_truncate(out, length);
        out->is_broken = true;
        return -1;
    }
    return 0;
}

int json_append_integer(struct buffer *out, int64_t value) {
    return buffer_append_format(out, "%" PRId64, value);
}

int json_append_number(struct buffer *out, double value) {
    char text[NUMBER_SIZE];
    int length = format_shortest(text, value);
    if (length < 0) {
        out->is_broken = true;
        return -1;
    }
    return buffer_append(out, text, (size_t)length);
}

int json_append_compact(struct buffer *out, const char *bytes, size_t length) {
    size_t before = out->length;
    const char *end = bytes + length;
    const char *at = bytes;
    while (at < end) {
        const char *run = at;
        at = skip_tokens(run, end);
        if (buffer_append(out, run, (size_t)(at - run)) < 0) {
            buffer_truncate(out, before);
            return -1;
        }
        while (at < end && is_blank(*at)) {
            at++;
        }
    }
    return 0;
}

/* Up to the next white space outside strings. */
static const char *skip_tokens(const char *at, const char *end) {
    while (at < end && !is_blank(*at)) {
        at = *at == '"' ? skip_string(at + 1, end) : at + 1;
    }
    return at;
}

/* From behind the opening quote to behind the closing one. */
static const char *skip_string(const char *at, const char *end) {
    while (at < end) {
        at += json_plain_run(at, end);
        if (at < end && *at == '"') {
            return at + 1;
        }
        at += end - at >= 2 && *at == '\\' ? 2 : at < end;
    }
    return at;
}

static int append_quoted(struct buffer *out, struct slice text) {
    if (buffer_append_char(out, '"') < 0) {
        return -1;
    }
    const char *at = text.bytes;
    const char *end = text.length == 0 ? at : at + text.length;
    while (at != end) {
        bool is_ascii = (unsigned char)*at < 0x80;
        size_t run = is_ascii ? json_plain_run(at, end) : json_utf8_length(at, end);
        if (run > 0 && buffer_append(out, at, run) == 0) {
            at += run;
        } else if (run > 0 || !is_ascii || append_escaped(out, (unsigned char)*at++) < 0) {
            return -1;
        }
    }
    return buffer_append_char(out, '"');
}

static int append_escaped(struct buffer *out, unsigned char c) {
    switch (c) {
    case '"': return buffer_append(out, "\\\"", 2);
    case '\\': return buffer_append(out, "\\\\", 2);
    case '\b': return buffer_append(out, "\\b", 2);
    case '\f': return buffer_append(out, "\\f", 2);
    case '\n': return buffer_append(out, "\\n", 2);
    case '\r': return buffer_append(out, "\\r", 2);
    case '\t': return buffer_append(out, "\\t", 2);
    default: return buffer_append_format(out, "\\u%04x", (unsigned)c);
    }
}

/* The length, or -1. In the C locale: the program that embeds us may have set another decimal point. */
static int format_shortest(char text[NUMBER_SIZE], double value) {
    if (!isfinite(value)) {
        return -1;
    }
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return -1;
    }
    locale_t before = uselocale(plain);
    int length = -1;
    if (value == 0 && signbit(value)) {
        /* "-0" would be read as an integer, and integers have no such zero. */
        length = snprintf(text, NUMBER_SIZE, "-0.0");
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            length = snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
            if (strtod(text, NULL) == value) {
                break;
            }
        }
    }
    (void)uselocale(before);
    freelocale(plain);
    return length;
}
