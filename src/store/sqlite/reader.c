/* Reading: a connection of its own that never writes, and statements that are reset before a call returns. */
#include "store/sqlite/reader.h"
#include "store/sqlite/internal.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

enum { READER_BUSY_MS = 5000, HELD_MOST = 1 << 30, HELD_KEPT = 1 << 20 };

static int prepare(struct store_reader *reader, struct error *error);
static void fill_run(sqlite3_stmt *row, struct store_run *run);
static void fill_step(sqlite3_stmt *row, uint64_t run, struct store_step *step);
static int hold(struct store_reader *reader, struct store_record *record, struct error *error);

struct store_reader *store_reader_new(struct store *store, struct error *error) {
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        error_memory(error);
        return NULL;
    }
    reader->store = store;
    buffer_init(&reader->held, HELD_MOST);
    int code = sqlite3_open_v2(store->path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        db_error(reader->db, code, "open the file for reading", error);
        store_reader_free(reader);
        return NULL;
    }
    sqlite3_extended_result_codes(reader->db, 1);
    sqlite3_busy_timeout(reader->db, READER_BUSY_MS);
    /* One connection moves the WAL's pages, and it is not this one. */
    sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (prepare(reader, error) < 0) {
        store_reader_free(reader);
        return NULL;
    }
    return reader;
}

void store_reader_free(struct store_reader *reader) {
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < READER_STATEMENTS; i++) {
        sqlite3_finalize(reader->statements[i]);
    }
    sqlite3_close(reader->db);
    buffer_reset(&reader->held);
    free(reader);
}

void store_reader_begin(struct store_reader *reader) {
    if (sqlite3_get_autocommit(reader->db) != 0) {
        db_step(reader->db, reader->statements[READER_BEGIN], "begin to read", NULL);
    }
}

void store_reader_end(struct store_reader *reader) {
    if (sqlite3_get_autocommit(reader->db) == 0) {
        db_step(reader->db, reader->statements[READER_END], "end reading", NULL);
    }
}

int store_each_open(struct store_reader *reader, uint64_t after,
                    int (*visit)(void *context, const struct store_open_event *event), void *context,
                    struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_OPEN];
    struct store_totals totals;
    store_totals(reader, &totals, NULL);
    db_bind_bits(row, 1, after);
    db_bind_bits(row, 2, totals.last_seq);
    int step;
    while ((step = db_step(reader->db, row, "read the open events", error)) > 0) {
        struct store_open_event event = {
            .seq = db_bits(row, 0),
            .state = (enum store_state)sqlite3_column_int(row, 1),
            .lane = db_bits(row, 2),
        };
        if (visit(context, &event) < 0) {
            sqlite3_reset(row);
            return 0;
        }
    }
    return step;
}

int store_read_event(struct store_reader *reader, uint64_t seq, struct store_record *record, struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_EVENT];
    db_bind_bits(row, 1, seq);
    int step = db_step(reader->db, row, "read an event", error);
    if (step <= 0) {
        return step < 0 ? -1 : error_set(error, ERROR_NOT_FOUND, "store: there is no event %" PRIu64, seq);
    }
    reader_record(row, record);
    record->raw = db_blob(row, READER_RECORD_BODY);
    int result = hold(reader, record, error);
    sqlite3_reset(row);
    return result;
}

int store_each_run(struct store_reader *reader, uint64_t seq,
                   int (*visit)(void *context, const struct store_run *run), void *context, struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_RUNS];
    db_bind_bits(row, 1, store_run_id(seq, 0));
    db_bind_bits(row, 2, store_run_id(seq, STORE_RUNS_PER_EVENT - 1));
    int step;
    while ((step = db_step(reader->db, row, "read an event's runs", error)) > 0) {
        struct store_run run;
        fill_run(row, &run);
        if (visit(context, &run) < 0) {
            sqlite3_reset(row);
            return 0;
        }
    }
    return step;
}

int store_each_step(struct store_reader *reader, uint64_t run,
                    int (*visit)(void *context, const struct store_step *step), void *context,
                    struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_STEPS];
    db_bind_bits(row, 1, store_step_row(run, 0));
    db_bind_bits(row, 2, store_step_row(run, STORE_STEPS_PER_RUN - 1));
    int result;
    while ((result = db_step(reader->db, row, "read a run's steps", error)) > 0) {
        struct store_step step;
        fill_step(row, run, &step);
        if (visit(context, &step) < 0) {
            sqlite3_reset(row);
            return 0;
        }
    }
    return result;
}

int store_each_timer(struct store_reader *reader, int64_t before_us, size_t most,
                     int (*visit)(void *context, const struct store_timer *timer), void *context,
                     struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_TIMERS];
    sqlite3_bind_int64(row, 1, before_us);
    sqlite3_bind_int64(row, 2, most > INT_MAX ? INT_MAX : (sqlite3_int64)most);
    int step;
    while ((step = db_step(reader->db, row, "read the timers", error)) > 0) {
        struct store_timer timer = {
            .id = db_bits(row, 0),
            .due_us = sqlite3_column_int64(row, 1),
            .lane = db_bits(row, 2),
            .type = db_slice(row, 3),
            .raw = db_blob(row, 4),
        };
        if (visit(context, &timer) < 0) {
            sqlite3_reset(row);
            return 0;
        }
    }
    return step;
}

/* A due of 0 is "none" to the caller: one that old is overdue anyway, and 1 says so as well. */
int store_next_timer(struct store_reader *reader, int64_t *due_us, struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_NEXT_TIMER];
    int step = db_step(reader->db, row, "look for the next timer", error);
    if (step < 0) {
        return -1;
    }
    bool is_there = step > 0 && sqlite3_column_type(row, 0) != SQLITE_NULL;
    int64_t due = is_there ? sqlite3_column_int64(row, 0) : 0;
    *due_us = is_there && due <= 0 ? 1 : due;
    sqlite3_reset(row);
    return 0;
}

int store_each_file(struct store_reader *reader, const uint8_t *digest,
                    int (*visit)(void *context, const struct store_file *file), void *context,
                    struct error *error) {
    sqlite3_stmt *row = reader->statements[READ_FILES];
    db_bind_blob(row, 1, slice_make((const char *)digest, STORE_DIGEST_SIZE));
    size_t count = 0;
    int step;
    while ((step = db_step(reader->db, row, "read a generation", error)) > 0) {
        struct store_file file = {.path = db_slice(row, 0), .bytes = db_blob(row, 1)};
        count++;
        if (visit(context, &file) < 0) {
            sqlite3_reset(row);
            return 0;
        }
    }
    if (step == 0 && count == 0) {
        return error_set(error, ERROR_NOT_FOUND, "store: the scripts of this generation are not kept");
    }
    return step;
}

int store_totals(struct store_reader *reader, struct store_totals *totals, struct error *error) {
    (void)error;
    pthread_mutex_lock(&reader->store->mutex);
    *totals = reader->store->committed;
    pthread_mutex_unlock(&reader->store->mutex);
    return 0;
}

void reader_record(sqlite3_stmt *row, struct store_record *record) {
    *record = (struct store_record){
        .seq = db_bits(row, 0),
        .state = (enum store_state)sqlite3_column_int(row, 1),
        .lane = db_bits(row, 2),
        .received_us = sqlite3_column_int64(row, 3),
        .id = db_slice(row, 4),
        .type = db_slice(row, 5),
        .source = db_slice(row, 6),
        .subject = db_slice(row, 7),
        .time = db_slice(row, 8),
        .job = db_slice(row, 9),
        .worker = db_slice(row, 10),
        .malformed = db_slice(row, 11),
    };
}

static int prepare(struct store_reader *reader, struct error *error) {
    static const char *const texts[READER_STATEMENTS] = {
        [READ_OPEN] = "SELECT seq, state, lane FROM events WHERE state <= 2 AND seq > ? AND seq <= ?"
                      " ORDER BY seq",
        [READ_EVENT] = "SELECT " READER_RECORD ", b.raw FROM events e JOIN envelopes v ON v.seq = e.seq"
                       " LEFT JOIN bodies b ON b.seq = e.seq WHERE e.seq = ?",
        [READ_RUNS] =
            "SELECT id, state, handler, generation, script, attempt, kills, due, started, finished, result,"
            " reason, traceback, returned FROM runs WHERE id BETWEEN ? AND ? ORDER BY id",
        [READ_STEPS] = "SELECT id, branch, occurrence, is_error, is_repeated, status, asked, answered, operation,"
                       " arguments, answer, etag, is_forgotten FROM steps WHERE id BETWEEN ? AND ? ORDER BY id",
        [READ_FILES] = "SELECT path, bytes FROM generations g JOIN generation_files f ON f.generation = g.id"
                       " JOIN blobs b ON b.id = f.blob WHERE g.digest = ? ORDER BY path",
        [READ_TIMERS] = "SELECT id, due, lane, type, raw FROM timers WHERE due < ? ORDER BY due, id LIMIT ?",
        [READ_NEXT_TIMER] = "SELECT min(due) FROM timers",
        [READER_BEGIN] = "BEGIN",
        [READER_END] = "COMMIT",
        [QUERY_ANY] = query_any,
        [QUERY_ASIDE] = query_aside,
        [QUERY_SEGMENT] = query_segment,
        [QUERY_INDEXED] = query_indexed,
    };
    for (size_t i = 0; i < READER_STATEMENTS; i++) {
        if (db_prepare(reader->db, &reader->statements[i], texts[i], error) < 0) {
            return -1;
        }
    }
    return 0;
}

static const uint8_t *digest_or_null(sqlite3_stmt *row, int column) {
    struct slice digest = db_blob(row, column);
    return digest.length == STORE_DIGEST_SIZE ? (const uint8_t *)digest.bytes : NULL;
}

static void fill_run(sqlite3_stmt *row, struct store_run *run) {
    *run = (struct store_run){
        .id = db_bits(row, 0),
        .state = (enum store_state)sqlite3_column_int(row, 1),
        .handler = db_slice(row, 2),
        .generation = digest_or_null(row, 3),
        .script = digest_or_null(row, 4),
        .attempt = (uint32_t)sqlite3_column_int64(row, 5),
        .kills = (uint32_t)sqlite3_column_int64(row, 6),
        .due_us = sqlite3_column_int64(row, 7),
        .started_us = sqlite3_column_int64(row, 8),
        .finished_us = sqlite3_column_int64(row, 9),
        .result = db_slice(row, 10),
        .reason = db_slice(row, 11),
        .traceback = db_slice(row, 12),
        .returned = db_slice(row, 13),
    };
}

static void fill_step(sqlite3_stmt *row, uint64_t run, struct store_step *step) {
    *step = (struct store_step){
        .run = run,
        .number = (uint32_t)(db_bits(row, 0) % STORE_STEPS_PER_RUN),
        .branch = (uint32_t)sqlite3_column_int64(row, 1),
        .occurrence = (uint32_t)sqlite3_column_int64(row, 2),
        .is_error = sqlite3_column_int(row, 3) != 0,
        .is_repeated = sqlite3_column_int(row, 4) != 0,
        .status = (uint32_t)sqlite3_column_int64(row, 5),
        .asked_us = sqlite3_column_int64(row, 6),
        .answered_us = sqlite3_column_int64(row, 7),
        .operation = db_slice(row, 8),
        .arguments = db_slice(row, 9),
        .answer = db_slice(row, 10),
        .etag = db_slice(row, 11),
        .is_forgotten = sqlite3_column_int(row, 12) != 0,
    };
}

/* Copies what the record looks at, so that no read transaction stays open behind it. */
static int hold(struct store_reader *reader, struct store_record *record, struct error *error) {
    struct slice *parts[] = {&record->id,  &record->type,   &record->source,    &record->subject, &record->time,
                             &record->job, &record->worker, &record->malformed, &record->raw};
    enum { COUNT = sizeof parts / sizeof parts[0] };
    size_t length = 1;
    for (size_t i = 0; i < COUNT; i++) {
        length += parts[i]->length;
    }
    if (reader->held.capacity > HELD_KEPT) {
        buffer_reset(&reader->held);
    }
    buffer_clear(&reader->held);
    /* All the room at once: nothing moves while the slices are set. */
    if (buffer_reserve(&reader->held, length) == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (slice_is_set(*parts[i])) {
            size_t start = reader->held.length;
            buffer_append_slice(&reader->held, *parts[i]);
            parts[i]->bytes = reader->held.bytes + start;
        }
    }
    return 0;
}
