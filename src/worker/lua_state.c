/* state.get, set, delete, increment, compare_and_set: values that last, kept by the host for all scripts. */
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>

enum { KEY_MAX = 1024, VALUE_MAX = 64 * 1024 };

static struct buffer *begin(lua_State *L, const char *operation, int values, int most, const char *takes);
static void check_key(lua_State *L, const char *operation);
static bool is_nothing(lua_State *L, int index);
static void check_options(lua_State *L, const char *operation, int index);
static void add_value(lua_State *L, struct buffer *out, const char *operation, const char *name, int index);
static int finish(lua_State *L, struct buffer *out, const char *operation, int options);

static int get(lua_State *L) {
    static const char operation[] = "state.get";
    return finish(L, begin(L, operation, 1, 1, "a key"), operation, 0);
}

static int set(lua_State *L) {
    static const char operation[] = "state.set";
    struct buffer *out = begin(L, operation, 2, 3, "a key, a value and options");
    if (is_nothing(L, 2)) {
        return luaL_error(L, "bad argument 'value' to %s: there is none; to forget a key use state.delete",
                          operation);
    }
    add_value(L, out, operation, "value", 2);
    return finish(L, out, operation, 3);
}

static int delete (lua_State *L) {
    static const char operation[] = "state.delete";
    return finish(L, begin(L, operation, 1, 1, "a key"), operation, 0);
}

static int increment(lua_State *L) {
    static const char operation[] = "state.increment";
    struct buffer *out = begin(L, operation, 1, 2, "a key and by how much");
    if (lua_isnil(L, 2)) {
        lua_pushinteger(L, 1);
        lua_replace(L, 2);
    }
    if (lua_type(L, 2) != LUA_TNUMBER || !isfinite(lua_tonumber(L, 2))) {
        return trace_misuse(L, operation, "by", "a number", 2);
    }
    add_value(L, out, operation, "by", 2);
    return finish(L, out, operation, 0);
}

/* nil stands for nothing there: expected, the key must be free; new, it is freed. */
static int compare_and_set(lua_State *L) {
    static const char operation[] = "state.compare_and_set";
    struct buffer *out = begin(L, operation, 3, 4, "a key, the expected value, the new one and options");
    add_value(L, out, operation, "expected", 2);
    add_value(L, out, operation, "new", 3);
    return finish(L, out, operation, 4);
}

void bind_state(lua_State *L) {
    static const luaL_Reg functions[] = {{"get", get},
                                         {"set", set},
                                         {"delete", delete},
                                         {"increment", increment},
                                         {"compare_and_set", compare_and_set},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, 1, "state");
}

/* Checks the key and writes it. The first `values` arguments may be anything; `most` are there afterwards. */
static struct buffer *begin(lua_State *L, const char *operation, int values, int most, const char *takes) {
    want_begin(L, operation, values);
    int count = lua_gettop(L);
    if (count > most) {
        luaL_error(L, "%s takes %s, got %d arguments", operation, takes, count);
    }
    lua_settop(L, most);
    check_key(L, operation);
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "key", 1);
    return out;
}

static void check_key(lua_State *L, const char *operation) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        trace_misuse(L, operation, "key", "a string", 1);
    }
    size_t length = lua_rawlen(L, 1);
    if (length == 0 || length > KEY_MAX) {
        luaL_error(L, "bad argument 'key' to %s: it has %I bytes; a key has 1 to %d", operation,
                   (LUAI_UACINT)length, KEY_MAX);
    }
}

/* json.null on its own would be read back as nil. */
static bool is_nothing(lua_State *L, int index) {
    return lua_isnil(L, index) || lua_islightuserdata(L, index);
}

static void add_value(lua_State *L, struct buffer *out, const char *operation, const char *name, int index) {
    size_t start = out->length + 1;
    arguments_add(L, out, operation, name, index);
    size_t length = out->length - start;
    if (length > VALUE_MAX) {
        luaL_error(L, "bad argument '%s' to %s: it has %I bytes as JSON; a value has %d at most", name, operation,
                   (LUAI_UACINT)length, VALUE_MAX);
    }
}

/* With options, when the operation has a place for them and some are given. */
static int finish(lua_State *L, struct buffer *out, const char *operation, int options) {
    if (options > 0 && !lua_isnil(L, options)) {
        check_options(L, operation, options);
        arguments_add(L, out, operation, "options", options);
    }
    return want_effect(L, operation, arguments_end(L, out, operation));
}

/* { ttl = seconds }, or nothing. */
static void check_options(lua_State *L, const char *operation, int index) {
    static const char *const names[] = {"ttl", NULL};
    if (!lua_istable(L, index) || json_out_shape(L, index) != JSON_OUT_MAP) {
        trace_misuse(L, operation, "options", "a table such as { ttl = 60 }", index);
    }
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        struct slice name;
        name.bytes = lua_tolstring(L, -2, &name.length);
        if (!slice_is(name, names[0])) {
            const char *nearest = text_nearest(name, names);
            luaL_error(L, "%s has no option '%s'%s", operation, name.bytes,
                       nearest == NULL ? ": its only one is 'ttl'" : " (did you mean 'ttl'?)");
        }
        double ttl = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        if (!(ttl > 0) || !isfinite(ttl)) {
            trace_misuse(L, operation, "ttl", "seconds above 0", -1);
        }
        lua_pop(L, 1);
    }
}
