#include "cli/try.h"
#include "json/out.h"
#include <stdio.h>

enum { LINE_MAX_SIZE = 64 * 1024 * 1024 };

static void begin(struct buffer *line, struct json_out *out, const char *kind);
static void put_text(struct json_out *out, const char *name, struct slice text);
static void put_raw(struct json_out *out, const char *name, struct slice json);
static void end(struct buffer *line, struct json_out *out);
static void print_step(const struct try *try, const struct host_note *note);
static void print_said(const struct host_note *note);
static void print_end(const struct host_note *note, const char *result);

void try_json_begin(const struct try *try) {
    struct buffer line;
    struct json_out out;
    begin(&line, &out, "event");
    put_text(&out, "handler", slice_of(try->handler));
    put_text(&out, "type", event_short_name(try->envelope.events[0].type));
    put_raw(&out, "event", try->envelope.events[0].raw);
    end(&line, &out);
}

void try_json_wanted(const struct host_wanted *wanted) {
    struct buffer line;
    struct json_out out;
    begin(&line, &out, "wanted");
    json_out_name(&out, "step");
    json_out_integer(&out, wanted->number);
    put_text(&out, "operation", wanted->operation);
    put_raw(&out, "arguments", wanted->arguments);
    put_text(&out, "place", slice_of(wanted->place));
    end(&line, &out);
}

void try_json_note(const struct try *try, const struct host_note *note) {
    switch (note->what) {
    case HOST_STEP: print_step(try, note); break;
    case HOST_SAID: print_said(note); break;
    case HOST_DONE: print_end(note, slice_is(note->result, "filtered") ? "filtered" : "done"); break;
    case HOST_WAITING: print_end(note, "waiting"); break;
    case HOST_PARKED: print_end(note, "parked"); break;
    default: break;
    }
}

static void begin(struct buffer *line, struct json_out *out, const char *kind) {
    buffer_init(line, LINE_MAX_SIZE);
    *out = json_out(line);
    json_out_begin(out, '{');
    put_text(out, "kind", slice_of(kind));
}

static void put_text(struct json_out *out, const char *name, struct slice text) {
    json_out_name(out, name);
    json_out_text(out, text);
}

/* Nothing is null. */
static void put_raw(struct json_out *out, const char *name, struct slice json) {
    json_out_name(out, name);
    json_out_raw(out, json.length == 0 ? slice_of("null") : json);
}

static void end(struct buffer *line, struct json_out *out) {
    json_out_end(out, '}');
    if (line->is_broken) {
        fprintf(stderr, "switchhook try: a line is too long to be printed, or is no UTF-8\n");
    } else {
        printf("%s\n", line->bytes);
        (void)fflush(stdout);
    }
    buffer_reset(line);
}

static void print_step(const struct try *try, const struct host_note *note) {
    struct buffer line;
    struct json_out out;
    begin(&line, &out, "answered");
    json_out_name(&out, "step");
    json_out_integer(&out, note->number);
    put_text(&out, "operation", note->operation);
    json_out_name(&out, "status");
    json_out_integer(&out, note->status);
    put_raw(&out, note->is_error ? "error" : "answer", note->answer);
    put_text(&out, "from", slice_of(try_source(try, note)));
    end(&line, &out);
}

static void print_said(const struct host_note *note) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct buffer line;
    struct json_out out;
    begin(&line, &out, "log");
    put_text(&out, "level", slice_of(levels[note->level < 3 ? note->level : 3]));
    put_text(&out, "message", note->reason);
    put_raw(&out, "fields", note->answer);
    end(&line, &out);
}

static void print_end(const struct host_note *note, const char *result) {
    struct buffer line;
    struct json_out out;
    begin(&line, &out, "end");
    put_text(&out, "result", slice_of(result));
    put_text(&out, "reason", note->reason);
    put_text(&out, "traceback", note->traceback);
    put_raw(&out, "returned", note->answer);
    end(&line, &out);
}
