#include "worker/router_options.h"
#include "base/clock.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/trace.h"
#include <lauxlib.h>
#include <math.h>

enum { MOST_MEMBERS = 64 };

static void check_names(lua_State *L, const struct router_operation *operation, int options);
static bool push_member(lua_State *L, const struct router_operation *operation, const struct router_member *member,
                        int options);
static void check_word(lua_State *L, const char *function, const struct router_member *member);
static void push_whole_number(lua_State *L, const char *function, const char *name);
static void push_time(lua_State *L, const char *function, const char *name);
static void push_table(lua_State *L, const char *function, const struct router_member *member);

void router_options_check(lua_State *L, const struct router_operation *operation, int index) {
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
        check_word(L, function, member);
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

static void check_word(lua_State *L, const char *function, const struct router_member *member) {
    if (member->values == NULL) {
        return;
    }
    struct slice word;
    word.bytes = lua_tolstring(L, -1, &word.length);
    for (const char *const *value = member->values; *value != NULL; value++) {
        if (slice_is(word, *value)) {
            return;
        }
    }
    const char *nearest = text_nearest(word, member->values);
    if (nearest != NULL) {
        luaL_error(L, "bad argument '%s' to %s: there is no '%s' (did you mean '%s'?)", member->name, function,
                   word.bytes, nearest);
    }
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (const char *const *value = member->values; *value != NULL; value++) {
        luaL_addstring(&all, value == member->values ? "" : ", ");
        luaL_addstring(&all, *value);
    }
    luaL_pushresult(&all);
    luaL_error(L, "bad argument '%s' to %s: it is one of %s", member->name, function, lua_tostring(L, -1));
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
