/* Bytes that grow, up to a limit given at the start.
 *
 * `bytes` is NULL while nothing was ever put in; otherwise bytes[length] is always a '\0' that length does not
 * count, so that it can be read as text. An append that fails (memory, or the limit) changes nothing and returns
 * -1; it also sets `is_broken`, so that a run of appends can be checked once at its end: until the buffer is
 * cleared, reset or taken, every append fails from then on. What is appended must not lie in the buffer itself.
 * Not for use from two threads at once.
 *
 *     struct buffer line;
 *     buffer_init(&line, 4096);
 *     buffer_append_text(&line, "lane ");
 *     buffer_append_format(&line, "%" PRIu64, lane->key);
 *     if (line.is_broken) ...
 *     buffer_reset(&line);
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/slice.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t limit; /* length never passes it */
    bool is_broken;
};

void buffer_init(struct buffer *buffer, size_t limit);
/* Frees what it holds; the buffer can be used again with the same limit. */
void buffer_reset(struct buffer *buffer);
/* Forgets what it holds and keeps the memory. */
void buffer_clear(struct buffer *buffer);

int buffer_append(struct buffer *buffer, const void *bytes, size_t length);
int buffer_append_text(struct buffer *buffer, const char *text);
int buffer_append_slice(struct buffer *buffer, struct slice s);
int buffer_append_char(struct buffer *buffer, char c);
int buffer_append_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buffer_append_format_v(struct buffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Room for `length` more bytes at the end, to be written by the caller and then counted with buffer_grew. NULL on
 * failure. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_grew(struct buffer *buffer, size_t length);

/* Drops the first `length` bytes (all of them, if there are fewer). */
void buffer_consume(struct buffer *buffer, size_t length);
/* Cuts the end off. */
void buffer_truncate(struct buffer *buffer, size_t length);

/* Hands the bytes over (NULL when nothing was put in): the caller frees them; the buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer);

static inline struct slice buffer_slice(const struct buffer *buffer) {
    return (struct slice){buffer->bytes, buffer->length};
}

#endif
