/* log.debug(message [, fields]), info, warn, error; print. Tied to the run; nothing waits. */
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/task.h"
#include <lauxlib.h>

/* Longer messages are cut; larger fields are refused: a log is read by people. */
enum { MESSAGE_MAX = 8 * 1024, FIELDS_MAX = 64 * 1024 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

static void tell(lua_State *L, enum log_level level, struct slice message, struct slice fields) {
    const struct task *task = task_of(L);
    const struct worker_port *port = &task->worker->port;
    message.length = message.length > MESSAGE_MAX ? MESSAGE_MAX : message.length;
    port->log(port->context, task->id, level, message, fields);
}

static int log_at_level(lua_State *L) {
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    const char *function = lua_pushfstring(L, "log.%s", level_names[level]);
    lua_insert(L, 1);
    trace_check_dot(L, function, 2);
    if (lua_gettop(L) == 1) {
        return trace_misuse(L, function, "message", "a text or another value", 2);
    }
    if (lua_gettop(L) > 3) {
        return luaL_error(L, "%s takes a message and a table of fields", function);
    }
    lua_settop(L, 3);
    struct slice message;
    message.bytes = luaL_tolstring(L, 2, &message.length);
    struct buffer *fields = sandbox_scratch(L, FIELDS_MAX);
    if (!lua_isnil(L, 3)) {
        struct json_out_error error;
        bool is_map = lua_istable(L, 3) && json_out_shape(L, 3) != JSON_OUT_LIST;
        if (!is_map) {
            return trace_misuse(L, function, "fields", "a table of names and values", 3);
        }
        if (json_out_append(L, 3, fields, "fields", &error) < 0) {
            return luaL_error(L, "bad argument 'fields' to %s: %s", function, error.message);
        }
    }
    tell(L, level, message, buffer_slice(fields));
    return 0;
}

static int print(lua_State *L) {
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addchar(&line, '\t');
        }
        (void)luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    struct slice message;
    message.bytes = lua_tolstring(L, -1, &message.length);
    tell(L, LOG_INFO, message, slice_of(""));
    return 0;
}

void bind_log(lua_State *L) {
    lua_createtable(L, 0, 4);
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        lua_pushinteger(L, level);
        lua_pushcclosure(L, log_at_level, 1);
        lua_setfield(L, -2, level_names[level]);
    }
    lua_setfield(L, 1, "log");
    lua_pushcfunction(L, print);
    lua_setfield(L, 1, "print");
}
