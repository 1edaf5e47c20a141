/* What a crowd holds. Private to the crowd's files. */
#ifndef SIM_CROWD_PARTS_H
#define SIM_CROWD_PARTS_H

#include "lua/random.h"
#include "sim/collection.h"
#include "sim/crowd.h"
#include "sim/timers.h"

enum { CROWD_TYPES_MOST = 64, CROWD_ID_SIZE = 40, CROWD_BODY_LIMIT = 4 << 20 };

/* An offer to one of the workers, and the assignment that it became. */
enum crowd_stage { CROWD_OFFERED, CROWD_TALKING, CROWD_WRAPPING_UP };
struct crowd_deal {
    struct crowd_member *member;
    char *job_id;
    char offer_id[CROWD_ID_SIZE], assignment_id[CROWD_ID_SIZE];
    enum crowd_stage stage;
    bool is_welcome;        /* accepted, not declined, when the timer fires */
    struct sim_timer timer; /* what the worker does next; not set for an offer that is not answered */
    struct list_node in_member;
};

struct crowd_member {
    struct sim_entry entry;
    struct crowd *crowd;
    const struct scenario_workers *group;
    struct random random;
    bool is_known;     /* to the router */
    bool is_on_duty;   /* wants offers: in a shift, in no break */
    int64_t leaves_us; /* for good; SIM_NEVER */
    struct sim_timer shift, back;
    struct list deals;
    size_t busy; /* assignments not closed */
    bool is_available;
    int64_t present_since_us, busy_since_us; /* available or busy; busy */
    int64_t present_us, busy_us;             /* until these moments */
};

struct crowd_stream {
    struct crowd *crowd;
    const struct scenario_customers *customers;
    struct random random;
    uint64_t count;
    struct sim_timer arrival;
};

enum crowd_job_state {
    CROWD_JOB_NEW, /* received, being classified, scheduled */
    CROWD_JOB_WAITING,
    CROWD_JOB_QUEUED,
    CROWD_JOB_ASSIGNED,
    CROWD_JOB_COMPLETED,
    CROWD_JOB_CLOSED,
    CROWD_JOB_CANCELLED,
    CROWD_JOB_DELETED,
    CROWD_JOB_FAILED, /* classification or scheduling */
    CROWD_JOB_STATES
};

/* Every job of which an event told, also those that others made. */
struct crowd_job {
    struct sim_entry entry;
    struct crowd *crowd;
    struct crowd_stream *stream; /* NULL: not of this crowd */
    enum crowd_job_state state;
    int64_t queued_us;   /* for the first time; -1 */
    int64_t wait_us;     /* until it was accepted for the first time, or given up; -1 */
    int64_t gives_up_us; /* when, if nobody accepts; -1: not drawn yet */
    bool has_given_up;
    struct sim_timer timer; /* activation, then patience */
};

struct crowd_count {
    const char *type; /* constant */
    uint64_t count;
};

struct crowd {
    struct sim_core *core;
    const struct scenario *scenario;
    uint64_t seed;
    int64_t now_us, start_us, end_us;
    bool is_broken;
    struct sim_timers timers;
    struct sim_collection members, jobs;
    struct crowd_stream *streams;
    struct crowd_count types[CROWD_TYPES_MOST];
    size_t type_count;
};

/* crowd.c */
/* The status of a call; refusals are told to the trace as "cannot WORDS: ...". `body` may be NULL. */
unsigned crowd_call(struct crowd *crowd, const char *who, const char *words, const char *method,
                    const struct buffer *path, const char *body);
/* "/routing/KIND/" and the encoded id. */
void crowd_path(struct buffer *path, const char *kind, const char *id);
/* In microseconds, whole milliseconds. */
int64_t crowd_draw(struct random *random, const struct scenario_time *time);
bool crowd_chance(struct random *random, double of_one);
void crowd_set_timer(struct crowd *crowd, struct sim_timer *timer, int64_t at,
                     void (*fire)(struct sim_core *core, struct sim_timer *timer));
/* Seconds since the scenario's first midnight. */
double crowd_day_s(const struct crowd *crowd, int64_t us);
enum { CROWD_WORDS_SIZE = 32 };
/* "12 s", "3 min 20 s", "1 h 5 min" */
const char *crowd_words(int64_t us, char text[CROWD_WORDS_SIZE]);

/* crowd_workers.c */
int crowd_members_add(struct crowd *crowd, const struct scenario_workers *group, uint32_t *part);
void crowd_members_start(struct crowd *crowd);
void crowd_members_free(struct crowd *crowd);
/* An event that has a worker. */
void crowd_member_tell(struct crowd *crowd, const char *type, const struct json *data);
/* The job was deleted: an event that names no worker. */
void crowd_deals_drop(struct crowd *crowd, const char *job_id);

/* crowd_customers.c */
void crowd_stream_start(struct crowd_stream *stream);
void crowd_job_tell(struct crowd *crowd, const char *type, int64_t time_us, const struct json *data);
void crowd_jobs_free(struct crowd *crowd);

#endif
