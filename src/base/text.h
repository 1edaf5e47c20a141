/* Small work on text that several rooms need. Nothing here allocates unless it says so. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits only, the whole slice, no sign, no overflow: 0, or -1. */
int text_to_uint64(struct slice text, uint64_t *value);

/* Appends `text` for a terminal or a log: control characters, DEL, C1, what turns the direction of
 * writing or ends a line (U+2028 to U+202E, U+2066 to U+2069) and bytes that are no UTF-8 as \xNN. */
int text_append_visible(struct buffer *out, struct slice text);

/* The entry of `names` (NULL ends it) nearest to `name` by edit distance, or NULL when none is near enough to be
 * what somebody meant (distance over a third of the length, or over 3). Case does not count. */
const char *text_nearest(struct slice name, const char *const *names);
/* The edit distance (insert, delete, replace, swap of neighbours), ignoring ASCII case, or `most` + 1 if larger.
 * Texts over 256 bytes are no names: they are equal or far. */
size_t text_distance(struct slice a, struct slice b, size_t most);

/* Percent-encodes everything but RFC 3986's unreserved characters. A failure leaves `out` as it was. */
int text_append_percent(struct buffer *out, struct slice text);
/* Decodes %XX (and '+' as a blank when `is_query`); -1 for a bad escape or a NUL byte, with `out` as it was. */
int text_append_unpercent(struct buffer *out, struct slice text, bool is_query);

/* Whether the bytes are UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(struct slice text);

/* "127.0.0.1:8080", "[::1]:0", "localhost:8080": the host without brackets (with terminator) and the port. -1 with
 * the error otherwise. */
enum { TEXT_HOST_SIZE = 256 };
int text_parse_address(const char *text, char host[TEXT_HOST_SIZE], uint16_t *port, struct error *error);
/* Whether a host names this machine's loopback: localhost, 127.0.0.0/8, ::1. */
bool text_is_loopback(const char *host);
/* Whether a host's last part is a number, as in 10.0.0.1 and in 300.1.1.1: no name ends so, so that it is an IPv4
 * address or was meant as one. */
bool text_looks_like_v4(struct slice host);

#endif
