/* The strict reader: RFC 8259 and nothing else, in one pass over bytes that lie in memory, without recursion and
 * without an allocation per value. It tells a listener what it meets; the listener keeps what it needs.
 *
 * Refused: bytes that are no UTF-8, \u escapes of lone surrogates, control characters in strings, numbers too
 * large for a double, anything after the value, more depth or values than the limits say. An integer that fits 64
 * bits (signed) comes as one; every other number as a double (the nearest one: 1e-400 is 0). \u0000 is kept
 * (strings have lengths). Duplicate member names are the listener's affair. An error says what and at which byte;
 * without memory (needed for strings with escapes and for very long numbers) the offset is SIZE_MAX.
 *
 *     static int on_integer(void *context, int64_t value) { ... return 0; }
 *     static const struct json_listener listener = {.integer = on_integer};   // what is NULL is skipped
 *     struct json_error where;
 *     if (json_read(bytes, length, NULL, &listener, &sum, &where) < 0) ... where.offset, where.message
 *
 * Any thread; a reader keeps no state between calls.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/buffer.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_DEPTH = 128,         /* of nested arrays and objects; the contract's number */
    JSON_VALUES = 1000 * 1000 /* of one text: 4 MiB of "[[],[],..." is about as many */
};

struct json_limits {
    size_t depth; /* more than JSON_DEPTH counts as JSON_DEPTH */
    size_t values;
};

struct json_error {
    size_t offset;
    char message[160];
};

/* Where the reader is: what a listener may ask from inside a call. */
struct json_place {
    size_t begin; /* first byte of the value or name that this call is about (end calls: of the closing bracket) */
    size_t end;   /* one past its last byte (begin calls: of the opening bracket) */
    size_t
        blanks; /* white space bytes outside strings met so far: unchanged across a value = the value had none */
};

/* Each call returns 0 to go on, or -1 to stop (json_read then fails with "stopped by the listener" unless the
 * listener put its own words into `error`). Strings and names are decoded; they live until the call returns. */
struct json_listener {
    int (*object_begin)(void *context);
    int (*object_end)(void *context);
    int (*array_begin)(void *context);
    int (*array_end)(void *context);
    int (*name)(void *context, struct slice name);
    int (*string)(void *context, struct slice value);
    int (*integer)(void *context, int64_t value);
    int (*number)(void *context, double value);
    int (*boolean)(void *context, bool value);
    int (*null)(void *context);
    /* Called once, before all others: `*place` is where the reader is, during each of the calls above, until the
     * reader returns. Cannot stop it. */
    void (*begin)(void *context, const struct json_place *place);
};

/* 0, or -1 with `error` (which may be NULL). `limits` NULL: the constants above. */
int json_read(const char *bytes, size_t length, const struct json_limits *limits,
              const struct json_listener *listener, void *context, struct json_error *error);

/* Whether the bytes are one strict JSON value. */
int json_check(const char *bytes, size_t length, struct json_error *error);

/* The members of the object that `bytes` holds, as raw slices of it (values unparsed, names decoded): `visit` for
 * each, in order. -1 when it is no strict JSON object, or when `visit` returned -1. For building requests without
 * a tree. */
int json_each_member(const char *bytes, size_t length,
                     int (*visit)(void *context, struct slice name, struct slice raw_value), void *context,
                     struct json_error *error);
/* The same for the elements of an array. */
int json_each_element(const char *bytes, size_t length,
                      int (*visit)(void *context, size_t index, struct slice raw_value), void *context,
                      struct json_error *error);

/* The decoded text of one raw JSON string value ("\"a\\nb\"" -> a, newline, b), appended to `out`; -1 when `raw`
 * is no string. */
int json_append_decoded(struct buffer *out, struct slice raw);

/* The writer: each appends one JSON value; 0, or -1 when the buffer cannot take it. Bytes that are no UTF-8 are
 * refused (-1); numbers come out in the shortest form that reads back the same; NaN and infinities are refused
 * (-1). What fails leaves the buffer as long as it was, and broken. */
int json_append_string(struct buffer *out, struct slice text);
int json_append_integer(struct buffer *out, int64_t value);
int json_append_number(struct buffer *out, double value);

/* Appends the value without the white space outside its strings. `bytes` must be strict JSON. */
int json_append_compact(struct buffer *out, const char *bytes, size_t length);

#endif
