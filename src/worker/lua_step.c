/* step(name, f): f is called once, and its value remembered under the name; when the run is done again, it is not
 * called. */
#include "lua/json_out.h"
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/want.h"
#include <lauxlib.h>

enum { NAME_LENGTH_MAX = 256 };

static const char operation[] = "step";

static int call_unless_kept(lua_State *L, int status, lua_KContext context);
static int keep(lua_State *L, int status, lua_KContext context);
static int give_kept(lua_State *L, int status, lua_KContext context);

static int step(lua_State *L) {
    want_begin(L, operation, 2);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, operation, "name", "a string", 1);
    }
    size_t length = lua_rawlen(L, 1);
    if (length == 0 || length > NAME_LENGTH_MAX) {
        return luaL_error(L, "bad argument 'name' to step: it has %I bytes; a name has 1 to %d",
                          (LUAI_UACINT)length, NAME_LENGTH_MAX);
    }
    if (!lua_isfunction(L, 2)) {
        return trace_misuse(L, operation, "f", "a function", 2);
    }
    if (lua_gettop(L) > 2) {
        return luaL_error(L, "step takes a name and a function, got %d arguments", lua_gettop(L));
    }
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "name", 1);
    return want_then(L, operation, arguments_end(L, out, operation), call_unless_kept);
}

void bind_step(lua_State *L) {
    lua_pushcfunction(L, step);
    lua_setfield(L, 1, operation);
}

static int call_unless_kept(lua_State *L, int status, lua_KContext context) {
    (void)status;
    if (!want_is_not_yet(L)) {
        return want_give(L, operation);
    }
    lua_settop(L, 2);
    lua_callk(L, 0, 1, context, keep);
    return keep(L, LUA_OK, context);
}

/* With f's value behind the name. */
static int keep(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    struct json_out_error error;
    struct buffer *out = arguments_begin(L);
    arguments_add(L, out, operation, "name", 1);
    (void)buffer_append_char(out, ',');
    if (json_out_append(L, 2, out, "value", &error) < 0) {
        return luaL_error(L, "step '%s' cannot remember what its function returned: %s", lua_tostring(L, 1),
                          error.message);
    }
    return want_then(L, "step.keep", arguments_end(L, out, operation), give_kept);
}

/* What is remembered, and not what f returned: the first time must be like the others. */
static int give_kept(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    return want_give(L, operation);
}
