/* Whether a store holds together: the file as SQLite sees it, then what belongs together across its tables. */
#include "store/sqlite/internal.h"
#include <inttypes.h>

/* Each finds what must not be: a number, and nothing when all is well. One statement sees one moment, so that
 * what is appended and deleted meanwhile is never half there. */
static const struct {
    const char *sql, *what, *words;
} rules[] = {
    {"SELECT seq FROM events WHERE seq NOT IN (SELECT seq FROM envelopes)", "event", "has no envelope"},
    {"SELECT seq FROM events WHERE seq NOT IN (SELECT seq FROM bodies)", "event", "has no bytes"},
    {"SELECT seq FROM envelopes WHERE seq NOT IN (SELECT seq FROM events)", "the envelope", "belongs to no event"},
    {"SELECT seq FROM bodies WHERE seq NOT IN (SELECT seq FROM events)", "the bytes", "belong to no event"},
    {"SELECT seq FROM events WHERE state NOT IN (0, 2, 3, 4, 5, 6)", "event", "is in no state"},
    {"SELECT id FROM runs WHERE id / 256 NOT IN (SELECT seq FROM events)", "run", "belongs to no event"},
    {"SELECT runs.id FROM runs JOIN events ON seq = runs.id / 256 WHERE runs.state <= 2 AND events.state > 2",
     "run", "is open and its event is not"},
    {"SELECT id FROM steps WHERE id / 65536 NOT IN (SELECT id FROM runs)", "step", "belongs to no run"},
    {"SELECT last FROM job_segments WHERE last % 4096 <> 0 OR length(jobs) % 8 <> 0",
     "the segment of the job index at", "is no segment"},
    {"SELECT seq FROM events WHERE state >= 4 AND NOT EXISTS (SELECT 1 FROM aside_stretches a"
     " WHERE a.state = events.state AND last = (seq + 4095) / 4096 * 4096)",
     "event", "is set aside, and no stretch says so"},
    {"SELECT id FROM runs WHERE generation IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_uses u"
     " WHERE u.generation = runs.generation AND last = (id / 256 + 4095) / 4096 * 4096)",
     "run", "has scripts that no stretch says are needed"},
    {"SELECT generation FROM generation_files WHERE generation NOT IN (SELECT id FROM generations)",
     "scripts are kept for generation", "which is not there"},
    {"SELECT generation FROM generation_files WHERE blob NOT IN (SELECT id FROM blobs)", "a script of generation",
     "has no bytes"},
};

static int check_file(sqlite3 *db, struct error *error);
static int check_rules(sqlite3 *db, struct error *error);
static int check_rule(sqlite3 *db, const char *sql, int64_t *found, struct error *error);

int store_check(struct store *store, struct error *error) {
    struct error unasked;
    error = error == NULL ? &unasked : error;
    sqlite3 *db = NULL;
    int result = -1;
    int code = sqlite3_open_v2(store->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        db_error(db, code, "open the file to check it", error);
        goto out;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (check_file(db, error) < 0 || check_rules(db, error) < 0) {
        goto out;
    }
    result = 0;
out:
    sqlite3_close(db);
    return result;
}

/* Pages, rows, and that every index says what its table says. */
static int check_file(sqlite3 *db, struct error *error) {
    sqlite3_stmt *row = NULL;
    if (db_prepare(db, &row, "PRAGMA integrity_check(1)", error) < 0) {
        return -1;
    }
    int step = db_step(db, row, "check the file", error);
    if (step > 0) {
        struct slice words = db_slice(row, 0);
        step = slice_is(words, "ok")
                   ? 0
                   : error_set(error, ERROR_CORRUPT, "store: the file is damaged: %.*s", SLICE_ARG(words));
    }
    sqlite3_finalize(row);
    return step;
}

static int check_rules(sqlite3 *db, struct error *error) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int64_t found = 0;
        int count = check_rule(db, rules[i].sql, &found, error);
        if (count < 0) {
            return -1;
        }
        if (count > 0) {
            return error_set(error, ERROR_CORRUPT, "store: it does not hold together: %s %" PRId64 " %s",
                             rules[i].what, found, rules[i].words);
        }
    }
    return 0;
}

/* 1: *found is what must not be; 0: nothing is. */
static int check_rule(sqlite3 *db, const char *sql, int64_t *found, struct error *error) {
    sqlite3_stmt *row = NULL;
    if (db_prepare(db, &row, sql, error) < 0) {
        return -1;
    }
    int step = db_step(db, row, "check what belongs together", error);
    if (step > 0) {
        *found = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    return step;
}
