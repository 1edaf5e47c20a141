/* Members of a JSON object, as all of this room's answers write them. An unset text and the time 0 are null. */
#ifndef ADMIN_PUT_H
#define ADMIN_PUT_H

#include "base/slice.h"
#include "json/out.h"
#include <stdint.h>

void admin_put_text(struct json_out *out, const char *name, struct slice text);
/* A text that a script or a stranger made: bytes that are no UTF-8 are shown as \xNN. */
void admin_put_words(struct json_out *out, const char *name, struct slice text);
void admin_put_integer(struct json_out *out, const char *name, int64_t value);
void admin_put_time(struct json_out *out, const char *name, int64_t wall_us);

#endif
