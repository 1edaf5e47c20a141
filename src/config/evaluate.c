#include "config/evaluate.h"
#include "base/buffer.h"
#include "base/text.h"
#include "config/path.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct memory {
    size_t used;
    bool is_over; /* the last refusal was the limit's */
};

struct running {
    const struct evaluation *evaluation;
    struct error *error;
    struct memory memory;
    struct buffer scratch; /* a file's bytes, out of Lua's reach when it raises */
    bool is_told;          /* `error` is filled in already */
};

static int run(lua_State *lua);
static void load_chunk(lua_State *lua, const struct running *running);
static void push_environment(lua_State *lua, struct running *running);
static int on_read(lua_State *lua);
static int on_write(lua_State *lua);
static int lua_env(lua_State *lua);
static void push_missing(lua_State *lua, const char *name, char **missing);
static void push_missing(lua_State *lua, const char *name, char **missing) {
    if (*missing == NULL && (*missing = slice_copy(slice_of(name))) == NULL) {
        luaL_error(lua, "not enough memory");
    }
    lua_pushfstring(lua, EVALUATE_MISSING "%s", name);
}

static int lua_env_optional(lua_State *lua);
static int lua_file(lua_State *lua);
static void on_count(lua_State *lua, lua_Debug *where);
static void *allocate(void *context, void *block, size_t old, size_t size);
static int tell(lua_State *lua, int status, const struct running *running);

int evaluate(const struct evaluation *evaluation, struct error *error) {
    struct error own = {0};
    struct running running = {.evaluation = evaluation, .error = error == NULL ? &own : error};
    int result = -1;

    buffer_init(&running.scratch, 0);
    lua_State *lua = lua_newstate(allocate, &running.memory);
    if (lua == NULL) {
        return error_memory(error);
    }
    lua_pushcfunction(lua, run);
    lua_pushlightuserdata(lua, &running);
    int status = lua_pcall(lua, 1, 0, 0);
    if (status == LUA_OK) {
        result = running.is_told ? -1 : 0;
    } else {
        result = tell(lua, status, &running);
    }
    lua_close(lua);
    path_wipe(&running.scratch);
    return result;
}

static int run(lua_State *lua) {
    struct running *running = lua_touserdata(lua, 1);
    const struct evaluation *evaluation = running->evaluation;
    enum { CHUNK = EVALUATE_LINES + 1 };

    lua_settop(lua, 0);
    lua_newtable(lua);
    lua_newtable(lua);
    load_chunk(lua, running);
    push_environment(lua, running);
    lua_setupvalue(lua, CHUNK, 1);
    lua_sethook(lua, on_count, LUA_MASKCOUNT, EVALUATE_STEPS);
    lua_call(lua, 0, LUA_MULTRET);
    lua_sethook(lua, NULL, 0, 0);
    if (lua_gettop(lua) >= CHUNK) {
        luaL_error(lua, "%s: it returns a value, which nothing reads: set its keys, as in  workers = 2",
                   evaluation->file);
    }
    running->is_told = evaluation->visit(lua, evaluation->context, running->error) < 0;
    return 0;
}

static void load_chunk(lua_State *lua, const struct running *running) {
    struct slice text = running->evaluation->text;
    const char *file = running->evaluation->file;

    if (slice_starts_with(text, "\xEF\xBB\xBF")) {
        text = slice_make(text.bytes + 3, text.length - 3);
    }
    if (slice_starts_with(text, "#")) {
        const char *end = memchr(text.bytes, '\n', text.length);
        text = end == NULL ? slice_of("") : slice_make(end, (size_t)(text.bytes + text.length - end));
    }
    if (slice_starts_with(text, LUA_SIGNATURE)) {
        luaL_error(lua, "%s: it is compiled Lua; only text is read", file);
    }
    const char *name = lua_pushfstring(lua, "@%s", file);
    if (luaL_loadbufferx(lua, text.bytes == NULL ? "" : text.bytes, text.length, name, "t") != LUA_OK) {
        lua_error(lua);
    }
    lua_remove(lua, -2);
}

/* The environment itself stays empty, so that each read and each write comes through on_read and on_write. */
static void push_environment(lua_State *lua, struct running *running) {
    lua_newtable(lua);
    lua_newtable(lua);

    lua_pushvalue(lua, EVALUATE_VALUES);
    lua_newtable(lua);
    lua_newtable(lua);
    lua_pushcfunction(lua, lua_env_optional);
    lua_setfield(lua, -2, "optional");
    lua_newtable(lua);
    lua_pushlightuserdata(lua, running);
    lua_pushcclosure(lua, lua_env, 1);
    lua_setfield(lua, -2, "__call");
    lua_setmetatable(lua, -2);
    lua_setfield(lua, -2, "env");
    lua_pushlightuserdata(lua, running);
    lua_pushcclosure(lua, lua_file, 1);
    lua_setfield(lua, -2, "file");
    lua_pushcclosure(lua, on_read, 2);
    lua_setfield(lua, -2, "__index");

    lua_pushvalue(lua, EVALUATE_VALUES);
    lua_pushvalue(lua, EVALUATE_LINES);
    lua_pushcclosure(lua, on_write, 2);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
}

static int on_read(lua_State *lua) {
    lua_settop(lua, 2);
    for (int table = 1; table <= 2; table++) {
        lua_pushvalue(lua, 2);
        if (lua_rawget(lua, lua_upvalueindex(table)) != LUA_TNIL) {
            return 1;
        }
        lua_pop(lua, 1);
    }
    return luaL_error(lua,
                      "there is no '%s' here: a configuration has only env, env.optional and file, and what it "
                      "set or declared itself",
                      luaL_tolstring(lua, 2, NULL));
}

static int on_write(lua_State *lua) {
    lua_Debug where;

    lua_settop(lua, 3);
    if (lua_type(lua, 2) != LUA_TSTRING) {
        return luaL_error(lua, "a key of the configuration is a name, not a %s", luaL_typename(lua, 2));
    }
    if (lua_getstack(lua, 1, &where) != 0 && lua_getinfo(lua, "l", &where) != 0) {
        lua_pushvalue(lua, 2);
        lua_pushinteger(lua, where.currentline);
        lua_rawset(lua, lua_upvalueindex(2));
    }
    lua_rawset(lua, lua_upvalueindex(1));
    return 0;
}

/* The first argument is the table `env`, since it is what is called. */
static int lua_env(lua_State *lua) {
    const struct running *running = lua_touserdata(lua, lua_upvalueindex(1));
    lua_remove(lua, 1);
    const char *name = luaL_checkstring(lua, 1);
    const char *value = getenv(name);

    if (value != NULL && value[0] != '\0') {
        lua_pushstring(lua, value);
    } else if (lua_isnoneornil(lua, 2) && running->evaluation->missing != NULL) {
        push_missing(lua, name, running->evaluation->missing);
    } else if (lua_isnoneornil(lua, 2)) {
        return luaL_error(
            lua, "the environment variable %s is %s: set it, or give a default as in  env(\"%s\", \"...\")", name,
            value == NULL ? "not set" : "empty", name);
    } else {
        lua_settop(lua, 2);
    }
    return 1;
}

static int lua_env_optional(lua_State *lua) {
    const char *value = getenv(luaL_checkstring(lua, 1));

    if (value == NULL || value[0] == '\0') {
        lua_pushnil(lua);
    } else {
        lua_pushstring(lua, value);
    }
    return 1;
}

static int lua_file(lua_State *lua) {
    struct running *running = lua_touserdata(lua, lua_upvalueindex(1));
    const char *name = luaL_checkstring(lua, 1);
    struct error error = {0};

    char *path = path_absolute(running->evaluation->folder, name);
    if (path == NULL) {
        return luaL_error(lua, "no memory for the path of file(\"%s\")", name);
    }
    int result = path_read(path, &running->scratch, &error);
    free(path);
    if (result < 0) {
        return luaL_error(lua, "%s", error.message);
    }
    size_t length = running->scratch.length;
    if (slice_ends_with(buffer_slice(&running->scratch), "\n")) {
        length--;
    }
    lua_pushlstring(lua, length == 0 ? "" : running->scratch.bytes, length);
    path_wipe(&running->scratch);
    return 1;
}

static void on_count(lua_State *lua, lua_Debug *where) {
    lua_getinfo(lua, "Sl", where);
    luaL_error(lua,
               "%s:%d: the configuration has not ended after a million instructions: does a loop run for ever?",
               where->short_src, where->currentline);
}

/* A block that shrinks stays what it is when there is no memory for a smaller one. */
static void *allocate(void *context, void *block, size_t old, size_t size) {
    struct memory *memory = context;
    void *fresh = NULL;

    if (block == NULL) {
        old = 0;
    }
    if (size > old && size - old > EVALUATE_MEMORY - memory->used) {
        memory->is_over = true;
        return NULL;
    }
    if (size > 0) {
        fresh = malloc(size);
        if (fresh == NULL && size > old) {
            memory->is_over = false;
            return NULL;
        }
    }
    memory->used = memory->used - old + size;
    if (size > 0 && fresh == NULL) {
        return block;
    }
    if (block != NULL) {
        if (fresh != NULL) {
            memcpy(fresh, block, old < size ? old : size);
        }
        explicit_bzero(block, old);
        free(block);
    }
    return fresh;
}

/* What Lua says may quote the file: its control characters are shown, not passed on. A few messages (a C stack
 * that overflows in the parser) name no place. */
static int tell(lua_State *lua, int status, const struct running *running) {
    const char *file = running->evaluation->file;
    const char *message = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "an error without words";
    struct buffer visible;

    if (status == LUA_ERRMEM) {
        return running->memory.is_over
                   ? error_set(running->error, ERROR_LIMIT, "%s: it needs more than 16 MiB of memory", file)
                   : error_memory(running->error);
    }
    buffer_init(&visible, 4 * ERROR_MESSAGE_SIZE);
    const char *slash = strrchr(file, '/');
    if (strstr(message, slash == NULL ? file : slash + 1) == NULL) {
        buffer_append_format(&visible, "%s: ", file);
    }
    text_append_visible(&visible, slice_of(message));
    error_set(running->error, ERROR_INVALID, "%s", visible.bytes == NULL ? file : visible.bytes);
    buffer_reset(&visible);
    return -1;
}
