/* C helpers of one's own: shared objects whose operations the host calls. include/switchhook.h is what their
 * authors read; this is what the host does with them.
 *
 * Loading: plugins_load opens the files, asks each for its operations, and checks version and names. Whoever only
 * wants to know the names (`check`, `try`, the kit) loads them dry and calls nothing.
 *
 *     struct plugins *plugins = plugins_load(config->plugins, false, &error);
 *     for (const char *const *name = plugins_names(plugins); *name != NULL; name++) ...   // "crm.lookup"
 *     plugins_free(plugins);
 *
 * Calling: a pool runs them on threads of its own, and its answers come back to the loop. A function that does not
 * come back holds its thread, and nothing else: the call can be dropped, other calls get other threads, and a
 * pool that is freed leaves it behind (then the plugins stay loaded, for it still runs in one).
 *
 *     struct plugin_pool *pool = plugin_pool_new(plugins, loop, 4 << 20, &error);
 *     plugin_pool_call(pool, &(struct plugin_request){.operation = ..., .answered = on_answered}, &error);
 *     plugin_pool_free(pool);      // before plugins_free
 */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include "base/error.h"
#include "base/loop.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>

struct plugins;

enum { PLUGIN_NAME_MAX = 64 }; /* of a module, and of a function in it */

/* `paths` ends with NULL, or is NULL: there are none. `is_dry`: only the names are wanted. NULL with an error that
 * names the file, or both files where two clash. */
struct plugins *plugins_load(char *const *paths, bool is_dry, struct error *error);
/* Tells the plugins, and closes them. NULL is fine. */
void plugins_free(struct plugins *plugins);

/* MODULE.FUNCTION of each operation, in the order of registration; NULL ends them. Of NULL: none. */
const char *const *plugins_names(const struct plugins *plugins);
bool plugins_has(const struct plugins *plugins, struct slice operation);

enum {
    PLUGIN_THREADS = 16,      /* at work at once */
    PLUGIN_THREADS_MOST = 64, /* with those whose calls were dropped and have not come back */
    PLUGIN_QUEUE = 10000,     /* calls that wait for a thread */
};

struct plugin_pool;
struct plugin_call;

/* An answer: JSON, compact; of an error {"code","message","operation","retryable","status":0}. */
struct plugin_result {
    bool is_error;
    struct slice answer;
    double seconds; /* that the function took */
};

struct plugin_request {
    struct slice operation; /* one that plugins_has */
    struct slice arguments; /* JSON of the function's one argument; copied */
    const char *step;       /* switchhook_answer.step; copied */
    bool is_repeated;
    /* On the loop's thread, once, unless the call is dropped before. The result lives during the call. */
    void (*answered)(void *context, const struct plugin_result *result);
    void *context;
};

/* All on the loop's thread, or while no loop runs. Answers hold at most `answer_limit` bytes. */
struct plugin_pool *plugin_pool_new(struct plugins *plugins, struct loop *loop, size_t answer_limit,
                                    struct error *error);
/* Drops all calls, and gives those under way half a second to come back. NULL is fine. */
void plugin_pool_free(struct plugin_pool *pool);

/* NULL: ERROR_NOT_FOUND, ERROR_MEMORY, or ERROR_BUSY: PLUGIN_QUEUE calls wait already. */
struct plugin_call *plugin_pool_call(struct plugin_pool *pool, const struct plugin_request *request,
                                     struct error *error);
/* Nobody waits for it any more: `answered` is not called. Not after it was. */
void plugin_call_drop(struct plugin_call *call);

#endif
