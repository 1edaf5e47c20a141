/* Samples: well-formed events, made from the catalogue, for emit, try, catalog, the kit and the tests.
 *
 *     struct event_sample sample = {.type = type, .id = "e-1", .time = "2026-03-02T08:15:04.1200000Z"};
 *     event_sample_append(&body, &sample);      // one element; of Event Grid's schema
 */
#ifndef EVENT_SAMPLE_H
#define EVENT_SAMPLE_H

#include "base/buffer.h"
#include "event/catalogue.h"
#include <stdbool.h>

/* When the samples' events were sent, as it were. */
#define EVENT_SAMPLE_TIME "2026-03-02T08:15:04.1200000Z"

struct event_sample {
    const struct event_type *type;
    const char *id, *time;
    struct slice data; /* a JSON object instead of the type's sample data; unset: that */
    bool is_cloud;     /* CloudEvents 1.0 instead of Event Grid's schema */
};

/* The type's data: every field with its sample, as one JSON object. 0, or -1 when the buffer cannot take it. */
int event_sample_data(struct buffer *out, const struct event_type *type);
/* The whole event; the subject is made by the type's form from the ids in its data. -1 also when `data` is no
 * JSON object. */
int event_sample_append(struct buffer *out, const struct event_sample *sample);

#endif
