/* The program's log: one line a happening, to one descriptor (stderr), from any thread, each line in one write.
 *
 *     log_info("reload", "the new scripts are live", LOG_TEXT("generation", hash), LOG_NUMBER("files", 7),
 *              LOG_END);
 *     2026-03-01T09:30:00.123Z info  reload: the new scripts are live generation=5f3c files=7
 *
 * Values with blanks, quotes or control characters are quoted; control characters are shown as \xNN, never sent
 * (names and labels come from outside). Bytes that are no UTF-8 likewise. A line over 8 KiB is cut. A secret never
 * comes here.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NOTHING /* for log_setup only */ };

enum log_kind { LOG_KIND_END, LOG_KIND_TEXT, LOG_KIND_SLICE, LOG_KIND_NUMBER, LOG_KIND_MS };

struct log_field {
    enum log_kind kind;
    const char *name;
    union {
        const char *text;
        struct slice slice;
        int64_t number;
        double ms;
    } value;
};

#define LOG_TEXT(n, v)   ((struct log_field){.kind = LOG_KIND_TEXT, .name = (n), .value.text = (v)})
#define LOG_SLICE(n, v)  ((struct log_field){.kind = LOG_KIND_SLICE, .name = (n), .value.slice = (v)})
#define LOG_NUMBER(n, v) ((struct log_field){.kind = LOG_KIND_NUMBER, .name = (n), .value.number = (int64_t)(v)})
#define LOG_MS(n, v)     ((struct log_field){.kind = LOG_KIND_MS, .name = (n), .value.ms = (v)})
#define LOG_END          ((struct log_field){.kind = LOG_KIND_END})

/* At start, before other threads: lines below `level` are dropped, the rest goes to `fd`; colour if asked. */
void log_setup(enum log_level level, int fd, bool has_colour);
bool log_is_on(enum log_level level);

/* `room` and `message` are ours and constant, what comes from outside is in fields. The list ends with LOG_END. */
void log_write(enum log_level level, const char *room, const char *message, const struct log_field *fields);

#define LOG_FIELDS(...)               ((const struct log_field[]){__VA_ARGS__})
#define log_debug(room, message, ...) log_write(LOG_DEBUG, (room), (message), LOG_FIELDS(__VA_ARGS__))
#define log_info(room, message, ...)  log_write(LOG_INFO, (room), (message), LOG_FIELDS(__VA_ARGS__))
#define log_warn(room, message, ...)  log_write(LOG_WARN, (room), (message), LOG_FIELDS(__VA_ARGS__))
#define log_error(room, message, ...) log_write(LOG_ERROR, (room), (message), LOG_FIELDS(__VA_ARGS__))

#endif
