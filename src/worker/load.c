#include "worker/load.h"
#include "lua/chunk.h"
#include "worker/failure.h"
#include "worker/options.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char handlers_key, modules_key;

enum { MESSAGES_MAX = 64 * 1024 };

/* One file on its way. */
struct loading {
    const struct script *script;
    struct handler *handler; /* NULL: a module */
    size_t place;
};

static bool is_module(const struct script *script);
static bool is_handler(const struct script *script);
static int list_names(struct worker *worker);
static int try_script(struct worker *worker, const struct loading *loading, struct buffer *messages,
                      struct buffer *traceback);
static int load_body(lua_State *L);
static void tell_loaded(struct worker *worker);
static void free_scripts(struct worker *worker);
static int compare_scripts(const void *left, const void *right);

int worker_add_file(struct worker *worker, struct slice path, struct slice text, struct error *error) {
    struct script *scripts = realloc(worker->scripts, (worker->script_count + 1) * sizeof *scripts);
    if (scripts == NULL) {
        return error_memory(error);
    }
    worker->scripts = scripts;
    struct script *script = &scripts[worker->script_count];
    script->path = slice_copy(path);
    script->text = slice_copy(text);
    script->length = text.length;
    if (script->path == NULL || script->text == NULL) {
        free(script->path);
        free(script->text);
        return error_memory(error);
    }
    worker->script_count++;
    return 0;
}

char *worker_module_name(const char *path) {
    struct slice inner = slice_make(path + strlen("lib/"), strlen(path) - strlen("lib/") - strlen(".lua"));
    char *name = slice_copy(inner);
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        if (*c == '/') {
            *c = '.';
        }
    }
    return name;
}

int worker_load(struct worker *worker, struct error *error) {
    struct buffer messages;
    struct buffer traceback;
    buffer_init(&messages, MESSAGES_MAX);
    buffer_init(&traceback, MESSAGES_MAX);
    int result = -1;
    if (worker->script_count > 0) {
        qsort(worker->scripts, worker->script_count, sizeof *worker->scripts, compare_scripts);
    }
    if (list_names(worker) < 0) {
        error_memory(error);
        goto out;
    }
    bool is_sound = true;
    for (size_t i = 0; i < worker->script_count; i++) {
        struct loading loading = {.script = &worker->scripts[i]};
        if (is_module(loading.script)) {
            is_sound = try_script(worker, &loading, &messages, &traceback) == 0 && is_sound;
        }
    }
    for (size_t i = 0; i < worker->script_count; i++) {
        struct loading loading = {.script = &worker->scripts[i]};
        if (is_handler(loading.script)) {
            loading.place = load_find(worker, slice_of(loading.script->path));
            loading.handler = &worker->handlers[loading.place];
            is_sound = try_script(worker, &loading, &messages, &traceback) == 0 && is_sound;
        }
    }
    worker->is_loaded = is_sound;
    if (is_sound) {
        tell_loaded(worker);
    } else {
        worker->port.refused(worker->port.context, buffer_slice(&messages), buffer_slice(&traceback));
    }
    result = 0;
out:
    free_scripts(worker);
    buffer_reset(&messages);
    buffer_reset(&traceback);
    return result;
}

void load_open(lua_State *L) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handlers_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
}

size_t load_find(const struct worker *worker, struct slice path) {
    size_t i = 0;
    while (i < worker->handler_count && !slice_is(path, worker->handlers[i].path)) {
        i++;
    }
    return i;
}

void load_push_handler(lua_State *L, size_t handler) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handlers_key);
    lua_rawgeti(L, -1, (lua_Integer)handler + 1);
    lua_remove(L, -2);
}

void load_push_module(lua_State *L, int name_index) {
    name_index = lua_absindex(L, name_index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_pushvalue(L, name_index);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

static bool is_module(const struct script *script) {
    struct slice path = slice_of(script->path);
    return slice_starts_with(path, "lib/") && slice_ends_with(path, ".lua") && !slice_ends_with(path, "_spec.lua");
}

static bool is_handler(const struct script *script) {
    struct slice path = slice_of(script->path);
    return !slice_starts_with(path, "lib/") && slice_ends_with(path, ".lua") &&
           !slice_ends_with(path, "_spec.lua");
}

/* Who there is, before any of it runs. */
static int list_names(struct worker *worker) {
    worker->handlers = calloc(worker->script_count + 1, sizeof *worker->handlers);
    worker->modules = calloc(worker->script_count + 1, sizeof *worker->modules);
    if (worker->handlers == NULL || worker->modules == NULL) {
        return -1;
    }
    for (size_t i = 0; i < worker->script_count; i++) {
        const struct script *script = &worker->scripts[i];
        if (is_module(script)) {
            char *name = worker_module_name(script->path);
            if (name == NULL) {
                return -1;
            }
            worker->modules[worker->module_count++] = name;
        } else if (is_handler(script)) {
            struct handler *handler = &worker->handlers[worker->handler_count];
            handler->path = slice_copy(slice_of(script->path));
            if (handler->path == NULL) {
                return -1;
            }
            buffer_init(&handler->options, OPTIONS_MAX);
            worker->handler_count++;
        }
    }
    return 0;
}

/* One file in a run of its own, without a number; on failure its message is added to the others. */
static int try_script(struct worker *worker, const struct loading *loading, struct buffer *messages,
                      struct buffer *traceback) {
    struct task task = {.worker = worker, .is_trial = true};
    struct loading passed = *loading;
    int status = LUA_ERRMEM;
    if (task_open(&task) == 0) {
        lua_pushcfunction(task.body.lua.L, load_body);
        lua_pushlightuserdata(task.body.lua.L, &passed);
        status = task_enter(&task);
    }
    if (status != LUA_OK) {
        struct failure failure;
        failure_init(&failure);
        failure_describe(&failure, &task, status);
        if (messages->length == 0) {
            (void)buffer_append_slice(traceback, buffer_slice(&failure.traceback));
        }
        (void)buffer_append_format(messages, "%s%.*s", messages->length == 0 ? "" : "\n",
                                   SLICE_ARG(buffer_slice(&failure.message)));
        failure_reset(&failure);
    }
    task_close(&task);
    return status == LUA_OK ? 0 : -1;
}

static int load_body(lua_State *L) {
    struct loading *loading = lua_touserdata(L, 1);
    const struct script *script = loading->script;
    struct slice text = slice_make(script->text, script->length);
    task_hold_stack(L);
    if (chunk_compile(L, text, script->path) != LUA_OK) {
        return lua_error(L);
    }
    if (loading->handler == NULL) {
        char *name = worker_module_name(script->path);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
        lua_pushstring(L, name);
        free(name);
        lua_pushvalue(L, 2);
    } else {
        chunk_refresh(L, 2);
        lua_pushvalue(L, 2);
        lua_call(L, 0, 1);
        options_check(L, 2, text, loading->handler);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &handlers_key);
        lua_pushinteger(L, (lua_Integer)loading->place + 1);
        lua_pushvalue(L, 2);
    }
    lua_rawset(L, -3);
    return 0;
}

static void tell_loaded(struct worker *worker) {
    struct worker_handler *told = calloc(worker->handler_count + 1, sizeof *told);
    if (told == NULL) {
        worker->port.refused(worker->port.context, slice_of("not enough memory to load the scripts"),
                             slice_of(""));
        return;
    }
    for (size_t i = 0; i < worker->handler_count; i++) {
        told[i] = (struct worker_handler){worker->handlers[i].path, buffer_slice(&worker->handlers[i].options)};
    }
    worker->port.loaded(worker->port.context, told, worker->handler_count);
    free(told);
}

static void free_scripts(struct worker *worker) {
    for (size_t i = 0; i < worker->script_count; i++) {
        free(worker->scripts[i].path);
        free(worker->scripts[i].text);
    }
    free(worker->scripts);
    worker->scripts = NULL;
    worker->script_count = 0;
}

/* So that messages and LOADED have the same order everywhere. */
static int compare_scripts(const void *left, const void *right) {
    const struct script *a = left;
    const struct script *b = right;
    return strcmp(a->path, b->path);
}
