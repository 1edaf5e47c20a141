/* json.encode(value), decode(text), array(table), null. */
#include "lua/json_in.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/task.h"
#include "worker/want.h"
#include <lauxlib.h>

static int encode(lua_State *L) {
    trace_check_dot(L, "json.encode", 1);
    want_drop_about(L, 1);
    if (lua_gettop(L) != 1) {
        return luaL_error(L, "json.encode takes one value");
    }
    struct json_out_error error;
    struct buffer *out = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    if (json_out_append(L, 1, out, "value", &error) < 0) {
        return luaL_error(L, "bad argument 'value' to json.encode: %s", error.message);
    }
    lua_pushlstring(L, out->bytes, out->length);
    return 1;
}

static int decode(lua_State *L) {
    trace_check_dot(L, "json.decode", 1);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "json.decode", "text", "a string", 1);
    }
    struct json_error error;
    struct slice text;
    text.bytes = lua_tolstring(L, 1, &text.length);
    if (json_in_push(L, text, &error) < 0) {
        return luaL_error(L, "json.decode: %s at byte %I", error.message, (LUAI_UACINT)error.offset);
    }
    return 1;
}

/* Marks the table, so that it is an array also while it is empty. */
static int array(lua_State *L) {
    trace_check_dot(L, "json.array", 1);
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
    } else if (!lua_istable(L, 1) || json_out_shape(L, 1) > JSON_OUT_LIST) {
        return trace_misuse(L, "json.array", "list", "a list", 1);
    } else if (lua_getmetatable(L, 1)) {
        if (!json_out_is_marked(L, 1)) {
            return luaL_error(L, "bad argument 'list' to json.array: it has a metatable already");
        }
        lua_settop(L, 1);
    }
    lua_pushvalue(L, -1);
    json_out_mark(L);
    return 1;
}

void bind_json(lua_State *L) {
    static const luaL_Reg functions[] = {{"encode", encode}, {"decode", decode}, {"array", array}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_setfield(L, 1, "json");
}
