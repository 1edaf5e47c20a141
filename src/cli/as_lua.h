/* JSON shown as a person would write it in a script: { jobId = "j1", 1, 2 }. */
#ifndef CLI_AS_LUA_H
#define CLI_AS_LUA_H

#include "base/buffer.h"
#include "json/tree.h"

/* Control characters are shown, not sent. What is nested deeper than JSON_DEPTH cannot be in a tree. */
void as_lua_append(struct buffer *out, const struct json *value);
/* The same from the text; as it is when that cannot be read. Empty: nil. */
void as_lua_append_text(struct buffer *out, struct slice json);
/* The elements of the JSON array, with commas: a call's arguments. nulls at the end are left out. */
void as_lua_append_arguments(struct buffer *out, struct slice json);

#endif
