/* Where a script is: tracebacks and single places, in the script's terms. Nothing here raises or allocates in Lua:
 * all of it may be used on a coroutine that has just died of memory. */
#ifndef LUA_TRACE_H
#define LUA_TRACE_H

#include "base/buffer.h"
#include <lua.h>
#include <stdbool.h>

/* Appends a line per frame ("\tRouterJobQueued.lua:12: in function 'choose'\n"), innermost first; C functions that
 * have no name for scripts are left out, and so is the middle of a very long traceback. Where a C function raised
 * a branch's error again (the branch is its first value, sandbox.h), the branch's own trace goes before it. */
void trace_append(lua_State *L, struct buffer *out);

/* Appends "RouterJobQueued.lua:12: in function 'choose'" for the innermost frame of a script; false: there is
 * none. */
bool trace_append_place(lua_State *L, struct buffer *out);

/* Appends "RouterJobQueued.lua:12: ", or nothing: the innermost script's frame, for messages that lack a place. */
void trace_append_line(lua_State *L, struct buffer *out);

/* Raises "bad argument 'NAME' to FUNCTION: expected WANTED, got ..." about the value at `index`, with the script's
 * place. */
int trace_misuse(lua_State *L, const char *function, const char *name, const char *wanted, int index);

/* Raises when `function`, such as "log.info", was called as log:info(...): its own table is the first argument,
 * which is at `index`. */
void trace_check_dot(lua_State *L, const char *function, int index);

#endif
