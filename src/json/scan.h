/* The two tokens of JSON that take work, strings and numbers, found and checked in bytes that lie in memory.
 * Private to this room: the reader, the writer and the members stand on it. Nothing here keeps state. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* From the byte after the opening quote, or from another character of the string: returns the closing quote, or
 * NULL with `fault`. Everything is checked (UTF-8, control characters, escapes); `has_escapes` says whether the
 * bytes between are the text itself. */
const char *json_scan_string(const char *from, const char *end, bool *has_escapes, struct json_fault *fault);

/* Decodes what json_scan_string has accepted (the bytes between the quotes) into `out`, which has room for as many
 * bytes; returns how many it wrote. */
size_t json_decode_string(const char *from, const char *end, char *out);

/* From the number's first byte: returns the byte after its last one, or NULL with `fault`. */
const char *json_scan_number(const char *from, const char *end, struct json_number *number,
                             struct json_fault *fault);

/* The number of bytes from `from` that can stand in a string as they are: ASCII without control characters, quote
 * and backslash. */
static inline size_t json_plain_run(const char *from, const char *end) {
    const char *at = from;
#ifdef __SSE2__
    /* Sixteen bytes at a time: as signed numbers, control characters and all that is no ASCII are below 0x20. */
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        const __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
            _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)));
        const unsigned found = (unsigned)_mm_movemask_epi8(special);
        if (found != 0) {
            return (size_t)(at - from) + (size_t)__builtin_ctz(found);
        }
        at += 16;
    }
#endif
    /* Eight bytes at a time: a byte's high bit comes up in `special` when it is below 0x20, a quote, a backslash
     * or no ASCII. It may also come up for a more significant byte than such a one, never for a less
     * significant. */
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t backslash = word ^ (ones * '\\');
        uint64_t special =
            ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | word;
        special &= highs;
        if (special != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return (size_t)(at - from) + (size_t)__builtin_ctzll(special) / 8;
#else
            break;
#endif
        }
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\') {
        at++;
    }
    return (size_t)(at - from);
}

/* The length (2 to 4) of the well-formed UTF-8 sequence at `from`, whose first byte is not ASCII, or 0. */
size_t json_utf8_length(const char *from, const char *end);

#endif
