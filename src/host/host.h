/* The conductor: takes events from the store, one lane at a time each, hands them to workers, does what their
 * scripts ask for, journals it, and decides what happens to a run that fails. Scripts are reloaded as they are
 * saved.
 *
 * One thread: host_run's. Other threads may call host_stop, host_abandon, host_look, host_reload,
 * host_may_accept, host_ask, host_give, host_is_running and host_running. The configuration and the store are the
 * caller's.
 *
 *     struct host *host =
 *         host_new(&(struct host_options){.config = config, .store = store, .worker = path}, &error);
 *     host_run(host, &error);  // until host_stop; then drains for limits.drain_seconds
 *     store_close(store);      // before host_free: the store may still hold changes of the host's
 *     host_free(host);
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/error.h"
#include "base/loop.h"
#include "base/slice.h"
#include "config/config.h"
#include "plugin/plugin.h"
#include "store/store.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;

/* What happens, as it happens: for the trace on the terminal. Slices live during the call. */
enum host_happening {
    HOST_ARRIVED, /* an event was taken up */
    HOST_STEP,    /* an operation was answered */
    HOST_SAID,    /* a script wrote to the log: `reason`, `answer` (its fields, JSON) and `level` */
    HOST_DONE,
    HOST_WAITING, /* a run failed and is tried again at due_us */
    HOST_PARKED,
    HOST_UNHANDLED,
    HOST_LIVE,    /* a generation of scripts is live */
    HOST_REFUSED, /* scripts did not load: `reason` */
    HOST_KILLED,  /* a worker ended that was to go on: `result` and `reason` */
};

struct host_note {
    enum host_happening what;
    int64_t at_us; /* wall */
    uint64_t seq;
    struct slice subject; /* the job, else the worker, else the event's subject */
    struct slice type;    /* short */
    struct slice handler;
    struct slice operation, arguments; /* of a step; arguments: a JSON array */
    uint32_t number;                   /* of the step, from 1 */
    struct slice answer;               /* JSON: of a step; of a run that is done, what its handler returned */
    uint32_t status;
    bool is_error;
    unsigned level; /* enum log_level */
    double seconds; /* of the step, or of the run since the event's arrival */
    /* Of a run: "done", "filtered", or how it failed. Of a worker: "slice" (the host ended it for a run that did
     * not give way), "host" (for something else), "outside" (a signal from elsewhere), "crash". */
    struct slice result;
    struct slice reason;
    struct slice traceback; /* of a run that failed; may be empty */
    unsigned attempt;
    int64_t due_us;
};

/* A step that is about to be done, and what is to be taken for its answer. */
struct host_wanted {
    struct slice handler, operation, arguments; /* arguments: a JSON array */
    uint32_t number;                            /* of the step, from 1 */
    uint32_t branch, occurrence;                /* of this operation with these arguments in the branch, from 1 */
    const char *place;                          /* in the script: "Script.lua:12" */
    uint64_t seq;                               /* of the event */
    const char *type, *subject;                 /* likewise: as in host_note */
    bool is_repeated;                           /* it was perhaps done before */
};
struct host_given {
    bool is_error;
    uint32_t status;
    bool was_sent;    /* of an error: it may have been done, so that the next time is a repetition */
    int64_t pause_us; /* how much later the script finds itself to be */
    char etag[128];
    struct buffer value; /* JSON, or empty for nil; of an error: its members. The host's to init and reset */
};

struct host_options {
    const struct config *config;
    struct store *store;
    const char *worker;      /* the path of switchhook-worker */
    const char *handler;     /* only this one of the scripts, by its path; NULL: all */
    struct plugins *plugins; /* C helpers, the caller's until host_free; NULL: none */
    bool is_paused;          /* starts so */
    /* SIGTERM, SIGINT and SIGHUP are the program's. Else the first two stop the host, SIGHUP reloads: they must be
     * blocked in all threads. */
    bool leaves_signals;
    void (*note)(void *context, const struct host_note *note); /* on the loop's thread; may be NULL */
    void (*ready)(void *context);                              /* the first time that a generation is live */
    void (*stopping)(void *context);                           /* a stop was asked for, by host_stop or a signal */
    /* On the loop's thread, before a step is done: true when it filled `given`, which is then journaled as the
     * world's answer; false: the host does what is wanted. NULL: always that. */
    bool (*answer)(void *context, const struct host_wanted *wanted, struct host_given *given);
    void *context;
};

struct host *host_new(const struct host_options *options, struct error *error);
void host_free(struct host *host);

/* Loads the scripts, takes up what the store holds, and works until it is stopped. 0 after an orderly stop; -1
 * when the store broke. */
int host_run(struct host *host, struct error *error);
void host_stop(struct host *host);
/* As if the power went: no step is begun any more, nothing is waited for, workers end where they are. host_run
 * returns with this turn; the store, once closed, is as an unclean stop leaves it. An answer that is being given
 * now (host_options.answer) is not journaled; one that is noted now is. */
void host_abandon(struct host *host);
/* The wall clock was held elsewhere (clock_hold_wall): raises what is due by now. */
void host_look(struct host *host);
/* Reads the scripts again, even if nothing seems changed. */
void host_reload(struct host *host);

/* Answers all questions and orders; later ones are answered at once. host_run ends with it: for a host that never
 * ran, before those who ask are stopped. */
void host_close(struct host *host);

/* Whether a delivery may be stored now: not when stopping, nor past limits.backlog. */
bool host_may_accept(const struct host *host);

struct host_worker_status {
    int pid;
    bool is_ready;
    size_t runs;
};

enum { HOST_WORKERS_SHOWN = 64 };

/* The store calls an event queued until it waits or is over; these are the ones that were begun. Any thread. */
bool host_is_running(struct host *host, uint64_t seq);
/* Their numbers, in no order, at most `most`: how many. */
size_t host_running(struct host *host, uint64_t *seqs, size_t most);

/* What the host is doing, at one moment. */
struct host_status {
    bool is_live, is_stopping;
    char generation[33];
    size_t files, handlers;
    int64_t live_us;                 /* wall: since when the generation is live */
    int64_t reload_us;               /* wall: of the last try to load; 0: none */
    char reload_error[600];          /* empty: it went well */
    size_t generations;              /* live and retiring */
    size_t queued, running, waiting; /* events; queued: in memory, see has_more */
    bool has_more;                   /* further queued events are in the store only */
    bool is_paused;
    char paused_handlers[256]; /* names, with ", " between; cut when they are many */
    bool is_raising;           /* events that were to be raised later are on their way into the store */
    bool is_breaker_open;      /* the Job Router does not answer: runs that need it wait */
    char open_upstreams[512];  /* origins of others that do not, likewise; in the form of paused_handlers */
    size_t lanes;
    struct host_worker_status workers[HOST_WORKERS_SHOWN];
    size_t worker_count;
    uint64_t done, parked, unhandled, retries, kills, steps, reloads, refused_reloads; /* since the start */
};

/* A question to the loop; embedded in its owner's struct, kept alive until `answered`, which is called on the
 * loop's thread; after host_run has returned, at once, with nothing but is_stopping. */
struct host_question {
    struct host_status status;
    void (*answered)(struct host_question *question);
    struct {
        struct host *host;
        struct host_question *next;
    } in_host;
};
void host_ask(struct host *host, struct host_question *question);

/* Something to be done on the loop; embedded, kept and answered as a question is. */
enum host_order_verb {
    HOST_PAUSE,  /* hands out no more runs: of `handler`, or (NULL) of any */
    HOST_RESUME, /* NULL: everything, paused handlers too */
    HOST_REPLAY, /* the parked runs of event `seq` again: attempts counted anew, at the tail of its lane. A
                    quarantined element is read again, and run when it is an event now */
};
struct host_order {
    enum host_order_verb verb;
    const char *handler; /* path, e.g. "RouterJobQueued.lua", or without .lua */
    uint64_t seq;
    bool from_start; /* REPLAY: forgets the journaled steps; needed for runs that are done */
    bool must;       /* REPLAY: past the event's deadline, too */
    struct error
        error; /* filled in: ERROR_NOT_FOUND, ERROR_INVALID (nothing of it is parked), ERROR_BUSY (it is being
                            handled), ERROR_CLOSED (the host is stopping) */
    size_t run_count; /* filled in: runs that were queued again */
    void (*answered)(struct host_order *order);
    struct {
        struct host *host;
        struct host_order *next;
        struct store_work work;
        bool is_stored;                /* a replay: the store has done its part */
        struct understood *understood; /* likewise: what a quarantined element is now */
    } in_host;
};
void host_give(struct host *host, struct host_order *order);

#endif
