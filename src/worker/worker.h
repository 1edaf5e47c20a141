/* A worker: one generation's scripts in one sandbox, and the runs that are under way.
 *
 * What a script wants goes out through the port; what comes of it comes back through worker_answer. In the worker
 * process the port writes frames to the host; under test it is whatever stands for the world. A port's function
 * must only note what it is told: answering from inside one (before the run waits) is a late answer, and ignored.
 *
 *     struct worker *worker = worker_new(&options, &port, NULL, &error);
 *     worker_add_file(worker, slice_of("RouterJobQueued.lua"), bytes, &error);
 *     worker_load(worker, &error);            // port.loaded, or port.refused
 *     worker_run(worker, &request);           // port.want, port.log, port.done, port.failed
 *     worker_answer(worker, run, &answer);    // goes on
 *     worker_free(worker);
 *
 * One thread. A run is known by the number that the host gave it, and is over once done or failed was told.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"
#include "wire/wire.h"
#include <stddef.h>
#include <stdint.h>

struct worker;

struct worker_options {
    size_t run_memory; /* bytes */
    size_t all_memory;
    size_t answer; /* the most that an answer may have as JSON; and, the other way, the arguments of a step */
    /* NULL-terminated, or NULL: none. Copied. */
    const char *const *operations; /* of C helpers: "crm.lookup" */
    const char *const *secrets;    /* names only: a worker never has a value */
    uint64_t instructions;         /* of one slice, where no host watches the processor (quota.h); 0: no limit */
};

struct worker_handler {
    const char *path;
    struct slice options; /* JSON */
};

struct worker_failure {
    enum wire_failure kind;
    struct slice message;
    struct slice traceback;
    struct slice error; /* JSON of the answer that was raised, or empty */
};

/* What is passed lives until the call returns. */
struct worker_port {
    void (*want)(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                 struct slice arguments);
    void (*log)(void *context, uint64_t run, enum log_level level, struct slice message, struct slice fields);
    void (*done)(void *context, uint64_t run, enum wire_result result, struct slice value);
    void (*failed)(void *context, uint64_t run, const struct worker_failure *failure);
    void (*loaded)(void *context, const struct worker_handler *handlers, size_t count);
    void (*refused)(void *context, struct slice message, struct slice traceback);
    void *context;
};

struct worker_request {
    uint64_t run;
    struct slice handler;
    uint64_t seq;
    uint32_t attempt;
    int64_t received_us;
    int64_t now_us;
    uint64_t seed;
    struct slice event; /* as it was delivered */
};

struct worker_answer {
    uint32_t wait;
    enum wire_outcome outcome;
    uint32_t status;
    bool is_repeated;
    int64_t now_us;
    struct slice etag;
    struct slice value; /* JSON; empty: nil */
};

/* Where the script is that wants something: "Script.lua:12". Only from inside the port's `want`. */
void worker_append_place(const struct worker *worker, struct buffer *out);

struct worker_counts {
    size_t runs;           /* under way */
    uint64_t late_answers; /* for runs that are over, for waits that are, or for no wait at all */
    uint64_t overruns;     /* slices that used up their instructions */
    size_t memory;
};

/* `page` NULL: nobody watches the processor. */
struct worker *worker_new(const struct worker_options *options, const struct worker_port *port,
                          struct wire_page *page, struct error *error);
void worker_free(struct worker *worker);

/* Copies both. Only before worker_load. */
int worker_add_file(struct worker *worker, struct slice path, struct slice text, struct error *error);
/* The name by which scripts require a file of lib/: "crm.client" for "lib/crm/client.lua". The caller frees
 * it; NULL without memory. */
char *worker_module_name(const char *path);
/* Compiles and tries everything and tells the port. -1 only without memory. */
int worker_load(struct worker *worker, struct error *error);

/* Starts the run, and lets it go as far as it gets. -1 when a run of this number is under way. */
int worker_run(struct worker *worker, const struct worker_request *request);
void worker_answer(struct worker *worker, uint64_t run, const struct worker_answer *answer);
/* Drops the run where it stands: no __close is called, nothing is told. */
void worker_cancel(struct worker *worker, uint64_t run);

struct worker_counts worker_count(const struct worker *worker);

#endif
