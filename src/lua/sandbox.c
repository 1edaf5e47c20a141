#include "lua/sandbox.h"
#include "base/list.h"
#include "lua/json_out.h"
#include "lua/libraries.h"
#include "lua/missing.h"
#include "lua/pairs.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Addresses that serve as keys of the registry, and of metatables where scripts cannot reach. */
static const char environment_key, names_key, locked_key;

enum { CELL_THREAD = 1, CELL_ENVIRONMENT, CELL_MODULES };

/* Deep enough for router.jobs.get; a table that contains itself ends here. */
enum { SEAL_DEPTH = 8 };

/* In percent of what lives: the collector begins again when so much is there. Lua's own 200 makes it work three
 * times as often, mostly over libraries and scripts that stay; a limit that is reached begins it at once. */
enum { PAUSE = 400 };

/* Above this, scratch memory goes back to the system after its use. */
enum { SCRATCH_KEPT = 1 << 20 };

static int build(lua_State *L);
static void seal(lua_State *L, int table, const char *prefix, int depth);
static void lock(lua_State *L, const char *name);
static void lock_metatable(lua_State *L, const char *name);
static void build_environment_metatable(lua_State *L, int base);
static int open_run(lua_State *L);
static int push_thread(lua_State *L);
static lua_State *new_thread(lua_State *L, struct sandbox_branch *branch);
static void push_cell_part(lua_State *L, int part);

struct sandbox *sandbox_new(size_t memory_limit, lua_CFunction extend, void *owner, struct error *error) {
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL) {
        error_memory(error);
        return NULL;
    }
    memory_init(&sandbox->memory, memory_limit);
    buffer_init(&sandbox->scratch, 0);
    sandbox->owner = owner;
    sandbox->L = lua_newstate(memory_allocate, &sandbox->memory);
    if (sandbox->L == NULL) {
        error_memory(error);
        goto fail;
    }
    *(struct sandbox_branch **)lua_getextraspace(sandbox->L) = NULL;
    lua_gc(sandbox->L, LUA_GCINC, PAUSE, 0, 0);
    lua_pushcfunction(sandbox->L, build);
    lua_pushcfunction(sandbox->L, extend);
    if (lua_pcall(sandbox->L, 1, 0, 0) != LUA_OK) {
        const char *words = lua_tostring(sandbox->L, -1);
        error_set(error, ERROR_MEMORY, "cannot prepare Lua: %s", words == NULL ? "no reason given" : words);
        goto fail;
    }
    return sandbox;
fail:
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox) {
    if (sandbox == NULL) {
        return;
    }
    if (sandbox->L != NULL) {
        lua_close(sandbox->L);
    }
    buffer_reset(&sandbox->scratch);
    memory_reset(&sandbox->memory);
    free(sandbox);
}

int sandbox_open_run(struct sandbox *sandbox, struct sandbox_run *run, struct sandbox_branch *body,
                     size_t memory_limit) {
    body->L = NULL;
    run->is_open = false;
    if (memory_open(&sandbox->memory, memory_limit, &run->account) < 0) {
        return -1;
    }
    lua_State *L = sandbox->L;
    memory_charge(&sandbox->memory, run->account);
    lua_pushcfunction(L, open_run);
    lua_pushlightuserdata(L, run);
    lua_pushlightuserdata(L, body);
    int status = lua_pcall(L, 2, 0, 0);
    memory_charge(&sandbox->memory, MEMORY_SHARED);
    if (status != LUA_OK) {
        lua_pop(L, 1);
        memory_close(&sandbox->memory, run->account);
        body->L = NULL;
        return -1;
    }
    run->is_open = true;
    body->run = run;
    body->now_us = run->started_us;
    random_seed(&body->random, run->seed);
    return 0;
}

void sandbox_close_run(struct sandbox *sandbox, struct sandbox_run *run) {
    if (!run->is_open) {
        return;
    }
    lua_pushnil(sandbox->L);
    lua_rawsetp(sandbox->L, LUA_REGISTRYINDEX, run);
    memory_close(&sandbox->memory, run->account);
    run->is_open = false;
}

lua_State *sandbox_push_thread(struct sandbox *sandbox, struct sandbox_branch *branch) {
    lua_State *L = sandbox->L;
    lua_pushcfunction(L, push_thread);
    lua_pushlightuserdata(L, branch);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        return NULL;
    }
    return lua_tothread(L, -1);
}

struct sandbox_branch *sandbox_push_branch(lua_State *L, size_t size, uint32_t number) {
    const struct sandbox_branch *current = sandbox_branch_of(L);
    struct sandbox_branch *branch = lua_newuserdatauv(L, size, SANDBOX_BRANCH_VALUES);
    memset(branch, 0, size);
    branch->L = new_thread(L, branch);
    (void)lua_setiuservalue(L, -2, SANDBOX_BRANCH_THREAD);
    branch->run = current->run;
    branch->now_us = current->now_us;
    random_seed_part(&branch->random, branch->run->seed, number);
    return branch;
}

struct sandbox *sandbox_of(lua_State *L) {
    void *memory;
    (void)lua_getallocf(L, &memory);
    return CONTAINER_OF(memory, struct sandbox, memory);
}

struct sandbox_branch *sandbox_branch_of(lua_State *L) {
    return *(struct sandbox_branch **)lua_getextraspace(L);
}

void sandbox_push_environment(lua_State *L) {
    push_cell_part(L, CELL_ENVIRONMENT);
}

void sandbox_push_modules(lua_State *L) {
    push_cell_part(L, CELL_MODULES);
}

struct buffer *sandbox_scratch(lua_State *L, size_t limit) {
    struct buffer *scratch = &sandbox_of(L)->scratch;
    if (scratch->capacity > SCRATCH_KEPT) {
        buffer_reset(scratch);
    }
    buffer_clear(scratch);
    scratch->is_broken = false;
    scratch->limit = limit;
    return scratch;
}

const char *sandbox_function_name(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 2);
    return name;
}

void sandbox_each_function(struct sandbox *sandbox, void (*each)(void *context, const char *name), void *context) {
    lua_State *L = sandbox->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        each(context, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

const char *sandbox_locked_name(lua_State *L, int index) {
    if (!lua_getmetatable(L, index)) {
        return NULL;
    }
    lua_rawgetp(L, -1, &locked_key);
    const char *name = lua_tostring(L, -1);
    lua_pop(L, 2);
    return name;
}

/* Called with `extend`. */
static int build(lua_State *L) {
    lua_createtable(L, 0, 40);
    lua_insert(L, 1);
    int base = 1;
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    libraries_open(L, base);
    json_out_open(L);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, base);
    lua_call(L, 1, 0);
    seal(L, base, NULL, 0);
    lua_pushvalue(L, base);
    missing_watch(L, "");
    lua_pop(L, 1);
    build_environment_metatable(L, base);
    return 0;
}

/* Notes the functions' names and puts a proxy in each table's place. */
static void seal(lua_State *L, int table, const char *prefix, int depth) {
    if (depth > SEAL_DEPTH) {
        luaL_error(L, "the libraries are nested too deeply at '%s'", prefix);
    }
    luaL_checkstack(L, 12, "sealing the libraries");
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        if (lua_type(L, -2) == LUA_TSTRING && (lua_isfunction(L, -1) || lua_istable(L, -1))) {
            const char *key = lua_tostring(L, -2);
            const char *name = prefix == NULL ? lua_pushstring(L, key) : lua_pushfstring(L, "%s.%s", prefix, key);
            lua_insert(L, -2);
            if (lua_istable(L, -1)) {
                seal(L, lua_gettop(L), name, depth + 1);
                missing_watch(L, name);
                lock(L, name);
                lua_pushvalue(L, -3);
                lua_insert(L, -2);
                lua_rawset(L, table);
            } else {
                lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
                lua_insert(L, -2);
                lua_pushvalue(L, -3);
                lua_rawset(L, -3);
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
}

static int refuse_write(lua_State *L) {
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    return luaL_error(L, "'%s' is shared by all scripts and read-only: keep what you need in a variable of yours",
                      name);
}

static int walk_locked(lua_State *L) {
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    pairs_push_iterator(L);
    lua_pushnil(L);
    lua_pushnil(L);
    return 3;
}

/* Replaces the table on the top with a proxy that reads from it. */
static void lock(lua_State *L, const char *name) {
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, table);
    lua_pushcclosure(L, walk_locked, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_write, 1);
    lua_setfield(L, -2, "__newindex");
    lock_metatable(L, name);
    lua_setmetatable(L, -2);
    lua_replace(L, table);
}

static void lock_metatable(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    lua_rawsetp(L, -2, &locked_key);
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
}

/* A run's globals are a table of its own in front of the shared ones. Writing it is writing what is the run's. */
static void build_environment_metatable(lua_State *L, int base) {
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, base);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
}

/* Called with the run and its body. The cell in the registry keeps all three from the collector until the run is
 * closed. */
static int open_run(lua_State *L) {
    struct sandbox_branch *body = lua_touserdata(L, 2);
    lua_createtable(L, 3, 0);
    body->L = new_thread(L, body);
    lua_rawseti(L, 3, CELL_THREAD);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key);
    lua_setmetatable(L, -2);
    lua_rawseti(L, 3, CELL_ENVIRONMENT);
    lua_pushvalue(L, 3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, lua_touserdata(L, 1));
    return 0;
}

static int push_thread(lua_State *L) {
    (void)new_thread(L, lua_touserdata(L, 1));
    return 1;
}

/* Pushes it. */
static lua_State *new_thread(lua_State *L, struct sandbox_branch *branch) {
    lua_State *thread = lua_newthread(L);
    *(struct sandbox_branch **)lua_getextraspace(thread) = branch;
    return thread;
}

static void push_cell_part(lua_State *L, int part) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, sandbox_branch_of(L)->run);
    if (lua_rawgeti(L, -1, part) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, part);
    }
    lua_remove(L, -2);
}
