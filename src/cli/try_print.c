#include "base/text.h"
#include "cli/as_lua.h"
#include "cli/try.h"
#include "json/tree.h"
#include <inttypes.h>
#include <stdio.h>

enum { LINE_MAX_SIZE = 64 * 1024 * 1024, SHOWN_MAX = 240 };

static void put_call(const struct try *try, struct buffer *line, uint32_t number, struct slice operation,
                     struct slice arguments);
static void put_cut(const struct try *try, struct buffer *line, size_t from);
static void print_line(struct buffer *line);
static void print_step(const struct try *try, const struct host_note *note);
static void put_error(struct buffer *line, struct slice answer);
static void print_said(const struct try *try, const struct host_note *note);
static void print_done(const struct try *try, const struct host_note *note);
static void print_failed(const struct try *try, const struct host_note *note);

void try_print_begin(const struct try *try) {
    if (try->is_json) {
        try_json_begin(try);
        return;
    }
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    buffer_append_format(&line, "%s, on ", try->handler);
    text_append_visible(&line, event_short_name(try->envelope.events[0].type));
    buffer_append_format(&line, " (%s)\n",
                         try->event_file != NULL                               ? try->event_file
                         : slice_starts_with(slice_of(try->handler), "local/") ? "without data"
                                                                               : "the type's sample");
    print_line(&line);
}

void try_print_wanted(const struct try *try, const struct host_wanted *wanted) {
    if (try->is_json) {
        try_json_wanted(wanted);
        return;
    }
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    put_call(try, &line, wanted->number, wanted->operation, wanted->arguments);
    buffer_append_text(&line, "   ");
    text_append_visible(&line, slice_of(wanted->place));
    print_line(&line);
}

void try_print_note(const struct try *try, const struct host_note *note) {
    if (try->is_json) {
        try_json_note(try, note);
        return;
    }
    switch (note->what) {
    case HOST_STEP: print_step(try, note); break;
    case HOST_SAID: print_said(try, note); break;
    case HOST_DONE: print_done(try, note); break;
    case HOST_WAITING:
    case HOST_PARKED: print_failed(try, note); break;
    default: break;
    }
}

void try_print_end(const struct try *try) {
    const char *unused = try_unused_answer(try);
    if (unused != NULL) {
        fprintf(stderr, "switchhook try: no step asked for the answer %s\n", unused);
    }
    if (!try->is_live && !try->is_json) {
        printf("Nothing left this machine; --live sends what the script asks for.\n");
    }
}

static void put_call(const struct try *try, struct buffer *line, uint32_t number, struct slice operation,
                     struct slice arguments) {
    buffer_append_format(line, "%3" PRIu32 "  %.*s(", number, SLICE_ARG(operation));
    size_t from = line->length;
    as_lua_append_arguments(line, arguments);
    put_cut(try, line, from);
    buffer_append_char(line, ')');
}

/* What is long hides what is not. */
static void put_cut(const struct try *try, struct buffer *line, size_t from) {
    if (try->is_full || line->length - from <= SHOWN_MAX) {
        return;
    }
    size_t end = from + SHOWN_MAX;
    while (end > from && ((unsigned char)line->bytes[end] & 0xc0) == 0x80) {
        end--; /* not inside of a character */
    }
    buffer_truncate(line, end);
    buffer_append_text(line, "...");
}

static void print_line(struct buffer *line) {
    printf("%s\n", line->is_broken ? "(too long to be shown)" : line->bytes);
    (void)fflush(stdout);
    buffer_reset(line);
}

static void print_step(const struct try *try, const struct host_note *note) {
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    if (note->number == try->shown) {
        buffer_append_text(&line, "     ");
    } else { /* several are under way, or the host knew without asking */
        put_call(try, &line, note->number, note->operation, note->arguments);
        buffer_append_char(&line, ' ');
    }
    buffer_append_text(&line, "-> ");
    if (note->status != 0) {
        buffer_append_format(&line, "%" PRIu32 " ", note->status);
    }
    size_t from = line.length;
    if (note->is_error) {
        put_error(&line, note->answer);
    } else {
        as_lua_append_text(&line, note->answer);
    }
    put_cut(try, &line, from);
    buffer_append_format(&line, "   [%s]", try_source(try, note));
    print_line(&line);
}

static void put_error(struct buffer *line, struct slice answer) {
    struct json *error = json_parse(answer.bytes, answer.length, NULL);
    const char *code = json_get_string(error, "code");
    const char *message = json_get_string(error, "message");
    buffer_append_text(line, "error ");
    text_append_visible(line, slice_of(code == NULL ? "" : code));
    buffer_append_text(line, ": ");
    text_append_visible(line, slice_of(message == NULL ? "" : message));
    json_free(error);
}

const char *try_source(const struct try *try, const struct host_note *note) {
    if (note->number == try->shown && try->answered_from != NULL) {
        return try->answered_from;
    }
    if (slice_starts_with(note->operation, "router.")) {
        return "the Job Router";
    }
    if (slice_starts_with(note->operation, "http.")) {
        return "the network";
    }
    if (slice_starts_with(note->operation, "state.")) {
        return "a state of this try's own";
    }
    return "the host";
}

static void print_said(const struct try *try, const struct host_note *note) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    buffer_append_format(&line, "     log.%s: ", levels[note->level < 3 ? note->level : 3]);
    text_append_visible(&line, note->reason);
    if (note->answer.length > 0) {
        buffer_append_char(&line, ' ');
        size_t from = line.length;
        as_lua_append_text(&line, note->answer);
        put_cut(try, &line, from);
    }
    print_line(&line);
}

static void print_done(const struct try *try, const struct host_note *note) {
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    if (slice_is(note->result, "filtered")) {
        buffer_append_text(&line, "filtered: the handler's filter does not let this event pass");
    } else {
        buffer_append_text(&line, "done");
        if (note->answer.length > 0) {
            buffer_append_text(&line, "; it returned ");
            size_t from = line.length;
            as_lua_append_text(&line, note->answer);
            put_cut(try, &line, from);
        }
    }
    print_line(&line);
}

static void print_failed(const struct try *try, const struct host_note *note) {
    struct buffer line;
    buffer_init(&line, LINE_MAX_SIZE);
    buffer_append_text(&line, "failed: ");
    text_append_visible(&line, note->reason);
    if (note->traceback.length > 0) {
        buffer_append_format(&line, "\n%.*s", SLICE_ARG(note->traceback));
        while (line.length > 0 && line.bytes[line.length - 1] == '\n') {
            buffer_truncate(&line, line.length - 1);
        }
    }
    if (note->what == HOST_WAITING) {
        buffer_append_format(&line, "\nThe host would try again in %.1f s, up to %u times in all.",
                             (double)(note->due_us - note->at_us) / 1e6, try->config->retry.attempts);
    } else {
        buffer_append_text(&line, "\nThe host would park the event: it is kept, and can be replayed once the "
                                  "script is mended.");
    }
    print_line(&line);
}
