#include "lua/missing.h"
#include "base/text.h"
#include "lua/sandbox.h"
#include <lauxlib.h>
#include <string.h>

enum { NAMES_MAX = 256, MARGIN = 3 }; /* text_nearest takes nothing that is farther */

static const char owner_key, table_key;

static bool is_beginning(struct slice a, struct slice b);

/* Called by Lua with the table and the key. */
static int note(lua_State *L) {
    struct sandbox *sandbox = sandbox_of(L);
    size_t length = 0;
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &length) : "";
    if (length < sizeof sandbox->missing) {
        memcpy(sandbox->missing, name, length + 1);
        lua_pushvalue(L, 1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &table_key);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
    }
    return 0;
}

void missing_watch(lua_State *L, const char *name) {
    if (lua_getmetatable(L, -1)) {
        luaL_error(L, "'%s' has a metatable of its own", name);
    }
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_pushcclosure(L, note, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

bool missing_push(lua_State *L, struct slice name) {
    if (!slice_is(name, sandbox_of(L)->missing) || lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) != LUA_TSTRING) {
        return false;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &table_key);
    missing_push_nearest(L, -1, name);
    lua_remove(L, -2);
    if (lua_isnil(L, -1) && lua_rawlen(L, -2) == 0 && sandbox_branch_of(L) != NULL) {
        lua_pop(L, 1);
        sandbox_push_environment(L);
        missing_push_nearest(L, -1, name);
        lua_remove(L, -2);
    }
    return true;
}

void missing_push_nearest(lua_State *L, int index, struct slice name) {
    const char *names[NAMES_MAX + 1];
    const char *longer_or_shorter = NULL;
    size_t count = 0;
    index = lua_absindex(L, index);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        size_t length;
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        if (key == NULL || strlen(key) != length) {
            continue;
        }
        if (count < NAMES_MAX && text_distance(slice_make(key, length), name, MARGIN) <= MARGIN) {
            names[count++] = key;
        }
        bool is_first = longer_or_shorter == NULL || strcmp(key, longer_or_shorter) < 0;
        if (is_first && is_beginning(slice_make(key, length), name)) {
            longer_or_shorter = key;
        }
    }
    names[count] = NULL;
    const char *nearest = text_nearest(name, names);
    lua_pushstring(L, nearest != NULL ? nearest : longer_or_shorter);
}

/* "warning" for warn, "prio" for priority. */
static bool is_beginning(struct slice a, struct slice b) {
    struct slice shorter = a.length < b.length ? a : b;
    return shorter.length >= MARGIN && memcmp(a.bytes, b.bytes, shorter.length) == 0;
}
