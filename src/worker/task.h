/* A run inside a worker, and the worker behind worker.h. Private to the room.
 *
 * Lua is entered in one place, task_enter. A wait is the task and a number that the task has never used before: an
 * answer that names another is late. */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "base/map.h"
#include "lua/sandbox.h"
#include "worker/worker.h"

struct script {
    char *path;
    char *text;
    size_t length;
};

struct handler {
    char *path;
    struct buffer options;
};

struct worker {
    struct sandbox *sandbox;
    struct worker_limits limits;
    struct worker_port port;
    struct wire_page *page;
    struct wire_page own_page; /* when there is no other */
    struct script *scripts;    /* until they are loaded */
    size_t script_count;
    struct handler *handlers;
    size_t handler_count;
    char **modules; /* names for require; NULL ends them */
    size_t module_count;
    bool is_loaded; /* and sound: there is something to run */
    struct map tasks;
    uint64_t late_answers;
};

struct task {
    struct sandbox_run run;
    struct worker *worker;
    uint64_t id;
    size_t handler;                       /* of the worker's */
    const struct worker_request *request; /* until it first waits */
    const struct worker_answer *answer;   /* while it goes on with it */
    uint32_t waits;                       /* numbers given so far */
    uint32_t waiting;                     /* the one that is open; 0: none */
    bool is_trial;                        /* only loads */
    bool is_handling;                     /* the script's top level is behind it */
    struct buffer result;                 /* what the handler returned, as JSON */
};

struct worker *worker_of(lua_State *L);
/* NULL while the sandbox is being built. */
struct task *task_of(lua_State *L);

/* Starts or continues a coroutine of the task; returns Lua's status. */
int task_enter(struct task *task, lua_State *L, int arguments, int *results);

/* Runs `function` with one light userdata, in a coroutine of its own and charged to the task; it cannot wait. 0,
 * or -1 if it raised. */
int task_call(struct task *task, lua_CFunction function, void *argument);

int task_start(struct worker *worker, const struct worker_request *request);
void task_continue(struct task *task, const struct worker_answer *answer);
void task_drop(struct task *task);

#endif
