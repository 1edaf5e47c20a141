/* What a script returns: a function, or a table with `handle` and its options. Private to the room. */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "worker/task.h"
#include <lua.h>

enum { OPTIONS_MAX = 64 * 1024 };

/* Checks the value on the top, which the chunk at `chunk`, of this text, returned just now, and keeps its filter
 * and its options as JSON in the handler; raises, with "path:line: ", when it is no handler. */
void options_check(lua_State *L, int chunk, struct slice text, struct handler *handler);

#endif
