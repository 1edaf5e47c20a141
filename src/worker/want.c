#include "worker/want.h"
#include "lua/json_in.h"
#include "lua/sandbox.h"
#include "worker/raised.h"
#include "worker/task.h"
#include <lauxlib.h>
#include <string.h>

static int give_answer(lua_State *L, int status, lua_KContext context);
static int give_value(lua_State *L, const struct worker_answer *answer);
static int raise_answer(lua_State *L, const char *operation, const struct worker_answer *answer);
static void push_json(lua_State *L, const char *operation, struct slice text);
static bool find_obstacle(lua_State *L, const char **name);

int want_effect(lua_State *L, const char *operation, struct slice arguments) {
    want_check(L, operation);
    struct task *task = task_of(L);
    const struct worker_port *port = &task->worker->port;
    task->waiting = ++task->waits;
    port->want(port->context, task->id, task->waiting, 0, slice_of(operation), arguments);
    return lua_yieldk(L, 0, (lua_KContext)operation, give_answer);
}

void want_check(lua_State *L, const char *operation) {
    const struct task *task = task_of(L);
    if (task != NULL && !task->is_trial && lua_isyieldable(L)) {
        return;
    }
    const char *obstacle;
    bool is_named = find_obstacle(L, &obstacle);
    if (is_named && strcmp(obstacle, "require") == 0) {
        luaL_error(L,
                   "%s cannot be called at a module's top level: effects belong into a handler, or into functions "
                   "that handlers call",
                   operation);
    } else if (is_named) {
        luaL_error(L, "%s cannot wait inside %s: do it before or after", operation, obstacle);
    } else if (task != NULL && task->is_handling) {
        luaL_error(L, "%s cannot wait in an error handler: let xpcall return, then call it", operation);
    }
    luaL_error(L,
               "%s cannot be called at a script's top level: effects belong into the handler, the function that "
               "the script returns",
               operation);
}

/* The coroutine goes on here, in the frame of the function that wanted. */
static int give_answer(lua_State *L, int status, lua_KContext context) {
    (void)status;
    const struct worker_answer *answer = task_of(L)->answer;
    if (answer->outcome == WIRE_OUTCOME_VALUE) {
        lua_settop(L, 0);
        push_json(L, (const char *)context, answer->value);
        return give_value(L, answer);
    }
    return raise_answer(L, (const char *)context, answer);
}

static int give_value(lua_State *L, const struct worker_answer *answer) {
    lua_createtable(L, 0, 3);
    if (answer->status != 0) {
        lua_pushinteger(L, answer->status);
        lua_setfield(L, -2, "status");
    }
    if (answer->etag.length > 0) {
        lua_pushlstring(L, answer->etag.bytes, answer->etag.length);
        lua_setfield(L, -2, "etag");
    }
    lua_pushboolean(L, answer->is_repeated);
    lua_setfield(L, -2, "repeated");
    return 2;
}

static int raise_answer(lua_State *L, const char *operation, const struct worker_answer *answer) {
    push_json(L, operation, answer->value);
    if (!lua_istable(L, -1)) {
        lua_newtable(L);
    }
    lua_pushstring(L, operation);
    lua_setfield(L, -2, "operation");
    lua_pushboolean(L, answer->is_repeated);
    lua_setfield(L, -2, "repeated");
    if (answer->status != 0) {
        lua_pushinteger(L, answer->status);
        lua_setfield(L, -2, "status");
    }
    raised_mark(L);
    return lua_error(L);
}

static void push_json(lua_State *L, const char *operation, struct slice text) {
    struct json_error error;
    if (text.length == 0) {
        lua_pushnil(L);
        return;
    }
    if (json_in_push(L, text, &error) < 0) {
        luaL_error(L, "the answer to %s is no JSON: %s at byte %I", operation, error.message,
                   (LUAI_UACINT)error.offset);
    }
    if (lua_islightuserdata(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

/* The innermost C function between here and the run's own body that called back into Lua: Lua cannot leave its
 * frame and come back. pcall and the like can be left; they are named only when there is nothing else. */
static bool find_obstacle(lua_State *L, const char **name) {
    lua_Debug frame;
    *name = NULL;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        (void)lua_getinfo(L, "Sf", &frame);
        const char *shared = strcmp(frame.what, "C") == 0 ? sandbox_function_name(L, -1) : NULL;
        lua_pop(L, 1);
        if (shared != NULL && strcmp(shared, "pcall") != 0 && strcmp(shared, "xpcall") != 0 &&
            strcmp(shared, "error") != 0) {
            *name = shared;
            return true;
        }
    }
    return false;
}
