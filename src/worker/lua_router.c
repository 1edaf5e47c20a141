/* router.*: one function for each operation of the table, router/router.h. The path's ids come first, each a text;
 * then a table of options, whose names and kinds are the table's. */
#include "lua/json_out.h"
#include "lua/trace.h"
#include "router/router.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/router_list.h"
#include "worker/router_options.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 64 };

static void check_count(lua_State *L, const struct router_operation *operation, int ids, bool takes_options);
static void check_ids(lua_State *L, const struct router_operation *operation, int count);
static struct slice write_arguments(lua_State *L, const struct router_operation *operation, int ids,
                                    bool has_options);
static void add_operation(lua_State *L, const struct router_operation *operation);

static int call_operation(lua_State *L) {
    const struct router_operation *operation = lua_touserdata(L, lua_upvalueindex(1));
    int ids = (int)router_id_count(operation);
    bool takes_options = operation->members[0].name != NULL;
    want_begin(L, operation->name, ids);
    check_count(L, operation, ids, takes_options);
    check_ids(L, operation, ids);
    bool has_options = false;
    if (takes_options) {
        router_options_check(L, operation, ids + 1);
        has_options = json_out_shape(L, ids + 1) != JSON_OUT_EMPTY;
    }
    return want_effect(L, operation->name, write_arguments(L, operation, ids, has_options));
}

void bind_router(lua_State *L) {
    lua_newtable(L);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        add_operation(L, operation);
    }
    lua_getfield(L, -1, "router");
    lua_setfield(L, 1, "router");
    lua_pop(L, 1);
}

static void check_count(lua_State *L, const struct router_operation *operation, int ids, bool takes_options) {
    int count = lua_gettop(L);
    if (count > ids + (takes_options ? 1 : 0)) {
        luaL_error(L, "%s takes %d argument%s%s, got %d", operation->name, ids, ids == 1 ? "" : "s",
                   takes_options ? " and a table of options" : "", count);
    }
    lua_settop(L, ids + 1);
}

static void check_ids(lua_State *L, const struct router_operation *operation, int count) {
    for (int i = 1; i <= count; i++) {
        size_t length = 1;
        bool is_text = lua_type(L, i) == LUA_TSTRING && lua_tolstring(L, i, &length) != NULL;
        if (!is_text || length == 0) {
            struct slice id = router_id_name(operation, (size_t)i - 1);
            const char *name = lua_pushlstring(L, id.bytes, id.length);
            if (is_text) {
                luaL_error(L, "bad argument '%s' to %s: it is empty", name, operation->name);
            }
            trace_misuse(L, operation->name, name, "a string", i);
        }
    }
}

static struct slice write_arguments(lua_State *L, const struct router_operation *operation, int ids,
                                    bool has_options) {
    char name[NAME_MAX_LENGTH];
    struct buffer *out = arguments_begin(L);
    for (int i = 1; i <= ids; i++) {
        (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(router_id_name(operation, (size_t)i - 1)));
        arguments_add(L, out, operation->name, name, i);
    }
    if (has_options) {
        arguments_add(L, out, operation->name, "options", ids + 1);
    }
    return arguments_end(L, out, operation->name);
}

/* Into the table on the top: router.jobs.get becomes ["router"]["jobs"]["get"]. */
static void add_operation(lua_State *L, const struct router_operation *operation) {
    int top = lua_gettop(L);
    const char *name = operation->name;
    const char *dot;
    while ((dot = strchr(name, '.')) != NULL) {
        lua_pushlstring(L, name, (size_t)(dot - name));
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
        lua_remove(L, -2);
        name = dot + 1;
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)operation);
    lua_pushcclosure(L, operation->is_list ? router_list_call : call_operation, 1);
    lua_setfield(L, -2, name);
    lua_settop(L, top);
}
