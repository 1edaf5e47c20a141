/* The store: events, their runs, their steps and the generations of scripts, kept so that an answer of 200 holds.
 *
 * One thread owns the writing connection. Everything that writes is a struct store_work, submitted from any thread
 * and done in the order of submission; all that wait share one commit (group commit, synced to the disk). `done`
 * is called after the sync, on one of the store's two threads, one call at a time: it must be short and must not
 * call the store except store_submit. A work that failed has error.code set: nothing of it is in the store. Works
 * are embedded in their owners' structs, who keep them and all that their slices point to alive until `done`.
 *
 * Reading goes through struct store_reader: read-only, short, each used by one thread at a time.
 *
 * Only one host may have a store open: store_open takes a lock beside the file and a new fencing number, which
 * every change of a run must carry. (Several hosts come with another implementation behind this header; a claim
 * here is always granted, with a lease that this process renews by living.)
 *
 * A run's id is seq * 256 + the place of its handler among the event's (store_run_id). A step's number counts from
 * 1 within its run.
 *
 *     struct store *store = store_open("sqlite:switchhook.db", &error);
 *     struct append { struct store_work work; ... } *append = ...;
 *     append->work = (struct store_work){.verb = STORE_APPEND, .append = {events, count}, .done = on_stored};
 *     store_submit(store, &append->work);
 *     ...
 *     store_close(store);      // does what was submitted, then stops
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_DIGEST_SIZE = 16, STORE_RUNS_PER_EVENT = 256 };
enum { STORE_KEY_MOST = 1024, STORE_VALUE_MOST = 64 * 1024 }; /* bytes */

/* The states of an event, as the contract names them. An event's state is the worst of its runs'. */
enum store_state {
    STORE_QUEUED = 0,
    STORE_RUNNING = 1, /* never on the disk: a run that was on when the host died is queued again */
    STORE_WAITING = 2, /* for a retry or a timer */
    STORE_DONE = 3,
    STORE_PARKED = 4,
    STORE_UNHANDLED = 5,
    STORE_QUARANTINED = 6,
};
enum { STORE_STATES = 7 };
extern const char *const store_state_names[STORE_STATES + 1]; /* "queued", ...; NULL ends */

static inline bool store_is_open_state(enum store_state state) {
    return state <= STORE_WAITING;
}

static inline uint64_t store_run_id(uint64_t seq, unsigned place) {
    return seq * STORE_RUNS_PER_EVENT + place;
}
static inline uint64_t store_run_seq(uint64_t run) {
    return run / STORE_RUNS_PER_EVENT;
}
static inline unsigned store_run_place(uint64_t run) {
    return (unsigned)(run % STORE_RUNS_PER_EVENT);
}

/* One event of a delivery. */
struct store_event {
    const uint8_t *identity; /* STORE_DIGEST_SIZE bytes: of source, type and id */
    const uint8_t *content;  /* likewise: of the tokens */
    struct slice raw, id, type, source, subject, time, job, worker;
    uint64_t lane;
    const char *malformed; /* why it is quarantined, or NULL */
    /* Filled in: */
    uint64_t seq;      /* its number, or that of the event that it repeats */
    bool is_duplicate; /* same identity, same content, within the window */
    bool is_namesake;  /* same identity, other content: stored as a new event */
};

/* A run as it stands. Texts may be empty. */
struct store_run {
    uint64_t id;
    enum store_state state;          /* of this run */
    struct slice handler;            /* path in the scripts folder */
    const uint8_t *generation;       /* STORE_DIGEST_SIZE bytes: the scripts it last ran with; NULL: none */
    const uint8_t *script;           /* likewise: its handler and the modules; tells whether it was mended */
    uint32_t attempt;                /* counted attempts so far, the one that succeeded too */
    uint32_t kills;                  /* of them, how many ended by the death of the worker */
    int64_t due_us;                  /* STORE_WAITING: when it goes on (wall) */
    int64_t started_us, finished_us; /* wall; 0: not yet */
    struct slice result;             /* "done", "filtered", "failed", ... */
    struct slice reason;             /* why it is parked or waits: one line */
    struct slice traceback;
    struct slice returned; /* JSON of what the handler returned: for people, it means nothing */
};

/* A step with its answer. */
struct store_step {
    uint64_t run;
    uint32_t number;
    uint32_t branch;
    uint32_t occurrence; /* of this operation with these arguments in this branch, from 1 */
    bool is_error;       /* the answer was raised */
    bool is_repeated;    /* it was perhaps sent before */
    bool is_forgotten;   /* an error after which the run failed: kept to be looked at, no answer any more */
    uint32_t status;     /* HTTP status, or 0 */
    int64_t asked_us, answered_us; /* wall */
    struct slice operation;        /* router.jobs.activate */
    struct slice arguments;        /* canonical JSON array */
    struct slice answer;           /* JSON; of an error: its members */
    struct slice etag;
};

/* What a step does to the values that scripts keep (`state` in Lua): done in the transaction that journals the
 * step, which gets the answer that the store works out. Values are JSON as the worker writes it (canonical), so
 * that the same value is the same text; a value whose time is over is not there. What a script may not do is
 * answered by an error: {"code","message","operation","retryable":false,"status":0}, and is_error is set. */
enum store_value_verb {
    STORE_VALUE_GET,    /* answer: the value, or empty */
    STORE_VALUE_SET,    /* answer: empty */
    STORE_VALUE_DELETE, /* answer: true when there was one */
    /* Answer: the new number; nothing there counts as 0. Integers stay exact: a sum that does not fit 64 bits is
     * an error (NumberTooLarge), as is what is no number (NotANumber). The time of what is there stays, unless
     * expires_us is set. */
    STORE_VALUE_INCREMENT,
    STORE_VALUE_SWAP, /* answer: true when `expected` (unset: nothing) was there and `value` is now */
};
struct store_value_op {
    enum store_value_verb verb;
    struct slice key;
    struct slice value;         /* of SET and SWAP (unset: delete), the increment of INCREMENT (unset: 1) */
    struct slice expected;      /* of SWAP: compared as text, numbers by their value */
    int64_t now_us, expires_us; /* wall; expires 0: never */
};

/* An event that is raised later (`after` in Lua). */
struct store_timer {
    uint64_t id; /* run * 65536 + step: the caller's, unique */
    int64_t due_us;
    uint64_t lane;
    struct slice type, raw; /* of the event to come */
};

enum { STORE_STATE_KEPT = -1 };

enum store_verb { STORE_APPEND, STORE_CHANGE, STORE_GENERATION, STORE_REPLAY, STORE_PURGE };

/* How long things are kept, as moments: what is older goes. Wall microseconds of receipt. An event for which a
 * duplicate may come (duplicate_us) stays, whatever its state. */
struct store_cutoffs {
    int64_t done_us, parked_us, unhandled_us, quarantined_us, duplicate_us;
};

struct store_file {
    struct slice path, bytes;
};

struct store_work {
    enum store_verb verb;
    union {
        struct { /* STORE_APPEND: a delivery, all of it or nothing */
            struct store_event *events;
            size_t count;
            int64_t received_us;
            /* NULL, or one per event: the timer that raises it. The event is stored only if the timer is still
             * there, which goes in the same commit; otherwise it is a duplicate (of number 0). */
            const uint64_t *timers;
        } append;
        struct { /* STORE_CHANGE: of one event, in one commit */
            uint64_t fence;
            uint64_t seq;
            uint64_t also;                /* so many that follow `seq` end likewise, as far as they are open; only
                                           * where nothing but the state changes, and that to one that is over */
            int event_state;              /* enum store_state, or STORE_STATE_KEPT */
            const struct store_run *runs; /* added or replaced, by id */
            size_t run_count;
            const struct store_step *step; /* added; NULL: none */
            uint64_t forget_run;           /* steps of this run become is_forgotten: */
            const uint32_t *forget;        /* their numbers */
            size_t forget_count;
            const struct store_value_op *value; /* NULL: none. With a step: */
            const struct store_timer *timer;    /* NULL: none; added */
            uint64_t cancel;       /* a timer that goes; 0: none. The answer: true when it was there */
            struct buffer *answer; /* of `value` and `cancel`: filled in, and stored as the step's answer */
            bool *is_error;        /* likewise */
        } change;
        struct { /* STORE_REPLAY: runs of an event are queued again, their attempts counted from 0 */
            uint64_t fence;
            uint64_t seq;
            const char *handler; /* NULL: every parked run of it; else this one's */
            bool from_start;     /* their steps are forgotten */
            bool all;            /* those that are done too */
            /* Of a quarantined element: the event that it is, now that it can be read. Its row becomes that
             * event's (the bytes stay), queued, and it counts as one. NULL: such an element is refused.
             * ERROR_INVALID also when the event was stored meanwhile under another number. */
            struct store_event *event;
            /* Filled in: how many were queued; 0: nothing was changed. An unhandled event, which has no runs, is
             * queued itself and counts as one. */
            size_t run_count;
            uint64_t lane; /* filled in */
        } replay;
        struct { /* STORE_PURGE: one small bite of what is too old */
            struct store_cutoffs cutoffs;
            size_t most;   /* events */
            size_t gone;   /* filled in */
            bool has_more; /* filled in */
        } purge;
        struct { /* STORE_GENERATION: the bytes of a set of scripts, by its digest; known ones are left alone */
            const uint8_t *digest;
            const struct store_file *files;
            size_t file_count;
        } generation;
    };
    /* Nobody waits for it: it starts no commit of its own, but goes with the next one, or alone after 2 ms. The
     * order of works stays. */
    bool is_patient;
    void (*done)(struct store_work *work);
    struct error error;
    struct store_work *next;
};

struct store;

/* `location`: "sqlite:PATH" (or a bare path). Creates or migrates the file, mode 0600. Fails with ERROR_BUSY when
 * another host has it, ERROR_CORRUPT when it is no store or from a newer version; synchronous=FULL and WAL are
 * asserted. */
struct store *store_open(const char *location, struct error *error);
/* The same, with how long an event is remembered for telling duplicates (wall microseconds; store_open: 48
 * hours). */
struct store *store_open_for(const char *location, int64_t duplicates_us, struct error *error);
/* Does what was submitted, marks the clean stop, frees. Readers are freed before, and nobody submits any
 * more. */
void store_close(struct store *store);

uint64_t store_fence(const struct store *store);
/* Whether the last host ended without store_close; every event up to *last_seq that is open may then have a step
 * that was sent and not journaled. */
bool store_was_unclean(const struct store *store, uint64_t *last_seq);
/* Whoever stops with such steps left says so before store_close: the next start then takes this stop for an
 * unclean one. */
void store_leave_unclean(struct store *store);

/* Any thread; every call is over before store_close begins. */
void store_submit(struct store *store, struct store_work *work);
/* Several, chained by `next`, which is NULL in the last: in that order, with one wake-up. */
void store_submit_all(struct store *store, struct store_work *first);

/* Called on a thread of the store after each commit and its sync, before any `done` of it, with its first work.
 * The others follow by `next`; those that appended are told by store_has_appended. One listener; set before the
 * first append. */
void store_on_commit(struct store *store, void (*listener)(const struct store_work *first, void *context),
                     void *context);
static inline bool store_has_appended(const struct store_work *work) {
    return work->verb == STORE_APPEND && work->error.code == ERROR_NONE;
}
/* A write that can never work again on this descriptor (a failed sync, an I/O error): the host stops with a clear
 * exit. Called once, on a thread of the store; all works from then on fail. */
void store_on_broken(struct store *store, void (*listener)(const struct error *error, void *context),
                     void *context);

struct store_reader;
struct store_reader *store_reader_new(struct store *store, struct error *error);
void store_reader_free(struct store_reader *reader);
/* What is read from here to the end is read from one moment of the store: the file is locked once, not for each
 * read. For a moment only: what is committed meanwhile stays unseen, and the WAL cannot begin anew. To begin twice
 * or to end twice does nothing; when it cannot begin, each read stands for itself. */
void store_reader_begin(struct store_reader *reader);
void store_reader_end(struct store_reader *reader);

/* Of an event that is open. */
struct store_open_event {
    uint64_t seq;
    uint64_t lane;
    enum store_state state; /* queued or waiting */
};
/* Visits the open events with seq > `after`, in order; `visit` returns -1 to stop. 0, or -1 with the error. Only
 * those that are durable; other readers may see a commit for a moment before its sync. */
int store_each_open(struct store_reader *reader, uint64_t after,
                    int (*visit)(void *context, const struct store_open_event *event), void *context,
                    struct error *error);

/* An event as it is kept; slices live until the next call on this reader. */
struct store_record {
    uint64_t seq;
    enum store_state state;
    uint64_t lane;
    int64_t received_us;
    struct slice id, type, source, subject, time, job, worker;
    struct slice raw; /* only from store_read_event */
    struct slice malformed;
};
int store_read_event(struct store_reader *reader, uint64_t seq, struct store_record *record, struct error *error);
/* In order of id and number; slices live during the call. */
int store_each_run(struct store_reader *reader, uint64_t seq,
                   int (*visit)(void *context, const struct store_run *run), void *context, struct error *error);
int store_each_step(struct store_reader *reader, uint64_t run,
                    int (*visit)(void *context, const struct store_step *step), void *context,
                    struct error *error);

/* Timers that are due before `before_us`, the earliest first, at most `most`; and the moment of the next one
 * (0: none). */
int store_each_timer(struct store_reader *reader, int64_t before_us, size_t most,
                     int (*visit)(void *context, const struct store_timer *timer), void *context,
                     struct error *error);
int store_next_timer(struct store_reader *reader, int64_t *due_us, struct error *error);

/* A copy of the store as it is at one moment, into a new file (0600) beside nothing; while the host works. Any
 * thread, takes its time. ERROR_INVALID when `path` exists. */
int store_backup(struct store *store, const char *path, struct error *error);
/* Reads everything and checks that it holds together; ERROR_CORRUPT says what does not. Any thread, takes its
 * time. */
int store_check(struct store *store, struct error *error);

/* The scripts of a generation, by path; slices live during the call. ERROR_NOT_FOUND when none are kept. */
int store_each_file(struct store_reader *reader, const uint8_t *digest,
                    int (*visit)(void *context, const struct store_file *file), void *context,
                    struct error *error);

/* Newest first; unset slices and state -1 mean any. */
struct store_query {
    struct slice job, type; /* type: full or short name */
    int state;
    uint64_t before; /* seq below this; 0: from the newest */
    size_t limit;
};
int store_each_event(struct store_reader *reader, const struct store_query *query,
                     int (*visit)(void *context, const struct store_record *record), void *context,
                     struct error *error);

struct store_totals {
    uint64_t events; /* kept */
    uint64_t open;   /* queued, running, waiting */
    uint64_t last_seq;
};
int store_totals(struct store_reader *reader, struct store_totals *totals, struct error *error);

#endif
