#include "event/catalogue.h"
#include "event/event.h"
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One element while it is read. */
struct element {
    struct event event;
    struct slice old_expires; /* data.expiryTimeUtc: stands in where there is no data.expiresOn */
};

enum member_kind {
    MEMBER_TEXT, /* its text is kept in the element, at `offset` */
    MEMBER_DATA, /* the object whose members the second table names */
    MEMBER_OTHER /* known, so that it may not come twice */
};

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
};

/* What the members of an envelope are called. Another envelope is another table. */
struct schema {
    const struct member *members; /* at most 32; a NULL name ends them */
    const char *no_id;            /* the words when it is missing, empty or no string */
    const char *no_type;
};

#define IN_EVENT(field) MEMBER_TEXT, offsetof(struct element, event.field)

static const struct member event_grid_members[] = {
    {"id", IN_EVENT(id)},
    {"eventType", IN_EVENT(type)},
    {"topic", IN_EVENT(source)},
    {"subject", IN_EVENT(subject)},
    {"eventTime", IN_EVENT(time)},
    {"data", MEMBER_DATA, 0},
    {"dataVersion", MEMBER_OTHER, 0},
    {"metadataVersion", MEMBER_OTHER, 0},
    {NULL, MEMBER_OTHER, 0},
};

static const struct schema event_grid = {
    .members = event_grid_members,
    .no_id = "id is missing, empty or no string",
    .no_type = "eventType is missing, empty or no string",
};

/* Those of ids and of the deadlines that the catalogue's types have, in all spellings. */
static const struct member data_members[] = {
    {"jobId", IN_EVENT(job)},
    {"workerId", IN_EVENT(worker)},
    {"expiresOn", IN_EVENT(expires)},
    {"expiryTimeUtc", MEMBER_TEXT, offsetof(struct element, old_expires)},
    {"validationCode", IN_EVENT(validation_code)},
    {"validationUrl", IN_EVENT(validation_url)},
    {NULL, MEMBER_OTHER, 0},
};

struct reading {
    struct envelope *envelope;
    const struct schema *schema;
    const char *body;
    struct json_error *error;
    struct json_place place;
    struct json_place begin; /* where the element began */
    size_t depth;            /* open arrays and objects */
    size_t element_depth;    /* 1 in an array of elements, 0 for a single one */
    struct element element;
    uint32_t seen;        /* members of the schema that the element has had: bit i for members[i] */
    bool is_data_next;    /* the value of `data` comes next */
    bool is_in_data;      /* inside it, at any depth */
    struct slice *target; /* where the text goes that comes next, or NULL */
    struct buffer compact;
};

static void begin_element(struct reading *reading, bool is_object);
static int end_element(struct reading *reading);
static const char *why_malformed(const struct reading *reading);
static int digest_element(struct reading *reading);
static uint64_t lane_of(const struct event *event, const struct event_type *type);
static int add_event(struct envelope *envelope, const struct event *event);
static int keep_text(struct reading *reading, struct slice *target, struct slice text);
static struct buffer *add_text(struct envelope *envelope);
static const struct member *find_member(const struct member *members, struct slice name);
static int refuse(struct json_error *error, size_t offset, const char *why);

static void on_place(void *context, const struct json_place *place) {
    struct reading *reading = context;
    reading->place = *place;
}

static int on_begin(struct reading *reading, bool is_object) {
    if (reading->depth == 0 && !is_object) {
        reading->element_depth = 1;
    } else if (reading->depth == reading->element_depth) {
        begin_element(reading, is_object);
    } else if (reading->depth == reading->element_depth + 1) {
        reading->is_in_data = is_object && reading->is_data_next;
    }
    reading->target = NULL;
    reading->depth++;
    return 0;
}

static int on_object_begin(void *context) {
    return on_begin(context, true);
}

static int on_array_begin(void *context) {
    return on_begin(context, false);
}

static int on_end(void *context) {
    struct reading *reading = context;
    reading->depth--;
    if (reading->depth == reading->element_depth + 1) {
        reading->is_in_data = false;
    }
    return reading->depth == reading->element_depth ? end_element(reading) : 0;
}

static int on_name(void *context, struct slice name) {
    struct reading *reading = context;
    const struct member *member = NULL;
    if (reading->depth == reading->element_depth + 1) {
        member = find_member(reading->schema->members, name);
        reading->is_data_next = member != NULL && member->kind == MEMBER_DATA;
        if (member != NULL) {
            uint32_t bit = UINT32_C(1) << (member - reading->schema->members);
            if ((reading->seen & bit) != 0) {
                reading->element.event.malformed = "the event has a member twice";
            }
            reading->seen |= bit;
        }
    } else if (reading->is_in_data && reading->depth == reading->element_depth + 2) {
        member = find_member(data_members, name);
    }
    reading->target = NULL;
    if (member != NULL && member->kind == MEMBER_TEXT) {
        reading->target = (struct slice *)(void *)((char *)&reading->element + member->offset);
        /* Of two members of one name in `data` the later counts, as it does in the handler's table. */
        *reading->target = (struct slice){NULL, 0};
    }
    return 0;
}

static int on_scalar(void *context) {
    struct reading *reading = context;
    reading->target = NULL;
    if (reading->depth == 0) {
        return refuse(reading->error, reading->place.begin, "neither an array of events nor an event");
    }
    if (reading->depth > reading->element_depth) {
        return 0;
    }
    begin_element(reading, false);
    return end_element(reading);
}

static int on_string(void *context, struct slice value) {
    struct reading *reading = context;
    return reading->target == NULL ? on_scalar(reading) : keep_text(reading, reading->target, value);
}

static int on_integer(void *context, int64_t value) {
    (void)value;
    return on_scalar(context);
}

static int on_number(void *context, double value) {
    (void)value;
    return on_scalar(context);
}

static int on_boolean(void *context, bool value) {
    (void)value;
    return on_scalar(context);
}

static const struct json_listener listener = {
    .object_begin = on_object_begin,
    .object_end = on_end,
    .array_begin = on_array_begin,
    .array_end = on_end,
    .name = on_name,
    .string = on_string,
    .integer = on_integer,
    .number = on_number,
    .boolean = on_boolean,
    .null = on_scalar,
    .at = on_place,
};

void envelope_init(struct envelope *envelope) {
    *envelope = (struct envelope){0};
}

void envelope_reset(struct envelope *envelope) {
    for (size_t i = 0; i < envelope->text_count; i++) {
        buffer_reset(&envelope->texts[i]);
    }
    free(envelope->texts);
    free(envelope->events);
    envelope_init(envelope);
}

int envelope_read(struct envelope *envelope, const char *body, size_t length, struct json_error *error) {
    struct json_error unwanted;
    struct reading reading = {
        .envelope = envelope,
        .schema = &event_grid,
        .body = body,
        .error = error == NULL ? &unwanted : error,
    };
    envelope_reset(envelope);
    buffer_init(&reading.compact, length);
    int result = json_read(body, length, NULL, &listener, &reading, reading.error);
    buffer_reset(&reading.compact);
    if (result == 0 && reading.element_depth == 0 && envelope->events[0].malformed != NULL) {
        result = refuse(reading.error, reading.begin.begin, envelope->events[0].malformed);
    }
    if (result < 0) {
        envelope_reset(envelope);
    }
    return result;
}

static void begin_element(struct reading *reading, bool is_object) {
    reading->element = (struct element){0};
    reading->element.event.malformed = is_object ? NULL : "the element is no object";
    reading->begin = reading->place;
    reading->seen = 0;
    reading->is_data_next = false;
    reading->is_in_data = false;
}

static int end_element(struct reading *reading) {
    struct event *event = &reading->element.event;
    event->raw = slice_make(reading->body + reading->begin.begin, reading->place.end - reading->begin.begin);
    event->malformed = why_malformed(reading);
    if (event->malformed != NULL) {
        *event = (struct event){.raw = event->raw, .malformed = event->malformed};
    } else if (!slice_is_set(event->expires)) {
        event->expires = reading->element.old_expires;
    }
    if (!slice_is(event->type, EVENT_TYPE_VALIDATION)) {
        event->validation_code = event->validation_url = (struct slice){NULL, 0};
    }
    const struct event_type *type = event_find_type(event_short_name(event->type));
    if (type != NULL && type->deadline == NULL) {
        event->expires = (struct slice){NULL, 0}; /* a member of another meaning */
    }
    event->lane = event->malformed == NULL ? lane_of(event, type) : 0;
    if (digest_element(reading) < 0) {
        return refuse(reading->error, SIZE_MAX, "no memory for an event's digest");
    }
    if (reading->envelope->count == ENVELOPE_EVENTS) {
        return refuse(reading->error, reading->begin.begin, "more events in one delivery than are allowed");
    }
    return add_event(reading->envelope, event) < 0
               ? refuse(reading->error, SIZE_MAX, "no memory for the events of a delivery")
               : 0;
}

static const char *why_malformed(const struct reading *reading) {
    const struct event *event = &reading->element.event;
    if (event->malformed != NULL) {
        return event->malformed;
    }
    if (event->id.length == 0) {
        return reading->schema->no_id;
    }
    return event->type.length == 0 ? reading->schema->no_type : NULL;
}

/* Identity and content. What is malformed has no name: its content stands in, as one part instead of three. */
static int digest_element(struct reading *reading) {
    struct event *event = &reading->element.event;
    struct slice tokens = event->raw;
    if (reading->place.blanks != reading->begin.blanks) {
        buffer_clear(&reading->compact);
        if (json_append_compact(&reading->compact, event->raw.bytes, event->raw.length) < 0) {
            return -1;
        }
        tokens = buffer_slice(&reading->compact);
    }
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    crypto_digest_part(&digest, tokens);
    crypto_digest_end(&digest, event->content);
    crypto_digest_begin(&digest);
    if (event->malformed == NULL) {
        crypto_digest_part(&digest, event->source);
        crypto_digest_part(&digest, event->type);
        crypto_digest_part(&digest, event->id);
    } else {
        crypto_digest_part(&digest, slice_make((const char *)event->content, sizeof event->content));
    }
    crypto_digest_end(&digest, event->identity);
    return 0;
}

static uint64_t lane_of(const struct event *event, const struct event_type *type) {
    /* RouterWorkerDeleted comes in two shapes, one of them with a jobId. */
    bool is_workers = type != NULL && type->lane == EVENT_LANE_WORKER;
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    if (event->job.length > 0 && !is_workers) {
        crypto_digest_part(&digest, slice_of("job"));
        crypto_digest_part(&digest, event->job);
    } else if (event->worker.length > 0) {
        crypto_digest_part(&digest, slice_of("worker"));
        crypto_digest_part(&digest, event->worker);
    } else {
        crypto_digest_part(&digest, slice_of("subject"));
        crypto_digest_part(&digest, event->source);
        crypto_digest_part(&digest, event->subject);
    }
    uint8_t out[CRYPTO_DIGEST_SIZE];
    crypto_digest_end(&digest, out);
    uint64_t lane;
    memcpy(&lane, out, sizeof lane);
    return be64toh(lane);
}

static int add_event(struct envelope *envelope, const struct event *event) {
    if (envelope->count == envelope->capacity) {
        size_t capacity = envelope->capacity == 0 ? 1 : envelope->capacity * 2;
        struct event *events = realloc(envelope->events, capacity * sizeof *events);
        if (events == NULL) {
            return -1;
        }
        envelope->events = events;
        envelope->capacity = capacity;
    }
    envelope->events[envelope->count++] = *event;
    return 0;
}

static int keep_text(struct reading *reading, struct slice *target, struct slice text) {
    reading->target = NULL;
    /* A text without escapes is as long as what stands between the quotes; an escape is always longer. */
    if (text.length == reading->place.end - reading->place.begin - 2) {
        *target = slice_make(reading->body + reading->place.begin + 1, text.length);
        return 0;
    }
    struct buffer *copy = add_text(reading->envelope);
    if (copy == NULL || buffer_append_slice(copy, text) < 0) {
        return refuse(reading->error, SIZE_MAX, "no memory for an event's text");
    }
    *target = buffer_slice(copy);
    return 0;
}

/* The buffers may move when more are added; the bytes that they hold do not. */
static struct buffer *add_text(struct envelope *envelope) {
    if (envelope->text_count == envelope->text_capacity) {
        size_t capacity = envelope->text_capacity == 0 ? 4 : envelope->text_capacity * 2;
        struct buffer *texts = realloc(envelope->texts, capacity * sizeof *texts);
        if (texts == NULL) {
            return NULL;
        }
        envelope->texts = texts;
        envelope->text_capacity = capacity;
    }
    struct buffer *text = &envelope->texts[envelope->text_count++];
    buffer_init(text, SIZE_MAX / 2);
    return text;
}

static const struct member *find_member(const struct member *members, struct slice name) {
    for (const struct member *member = members; member->name != NULL; member++) {
        if (slice_is(name, member->name)) {
            return member;
        }
    }
    return NULL;
}

static int refuse(struct json_error *error, size_t offset, const char *why) {
    error->offset = offset;
    (void)snprintf(error->message, sizeof error->message, "%s", why);
    return -1;
}
