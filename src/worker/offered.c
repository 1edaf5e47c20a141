#include "worker/offered.h"
#include "base/buffer.h"
#include "lua/sandbox.h"
#include "worker/task.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_MAX = 64 * 1024 * 1024, NAMES_SIZE_MAX = 256 * 1024, NAME_SIZE = 256, DEPTH_MAX = 8 };

static int read_names(lua_State *L);
static void add_names(lua_State *L, const char *prefix, int depth, struct buffer *names);
static void push_inner(lua_State *L);
static const char **list(const struct buffer *names);
static int compare(const void *a, const void *b);

const char **worker_offered(const char *const *operations, struct error *error) {
    struct worker_options options = {.all_memory = MEMORY_MAX, .run_memory = MEMORY_MAX, .operations = operations};
    struct worker_port port = {.context = NULL}; /* nothing is run */
    struct sandbox_run run = {.seed = 0};
    struct sandbox_branch body;
    const char **listed = NULL;
    struct buffer names;
    struct worker *worker = worker_new(&options, &port, NULL, error);
    if (worker == NULL) {
        return NULL;
    }
    buffer_init(&names, NAMES_SIZE_MAX);
    if (sandbox_open_run(worker->sandbox, &run, &body, MEMORY_MAX) == 0) {
        lua_pushcfunction(body.L, read_names);
        lua_pushlightuserdata(body.L, &names);
        if (lua_pcall(body.L, 1, 0, 0) == LUA_OK && !names.is_broken) {
            listed = list(&names);
        }
        sandbox_close_run(worker->sandbox, &run);
    }
    if (listed == NULL) {
        error_memory(error);
    }
    worker_free(worker);
    buffer_reset(&names);
    return listed;
}

/* Called with the buffer. */
static int read_names(lua_State *L) {
    sandbox_push_environment(L);
    add_names(L, "", 0, lua_touserdata(L, 1));
    return 0;
}

/* Of the table on the top, each with a NUL behind it. */
static void add_names(lua_State *L, const char *prefix, int depth, struct buffer *names) {
    luaL_checkstack(L, 8, "reading the names");
    push_inner(L);
    lua_pushnil(L);
    while (depth < DEPTH_MAX && lua_next(L, -2) != 0) {
        char name[NAME_SIZE];
        if (lua_type(L, -2) == LUA_TSTRING) {
            int length = snprintf(name, sizeof name, "%s%s", prefix, lua_tostring(L, -2));
            luaL_argcheck(L, length > 0 && (size_t)length < sizeof name - 1, 1, "a name is too long");
            (void)buffer_append(names, name, (size_t)length + 1);
            if (lua_istable(L, -1)) {
                memcpy(name + length, ".", 2);
                add_names(L, name, depth + 1, names);
            }
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* A read-only table is a proxy for the one that its metatable's __index holds. */
static void push_inner(lua_State *L) {
    int type = luaL_getmetafield(L, -1, "__index");
    if (type == LUA_TTABLE) {
        return;
    }
    if (type != LUA_TNIL) {
        lua_pop(L, 1);
    }
    lua_pushvalue(L, -1);
}

static const char **list(const struct buffer *names) {
    size_t count = 0;
    for (size_t i = 0; i < names->length; i++) {
        count += names->bytes[i] == '\0';
    }
    size_t head = (count + 1) * sizeof(const char *);
    const char **listed = malloc(head + names->length);
    if (listed == NULL) {
        return NULL;
    }
    char *text = (char *)listed + head;
    if (names->length > 0) {
        memcpy(text, names->bytes, names->length);
    }
    for (size_t i = 0; i < count; i++) {
        listed[i] = text;
        text += strlen(text) + 1;
    }
    listed[count] = NULL;
    qsort(listed, count, sizeof *listed, compare);
    return listed;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
