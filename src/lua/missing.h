/* What scripts look for in the shared tables and do not find. Reading it gives nil, as Lua has it; but when the
 * script then fails, the message can name the nearest right name.
 *
 *     router.jobs.activte(id)     -- "attempt to call a nil value (field 'activte')"
 *     missing_push(L, slice_of("activte"))   // true; pushes "router.jobs" and "activate"
 */
#ifndef LUA_MISSING_H
#define LUA_MISSING_H

#include "base/slice.h"
#include <lua.h>
#include <stdbool.h>

/* For the shared table on the top, which scripts know as `name`; "": the globals. Before any script runs. */
void missing_watch(lua_State *L, const char *name);

/* Whether `name` is what a script looked for last. Then pushes the name of the table, and the nearest name that
 * there is (for a global the run's own count as well), or nil. May raise, without memory. */
bool missing_push(lua_State *L, struct slice name);

/* Pushes the key of the table at `index` that is nearest to `name`, or nil. */
void missing_push_nearest(lua_State *L, int index, struct slice name);

#endif
