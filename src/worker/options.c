#include "worker/options.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "worker/returned.h"
#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* What is being checked, and where it stands. */
struct check {
    lua_State *L;
    const char *path;
    int line;
};

static int last_line(lua_State *L, int chunk);
static void refuse_nothing(const struct check *check, struct slice text);
static void check_table(const struct check *check, int table);
static void check_retry(const struct check *check, int retry);
static void take_filter(const struct check *check, int table, struct handler *handler);
static void check_names(const struct check *check, int table, const char *what, const char *const *names);
static void check_number(const struct check *check, int table, const char *name, double least, bool is_above);
static void refuse(const struct check *check, const char *format, ...);
static void write_options(const struct check *check, int table, struct buffer *out);

void options_check(lua_State *L, int chunk, struct slice text, struct handler *handler) {
    struct check check = {L, handler->path, last_line(L, chunk)};
    int value = lua_gettop(L);
    switch (lua_type(L, value)) {
    case LUA_TFUNCTION: break;
    case LUA_TTABLE: check_table(&check, value); break;
    case LUA_TNIL: refuse_nothing(&check, text); break;
    default:
        refuse(&check,
               "the script returns a %s; it must return its handler: a function, or a table with handle = "
               "function(event) ... end",
               luaL_typename(L, value));
    }
    if (lua_istable(L, value)) {
        take_filter(&check, value, handler);
    }
    buffer_clear(&handler->options);
    write_options(&check, value, &handler->options);
    lua_settop(L, value);
}

/* The end of the script, where the return stands. */
static int last_line(lua_State *L, int chunk) {
    lua_Debug about;
    lua_pushvalue(L, chunk);
    (void)lua_getinfo(L, ">L", &about);
    lua_Integer last = 1;
    lua_pushnil(L);
    while (lua_istable(L, -2) && lua_next(L, -2) != 0) {
        lua_pop(L, 1);
        last = lua_tointeger(L, -1) > last ? lua_tointeger(L, -1) : last;
    }
    lua_pop(L, 1);
    return (int)last;
}

static void refuse_nothing(const struct check *check, struct slice text) {
    lua_State *L = check->L;
    if (!returned_push_missing(L, text)) {
        refuse(check, "the script returns nothing; it must end with its handler: return function(event) ... end");
    }
    const char *nearest = lua_tostring(L, -1);
    refuse(check, "the script returns the global '%s', which is nil%s%s%s", lua_tostring(L, -2),
           nearest == NULL ? "; it must return its handler" : " (did you mean '", nearest == NULL ? "" : nearest,
           nearest == NULL ? "" : "'?)");
}

static void check_table(const struct check *check, int table) {
    static const char *const names[] = {"handle", "timeout", "retry", "filter", NULL};
    lua_State *L = check->L;
    check_names(check, table, "the returned table", names);
    lua_pushliteral(L, "handle");
    if (lua_rawget(L, table) != LUA_TFUNCTION) {
        refuse(check, "the returned table has no `handle`: handle = function(event) ... end");
    }
    check_number(check, table, "timeout", 0, true);
    lua_pushliteral(L, "retry");
    int type = lua_rawget(L, table);
    if (type == LUA_TTABLE) {
        check_retry(check, lua_gettop(L));
    } else if (type != LUA_TNIL) {
        refuse(check, "`retry` must be a table, got %s", luaL_typename(L, -1));
    }
    lua_settop(L, table);
}

static void check_retry(const struct check *check, int retry) {
    static const char *const names[] = {"attempts", "first_seconds", "factor", "max_seconds", "hold", NULL};
    lua_State *L = check->L;
    check_names(check, retry, "`retry`", names);
    check_number(check, retry, "attempts", 1, false);
    check_number(check, retry, "first_seconds", 0, false);
    check_number(check, retry, "factor", 1, false);
    check_number(check, retry, "max_seconds", 0, false);
    lua_getfield(L, retry, "attempts");
    if (!lua_isnil(L, -1) && !lua_isinteger(L, -1)) {
        refuse(check, "`attempts` must be a whole number");
    }
    int type = lua_getfield(L, retry, "hold");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        refuse(check, "`hold` must be true or false, got %s", luaL_typename(L, -1));
    }
}

/* The handler's buffer and the handler itself hold what is taken here: refusing jumps out. */
static void take_filter(const struct check *check, int table, struct handler *handler) {
    lua_State *L = check->L;
    struct error error = {0};
    struct json_out_error fault;
    lua_pushliteral(L, "filter");
    int type = lua_rawget(L, table);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TTABLE) {
        refuse(check, "`filter` must be a table, got %s", luaL_typename(L, -1));
    }
    buffer_clear(&handler->options);
    if (json_out_append(L, -1, &handler->options, "filter", &fault) < 0) {
        refuse(check, "%s", fault.message);
    }
    handler->filter = filter_new(buffer_slice(&handler->options), &error);
    if (handler->filter == NULL) {
        refuse(check, "%s", error.message);
    }
    lua_pop(L, 1);
}

static void check_names(const struct check *check, int table, const char *what, const char *const *names) {
    lua_State *L = check->L;
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            refuse(check, "%s has a key that is no name", what);
        }
        const char *key = lua_tostring(L, -1);
        const char *const *known = names;
        while (*known != NULL && strcmp(*known, key) != 0) {
            known++;
        }
        if (*known == NULL) {
            const char *nearest = text_nearest(slice_of(key), names);
            refuse(check, "%s has no key '%s'%s%s%s", what, key, nearest == NULL ? "" : " (did you mean '",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?)");
        }
    }
}

static void check_number(const struct check *check, int table, const char *name, double least, bool is_above) {
    lua_State *L = check->L;
    int type = lua_getfield(L, table, name);
    double number = lua_tonumber(L, -1);
    bool is_large_enough = is_above ? number > least : number >= least;
    if (type != LUA_TNIL && (type != LUA_TNUMBER || !isfinite(number) || !is_large_enough)) {
        refuse(check, "`%s` must be a number %s %d", name, is_above ? "over" : "of at least", (int)least);
    }
    lua_pop(L, 1);
}

static void refuse(const struct check *check, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    lua_pushfstring(check->L, "%s:%d: ", check->path, check->line);
    lua_pushvfstring(check->L, format, arguments);
    va_end(arguments);
    lua_concat(check->L, 2);
    lua_error(check->L);
}

static void write_options(const struct check *check, int table, struct buffer *out) {
    lua_State *L = check->L;
    struct json_out_error error;
    lua_newtable(L);
    if (lua_istable(L, table)) {
        lua_getfield(L, table, "timeout");
        lua_setfield(L, -2, "timeout");
        lua_getfield(L, table, "retry");
        lua_setfield(L, -2, "retry");
        lua_getfield(L, table, "filter");
        lua_setfield(L, -2, "filter");
    }
    if (json_out_append(L, -1, out, "options", &error) < 0) {
        refuse(check, "%s", error.message);
    }
}
