/* The host as the files of this room see it: the parts, and who is told what. Nobody outside this room includes
 * it. */
#ifndef HOST_CONDUCTOR_H
#define HOST_CONDUCTOR_H

#include "base/loop.h"
#include "base/map.h"
#include "host/breaker.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/lane.h"
#include "host/token.h"
#include "host/upstreams.h"
#include "host/watch.h"
#include "host/work.h"
#include "http/http.h"
#include "router/router.h"
#include <pthread.h>
#include <stdatomic.h>

enum { HOST_PAUSED_MAX = 64 };

/* Events that were taken off their lanes, by number: the loop changes it, other threads look. */
struct begun {
    pthread_mutex_t lock;
    struct map works;
};

struct host {
    struct host_options options;
    const struct config *config;
    const char **secret_names; /* as configured; NULL ends it */
    struct loop *loop;
    struct store *store;
    struct store_reader *reader;
    struct http_client *http;
    struct plugin_pool *plugin_pool; /* NULL: no plugins */
    struct router_access access;
    bool has_access;
    struct tokens *tokens; /* for the Job Router; NULL: calls are signed with the key */
    struct retry_policy retry;

    /* events */
    struct lanes lanes;
    struct map runs;       /* by id */
    struct map on_workers; /* struct run, by dispatch */
    uint64_t dispatches;   /* so far */
    struct begun begun;
    struct list works;                                   /* struct work, by in_host */
    struct list ready_runs;                              /* struct run, by in_ready */
    struct list paused_runs;                             /* likewise: their handler is paused */
    struct list postponed;                               /* likewise: they wait for the breaker */
    struct list waiters, postponed_waiters, due_waiters; /* struct waiter, by in_list */
    struct list paused_waiters;                          /* likewise */
    size_t waiter_count;
    struct breaker breaker;     /* in front of the Job Router */
    struct upstreams upstreams; /* those in front of others */
    struct list unsaved;        /* struct change, by in_unsaved */
    struct store_work *unsent;  /* changes of this turn, in order */
    struct store_work **unsent_end;
    struct loop_task sender; /* of them */
    struct work *closing;    /* of this turn: events without a handler that one change closes, first and last */
    struct work *closing_last;
    bool cannot_save; /* the last change found no space, see change_is_stuck */
    size_t saving;    /* changes that the store has */
    struct loop_timer unsaved_timer;
    struct loop_task pump;
    struct loop_timer pump_later;
    uint64_t highest_seq; /* taken up into a lane so far */
    bool has_more;        /* past it: the rest of the backlog is in the store only */
    size_t window;       /* how much of the backlog memory holds, as long as not all of it is in lanes that wait */
    size_t window_limit; /* entries that the lanes may hold now */
    _Atomic uint64_t queued;  /* not begun yet: in the lanes and in the store */
    _Atomic size_t copied;    /* bytes of events, in lanes or on their way there, that need not be read again */
    size_t copy_limit;        /* of them */
    struct loop_timer rescan; /* the store has events that could not be taken up */
    struct loop_task missed;  /* nor could the loop be told of them */
    _Atomic bool has_missed;
    uint64_t unclean_seq;         /* events up to this may have steps that were sent and not journaled */
    struct loop_timer next_timer; /* of the events that are raised later */
    bool is_raising;

    /* operators */
    bool is_paused;
    char *paused[HOST_PAUSED_MAX]; /* paths of handlers */
    size_t paused_count;
    struct loop_task order_task;
    _Atomic(struct host_order *) orders;
    struct loop_timer mend_timer;
    uint64_t mend_before; /* parked events from here down are still to be looked at */
    struct loop_timer purge_timer;

    /* scripts */
    struct watch watch;
    struct generation *live, *loading; /* NULL: none */
    struct list retiring;
    bool must_reload; /* even if the bytes are the same */
    bool was_ready;
    struct loop_task buried; /* frees what retired */

    /* stopping and asking */
    struct loop_watch signals;
    struct loop_timer drain;
    struct loop_task stop_task, reload_task, broken_task, question_task, look_task;
    _Atomic bool is_stopping, is_reload_asked, is_over, is_look_asked, is_abandoned;
    _Atomic(struct host_question *) questions;
    struct error broken; /* a thread of the store writes it, before it posts broken_task */
    bool is_broken;
    struct host_status totals; /* its counters and the words about the last reload */
};

/* pump.c */
/* Hands out what can be handed out, at the end of this turn. */
void host_pump(struct host *host);

/* begun.c */
void begun_init(struct begun *begun);
void begun_reset(struct begun *begun);
void begun_add(struct begun *begun, struct work *work);
void begun_remove(struct begun *begun, uint64_t seq);

/* host.c */
void host_note(struct host *host, const struct host_note *note);
/* Says it, with what is known of the work filled in. */
void host_note_work(const struct work *work, struct host_note note);
/* A work is gone, or a run: when stopping, that may have been the last. */
void host_check_drained(struct host *host);

/* intake.c: from the store's appends into the lanes */
/* Before anything is appended. */
int intake_start(struct host *host, struct error *error);
int intake_scan(struct host *host, struct error *error);
/* The next part of the backlog, if there is room. */
void intake_refill(struct host *host);
/* An event that was told of with a copy is begun, or is not to be handled so: the copy counts no longer. */
void intake_release(struct host *host, const struct copy *copy);
/* An event that was over is queued again. */
void intake_again(struct host *host, uint64_t seq, uint64_t lane);

/* As the store takes it; looks into the event. */
struct event;
struct store_event intake_event(const struct event *event, uint64_t lane);

/* Frees what was told of an append, if the task is that; for when no loop runs any more. */
bool intake_drop(struct loop_task *task);

/* orders.c */
/* When no loop runs any more. */
void orders_answer_all(struct host *host);

/* mend.c */
void mend_start(struct host *host);
/* An event was parked: its script may have been mended while it ran. */
void mend_look(struct host *host, uint64_t seq);

/* As intake_drop. */
bool mend_drop(struct loop_task *task);

/* purge.c */
void purge_start(struct host *host);
/* As intake_drop. */
bool purge_drop(struct loop_task *task);

/* reload.c */
void reload_start(struct host *host);
void reload_stop(struct host *host);
/* Reads the folder and, if it changed (or must_reload), starts a generation. */
void reload_now(struct host *host);
/* A run left its worker: an old generation may have been waiting for that. */
void reload_check_retired(struct host *host);

#endif
