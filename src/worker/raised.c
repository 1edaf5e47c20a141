#include "worker/raised.h"
#include <lauxlib.h>

static const char metatable_key;

static const struct {
    const char *name;
    int type;
} members[] = {
    {"operation", LUA_TSTRING}, {"status", LUA_TNUMBER},     {"code", LUA_TSTRING},      {"message", LUA_TSTRING},
    {"park", LUA_TBOOLEAN},     {"retryable", LUA_TBOOLEAN}, {"repeated", LUA_TBOOLEAN},
};

static int one_line(lua_State *L);

/* What is missing, or of another type by now, is left out. */
static int print_line(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    raised_push_members(L, 1);
    bool has_operation = lua_getfield(L, 2, "operation") != LUA_TNIL;
    bool has_status = lua_getfield(L, 2, "status") != LUA_TNIL && lua_tointeger(L, -1) != 0;
    bool has_code = lua_getfield(L, 2, "code") != LUA_TNIL;
    bool has_message = lua_getfield(L, 2, "message") != LUA_TNIL;
    lua_pushfstring(L, "%s%s%s%s%s%s%s", has_operation ? lua_tostring(L, 3) : "error", has_status ? ": " : "",
                    has_status ? lua_tostring(L, 4) : "",
                    !has_code    ? ""
                    : has_status ? " "
                                 : ": ",
                    has_code ? lua_tostring(L, 5) : "", has_message ? ": " : "",
                    has_message ? lua_tostring(L, 6) : "");
    return one_line(L);
}

/* The service's message may have several lines; the log's readers count on one. */
static int one_line(lua_State *L) {
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    luaL_Buffer line;
    char *bytes = luaL_buffinitsize(L, &line, length);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (unsigned char)text[i] < ' ' || text[i] == '\x7f' ? ' ' : text[i];
    }
    luaL_pushresultsize(&line, length);
    return 1;
}

void raised_open(lua_State *L) {
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, print_line);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

void raised_mark(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    lua_setmetatable(L, -2);
}

bool raised_is(lua_State *L, int index) {
    if (!lua_istable(L, index) || !lua_getmetatable(L, index)) {
        return false;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    bool is_raised = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_raised;
}

bool raised_asks_again(lua_State *L, int index) {
    int place = lua_absindex(L, index);
    if (!lua_istable(L, place)) {
        return false;
    }
    lua_pushliteral(L, "retryable");
    bool is_asking = lua_rawget(L, place) == LUA_TBOOLEAN && lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_asking;
}

void raised_push_members(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_createtable(L, 0, 8);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        lua_pushstring(L, members[i].name);
        if (lua_rawget(L, index) == members[i].type) {
            lua_setfield(L, -2, members[i].name);
        } else {
            lua_pop(L, 1);
        }
    }
}
