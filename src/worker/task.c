#include "worker/task.h"
#include "base/list.h"
#include "lua/chunk.h"
#include "lua/json_out.h"
#include "worker/event_table.h"
#include "worker/failure.h"
#include "worker/load.h"
#include "worker/place.h"
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What a handler returns is shown, not used: more than this is not worth its place in the journal. */
enum { RESULT_MAX = 64 * 1024 };

static int run_handler(lua_State *L);
static int keep_result(lua_State *L, int status, lua_KContext context);
static void settle(struct task *task, int status);
static void tell_failed(struct task *task, int status);
static void tell_missing(struct worker *worker, const struct worker_request *request);

struct worker *worker_of(lua_State *L) {
    return sandbox_of(L)->owner;
}

struct task *task_of(lua_State *L) {
    struct sandbox_run *run = sandbox_run_of(L);
    return run == NULL ? NULL : CONTAINER_OF(run, struct task, run);
}

int task_enter(struct task *task, lua_State *L, int arguments, int *results) {
    struct worker *worker = task->worker;
    struct wire_page *page = worker->page;
    memory_charge(&worker->sandbox->memory, task->run.account);
    atomic_fetch_add(&page->slice, 1);
    atomic_store(&page->run, task->is_trial ? WIRE_RUN_LOADING : task->id);
    place_watch(L, page);
    int status = lua_resume(L, worker->sandbox->L, arguments, results);
    place_watch(NULL, NULL);
    atomic_store(&page->run, 0);
    memory_charge(&worker->sandbox->memory, MEMORY_SHARED);
    return status;
}

int task_call(struct task *task, lua_CFunction function, void *argument) {
    struct sandbox *sandbox = task->worker->sandbox;
    lua_State *L = sandbox_push_thread(sandbox, &task->run);
    if (L == NULL) {
        return -1;
    }
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    int results;
    int status = task_enter(task, L, 1, &results);
    lua_pop(sandbox->L, 1);
    return status == LUA_OK ? 0 : -1;
}

int task_start(struct worker *worker, const struct worker_request *request) {
    size_t handler = load_find(worker, request->handler);
    if (!worker->is_loaded || handler == worker->handler_count) {
        tell_missing(worker, request);
        return 0;
    }
    struct task *task = calloc(1, sizeof *task);
    if (task == NULL || map_put(&worker->tasks, request->run, task) < 0) {
        free(task);
        return -1;
    }
    buffer_init(&task->result, RESULT_MAX);
    task->worker = worker;
    task->id = request->run;
    task->handler = handler;
    task->request = request;
    task->run.started_us = task->run.now_us = request->now_us;
    random_seed(&task->run.random, request->seed);
    if (sandbox_open_run(worker->sandbox, &task->run, worker->limits.run_memory) < 0) {
        tell_failed(task, LUA_ERRMEM);
        task_drop(task);
        return 0;
    }
    lua_pushcfunction(task->run.L, run_handler);
    int results;
    int status = task_enter(task, task->run.L, 0, &results);
    task->request = NULL;
    settle(task, status);
    return 0;
}

void task_continue(struct task *task, const struct worker_answer *answer) {
    task->waiting = 0;
    task->run.now_us = answer->now_us;
    task->answer = answer;
    int results;
    int status = task_enter(task, task->run.L, 0, &results);
    task->answer = NULL;
    settle(task, status);
}

void task_drop(struct task *task) {
    (void)map_remove(&task->worker->tasks, task->id);
    sandbox_close_run(task->worker->sandbox, &task->run);
    buffer_reset(&task->result);
    free(task);
}

/* The coroutine's body: the script's top level, the event, the handler. */
static int run_handler(lua_State *L) {
    struct task *task = task_of(L);
    load_push_handler(L, task->handler);
    chunk_refresh(L, -1);
    lua_call(L, 0, 1);
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "handle");
    }
    if (!lua_isfunction(L, -1)) {
        return luaL_error(L,
                          "%s returned a handler when it was loaded and returns none now: what a script returns "
                          "must not depend on time or chance",
                          task->worker->handlers[task->handler].path);
    }
    event_table_push(L, task->request);
    task->is_handling = true;
    lua_callk(L, 1, 1, 0, keep_result);
    return keep_result(L, LUA_OK, 0);
}

/* Written as JSON while the run is still on the processor: a table can be built that takes an hour to write. What
 * cannot be written is left out. */
static int keep_result(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    struct buffer *result = &task_of(L)->result;
    struct json_out_error unwanted;
    if (!lua_isnil(L, -1) && json_out_append(L, -1, result, "the result", &unwanted) < 0) {
        buffer_clear(result);
    }
    return 0;
}

static void settle(struct task *task, int status) {
    if (status == LUA_YIELD) {
        return;
    }
    if (status == LUA_OK) {
        struct worker_port *port = &task->worker->port;
        port->done(port->context, task->id, WIRE_RESULT_RETURNED, buffer_slice(&task->result));
    } else {
        tell_failed(task, status);
    }
    task_drop(task);
}

static void tell_failed(struct task *task, int status) {
    struct worker_port *port = &task->worker->port;
    struct failure failure;
    failure_init(&failure);
    failure_describe(&failure, task, status);
    struct worker_failure told = {.kind = failure.kind,
                                  .message = buffer_slice(&failure.message),
                                  .traceback = buffer_slice(&failure.traceback),
                                  .error = buffer_slice(&failure.error)};
    port->failed(port->context, task->id, &told);
    failure_reset(&failure);
}

static void tell_missing(struct worker *worker, const struct worker_request *request) {
    struct buffer message;
    buffer_init(&message, 1024);
    (void)buffer_append_format(&message, "there is no script %.*s in this generation",
                               SLICE_ARG(request->handler));
    struct worker_failure failure = {.kind = WIRE_FAILURE_MISSING, .message = buffer_slice(&message)};
    worker->port.failed(worker->port.context, request->run, &failure);
    buffer_reset(&message);
}
