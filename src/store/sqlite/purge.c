/* What was kept long enough goes, a bite at a time: at most so many events, and so many rows looked at, that
 * the other works of the same commit hardly notice.
 *
 * Only what has left the window of duplicates goes: while an event is in it, its row is what a duplicate is
 * told by. Events that are done are looked for from `purge_from` on, which stays before the first of them;
 * those that were set aside in the stretches that have some (stretch.c), one stretch of each state a bite. */
#include "store/sqlite/internal.h"

enum {
    PURGE_MOST = 1024, /* events a bite, whatever the caller says */
    PURGE_LOOK = 2000, /* rows that are looked at: about a millisecond */
    PURGE_PAGES = 512, /* that become free, each wiped and written: some milliseconds; large events are fewer */
};

/* Events that a bite takes. */
struct victims {
    uint64_t seqs[PURGE_MOST];
    size_t count, most;
};

static int move_window(struct store *store, struct store_work *work, struct error *error);
static int find_aside(struct store *store, struct store_work *work, struct victims *victims, struct error *error);
static int find_state(struct store *store, enum store_state state, int64_t cutoff_us, struct victims *victims,
                      struct error *error);
static int first_stretch(struct store *store, enum store_state state, uint64_t *last, struct error *error);
static int drop_note(struct store *store, enum store_state state, uint64_t last, struct error *error);
static int find_done(struct store *store, struct store_work *work, struct victims *victims, struct error *error);
static int is_older(struct store *store, uint64_t seq, int64_t cutoff_us, struct error *error);
static int drop_events(struct store *store, struct store_work *work, struct victims *victims, struct error *error);
static int count_free(struct store *store, int64_t *pages, struct error *error);
static void spare(struct store *store, struct store_work *work, struct victims *victims, size_t dropped);
static int drop_event(struct store *store, uint64_t seq, struct error *error);
static int drop_range(struct store *store, enum writer_statement which, uint64_t first, uint64_t last,
                      struct error *error);
static int drop_stretches(struct store *store, const struct victims *victims, struct error *error);

enum work_result purge_work(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    struct victims victims = {.most = work->purge.most < PURGE_MOST ? work->purge.most : PURGE_MOST};
    work->purge.gone = 0;
    work->purge.has_more = false;
    if (move_window(store, work, error) < 0 || find_aside(store, work, &victims, error) < 0 ||
        find_done(store, work, &victims, error) < 0 || drop_events(store, work, &victims, error) < 0 ||
        purge_generations(store, work->purge.cutoffs.done_us, &work->purge.has_more, error) < 0 ||
        purge_values(store, &work->purge.has_more, error) < 0 ||
        purge_free_pages(store, &work->purge.has_more, error) < 0) {
        return WORK_SPOILED;
    }
    return WORK_DONE;
}

/* Fingerprints before the window go. That stays so when the transaction is rolled back: what is past the window
 * is no duplicate's first, whether its fingerprint is there or not. */
static int move_window(struct store *store, struct store_work *work, struct error *error) {
    uint64_t start;
    if (append_window_start(store, work->purge.cutoffs.duplicate_us, &start, error) < 0) {
        return -1;
    }
    sqlite3_stmt *row = store->statements[PURGE_WINDOW];
    db_bind_bits(row, 1, store->window_start);
    db_bind_bits(row, 2, start);
    sqlite3_bind_int(row, 3, PURGE_LOOK);
    int step;
    int looked = 0;
    while ((step = db_step(store->db, row, "move the window of duplicates", error)) > 0) {
        fingerprints_remove(&store->seen, db_bits(row, 1), db_bits(row, 0));
        store->window_start = db_bits(row, 0) + 1;
        looked++;
    }
    if (looked < PURGE_LOOK && step == 0) {
        store->window_start = start;
    }
    work->purge.has_more = looked == PURGE_LOOK;
    return step;
}

static int find_aside(struct store *store, struct store_work *work, struct victims *victims, struct error *error) {
    const struct store_cutoffs *cutoffs = &work->purge.cutoffs;
    const struct {
        enum store_state state;
        int64_t cutoff_us;
    } states[] = {
        {STORE_PARKED, cutoffs->parked_us},
        {STORE_UNHANDLED, cutoffs->unhandled_us},
        {STORE_QUARANTINED, cutoffs->quarantined_us},
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        int result = find_state(store, states[i].state, states[i].cutoff_us, victims, error);
        if (result < 0) {
            return -1;
        }
        work->purge.has_more = work->purge.has_more || result > 0;
    }
    return 0;
}

/* In the first stretch that has some, the oldest first: the first that stays ends it. 1: the next stretch may have
 * more of them; 0: no; -1: failed. */
static int find_state(struct store *store, enum store_state state, int64_t cutoff_us, struct victims *victims,
                      struct error *error) {
    uint64_t last = 0;
    if (first_stretch(store, state, &last, error) < 0) {
        return -1;
    }
    if (last == 0 || victims->count == victims->most) {
        return 0; /* in a bite that is full, none was found for want of room */
    }
    sqlite3_stmt *row = store->statements[PURGE_ASIDE];
    sqlite3_bind_int(row, 1, (int)state);
    db_bind_bits(row, 2, last);
    db_bind_bits(row, 3, store->window_start);
    sqlite3_bind_int64(row, 4, (sqlite3_int64)(victims->most - victims->count));
    int step = 0;
    int older = 1;
    size_t before = victims->count;
    while (older > 0 && (step = db_step(store->db, row, "look for old events", error)) > 0) {
        uint64_t seq = db_bits(row, 0);
        older = is_older(store, seq, cutoff_us, error);
        if (older > 0) {
            victims->seqs[victims->count++] = seq;
        }
    }
    sqlite3_reset(row);
    if (older < 0 || step < 0) {
        return -1;
    }
    if (older == 0 || last >= store->window_start) {
        return 0;
    }
    return victims->count > before ? 1 : drop_note(store, state, last, error);
}

/* *last stays as it is when no stretch has any. */
static int first_stretch(struct store *store, enum store_state state, uint64_t *last, struct error *error) {
    sqlite3_stmt *row = store->statements[FIRST_ASIDE];
    sqlite3_bind_int(row, 1, (int)state);
    int step = db_step(store->db, row, "look for a stretch with old events", error);
    if (step > 0) {
        *last = db_bits(row, 0);
        sqlite3_reset(row);
    }
    return step < 0 ? -1 : 0;
}

/* The stretch has none of them left. */
static int drop_note(struct store *store, enum store_state state, uint64_t last, struct error *error) {
    sqlite3_stmt *row = store->statements[DROP_ASIDE];
    sqlite3_bind_int(row, 1, (int)state);
    db_bind_bits(row, 2, last);
    stretch_forget(store);
    return db_run(store->db, row, "forget a stretch", error) < 0 ? -1 : 1;
}

/* Open events and those set aside are passed over; none of them is looked at again, unless it is done by then. */
static int find_done(struct store *store, struct store_work *work, struct victims *victims, struct error *error) {
    sqlite3_stmt *row = store->statements[PURGE_DONE];
    db_bind_bits(row, 1, store->purge_from);
    db_bind_bits(row, 2, store->window_start);
    sqlite3_bind_int(row, 3, PURGE_LOOK);
    int step = 0;
    int older = 1;
    int looked = 0;
    while (older > 0 && victims->count < victims->most &&
           (step = db_step(store->db, row, "look for old events", error)) > 0) {
        uint64_t seq = db_bits(row, 0);
        looked++;
        if (sqlite3_column_int(row, 1) == STORE_DONE) {
            older = is_older(store, seq, work->purge.cutoffs.done_us, error);
            if (older > 0) {
                victims->seqs[victims->count++] = seq;
            }
        }
        if (older > 0) {
            store->purge_from = seq + 1;
        }
    }
    sqlite3_reset(row);
    bool is_full = victims->most > 0 && victims->count == victims->most;
    work->purge.has_more = work->purge.has_more || is_full || looked == PURGE_LOOK;
    return older < 0 || step < 0 ? -1 : 0;
}

/* 1: received before the moment; 0: later; -1: failed. */
static int is_older(struct store *store, uint64_t seq, int64_t cutoff_us, struct error *error) {
    sqlite3_stmt *row = store->statements[PURGE_AGE];
    db_bind_bits(row, 1, seq);
    int step = db_step(store->db, row, "read an event's age", error);
    if (step > 0) {
        step = sqlite3_column_int64(row, 0) < cutoff_us;
        sqlite3_reset(row);
    }
    return step;
}

/* The last number is kept beside the events, so that none is given twice when the newest event goes. */
static int drop_events(struct store *store, struct store_work *work, struct victims *victims,
                       struct error *error) {
    int64_t before = 0;
    if (victims->count == 0 || count_free(store, &before, error) < 0) {
        return victims->count == 0 ? 0 : -1;
    }
    size_t dropped = 0;
    for (int64_t pages = before; dropped < victims->count && pages - before < PURGE_PAGES; dropped++) {
        if (drop_event(store, victims->seqs[dropped], error) < 0 || count_free(store, &pages, error) < 0) {
            return -1;
        }
    }
    spare(store, work, victims, dropped);
    sqlite3_stmt *last = store->statements[KEEP_LAST_SEQ];
    db_bind_bits(last, 1, store->now.last_seq);
    if (db_run(store->db, last, "keep the last number", error) < 0 || drop_stretches(store, victims, error) < 0) {
        return -1;
    }
    store->now.events -= victims->count;
    work->purge.gone = victims->count;
    return 0;
}

static int count_free(struct store *store, int64_t *pages, struct error *error) {
    sqlite3_stmt *row = store->statements[COUNT_FREE];
    int step = db_step(store->db, row, "count the free pages", error);
    if (step > 0) {
        *pages = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return step < 0 ? -1 : 0;
}

/* Those that are too much for one bite are found again by the next. */
static void spare(struct store *store, struct store_work *work, struct victims *victims, size_t dropped) {
    for (size_t i = dropped; i < victims->count; i++) {
        if (victims->seqs[i] < store->purge_from) {
            store->purge_from = victims->seqs[i];
        }
        work->purge.has_more = true;
    }
    victims->count = dropped;
}

static int drop_event(struct store *store, uint64_t seq, struct error *error) {
    static const enum writer_statement tables[] = {DROP_EVENT, DROP_ENVELOPE, DROP_BODY};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        db_bind_bits(store->statements[tables[i]], 1, seq);
        if (db_run(store->db, store->statements[tables[i]], "delete an event", error) < 0) {
            return -1;
        }
    }
    uint64_t first = store_run_id(seq, 0);
    uint64_t end = store_run_id(seq + 1, 0);
    if (drop_range(store, DROP_RUNS, first, end - 1, error) < 0) {
        return -1;
    }
    return drop_range(store, DROP_STEPS, store_step_row(first, 0), store_step_row(end, 0) - 1, error);
}

static int drop_range(struct store *store, enum writer_statement which, uint64_t first, uint64_t last,
                      struct error *error) {
    sqlite3_stmt *row = store->statements[which];
    db_bind_bits(row, 1, first);
    db_bind_bits(row, 2, last);
    return db_run(store->db, row, "delete what an event did", error);
}

/* Segments of jobs that lead nowhere now (every look-up of a job would go on probing them), and what scripts were
 * needed in a stretch without runs. */
static int drop_stretches(struct store *store, const struct victims *victims, struct error *error) {
    static const enum writer_statement which[] = {DROP_SEGMENT, DROP_USES};
    uint64_t latest = 0;
    for (size_t i = 0; i < victims->count; i++) {
        uint64_t last = store_segment_of(victims->seqs[i]);
        for (size_t k = 0; last != latest && k < sizeof which / sizeof *which; k++) {
            sqlite3_stmt *row = store->statements[which[k]];
            db_bind_bits(row, 1, last);
            if (db_run(store->db, row, "delete what was known of a stretch", error) < 0) {
                return -1;
            }
        }
        latest = last;
    }
    stretch_forget(store);
    return 0;
}
