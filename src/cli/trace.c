#include "base/text.h"
#include "cli/cli.h"
#include "json/tree.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 2048, SUBJECT_WIDTH = 14, EVENT_WIDTH = 33 };

static const char *const grey = "\033[2m";
static const char *const green = "\033[32m";
static const char *const yellow = "\033[33m";
static const char *const red = "\033[31m";
static const char *const plain = "\033[0m";

static void put_time(struct buffer *line, int64_t at_us);
static void put_column(struct buffer *line, struct slice text, size_t width);
static bool is_own_script(const struct host_note *note);
static void put_what(struct buffer *line, const struct host_note *note);
static void put_script(struct buffer *line, const struct host_note *note);
static void put_step(struct buffer *line, const struct host_note *note);
static void put_error(struct buffer *line, struct slice answer);
static void put_seconds(struct buffer *line, double seconds);
static const char *colour_of(const struct host_note *note);

/* Time, whose (the job, or the worker), what event or the script that is named after it, what happened, and how
 * long that took: one line, in columns. The local Job Router's lines (src/sim/trace.c) begin the same way. */
void cli_trace_note(const struct cli_trace *trace, const struct host_note *note) {
    struct buffer line;
    if (note->what == HOST_SAID) { /* it is in the log */
        return;
    }
    buffer_init(&line, LINE_MAX_SIZE);
    if (trace->has_colour) {
        buffer_append_text(&line, colour_of(note));
    }
    put_time(&line, note->at_us);
    if (note->what == HOST_LIVE || note->what == HOST_REFUSED) {
        put_column(&line, slice_of("scripts"), SUBJECT_WIDTH);
    } else if (note->what == HOST_KILLED) {
        put_column(&line, slice_of("worker"), SUBJECT_WIDTH);
    } else {
        put_column(&line, note->subject, SUBJECT_WIDTH);
        put_column(&line, is_own_script(note) ? note->handler : note->type, EVENT_WIDTH);
    }
    put_what(&line, note);
    if (trace->has_colour) {
        buffer_append_text(&line, plain);
    }
    line.limit++;
    buffer_append_char(&line, '\n');
    for (size_t done = 0; done < line.length;) {
        ssize_t written = write(trace->out, line.bytes + done, line.length - done);
        if (written <= 0) {
            break; /* nobody reads: the trace is for people, not a record */
        }
        done += (size_t)written;
    }
    buffer_reset(&line);
}

static void put_time(struct buffer *line, int64_t at_us) {
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm local;
    localtime_r(&seconds, &local);
    buffer_append_format(line, "%02d:%02d:%02d.%03d  ", local.tm_hour, local.tm_min, local.tm_sec,
                         (int)(at_us / 1000 % 1000));
}

static void put_column(struct buffer *line, struct slice text, size_t width) {
    size_t before = line->length;
    text_append_visible(line, text);
    for (size_t used = line->length - before; used < width; used++) {
        buffer_append_char(line, ' ');
    }
    buffer_append_text(line, "  ");
}

/* TYPE.lua or TYPE/NAME.lua: it names the event, too. */
static bool is_own_script(const struct host_note *note) {
    return slice_is_set(note->handler) && note->handler.length > note->type.length &&
           slice_equal(slice_make(note->handler.bytes, note->type.length), note->type);
}

static void put_what(struct buffer *line, const struct host_note *note) {
    switch (note->what) {
    case HOST_ARRIVED: buffer_append_text(line, "arrived"); break;
    case HOST_STEP: put_step(line, note); break;
    case HOST_SAID: break;
    case HOST_DONE:
        put_script(line, note);
        buffer_append_text(line, slice_is(note->result, "filtered") ? "filtered" : "done");
        put_seconds(line, note->seconds);
        break;
    case HOST_WAITING:
        put_script(line, note);
        buffer_append_format(line, "failed, tried again in %.1f s: ", (double)(note->due_us - note->at_us) / 1e6);
        text_append_visible(line, note->reason);
        break;
    case HOST_PARKED:
        put_script(line, note);
        buffer_append_text(line, "parked: ");
        text_append_visible(line, note->reason);
        break;
    case HOST_UNHANDLED: buffer_append_text(line, "kept: no script for it"); break;
    case HOST_LIVE:
        buffer_append_format(line, "live: generation %.8s", note->handler.bytes);
        put_seconds(line, note->seconds);
        break;
    case HOST_REFUSED:
        buffer_append_text(line, "not loaded: ");
        text_append_visible(line, note->reason);
        break;
    case HOST_KILLED:
        buffer_append_text(line, "ended: ");
        text_append_visible(line, note->reason);
        break;
    }
}

static void put_script(struct buffer *line, const struct host_note *note) {
    if (!is_own_script(note)) {
        text_append_visible(line, note->handler);
        buffer_append_text(line, ": ");
    }
}

static void put_step(struct buffer *line, const struct host_note *note) {
    put_script(line, note);
    buffer_append_format(line, "%.*s -> ", SLICE_ARG(note->operation));
    if (note->status != 0) {
        buffer_append_format(line, "%u", (unsigned)note->status);
    } else if (note->is_error) {
        buffer_append_text(line, slice_starts_with(note->operation, "router.") ? "no answer" : "failed");
    } else {
        buffer_append_text(line, "ok");
    }
    put_seconds(line, note->seconds);
    if (note->is_error) {
        put_error(line, note->reason);
    }
}

/* An error answer is JSON: its code and message are what a person wants to see. */
static void put_error(struct buffer *line, struct slice answer) {
    struct json *error = json_parse(answer.bytes, answer.length, NULL);
    const char *code = json_get_string(error, "code");
    const char *message = json_get_string(error, "message");
    buffer_append_text(line, "  ");
    text_append_visible(line, slice_of(code == NULL ? "error" : code));
    buffer_append_text(line, ": ");
    text_append_visible(line, slice_of(message));
    json_free(error);
}

static void put_seconds(struct buffer *line, double seconds) {
    if (seconds < 1) {
        buffer_append_format(line, "  %.1f ms", seconds * 1e3);
    } else {
        buffer_append_format(line, "  %.1f s", seconds);
    }
}

static const char *colour_of(const struct host_note *note) {
    switch (note->what) {
    case HOST_ARRIVED:
    case HOST_SAID:
    case HOST_UNHANDLED: return grey;
    case HOST_STEP: return note->is_error ? yellow : plain;
    case HOST_DONE:
    case HOST_LIVE: return green;
    case HOST_WAITING: return yellow;
    case HOST_PARKED:
    case HOST_KILLED:
    case HOST_REFUSED: return red;
    }
    return plain;
}
