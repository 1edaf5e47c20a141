#include "worker/event_table.h"
#include "event/catalogue.h"
#include "event/event.h"
#include "lua/json_in.h"
#include "worker/event_parsed.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

static void copy_member(lua_State *L, int envelope, const char *sent_name, const char *name);
static void add_names(lua_State *L);
static void add_aliases(lua_State *L, const struct event_type *type);
static const struct event_alias *push_sent(lua_State *L, const struct event_alias *first);
static void fill_in(lua_State *L, const char *name);

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
    bool is_cloud = lua_getfield(L, envelope, "specversion") != LUA_TNIL; /* as envelope_read decides it */
    lua_pop(L, 1);
    copy_member(L, envelope, "id", "id");
    copy_member(L, envelope, is_cloud ? "type" : "eventType", "type");
    copy_member(L, envelope, is_cloud ? "source" : "topic", "source");
    copy_member(L, envelope, "subject", "subject");
    copy_member(L, envelope, is_cloud ? "time" : "eventTime", "time");
    copy_member(L, envelope, "data", "data");
    lua_pushinteger(L, request->attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushinteger(L, (lua_Integer)request->seq);
    lua_setfield(L, -2, "seq");
    lua_pushnumber(L, (lua_Number)request->received_us / 1e6);
    lua_setfield(L, -2, "received");
    add_names(L);
    lua_remove(L, envelope);
}

static void copy_member(lua_State *L, int envelope, const char *sent_name, const char *name) {
    lua_getfield(L, envelope, sent_name);
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
    const struct event_type *known = event_find_type(short_name);
    if (known != NULL && lua_istable(L, -1)) {
        add_aliases(L, known);
    }
    lua_pop(L, 2);
    event_parsed_add(L, known);
}

/* To the data on the top: what was sent under one spelling, under all the present ones. */
static void add_aliases(lua_State *L, const struct event_type *type) {
    for (const struct event_alias *first = type->aliases; first->other != NULL;) {
        const struct event_alias *end = push_sent(L, first);
        if (!lua_isnil(L, -1)) {
            fill_in(L, first->name);
            for (const struct event_alias *alias = first; alias != end; alias++) {
                if (alias->is_present) {
                    fill_in(L, alias->other);
                }
            }
        }
        lua_pop(L, 1);
        first = end;
    }
}

/* Pushes what the data on the top has under the field's name, else under another spelling, else nil. Returns where
 * the spellings of the next field begin. */
static const struct event_alias *push_sent(lua_State *L, const struct event_alias *first) {
    const struct event_alias *alias = first;
    lua_pushstring(L, first->name);
    lua_rawget(L, -2);
    for (; alias->other != NULL && strcmp(alias->name, first->name) == 0; alias++) {
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushstring(L, alias->other);
            lua_rawget(L, -2);
        }
    }
    return alias;
}

/* The value on the top into the data below it, unless something was sent under that name. */
static void fill_in(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    bool is_there = lua_rawget(L, -4) != LUA_TNIL;
    lua_pop(L, 1);
    if (is_there) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
}
