/* JSON into Lua values, by the strict reader's one pass, with no tree in between.
 *
 * Objects and arrays are tables; an array carries a mark, so that an empty one stays an array on its way back.
 * Integers that fit 64 bits are Lua integers. A null member is absent; a null in an array, or alone, is json.null
 * (a light userdata of NULL). Of members of the same name the last counts. */
#ifndef LUA_JSON_IN_H
#define LUA_JSON_IN_H

#include "base/slice.h"
#include "json/json.h"
#include <lua.h>

/* Pushes the value and returns 0; or pushes nothing and returns -1 with the error. Raises Lua's memory error, with
 * nothing left behind, when the run's memory does not suffice. */
int json_in_push(lua_State *L, struct slice text, struct json_error *error);
/* The same in a state that is no sandbox, whose memory nobody limits. */
int json_in_push_unlimited(lua_State *L, struct slice text, struct json_error *error);

#endif
