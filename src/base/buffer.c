#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_CAPACITY = 64 };

static int fail(struct buffer *buffer);
static int make_room(struct buffer *buffer, size_t length);

void buffer_init(struct buffer *buffer, size_t limit) {
    *buffer = (struct buffer){.limit = limit};
}

void buffer_reset(struct buffer *buffer) {
    free(buffer->bytes);
    buffer_init(buffer, buffer->limit);
}

void buffer_clear(struct buffer *buffer) {
    buffer_truncate(buffer, 0);
    buffer->is_broken = false;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
    char *room = buffer_reserve(buffer, length);
    if (room == NULL) {
        return -1;
    }
    if (length > 0) {
        memcpy(room, bytes, length);
    }
    buffer_grew(buffer, length);
    return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text) {
    return buffer_append(buffer, text, strlen(text));
}

int buffer_append_slice(struct buffer *buffer, struct slice s) {
    return buffer_append(buffer, s.bytes, s.length);
}

int buffer_append_char(struct buffer *buffer, char c) {
    return buffer_append(buffer, &c, 1);
}

int buffer_append_format(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = buffer_append_format_v(buffer, format, arguments);
    va_end(arguments);
    return result;
}

int buffer_append_format_v(struct buffer *buffer, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int result = -1;
    int needed = vsnprintf(NULL, 0, format, arguments);
    if (needed < 0) {
        fail(buffer);
        goto out;
    }
    char *room = buffer_reserve(buffer, (size_t)needed);
    if (room == NULL) {
        goto out;
    }
    if (vsnprintf(room, (size_t)needed + 1, format, again) != needed) {
        buffer_grew(buffer, 0);
        fail(buffer);
        goto out;
    }
    buffer_grew(buffer, (size_t)needed);
    result = 0;
out:
    va_end(again);
    return result;
}

char *buffer_reserve(struct buffer *buffer, size_t length) {
    return make_room(buffer, length) < 0 ? NULL : buffer->bytes + buffer->length;
}

void buffer_grew(struct buffer *buffer, size_t length) {
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void buffer_consume(struct buffer *buffer, size_t length) {
    if (length >= buffer->length) {
        buffer_truncate(buffer, 0);
        return;
    }
    memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
    buffer_truncate(buffer, buffer->length - length);
}

void buffer_truncate(struct buffer *buffer, size_t length) {
    if (buffer->bytes != NULL && length <= buffer->length) {
        buffer->length = length;
        buffer->bytes[length] = '\0';
    }
}

char *buffer_take(struct buffer *buffer) {
    char *bytes = buffer->bytes;
    buffer_init(buffer, buffer->limit);
    return bytes;
}

static int fail(struct buffer *buffer) {
    buffer->is_broken = true;
    return -1;
}

/* For `length` more bytes and the terminator. A broken buffer takes no more: a text with a hole in its middle
 * would be worse than one that ends early. */
static int make_room(struct buffer *buffer, size_t length) {
    if (buffer->is_broken || length > buffer->limit - buffer->length || buffer->length + length == SIZE_MAX) {
        return fail(buffer);
    }
    size_t needed = buffer->length + length + 1;
    if (needed <= buffer->capacity) {
        return 0;
    }
    size_t capacity = buffer->capacity < SMALLEST_CAPACITY / 2 ? SMALLEST_CAPACITY / 2 : buffer->capacity;
    capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    if (buffer->limit < capacity) {
        capacity = buffer->limit + 1;
    }
    if (capacity < needed) {
        capacity = needed;
    }
    char *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        return fail(buffer);
    }
    bytes[buffer->length] = '\0';
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}
