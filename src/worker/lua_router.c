/* router.*: one function for each operation of the table, router/router.h. The path's ids come first, each a text;
 * then a table of options, whose names and kinds are the table's. */
#include "base/clock.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/trace.h"
#include "router/router.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/want.h"
#include "json/json.h"
#include <lauxlib.h>
#include <math.h>

enum { MOST_MEMBERS = 64, NAME_MAX_LENGTH = 64 };

static void check_ids(lua_State *L, const struct router_operation *operation, int count);
static void check_options(lua_State *L, const struct router_operation *operation, int index);
static void check_names(lua_State *L, const struct router_operation *operation, int options);
static bool push_member(lua_State *L, const struct router_operation *operation, const struct router_member *member,
                        int options);
static void push_whole_number(lua_State *L, const char *function, const char *name);
static void push_time(lua_State *L, const char *function, const char *name);
static void push_table(lua_State *L, const char *function, const struct router_member *member);
static struct slice write_arguments(lua_State *L, const struct router_operation *operation, int ids,
                                    bool has_options);
static void add_operation(lua_State *L, const struct router_operation *operation);

static int call_operation(lua_State *L) {
    const struct router_operation *operation = lua_touserdata(L, lua_upvalueindex(1));
    int ids = (int)router_id_count(operation);
    bool takes_options = operation->members != NULL && operation->members[0].name != NULL;
    want_begin(L, operation->name, ids);
    if (lua_gettop(L) > ids + (takes_options ? 1 : 0)) {
        return luaL_error(L, "%s takes %d argument%s%s, got %d", operation->name, ids, ids == 1 ? "" : "s",
                          takes_options ? " and a table of options" : "", lua_gettop(L));
    }
    lua_settop(L, ids + 1);
    check_ids(L, operation, ids);
    bool has_options = false;
    if (takes_options) {
        check_options(L, operation, ids + 1);
        has_options = json_out_shape(L, ids + 1) != JSON_OUT_EMPTY;
    }
    return want_effect(L, operation->name, write_arguments(L, operation, ids, has_options));
}

/* Operations that answer pages are not here yet: they become iterators. */
void bind_router(lua_State *L) {
    lua_newtable(L);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        if (!operation->is_list) {
            add_operation(L, operation);
        }
    }
    lua_getfield(L, -1, "router");
    lua_setfield(L, 1, "router");
    lua_pop(L, 1);
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

/* Puts a table of checked and converted members in the place of the given one. */
static void check_options(lua_State *L, const struct router_operation *operation, int index) {
    bool is_given = !lua_isnil(L, index);
    if (is_given && (!lua_istable(L, index) || json_out_shape(L, index) == JSON_OUT_LIST)) {
        trace_misuse(L, operation->name, "options", "a table of names and values", index);
    }
    if (!is_given) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    check_names(L, operation, index);
    lua_newtable(L);
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        if (push_member(L, operation, member, index)) {
            lua_setfield(L, -2, member->name);
        } else if (member->is_required) {
            luaL_error(L, "%s needs the option '%s'", operation->name, member->name);
        }
    }
    lua_replace(L, index);
}

static void check_names(lua_State *L, const struct router_operation *operation, int options) {
    lua_pushnil(L);
    while (lua_next(L, options) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "bad argument 'options' to %s: its keys must be names of options", operation->name);
        }
        struct slice name;
        name.bytes = lua_tolstring(L, -1, &name.length);
        if (router_find_member(operation, name) != NULL) {
            continue;
        }
        const char *names[MOST_MEMBERS + 1] = {NULL};
        for (size_t i = 0; i < MOST_MEMBERS && operation->members[i].name != NULL; i++) {
            names[i] = operation->members[i].name;
        }
        const char *nearest = text_nearest(name, names);
        luaL_error(L, "%s has no option '%s'%s%s%s", operation->name, name.bytes,
                   nearest == NULL ? "" : " (did you mean '", nearest == NULL ? "" : nearest,
                   nearest == NULL ? "" : "'?)");
    }
}

/* Pushes the member as it goes out, if it was given. json.null clears a member of the resource. */
static bool push_member(lua_State *L, const struct router_operation *operation, const struct router_member *member,
                        int options) {
    const char *function = operation->name;
    lua_pushstring(L, member->name);
    if (lua_rawget(L, options) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    if (lua_islightuserdata(L, -1) && member->place == ROUTER_BODY) {
        return true;
    }
    switch (member->kind) {
    case ROUTER_STRING:
        if (lua_type(L, -1) != LUA_TSTRING) {
            trace_misuse(L, function, member->name, "a string", -1);
        }
        break;
    case ROUTER_INTEGER: push_whole_number(L, function, member->name); break;
    case ROUTER_NUMBER:
        if (lua_type(L, -1) != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1))) {
            trace_misuse(L, function, member->name, "a number", -1);
        }
        break;
    case ROUTER_BOOLEAN:
        if (!lua_isboolean(L, -1)) {
            trace_misuse(L, function, member->name, "true or false", -1);
        }
        break;
    case ROUTER_TIME: push_time(L, function, member->name); break;
    case ROUTER_LIST:
    case ROUTER_MAP: push_table(L, function, member); break;
    }
    return true;
}

/* 10.0 is 10 here: what was divided or read from elsewhere is often a float. */
static void push_whole_number(lua_State *L, const char *function, const char *name) {
    int is_whole = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_whole) : 0;
    if (!is_whole) {
        trace_misuse(L, function, name, "a whole number", -1);
    }
    lua_pop(L, 1);
    lua_pushinteger(L, value);
}

/* A text as it is, or seconds since 1970: now() + 60. */
static void push_time(lua_State *L, const char *function, const char *name) {
    if (lua_type(L, -1) == LUA_TSTRING) {
        return;
    }
    double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    if (!(seconds >= 0 && seconds < 253402300800.0)) {
        trace_misuse(L, function, name, "a time (text, or seconds since 1970)", -1);
    }
    char text[CLOCK_TEXT_SIZE];
    lua_pop(L, 1);
    lua_pushstring(L, clock_format((int64_t)(seconds * 1e6), text));
}

/* An empty table is what the member is. */
static void push_table(lua_State *L, const char *function, const struct router_member *member) {
    bool is_list = member->kind == ROUTER_LIST;
    enum json_out_shape shape = lua_istable(L, -1) ? json_out_shape(L, -1) : JSON_OUT_MIXED;
    bool is_empty = shape == JSON_OUT_EMPTY || (shape == JSON_OUT_LIST && lua_rawlen(L, -1) == 0);
    if (is_empty) {
        lua_pop(L, 1);
        lua_newtable(L);
        if (is_list) {
            json_out_mark(L);
        }
    } else if (shape != (is_list ? JSON_OUT_LIST : JSON_OUT_MAP)) {
        trace_misuse(L, function, member->name, is_list ? "a list" : "a table of names and values", -1);
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
    lua_pushcclosure(L, call_operation, 1);
    lua_setfield(L, -2, name);
    lua_settop(L, top);
}
