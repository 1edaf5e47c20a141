/* The part of Lua's own libraries that scripts get, with the replacements that the sandbox needs. */
#ifndef LUA_LIBRARIES_H
#define LUA_LIBRARIES_H

#include <lua.h>

/* Puts them into the table at `base`, and locks the metatable of strings. */
void libraries_open(lua_State *L, int base);

#endif
