#include "host/copy.h"
#include "event/event.h"
#include <stdlib.h>
#include <string.h>

static struct copy *make(uint64_t lane, int64_t received_us, struct slice raw, struct slice type,
                         struct slice subject);
static struct slice put(char **place, struct slice text);

struct copy *copy_of_event(const struct store_event *event, int64_t received_us) {
    struct slice subject = event->job.length > 0      ? event->job
                           : event->worker.length > 0 ? event->worker
                                                      : event->subject;
    return make(event->lane, received_us, event->raw, event->type, subject);
}

struct copy *copy_of_record(const struct store_record *record) {
    struct slice subject = record->job.length > 0      ? record->job
                           : record->worker.length > 0 ? record->worker
                                                       : record->subject;
    return make(record->lane, record->received_us, record->raw, record->type, subject);
}

static struct copy *make(uint64_t lane, int64_t received_us, struct slice raw, struct slice type,
                         struct slice subject) {
    size_t size = sizeof(struct copy) + raw.length + type.length + subject.length + 3;
    struct copy *copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    char *place = copy->bytes;
    *copy = (struct copy){.lane = lane, .received_us = received_us, .size = size};
    copy->raw = put(&place, raw);
    copy->type = put(&place, type);
    copy->short_type = event_short_name(copy->type).bytes;
    copy->subject = put(&place, subject).bytes;
    return copy;
}

/* With a '\0' behind it. */
static struct slice put(char **place, struct slice text) {
    struct slice kept = slice_make(*place, text.length);
    if (text.length > 0) {
        memcpy(*place, text.bytes, text.length);
    }
    (*place)[text.length] = '\0';
    *place += text.length + 1;
    return kept;
}
