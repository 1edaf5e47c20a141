/* The arguments of a step: Lua values into a canonical JSON array. Private to the room.
 *
 *     struct buffer *out = arguments_begin(L, "state.get");
 *     arguments_add(L, out, "state.get", "key", 1);
 *     return want_effect(L, "state.get", arguments_end(L, out, "state.get"));
 *
 * The buffer is the sandbox's scratch: no Lua is called in between. What cannot be written raises, and the error
 * names the operation and the argument. */
#ifndef WORKER_ARGUMENTS_H
#define WORKER_ARGUMENTS_H

#include "base/buffer.h"
#include <lua.h>

struct buffer *arguments_begin(lua_State *L);
void arguments_add(lua_State *L, struct buffer *out, const char *operation, const char *name, int index);
struct slice arguments_end(lua_State *L, struct buffer *out, const char *operation);

/* Raises unless the value at `index` is a number of seconds, from 0 to a year. */
void arguments_check_seconds(lua_State *L, const char *operation, int index);

#endif
