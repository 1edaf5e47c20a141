#include "worker/failure.h"
#include "lua/json_out.h"
#include "lua/trace.h"
#include "worker/hint.h"
#include "worker/raised.h"
#include <lauxlib.h>

enum { MESSAGE_MAX = 16 * 1024, TRACEBACK_MAX = 16 * 1024, ERROR_MAX = 64 * 1024 };

struct description {
    struct failure *failure;
    lua_State *dead;
};

static void describe_memory(struct failure *failure, struct task *task);
static int describe_value(lua_State *L);
static const char *push_words(lua_State *L, int index, size_t *length);
static void append_cut(struct buffer *out, struct slice text);

void failure_init(struct failure *failure) {
    failure->kind = WIRE_FAILURE_ERROR;
    buffer_init(&failure->message, MESSAGE_MAX);
    buffer_init(&failure->traceback, TRACEBACK_MAX);
    buffer_init(&failure->error, ERROR_MAX);
}

void failure_reset(struct failure *failure) {
    buffer_reset(&failure->message);
    buffer_reset(&failure->traceback);
    buffer_reset(&failure->error);
}

void failure_describe(struct failure *failure, struct task *task, int status) {
    lua_State *L = task->body.lua.L;
    if (status == LUA_ERRMEM) {
        describe_memory(failure, task);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        size_t length;
        const char *bytes = lua_tolstring(L, -1, &length);
        append_cut(&failure->message, slice_make(bytes, length));
        hint_append(task, L, &failure->message);
    } else {
        struct description description = {failure, L};
        const char *type = luaL_typename(L, -1);
        if (task_call(task, describe_value, &description) < 0) {
            (void)buffer_append_format(&failure->message, "the script raised a %s that cannot be put into words",
                                       type);
        }
    }
    if (L != NULL) {
        trace_append(L, &failure->traceback);
    }
}

static void describe_memory(struct failure *failure, struct task *task) {
    const struct worker *worker = task->worker;
    failure->kind = WIRE_FAILURE_MEMORY;
    if (task->body.lua.L != NULL) {
        trace_append_line(task->body.lua.L, &failure->message);
    }
    if (worker->sandbox->memory.refusal == MEMORY_OVER_RUN) {
        (void)buffer_append_format(&failure->message,
                                   "not enough memory: a run may use %zu MiB (limits.run_memory_mib)",
                                   worker->options.run_memory >> 20);
    } else if (worker->sandbox->memory.refusal == MEMORY_SYSTEM) {
        (void)buffer_append_text(&failure->message, "not enough memory: the machine gives the worker no more");
    } else {
        (void)buffer_append_format(&failure->message,
                                   "not enough memory: all runs of a worker may use %zu MiB "
                                   "(limits.worker_memory_mib)",
                                   worker->options.all_memory >> 20);
    }
}

/* In a coroutine of its own: a value's __tostring is the script's code, and may do anything. */
static int describe_value(lua_State *L) {
    const struct description *description = lua_touserdata(L, 1);
    struct failure *failure = description->failure;
    struct json_out_error unwanted;
    size_t length;
    lua_xmove(description->dead, L, 1);
    const char *text = push_words(L, 2, &length);
    append_cut(&failure->message, slice_make(text, length));
    if (raised_is(L, 2) || raised_asks_again(L, 2)) {
        failure->kind = WIRE_FAILURE_ANSWER;
        raised_push_members(L, 2);
        if (json_out_append(L, -1, &failure->error, "the error", &unwanted) < 0) {
            buffer_clear(&failure->error);
            failure->kind = WIRE_FAILURE_ERROR;
        }
    }
    return 0;
}

/* A table that does not say how it prints may still have a `message`. */
static const char *push_words(lua_State *L, int index, size_t *length) {
    if (lua_isstring(L, index) || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        return luaL_tolstring(L, index, length);
    }
    if (!lua_istable(L, index) || lua_getfield(L, index, "message") != LUA_TSTRING) {
        lua_pushfstring(L, "the script raised %s%s: raise a text, or a table with a `message`",
                        lua_isnil(L, index) ? "" : "a ", luaL_typename(L, index));
    }
    return lua_tolstring(L, -1, length);
}

static void append_cut(struct buffer *out, struct slice text) {
    if (text.length <= out->limit - out->length) {
        (void)buffer_append_slice(out, text);
        return;
    }
    (void)buffer_append(out, text.bytes, out->limit - out->length - 3);
    (void)buffer_append_text(out, "...");
}
