/* What the command catalog prints: the catalogue of events as text, as JSON, and as the page docs/events.md.
 * Private to the room. */
#ifndef CLI_CATALOG_H
#define CLI_CATALOG_H

#include "base/buffer.h"
#include "event/catalogue.h"

/* "text", "list of WorkerSelector", ...: of the field, in words. `out` is for those that are put together. */
const char *catalog_kind(const struct event_field *field, char *out, size_t size);
/* One word of enum event_source: schema, sample, page or preview. */
const char *catalog_source(unsigned source);
/* ", "-separated; all that the mask has. */
void catalog_put_sources(struct buffer *out, unsigned sources);
void catalog_put_values(struct buffer *out, const char *const *values);
/* The other spellings of the field, ", "-separated; those of 2021 with the year. */
void catalog_put_spellings(struct buffer *out, const struct event_alias *aliases, const char *name);
/* What lane and deadline are, in words. */
const char *catalog_lane(const struct event_type *type);
/* The models that the fields have, and those that these have. */
enum { CATALOG_MODELS = 8 };
size_t catalog_models(const struct event_field *fields, const struct event_model *models[CATALOG_MODELS]);

/* Each appends to `out`, which says whether it could be (is_broken). `type` NULL: all. */
void catalog_put_json(struct buffer *out, const struct event_type *type);
void catalog_put_page(struct buffer *out);
/* One type: a table of its fields, its models, and a sample event. */
void catalog_put_type(struct buffer *out, const struct event_type *type);
void catalog_put_types(struct buffer *out);

#endif
