/* The two tokens of JSON that take work, strings and numbers, found and checked in bytes that lie in memory.
 * Private to this room: the reader, the writer and the members stand on it. Nothing here keeps state. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong, in constant words, and where. */
struct json_fault {
    const char *where;
    const char *why;
    bool is_memory; /* not the text's fault: there was no memory */
};

struct json_number {
    bool is_integer;
    int64_t integer;
    double real;
};

/* From the byte after the opening quote: returns the closing quote, or NULL with `fault`. Everything is checked
 * (UTF-8, control characters, escapes); `has_escapes` says whether the bytes between are the text itself. */
const char *json_scan_string(const char *from, const char *end, bool *has_escapes, struct json_fault *fault);

/* Decodes what json_scan_string has accepted (the bytes between the quotes) into `out`, which has room for as many
 * bytes; returns how many it wrote. */
size_t json_decode_string(const char *from, const char *end, char *out);

/* From the number's first byte: returns the byte after its last one, or NULL with `fault`. */
const char *json_scan_number(const char *from, const char *end, struct json_number *number,
                             struct json_fault *fault);

/* The number of bytes from `from` that can stand in a string as they are: ASCII without control characters, quote
 * and backslash. */
size_t json_plain_run(const char *from, const char *end);

/* The length (2 to 4) of the well-formed UTF-8 sequence at `from`, whose first byte is not ASCII, or 0. */
size_t json_utf8_length(const char *from, const char *end);

#endif
