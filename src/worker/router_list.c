#include "worker/router_list.h"
#include "lua/json_out.h"
#include "router/router.h"
#include "worker/arguments.h"
#include "worker/router_options.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <stdbool.h>

/* The iterator's upvalues. LINK: nil before the first page; false when there is no other. */
enum { OPERATION = 1, OPTIONS, ENTRIES, PLACE, LINK, ABOUT, IS_ASKING, UPVALUES = IS_ASKING };

static int next_entry(lua_State *L);
static int give_or_ask(lua_State *L);
static int ask(lua_State *L);
static int take_page(lua_State *L, int status, lua_KContext context);
static void keep_page(lua_State *L, const char *name);
static const struct router_operation *operation_of(lua_State *L);

int router_list_call(lua_State *L) {
    const struct router_operation *operation = operation_of(L);
    want_begin(L, operation->name, 0);
    if (lua_gettop(L) == 2 && lua_isnil(L, 1) && lua_isnil(L, 2)) { /* as `for` calls an iterator */
        return luaL_error(L, "%s is called, with or without options: for entry in %s() do", operation->name,
                          operation->name);
    }
    if (lua_gettop(L) > 1) {
        return luaL_error(L, "%s takes a table of options, got %d arguments", operation->name, lua_gettop(L));
    }
    lua_settop(L, 1);
    router_options_check(L, operation, 1);
    lua_pushvalue(L, lua_upvalueindex(OPERATION));
    lua_insert(L, 1);
    lua_settop(L, UPVALUES);
    lua_pushcclosure(L, next_entry, UPVALUES);
    return 1;
}

/* What `for` passes is of no use here. */
static int next_entry(lua_State *L) {
    lua_settop(L, 0);
    return give_or_ask(L);
}

static int give_or_ask(lua_State *L) {
    lua_settop(L, 0);
    if (lua_istable(L, lua_upvalueindex(ENTRIES))) {
        lua_Integer place = lua_tointeger(L, lua_upvalueindex(PLACE));
        if (lua_rawgeti(L, lua_upvalueindex(ENTRIES), place) != LUA_TNIL) {
            lua_pushinteger(L, place + 1);
            lua_replace(L, lua_upvalueindex(PLACE));
            lua_pushvalue(L, lua_upvalueindex(ABOUT));
            return 2;
        }
    }
    if (lua_isboolean(L, lua_upvalueindex(LINK))) {
        lua_pushnil(L);
        return 1;
    }
    return ask(L);
}

static int ask(lua_State *L) {
    const char *name = operation_of(L)->name;
    want_begin(L, name, 0);
    if (lua_toboolean(L, lua_upvalueindex(IS_ASKING))) {
        return luaL_error(
            L, "%s: another function of all{} waits for this iterator's next page: give each its own", name);
    }
    bool has_link = lua_type(L, lua_upvalueindex(LINK)) == LUA_TSTRING;
    bool has_options = json_out_shape(L, lua_upvalueindex(OPTIONS)) != JSON_OUT_EMPTY;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(OPTIONS));
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, lua_upvalueindex(LINK));
    lua_setfield(L, 2, "nextLink");
    struct buffer *out = arguments_begin(L);
    if (has_options || has_link) {
        arguments_add(L, out, name, "options", 1);
    }
    if (has_link) {
        arguments_add(L, out, name, "page", 2);
    }
    struct slice arguments = arguments_end(L, out, name);
    lua_pushboolean(L, 1);
    lua_replace(L, lua_upvalueindex(IS_ASKING));
    return want_then(L, name, arguments, take_page);
}

/* After an error the iterator stands where it stood: the page may be asked for again. */
static int take_page(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    const char *name = operation_of(L)->name;
    lua_pushboolean(L, 0);
    lua_replace(L, lua_upvalueindex(IS_ASKING));
    (void)want_give(L, name);
    keep_page(L, name);
    return give_or_ask(L);
}

/* The answer and what there is to say about it are on the stack. */
static void keep_page(lua_State *L, const char *name) {
    bool is_page = lua_istable(L, 1);
    if (is_page) {
        lua_pushliteral(L, "value");
        is_page = lua_rawget(L, 1) == LUA_TTABLE;
    }
    if (!is_page) {
        luaL_error(L, "the answer to %s is no page: it has no list \"value\"", name);
    }
    lua_replace(L, lua_upvalueindex(ENTRIES));
    lua_pushinteger(L, 1);
    lua_replace(L, lua_upvalueindex(PLACE));
    lua_pushliteral(L, "nextLink");
    if (lua_rawget(L, 1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        lua_pop(L, 1);
        lua_pushboolean(L, 0);
    }
    lua_replace(L, lua_upvalueindex(LINK));
    lua_settop(L, 2);
    lua_replace(L, lua_upvalueindex(ABOUT));
}

static const struct router_operation *operation_of(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(OPERATION));
}
