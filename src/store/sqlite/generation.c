/* The bytes of scripts, by the digest of their set. A file that is the same as in the set before shares them. */
#include "base/clock.h"
#include "store/sqlite/internal.h"

static int read_generation(struct store *store, const struct store_work *work, int64_t *id, struct error *error);
static int touch_generation(struct store *store, int64_t id, struct error *error);
static int write_generation(struct store *store, const struct store_work *work, int64_t *id, struct error *error);
static int write_file(struct store *store, int64_t generation, const struct store_file *file, struct error *error);
static int find_same(struct store *store, int64_t generation, const struct store_file *file, int64_t *blob,
                     struct error *error);

enum work_result generation_work(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    if (work->generation.digest == NULL) {
        error_set(error, ERROR_INVALID, "store: a generation without a digest");
        return WORK_REFUSED;
    }
    for (size_t i = 0; i < work->generation.file_count; i++) {
        const struct store_file *file = &work->generation.files[i];
        if (append_check_texts((const struct slice[]){file->path, file->bytes}, 2, error) < 0) {
            return WORK_REFUSED;
        }
    }
    int64_t id = 0;
    if (read_generation(store, work, &id, error) < 0) {
        return WORK_SPOILED;
    }
    store->live_generation = id;
    if (id != 0) {
        return touch_generation(store, id, error) < 0 ? WORK_SPOILED : WORK_DONE;
    }
    if (write_generation(store, work, &id, error) < 0) {
        return WORK_SPOILED;
    }
    store->live_generation = id;
    for (size_t i = 0; i < work->generation.file_count; i++) {
        if (write_file(store, id, &work->generation.files[i], error) < 0) {
            return WORK_SPOILED;
        }
    }
    return WORK_DONE;
}

/* *id stays as it is when it is not known. */
static int read_generation(struct store *store, const struct store_work *work, int64_t *id, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_GENERATION];
    db_bind_blob(statement, 1, slice_make((const char *)work->generation.digest, STORE_DIGEST_SIZE));
    int step = db_step(store->db, statement, "look for a generation", error);
    if (step > 0) {
        *id = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

/* What is named again is in use again. */
static int touch_generation(struct store *store, int64_t id, struct error *error) {
    sqlite3_stmt *row = store->statements[TOUCH_GENERATION];
    sqlite3_bind_int64(row, 1, id);
    sqlite3_bind_int64(row, 2, clock_wall_us());
    return db_run(store->db, row, "keep a generation", error);
}

static int write_generation(struct store *store, const struct store_work *work, int64_t *id, struct error *error) {
    sqlite3_stmt *row = store->statements[WRITE_GENERATION];
    db_bind_blob(row, 1, slice_make((const char *)work->generation.digest, STORE_DIGEST_SIZE));
    sqlite3_bind_int64(row, 2, clock_wall_us());
    if (db_run(store->db, row, "keep a generation", error) < 0) {
        return -1;
    }
    *id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

static int write_file(struct store *store, int64_t generation, const struct store_file *file,
                      struct error *error) {
    int64_t blob = 0;
    if (find_same(store, generation, file, &blob, error) < 0) {
        return -1;
    }
    if (blob == 0) {
        sqlite3_stmt *bytes = store->statements[WRITE_BLOB];
        db_bind_blob(bytes, 1, slice_make(slice_is_set(file->bytes) ? file->bytes.bytes : "", file->bytes.length));
        if (db_run(store->db, bytes, "keep a script", error) < 0) {
            return -1;
        }
        blob = sqlite3_last_insert_rowid(store->db);
    }
    sqlite3_stmt *row = store->statements[WRITE_FILE];
    sqlite3_bind_int64(row, 1, generation);
    db_bind_slice(row, 2, file->path);
    sqlite3_bind_int64(row, 3, blob);
    return db_run(store->db, row, "keep a script's name", error);
}

/* *blob stays 0 when the latest set that has this path has other bytes there. */
static int find_same(struct store *store, int64_t generation, const struct store_file *file, int64_t *blob,
                     struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_FILE_BEFORE];
    sqlite3_bind_int64(statement, 1, generation - 1);
    db_bind_slice(statement, 2, file->path);
    int step = db_step(store->db, statement, "look for a script", error);
    if (step > 0) {
        if (slice_equal(db_blob(statement, 1), file->bytes)) {
            *blob = sqlite3_column_int64(statement, 0);
        }
        sqlite3_reset(statement);
    }
    return step < 0 ? -1 : 0;
}
