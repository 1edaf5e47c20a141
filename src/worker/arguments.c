#include "worker/arguments.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/task.h"
#include <lauxlib.h>

enum { SECONDS_MAX = 366 * 24 * 3600 };

struct buffer *arguments_begin(lua_State *L) {
    struct buffer *out = sandbox_scratch(L, worker_of(L)->options.answer);
    (void)buffer_append_char(out, '[');
    return out;
}

void arguments_add(lua_State *L, struct buffer *out, const char *operation, const char *name, int index) {
    struct json_out_error error;
    if (out->length > 1) {
        (void)buffer_append_char(out, ',');
    }
    if (json_out_append(L, index, out, name, &error) < 0) {
        luaL_error(L, "bad argument to %s: %s", operation, error.message);
    }
}

struct slice arguments_end(lua_State *L, struct buffer *out, const char *operation) {
    if (buffer_append_char(out, ']') < 0) {
        luaL_error(L, "the arguments of %s are too large: over %I bytes", operation, (LUAI_UACINT)out->limit);
    }
    return buffer_slice(out);
}

void arguments_check_seconds(lua_State *L, const char *operation, int index) {
    if (lua_type(L, index) != LUA_TNUMBER) {
        trace_misuse(L, operation, "seconds", "a number", index);
    }
    double seconds = lua_tonumber(L, index);
    if (!(seconds >= 0 && seconds <= SECONDS_MAX)) {
        luaL_error(L, "bad argument 'seconds' to %s: it must be from 0 to %d, a year", operation, SECONDS_MAX);
    }
}
