/* What goes besides events: scripts that no run refers to, values whose time is over, pages of the file that
 * nothing uses. */
#include "base/clock.h"
#include "store/sqlite/internal.h"

enum {
    GENERATIONS_LOOK = 16, /* looked at in a bite */
    USES_LOOK = 16,        /* stretches in which one of them was needed, likewise */
    VALUES_MOST = 32,      /* of up to 64 KiB each */
    PAGES_MOST = 32,       /* moved and cut off in a bite */
    PAGES_SLACK = 256,     /* 1 MiB, and */
    PAGES_SHARE = 8,       /* one page in 8 may stay free: events to come use them */
};

static int is_needed(struct store *store, struct slice digest, int *looks, struct error *error);
static int first_use(struct store *store, struct slice digest, uint64_t *last, struct error *error);
static int has_run(struct store *store, struct slice digest, uint64_t last, struct error *error);
static int drop_use(struct store *store, struct slice digest, uint64_t last, struct error *error);
static int drop_generation(struct store *store, int64_t id, struct error *error);

/* The live one stays, and the latest one, whether a run refers to them or not. */
int purge_generations(struct store *store, int64_t cutoff_us, bool *has_more, struct error *error) {
    int64_t unused[GENERATIONS_LOOK];
    size_t count = 0;
    int looked = 0;
    int looks = USES_LOOK;
    sqlite3_stmt *row = store->statements[PURGE_GENERATIONS];
    sqlite3_bind_int64(row, 1, store->purged_generation);
    sqlite3_bind_int64(row, 2, cutoff_us);
    sqlite3_bind_int(row, 3, GENERATIONS_LOOK);
    int step = 0;
    int needed = 0;
    while (needed >= 0 && (step = db_step(store->db, row, "look for scripts that nothing needs", error)) > 0) {
        int64_t id = sqlite3_column_int64(row, 0);
        bool is_candidate = sqlite3_column_int(row, 2) != 0 && id != store->live_generation;
        needed = is_candidate ? is_needed(store, db_blob(row, 1), &looks, error) : 1;
        if (looks < 0) {
            break; /* the next bite goes on with it */
        }
        store->purged_generation = id;
        looked++;
        if (needed == 0) {
            unused[count++] = id;
        }
    }
    sqlite3_reset(row);
    if (needed < 0 || step < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (drop_generation(store, unused[i], error) < 0) {
            return -1;
        }
    }
    if (looked < GENERATIONS_LOOK && looks >= 0) {
        store->purged_generation = 0; /* the next time from the start */
    } else {
        *has_more = true;
    }
    return 0;
}

int purge_values(struct store *store, bool *has_more, struct error *error) {
    sqlite3_stmt *row = store->statements[DROP_EXPIRED];
    sqlite3_bind_int64(row, 1, clock_wall_us());
    sqlite3_bind_int(row, 2, VALUES_MOST);
    if (db_run(store->db, row, "delete values whose time is over", error) < 0) {
        return -1;
    }
    *has_more = *has_more || sqlite3_changes(store->db) == VALUES_MOST;
    return 0;
}

/* The file itself becomes shorter when the WAL is moved into it. */
int purge_free_pages(struct store *store, bool *has_more, struct error *error) {
    sqlite3_stmt *row = store->statements[READ_FREE];
    int step = db_step(store->db, row, "count the free pages", error);
    if (step < 0) {
        return -1;
    }
    int64_t free_pages = step > 0 ? sqlite3_column_int64(row, 0) : 0;
    int64_t pages = step > 0 ? sqlite3_column_int64(row, 1) : 0;
    sqlite3_reset(row);
    int64_t surplus = free_pages - pages / PAGES_SHARE - PAGES_SLACK;
    if (surplus <= 0) {
        return 0;
    }
    *has_more = *has_more || surplus > PAGES_MOST;
    _Static_assert(PAGES_MOST == 32, "the statement says so");
    return db_execute(store->db, "PRAGMA incremental_vacuum(32)", "give free pages back", error);
}

/* 1: a run needs it; 0: none does; -1: failed. *looks counts stretches down, and below 0 nothing is known yet. */
static int is_needed(struct store *store, struct slice digest, int *looks, struct error *error) {
    for (;;) {
        uint64_t last = 0;
        if (first_use(store, digest, &last, error) < 0) {
            return -1;
        }
        if (last == 0) {
            return 0;
        }
        if (--*looks < 0) {
            return 1;
        }
        int result = has_run(store, digest, last, error);
        if (result != 0) {
            return result;
        }
        if (drop_use(store, digest, last, error) < 0) {
            return -1;
        }
    }
}

/* *last stays as it is when no stretch needs it. */
static int first_use(struct store *store, struct slice digest, uint64_t *last, struct error *error) {
    sqlite3_stmt *row = store->statements[FIRST_USE];
    db_bind_blob(row, 1, digest);
    int step = db_step(store->db, row, "look where scripts are needed", error);
    if (step > 0) {
        *last = db_bits(row, 0);
        sqlite3_reset(row);
    }
    return step < 0 ? -1 : 0;
}

static int has_run(struct store *store, struct slice digest, uint64_t last, struct error *error) {
    sqlite3_stmt *row = store->statements[READ_USE];
    db_bind_bits(row, 1, last);
    db_bind_blob(row, 2, digest);
    int step = db_step(store->db, row, "look for a run that needs scripts", error);
    sqlite3_reset(row);
    return step;
}

static int drop_use(struct store *store, struct slice digest, uint64_t last, struct error *error) {
    sqlite3_stmt *row = store->statements[DROP_USE];
    db_bind_bits(row, 1, last);
    db_bind_blob(row, 2, digest);
    stretch_forget(store);
    return db_run(store->db, row, "forget where scripts were needed", error);
}

static int drop_generation(struct store *store, int64_t id, struct error *error) {
    static const enum writer_statement which[] = {DROP_BLOBS, DROP_FILES, DROP_GENERATION};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        sqlite3_stmt *row = store->statements[which[i]];
        sqlite3_bind_int64(row, 1, id);
        if (db_run(store->db, row, "delete scripts that nothing needs", error) < 0) {
            return -1;
        }
    }
    return 0;
}
