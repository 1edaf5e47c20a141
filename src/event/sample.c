#include "event/sample.h"
#include "event/event.h"
#include "json/json.h"
#include "json/out.h"
#include <stdio.h>

#define TOPIC                                                                                                     \
    "/subscriptions/5b0d5c1e-93a7-4f5e-8a4b-0c3e7f2d6a18/resourceGroups/routing/providers/"                       \
    "Microsoft.Communication/communicationServices/contoso"

/* A subject is looked for an id at a time. */
struct wanted {
    struct slice name;
    struct buffer *out;
    size_t begin; /* of the id in `out` */
};

static int append_subject(struct buffer *out, const struct event_type *type, struct slice data);
static int put_id(void *context, struct slice name, struct slice raw);
static int ignore(void *context, struct slice name, struct slice raw);
static void put_envelope(struct buffer *out, const struct event_sample *sample, struct slice subject,
                         struct slice data);

int event_sample_data(struct buffer *out, const struct event_type *type) {
    struct json_out data = json_out(out);
    json_out_begin(&data, '{');
    for (const struct event_field *field = type->fields; field->name != NULL; field++) {
        json_out_name(&data, field->name);
        json_out_raw(&data, slice_of(field->sample));
    }
    json_out_end(&data, '}');
    return out->is_broken ? -1 : 0;
}

int event_sample_append(struct buffer *out, const struct event_sample *sample) {
    struct buffer made, subject;
    int result = -1;
    buffer_init(&made, out->limit);
    buffer_init(&subject, out->limit);
    struct slice data = sample->data;
    if (!slice_is_set(data)) {
        if (event_sample_data(&made, sample->type) < 0) {
            goto out;
        }
        data = buffer_slice(&made);
    }
    if (json_each_member(data.bytes, data.length, ignore, NULL, NULL) < 0 ||
        append_subject(&subject, sample->type, data) < 0) {
        goto out;
    }
    put_envelope(out, sample, buffer_slice(&subject), data);
    result = out->is_broken ? -1 : 0;
out:
    buffer_reset(&made);
    buffer_reset(&subject);
    return result;
}

/* The type's form with the ids of the data; one that the data does not have as a text is empty. */
static int append_subject(struct buffer *out, const struct event_type *type, struct slice data) {
    for (const char *at = type->subject; *at != '\0';) {
        size_t plain = strcspn(at, "{");
        buffer_append(out, at, plain);
        at += plain;
        if (*at == '{') {
            size_t length = strcspn(++at, "}");
            struct wanted wanted = {slice_make(at, length), out, out->length};
            if (json_each_member(data.bytes, data.length, put_id, &wanted, NULL) < 0) {
                return -1;
            }
            at += length + 1;
        }
    }
    return out->is_broken ? -1 : 0;
}

static int put_id(void *context, struct slice name, struct slice raw) {
    const struct wanted *wanted = context;
    if (!slice_equal(name, wanted->name)) {
        return 0;
    }
    buffer_truncate(wanted->out, wanted->begin); /* of two members of one name the later counts */
    return raw.bytes[0] == '"' ? json_append_decoded(wanted->out, raw) : 0;
}

static int ignore(void *context, struct slice name, struct slice raw) {
    (void)context, (void)name, (void)raw;
    return 0;
}

static void put_envelope(struct buffer *out, const struct event_sample *sample, struct slice subject,
                         struct slice data) {
    struct json_out json = json_out(out);
    char type[128];
    (void)snprintf(type, sizeof type, EVENT_TYPE_PREFIX "%s", sample->type->name);
    json_out_begin(&json, '{');
    json_out_name(&json, "id");
    json_out_text(&json, slice_of(sample->id));
    json_out_name(&json, sample->is_cloud ? "source" : "topic");
    json_out_text(&json, slice_of(TOPIC));
    json_out_name(&json, "subject");
    json_out_text(&json, slice_is_set(subject) ? subject : slice_of(""));
    json_out_name(&json, sample->is_cloud ? "type" : "eventType");
    json_out_text(&json, slice_of(type));
    json_out_name(&json, sample->is_cloud ? "time" : "eventTime");
    json_out_text(&json, slice_of(sample->time));
    json_out_name(&json, "data");
    json_out_raw(&json, data);
    if (sample->is_cloud) {
        json_out_name(&json, "specversion");
        json_out_text(&json, slice_of("1.0"));
    } else {
        json_out_name(&json, "dataVersion");
        json_out_text(&json, slice_of("1.0"));
        json_out_name(&json, "metadataVersion");
        json_out_text(&json, slice_of("1"));
    }
    json_out_end(&json, '}');
}
