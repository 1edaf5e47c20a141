/* state.get, set, delete, increment, compare_and_set: the store does them, in the commit that journals the
 * step. */
#include "base/clock.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "json/json.h"
#include <math.h>
#include <string.h>

static const double ttl_max = 1000.0 * 366 * 24 * 3600;

static enum store_value_verb verb_of(const struct step *step);
static int take_ttl(void *context, struct slice name, struct slice raw_value);
static struct slice unless_null(struct slice raw);

/* Arguments: [key], [key, value, {ttl}], [key, by], or [key, expected, new, {ttl}]; null stands for nothing. */
void effect_value(struct step *step) {
    struct slice parts[4];
    size_t count = effect_split(step, parts, 4);
    struct effect_extra *extra = count == 0 ? NULL : effect_extra(step);
    if (count == 0) {
        effect_refuse(step, "BadArguments", "the arguments are not those of the operation");
        return;
    }
    if (extra == NULL) {
        return;
    }
    enum store_value_verb verb = verb_of(step);
    bool is_swap = verb == STORE_VALUE_SWAP;
    struct slice value = unless_null(parts[is_swap ? 2 : 1]);
    struct slice options = parts[is_swap ? 3 : 2];
    double ttl = 0;
    if (options.length > 0) {
        json_each_member(options.bytes, options.length, take_ttl, &ttl, NULL);
    }
    if (json_append_decoded(&extra->text, parts[0]) < 0 || extra->text.length == 0 ||
        extra->text.length > STORE_KEY_MOST || value.length > STORE_VALUE_MOST) {
        effect_refuse(step, "BadArguments", "a key has 1 to 1024 bytes, a value 64 KiB at most");
        return;
    }
    int64_t now = clock_wall_us();
    extra->has_value = true;
    extra->value = (struct store_value_op){.verb = verb,
                                           .key = buffer_slice(&extra->text),
                                           .value = value,
                                           .expected = is_swap ? unless_null(parts[1]) : (struct slice){NULL, 0},
                                           .now_us = now,
                                           .expires_us = ttl > 0 ? now + (int64_t)(fmin(ttl, ttl_max) * 1e6) : 0};
    journal_answer(step);
}

static enum store_value_verb verb_of(const struct step *step) {
    static const struct {
        const char *operation;
        enum store_value_verb verb;
    } verbs[] = {{"state.get", STORE_VALUE_GET},
                 {"state.set", STORE_VALUE_SET},
                 {"state.delete", STORE_VALUE_DELETE},
                 {"state.increment", STORE_VALUE_INCREMENT},
                 {"state.compare_and_set", STORE_VALUE_SWAP}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (slice_is(buffer_slice(&step->operation), verbs[i].operation)) {
            return verbs[i].verb;
        }
    }
    return STORE_VALUE_GET;
}

static int take_ttl(void *context, struct slice name, struct slice raw_value) {
    if (slice_is(name, "ttl")) {
        *(double *)context = effect_number(raw_value, 0);
    }
    return 0;
}

static struct slice unless_null(struct slice raw) {
    return slice_is(raw, "null") ? (struct slice){NULL, 0} : raw;
}
