/* CloudEvents in binary mode: attributes come as HTTP headers, the data is the body. What is stored of such a
 * delivery is the structured event that says the same: the attributes as strings (the required ones first, the
 * others by name, so that the order of headers makes no other event), the Content-Type as `datacontenttype`,
 * and the body's bytes, verbatim, as `data`. From there on it is read like any other.
 *
 * Facts: CloudEvents 1.0, HTTP protocol binding, sections 3.1 and 3.1.3 (github.com/cloudevents/spec): header
 * names are `ce-` and the attribute's name; values are percent-encoded UTF-8, perhaps in quotes.
 *
 *     struct cloud_event cloud = {0};
 *     for each header: cloud_take(&cloud, name, value);       // keeps the slices of ce- headers
 *     if (cloud_is_binary(&cloud)) {
 *         if (cloud_check(&cloud, &error) < 0) -> 400 with error.message, or ERROR_MEMORY
 *         if (cloud_compose(&cloud, type, body, &out, &where) < 0) -> as envelope_read
 *     }
 *
 * Any thread; nothing to free.
 */
#ifndef EVENT_CLOUD_H
#define EVENT_CLOUD_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "json/json.h"
#include <stdbool.h>
#include <stddef.h>

enum { CLOUD_ATTRIBUTES = 64 }; /* with the four required ones; what senders add are a few */

struct cloud_header {
    struct slice name; /* without ce- */
    struct slice value;
};

struct cloud_event {
    struct cloud_header headers[CLOUD_ATTRIBUTES];
    size_t count;
    bool has_too_many;
};

void cloud_take(struct cloud_event *cloud, struct slice name, struct slice value);
/* Whether one of the required attributes came as a header. */
bool cloud_is_binary(const struct cloud_event *cloud);
/* 0, or -1: a required attribute is missing or empty, another version, one attribute twice, a name or a value that
 * cannot be one. */
int cloud_check(const struct cloud_event *cloud, struct error *error);
/* Appends the structured event to the empty `out`, whose limit the caller leaves to it. Needs a checked `cloud`,
 * and orders its headers. An empty body: no data. -1 when the body is no JSON, with the place in it, or without
 * memory (offset SIZE_MAX). */
int cloud_compose(struct cloud_event *cloud, struct slice content_type, struct slice body, struct buffer *out,
                  struct json_error *where);

#endif
