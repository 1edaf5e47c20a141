#include "lua/libraries.h"
#include "lua/json_out.h"
#include "lua/pairs.h"
#include "lua/sandbox.h"
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char *const plain_names[] = {"assert",   "error",  "getmetatable", "ipairs", "pcall",
                                          "rawequal", "rawget", "rawlen",       "select", "tonumber",
                                          "type",     "xpcall", "_VERSION",     NULL};
static const char *const string_names[] = {"byte",    "char",  "find",   "format", "gmatch",   "gsub",
                                           "len",     "lower", "match",  "pack",   "packsize", "rep",
                                           "reverse", "sub",   "unpack", "upper",  NULL};
static const char *const table_names[] = {"concat", "insert", "move", "pack", "remove", "sort", "unpack", NULL};
static const char *const math_names[] = {"abs", "acos",       "asin", "atan", "ceil", "cos", "deg",
                                         "exp", "floor",      "fmod", "huge", "log",  "max", "maxinteger",
                                         "min", "mininteger", "modf", "pi",   "rad",  "sin", "sqrt",
                                         "tan", "tointeger",  "type", "ult",  NULL};
static const char *const utf8_names[] = {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

static void pick(lua_State *L, int to, const char *const *names);
static void open_library(lua_State *L, int base, const char *name, lua_CFunction open, const char *const *names);
static void lock_strings(lua_State *L, int base);
static void require_table(lua_State *L, int index, const char *function);
static bool shows_address(lua_State *L, int index);

static int set_metatable(lua_State *L) {
    require_table(L, 1, "setmetatable");
    int type = lua_type(L, 2);
    luaL_argcheck(L, type == LUA_TTABLE || (type == LUA_TNIL && lua_gettop(L) >= 2), 2, "nil or table expected");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL && !json_out_is_marked(L, 1)) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "__gc is not offered: a run's end is not seen by its script");
        }
        lua_pushliteral(L, "__mode");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L,
                              "__mode is not offered: what is gone would depend on the collector, and differ when "
                              "the run is done again");
        }
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int raw_set(lua_State *L) {
    require_table(L, 1, "rawset");
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    if (sandbox_locked_name(L, 1) != NULL) {
        return luaL_error(L, "this table is shared by all scripts and read-only");
    }
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

/* As Lua's load, but for text only, in the run's environment, and not from a function. */
static int load_text(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    const char *name = luaL_optstring(L, 2, text);
    if (strchr(luaL_optstring(L, 3, "t"), 't') == NULL) {
        return luaL_error(L, "bad argument 'mode' to load: only text can be loaded");
    }
    bool has_environment = !lua_isnone(L, 4);
    if (luaL_loadbufferx(L, text, length, name, "t") != LUA_OK) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_environment) {
        lua_pushvalue(L, 4);
    } else {
        sandbox_push_environment(L);
    }
    if (lua_setupvalue(L, -2, 1) == NULL) {
        lua_pop(L, 1);
    }
    return 1;
}

/* Where a value lies in memory is another place when the run is done again: a table is just "table". */
static int to_text(lua_State *L) {
    luaL_checkany(L, 1);
    if (shows_address(L, 1)) {
        lua_pushstring(L, luaL_typename(L, 1));
    } else {
        luaL_tolstring(L, 1, NULL);
    }
    return 1;
}

/* Lua's own in this function's frame, so that its errors name what the script called. */
static int format_text(lua_State *L) {
    int argument = 1;
    for (const char *at = luaL_checkstring(L, 1); (at = strchr(at, '%')) != NULL; at++) {
        at += 1 + strspn(at + 1, "-+ #0123456789.");
        if (*at == '\0') {
            break;
        }
        argument += *at != '%';
        if (*at == 'p') {
            return luaL_error(
                L, "%%p is not offered to string.format: an address differs when the run is done again");
        }
        if (*at == 's' && argument <= lua_gettop(L) && shows_address(L, argument)) {
            lua_pushstring(L, luaL_typename(L, argument));
            lua_replace(L, argument);
        }
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void libraries_open(lua_State *L, int base) {
    static const luaL_Reg replaced[] = {{"load", load_text},   {"pairs", pairs_lua},
                                        {"rawset", raw_set},   {"setmetatable", set_metatable},
                                        {"tostring", to_text}, {NULL, NULL}};
    int top = lua_gettop(L);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    pick(L, base, plain_names);
    lua_pushvalue(L, base);
    luaL_setfuncs(L, replaced, 0);
    open_library(L, base, LUA_STRLIBNAME, luaopen_string, string_names);
    lua_getfield(L, base, LUA_STRLIBNAME);
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, format_text, 1);
    lua_setfield(L, -2, "format");
    open_library(L, base, LUA_TABLIBNAME, luaopen_table, table_names);
    open_library(L, base, LUA_MATHLIBNAME, luaopen_math, math_names);
    open_library(L, base, LUA_UTF8LIBNAME, luaopen_utf8, utf8_names);
    lock_strings(L, base);
    lua_settop(L, top);
}

/* From the table on the top. */
static void pick(lua_State *L, int to, const char *const *names) {
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, to, *names);
    }
}

static void open_library(lua_State *L, int base, const char *name, lua_CFunction open, const char *const *names) {
    lua_newtable(L);
    int library = lua_gettop(L);
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    pick(L, library, names);
    lua_pop(L, 1);
    lua_setfield(L, base, name);
}

/* ("x"):rep(3) must not lead to a table that a script can write. */
static void lock_strings(lua_State *L, int base) {
    lua_pushliteral(L, "");
    if (!lua_getmetatable(L, -1)) {
        luaL_error(L, "strings have no metatable");
    }
    lua_getfield(L, base, LUA_STRLIBNAME);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
}

static void require_table(lua_State *L, int index, const char *function) {
    if (!lua_istable(L, index)) {
        luaL_error(L, "bad argument #%d to '%s' (table expected, got %s)", index, function,
                   luaL_typename(L, index));
    }
}

static bool shows_address(lua_State *L, int index) {
    int type = lua_type(L, index);
    if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA && type != LUA_TTHREAD &&
        type != LUA_TLIGHTUSERDATA) {
        return false;
    }
    if (luaL_getmetafield(L, index, "__tostring") == LUA_TNIL) {
        return true;
    }
    lua_pop(L, 1);
    return false;
}
