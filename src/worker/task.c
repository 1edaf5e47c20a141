#include "worker/task.h"
#include "base/list.h"
#include "lua/chunk.h"
#include "lua/json_out.h"
#include "worker/event_table.h"
#include "worker/failure.h"
#include "worker/load.h"
#include "worker/place.h"
#include "worker/quota.h"
#include "json/json.h"
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What a handler returns is shown, not used: more than this is not worth its place in the journal. */
enum { RESULT_MAX = 64 * 1024 };

/* Slots: 4 KiB. */
enum { STACK_HELD = 256 };

static int go_on(struct task *task, struct branch *branch);
static void take_processor(struct task *task);
static void leave_processor(struct task *task);
static int enter(struct task *task, lua_State *L);
static void end_branch(struct task *task, struct branch *branch);
static struct branch *find_waiting(struct task *task, uint32_t wait);
static int run_handler(lua_State *L);
static bool is_refused(lua_State *L, const struct task *task);
static int keep_result(lua_State *L, int status, lua_KContext context);
static void settle(struct task *task, int status);
static void tell_failed(struct task *task, int status);
static void tell_missing(struct worker *worker, const struct worker_request *request);

void task_hold_stack(lua_State *L) {
    luaL_checkstack(L, STACK_HELD, "a run");
}

struct worker *worker_of(lua_State *L) {
    return sandbox_of(L)->owner;
}

struct task *task_of(lua_State *L) {
    struct sandbox_branch *branch = sandbox_branch_of(L);
    return branch == NULL ? NULL : CONTAINER_OF(branch->run, struct task, run);
}

struct branch *branch_of(lua_State *L) {
    struct sandbox_branch *branch = sandbox_branch_of(L);
    return branch == NULL ? NULL : CONTAINER_OF(branch, struct branch, lua);
}

int task_open(struct task *task) {
    list_init(&task->branches);
    list_init(&task->ready);
    task->body.status = LUA_YIELD;
    return sandbox_open_run(task->worker->sandbox, &task->run, &task->body.lua, task->worker->options.run_memory);
}

void task_close(struct task *task) {
    sandbox_close_run(task->worker->sandbox, &task->run);
}

int task_enter(struct task *task) {
    return go_on(task, &task->body);
}

int task_call(struct task *task, lua_CFunction function, void *argument) {
    struct sandbox *sandbox = task->worker->sandbox;
    lua_State *L = sandbox_push_thread(sandbox, &task->body.lua);
    if (L == NULL) {
        return -1;
    }
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    take_processor(task);
    int status = enter(task, L);
    leave_processor(task);
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
    task->run.seed = request->seed;
    task->run.started_us = request->now_us;
    if (task_open(task) < 0) {
        tell_failed(task, LUA_ERRMEM);
        task_drop(task);
        return 0;
    }
    lua_pushcfunction(task->body.lua.L, run_handler);
    int status = task_enter(task);
    task->request = NULL;
    settle(task, status);
    return 0;
}

bool task_awaits(struct task *task, uint32_t wait) {
    const struct branch *branch = find_waiting(task, wait);
    return branch != NULL && lua_status(branch->lua.L) == LUA_YIELD;
}

void task_continue(struct task *task, const struct worker_answer *answer) {
    struct branch *branch = find_waiting(task, answer->wait);
    branch->waiting = 0;
    branch->lua.now_us = answer->now_us;
    task->answer = answer;
    int status = go_on(task, branch);
    task->answer = NULL;
    settle(task, status);
}

void task_drop(struct task *task) {
    (void)map_remove(&task->worker->tasks, task->id);
    task_close(task);
    buffer_reset(&task->result);
    free(task);
}

/* With that branch first, until every branch waits or is over. Returns the body's status. */
static int go_on(struct task *task, struct branch *branch) {
    list_append(&task->ready, &branch->in_ready);
    take_processor(task);
    for (struct list_node *node; (node = list_take_first(&task->ready)) != NULL;) {
        struct branch *next = CONTAINER_OF(node, struct branch, in_ready);
        next->status = enter(task, next->lua.L);
        if (next->status != LUA_YIELD && next->parent != NULL) {
            end_branch(task, next);
        }
    }
    leave_processor(task);
    return task->body.status;
}

/* All that follows until leave_processor counts as one slice: a run does not get more by having more branches. */
static void take_processor(struct task *task) {
    struct wire_page *page = task->worker->page;
    memory_charge(&task->worker->sandbox->memory, task->run.account);
    quota_refill(task->worker);
    atomic_fetch_add(&page->slice, 1);
    atomic_store(&page->run, task->is_trial ? WIRE_RUN_LOADING : task->id);
}

static void leave_processor(struct task *task) {
    atomic_store(&task->worker->page->run, 0);
    memory_charge(&task->worker->sandbox->memory, MEMORY_SHARED);
}

/* Starts or continues a coroutine; returns Lua's status. */
static int enter(struct task *task, lua_State *L) {
    int arguments = lua_status(L) == LUA_YIELD ? 0 : lua_gettop(L) - 1;
    int results;
    place_watch(L, task->worker->page);
    int status = lua_resume(L, task->worker->sandbox->L, arguments, &results);
    place_watch(NULL, NULL);
    return status;
}

/* Its value or its error stays in its coroutine, until the branch that started it takes it. */
static void end_branch(struct task *task, struct branch *branch) {
    struct branch *parent = branch->parent;
    list_remove(&branch->in_task);
    task->branch_count--;
    if (parent->lua.now_us < branch->lua.now_us) {
        parent->lua.now_us = branch->lua.now_us;
    }
    if (--parent->open == 0) {
        list_append(&task->ready, &parent->in_ready);
    }
}

static struct branch *find_waiting(struct task *task, uint32_t wait) {
    if (wait == 0) {
        return NULL;
    }
    if (task->body.waiting == wait) {
        return &task->body;
    }
    LIST_EACH (&task->branches, node) {
        struct branch *branch = CONTAINER_OF(node, struct branch, in_task);
        if (branch->waiting == wait) {
            return branch;
        }
    }
    return NULL;
}

/* The coroutine's body: the filter, the script's top level, the event, the handler. */
static int run_handler(lua_State *L) {
    struct task *task = task_of(L);
    task_hold_stack(L);
    task->is_filtered = is_refused(L, task);
    if (task->is_filtered) {
        return 0;
    }
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

static bool is_refused(lua_State *L, const struct task *task) {
    const struct filter *filter = task->worker->handlers[task->handler].filter;
    enum filter_verdict verdict = filter == NULL ? FILTER_PASSES : filter_ask(filter, task->request->event);
    if (verdict == FILTER_UNREADABLE) {
        luaL_error(L, "the filter cannot read the event: it is no JSON object, or there is no memory for it");
    }
    return verdict == FILTER_REFUSES;
}

/* Written as JSON while the run is still on the processor: a table can be built that takes an hour to write. What
 * cannot be written is replaced by a text that says why. */
static int keep_result(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    struct buffer *result = &task_of(L)->result;
    struct json_out_error unwanted;
    if (!lua_isnil(L, -1) && json_out_append(L, -1, result, "result", &unwanted) < 0) {
        buffer_clear(result);
        struct buffer reason;
        buffer_init(&reason, RESULT_MAX);
        buffer_append_format(&reason, "(not shown: %s)", unwanted.message);
        json_append_string(result, buffer_slice(&reason));
        buffer_reset(&reason);
    }
    return 0;
}

static void settle(struct task *task, int status) {
    if (status == LUA_YIELD) {
        return;
    }
    if (status == LUA_OK) {
        struct worker_port *port = &task->worker->port;
        enum wire_result result = task->is_filtered ? WIRE_RESULT_FILTERED : WIRE_RESULT_RETURNED;
        port->done(port->context, task->id, result, buffer_slice(&task->result));
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
