/* A run inside a worker, and the worker behind worker.h. Private to the room.
 *
 * Lua is entered in one place, in task.c. A run is its body and the branches that all{} started: each goes on
 * until it waits, and none is entered from inside another. A wait is the task and a number that the task has never
 * used before: an answer that names another is late. */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "base/list.h"
#include "base/map.h"
#include "event/filter.h"
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
    struct filter *filter; /* NULL: every event is handled */
};

struct worker {
    struct sandbox *sandbox;
    struct worker_options options; /* but for the names: those are its own, below */
    struct worker_port port;
    struct wire_page *page;
    struct wire_page own_page; /* when there is no other */
    lua_State *wanting;        /* while the port hears what it wants */
    struct script *scripts;    /* until they are loaded */
    size_t script_count;
    struct handler *handlers;
    size_t handler_count;
    char **modules;               /* names for require; NULL ends them */
    char **operations, **secrets; /* as in worker_options; never NULL */
    size_t module_count;
    bool is_loaded; /* and sound: there is something to run */
    struct map tasks;
    uint64_t late_answers;
    uint64_t instructions; /* left to the present slice; see quota.h */
    uint64_t overruns;
};

/* It waits for one answer, or for the branches that it started. */
struct branch {
    struct sandbox_branch lua;
    struct branch *parent; /* NULL: the run's body */
    struct list_node in_ready;
    struct list_node in_task; /* until it is over; the body is in no list */
    uint32_t number;          /* on the wire; the body's is 0 */
    uint32_t gathers;         /* how often it has called all{} */
    uint32_t open;            /* of the branches that it started: not over yet */
    uint32_t waiting;         /* the number of its wait; 0: none */
    int status; /* Lua's, once it is over; its value or its error is its coroutine's only value then */
};

struct task {
    struct sandbox_run run;
    struct branch body;
    struct list branches; /* under way */
    size_t branch_count;
    struct list ready; /* branches that can go on */
    struct worker *worker;
    uint64_t id;
    size_t handler;                       /* of the worker's */
    const struct worker_request *request; /* until it first waits */
    const struct worker_answer *answer;   /* while it goes on with it */
    uint32_t waits;                       /* numbers given so far */
    bool is_trial;                        /* only loads */
    bool is_handling;                     /* the script's top level is behind it */
    bool is_filtered;                     /* the handler's filter has refused the event */
    struct buffer result;                 /* what the handler returned, as JSON */
};

struct worker *worker_of(lua_State *L);
/* Both are NULL while the sandbox is being built. */
struct task *task_of(lua_State *L);
struct branch *branch_of(lua_State *L);

/* Gives the task its body; -1 without memory. */
int task_open(struct task *task);
void task_close(struct task *task);

/* Runs what lies on the body's stack, a function and its arguments, as far as it gets without an answer; returns
 * Lua's status. */
int task_enter(struct task *task);

/* Runs `function` with one light userdata, in a coroutine of its own and charged to the task; it cannot wait. 0,
 * or -1 if it raised. */
int task_call(struct task *task, lua_CFunction function, void *argument);

/* For the outermost function of a coroutine in which scripts run: while it is active, the stack has room for what
 * a script usually needs. Lua 5.4.4 goes on with the old place of a stack that moved while `..` called __concat,
 * and a secret has one (mended in 5.4.6). */
void task_hold_stack(lua_State *L);

int task_start(struct worker *worker, const struct worker_request *request);
/* Whether a branch waits under that number, and is ready for its answer. */
bool task_awaits(struct task *task, uint32_t wait);
void task_continue(struct task *task, const struct worker_answer *answer);
void task_drop(struct task *task);

#endif
