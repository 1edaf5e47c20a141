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

/* As want_effect, but `then` takes the answer: it returns want_give, or does what the host says is not done yet.
 * */
int want_then(lua_State *L, const char *operation, struct slice arguments, lua_KFunction then);
bool want_is_not_yet(lua_State *L);
/* What a binding returns or raises for the answer that has come. */
int want_give(lua_State *L, const char *operation);

/* First in a binding: raises when it was called as router.jobs:get(id), and unless the run can wait here; then
 * want_drop_about. */
void want_begin(lua_State *L, const char *operation, int values);

/* cancel(state.get "timer") passes on both of the inner call's values: the second is the table with status, etag
 * and repeated, and it was not meant. Takes it off the end, behind the first `values` arguments. */
void want_drop_about(lua_State *L, int values);

/* Once per state. */
void want_open(lua_State *L);

#endif
