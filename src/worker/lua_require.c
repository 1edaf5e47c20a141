/* require(name): runs lib/NAME.lua once per run. */
#include "base/text.h"
#include "lua/chunk.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/load.h"
#include <lauxlib.h>

/* Whether the module at `index` is being run further out: it requires itself, perhaps by way of others. */
static bool is_running(lua_State *L, int index) {
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        (void)lua_getinfo(L, "f", &frame);
        bool is_same = lua_rawequal(L, -1, index);
        lua_pop(L, 1);
        if (is_same) {
            return true;
        }
    }
    return false;
}

static int refuse_unknown(lua_State *L) {
    const char *name = lua_tostring(L, 1);
    const char *nearest = text_nearest(slice_of(name), (const char *const *)worker_of(L)->modules);
    if (nearest == NULL) {
        return luaL_error(L, "there is no module '%s': modules are the files of the scripts' lib folder", name);
    }
    return luaL_error(L, "there is no module '%s' in the scripts' lib folder (did you mean '%s'?)", name, nearest);
}

static int require(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "require", "name", "a string", 1);
    }
    lua_settop(L, 1);
    sandbox_push_modules(L);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL) {
        return 1;
    }
    lua_settop(L, 2);
    load_push_module(L, 1);
    if (lua_isnil(L, 3)) {
        return refuse_unknown(L);
    }
    if (is_running(L, 3)) {
        return luaL_error(L, "the module '%s' requires itself, perhaps by way of another", lua_tostring(L, 1));
    }
    chunk_refresh(L, 3);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pushboolean(L, 1);
        lua_replace(L, -2);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

void bind_require(lua_State *L) {
    lua_pushcfunction(L, require);
    lua_setfield(L, 1, "require");
}
