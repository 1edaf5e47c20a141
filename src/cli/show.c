/* `events show SEQ`: one event's timeline. */
#include "base/text.h"
#include "cli/cli.h"
#include "event/event.h"
#include "json/tree.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, WORDS_MAX = 64 * 1024, ANSWER_SHOWN = 160, ARGUMENTS_SHOWN = 240 };

/* One line, or several, of the timeline. */
struct entry {
    const char *at; /* RFC 3339 with fixed digits: in order of text is in order of time */
    size_t place;   /* among those of one moment */
    const char *colour;
    struct buffer words;
};

struct timeline {
    struct entry *entries;
    size_t count, capacity;
    bool has_colour, is_broken;
};

static void print_head(const struct json *event);
static void print_member(const char *name, const char *value);
static void add_run(struct timeline *timeline, const struct json *run);
static void add_step(struct timeline *timeline, const struct json *run, const struct json *step);
static void add_outcome(struct timeline *timeline, const struct json *run);
static void put_lines(struct buffer *words, const char *text);
static void put_json(struct buffer *words, const struct json *value, size_t most);
static struct buffer *add(struct timeline *timeline, const char *at, const char *colour);
static int compare(const void *a, const void *b);
static void print_timeline(struct timeline *timeline);

int cli_show(const struct config *config, uint64_t seq, bool is_json) {
    char path[64];
    snprintf(path, sizeof path, "/api/events/%" PRIu64, seq);
    const struct cli_call call = {.path = path};
    if (is_json) {
        return cli_print_answer(config, &call);
    }
    struct error error = {0};
    struct json *event = cli_ask_json(config, &call, &error);
    if (event == NULL) {
        return cli_fail("%s", error.message);
    }
    struct timeline timeline = {.has_colour = isatty(STDOUT_FILENO)};
    print_head(event);
    buffer_append_text(add(&timeline, json_get_string(event, "receivedAt"), NULL), "received");
    for (const struct json *run = json_first(json_get(event, "runs")); run != NULL; run = json_next(run)) {
        add_run(&timeline, run);
    }
    print_timeline(&timeline);
    json_free(event);
    return timeline.is_broken ? cli_fail("not all of it could be shown: no memory") : CLI_OK;
}

static void print_head(const struct json *event) {
    static const struct {
        const char *name, *words;
    } members[] = {{"id", "id"},         {"type", "type"},       {"jobId", "job"}, {"workerId", "worker"},
                   {"source", "source"}, {"subject", "subject"}, {"time", "sent"}, {"reason", "reason"}};
    printf("event %.0f: %s\n", json_get_double(event, "seq", 0), json_get_string(event, "state"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        print_member(members[i].words, json_get_string(event, members[i].name));
    }
    printf("\n");
}

static void print_member(const char *name, const char *value) {
    if (value == NULL || value[0] == '\0') {
        return;
    }
    struct buffer line;
    buffer_init(&line, WORDS_MAX);
    cli_put_visible(&line, value);
    printf("  %-8s  %s\n", name, line.bytes == NULL ? "(too long)" : line.bytes);
    buffer_reset(&line);
}

static void add_run(struct timeline *timeline, const struct json *run) {
    const char *generation = json_get_string(run, "generation");
    const char *started = json_get_string(run, "startedAt");
    if (started != NULL) {
        struct buffer *words = add(timeline, started, NULL);
        cli_put_visible(words, json_get_string(run, "handler"));
        buffer_append_text(words, ": started");
        if (generation != NULL) {
            buffer_append_format(words, ", now with the scripts of generation %.8s", generation);
        }
    }
    for (const struct json *step = json_first(json_get(run, "steps")); step != NULL; step = json_next(step)) {
        add_step(timeline, run, step);
    }
    add_outcome(timeline, run);
}

static void add_step(struct timeline *timeline, const struct json *run, const struct json *step) {
    bool is_error = json_get_bool(step, "isError", false);
    double status = json_get_double(step, "status", 0);
    struct buffer *words = add(timeline, json_get_string(step, "answeredAt"), is_error ? "\033[33m" : NULL);
    cli_put_visible(words, json_get_string(run, "handler"));
    buffer_append_format(words, ": step %.0f: ", json_get_double(step, "number", 0));
    cli_put_visible(words, json_get_string(step, "operation"));
    buffer_append_char(words, ' ');
    put_json(words, json_get(step, "arguments"), ARGUMENTS_SHOWN);
    buffer_append_text(words, " -> ");
    if (status > 0) {
        buffer_append_format(words, "%.0f ", status);
    }
    if (is_error) {
        buffer_append_text(words, "error ");
    }
    put_json(words, json_get(step, "answer"), ANSWER_SHOWN);
    if (json_get_double(step, "leftOut", 0) > 0) {
        buffer_append_format(words, " (%.0f bytes are left out)", json_get_double(step, "leftOut", 0));
    }
    if (json_get_bool(step, "repeated", false)) {
        buffer_append_text(words, "  [repeated: it was perhaps sent before]");
    }
    if (json_get_bool(step, "forgotten", false)) {
        buffer_append_text(words, "  [it failed the run: done again when the run goes on]");
    }
}

static void add_outcome(struct timeline *timeline, const struct json *run) {
    const char *state = json_get_string(run, "state");
    const char *reason = json_get_string(run, "reason");
    const char *traceback = json_get_string(run, "traceback");
    const char *result = json_get_string(run, "result");
    const char *due = json_get_string(run, "dueAt");
    const char *finished = json_get_string(run, "finishedAt");
    bool is_done = state != NULL && strcmp(state, "done") == 0;
    bool is_asleep = due != NULL && result != NULL && strcmp(result, "sleep") == 0;
    const char *colour = is_asleep ? NULL : is_done ? "\033[32m" : "\033[31m";
    /* What is not over comes last. */
    struct buffer *words = add(timeline, finished != NULL ? finished : due, colour);
    cli_put_visible(words, json_get_string(run, "handler"));
    buffer_append_text(words, ": ");
    if (is_asleep) {
        buffer_append_text(words, "asleep");
    } else {
        cli_put_visible(words, is_done && result != NULL && result[0] != '\0' ? result : state);
        buffer_append_format(words, " after attempt %.0f", json_get_double(run, "attempt", 0));
    }
    if (due != NULL) {
        buffer_append_format(words, ", goes on at %s", due);
    }
    if (reason != NULL && reason[0] != '\0') {
        buffer_append_text(words, ": ");
        text_append_visible(words, slice_of(reason));
    }
    if (json_kind(json_get(run, "returned")) != JSON_NULL) {
        buffer_append_text(words, ", returned ");
        put_json(words, json_get(run, "returned"), ANSWER_SHOWN);
    }
    if (traceback != NULL && traceback[0] != '\0') {
        put_lines(words, traceback);
    }
}

/* Line by line, below the entry. */
static void put_lines(struct buffer *words, const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        buffer_append_text(words, "\n      ");
        for (size_t i = 0; i < length && text[i] == '\t'; i++) {
            buffer_append_text(words, "  ");
        }
        size_t tabs = strspn(text, "\t");
        if (tabs < length) {
            text_append_visible(words, slice_make(text + tabs, length - tabs));
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

/* As JSON, the end cut off when it is long. */
static void put_json(struct buffer *words, const struct json *value, size_t most) {
    struct buffer text;
    buffer_init(&text, ANSWER_MAX);
    if (value == NULL || json_print(value, &text) < 0) {
        buffer_append_text(words, "null");
    } else {
        size_t length = text.length;
        if (length > most) {
            length = most;
            while (length > 0 && ((unsigned char)text.bytes[length] & 0xc0) == 0x80) {
                length--;
            }
        }
        text_append_visible(words, slice_make(text.bytes, length));
        buffer_append_text(words, length < text.length ? "..." : "");
    }
    buffer_reset(&text);
}

/* Where to write the words of one more entry; without memory somewhere that is not shown. */
static struct buffer *add(struct timeline *timeline, const char *at, const char *colour) {
    static struct buffer nowhere;
    if (timeline->count == timeline->capacity) {
        size_t capacity = timeline->capacity == 0 ? 64 : timeline->capacity * 2;
        struct entry *entries = realloc(timeline->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            timeline->is_broken = true;
            return &nowhere;
        }
        timeline->entries = entries;
        timeline->capacity = capacity;
    }
    struct entry *entry = &timeline->entries[timeline->count];
    *entry = (struct entry){.at = at, .place = timeline->count, .colour = colour};
    buffer_init(&entry->words, WORDS_MAX);
    timeline->count++;
    return &entry->words;
}

static int compare(const void *a, const void *b) {
    const struct entry *one = a, *two = b;
    int order =
        one->at == NULL || two->at == NULL ? (one->at == NULL) - (two->at == NULL) : strcmp(one->at, two->at);
    return order != 0 ? order : (one->place > two->place) - (one->place < two->place);
}

static void print_timeline(struct timeline *timeline) {
    if (timeline->count > 0) {
        qsort(timeline->entries, timeline->count, sizeof *timeline->entries, compare);
    }
    for (size_t i = 0; i < timeline->count; i++) {
        struct entry *entry = &timeline->entries[i];
        bool has_colour = timeline->has_colour && entry->colour != NULL;
        printf("%s%s  %s%s\n", has_colour ? entry->colour : "",
               entry->at == NULL ? "not over yet               " : entry->at,
               entry->words.bytes == NULL ? "" : entry->words.bytes, has_colour ? "\033[0m" : "");
        buffer_reset(&entry->words);
    }
    free(timeline->entries);
}
