/* sleep(seconds); after(seconds, name, data), which returns an id; cancel(id), which says whether that was still
 * to come. */
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

/* Of the local event: with .lua behind it, a file's. */
enum { NAME_LENGTH_MAX = 100 };

static void check_count(lua_State *L, const char *operation, int most, const char *takes);
static void check_name(lua_State *L, int index);

static int sleep_seconds(lua_State *L) {
    static const char operation[] = "sleep";
    want_begin(L, operation, 1);
    check_count(L, operation, 1, "seconds");
    arguments_check_seconds(L, operation, 1);
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "seconds", 1);
    return want_effect(L, operation, arguments_end(L, out, operation));
}

static int after(lua_State *L) {
    static const char operation[] = "after";
    want_begin(L, operation, 3);
    check_count(L, operation, 3, "seconds, a name and data");
    arguments_check_seconds(L, operation, 1);
    check_name(L, 2);
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "seconds", 1);
    arguments_add(L, out, operation, "name", 2);
    arguments_add(L, out, operation, "data", 3);
    return want_effect(L, operation, arguments_end(L, out, operation));
}

static int cancel(lua_State *L) {
    static const char operation[] = "cancel";
    want_begin(L, operation, 1);
    check_count(L, operation, 1, "the id that after returned");
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, operation, "id", "a string, the id that after returned", 1);
    }
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "id", 1);
    return want_effect(L, operation, arguments_end(L, out, operation));
}

void bind_wait(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"sleep", sleep_seconds}, {"after", after}, {"cancel", cancel}, {NULL, NULL}};
    lua_pushvalue(L, 1);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}

/* Missing ones become nil. */
static void check_count(lua_State *L, const char *operation, int most, const char *takes) {
    int count = lua_gettop(L);
    if (count > most) {
        luaL_error(L, "%s takes %s, got %d arguments", operation, takes, count);
    }
    lua_settop(L, most);
}

/* scripts/local/NAME.lua must be able to have that name. */
static void check_name(lua_State *L, int index) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (lua_type(L, index) != LUA_TSTRING) {
        trace_misuse(L, "after", "name", "a string", index);
    }
    size_t length;
    const char *name = lua_tolstring(L, index, &length);
    if (length == 0 || length > NAME_LENGTH_MAX || strspn(name, allowed) != length) {
        luaL_error(L,
                   "bad argument 'name' to after: it names a script, local/NAME.lua, and has 1 to %d letters, "
                   "digits, _ and -",
                   NAME_LENGTH_MAX);
    }
}
