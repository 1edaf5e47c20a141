#include "worker/event_table.h"
#include "event/event.h"
#include "event/names.h"
#include "lua/json_in.h"
#include <lauxlib.h>

static void copy_member(lua_State *L, int envelope, const char *grid_name, const char *cloud_name,
                        const char *name);
static void add_names(lua_State *L);
static void add_aliases(lua_State *L, struct slice short_name);

void event_table_push(lua_State *L, const struct worker_request *request) {
    struct json_error error;
    if (json_in_push(L, request->event, &error) < 0) {
        luaL_error(L, "the event cannot be read: %s at byte %I", error.message, (LUAI_UACINT)error.offset);
    }
    if (!lua_istable(L, -1)) {
        luaL_error(L, "the event cannot be read: it is no object");
    }
    int envelope = lua_gettop(L);
    lua_createtable(L, 0, 10);
    copy_member(L, envelope, "id", "id", "id");
    copy_member(L, envelope, "eventType", "type", "type");
    copy_member(L, envelope, "topic", "source", "source");
    copy_member(L, envelope, "subject", "subject", "subject");
    copy_member(L, envelope, "eventTime", "time", "time");
    copy_member(L, envelope, "data", "data", "data");
    lua_pushinteger(L, request->attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushinteger(L, (lua_Integer)request->seq);
    lua_setfield(L, -2, "seq");
    lua_pushnumber(L, (lua_Number)request->received_us / 1e6);
    lua_setfield(L, -2, "received");
    add_names(L);
    lua_remove(L, envelope);
}

static void copy_member(lua_State *L, int envelope, const char *grid_name, const char *cloud_name,
                        const char *name) {
    if (lua_getfield(L, envelope, grid_name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_getfield(L, envelope, cloud_name);
    }
    lua_setfield(L, -2, name);
}

static void add_names(lua_State *L) {
    if (lua_getfield(L, -1, "type") != LUA_TSTRING) {
        luaL_error(L, "the event cannot be read: it has no type");
    }
    struct slice type;
    type.bytes = lua_tolstring(L, -1, &type.length);
    struct slice short_name = event_short_name(type);
    lua_pushlstring(L, short_name.bytes, short_name.length);
    lua_setfield(L, -3, "name");
    if (lua_getfield(L, -2, "data") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -4, "data");
    }
    if (lua_istable(L, -1)) {
        add_aliases(L, short_name);
    }
    lua_pop(L, 2);
}

/* To the data on the top. What was sent under the present name stays. */
static void add_aliases(lua_State *L, struct slice short_name) {
    for (const struct event_alias *alias = event_aliases(short_name); slice_is_set(alias->old_name); alias++) {
        lua_pushlstring(L, alias->present_name.bytes, alias->present_name.length);
        lua_pushlstring(L, alias->old_name.bytes, alias->old_name.length);
        lua_pushvalue(L, -2);
        bool has_present = lua_rawget(L, -4) != LUA_TNIL;
        lua_pop(L, 1);
        if (has_present || lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 2);
        } else {
            lua_rawset(L, -3);
        }
    }
}
