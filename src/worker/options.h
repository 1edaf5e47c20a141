/* What a script returns: a function, or a table with `handle` and its options. Private to the room. */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "base/buffer.h"
#include <lua.h>

enum { OPTIONS_MAX = 64 * 1024 };

/* Checks the value on the top, which the chunk at `chunk` returned, and appends its options as JSON; raises, with
 * "path:line: ", when it is no handler. */
void options_check(lua_State *L, int chunk, const char *path, struct buffer *out);

#endif
