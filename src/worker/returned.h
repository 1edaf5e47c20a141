/* The typo in a script's last line: `return handel`. Private to the room. */
#ifndef WORKER_RETURNED_H
#define WORKER_RETURNED_H

#include "base/slice.h"
#include <lua.h>
#include <stdbool.h>

/* Of a script that ran just now and returned nil: whether its text ends in the return of a global that is not
 * there. Then pushes that name, and the nearest of the script's own variables and of the globals, or nil. May
 * raise, without memory. */
bool returned_push_missing(lua_State *L, struct slice text);

#endif
