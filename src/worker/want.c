#include "worker/want.h"
#include "lua/json_in.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/raised.h"
#include "worker/task.h"
#include <lauxlib.h>
#include <string.h>

static const char about_key;

static int ask(lua_State *L, const char *operation, struct slice arguments, lua_KFunction then,
               lua_KContext context);
static void check_place(lua_State *L, const char *operation);
static int give_answer(lua_State *L, int status, lua_KContext context);
static int give_value(lua_State *L, const char *operation, const struct worker_answer *answer);
static int raise_answer(lua_State *L, const char *operation, const struct worker_answer *answer);
static void push_json(lua_State *L, const char *operation, struct slice text);
static bool find_obstacle(lua_State *L, const char **name);
static bool is_one_of(const char *name, const char *const *names);

int want_effect(lua_State *L, const char *operation, struct slice arguments) {
    return ask(L, operation, arguments, give_answer, (lua_KContext)operation);
}

int want_then(lua_State *L, const char *operation, struct slice arguments, lua_KFunction then) {
    return ask(L, operation, arguments, then, 0);
}

bool want_is_not_yet(lua_State *L) {
    return task_of(L)->answer->outcome == WIRE_OUTCOME_NOT_YET;
}

int want_give(lua_State *L, const char *operation) {
    const struct worker_answer *answer = task_of(L)->answer;
    switch (answer->outcome) {
    case WIRE_OUTCOME_VALUE: return give_value(L, operation, answer);
    case WIRE_OUTCOME_ERROR: return raise_answer(L, operation, answer);
    case WIRE_OUTCOME_NOT_YET: break;
    }
    return luaL_error(L, "the host did not do %s", operation);
}

void want_begin(lua_State *L, const char *operation, int values) {
    trace_check_dot(L, operation, 1);
    check_place(L, operation);
    want_drop_about(L, values);
}

void want_drop_about(lua_State *L, int values) {
    if (lua_gettop(L) <= values || !lua_istable(L, -1) || !lua_getmetatable(L, -1)) {
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &about_key);
    bool is_about = lua_rawequal(L, -1, -2);
    lua_pop(L, is_about ? 3 : 2);
}

void want_open(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "about");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &about_key);
}

static int ask(lua_State *L, const char *operation, struct slice arguments, lua_KFunction then,
               lua_KContext context) {
    check_place(L, operation);
    struct task *task = task_of(L);
    struct branch *branch = branch_of(L);
    const struct worker_port *port = &task->worker->port;
    branch->waiting = ++task->waits;
    task->worker->wanting = L;
    port->want(port->context, task->id, branch->waiting, branch->number, slice_of(operation), arguments);
    task->worker->wanting = NULL;
    return lua_yieldk(L, 0, context, then);
}

static void check_place(lua_State *L, const char *operation) {
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
    return want_give(L, (const char *)context);
}

static int give_value(lua_State *L, const char *operation, const struct worker_answer *answer) {
    lua_settop(L, 0);
    push_json(L, operation, answer->value);
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
    lua_rawgetp(L, LUA_REGISTRYINDEX, &about_key);
    lua_setmetatable(L, -2);
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

/* The innermost C function between here and the branch's own body that called back into Lua: Lua cannot leave its
 * frame and come back. pcall and the like can be left. */
static bool find_obstacle(lua_State *L, const char **name) {
    static const char *const passable[] = {"pcall", "xpcall", "error", "step", NULL};
    lua_Debug frame;
    *name = NULL;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        (void)lua_getinfo(L, "Sf", &frame);
        const char *shared = strcmp(frame.what, "C") == 0 ? sandbox_function_name(L, -1) : NULL;
        lua_pop(L, 1);
        if (shared != NULL && !is_one_of(shared, passable)) {
            *name = shared;
            return true;
        }
    }
    return false;
}

static bool is_one_of(const char *name, const char *const *names) {
    while (*names != NULL && strcmp(name, *names) != 0) {
        names++;
    }
    return *names != NULL;
}
