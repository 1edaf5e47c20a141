/* How a binding asks for an effect. Private to the room.
 *
 *     static int activate(lua_State *L) {
 *         ... build the arguments: a canonical JSON array ...
 *         return want_effect(L, "router.jobs.activate", buffer_slice(arguments));
 *     }
 *
 * The branch gives way until the answer is there. Then the function returns the answer's value and a table with
 * status, etag and repeated; or raises the error value (raised.h). Where Lua cannot wait, it raises at once and
 * says which function is in the way. */
#ifndef WORKER_WANT_H
#define WORKER_WANT_H

#include "base/slice.h"
#include <lua.h>
#include <stdbool.h>

/* `operation` outlives the worker. */
int want_effect(lua_State *L, const char *operation, struct slice arguments);

/* As want_effect, but `then` takes the answer: to return want_give, or to do what the host says is not done yet. */
int want_then(lua_State *L, const char *operation, struct slice arguments, lua_KFunction then);
bool want_is_not_yet(lua_State *L);
/* What a binding returns or raises for the answer that has come. */
int want_give(lua_State *L, const char *operation);

/* Raises unless the run can wait here: for bindings that have work to do before they know what they want. */
void want_check(lua_State *L, const char *operation);

#endif
