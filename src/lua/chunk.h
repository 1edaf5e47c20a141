/* Scripts: compiled once, run afresh as often as wanted.
 *
 * A compiled chunk is one Lua function. Before each run it is given a new cell that holds the run's environment;
 * the functions that the chunk makes keep the cell that was there when they were made. That is sound because a
 * chunk's body never waits (effects at that level raise), so that two runs are never inside of one body. */
#ifndef LUA_CHUNK_H
#define LUA_CHUNK_H

#include "base/slice.h"
#include <lua.h>

/* Pushes the chunk and returns LUA_OK, or pushes the message and returns Lua's status. Text only; a byte order
 * mark and a first line that starts with # are skipped. Errors and tracebacks call it `path`. */
int chunk_compile(lua_State *L, struct slice text, const char *path);

/* Gives the chunk at `index` a new cell with the current run's environment in it. */
void chunk_refresh(lua_State *L, int index);

/* Once per state. */
void chunk_open(lua_State *L);

#endif
