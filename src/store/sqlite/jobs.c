/* Which events are of a job, without an index that each event would have to touch at a place of its own.
 *
 * The jobs of STORE_SEGMENT events in a row are one blob, sorted: 8 bytes for each, the high 52 bits of the job's
 * hash and 12 of the event's place in the segment, big-endian. It is written at the right end of its table, behind
 * the answers, and is not touched when one of its events goes: what it leads to is looked at anyway. */
#include "store/sqlite/internal.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(STORE_SEGMENT == 1 << 12, "a place in a segment has 12 bits");

enum { PLACE_MASK = STORE_SEGMENT - 1 };

struct entries {
    uint64_t *items;
    size_t count, capacity;
};

static int write_segment(struct store *store, uint64_t last, struct error *error);
static void add_entry(sqlite3_context *context, int count, sqlite3_value **values);
static void finish_entries(sqlite3_context *context);
static uint64_t hash_of(sqlite3_value *value);
static uint64_t hash_job(struct slice job);
static int by_number(const void *a, const void *b);
static uint64_t entry_at(struct slice entries, size_t i);

int jobs_add_function(sqlite3 *db, struct error *error) {
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int code = sqlite3_create_function_v2(db, "pack_jobs", 2, flags, NULL, NULL, add_entry, finish_entries, NULL);
    return code == SQLITE_OK ? 0 : db_error(db, code, "prepare the job index", error);
}

void jobs_behind(struct store *store) {
    if (store->written.last_seq < store->index_at || tell_is_broken(store, NULL)) {
        return;
    }
    struct error error = {0};
    uint64_t last = store->indexed_seq + STORE_SEGMENT;
    if (write_segment(store, last, &error) == 0) {
        store->indexed_seq = last;
        store->index_at = last + STORE_SEGMENT;
    } else {
        store->index_at = store->written.last_seq + STORE_SEGMENT;
        group_failed_behind(store, &error);
    }
}

int jobs_again(struct store *store, uint64_t seq, struct error *error) {
    return seq > store->indexed_seq ? 0 : write_segment(store, store_segment_of(seq), error);
}

void jobs_find(struct slice segment, struct slice job, struct jobs_range *range) {
    uint64_t first = hash_job(job) & ~(uint64_t)PLACE_MASK;
    size_t low = 0;
    size_t high = segment.length / sizeof first;
    size_t count = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_at(segment, middle) < first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    range->first = low;
    while (low < count && (entry_at(segment, low) & ~(uint64_t)PLACE_MASK) == first) {
        low++;
    }
    range->end = low;
}

uint64_t jobs_seq(struct slice segment, uint64_t last, size_t i) {
    return last - PLACE_MASK + (entry_at(segment, i) & PLACE_MASK);
}

/* One statement is a transaction of its own where none is on. */
static int write_segment(struct store *store, uint64_t last, struct error *error) {
    sqlite3_stmt *row = store->statements[WRITE_SEGMENT];
    db_bind_bits(row, 1, last);
    return db_run(store->db, row, "index jobs", error);
}

static void add_entry(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    struct entries *entries = sqlite3_aggregate_context(context, sizeof *entries);
    if (entries != NULL && entries->count == entries->capacity) {
        size_t capacity = entries->capacity == 0 ? STORE_SEGMENT : 2 * entries->capacity;
        uint64_t *items = realloc(entries->items, capacity * sizeof *items);
        if (items != NULL) {
            entries->items = items;
            entries->capacity = capacity;
        }
    }
    if (entries == NULL || entries->count == entries->capacity) {
        sqlite3_result_error_nomem(context);
        return;
    }
    uint64_t place = ((uint64_t)sqlite3_value_int64(values[1]) - 1) & PLACE_MASK;
    entries->items[entries->count++] = (hash_of(values[0]) & ~(uint64_t)PLACE_MASK) | place;
}

/* Called after an error as well. */
static void finish_entries(sqlite3_context *context) {
    struct entries *entries = sqlite3_aggregate_context(context, 0);
    if (entries == NULL || entries->count == 0) {
        sqlite3_result_zeroblob(context, 0);
        return;
    }
    qsort(entries->items, entries->count, sizeof *entries->items, by_number);
    for (size_t i = 0; i < entries->count; i++) {
        entries->items[i] = htobe64(entries->items[i]);
    }
    sqlite3_result_blob64(context, entries->items, entries->count * sizeof *entries->items, free);
}

/* The layout before this one kept hashes, and no jobs beside them. */
static uint64_t hash_of(sqlite3_value *value) {
    if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        return (uint64_t)sqlite3_value_int64(value);
    }
    const char *text = (const char *)sqlite3_value_text(value);
    return hash_job(slice_make(text, text == NULL ? 0 : (size_t)sqlite3_value_bytes(value)));
}

/* FNV-1a: a hit leads to a row, and the row says whether it is the job. */
static uint64_t hash_job(struct slice job) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < job.length; i++) {
        hash = (hash ^ (unsigned char)job.bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t entry_at(struct slice entries, size_t i) {
    uint64_t entry;
    memcpy(&entry, entries.bytes + i * sizeof entry, sizeof entry);
    return be64toh(entry);
}
