#include "event/catalogue.h"
#include "event/event.h"
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What differs between the two schemas. */
struct naming {
    struct slice type, source, time;
};

/* One element while it is read: only at its end is it known which schema it has. */
struct element {
    struct event event;
    struct naming grid, cloud;
    struct slice specversion;
    struct slice old_expires; /* data.expiryTimeUtc: stands in where there is no data.expiresOn */
};

enum member_kind {
    MEMBER_TEXT, /* its text is kept in the element, at `offset` */
    MEMBER_DATA, /* the object whose members the second table names */
    MEMBER_OTHER /* known, so that it may not come twice */
};

enum { GRID = 1, CLOUD = 2, BOTH = GRID | CLOUD };

struct member {
    struct slice name;
    unsigned schemas; /* that know it: to the others it is one of the sender's own, and means nothing */
    enum member_kind kind;
    size_t offset;
};

#define NAME(text)                                                                                                \
    { (text), sizeof(text) - 1 }
#define TEXT_AT(field) MEMBER_TEXT, offsetof(struct element, field)

/* At most 32. Names of attributes: CloudEvents 1.0 and its JSON event format (github.com/cloudevents/spec). */
static const struct member members[] = {
    {NAME("specversion"), CLOUD, TEXT_AT(specversion)}, /* the first: see SPECVERSION */
    {NAME("id"), BOTH, TEXT_AT(event.id)},
    {NAME("subject"), BOTH, TEXT_AT(event.subject)},
    {NAME("data"), BOTH, MEMBER_DATA, 0},
    {NAME("eventType"), GRID, TEXT_AT(grid.type)},
    {NAME("topic"), GRID, TEXT_AT(grid.source)},
    {NAME("eventTime"), GRID, TEXT_AT(grid.time)},
    {NAME("dataVersion"), GRID, MEMBER_OTHER, 0},
    {NAME("metadataVersion"), GRID, MEMBER_OTHER, 0},
    {NAME("type"), CLOUD, TEXT_AT(cloud.type)},
    {NAME("source"), CLOUD, TEXT_AT(cloud.source)},
    {NAME("time"), CLOUD, TEXT_AT(cloud.time)},
    {NAME("datacontenttype"), CLOUD, MEMBER_OTHER, 0},
    {NAME("dataschema"), CLOUD, MEMBER_OTHER, 0},
    {NAME("data_base64"), CLOUD, MEMBER_OTHER, 0},
    {{NULL, 0}, 0, MEMBER_OTHER, 0},
};
enum { SPECVERSION = 1 << 0 };

/* Those of ids and of the deadlines that the catalogue's types have, in all spellings. */
static const struct member data_members[] = {
    {NAME("jobId"), BOTH, TEXT_AT(event.job)},
    {NAME("workerId"), BOTH, TEXT_AT(event.worker)},
    {NAME("expiresOn"), BOTH, TEXT_AT(event.expires)},
    {NAME("expiryTimeUtc"), BOTH, TEXT_AT(old_expires)},
    {NAME("validationCode"), BOTH, TEXT_AT(event.validation_code)},
    {NAME("validationUrl"), BOTH, TEXT_AT(event.validation_url)},
    {NAME("eventSubscriptionId"), BOTH, TEXT_AT(event.subscription)},
    {{NULL, 0}, 0, MEMBER_OTHER, 0},
};

struct reading {
    struct envelope *envelope;
    const char *body;
    struct json_error *error;
    const struct json_place *place;
    struct json_place begin; /* where the element began */
    size_t depth;            /* open arrays and objects */
    size_t element_depth;    /* 1 in an array of elements, 0 for a single one */
    struct element element;
    uint32_t seen, twice; /* members that the element has had, once or more: bit i for members[i] */
    bool is_data_next;    /* the value of `data` comes next */
    bool is_in_data;      /* inside it, at any depth */
    struct slice *target; /* where the text goes that comes next, or NULL */
    struct buffer compact;
};

static void begin_element(struct reading *reading, bool is_object);
static int end_element(struct reading *reading);
static void take_names(struct event *event, const struct naming *names);
static const char *why_malformed(const struct reading *reading);
static int digest_element(struct reading *reading);
static uint64_t lane_of(const struct event *event, const struct event_type *type);
static int add_event(struct envelope *envelope, const struct event *event);
static int keep_text(struct reading *reading, struct slice *target, struct slice text);
static struct buffer *add_text(struct envelope *envelope);
static const struct member *find_member(const struct member *table, struct slice name);
static int refuse(struct json_error *error, size_t offset, const char *why);

static void take_place(void *context, const struct json_place *place) {
    struct reading *reading = context;
    reading->place = place;
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
        member = find_member(members, name);
        reading->is_data_next = member != NULL && member->kind == MEMBER_DATA;
        if (member != NULL) {
            uint32_t bit = UINT32_C(1) << (member - members);
            reading->twice |= reading->seen & bit;
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
        return refuse(reading->error, reading->place->begin, "neither an array of events nor an event");
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
    .begin = take_place,
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

bool event_is_local(struct slice type) {
    const struct slice prefix = slice_of(EVENT_LOCAL_PREFIX);
    return type.length >= prefix.length &&
           slice_equal_ignoring_case(slice_make(type.bytes, prefix.length), prefix);
}

static void begin_element(struct reading *reading, bool is_object) {
    reading->element = (struct element){0};
    reading->element.event.malformed = is_object ? NULL : "the element is no object";
    reading->begin = *reading->place;
    reading->seen = reading->twice = 0;
    reading->is_data_next = false;
    reading->is_in_data = false;
}

static int end_element(struct reading *reading) {
    struct event *event = &reading->element.event;
    event->raw = slice_make(reading->body + reading->begin.begin, reading->place->end - reading->begin.begin);
    event->is_cloud = (reading->seen & SPECVERSION) != 0;
    take_names(event, event->is_cloud ? &reading->element.cloud : &reading->element.grid);
    event->malformed = why_malformed(reading);
    if (event->malformed != NULL) {
        *event = (struct event){.raw = event->raw, .is_cloud = event->is_cloud, .malformed = event->malformed};
    } else if (!slice_is_set(event->expires)) {
        event->expires = reading->element.old_expires;
    }
    if (!slice_is(event->type, EVENT_TYPE_VALIDATION)) {
        event->validation_code = event->validation_url = (struct slice){NULL, 0};
    }
    if (!slice_is(event->type, EVENT_TYPE_DELETION)) {
        event->subscription = (struct slice){NULL, 0};
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

static void take_names(struct event *event, const struct naming *names) {
    event->type = names->type;
    event->source = names->source;
    event->time = names->time;
}

static const char *why_malformed(const struct reading *reading) {
    const struct event *event = &reading->element.event;
    if (event->malformed != NULL) {
        return event->malformed;
    }
    for (size_t i = 0; reading->twice != 0 && slice_is_set(members[i].name); i++) {
        bool is_twice = (reading->twice >> i & 1) != 0;
        if (is_twice && (members[i].schemas & (event->is_cloud ? CLOUD : GRID)) != 0) {
            return "the event has a member twice";
        }
    }
    if (event->is_cloud && !slice_is(reading->element.specversion, "1.0")) {
        return "specversion is not \"1.0\"";
    }
    if (event->id.length == 0) {
        return "id is missing, empty or no string";
    }
    if (event->is_cloud && event->source.length == 0) {
        return "source is missing, empty or no string";
    }
    if (event->type.length == 0) {
        return event->is_cloud ? "type is missing, empty or no string"
                               : "eventType is missing, empty or no string";
    }
    return NULL;
}

/* Identity and content. What is malformed has no name: its content stands in, as one part instead of three. */
static int digest_element(struct reading *reading) {
    struct event *event = &reading->element.event;
    struct slice tokens = event->raw;
    if (reading->place->blanks != reading->begin.blanks) {
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
    if (text.length == reading->place->end - reading->place->begin - 2) {
        *target = slice_make(reading->body + reading->place->begin + 1, text.length);
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

static const struct member *find_member(const struct member *table, struct slice name) {
    for (const struct member *member = table; slice_is_set(member->name); member++) {
        if (slice_equal(name, member->name)) {
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
