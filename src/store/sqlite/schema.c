#include "store/sqlite/schema.h"
#include "store/sqlite/internal.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const char first_layout[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('fence', 0), ('clean', 1), ('last_seq', 0);"

    "CREATE TABLE events(seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, lane INTEGER NOT NULL,"
    " fingerprint INTEGER NOT NULL);"
    "CREATE INDEX events_open ON events(seq, state, lane) WHERE state <= 2;"
    "CREATE INDEX events_aside ON events(state, seq) WHERE state >= 4;"

    "CREATE TABLE envelopes(seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, identity BLOB NOT NULL,"
    " content BLOB NOT NULL, id TEXT, type TEXT, source TEXT, subject TEXT, time TEXT, job TEXT, worker TEXT,"
    " malformed TEXT);"
    "CREATE TABLE bodies(seq INTEGER PRIMARY KEY, raw BLOB NOT NULL);"

    "CREATE TABLE runs(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, handler TEXT, generation BLOB,"
    " script BLOB, attempt INTEGER NOT NULL, kills INTEGER NOT NULL, due INTEGER NOT NULL,"
    " started INTEGER NOT NULL, finished INTEGER NOT NULL, result TEXT, reason TEXT, traceback TEXT,"
    " returned TEXT);"
    "CREATE INDEX runs_generation ON runs(generation) WHERE generation IS NOT NULL;"
    "CREATE TABLE steps(id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, occurrence INTEGER NOT NULL,"
    " is_error INTEGER NOT NULL, is_repeated INTEGER NOT NULL, status INTEGER NOT NULL, asked INTEGER NOT NULL,"
    " answered INTEGER NOT NULL, operation TEXT, arguments TEXT, answer TEXT, etag TEXT,"
    " is_forgotten INTEGER NOT NULL);"

    "CREATE TABLE generations(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, kept INTEGER NOT NULL);"
    "CREATE TABLE generation_files(generation INTEGER NOT NULL, path TEXT NOT NULL, blob INTEGER NOT NULL,"
    " PRIMARY KEY (generation, path)) WITHOUT ROWID;"
    "CREATE INDEX generation_files_blob ON generation_files(blob);"
    "CREATE TABLE blobs(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"

    "CREATE TABLE job_segments(last INTEGER PRIMARY KEY);"
    "CREATE TABLE job_index(segment INTEGER NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY (segment, hash, seq)) WITHOUT ROWID;"

    "CREATE TABLE state(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL,"
    " expires INTEGER NOT NULL);"
    "CREATE INDEX state_expires ON state(expires) WHERE expires > 0;"

    "CREATE TABLE timers(id INTEGER PRIMARY KEY, due INTEGER NOT NULL, lane INTEGER NOT NULL, type TEXT,"
    " raw BLOB NOT NULL);"
    "CREATE INDEX timers_due ON timers(due);";

/* It cost an event two changes more than all else that is known of its state; `events` is read in its place. */
static const char no_index_of_open_events[] = "DROP INDEX events_open";

/* An entry for each event or run cost more than the row; a row for 4,096 of them leads to them nearly as well.
 * (Jobs' entries had a table of their own.) */
static const char stretches[] =
    "CREATE TABLE aside_stretches(state INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (state, last))"
    " WITHOUT ROWID;"
    "INSERT INTO aside_stretches SELECT DISTINCT state, (seq + 4095) / 4096 * 4096 FROM events WHERE state >= 4;"
    "DROP INDEX events_aside;"

    "CREATE TABLE generation_uses(last INTEGER NOT NULL, generation BLOB NOT NULL,"
    " PRIMARY KEY (last, generation)) WITHOUT ROWID;"
    "INSERT INTO generation_uses SELECT DISTINCT (id / 256 + 4095) / 4096 * 4096, generation FROM runs"
    " WHERE generation IS NOT NULL;"
    "DROP INDEX runs_generation;"

    "ALTER TABLE job_segments ADD COLUMN jobs BLOB NOT NULL DEFAULT x'';"
    "UPDATE job_segments SET jobs = (SELECT pack_jobs(hash, seq) FROM job_index WHERE segment = last);"
    "DROP TABLE job_index;";

const char *const schema_migrations[] = {first_layout, no_index_of_open_events, stretches, NULL};

static int read_version(sqlite3 *db, const char *path, int64_t known, int64_t *version, struct error *error);
static int set_up(sqlite3 *db, const char *path, struct error *error);
static int migrate(sqlite3 *db, const char *migration, int64_t version, struct error *error);

int schema_prepare(sqlite3 *db, const char *path, const char *const *migrations, struct error *error) {
    int64_t known = 0;
    while (migrations[known] != NULL) {
        known++;
    }
    int64_t version;
    if (read_version(db, path, known, &version, error) < 0 || set_up(db, path, error) < 0 ||
        jobs_add_function(db, error) < 0) {
        return -1;
    }
    for (; version < known; version++) {
        if (migrate(db, migrations[version], version + 1, error) < 0) {
            return error_prefix(error, "%s: layout %" PRId64, path, version + 1);
        }
    }
    return 0;
}

/* Only looks: a file that is not ours is left as it is. */
static int read_version(sqlite3 *db, const char *path, int64_t known, int64_t *version, struct error *error) {
    int64_t application = 0;
    int64_t tables = 0;
    if (db_number(db, "PRAGMA application_id", &application, error) < 0 ||
        db_number(db, "PRAGMA user_version", version, error) < 0 ||
        db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, error) < 0) {
        if (error != NULL && error->code == ERROR_CORRUPT) {
            return error_set(error, ERROR_CORRUPT, "store: %s is not a store of switchhook: name another file",
                             path);
        }
        return error_prefix(error, "%s", path);
    }
    bool is_fresh = application == 0 && *version == 0 && tables == 0;
    if (!is_fresh && application != SCHEMA_APPLICATION) {
        return error_set(error, ERROR_CORRUPT, "store: %s is a database of another program: name another file",
                         path);
    }
    if (*version > known) {
        return error_set(error, ERROR_CORRUPT,
                         "store: %s was written by a newer switchhook (layout %" PRId64 ", this one knows %" PRId64
                         "): use that one",
                         path, *version, known);
    }
    return 0;
}

/* The page size and the vacuum mode hold only when they are set before the first table, so they come before WAL,
 * which writes the first page. */
static int set_up(sqlite3 *db, const char *path, struct error *error) {
    if (db_execute(db,
                   "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
                   "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                   "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384",
                   "set the file up", error) < 0) {
        return error_prefix(error, "%s", path);
    }
    static const struct {
        const char *sql, *name;
        int64_t wanted;
    } settings[] = {
        {"PRAGMA page_size", "page_size=4096", 4096},
        {"PRAGMA auto_vacuum", "auto_vacuum=INCREMENTAL", 2},
        {"SELECT journal_mode = 'wal' FROM pragma_journal_mode", "journal_mode=WAL", 1},
        {"PRAGMA synchronous", "synchronous=FULL", 2},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int64_t value = -1;
        if (db_number(db, settings[i].sql, &value, error) < 0) {
            return error_prefix(error, "%s", path);
        }
        if (value != settings[i].wanted) {
            return error_set(error, ERROR_SYSTEM,
                             "store: %s cannot be used with %s, without which nothing is safe: put the store on a "
                             "local disk, or name another file",
                             path, settings[i].name);
        }
    }
    return 0;
}

static int migrate(sqlite3 *db, const char *migration, int64_t version, struct error *error) {
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d; PRAGMA application_id=%d; COMMIT", (int)version,
             SCHEMA_APPLICATION);
    if (db_execute(db, "BEGIN IMMEDIATE", "begin a migration", error) < 0) {
        return -1;
    }
    if (db_execute(db, migration, "migrate the store", error) < 0 ||
        db_execute(db, mark, "migrate the store", error) < 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return -1;
    }
    return 0;
}
