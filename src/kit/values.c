/* Lua values and JSON, in the spec's own Lua state. As in the sandbox (lua/json_in.h, json_out.h), but for the
 * memory, which is the interpreter's and has no limit. */
#include "kit/core.h"
#include "lua/json_in.h"
#include "lua/json_out.h"
#include "wire/wire.h"
#include "json/json.h"
#include <lauxlib.h>

struct elements {
    lua_State *L;
};

/* encode(value [, name]) -> canonical JSON; raises with the place inside of the value, which it calls by name. */
static int encode(lua_State *L) {
    const char *name = luaL_optstring(L, 2, "value");
    struct json_out_error error;
    struct buffer out;
    buffer_init(&out, WIRE_PAYLOAD_MAX);
    luaL_checkany(L, 1);
    if (json_out_append(L, 1, &out, name, &error) < 0) {
        lua_pushstring(L, error.message);
        buffer_reset(&out);
        return lua_error(L);
    }
    lua_pushlstring(L, out.bytes, out.length);
    buffer_reset(&out);
    return 1;
}

/* decode(text) -> value; raises when it is no strict JSON. */
static int decode(lua_State *L) {
    struct slice text;
    text.bytes = luaL_checklstring(L, 1, &text.length);
    struct json_error error;
    if (json_in_push_unlimited(L, text, &error) < 0) {
        return luaL_error(L, "no JSON: %s at byte %I", error.message, (LUAI_UACINT)error.offset);
    }
    return 1;
}

static int take_element(void *context, size_t index, struct slice raw) {
    lua_State *L = ((struct elements *)context)->L;
    lua_pushlstring(L, raw.bytes, raw.length);
    lua_rawseti(L, 2, (lua_Integer)index + 1);
    return 0;
}

/* elements(text) -> the JSON of each element of an array. */
static int elements(lua_State *L) {
    struct slice text;
    text.bytes = luaL_checklstring(L, 1, &text.length);
    lua_settop(L, 1);
    lua_newtable(L);
    struct elements context = {L};
    if (json_each_element(text.bytes, text.length, take_element, &context, NULL) < 0) {
        return luaL_error(L, "no JSON array");
    }
    return 1;
}

static int take_member(void *context, struct slice name, struct slice raw) {
    lua_State *L = ((struct elements *)context)->L;
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, name.bytes, name.length);
    lua_setfield(L, -2, "name");
    lua_pushlstring(L, raw.bytes, raw.length);
    lua_setfield(L, -2, "value");
    lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
    return 0;
}

/* members(text) -> { name =, value = JSON } for each member of an object, in its order. */
static int members(lua_State *L) {
    struct slice text;
    text.bytes = luaL_checklstring(L, 1, &text.length);
    lua_settop(L, 1);
    lua_newtable(L);
    struct elements context = {L};
    if (json_each_member(text.bytes, text.length, take_member, &context, NULL) < 0) {
        return luaL_error(L, "no JSON object");
    }
    return 1;
}

/* array([list]) marks a table, so that it is an array also while it is empty. */
static int array(lua_State *L) {
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    json_out_mark(L);
    return 1;
}

static int is_array(lua_State *L) {
    lua_pushboolean(L, lua_istable(L, 1) && json_out_shape(L, 1) == JSON_OUT_LIST);
    return 1;
}

void values_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"encode", encode},   {"decode", decode}, {"elements", elements},
                                         {"members", members}, {"array", array},   {"is_array", is_array},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
}
