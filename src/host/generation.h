/* One set of scripts and the workers that run it.
 *
 * A generation is built beside the one that is live: its workers are started, get the bytes, compile and try them;
 * when all have said LOADED it is ready, when one refuses (or dies, or takes too long) it has failed and says why.
 * A worker that dies later is replaced, after a pause that grows while replacements keep dying. A generation that
 * is retiring gets no more runs, and goes when the last one is over. All on the loop's thread.
 *
 * Each worker's runs hang on its struct worker_slot; who they are is the run's affair (work.h).
 */
#ifndef HOST_GENERATION_H
#define HOST_GENERATION_H

#include "base/error.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/slice.h"
#include "host/process.h"
#include "host/retry.h"
#include "scripts/scripts.h"
#include <stdbool.h>
#include <stddef.h>

enum generation_state { GENERATION_LOADING, GENERATION_READY, GENERATION_FAILED, GENERATION_RETIRING };

/* A script that handles events. */
struct handler {
    char *path;             /* "RouterJobCancelled/refund.lua": its name in the store, the log and the metrics */
    char *type;             /* the event's short or full name that it is for; "default" for default.lua */
    char *options;          /* its own, as the worker told them: JSON with filter, timeout and retry */
    double timeout_seconds; /* 0: as configured */
    struct retry_policy retry;
    uint8_t script[CRYPTO_DIGEST_SIZE]; /* of its file and of the modules: another one when it was mended */
};

struct generation;

struct worker_slot {
    struct generation *generation;
    struct process *process; /* NULL while it is being replaced */
    bool is_ready;
    struct list runs; /* struct run, by their in_slot */
    size_t run_count;
    unsigned deaths_in_a_row; /* before it was ready */
    struct loop_timer restart;
};

struct generation_options {
    struct loop *loop;
    struct process_options process; /* loop, program, limits; frame, died and relieved are set here */
    unsigned workers;
    struct retry_policy retry; /* what a handler's own table changes */
    /* All called from the loop, never from inside a call of this header: */
    void (*ready)(struct generation *generation);
    void (*failed)(struct generation *generation);                             /* `error` says why */
    void (*frame)(struct worker_slot *slot, const struct wire_frame *frame);   /* WANT, LOG, DONE, FAILED */
    void (*died)(struct worker_slot *slot, const struct process_death *death); /* its runs still hang on it */
    void (*idle)(struct generation *generation);                               /* there is room for runs again */
    void *context;
};

struct generation {
    struct generation_options options;
    void *context;
    struct script_set *scripts;
    char name[CRYPTO_DIGEST_TEXT_SIZE];
    enum generation_state state;
    struct worker_slot *slots;
    struct handler *handlers;
    size_t handler_count;
    struct error error;
    int64_t started_ns;
    int64_t live_us; /* wall; 0: never */
    struct loop_timer deadline;
    struct loop_task verdict;
    bool is_abandoned; /* freed before its verdict was told */
    struct list_node in_host;
};

/* Takes the scripts over, also when it fails. */
struct generation *generation_start(const struct generation_options *options, struct script_set *scripts,
                                    struct error *error);
/* Kills its workers; no run may hang on them any more. */
void generation_free(struct generation *generation);

/* The handlers of a type, in order of path, into `found` (at most `most`): how many. default.lua stands in for a
 * type that has none. */
size_t generation_find(const struct generation *generation, struct slice type, const struct handler **found,
                       size_t most);
const struct handler *generation_handler(const struct generation *generation, struct slice path);

/* The ready worker with the fewest runs, with room for one more; NULL: none now. */
struct worker_slot *generation_pick(struct generation *generation, size_t in_flight);
size_t generation_run_count(const struct generation *generation);

#endif
