/* What happens after the answers: the job index grows by a segment, the WAL's pages move into the file. */
#include "store/sqlite/internal.h"
#include <stdlib.h>

struct job_entry {
    uint64_t hash;
    uint64_t seq;
};

static int write_segment(struct store *store, struct job_entry *entries, struct error *error);
static int read_jobs(struct store *store, uint64_t last, struct job_entry *entries, size_t *count,
                     struct error *error);
static int by_hash(const void *a, const void *b);

/* A segment holds the jobs of STORE_SEGMENT events in a row, sorted: it is written at the right end of its table,
 * where one index over all jobs would touch a page for each event. A look-up probes every segment. */
void behind_jobs(struct store *store) {
    if (store->is_broken || store->committed.last_seq < store->index_at) {
        return;
    }
    struct error error = {0};
    struct job_entry *entries = malloc(STORE_SEGMENT * sizeof *entries);
    int result = entries == NULL ? error_memory(&error) : write_segment(store, entries, &error);
    if (result == 0) {
        store->indexed_seq += STORE_SEGMENT;
        store->index_at = store->indexed_seq + STORE_SEGMENT;
    } else {
        store->index_at = store->committed.last_seq + STORE_SEGMENT;
        group_failed_behind(store, &error);
    }
    free(entries);
}

void behind_checkpoint(struct store *store, bool is_idle) {
    if (store->is_broken || (!is_idle && store->wal_pages < store->checkpoint_at)) {
        return;
    }
    store->has_idle_work = false;
    store->checkpoint_at = store->wal_pages + STORE_CHECKPOINT_PAGES;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        struct error error = {0};
        db_error(store->db, code, "move the WAL into the file", &error);
        group_failed_behind(store, &error);
    }
}

/* FNV-1a: a hit leads to a row, and the row says whether it is the job. */
uint64_t behind_job_hash(struct slice job) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < job.length; i++) {
        hash = (hash ^ (unsigned char)job.bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static int write_segment(struct store *store, struct job_entry *entries, struct error *error) {
    uint64_t last = store->indexed_seq + STORE_SEGMENT;
    size_t count = 0;
    if (read_jobs(store, last, entries, &count, error) < 0) {
        return -1;
    }
    qsort(entries, count, sizeof *entries, by_hash);
    if (db_execute(store->db, "BEGIN IMMEDIATE", "index jobs", error) < 0) {
        return -1;
    }
    sqlite3_stmt *row = store->statements[WRITE_JOB];
    for (size_t i = 0; i < count; i++) {
        db_bind_bits(row, 1, last);
        db_bind_bits(row, 2, entries[i].hash);
        db_bind_bits(row, 3, entries[i].seq);
        if (db_run(store->db, row, "index a job", error) < 0) {
            return -1;
        }
    }
    db_bind_bits(store->statements[WRITE_SEGMENT], 1, last);
    if (db_run(store->db, store->statements[WRITE_SEGMENT], "index jobs", error) < 0) {
        return -1;
    }
    return db_execute(store->db, "COMMIT", "index jobs", error);
}

static int read_jobs(struct store *store, uint64_t last, struct job_entry *entries, size_t *count,
                     struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_JOBS];
    db_bind_bits(statement, 1, store->indexed_seq);
    db_bind_bits(statement, 2, last);
    int step;
    while ((step = db_step(store->db, statement, "read jobs for the index", error)) > 0) {
        entries[(*count)++] = (struct job_entry){behind_job_hash(db_slice(statement, 1)), db_bits(statement, 0)};
    }
    return step;
}

/* As SQLite sorts them: the hashes are kept as signed numbers. */
static int by_hash(const void *a, const void *b) {
    const struct job_entry *left = a;
    const struct job_entry *right = b;
    int64_t x = (int64_t)left->hash;
    int64_t y = (int64_t)right->hash;
    if (x != y) {
        return x < y ? -1 : 1;
    }
    return left->seq < right->seq ? -1 : left->seq > right->seq;
}
