/* The kit's C half: the Lua module `switchhook.kit.core`, on which kit.lua (src/kit/lua) stands.
 *
 * The module is loaded by the distribution's lua5.4, which has Lua inside; it takes Lua's functions from there.
 * What it makes with core.worker{} is a worker as the host's (worker/worker.h), with a Lua state of its own: the
 * same sandbox, the same functions. Between the two states values travel as canonical JSON. One thread.
 *
 *     local core = require "switchhook.kit.core"
 *     local worker = core.worker { timezone = "UTC", run_memory = 64 << 20, ... }
 *     worker:load(core.read "scripts")
 *     worker:run { run = 1, handler = "RouterJobQueued.lua", event = '{...}', ... }
 *     for _, note in ipairs(worker:take()) do ... note.what, note.run ... end
 *     worker:answer(1, { wait = note.wait, outcome = "value", value = "{}", now = 0 })
 */
#ifndef KIT_CORE_H
#define KIT_CORE_H

#include "base/error.h"
#include <lua.h>

int luaopen_switchhook_kit_core(lua_State *L);

/* Each adds its functions to the table on the top. */
void values_open(lua_State *L); /* encode, decode, elements, array, null */
void facts_open(lua_State *L);  /* types, operations, sample, failure, nearest, parse_time, format_time */
void stage_open(lua_State *L);  /* read, worker */

/* Raises the error's words as they are. */
int core_raise(lua_State *L, const struct error *error);

#endif
