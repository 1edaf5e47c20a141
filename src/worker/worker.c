#include "worker/worker.h"
#include "lua/chunk.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/load.h"
#include "worker/names.h"
#include "worker/quota.h"
#include "worker/raised.h"
#include "worker/task.h"
#include "worker/want.h"
#include <lauxlib.h>
#include <stdlib.h>

static int extend(lua_State *L);
static void free_task(uint64_t key, void *value, void *context);

struct worker *worker_new(const struct worker_options *options, const struct worker_port *port,
                          struct wire_page *page, struct error *error) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        error_memory(error);
        return NULL;
    }
    worker->options = *options;
    worker->options.operations = worker->options.secrets = NULL;
    worker->port = *port;
    worker->page = page == NULL ? &worker->own_page : page;
    map_init(&worker->tasks);
    worker->operations = names_copy(options->operations);
    worker->secrets = names_copy(options->secrets);
    if (worker->operations == NULL || worker->secrets == NULL) {
        error_memory(error);
        goto failed;
    }
    worker->sandbox = sandbox_new(options->all_memory, extend, worker, error);
    if (worker->sandbox == NULL) {
        goto failed;
    }
    quota_open(worker);
    return worker;
failed:
    worker_free(worker);
    return NULL;
}

void worker_free(struct worker *worker) {
    if (worker == NULL) {
        return;
    }
    map_each(&worker->tasks, free_task, worker);
    map_reset(&worker->tasks);
    sandbox_free(worker->sandbox);
    for (size_t i = 0; i < worker->script_count; i++) {
        free(worker->scripts[i].path);
        free(worker->scripts[i].text);
    }
    free(worker->scripts);
    for (size_t i = 0; i < worker->handler_count; i++) {
        free(worker->handlers[i].path);
        buffer_reset(&worker->handlers[i].options);
        filter_free(worker->handlers[i].filter);
    }
    free(worker->handlers);
    for (size_t i = 0; i < worker->module_count; i++) {
        free(worker->modules[i]);
    }
    free(worker->modules);
    names_free(worker->operations);
    names_free(worker->secrets);
    free(worker);
}

int worker_run(struct worker *worker, const struct worker_request *request) {
    if (map_get(&worker->tasks, request->run) != NULL) {
        return -1;
    }
    return task_start(worker, request);
}

void worker_answer(struct worker *worker, uint64_t run, const struct worker_answer *answer) {
    struct task *task = map_get(&worker->tasks, run);
    if (task == NULL || !task_awaits(task, answer->wait)) {
        worker->late_answers++;
        return;
    }
    task_continue(task, answer);
}

void worker_cancel(struct worker *worker, uint64_t run) {
    struct task *task = map_get(&worker->tasks, run);
    if (task != NULL) {
        task_drop(task);
    }
}

void worker_append_place(const struct worker *worker, struct buffer *out) {
    size_t before = out->length;
    if (worker->wanting != NULL) {
        trace_append_line(worker->wanting, out);
    }
    if (out->length > before + 2) { /* without the ": " behind it */
        buffer_truncate(out, out->length - 2);
    }
}

struct worker_counts worker_count(const struct worker *worker) {
    return (struct worker_counts){.runs = worker->tasks.count,
                                  .late_answers = worker->late_answers,
                                  .overruns = worker->overruns,
                                  .memory = worker->sandbox->memory.used};
}

static int extend(lua_State *L) {
    chunk_open(L);
    load_open(L);
    raised_open(L);
    want_open(L);
    bind_router(L);
    bind_log(L);
    bind_json(L);
    bind_os(L);
    bind_random(L);
    bind_require(L);
    bind_plain(L);
    bind_wait(L);
    bind_state(L);
    bind_step(L);
    bind_all(L);
    bind_time(L);
    bind_http(L);
    bind_secret(L);
    bind_plugins(L);
    return 0;
}

/* Lua's part goes with the state. */
static void free_task(uint64_t key, void *value, void *context) {
    (void)key;
    (void)context;
    struct task *task = value;
    buffer_reset(&task->result);
    free(task);
}
