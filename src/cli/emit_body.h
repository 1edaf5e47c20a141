/* The deliveries of `emit`: events made from the catalogue's samples and what the command line sets. */
#ifndef CLI_EMIT_BODY_H
#define CLI_EMIT_BODY_H

#include "base/buffer.h"
#include "base/error.h"
#include "event/catalogue.h"
#include "json/tree.h"
#include <stdbool.h>
#include <stddef.h>

enum { EMIT_SETTINGS = 64 };

struct emit_plan {
    const struct event_type *type;
    struct json *data;                   /* instead of the sample's; NULL: that */
    const char *settings[EMIT_SETTINGS]; /* "data.jobId=j1" */
    size_t setting_count;
    bool is_cloud;
};

/* Whether the setting has the form PATH=VALUE, with a path that can be set. */
int emit_check_setting(const struct emit_plan *plan, const char *setting, struct error *error);

/* The events `first` to `first + count - 1` (counted from 1) as one body: an array, or for a single CloudEvent the
 * object alone. */
int emit_body(const struct emit_plan *plan, size_t first, size_t count, struct buffer *out, struct error *error);

#endif
