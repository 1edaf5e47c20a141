/* The threads that run plugins' functions. One lock over everything but a call's own members while its function
 * runs; it is never held in a function, nor in a callback. */
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "plugin/private.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GRACE_MS = 500, STEP_MAX = 64 };

enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_ANSWERED };

struct plugin_call {
    struct plugin_pool *pool;
    const struct operation *operation;
    char *arguments;
    size_t length;
    char step[STEP_MAX];
    bool is_repeated, is_error, is_dropped;
    double seconds;
    struct buffer answer;
    enum call_state state;
    struct list_node in_list; /* of the pool: waiting, or answered and not told yet */
    struct loop_task told;
    void (*answered)(void *context, const struct plugin_result *result);
    void *context;
};

struct pool_thread {
    struct plugin_pool *pool;
    pthread_t id;
    struct list_node in_pool;
    bool is_over;
};

/* Freed by its owner, or by the last thread that was left behind. */
struct plugin_pool {
    pthread_mutex_t lock;
    pthread_cond_t wanted, ended;
    struct plugins *plugins;
    struct loop *loop;
    size_t answer_limit;
    struct list waiting, answered; /* struct plugin_call, by in_list */
    struct list threads;           /* struct pool_thread, by in_pool */
    size_t waiting_count, thread_count, idle, dropped;
    bool is_over, is_left; /* is_left: its owner is gone */
};

static struct plugin_call *new_call(struct plugin_pool *pool, const struct plugin_request *request);
static void free_call(struct plugin_call *call);
static void start_thread(struct plugin_pool *pool);
static void *run_thread(void *context);
static struct plugin_call *take(struct plugin_pool *pool);
static bool goes_alone(const struct plugin_call *call);
static void run(struct plugin_call *call);
static void finish(struct plugin_call *call);
static void on_told(struct loop_task *task);
static void wait_for_threads(struct plugin_pool *pool);
static bool has_running(const struct plugin_pool *pool);
static void free_pool(struct plugin_pool *pool);
static void drop_all(struct list *calls);

struct plugin_pool *plugin_pool_new(struct plugins *plugins, struct loop *loop, size_t answer_limit,
                                    struct error *error) {
    struct plugin_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        error_memory(error);
        return NULL;
    }
    pool->plugins = plugins;
    pool->loop = loop;
    pool->answer_limit = answer_limit;
    list_init(&pool->waiting);
    list_init(&pool->answered);
    list_init(&pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->wanted, NULL);
    pthread_cond_init(&pool->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pool;
}

void plugin_pool_free(struct plugin_pool *pool) {
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->is_over = true;
    drop_all(&pool->waiting);
    drop_all(&pool->answered);
    pthread_cond_broadcast(&pool->wanted);
    wait_for_threads(pool);
    bool is_held = pool->is_left = has_running(pool);
    pool->plugins->is_held = pool->plugins->is_held || is_held;
    struct list over;
    list_init(&over);
    for (struct list_node *node = pool->threads.head.next, *next; node != &pool->threads.head; node = next) {
        struct pool_thread *thread = CONTAINER_OF(node, struct pool_thread, in_pool);
        next = node->next;
        if (thread->is_over) {
            list_remove(node);
            list_append(&over, node);
        } else {
            pthread_detach(thread->id);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    for (struct list_node *node; (node = list_take_first(&over)) != NULL;) {
        struct pool_thread *thread = CONTAINER_OF(node, struct pool_thread, in_pool);
        pthread_join(thread->id, NULL);
        free(thread);
    }
    if (is_held) {
        log_warn("plugin", "a C helper has not come back: it is left behind, and its plugin stays loaded",
                 LOG_END);
    } else {
        free_pool(pool);
    }
}

struct plugin_call *plugin_pool_call(struct plugin_pool *pool, const struct plugin_request *request,
                                     struct error *error) {
    struct plugin_call *call = new_call(pool, request);
    if (call == NULL) {
        error_memory(error);
        return NULL;
    }
    if (call->operation == NULL) {
        error_set(error, ERROR_NOT_FOUND, "no plugin has %.*s", SLICE_ARG(request->operation));
        free_call(call);
        return NULL;
    }
    pthread_mutex_lock(&pool->lock);
    bool is_full = pool->waiting_count >= PLUGIN_QUEUE;
    if (!is_full) {
        list_append(&pool->waiting, &call->in_list);
        pool->waiting_count++;
        if (pool->waiting_count > pool->idle) {
            start_thread(pool);
        }
        pthread_cond_signal(&pool->wanted);
    }
    bool has_thread = pool->thread_count > 0;
    if (!is_full && !has_thread) {
        list_remove(&call->in_list);
        pool->waiting_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!is_full && has_thread) {
        return call;
    }
    error_set(error, ERROR_BUSY,
              is_full ? "%d calls of C helpers wait already" : "no thread could be made for it (of %d)",
              is_full ? PLUGIN_QUEUE : PLUGIN_THREADS);
    free_call(call);
    return NULL;
}

void plugin_call_drop(struct plugin_call *call) {
    struct plugin_pool *pool = call->pool;
    pthread_mutex_lock(&pool->lock);
    bool is_running = call->state == CALL_RUNNING;
    bool is_queued = call->state == CALL_QUEUED;
    call->is_dropped = true;
    if (is_running) {
        pool->dropped++;
        if (pool->waiting_count > pool->idle) {
            start_thread(pool);
        }
    } else if (is_queued) {
        list_remove(&call->in_list);
        pool->waiting_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (is_running) {
        log_warn("plugin", "a C helper takes longer than its run has time: its answer will be dropped",
                 LOG_TEXT("operation", call->operation->name), LOG_TEXT("plugin", call->operation->plugin->path),
                 LOG_END);
    } else if (is_queued) {
        free_call(call);
    }
}

static struct plugin_call *new_call(struct plugin_pool *pool, const struct plugin_request *request) {
    struct plugin_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->pool = pool;
    call->operation = plugins_find(pool->plugins, request->operation);
    call->is_repeated = request->is_repeated;
    call->answered = request->answered;
    call->context = request->context;
    strncpy(call->step, request->step == NULL ? "" : request->step, sizeof call->step - 1);
    /* room for the words of an error, where answers may be small */
    buffer_init(&call->answer, pool->answer_limit + 512 * 1024);
    call->length = request->arguments.length;
    call->arguments = slice_copy(request->arguments);
    if (call->arguments == NULL) {
        free(call);
        return NULL;
    }
    return call;
}

static void free_call(struct plugin_call *call) {
    buffer_reset(&call->answer);
    free(call->arguments);
    free(call);
}

/* Unless there are enough. The lock is held; without a thread more, those that are there do the work. */
static void start_thread(struct plugin_pool *pool) {
    size_t most = PLUGIN_THREADS + pool->dropped;
    struct pool_thread *thread = NULL;
    if (pool->thread_count >= (most < PLUGIN_THREADS_MOST ? most : (size_t)PLUGIN_THREADS_MOST) ||
        (thread = calloc(1, sizeof *thread)) == NULL) {
        return;
    }
    thread->pool = pool;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's */
    int failed = pthread_create(&thread->id, NULL, run_thread, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(thread);
        return;
    }
    list_append(&pool->threads, &thread->in_pool);
    pool->thread_count++;
}

static void *run_thread(void *context) {
    struct pool_thread *thread = context;
    struct plugin_pool *pool = thread->pool;
    pthread_setname_np(pthread_self(), "plugin");
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_over) {
        struct plugin_call *call = take(pool);
        if (call == NULL) {
            pool->idle++;
            pthread_cond_wait(&pool->wanted, &pool->lock);
            pool->idle--;
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        run(call);
        pthread_mutex_lock(&pool->lock);
        finish(call);
    }
    thread->is_over = true;
    bool is_left = pool->is_left;
    bool is_last = is_left && !has_running(pool);
    if (is_left) {
        list_remove(&thread->in_pool);
        free(thread);
    }
    pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    if (is_last) {
        free_pool(pool);
    }
    return NULL;
}

/* The first that may run now. */
static struct plugin_call *take(struct plugin_pool *pool) {
    LIST_EACH (&pool->waiting, node) {
        struct plugin_call *call = CONTAINER_OF(node, struct plugin_call, in_list);
        struct plugin *plugin = call->operation->plugin;
        if (goes_alone(call) && plugin->has_turn) {
            continue;
        }
        plugin->has_turn = plugin->has_turn || goes_alone(call);
        list_remove(&call->in_list);
        pool->waiting_count--;
        call->state = CALL_RUNNING;
        return call;
    }
    return NULL;
}

static bool goes_alone(const struct plugin_call *call) {
    return (call->operation->flags & SWITCHHOOK_ONE_AT_A_TIME) != 0;
}

static void run(struct plugin_call *call) {
    const struct operation *operation = call->operation;
    struct given given;
    given_init(&given, call->step, call->is_repeated, call->pool->answer_limit);
    int64_t began = clock_monotonic_ns();
    operation->function(operation->context, call->arguments, call->length, &given.answer);
    call->seconds = (double)(clock_monotonic_ns() - began) / 1e9;
    call->is_error = given_finish(&given, operation, &call->answer);
    if (call->answer.is_broken) {
        buffer_clear(&call->answer);
        call->is_error = true;
    }
    given_reset(&given);
}

/* The lock is held. A thread that was left behind may come back when its pool's loop is gone. */
static void finish(struct plugin_call *call) {
    struct plugin_pool *pool = call->pool;
    if (goes_alone(call)) {
        call->operation->plugin->has_turn = false;
        pthread_cond_signal(&pool->wanted); /* the next in turn may be behind what this thread takes */
    }
    if (call->is_dropped || pool->is_over) {
        pool->dropped -= call->is_dropped;
        free_call(call);
        return;
    }
    call->state = CALL_ANSWERED;
    list_append(&pool->answered, &call->in_list);
    loop_post(pool->loop, &call->told, on_told);
}

static void on_told(struct loop_task *task) {
    struct plugin_call *call = CONTAINER_OF(task, struct plugin_call, told);
    pthread_mutex_lock(&call->pool->lock);
    list_remove(&call->in_list);
    pthread_mutex_unlock(&call->pool->lock);
    if (!call->is_dropped) {
        /* nothing in an error's place: there was no memory for the words */
        bool has_words = !call->is_error || call->answer.length > 0;
        call->answered(call->context,
                       &(struct plugin_result){
                           .is_error = call->is_error,
                           .answer = has_words
                                         ? buffer_slice(&call->answer)
                                         : slice_of("{\"code\":\"OutOfMemory\",\"message\":\"the host has no "
                                                    "memory for the answer\",\"retryable\":true,\"status\":0}"),
                           .seconds = call->seconds});
    }
    free_call(call);
}

static void wait_for_threads(struct plugin_pool *pool) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GRACE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (has_running(pool) && pthread_cond_timedwait(&pool->ended, &pool->lock, &until) == 0) {
    }
}

static bool has_running(const struct plugin_pool *pool) {
    LIST_EACH (&pool->threads, node) {
        if (!CONTAINER_OF(node, struct pool_thread, in_pool)->is_over) {
            return true;
        }
    }
    return false;
}

static void free_pool(struct plugin_pool *pool) {
    pthread_cond_destroy(&pool->wanted);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void drop_all(struct list *calls) {
    for (struct list_node *node; (node = list_take_first(calls)) != NULL;) {
        free_call(CONTAINER_OF(node, struct plugin_call, in_list));
    }
}
