/* A Lua state in which scripts can hurt neither each other nor the process: docs/internals/sandbox.md.
 *
 * Everything that scripts share is read-only: the globals' base, the libraries (handed out as proxies), the
 * metatables of strings and of json.null. A run has an environment and an account of memory of its own, and its
 * body; a branch (the body is the first) has a coroutine, a stream of chance and a time. One thread; nothing here
 * enters a script.
 *
 *     static int extend(lua_State *L) { ... lua_setfield(L, 1, "log"); return 0; }   // 1: the globals to be
 *     struct sandbox *sandbox = sandbox_new(512 << 20, extend, owner, &error);
 *     struct sandbox_run run = {.seed = 7, .started_us = clock_wall_us()};
 *     struct sandbox_branch body;
 *     if (sandbox_open_run(sandbox, &run, &body, 64 << 20) < 0) ... sandbox->memory.refusal ...
 *     ... body.L ...
 *     sandbox_close_run(sandbox, &run);     // what the run held is left to the collector; no __close is called
 *     sandbox_free(sandbox);
 *
 * A function that runs inside Lua finds its sandbox, its run and its branch from the lua_State that it was given.
 */
#ifndef LUA_SANDBOX_H
#define LUA_SANDBOX_H

#include "base/buffer.h"
#include "base/error.h"
#include "lua/memory.h"
#include "lua/random.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox {
    lua_State *L; /* the main state: for making things, never for scripts */
    struct memory memory;
    struct buffer scratch; /* for work inside one C function that calls no Lua meanwhile; see sandbox_scratch */
    void *owner;
    char missing[64]; /* what a script looked for last in a shared table, and did not find: missing.h */
};

struct sandbox_run {
    uint64_t seed;
    int64_t started_us; /* wall time */
    uint32_t account;
    bool is_open;
};

struct sandbox_branch {
    lua_State *L; /* NULL: none */
    struct sandbox_run *run;
    struct random random;
    int64_t now_us; /* wall time of its start or of its latest answer: all that it knows of time */
};

/* What a branch's userdata holds besides its bytes. */
enum { SANDBOX_BRANCH_THREAD = 1, SANDBOX_BRANCH_TRACE, SANDBOX_BRANCH_VALUES = SANDBOX_BRANCH_TRACE };

/* `extend` adds to the table at index 1, which becomes the globals; tables in it, and tables in those, are made
 * read-only afterwards. `owner` is for the caller. NULL with the error otherwise. */
struct sandbox *sandbox_new(size_t memory_limit, lua_CFunction extend, void *owner, struct error *error);
void sandbox_free(struct sandbox *sandbox);

/* Gives the run an environment, an account and its body: a coroutine, chance from the run's seed, the time of its
 * start. Both stay where they are until it is closed. -1 when memory does not suffice. */
int sandbox_open_run(struct sandbox *sandbox, struct sandbox_run *run, struct sandbox_branch *body,
                     size_t memory_limit);
void sandbox_close_run(struct sandbox *sandbox, struct sandbox_run *run);
/* A further coroutine of the branch, pushed onto the main state, which the caller pops; NULL without memory. */
lua_State *sandbox_push_thread(struct sandbox *sandbox, struct sandbox_branch *branch);

/* Pushes a further branch of the run that is on the processor: a userdata of `size` zeroed bytes, which begin with
 * a struct sandbox_branch. Its time is that of the branch that runs now; its chance comes from the run's seed and
 * `number`. As SANDBOX_BRANCH_TRACE whoever runs it may keep a text for tracebacks (trace.h). May raise. */
struct sandbox_branch *sandbox_push_branch(lua_State *L, size_t size, uint32_t number);

struct sandbox *sandbox_of(lua_State *L);
/* NULL outside a run. */
struct sandbox_branch *sandbox_branch_of(lua_State *L);

/* Both push a table of the run: its globals; its loaded modules by name. */
void sandbox_push_environment(lua_State *L);
void sandbox_push_modules(lua_State *L);

/* An empty buffer with the limit. It stays the sandbox's: valid until the next call. */
struct buffer *sandbox_scratch(lua_State *L, size_t limit);

/* The name under which scripts know the shared function at `index` ("table.sort"), or NULL. */
const char *sandbox_function_name(lua_State *L, int index);

/* Calls `each` with the name of every function that scripts are offered ("table.sort"), in no order. */
void sandbox_each_function(struct sandbox *sandbox, void (*each)(void *context, const char *name), void *context);

/* The name ("router.jobs") of the table at `index`, if it is one that scripts may not write; or NULL. */
const char *sandbox_locked_name(lua_State *L, int index);

#endif
