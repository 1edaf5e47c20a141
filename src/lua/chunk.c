#include "lua/chunk.h"
#include "lua/sandbox.h"
#include <lauxlib.h>
#include <string.h>

static const char cell_maker_key;

int chunk_compile(lua_State *L, struct slice text, const char *path) {
    if (text.length >= 3 && memcmp(text.bytes, "\xEF\xBB\xBF", 3) == 0) {
        text = slice_make(text.bytes + 3, text.length - 3);
    }
    if (text.length > 0 && text.bytes[0] == '#') {
        const char *newline = memchr(text.bytes, '\n', text.length);
        size_t skipped = newline == NULL ? text.length : (size_t)(newline - text.bytes);
        text = slice_make(text.bytes + skipped, text.length - skipped);
    }
    if (text.length > 0 &&
        text.bytes[0] == LUA_SIGNATURE[0]) { /* Lua would refuse it as well, and not say where */
        lua_pushfstring(L, "%s:1: this is a compiled chunk: scripts are Lua texts", path);
        return LUA_ERRSYNTAX;
    }
    const char *name = lua_pushfstring(L, "@%s", path);
    int status = luaL_loadbufferx(L, text.length == 0 ? "" : text.bytes, text.length, name, "t");
    lua_remove(L, -2);
    return status;
}

void chunk_refresh(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cell_maker_key);
    sandbox_push_environment(L);
    lua_call(L, 1, 1);
    lua_upvaluejoin(L, index, 1, -1, 1);
    lua_pop(L, 1);
}

/* Only a Lua function that closes over a variable makes a new cell. */
void chunk_open(lua_State *L) {
    static const char maker[] = "local environment = ... return function() return environment end";
    if (luaL_loadbufferx(L, maker, sizeof maker - 1, "=cell", "t") != LUA_OK) {
        lua_error(L);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cell_maker_key);
}
