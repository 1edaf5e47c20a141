/* Samples as if they were of now: the catalogue's are of one morning in March 2026. */
#ifndef CLI_SAMPLE_NOW_H
#define CLI_SAMPLE_NOW_H

#include "event/catalogue.h"
#include "json/tree.h"
#include <stdint.h>

/* Moves every time in the type's sample data so that its event is sent at `now_us`: what was to expire in a minute
 * does so again. -1 without memory. */
int cli_sample_now(struct json *data, const struct event_type *type, int64_t now_us);

#endif
