#include "base/log.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 8192 };

static const char ending[] = "...\n";
enum { ENDING_SIZE = sizeof ending - 1 };

/* Set once, before other threads. */
static enum log_level lowest = LOG_INFO;
static int target = STDERR_FILENO;
static bool is_coloured;

static void append_head(struct buffer *line, enum log_level level);
static void append_field(struct buffer *line, const struct log_field *field);
static void append_value(struct buffer *line, struct slice value);
static bool is_plain(struct slice value);
static void finish(struct buffer *line);
static void send_line(const char *bytes, size_t length);

void log_setup(enum log_level level, int fd, bool has_colour) {
    lowest = level;
    target = fd;
    is_coloured = has_colour;
}

bool log_is_on(enum log_level level) {
    return level >= lowest;
}

void log_write(enum log_level level, const char *room, const char *message, const struct log_field *fields) {
    if (!log_is_on(level)) {
        return;
    }
    /* The buffer stands on this array and its limit keeps it there: a log that needs memory could not say that
     * there is none. */
    char bytes[LINE_MAX_SIZE + 1];
    struct buffer line = {.bytes = bytes, .capacity = sizeof bytes, .limit = LINE_MAX_SIZE - ENDING_SIZE};
    bytes[0] = '\0';
    append_head(&line, level);
    buffer_append_format(&line, " %s: %s", room, message);
    for (const struct log_field *field = fields; field->kind != LOG_KIND_END; field++) {
        append_field(&line, field);
    }
    finish(&line);
    send_line(line.bytes, line.length);
}

static void append_head(struct buffer *line, enum log_level level) {
    static const char names[][6] = {"debug", "info ", "warn ", "error"};
    static const char colours[][6] = {"\x1b[90m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    char time[CLOCK_TEXT_SIZE];
    enum { UP_TO_MS = sizeof "2026-03-01T09:30:00.123" - 1 };
    clock_format(clock_wall_us(), time);
    if (is_coloured) {
        buffer_append_format(line, "%.*sZ %.5s%s\x1b[0m", UP_TO_MS, time, colours[level], names[level]);
    } else {
        buffer_append_format(line, "%.*sZ %s", UP_TO_MS, time, names[level]);
    }
}

static void append_field(struct buffer *line, const struct log_field *field) {
    buffer_append_format(line, " %s=", field->name);
    switch (field->kind) {
    case LOG_KIND_TEXT: append_value(line, slice_of(field->value.text)); break;
    case LOG_KIND_SLICE: append_value(line, field->value.slice); break;
    case LOG_KIND_NUMBER: buffer_append_format(line, "%" PRId64, field->value.number); break;
    case LOG_KIND_MS: buffer_append_format(line, "%.3fms", field->value.ms); break;
    case LOG_KIND_END: break;
    }
}

static void append_value(struct buffer *line, struct slice value) {
    if (is_plain(value)) {
        text_append_visible(line, value);
        return;
    }
    buffer_append_char(line, '"');
    size_t start = 0;
    for (size_t i = 0; i < value.length && !line->is_broken; i++) {
        if (value.bytes[i] == '"' || value.bytes[i] == '\\') {
            text_append_visible(line, slice_make(value.bytes + start, i - start));
            buffer_append_char(line, '\\');
            start = i;
        }
    }
    if (start < value.length) {
        text_append_visible(line, slice_make(value.bytes + start, value.length - start));
    }
    buffer_append_char(line, '"');
}

/* Whether it can be told from its neighbours without quotes. */
static bool is_plain(struct slice value) {
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.bytes[i];
        bool is_c1 = c == 0xC2 && i + 1 < value.length && (unsigned char)value.bytes[i + 1] < 0xA0;
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7F || is_c1) {
            return false;
        }
    }
    return value.length > 0 && text_is_utf8(value);
}

static void finish(struct buffer *line) {
    bool is_cut = line->is_broken;
    line->is_broken = false;
    line->limit = LINE_MAX_SIZE;
    buffer_append_text(line, is_cut ? ending : "\n");
}

/* One write; more only where a pipe took a part of it. What cannot be written is lost: nobody could be told. */
static void send_line(const char *bytes, size_t length) {
    int kept = errno;
    while (length > 0) {
        ssize_t written = write(target, bytes, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            break;
        }
        bytes += written;
        length -= (size_t)written;
    }
    errno = kept;
}
