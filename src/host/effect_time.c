/* sleep, after, cancel. */
#include "base/clock.h"
#include "base/text.h"
#include "event/event.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "host/timers.h"
#include "json/json.h"
#include "json/out.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPED_MAX = 6 }; /* bytes that one of a text takes in JSON */

static const double seconds_max = 366.0 * 24 * 3600;

static void write_event(struct step *step, struct effect_extra *extra, struct slice name, struct slice data,
                        struct slice id);
static bool is_event(struct slice raw);
static uint64_t timer_id(const struct run *run, uint32_t number);

/* The answer of a sleep is known when it begins: the moment at which it ends. It is journaled at once, and handed
 * over when that moment comes, after a restart as well. */
void effect_sleep(struct step *step) {
    struct slice seconds;
    double pause = effect_split(step, &seconds, 1) == 1 ? effect_number(seconds, -1) : -1;
    if (!(pause >= 0) || pause > seconds_max) {
        effect_refuse(step, "BadArguments", "sleep takes seconds, from 0 to a year");
        return;
    }
    step->answered_us = clock_wall_us() + (int64_t)(pause * 1e6);
    journal_answer(step);
}

/* Arguments: [seconds, name, data]. The timer's number is the step's own: a step that is done again after a crash
 * cannot raise the event twice. */
void effect_after(struct step *step) {
    struct slice parts[3];
    size_t count = effect_split(step, parts, 3);
    double pause = count >= 2 ? effect_number(parts[0], -1) : -1;
    if (!(pause >= 0) || pause > seconds_max) {
        effect_refuse(step, "BadArguments", "after takes seconds, from 0 to a year, a name and data");
        return;
    }
    struct effect_extra *extra = effect_extra(step);
    if (extra == NULL) {
        return;
    }
    char id[64];
    const struct run *run = step->run;
    snprintf(id, sizeof id, "%" PRIu64, timer_id(run, step->number));
    extra->has_timer = true;
    extra->timer = (struct store_timer){.id = timer_id(run, step->number),
                                        .due_us = clock_wall_us() + (int64_t)(pause * 1e6),
                                        .lane = run->work->copy->lane};
    write_event(step, extra, parts[1], count == 3 ? parts[2] : (struct slice){NULL, 0}, slice_of(id));
    if (extra->text.is_broken || !is_event(extra->timer.raw)) {
        effect_free_extra(step);
        effect_refuse(step, "BadArguments",
                      "no event can be made of it: the name is a text, the data not too deep");
        return;
    }
    buffer_append_format(&step->answer, "\"%s\"", id);
    journal_answer(step);
}

void effect_cancel_timer(struct step *step) {
    struct slice raw;
    uint64_t id = 0;
    struct effect_extra *extra;
    bool is_text = effect_split(step, &raw, 1) == 1 && raw.length > 2 && raw.bytes[0] == '"';
    if (!is_text || text_to_uint64(slice_make(raw.bytes + 1, raw.length - 2), &id) < 0 || id == 0) {
        effect_refuse(step, "BadArguments", "cancel takes the id that after returned");
        return;
    }
    extra = effect_extra(step);
    if (extra != NULL) {
        extra->cancel = id;
        journal_answer(step);
    }
}

/* The type's text, then the event's bytes: both stay in `text`. */
static void write_event(struct step *step, struct effect_extra *extra, struct slice name, struct slice data,
                        struct slice id) {
    char due[CLOCK_TEXT_SIZE];
    struct buffer *text = &extra->text;
    buffer_append_text(text, "Switchhook.Local.");
    if (json_append_decoded(text, name) < 0) {
        text->is_broken = true;
        return;
    }
    size_t type_length = text->length;
    size_t capacity = (type_length + strlen(step->run->work->copy->subject)) * ESCAPED_MAX + data.length + 512;
    if (buffer_reserve(text, capacity) == NULL) {
        return;
    }
    extra->timer.type = slice_make(text->bytes, type_length); /* stays where it is: there is room for all */
    struct json_out out = json_out(text);
    json_out_begin(&out, '{');
    json_out_name(&out, "id");
    json_out_text(&out, id);
    json_out_name(&out, "topic");
    json_out_text(&out, slice_of("switchhook"));
    json_out_name(&out, "subject");
    json_out_text(&out, slice_of(step->run->work->copy->subject));
    json_out_name(&out, "eventType");
    json_out_text(&out, extra->timer.type);
    json_out_name(&out, "eventTime");
    json_out_text(&out, slice_of(clock_format(extra->timer.due_us, due)));
    json_out_name(&out, "data");
    json_out_raw(&out, data);
    json_out_name(&out, "dataVersion");
    json_out_text(&out, slice_of("1.0"));
    json_out_end(&out, '}');
    extra->timer.type = slice_make(text->bytes, type_length);
    extra->timer.raw = slice_make(text->bytes + type_length, text->length - type_length);
}

/* As it will be read when it is raised: a timer that no event can be made of would be looked at for ever. */
static bool is_event(struct slice raw) {
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    bool is_one = envelope_read(&envelope, raw.bytes, raw.length, &where) == 0 && envelope.count == 1 &&
                  envelope.events[0].malformed == NULL;
    envelope_reset(&envelope);
    return is_one;
}

static uint64_t timer_id(const struct run *run, uint32_t number) {
    return run->id * 65536 + number;
}
