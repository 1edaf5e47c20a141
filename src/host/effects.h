/* What the effect_ files share. Each effect ends in journal_answer or effect_refuse, at once or later. */
#ifndef HOST_EFFECTS_H
#define HOST_EFFECTS_H

#include "base/slice.h"
#include "host/work.h"
#include <stdbool.h>
#include <stddef.h>

/* What the store does in the same commit as it journals the step. Slices look into the step's arguments or
 * `text`. */
struct effect_extra {
    struct store_value_op value;
    struct store_timer timer;
    uint64_t cancel;
    bool has_value, has_timer;
    struct buffer text;
};

enum { EFFECT_ID_SIZE = 64 };

void effect_call_router(struct step *step);
void effect_cancel_call(struct step *step);
void effect_call_plugin(struct step *step);
void effect_drop_plugin(struct step *step);
void effect_call_http(struct step *step);
void effect_cancel_http(struct step *step);
void effect_value(struct step *step);
void effect_sleep(struct step *step);
void effect_after(struct step *step);
void effect_cancel_timer(struct step *step);

/* Names the step for others, the same when it is asked for again after a crash: EVENT-STEP, or EVENT-RUN.STEP. */
void effect_id(const struct step *step, char id[EFFECT_ID_SIZE]);
void effect_refuse(struct step *step, const char *code, const char *message);
/* An error that may be over later: it is retryable. */
void effect_refuse_for_now(struct step *step, const char *code, const char *message);
/* Tells of the step that was answered. */
void effect_note(struct step *step, double seconds);
/* NULL: without memory; the step was refused then. */
struct effect_extra *effect_extra(struct step *step);
/* The raw elements of the step's arguments: how many, 0 when there are more than `most`. */
size_t effect_split(const struct step *step, struct slice *parts, size_t most);
double effect_number(struct slice raw, double fallback);

#endif
