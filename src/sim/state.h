/* What a core holds, and what its files offer each other. Private to the core's files.
 *
 * A resource keeps what callers wrote as one JSON object (`body`, after merging patches and filling defaults) and,
 * beside it, what the router made of it as plain members, read again whenever the body changes. Handlers check
 * everything before they change anything; what follows from a change (offers, a scheduled job's next step) happens
 * in sim_settle, after the answer was written.
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "router/router.h"
#include "sim/collection.h"
#include "sim/core.h"
#include "sim/line.h"
#include "sim/selectors.h"
#include "sim/timers.h"
#include "json/tree.h"

enum {
    SIM_ID_LIMIT = 256,
    SIM_UUID_SIZE = 37,
    SIM_TIME_SIZE = 40,
    SIM_UNASSIGN_LIMIT = 3,
    SIM_IDLE_DAYS = 7,
    SIM_JOB_DAYS = 90,
    SIM_ROUTES = 33
};

/* A change: another revision, modified now. */
void sim_entry_touch(struct sim_core *core, struct sim_entry *entry);

enum sim_mode { SIM_LONGEST_IDLE, SIM_ROUND_ROBIN, SIM_BEST_WORKER };

struct sim_policy {
    struct sim_entry entry;
    enum sim_mode mode;
    bool is_bypassing;            /* labels do not have to meet selectors */
    int32_t least_offers, offers; /* of one job at a time: what each job gets first, and at most */
    const struct json *rule;      /* of the best worker, into the body; NULL: the default score */
    const struct json *rule_options;
    bool is_rule_told; /* that it scores nothing */
    int64_t offer_us;
    size_t queue_count;
};

/* Workers by id. */
struct sim_members {
    struct sim_worker **items;
    size_t count, capacity;
};

struct sim_queue {
    struct sim_entry entry;
    struct sim_policy *policy;
    struct sim_exception_policy *exception_policy; /* NULL: none */
    struct sim_line line;                          /* jobs that wait, in the order in which they are offered */
    size_t open_count;                             /* jobs of it that are not over */
    struct sim_members members;                    /* who belongs to it */
    struct sim_members free;                       /* those of them that are active and have room */
    bool is_stirred_whole;               /* all who are free are tried, not only those that were stirred */
    int64_t accepted_us;                 /* the last time that a job of it was accepted; -1: never */
    int64_t pace_us;                     /* from one acceptance to the next, while jobs wait; -1: not known yet */
    char last_offered[SIM_ID_LIMIT + 1]; /* round robin: the worker that got the last offer */
    struct list_node in_stirred;
};

enum sim_job_status {
    SIM_JOB_QUEUED,
    SIM_JOB_ASSIGNED,
    SIM_JOB_COMPLETED,
    SIM_JOB_CLOSED,
    SIM_JOB_CANCELLED,
    SIM_JOB_PENDING_SCHEDULE,
    SIM_JOB_SCHEDULED,
    SIM_JOB_WAITING,
    SIM_JOB_SCHEDULE_FAILED,
    SIM_JOB_PENDING_CLASSIFICATION,
    SIM_JOB_CLASSIFICATION_FAILED,
};

/* What a job keeps of exceptions while it waits in a queue: exception.c's. */
struct sim_exceptions {
    struct sim_timer timer; /* to the next wait time */
    int64_t since_us;       /* when it came into this queue */
    struct json *fired;     /* ids of the rules that did since then; NULL: none */
    int64_t moment_us;      /* of the last firing, and how many there were at that moment */
    int32_t moment_count;
    struct list_node in_excepting;
};

struct sim_job {
    struct sim_entry entry;
    enum sim_job_status status;
    struct sim_queue *queue; /* NULL once it is over, or until it was classified */
    const char *channel;     /* into the body, as the next */
    struct sim_selectors requested, attached;
    bool is_expedited; /* by a selector that did not expire */
    int32_t priority;
    int64_t created_us;
    int64_t enqueued_us;  /* -1: never */
    int64_t scheduled_us; /* -1: not scheduled */
    uint64_t turn;        /* rises with each enqueueing: who came first, where times are equal */
    int32_t unassign_count;
    size_t offer_count;      /* open ones */
    struct list offers;      /* open */
    struct list past_offers; /* kept, so that a late answer is told what became of them */
    struct list assignments;
    struct list declines;
    struct sim_timer timer;          /* schedule, or close at a time */
    struct sim_timer selector_timer; /* while it waits: the next selector expires */
    struct sim_lane *lane;           /* NULL: it does not wait in its queue's line */
    struct sim_group *group;
    struct list_node in_lane, in_group;
    struct sim_exceptions exceptions;
    struct list_node in_stirred;
    struct list_node in_scheduling;
    enum sim_job_status classified_from; /* while it is pending: where it was */
    struct list_node in_classifying;
};

struct sim_channel {
    const char *id; /* into the worker's body */
    int32_t cost;
    int32_t most; /* jobs at a time */
};

enum sim_worker_state { SIM_WORKER_INACTIVE, SIM_WORKER_DRAINING, SIM_WORKER_ACTIVE };

struct sim_worker {
    struct sim_entry entry;
    enum sim_worker_state state;
    int32_t capacity;
    int64_t used; /* costs of open offers and assignments */
    struct sim_channel *channels;
    size_t channel_count;
    uint64_t registration; /* one count for the whole core: declines of an earlier one do not hold */
    int64_t idle_since_us;
    struct list offers;
    struct list past_offers;
    struct list assignments;   /* not closed */
    bool is_free;              /* active, with room: it stands in the free members of its queues */
    struct sim_queue **queues; /* that it belongs to, in the order in which it names them */
    size_t queue_count;
    struct sim_timer idle_timer; /* while it is active */
    struct list_node in_draining;
    struct list_node in_stirred;
};

enum sim_offer_state {
    SIM_OFFER_OPEN,
    SIM_OFFER_ACCEPTED,
    SIM_OFFER_DECLINED,
    SIM_OFFER_REVOKED,
    SIM_OFFER_EXPIRED
};

struct sim_offer {
    struct sim_entry entry;
    enum sim_offer_state state;
    struct sim_job *job;
    struct sim_worker *worker;
    int32_t cost;
    int64_t offered_us, expires_us;
    struct sim_timer timer;
    struct list_node in_job, in_worker;
};

struct sim_assignment {
    char id[SIM_UUID_SIZE];
    struct sim_job *job;
    struct sim_worker *worker; /* whose capacity it takes; NULL once closed, or when the worker is gone */
    char *worker_id;
    int32_t cost;
    int64_t assigned_us, completed_us, closed_us; /* -1: not yet */
    struct list_node in_job, in_worker;
};

struct sim_decline {
    uint64_t registration;
    struct sim_job *job;
    struct sim_timer retry; /* not set: never again in that registration */
    struct list_node in_job;
};

struct sim_core {
    int64_t now_us;
    uint64_t random[2];
    uint64_t revision, registration, turn;
    bool is_broken; /* out of memory in the middle of a change */
    struct sim_collection exception_policies, classifications, policies, queues, workers, jobs, offers;
    struct sim_timers timers;
    struct list stirred_queues; /* a worker or policy changed: all waiting jobs are tried */
    struct list stirred_workers;
    struct sim_members candidates; /* while a queue is matched; by no order */
    struct sim_timer job_ageing;   /* the oldest job is too old */
    struct list stirred_jobs;      /* new or free again: only this job is */
    struct list excepting;         /* jobs that came into a queue with an exception policy */
    struct list draining;          /* workers that leave when the request is answered */
    struct list classifying;       /* jobs that are classified when the request is answered */
    struct list scheduling;        /* jobs whose schedule is taken when the request is answered */
    const struct router_operation *operations[SIM_ROUTES]; /* of the routes, in route.c's order */
    struct sim_pending *first_event, *last_event;
    sim_trace *trace;
    void *trace_context;
};

/* What a list may be narrowed down to: the query's texts, empty where the query does not say. */
struct sim_filter {
    char state[SIM_ID_LIMIT + 1]; /* status of jobs, state of workers */
    char queue_id[SIM_ID_LIMIT + 1];
    char channel_id[SIM_ID_LIMIT + 1];
    char policy_id[SIM_ID_LIMIT + 1];
    int64_t before_us, after_us; /* of scheduled jobs; SIM_NEVER and INT64_MIN: any, scheduled or not */
    bool has_capacity;
};

struct sim_call;

/* What the four kinds of resources differ in. Their structs begin with the entry. */
struct sim_kind {
    const char *what; /* "queue" */
    size_t size;
    size_t collection; /* offset in struct sim_core */
    /* Whether the merged body can be the one of `entry` (NULL: a new one), and its defaults. 0, or -1 with the
     * answer; changes nothing else. */
    int (*prepare)(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                   struct json *body);
    void (*init)(struct sim_entry *entry); /* may be NULL */
    /* The entry has its new body: what follows from it. `old`: the body before, NULL for a new one. */
    void (*apply)(struct sim_core *core, struct sim_entry *entry, const struct json *old);
    struct json *(*to_json)(const struct sim_entry *entry);
    bool (*is_listed)(const struct sim_entry *entry, const struct sim_filter *filter);
    /* 0, or -1 with the answer when it cannot be deleted now. May be NULL. */
    int (*check_delete)(const struct sim_entry *entry, struct sim_answer *answer);
    /* What goes with it, with its events. May be NULL. */
    void (*leave)(struct sim_core *core, struct sim_entry *entry);
    /* Frees what it holds and itself. */
    void (*destroy)(struct sim_core *core, struct sim_entry *entry);
};
extern const struct sim_kind sim_policy_kind, sim_queue_kind, sim_worker_kind, sim_job_kind;

/* A call, taken apart by route.c: the ids decoded, the body checked against the table. */
struct sim_call {
    const struct router_operation *operation;
    const struct sim_kind *kind; /* NULL for actions */
    char ids[2][SIM_ID_LIMIT + 1];
    struct slice origin; /* before the path of a link: "http://127.0.0.1:8081"; may be empty */
    struct slice query;
    struct slice if_match, if_unmodified_since;
    struct json *body; /* an object, or NULL when there was none */
    struct sim_answer *answer;
};
typedef void sim_handler(struct sim_core *core, struct sim_call *call);

/* resource.c and page.c: what all kinds share. */
sim_handler sim_upsert, sim_get, sim_list, sim_delete;
struct sim_collection *sim_collection_of(struct sim_core *core, const struct sim_kind *kind);
/* etag and id, the first members of every resource; NULL without memory. */
struct json *sim_entry_json(const struct sim_entry *entry);
/* Puts copies of the named members that `from` has. */
int sim_put_copies(struct json *object, const struct json *from, const char *const *names);
int sim_put_time(struct json *object, const char *name, int64_t us);
/* Whether two bodies differ in a member. */
bool sim_differs(const struct json *a, const struct json *b, const char *name);

/* answer.c. sim_fail and the like return -1 for checks that hand it on. */
int sim_fail(struct sim_answer *answer, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int sim_fail_memory(struct sim_core *core, struct sim_answer *answer);
int sim_fail_unknown(struct sim_answer *answer, const char *what, const char *id);
/* Takes `value` over; NULL is an answer without memory. */
void sim_succeed(struct sim_core *core, struct sim_answer *answer, unsigned status, struct json *value);
const char *sim_etag(const struct sim_entry *entry, char text[SIM_ETAG_SIZE]);
/* As the service writes times: UTC, seven fractional digits. */
const char *sim_time(int64_t us, char text[SIM_TIME_SIZE]);

/* route.c */
/* Looks up the operations of all routes, once. */
void sim_route_prepare(struct sim_core *core);
/* 0 with the handler, or -1 with the answer. The caller frees call->body in both cases. */
int sim_route(struct sim_core *core, const struct sim_request *request, struct sim_call *call,
              sim_handler **handler);
/* Whether the path is one of an operation's; what its {ids} are goes into `ids`, which may be NULL. */
bool sim_matches_path(const char *template, struct slice path, struct slice ids[2]);
/* BAD: the encoding is broken, it is no UTF-8, or longer than an id may be. */
enum sim_text { SIM_TEXT_ABSENT, SIM_TEXT_THERE, SIM_TEXT_BAD, SIM_TEXT_NO_MEMORY };
/* The decoded value of a query parameter; `text` is only written when it is there. An empty one is absent. */
enum sim_text sim_query(struct slice query, const char *name, char text[SIM_ID_LIMIT + 1]);

/* models.c: the shapes below the table's members. */
/* Whether a request's body fits the operation: its names, kinds and shapes. 0, or -1 with the answer. */
int sim_check_body(const struct router_operation *operation, const struct json *body, struct sim_answer *answer);
/* The entry's body after the patch (RFC 7396): NULL, with the answer, when it cannot be. */
struct json *sim_merge(struct sim_core *core, const struct json *body, const struct json *patch,
                       struct sim_answer *answer);
/* If-Match and If-Unmodified-Since against the entry (NULL: there is none). 0, or -1 with the answer. */
int sim_check_conditions(const struct sim_call *call, const struct sim_entry *entry);

/* actions.c, offers.c: the calls that are no resource's. */
sim_handler sim_job_cancel, sim_job_complete, sim_job_close, sim_job_unassign;
sim_handler sim_offer_accept, sim_offer_decline;
/* Cancels a job that no worker has. NULLs: no note, the usual disposition code. -1 without memory. */
int sim_job_cancel_as(struct sim_core *core, struct sim_job *job, const char *note, const char *code);

/* life.c: the states of a job. */
const char *sim_job_status_name(enum sim_job_status status);
/* Closed or cancelled. */
bool sim_job_is_over(const struct sim_job *job);
void sim_job_set_status(struct sim_core *core, struct sim_job *job, enum sim_job_status status);
/* Into its queue's order, with RouterJobQueued. */
void sim_job_enqueue(struct sim_core *core, struct sim_job *job);
/* Where its matching mode says: queued, scheduled or suspended. */
void sim_job_enter_mode(struct sim_core *core, struct sim_job *job);
/* Its offers are revoked and it waits anew, with RouterJobQueued, but keeps its turn. */
void sim_job_requeue(struct sim_core *core, struct sim_job *job);
/* It counts for this queue (NULL: for none) from now on; it must not wait in a line. */
void sim_job_set_queue(struct sim_job *job, struct sim_queue *queue);
/* To its place, after its priority or a selector changed. */
void sim_job_reorder(struct sim_core *core, struct sim_job *job);
/* Its open offers are revoked. */
void sim_job_revoke_offers(struct sim_core *core, struct sim_job *job);
/* Out of the queue's order, with its open offers revoked. */
void sim_job_dequeue(struct sim_core *core, struct sim_job *job);
/* Sleeps until the time in its matching mode, then RouterJobWaitingForActivation. */
void sim_job_schedule(struct sim_core *core, struct sim_job *job);
/* Waits for activation, without an event: none is documented for a suspended job. */
void sim_job_suspend(struct sim_core *core, struct sim_job *job);
/* To closed or cancelled: the queue and the declines are given up. */
void sim_job_finish(struct sim_core *core, struct sim_job *job, enum sim_job_status status);

/* offers.c */
void sim_offer_issue(struct sim_core *core, struct sim_job *job, struct sim_worker *worker, int32_t cost);
/* Gives the capacity back and tries job and worker again; with the event of that end, but for ACCEPTED. */
void sim_offer_end(struct sim_core *core, struct sim_offer *offer, enum sim_offer_state state);
void sim_offer_free(struct sim_core *core, struct sim_offer *offer);
void sim_decline_free(struct sim_core *core, struct sim_decline *decline);

/* workers.c */
struct sim_worker *sim_worker_find(struct sim_core *core, const char *id);
/* The worker has room or fits more than before: its queues are tried again. */
void sim_worker_stir(struct sim_core *core, struct sim_worker *worker);
/* After each change of state, capacity or what is used of it: keeps the free members of its queues right. */
void sim_worker_recount(struct sim_core *core, struct sim_worker *worker);
/* To draining: RouterWorkerDeregistered, its open offers revoked; inactive when the request is settled. */
void sim_worker_deregister(struct sim_core *core, struct sim_worker *worker);
/* An assignment gives its capacity back. */
void sim_assignment_release(struct sim_core *core, struct sim_assignment *assignment);

/* policies.c */
struct sim_queue *sim_queue_find(struct sim_core *core, const char *id); /* NULL for a NULL id */
void sim_queue_stir(struct sim_core *core, struct sim_queue *queue);

/* members.c */
/* -1 without memory. Adding who is there, and removing who is not, does nothing. */
int sim_members_add(struct sim_members *members, struct sim_worker *worker);
void sim_members_remove(struct sim_members *members, const struct sim_worker *worker);
bool sim_members_have(const struct sim_members *members, const struct sim_worker *worker);
/* The first whose id comes after that one, as an index; `count` when there is none. */
size_t sim_members_after(const struct sim_members *members, const char *id);
void sim_members_reset(struct sim_members *members);
/* The worker belongs to the queues that its body names, as far as they exist; to none. */
void sim_worker_join(struct sim_core *core, struct sim_worker *worker);
void sim_worker_part(struct sim_worker *worker);
/* The same for a queue that is made, again maybe, or goes. */
void sim_queue_gather(struct sim_core *core, struct sim_queue *queue);
void sim_queue_disband(struct sim_queue *queue);

/* score.c: how well a worker fits a job, of those that a best-worker policy may choose. */
double sim_score(struct sim_core *core, const struct sim_job *job, const struct sim_worker *worker);

/* statistics.c */
sim_handler sim_job_position, sim_queue_statistics;
/* A job of the queue is accepted: tells the pace of the queue. */
void sim_queue_count_accept(struct sim_core *core, const struct sim_job *job);

/* age.c */
/* A job was made, of the age 0. */
void sim_job_age(struct sim_core *core, struct sim_job *job);
/* The worker is idle from now on: deregistered after SIM_IDLE_DAYS without work. */
void sim_worker_idle(struct sim_core *core, struct sim_worker *worker);

/* matching.c */
void sim_job_stir(struct sim_core *core, struct sim_job *job);
/* Offers what can be offered, until nothing is stirred. */
void sim_match(struct sim_core *core);
const struct sim_channel *sim_worker_channel(const struct sim_worker *worker, const char *channel);
/* Whether labels meet a selector; all of a list. */
bool sim_selector_holds(const struct json *selector, const struct json *labels);
bool sim_selectors_hold(const struct json *selectors, const struct json *labels);

/* events.c: one function for each shape of data. */
enum sim_assignment_event { SIM_ASSIGNMENT_COMPLETED, SIM_ASSIGNMENT_CLOSED, SIM_ASSIGNMENT_UNASSIGNED };
enum sim_offer_event {
    SIM_OFFER_WAS_ISSUED,
    SIM_OFFER_WAS_ACCEPTED,
    SIM_OFFER_WAS_DECLINED,
    SIM_OFFER_WAS_REVOKED,
    SIM_OFFER_WAS_EXPIRED
};
enum sim_worker_event { SIM_WORKER_REGISTERED, SIM_WORKER_DEREGISTERED, SIM_WORKER_DELETED };
void sim_emit_received(struct sim_core *core, const struct sim_job *job);
void sim_emit_queued(struct sim_core *core, const struct sim_job *job);
void sim_emit_waiting(struct sim_core *core, const struct sim_job *job);
void sim_emit_cancelled(struct sim_core *core, const struct sim_job *job, const char *note);
void sim_emit_exception(struct sim_core *core, const struct sim_job *job, const char *rule);
void sim_emit_scheduling_failed(struct sim_core *core, const struct sim_job *job, const char *reason);
void sim_emit_deleted(struct sim_core *core, const struct sim_job *job);
void sim_emit_selectors_expired(struct sim_core *core, const struct sim_job *job);
void sim_emit_assignment(struct sim_core *core, const struct sim_assignment *assignment,
                         enum sim_assignment_event event);
/* `assignment_id`: of an accepted one. */
void sim_emit_offer(struct sim_core *core, const struct sim_offer *offer, enum sim_offer_event event,
                    const char *assignment_id);
void sim_emit_worker(struct sim_core *core, const struct sim_worker *worker, enum sim_worker_event event);
void sim_emit_worker_updated(struct sim_core *core, const struct sim_worker *worker,
                             const struct json *properties);

/* core.c */
double sim_random(struct sim_core *core); /* from 0, to less than 1 */
void sim_uuid(struct sim_core *core, char text[SIM_UUID_SIZE]);
void sim_say(struct sim_core *core, const char *id, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Takes `json` over. */
void sim_push_event(struct sim_core *core, const char *type, const char *id, char *json, size_t length);

#endif
