/* An event that is being handled: its runs, and their steps.
 *
 * Ownership runs down: the host owns its works, a work its runs, a run its steps. A work lives from the moment its
 * event was taken off its lane until the last of its runs is over and nothing of it is on its way to the store or
 * the Job Router. All on the loop's thread.
 *
 * A run is in one of these, and moves only as the arrows say:
 *
 *     READY -> ON -> SAVING -> OVER
 *       ^      |        |
 *       |      v        v
 *       +---- (back) WAITING -> READY      back: its worker died and it was not to blame
 */
#ifndef HOST_WORK_H
#define HOST_WORK_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/loop.h"
#include "host/copy.h"
#include "host/generation.h"
#include "host/lane.h"
#include "http/http.h"
#include "plugin/plugin.h"
#include "router/router.h"
#include "store/store.h"
#include <stdbool.h>
#include <stdint.h>

struct breaker;
struct host;
struct run;
struct step;

/* A write of this room to the store: submitted, and told about on the loop's thread. Without memory or space it is
 * tried again until it works: what happened must not be forgotten. */
struct change {
    struct store_work work;
    struct work *event;
    struct run *run;   /* whose row is written; NULL: the event has no handler */
    struct step *step; /* NULL: none */
    struct store_run *rows;
    char *texts;
    struct store_step step_row;
    struct loop_task saved;
    struct list_node in_unsaved;
    void (*done)(struct change *change);
};

enum step_state {
    STEP_SENT,      /* under way */
    STEP_SAVING,    /* answered; the answer is on its way to the store */
    STEP_ANSWERED,  /* journaled */
    STEP_FORGOTTEN, /* an error after which the run failed: done again if it is asked for again */
};

struct step {
    struct run *run;
    struct list_node in_run;
    enum step_state state;
    uint64_t hash; /* of branch, operation and arguments: to look before comparing */
    uint32_t number, branch, occurrence, status;
    uint32_t wait;     /* of the run's present attempt; 0: nobody waits */
    uint64_t asked_in; /* the run's dispatch that asked for it last */
    bool is_error, is_repeated;
    bool is_unsent;   /* it never left: what follows it is no repetition */
    bool is_told;     /* its answer was noted */
    bool has_no_wait; /* a sleep that takes no time */
    bool is_given_up; /* its run's time is over: its error is forgotten as soon as it is saved */
    int64_t asked_us, answered_us;
    struct buffer operation, arguments, answer;
    char etag[128];
    int64_t retry_after_s; /* of the answer; -1: none */
    struct change save;
    struct call *call;          /* the request under way, see effect_router.c; NULL: none */
    struct http_step *http;     /* likewise, see effect_http.c */
    struct effect_extra *extra; /* what the store does with it, see effects.h; NULL: nothing */
    struct plugin_call *helper; /* a C helper at work, see effect_plugin.c; NULL: none */
    struct loop_timer overtime; /* of the helper */
    struct loop_timer wake;     /* a sleep whose end is waited for */
};

enum run_state { RUN_READY, RUN_ON, RUN_SAVING, RUN_WAITING, RUN_OVER };

struct run {
    struct work *work;
    uint64_t id;
    enum run_state state;
    enum store_state stored; /* what is, or will be when saved, in the store: queued, waiting, done, parked */
    char *handler;
    struct retry_policy retry;
    char *reason, *traceback;      /* why it waits or is parked */
    char *returned;                /* JSON of what the handler returned */
    const char *result;            /* a constant */
    bool is_resting;               /* RUN_WAITING in a sleep: the lane is held, no attempt is counted */
    bool has_rested;               /* it was run again after that: what follows the sleep was never said */
    bool is_postponed;             /* RUN_WAITING for a breaker, likewise; in the host's list `postponed` */
    const struct breaker *held_by; /* while it is postponed */
    bool is_set_aside;             /* RUN_WAITING for its handler to be resumed, likewise; in `paused_runs` */
    unsigned waits, sleeps;        /* on the worker: answers that it waits for, and how many of them are sleeps */
    int64_t budget_ns;             /* what is left of its time while it only sleeps; 0: its timer runs */
    bool has_generation;
    uint8_t generation[CRYPTO_DIGEST_SIZE]; /* that it last ran with */
    uint8_t script[CRYPTO_DIGEST_SIZE];     /* its handler and the modules then */
    uint32_t attempt, kills;
    int64_t started_us, attempt_us, finished_us, due_us; /* wall */
    int64_t reached_us; /* what it waited for last: that moment is over, whatever the wall clock says by now */
    bool may_repeat;    /* its first new steps were perhaps sent before */
    bool is_muted;      /* it goes over steps that it took before: its log lines are there already */
    struct worker_slot *slot;
    struct list_node in_slot, in_ready;
    uint64_t dispatch; /* its name on the wire, another one each time that it is handed to a worker; 0: not yet */
    struct list steps;
    uint32_t step_count; /* the highest number given */
    size_t unsettled;    /* steps under way or being saved */
    struct loop_timer timer;
    struct change save;
    char place[200]; /* where its script wanted something last, when whoever embeds the host answers steps */
};

struct work {
    struct host *host;
    struct list_node in_host;
    struct lane *lane; /* NULL once it lets others pass */
    uint64_t seq;
    struct copy *copy;
    bool is_stored; /* the rows of its runs are in the store */
    struct run *runs;
    size_t run_count;
    struct change save;  /* for an event without a handler */
    uint64_t also;       /* those that follow it and that this change closes too: */
    struct work *closed; /* the next of them */
};

/* work.c */
/* Begins the event at the head of `lane`; -1: not now (it went back to the lane). */
int work_begin(struct host *host, struct lane *lane, uint64_t seq);
/* Takes an event up again that waited; `lane` is the one that it holds, or NULL. Waits that were to end by
 * `reached_us` are over, whatever the wall clock says by now. -1: not now. */
int work_resume(struct host *host, struct lane *lane, uint64_t seq, int64_t reached_us);
/* Whether at `at_us` nothing is left to be won: an offer that has expired cannot be accepted any more. (Deadline:
 * data.expiresOn of RouterWorkerOfferIssued, "Azure Communication Services - Job Router events".) */
bool work_is_pointless(struct slice raw, int64_t at_us);
/* After a run of it has changed its state: lets the lane go on, ends the work. The work may be gone afterwards. */
void work_check(struct work *work);
void work_free(struct work *work);
/* The event's state that the store should have, given its runs. */
enum store_state work_state(const struct work *work);

/* run.c */
/* -1: not now; the run is ready as before. */
int run_dispatch(struct run *run, struct worker_slot *slot);
void run_on_frame(struct worker_slot *slot, const struct wire_frame *frame);
void run_on_death(struct worker_slot *slot, const struct process_death *death);
/* Takes it off its worker, unharmed, to be handed out again. */
void run_hand_back(struct run *run);
void run_cancel_timer(struct run *run);
/* A step that it may wait for was journaled. */
void run_on_answer(struct step *step);
void run_send_answer(struct step *step);
/* It waits until run->due_us. */
void run_wait(struct run *run);
/* It waits until the breaker lets it try; nothing is written, no attempt is counted. */
void run_postpone(struct run *run, struct breaker *breaker);
/* Its handler is paused: a ready run waits until that is over, likewise. */
void run_set_aside(struct run *run);
/* What waits in memory for the breaker, or was set aside, goes on. */
void run_go_on(struct run *run);
/* Takes it off its worker, who is told. */
void run_cancel(struct run *run);

/* verdict.c: what becomes of a run */
#define run_result_sleep "sleep" /* of a run that rests */
struct verdict {
    const char *result; /* a constant: "error", "answer", "timeout", "killed", ... */
    struct slice reason, traceback;
    bool is_retryable;
    bool is_kill;
    const struct step *raised; /* the step whose error ended it; NULL: none */
    int64_t retry_after_s;     /* -1: none */
};
void run_succeed(struct run *run, bool is_filtered, struct slice returned);
void run_fail(struct run *run, const struct verdict *verdict);
/* A long sleep: off the worker until `due_us`, then it is run again to that point. */
void run_rest(struct run *run, int64_t due_us);

/* journal.c */
/* The step that this dispatch of the run asks for, if the run has it already; NULL: a new one. */
struct step *journal_find(struct run *run, uint32_t branch, struct slice operation, struct slice arguments,
                          uint64_t hash);
struct step *journal_add(struct run *run, uint32_t branch, struct slice operation, struct slice arguments,
                         uint64_t hash);
/* What a script's `step(name, f)` gave: the answer of the step of that name. Arguments: [name, value]. */
struct step *journal_add_kept(struct run *run, uint32_t branch, struct slice arguments);
uint64_t journal_hash(uint32_t branch, struct slice operation, struct slice arguments);
/* Reads what the store has of a run's steps. */
int journal_load(struct run *run, struct error *error);
/* The step has its answer: saves it, then run_on_answer. */
void journal_answer(struct step *step);
/* Whether steps are left that earlier attempts took and this one did not ask for yet. */
bool journal_has_more(const struct run *run);
/* When a run fails: the errors after which no other step was taken, and `raised` (NULL: none), are done again. */
void journal_forget(struct run *run, const struct step *raised);
/* The step of this dispatch whose error a script let through or raised again: the last one of that operation and
 * status; NULL: none. */
struct step *journal_raised(const struct run *run, struct slice operation, double status);
void journal_free(struct run *run);

/* change.c */
void change_submit(struct change *change);
/* Submits the end of an event without a handler, `save`; or lets it ride with that of the one before, when that
 * came in the same turn of the loop and neither holds up an event behind it: `done` of that one then stands for
 * both. */
void change_close(struct work *work);
/* Its owner goes. It is not on its way to the store, or the store is closed. */
void change_drop(struct change *change);
/* The disk is full, or slow: no event is begun, since what its runs did could not be saved and would pile up. */
bool change_is_stuck(const struct host *host);

/* sleep.c */
/* The answer of `step` is a sleep's, whose end is not here yet; its answer is sent when it is. False: it is
 * over. */
bool sleep_begin(struct step *step);
/* The run waits for one answer more, or less: its time does not run while it only sleeps. */
void sleep_count(struct run *run, int waits, int sleeps);
void sleep_stop(struct run *run);

/* effect.c */
/* The breaker that has a say in it; NULL: none. */
struct breaker *effect_breaker(struct host *host, struct slice operation, struct slice arguments);
/* Of http.*: an answer whose status says that something went wrong is a value for its script, and yet is asked for
 * again when the run fails on it. */
bool effect_is_http(const struct step *step);
struct breaker *effect_http_breaker(struct host *host, struct slice operation, struct slice arguments);
void effect_free_extra(struct step *step);
/* Does what the step asks for; journal_answer follows, at once or later. */
void effect_start(struct step *step);
/* Gives a request under way up. */
void effect_cancel(struct step *step);
/* The run's time is over: its C helpers are not waited for, and asked again by the next attempt. */
void effect_give_up(struct run *run);

#endif
