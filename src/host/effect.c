/* What a step asks for is done in one of the effect_ files; what they share is here. */
#include "base/clock.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "json/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct effect {
    const char *operation;
    void (*start)(struct step *step);
};

static const struct effect effects[] = {
    {"after", effect_after},           {"cancel", effect_cancel_timer},
    {"sleep", effect_sleep},           {"state.compare_and_set", effect_value},
    {"state.delete", effect_value},    {"state.get", effect_value},
    {"state.increment", effect_value}, {"state.set", effect_value},
};

struct split {
    struct slice *parts;
    size_t most, count;
};

static bool take_given(struct step *step);
static void refuse(struct step *step, const char *code, const char *message, bool is_retryable);
static int take_part(void *context, size_t index, struct slice raw_value);

void effect_start(struct step *step) {
    step->state = STEP_SENT;
    step->run->unsettled++;
    struct slice operation = buffer_slice(&step->operation);
    if (atomic_load(&step->run->work->host->is_abandoned) || take_given(step)) {
        return;
    }
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        if (slice_is(operation, effects[i].operation)) {
            effects[i].start(step);
            return;
        }
    }
    if (plugins_has(step->run->work->host->options.plugins, operation)) {
        effect_call_plugin(step);
    } else if (effect_is_http(step)) {
        effect_call_http(step);
    } else {
        effect_call_router(step);
    }
}

void effect_cancel(struct step *step) {
    effect_cancel_call(step);
    effect_drop_plugin(step);
    effect_cancel_http(step);
    loop_timer_cancel(step->run->work->host->loop, &step->wake);
    effect_free_extra(step);
}

struct breaker *effect_breaker(struct host *host, struct slice operation, struct slice arguments) {
    return slice_starts_with(operation, "router.") ? &host->breaker
                                                   : effect_http_breaker(host, operation, arguments);
}

void effect_id(const struct step *step, char id[EFFECT_ID_SIZE]) {
    const struct run *run = step->run;
    unsigned place = store_run_place(run->id);
    if (place == 0) {
        snprintf(id, EFFECT_ID_SIZE, "%" PRIu64 "-%" PRIu32, run->work->seq, step->number);
    } else {
        snprintf(id, EFFECT_ID_SIZE, "%" PRIu64 "-%u.%" PRIu32, run->work->seq, place, step->number);
    }
}

/* An answer that the host gives itself: nothing was done. */
void effect_refuse(struct step *step, const char *code, const char *message) {
    refuse(step, code, message, false);
}

void effect_refuse_for_now(struct step *step, const char *code, const char *message) {
    refuse(step, code, message, true);
}

void effect_note(struct step *step, double seconds) {
    step->is_told = true;
    struct host_note note = {.what = HOST_STEP,
                             .handler = slice_of(step->run->handler),
                             .operation = buffer_slice(&step->operation),
                             .arguments = buffer_slice(&step->arguments),
                             .number = step->number,
                             .answer = buffer_slice(&step->answer),
                             .status = step->status,
                             .is_error = step->is_error,
                             .seconds = seconds,
                             .reason = step->is_error ? buffer_slice(&step->answer) : (struct slice){NULL, 0}};
    host_note_work(step->run->work, note);
}

struct effect_extra *effect_extra(struct step *step) {
    step->extra = calloc(1, sizeof *step->extra);
    if (step->extra == NULL) {
        effect_refuse(step, "OutOfMemory", "the host has no memory for it");
    } else {
        buffer_init(&step->extra->text, WIRE_PAYLOAD_MAX);
    }
    return step->extra;
}

void effect_free_extra(struct step *step) {
    if (step->extra != NULL) {
        buffer_reset(&step->extra->text);
        free(step->extra);
        step->extra = NULL;
    }
}

size_t effect_split(const struct step *step, struct slice *parts, size_t most) {
    struct split split = {parts, most, 0};
    memset(parts, 0, most * sizeof *parts);
    if (json_each_element(step->arguments.bytes, step->arguments.length, take_part, &split, NULL) < 0) {
        return 0;
    }
    return split.count;
}

double effect_number(struct slice raw, double fallback) {
    char text[64];
    if (raw.length == 0 || raw.length >= sizeof text ||
        (raw.bytes[0] != '-' && (raw.bytes[0] < '0' || raw.bytes[0] > '9'))) {
        return fallback;
    }
    memcpy(text, raw.bytes, raw.length);
    text[raw.length] = '\0';
    return strtod(text, NULL);
}

/* Who embeds the host may stand for the world. */
static bool take_given(struct step *step) {
    const struct host_options *options = &step->run->work->host->options;
    if (options->answer == NULL) {
        return false;
    }
    const struct host_wanted wanted = {.handler = slice_of(step->run->handler),
                                       .operation = buffer_slice(&step->operation),
                                       .arguments = buffer_slice(&step->arguments),
                                       .number = step->number,
                                       .place = step->run->place,
                                       .branch = step->branch,
                                       .occurrence = step->occurrence,
                                       .seq = step->run->work->seq,
                                       .type = step->run->work->copy->short_type,
                                       .subject = step->run->work->copy->subject,
                                       .is_repeated = step->is_repeated};
    struct host_given given = {.status = 0};
    buffer_init(&given.value, step->answer.limit);
    bool is_given = options->answer(options->context, &wanted, &given);
    if (atomic_load(&step->run->work->host->is_abandoned)) {
        is_given = true; /* nobody hears the answer */
    } else if (is_given && given.value.is_broken) {
        effect_refuse(step, "OutOfMemory", "no memory for the answer");
    } else if (is_given) {
        step->is_error = given.is_error;
        step->status = given.status;
        step->is_unsent = !given.was_sent;
        step->has_no_wait = true;
        step->answered_us = clock_wall_us() + given.pause_us;
        memcpy(step->etag, given.etag, sizeof step->etag);
        buffer_append_slice(&step->answer, buffer_slice(&given.value));
        effect_note(step, 0);
        journal_answer(step);
    }
    buffer_reset(&given.value);
    return is_given;
}

static void refuse(struct step *step, const char *code, const char *message, bool is_retryable) {
    step->is_error = true;
    step->status = 0;
    buffer_clear(&step->answer);
    buffer_append_text(&step->answer, "{\"code\":");
    json_append_string(&step->answer, slice_of(code));
    buffer_append_text(&step->answer, ",\"message\":");
    json_append_string(&step->answer, slice_of(message));
    buffer_append_text(&step->answer, ",\"operation\":");
    json_append_string(&step->answer, buffer_slice(&step->operation));
    buffer_append_format(&step->answer, ",\"retryable\":%s,\"status\":0}", is_retryable ? "true" : "false");
    effect_note(step, 0);
    journal_answer(step);
}

static int take_part(void *context, size_t index, struct slice raw_value) {
    struct split *split = context;
    if (index >= split->most) {
        return -1;
    }
    split->parts[index] = raw_value;
    split->count = index + 1;
    return 0;
}
