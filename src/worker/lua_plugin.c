/* The operations of C helpers, such as crm.lookup: a function each, in a table for each module. Which there are,
 * the host says; it has checked that no name is another thing's. */
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/task.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <string.h>

static void add_operation(lua_State *L, const char *operation);

/* One argument: a table, or nothing, which is an empty one. */
static int call_operation(lua_State *L) {
    const char *operation = lua_touserdata(L, lua_upvalueindex(1));
    want_begin(L, operation, 1);
    int count = lua_gettop(L);
    if (count > 1) {
        return luaL_error(L, "%s takes one table, such as { name = value }, got %d arguments", operation, count);
    }
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    if (!lua_istable(L, 1)) {
        return trace_misuse(L, operation, "argument", "a table, such as { name = value }, or nothing", 1);
    }
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "argument", 1);
    return want_effect(L, operation, arguments_end(L, out, operation));
}

void bind_plugins(lua_State *L) {
    for (char **operation = worker_of(L)->operations; *operation != NULL; operation++) {
        add_operation(L, *operation);
    }
}

static void add_operation(lua_State *L, const char *operation) {
    const char *dot = strchr(operation, '.');
    if (dot == NULL) {
        luaL_error(L, "%s is no operation of a plugin", operation);
        return;
    }
    lua_pushlstring(L, operation, (size_t)(dot - operation));
    lua_pushvalue(L, -1);
    if (lua_gettable(L, 1) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_settable(L, 1);
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)operation);
    lua_pushcclosure(L, call_operation, 1);
    lua_setfield(L, -2, dot + 1);
    lua_pop(L, 2);
}
