/* Texts with secrets in them, as scripts hold them: secret "CRM_TOKEN", "Bearer " .. secret "CRM_TOKEN",
 * http.basic("bob", secret "PASSWORD"). Private to the room.
 *
 * A worker knows the names of secrets and none of their values. What such a text is made of goes to the host as
 * a JSON array of parts: texts, which are JSON strings whatever they hold, and objects that name a secret:
 *
 *     "text"                                 as it is
 *     {"secret":"CRM_TOKEN"}                 the value
 *     {"basic":"bob","secret":"PASSWORD"}    base64 of "bob:" and the value
 *
 * Nothing that a script or an event holds as text, or as a table, can become such an object. */
#ifndef WORKER_SECRET_H
#define WORKER_SECRET_H

#include "base/buffer.h"
#include "base/slice.h"
#include <lua.h>
#include <stdbool.h>

bool secret_is(lua_State *L, int index);
/* The JSON array; it lives as long as the value at `index`. */
struct slice secret_parts(lua_State *L, int index);

/* For json_out_append_with: the array of parts itself, in the place of a text. */
int secret_append_parts(lua_State *L, int index, struct buffer *out);
/* For json_out_append_with, when the JSON is to be a text itself: a string in which each object stands between two
 * SECRET_MARKs, a byte that JSON never holds as such. */
enum { SECRET_MARK = 0x01 };
int secret_append_marked(lua_State *L, int index, struct buffer *out);
/* From such JSON to an array of parts. -1 when `out` cannot take it. */
int secret_split_marked(struct slice marked, struct buffer *out);

#endif
