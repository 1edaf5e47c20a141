/* The store's own parts; what each file of this folder offers the others.
 *
 * Who touches what: what stands behind the mutex in struct store belongs to it. `gather` says for itself;
 * `mover_db` is the mover's. Everything else is the writing thread's, from the moment it starts until store_close
 * has joined it. */
#ifndef STORE_SQLITE_INTERNAL_H
#define STORE_SQLITE_INTERNAL_H

#include "store/sqlite/db.h"
#include "store/sqlite/fingerprints.h"
#include "store/sqlite/gather.h"
#include "store/store.h"
#include <pthread.h>

/* An event is a duplicate of one that came at most this long before it. */
#define STORE_WINDOW_US (INT64_C(48) * 3600 * 1000000)

enum {
    STORE_STEPS_PER_RUN = 65536,  /* a step's row is run * this + number */
    STORE_GROUP_WORKS = 1024,     /* a commit waits for no more, so that the first of them is not kept waiting */
    STORE_GROUP_BYTES = 16 << 20, /* likewise */
    STORE_SEGMENT = 4096,         /* numbers a stretch: of the job index, and of what stretch.c notes */
    STORE_MOVE_PAGES = 1024,      /* 4 MiB more of WAL, then the mover brings its pages into the file */
    STORE_WAL_PAGES = 4096,       /* 16 MiB of WAL, then the writer moves the rest, and it begins anew */
    STORE_IDLE_SECONDS = 2,       /* without work, before the rest of the WAL moves */
    STORE_PATIENCE_MS = 2,        /* before works that nobody waits for are committed alone */
    STORE_MORE_WORKS = 16,        /* come before they are added to a group that waits for the syncer */
    STORE_SYNC_WORKS = 4, /* a commit of so many is synced by the other thread: less is not worth its waking */
};

/* No text and no bytes are longer: far below SQLite's own limit (1 GB a row), far above what a delivery, an answer
 * or a script may have. */
enum { STORE_TEXT_MOST = 64 << 20 };

static inline uint64_t store_step_row(uint64_t run, uint32_t number) {
    return run * STORE_STEPS_PER_RUN + number;
}

/* The stretch that a number belongs to, by its last number. */
static inline uint64_t store_segment_of(uint64_t seq) {
    return (seq + STORE_SEGMENT - 1) / STORE_SEGMENT * STORE_SEGMENT;
}

/* What the writing connection keeps prepared. */
enum writer_statement {
    WRITE_EVENT,
    WRITE_ENVELOPE,
    WRITE_BODY,
    READ_TWIN,
    UNDERSTAND_EVENT,
    UNDERSTAND_ENVELOPE,
    READ_STATE,
    CLOSE_EVENT,
    CLOSE_EVENTS,
    WRITE_STATE,
    WRITE_RUN,
    REWRITE_RUN,
    WRITE_STEP,
    FORGET_STEP,
    READ_GENERATION,
    WRITE_GENERATION,
    READ_FILE_BEFORE,
    WRITE_BLOB,
    WRITE_FILE,
    READ_FENCE,
    WRITE_SEGMENT,
    WRITE_ASIDE,
    WRITE_USE,
    READ_RECEIVED,
    TOUCH_GENERATION,
    READ_VALUE,
    WRITE_VALUE,
    DROP_VALUE,
    READ_TIMER,
    WRITE_TIMER,
    DROP_TIMER,
    REPLAY_STEPS,
    REPLAY_RUNS,
    PURGE_WINDOW,
    PURGE_DONE,
    FIRST_ASIDE,
    PURGE_ASIDE,
    DROP_ASIDE,
    PURGE_AGE,
    DROP_EVENT,
    DROP_ENVELOPE,
    DROP_BODY,
    DROP_RUNS,
    DROP_STEPS,
    DROP_SEGMENT,
    DROP_USES,
    KEEP_LAST_SEQ,
    PURGE_GENERATIONS,
    FIRST_USE,
    READ_USE,
    DROP_USE,
    DROP_BLOBS,
    DROP_FILES,
    DROP_GENERATION,
    DROP_EXPIRED,
    COUNT_FREE,
    READ_FREE,
    WRITER_STATEMENTS,
};
extern const char *const writer_texts[WRITER_STATEMENTS];

/* How a work went. */
enum work_result {
    WORK_DONE,
    WORK_REFUSED, /* by its own fault; nothing of it was written */
    WORK_SPOILED, /* the database failed in it: the transaction has to be rolled back */
};

/* What the last notes of stretch.c were, so that they are not written again; 0: none. */
struct stretch_notes {
    uint64_t aside[STORE_STATES];
    uint64_t used;
    uint8_t generation[STORE_DIGEST_SIZE];
};

/* The WAL, as the writing thread knows it; in pages. */
struct behind {
    int wal;            /* it has so many */
    int move_at;        /* then the mover moves them */
    int restart_at;     /* then the writer moves what the mover has left */
    bool has_restarted; /* since the mover began */
    bool has_idle_work; /* something that an idle moment should move */
};

struct fingerprint_list {
    struct fingerprint *items;
    size_t count;
    size_t capacity;
};

struct store {
    char *path;
    int lock;
    uint64_t fence;
    bool was_unclean;
    uint64_t last_seq_at_open;
    bool is_left_unclean;

    struct gather gather;
    sqlite3 *db;
    sqlite3 *mover_db; /* the mover's; in the hands of that thread while it runs */
    sqlite3_stmt *statements[WRITER_STATEMENTS];
    struct fingerprints seen;
    struct fingerprint_list added; /* to `seen`, by the transaction that is on */
    int64_t window_us;             /* how long duplicates are told */
    uint64_t window_start;         /* no event below it is in the window */
    struct store_totals now;       /* with what the transaction that is on did */
    struct store_totals written;   /* as of the last commit, synced or not */
    bool is_sync_owed;             /* for it */
    int group_works;               /* of the group that was taken */
    size_t group_bytes;
    struct behind behind;
    int move_pages, wal_pages; /* STORE_MOVE_PAGES and STORE_WAL_PAGES; a test sets less */
    uint64_t indexed_seq;      /* the job index knows the events up to it */
    uint64_t index_at;         /* the last event at which it should be built on */
    struct stretch_notes noted;
    uint64_t purge_from;       /* no event below it is done */
    int64_t purged_generation; /* those up to it were looked at */
    int64_t live_generation;   /* the last that the host named */

    pthread_t writer, syncer, mover;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct store_work *queue, **queue_end;
    size_t queue_length;
    bool is_waited_for; /* something in the queue is */
    bool is_gathering;  /* the writer waits for more of it, or for the syncer */
    bool is_stopping;
    pthread_cond_t has_unsynced;
    struct store_work *unsynced; /* a commit that the syncer has; NULL: none */
    struct store_totals unsynced_totals;
    bool is_sync_over;
    struct store_totals committed; /* and synced */
    pthread_cond_t has_move;
    bool is_moving; /* the mover has something to do */
    bool is_move_over;
    int moved; /* pages of the WAL that were in the file when the mover had done */
    bool is_broken;
    struct error broken;
    void (*on_commit)(const struct store_work *first, void *context);
    void *commit_context;
    void (*on_broken)(const struct error *error, void *context);
    void *broken_context;
};

/* writer.c: the thread. `context` is the struct store. */
void *writer_main(void *context);
/* What came since the group was taken, to be added to it; NULL when it is large enough, or nothing came and the
 * syncer is free. */
struct store_work *writer_take_more(struct store *store);

/* group.c: all of `first`, linked by next, and what comes meanwhile, in one commit, handed to sync_group; or told
 * why not. */
void group_commit(struct store *store, struct store_work *first);
/* An error of the writing connection outside of a group: as tell_failed_behind. */
void group_failed_behind(struct store *store, const struct error *error);

/* sync.c: the other thread. `context` is the struct store. It ends when is_sync_over is set, after what it has. */
void *sync_main(void *context);
/* What was committed last becomes durable and is told, here or on the other thread, which has to be free. */
void sync_group(struct store *store, struct store_work *first);
/* Returns when the other thread is free. */
void sync_drain(struct store *store);

/* tell.c: on either thread, one group at a time. */
void tell_done(struct store *store, struct store_work *first);
void tell_failed(struct store_work *first, const struct error *error);
/* The first time, the listener hears of it. What a failed sync left on the disk is unknown, so nothing may be
 * written after it, not even by the checkpoint that closing makes. */
void tell_broken(struct store *store, const struct error *error);
/* Something that nobody waits for has failed: the store breaks if it has to, or it is tried again later. Any
 * thread. */
void tell_failed_behind(struct store *store, const struct error *error);
bool tell_is_fatal(const struct error *error);
/* `error` may be NULL. */
bool tell_is_broken(struct store *store, struct error *error);

/* append.c */
enum work_result append_work(struct store *store, struct store_work *work);
/* The first event that came at `oldest_us` or later, looked for from the present start of the window on. */
int append_window_start(struct store *store, int64_t oldest_us, uint64_t *seq, struct error *error);
int append_load_fingerprints(struct store *store, struct error *error);
void append_take_back(struct store *store);

/* A quarantined element becomes `event`, queued. -1 with ERROR_INVALID when another number has the same one: then
 * nothing was written. */
int append_understood(struct store *store, uint64_t seq, struct store_event *event, struct error *error);

/* change.c */
enum work_result change_work(struct store *store, struct store_work *work);
int change_check_fence(const struct store *store, uint64_t seq, uint64_t fence, struct error *error);
/* An event as it stands; `state` stays as it is when there is none. */
struct event_row {
    int state;
    uint64_t lane;
};
int change_read_event(struct store *store, uint64_t seq, struct event_row *row, struct error *error);
int change_write_state(struct store *store, uint64_t seq, int before, int state, struct error *error);

/* value.c: what a change does to a value. First it is worked out, and answered; nothing is written. */
enum value_effect { VALUE_STAYS, VALUE_PUT, VALUE_GOES };
struct value_plan {
    enum value_effect effect;
    struct slice value;
    int64_t expires_us;
};
int value_check(const struct store_work *work, struct error *error);
int value_plan(struct store *store, const struct store_work *work, struct value_plan *plan, struct error *error);
int value_write(struct store *store, const struct store_work *work, const struct value_plan *plan,
                struct error *error);

/* timer.c: likewise, of timers. */
int timer_check(const struct store_work *work, struct error *error);
int timer_plan(struct store *store, const struct store_work *work, struct error *error);
int timer_write(struct store *store, const struct store_work *work, struct error *error);
/* The timer goes; *was_there says whether it was there. */
int timer_take(struct store *store, uint64_t id, bool *was_there, struct error *error);

/* replay.c, purge.c */
enum work_result replay_work(struct store *store, struct store_work *work);
enum work_result purge_work(struct store *store, struct store_work *work);
/* purge_file.c: what no event is: generations, values, free pages. *has_more is set when some are left. */
int purge_generations(struct store *store, int64_t cutoff_us, bool *has_more, struct error *error);
int purge_values(struct store *store, bool *has_more, struct error *error);
int purge_free_pages(struct store *store, bool *has_more, struct error *error);

/* generation.c */
enum work_result generation_work(struct store *store, struct store_work *work);

/* Of `count` texts, ERROR_LIMIT when one is over STORE_TEXT_MOST. */
int append_check_texts(const struct slice *texts, size_t count, struct error *error);

/* stretch.c: called with each write of a state, and of a run with a generation. */
int stretch_note_state(struct store *store, uint64_t seq, int state, struct error *error);
int stretch_note_generation(struct store *store, uint64_t seq, const uint8_t *generation, struct error *error);
/* What was noted may be gone: a transaction was rolled back, or notes were deleted. */
void stretch_forget(struct store *store);

/* jobs.c: the job index. */
/* `pack_jobs(job, seq)` in SQL, an aggregate: the blob of a segment. */
int jobs_add_function(sqlite3 *db, struct error *error);
/* After the answers: one segment more, if there are events enough. */
void jobs_behind(struct store *store);
/* The segment of this number, if there is one, is written again: the event has another job. */
int jobs_again(struct store *store, uint64_t seq, struct error *error);
/* The entries of a segment that are perhaps of a job, by place; and the number of the event that one leads to, in
 * a segment whose last number is `last`. */
struct jobs_range {
    size_t first, end;
};
void jobs_find(struct slice segment, struct slice job, struct jobs_range *range);
uint64_t jobs_seq(struct slice segment, uint64_t last, size_t i);

/* behind.c: when the WAL's pages move into the file: after a group, and when there was no work for some time. */
void behind_start(struct store *store);
void behind_group(struct store *store);
void behind_idle(struct store *store);
/* After each commit: the WAL has so many pages. */
void behind_count(struct store *store, int pages);

/* mover.c: a third thread, with a connection of its own, that moves pages while commits go on. */
int mover_open(struct store *store, struct error *error);
/* `context` is the struct store. It ends when is_move_over is set, after what it has. */
void *mover_main(void *context);
/* Only while it rests, and while the WAL has pages that are not in the file: see mover.c. */
void mover_start(struct store *store);
/* Whether it has nothing to do; then *moved is set. `waits` for that. */
bool mover_rests(struct store *store, bool waits, int *moved);

#endif
