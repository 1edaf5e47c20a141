/* What goes besides events: scripts that no run refers to, values whose time is over, pages of the file that
 * nothing uses. */
#include "base/clock.h"
#include "store/sqlite/internal.h"

enum {
    GENERATIONS_LOOK = 16, /* looked at in a bite */
    VALUES_MOST = 32,      /* of up to 64 KiB each */
    PAGES_MOST = 32,       /* moved and cut off in a bite */
    PAGES_SLACK = 256,     /* 1 MiB, and */
    PAGES_SHARE = 8,       /* one page in 8 may stay free: events to come use them */
};

static int drop_generation(struct store *store, int64_t id, struct error *error);

/* The live one stays, and the latest one, whether a run refers to them or not. */
int purge_generations(struct store *store, int64_t cutoff_us, bool *has_more, struct error *error) {
    int64_t unused[GENERATIONS_LOOK];
    size_t count = 0;
    int looked = 0;
    sqlite3_stmt *row = store->statements[PURGE_GENERATIONS];
    sqlite3_bind_int64(row, 1, store->purged_generation);
    sqlite3_bind_int64(row, 2, cutoff_us);
    sqlite3_bind_int(row, 3, GENERATIONS_LOOK);
    int step;
    while ((step = db_step(store->db, row, "look for scripts that nothing needs", error)) > 0) {
        store->purged_generation = sqlite3_column_int64(row, 0);
        looked++;
        if (sqlite3_column_int(row, 1) != 0 && store->purged_generation != store->live_generation) {
            unused[count++] = store->purged_generation;
        }
    }
    if (step < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (drop_generation(store, unused[i], error) < 0) {
            return -1;
        }
    }
    if (looked < GENERATIONS_LOOK) {
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
