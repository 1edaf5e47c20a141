/* all{f, g, ...}: each function in a branch of its own, at the same time. docs/internals/time.md */
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/task.h"
#include "worker/want.h"
#include <lauxlib.h>

/* At a time, in one run: each is a coroutine, and each may have a call under way. */
enum { BRANCHES_MAX = 1000 };

enum { TRACE_MAX = 16 * 1024 };

static lua_Integer check_functions(lua_State *L);
static void check_room(lua_State *L, size_t count);
static void push_branch(lua_State *L, struct branch *parent, lua_Integer index);
static uint32_t number_of(uint32_t parent, uint32_t gather, uint32_t index);
static int give_values(lua_State *L, int status, lua_KContext context);

/* Nothing is linked before all is made: making may raise. */
static int all(lua_State *L) {
    want_begin(L, "all", 1);
    lua_Integer count = check_functions(L);
    struct task *task = task_of(L);
    struct branch *parent = branch_of(L);
    check_room(L, (size_t)count);
    parent->gathers++;
    if (count == 0) {
        return 0;
    }
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        push_branch(L, parent, i);
        lua_rawseti(L, 2, i);
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        struct branch *branch = lua_touserdata(L, -1);
        list_append(&task->branches, &branch->in_task);
        list_append(&task->ready, &branch->in_ready);
        lua_pop(L, 1);
    }
    task->branch_count += (size_t)count;
    parent->open = (uint32_t)count;
    return lua_yieldk(L, 0, 0, give_values);
}

void bind_all(lua_State *L) {
    lua_pushcfunction(L, all);
    lua_setfield(L, 1, "all");
}

/* Returns how many there are. */
static lua_Integer check_functions(lua_State *L) {
    if (!lua_istable(L, 1) || lua_gettop(L) > 1) {
        luaL_error(L, "all takes one list of functions: all{f, g}");
    }
    lua_Integer count = 0;
    lua_Integer last = 0;
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        if (!lua_isinteger(L, -2)) {
            luaL_error(L,
                       "bad argument to all: a function with a name ('%s'); give a list, all{f, g}, and take the "
                       "values in its order",
                       luaL_tolstring(L, -2, NULL));
        } else if (!lua_isfunction(L, -1)) {
            luaL_error(L, "bad argument to all: expected a list of functions, got a %s in it",
                       luaL_typename(L, -1));
        }
        last = lua_tointeger(L, -2) > last ? lua_tointeger(L, -2) : last;
        count++;
        lua_pop(L, 1);
    }
    if (count != last) {
        luaL_error(L, "bad argument to all: the list of functions has holes");
    }
    return count;
}

static void check_room(lua_State *L, size_t count) {
    if (count > BRANCHES_MAX - task_of(L)->branch_count) {
        luaL_error(L, "all: a run may do %d things at the same time, and no more; do them in several calls",
                   BRANCHES_MAX);
    }
    luaL_checkstack(L, (int)count + LUA_MINSTACK, "the values of all");
}

/* Runs where a branch raised, while its frames are still there. */
static int keep_trace(lua_State *L) {
    struct buffer *trace = sandbox_scratch(L, TRACE_MAX);
    trace_append(L, trace);
    lua_pushlstring(L, trace->bytes == NULL ? "" : trace->bytes, trace->length);
    (void)lua_setiuservalue(L, lua_upvalueindex(1), SANDBOX_BRANCH_TRACE);
    return 1;
}

static int end_body(lua_State *L, int status, lua_KContext context) {
    (void)context;
    return status == LUA_OK || status == LUA_YIELD ? 1 : lua_error(L);
}

/* A branch's body, called with keep_trace and the function. */
static int run_body(lua_State *L) {
    task_hold_stack(L);
    return end_body(L, lua_pcallk(L, 0, 1, 1, 0, end_body), 0);
}

static void push_branch(lua_State *L, struct branch *parent, lua_Integer index) {
    uint32_t number = number_of(parent->number, parent->gathers, (uint32_t)index);
    struct branch *branch = CONTAINER_OF(sandbox_push_branch(L, sizeof *branch, number), struct branch, lua);
    branch->parent = parent;
    branch->number = number;
    branch->status = LUA_YIELD;
    lua_pushcfunction(L, run_body);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, keep_trace, 1);
    lua_rawgeti(L, 1, index);
    lua_xmove(L, branch->lua.L, 3);
}

/* FNV-1a, then mixed: the same in each attempt, other than its neighbours', and never 0, which is the body's. */
static uint32_t number_of(uint32_t parent, uint32_t gather, uint32_t index) {
    const uint32_t parts[] = {parent, gather, index};
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < 3 * sizeof parts[0]; i++) {
        hash = (hash ^ ((parts[i / 4] >> (i % 4 * 8)) & 0xff)) * UINT32_C(16777619);
    }
    hash = (hash ^ (hash >> 16)) * UINT32_C(0x85ebca6b);
    hash ^= hash >> 13;
    return hash == 0 ? 1 : hash;
}

/* All are over. An error's branch stays the frame's first value: there its trace is found. */
static int give_values(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    int count = (int)lua_rawlen(L, 2);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        struct branch *branch = lua_touserdata(L, -1);
        if (branch->status != LUA_OK) {
            lua_replace(L, 1);
            lua_settop(L, 1);
            lua_xmove(branch->lua.L, L, 1);
            return lua_error(L);
        }
        lua_pop(L, 1);
        lua_xmove(branch->lua.L, L, 1);
    }
    return count;
}
