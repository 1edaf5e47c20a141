/* From files to handlers and modules. Private to the room.
 *
 * Files of lib/ are modules: compiled here, run when a run requires them. Every other .lua file is a handler:
 * compiled, run once in trial, and what it returns is checked. Specs are not loaded. */
#ifndef WORKER_LOAD_H
#define WORKER_LOAD_H

#include "worker/task.h"

/* Once per state. */
void load_open(lua_State *L);

/* The handler's place, or handler_count. */
size_t load_find(const struct worker *worker, struct slice path);

/* Pushes the compiled chunk: of a handler; of a module by its name at `name_index`, or nil. */
void load_push_handler(lua_State *L, size_t handler);
void load_push_module(lua_State *L, int name_index);

#endif
