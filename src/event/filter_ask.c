#include "event/condition.h"
#include "event/event.h"
#include "json/json.h"
#include <string.h>

enum state { STATE_MISSING, STATE_PRESENT, STATE_HIT };

/* The members at the top that the filter looks at besides its conditions. */
enum top { TOP_OTHER, TOP_SUBJECT, TOP_GRID_TYPE, TOP_CLOUD_TYPE };

/* One pass over one event. */
struct asking {
    const struct filter *filter;
    const char *bytes;
    const struct json_place *place;
    size_t depth;                    /* open objects and arrays */
    size_t list_depth;               /* `depth` inside the outermost open array; 0: none is open */
    uint8_t matched[FILTER_WATCHES]; /* how many of its names lead to where the pass is, or did */
    uint8_t states[FILTER_WATCHES];
    enum top top; /* which one comes next */
    bool is_cloud;
    bool is_subject_right;
    struct {
        bool is_included;
        const struct event_type *type;
    } grid, cloud; /* by `eventType`, and by `type` */
};

static int note(struct asking *asking, const struct value *value);
static void forget_top(struct asking *asking, enum top top);
static void note_top(struct asking *asking, const struct value *value);
static bool is_here(const struct asking *asking, size_t watch);
static enum filter_verdict decide(const struct asking *asking);
static enum state state_of(const struct asking *asking, size_t condition);
static enum state state_under(const struct asking *asking, size_t condition, const char *other);

static void take_place(void *context, const struct json_place *place) {
    ((struct asking *)context)->place = place;
}

/* A value that has no scalar for the conditions: it is there, that is all. */
static int on_begin(struct asking *asking, bool is_list) {
    if (asking->depth == 0 && is_list) {
        return -1;
    }
    if (asking->list_depth == 0) {
        (void)note(asking, NULL);
    }
    asking->depth++;
    if (is_list && asking->list_depth == 0) {
        asking->list_depth = asking->depth;
    }
    return 0;
}

static int on_object_begin(void *context) {
    return on_begin(context, false);
}

static int on_array_begin(void *context) {
    return on_begin(context, true);
}

static int on_end(void *context) {
    struct asking *asking = context;
    if (asking->list_depth == asking->depth) {
        asking->list_depth = 0;
    }
    asking->depth--;
    return 0;
}

static int on_name(void *context, struct slice name) {
    struct asking *asking = context;
    const struct filter *filter = asking->filter;
    if (asking->list_depth > 0) {
        return 0;
    }
    size_t segment = asking->depth - 1;
    for (size_t i = 0; i < filter->watch_count; i++) {
        const struct watch *watch = &filter->watches[i];
        if (asking->matched[i] < segment) {
            continue;
        }
        asking->matched[i] = (uint8_t)segment;
        if (segment < filter->conditions[watch->condition].depth && watch_is_named(filter, watch, segment, name)) {
            asking->matched[i] = (uint8_t)(segment + 1);
            asking->states[i] = STATE_MISSING; /* of two members of one name the later counts */
        }
    }
    if (segment == 0) {
        asking->top = slice_is(name, "subject")     ? TOP_SUBJECT
                      : slice_is(name, "eventType") ? TOP_GRID_TYPE
                      : slice_is(name, "type")      ? TOP_CLOUD_TYPE
                                                    : TOP_OTHER;
        asking->is_cloud |= slice_is(name, "specversion");
        forget_top(asking, asking->top);
    }
    return 0;
}

static int on_string(void *context, struct slice text) {
    const struct value value = {.kind = VALUE_TEXT, .text = text};
    return note(context, &value);
}

static int on_number(struct asking *asking, struct number number) {
    const struct json_place *place = asking->place;
    const struct value value = {.kind = VALUE_NUMBER,
                                .text = slice_make(asking->bytes + place->begin, place->end - place->begin),
                                .number = number};
    return note(asking, &value);
}

static int on_integer(void *context, int64_t value) {
    return on_number(context, (struct number){.is_integer = true, .integer = value, .real = (double)value});
}

static int on_real(void *context, double value) {
    return on_number(context, (struct number){.real = value});
}

static int on_boolean(void *context, bool boolean) {
    const struct value value = {.kind = VALUE_BOOLEAN, .boolean = boolean};
    return note(context, &value);
}

/* As if it were not there; only an event must not be null. */
static int on_null(void *context) {
    const struct asking *asking = context;
    return asking->depth == 0 ? -1 : 0;
}

enum filter_verdict filter_ask(const struct filter *filter, struct slice event) {
    static const struct json_listener listener = {
        .object_begin = on_object_begin,
        .object_end = on_end,
        .array_begin = on_array_begin,
        .array_end = on_end,
        .name = on_name,
        .string = on_string,
        .integer = on_integer,
        .number = on_real,
        .boolean = on_boolean,
        .null = on_null,
        .begin = take_place,
    };
    struct asking asking = {.filter = filter, .bytes = event.bytes};
    forget_top(&asking, TOP_SUBJECT);
    forget_top(&asking, TOP_GRID_TYPE);
    forget_top(&asking, TOP_CLOUD_TYPE);
    if (json_read(event.bytes, event.length, NULL, &listener, &asking, NULL) < 0) {
        return FILTER_UNREADABLE;
    }
    return decide(&asking);
}

/* A value at the place where the pass is; NULL: an object or an array. */
static int note(struct asking *asking, const struct value *value) {
    if (asking->depth == 0) {
        return value == NULL ? 0 : -1;
    }
    if (asking->depth == 1 && asking->top != TOP_OTHER && value != NULL) {
        note_top(asking, value);
    }
    if (asking->list_depth > 0 && (asking->list_depth != asking->depth || !asking->filter->looks_into_arrays)) {
        return 0;
    }
    for (size_t i = 0; i < asking->filter->watch_count; i++) {
        if (is_here(asking, i) && asking->states[i] != STATE_HIT) {
            const struct condition *condition = &asking->filter->conditions[asking->filter->watches[i].condition];
            asking->states[i] = condition_hits(condition, value) ? STATE_HIT : STATE_PRESENT;
        }
    }
    return 0;
}

/* As if that member were not there. */
static void forget_top(struct asking *asking, enum top top) {
    const struct filter *filter = asking->filter;
    switch (top) {
    case TOP_SUBJECT:
        asking->is_subject_right = filter->subject_begins.length == 0 && filter->subject_ends.length == 0;
        break;
    case TOP_GRID_TYPE:
        asking->grid.is_included = filter->type_count == 0;
        asking->grid.type = NULL;
        break;
    case TOP_CLOUD_TYPE:
        asking->cloud.is_included = filter->type_count == 0;
        asking->cloud.type = NULL;
        break;
    default: break;
    }
}

static void note_top(struct asking *asking, const struct value *value) {
    const struct filter *filter = asking->filter;
    if (asking->top == TOP_SUBJECT) {
        asking->is_subject_right = value->kind == VALUE_TEXT &&
                                   pattern_begins(&filter->subject_begins, value->text) &&
                                   pattern_ends(&filter->subject_ends, value->text);
    } else if (value->kind == VALUE_TEXT) {
        bool is_included = filter_includes(filter, value->text);
        const struct event_type *type = event_find_type(event_short_name(value->text));
        if (asking->top == TOP_GRID_TYPE) {
            asking->grid.is_included = is_included;
            asking->grid.type = type;
        } else {
            asking->cloud.is_included = is_included;
            asking->cloud.type = type;
        }
    }
}

/* Whether all names of the place, and no more, lead here; an array's elements are where the array is. */
static bool is_here(const struct asking *asking, size_t watch) {
    size_t names = asking->depth - (asking->list_depth > 0 ? 1 : 0);
    return asking->matched[watch] == names &&
           asking->filter->conditions[asking->filter->watches[watch].condition].depth == names;
}

static enum filter_verdict decide(const struct asking *asking) {
    const struct filter *filter = asking->filter;
    bool is_included = asking->is_cloud ? asking->cloud.is_included : asking->grid.is_included;
    if (!is_included || !asking->is_subject_right) {
        return FILTER_REFUSES;
    }
    for (size_t i = 0; i < filter->count; i++) {
        const struct rule *rule = filter->conditions[i].rule;
        enum state state = state_of(asking, i);
        bool passes = state == STATE_MISSING ? rule->passes_missing : (state == STATE_HIT) != rule->is_negated;
        if (!passes) {
            return FILTER_REFUSES;
        }
    }
    return FILTER_PASSES;
}

/* Under its key; or, where its type has other spellings of that, under the first of them that was sent. */
static enum state state_of(const struct asking *asking, size_t condition) {
    const struct condition *about = &asking->filter->conditions[condition];
    if (asking->is_cloud ? !about->is_in_cloud : !about->is_in_grid) {
        return STATE_MISSING;
    }
    enum state state = (enum state)asking->states[condition];
    const struct event_type *type = asking->is_cloud ? asking->cloud.type : asking->grid.type;
    const char *field = type == NULL || about->depth < 2 || state != STATE_MISSING
                            ? NULL
                            : spelling_field(type, about->segments[1]);
    if (field == NULL) {
        return state;
    }
    state = state_under(asking, condition, field);
    for (const struct event_alias *alias = type->aliases; alias->other != NULL && state == STATE_MISSING;
         alias++) {
        if (strcmp(alias->name, field) == 0) {
            state = state_under(asking, condition, alias->other);
        }
    }
    return state;
}

static enum state state_under(const struct asking *asking, size_t condition, const char *other) {
    const struct filter *filter = asking->filter;
    for (size_t i = filter->count; i < filter->watch_count; i++) {
        if (filter->watches[i].condition == condition && strcmp(filter->watches[i].other, other) == 0) {
            return (enum state)asking->states[i];
        }
    }
    return STATE_MISSING;
}
