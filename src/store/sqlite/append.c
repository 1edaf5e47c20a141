/* Deliveries: each event a row at the right end of three tables, unless it is there already. */
#include "base/fault.h"
#include "base/log.h"
#include "store/sqlite/internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum twin { TWIN_NONE, TWIN_SAME, TWIN_NAMESAKE };

static int check(const struct store_work *work, struct error *error);
static int make_room(struct store *store, size_t more, int64_t received_us, struct error *error);
static int append_one(struct store *store, struct store_work *work, size_t i, struct error *error);
static int append_event(struct store *store, struct store_event *event, int64_t received_us, struct error *error);
static int find_first(struct store *store, struct store_event *event, int64_t received_us, enum twin *twin,
                      uint64_t *key, struct error *error);
static const uint8_t *identity_of(const struct store_event *event);
static int find_twin(struct store *store, struct store_event *event, uint64_t key, int64_t received_us,
                     enum twin *twin, struct error *error);
static int compare(struct store *store, const struct store_event *event, uint64_t seq, int64_t received_us,
                   enum twin *twin, struct error *error);
static int write_rows(struct store *store, const struct store_event *event, uint64_t key, int64_t received_us,
                      struct error *error);
static int read_received(struct store *store, uint64_t seq, int64_t *received_us, struct error *error);
static int rewrite_rows(struct store *store, const struct store_event *event, uint64_t key, struct error *error);
static int write_envelope(struct store *store, const struct store_event *event, int64_t received_us,
                          struct error *error);
static uint64_t narrowed(const struct store *store, uint64_t start);

enum work_result append_work(struct store *store, struct store_work *work) {
    if (check(work, &work->error) < 0) {
        return WORK_REFUSED;
    }
    if (make_room(store, work->append.count, work->append.received_us, &work->error) < 0) {
        return work->error.code == ERROR_MEMORY ? WORK_REFUSED : WORK_SPOILED;
    }
    for (size_t i = 0; i < work->append.count; i++) {
        if (append_one(store, work, i, &work->error) < 0) {
            return WORK_SPOILED;
        }
    }
    fault_point("store.appended");
    return WORK_DONE;
}

/* Numbers grow with time, so the place is found by halves, in twenty reads of a million rows. (Where the clock was
 * set back they do not, and the window starts a little early or late; a row's own time decides in the end.) */
int append_window_start(struct store *store, int64_t oldest_us, uint64_t *seq, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_RECEIVED];
    uint64_t low = store->window_start;
    uint64_t high = store->now.last_seq + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        db_bind_bits(statement, 1, middle);
        int step = db_step(store->db, statement, "look for the start of the window", error);
        if (step < 0) {
            return -1;
        }
        if (step > 0 && sqlite3_column_int64(statement, 1) < oldest_us) {
            low = db_bits(statement, 0) + 1;
        } else {
            high = middle;
        }
        sqlite3_reset(statement);
    }
    *seq = low;
    return 0;
}

int append_load_fingerprints(struct store *store, struct error *error) {
    uint64_t start = narrowed(store, store->window_start);
    if (start > store->now.last_seq) {
        return 0;
    }
    if (fingerprints_make_room(&store->seen, (size_t)(store->now.last_seq - start + 1), start) < 0) {
        return error_memory(error);
    }
    sqlite3_stmt *statement = NULL;
    if (db_prepare(store->db, &statement, "SELECT seq, fingerprint FROM events WHERE seq >= ?", error) < 0) {
        return -1;
    }
    db_bind_bits(statement, 1, start);
    int step;
    while ((step = db_step(store->db, statement, "load the fingerprints", error)) > 0) {
        fingerprints_add(&store->seen, db_bits(statement, 1), db_bits(statement, 0));
    }
    sqlite3_finalize(statement);
    return step;
}

void append_take_back(struct store *store) {
    for (size_t i = 0; i < store->added.count; i++) {
        fingerprints_remove(&store->seen, store->added.items[i].key, store->added.items[i].seq);
    }
    store->added.count = 0;
    stretch_forget(store);
}

/* The key under which its bytes alone were known stays in memory until the next start: it leads to a row that is
 * found to be another. */
int append_understood(struct store *store, uint64_t seq, struct store_event *event, struct error *error) {
    int64_t received_us = 0;
    enum twin twin = TWIN_NONE;
    uint64_t key;
    if (read_received(store, seq, &received_us, error) < 0 || make_room(store, 1, received_us, error) < 0 ||
        find_first(store, event, received_us, &twin, &key, error) < 0) {
        return -1;
    }
    if (twin == TWIN_SAME) {
        return error_set(error, ERROR_INVALID,
                         "store: event %" PRIu64 " is the same as event %" PRIu64 ", which was understood", seq,
                         event->seq);
    }
    event->seq = seq;
    if (rewrite_rows(store, event, key, error) < 0 || jobs_again(store, seq, error) < 0) {
        return -1;
    }
    store->now.open++;
    fingerprints_add(&store->seen, key, seq);
    store->added.items[store->added.count++] = (struct fingerprint){key, seq};
    return 0;
}

int append_check_texts(const struct slice *texts, size_t count, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        if (texts[i].length > STORE_TEXT_MOST) {
            return error_set(error, ERROR_LIMIT, "store: %zu bytes in one piece: at most %d can be kept",
                             texts[i].length, STORE_TEXT_MOST);
        }
    }
    return 0;
}

static int check(const struct store_work *work, struct error *error) {
    for (size_t i = 0; i < work->append.count; i++) {
        const struct store_event *event = &work->append.events[i];
        if (event->content == NULL || identity_of(event) == NULL || !slice_is_set(event->raw)) {
            return error_set(error, ERROR_INVALID, "store: event %zu of a delivery has no digest or no bytes", i);
        }
        const struct slice texts[] = {event->raw,     event->id,   event->type, event->source,
                                      event->subject, event->time, event->job,  event->worker};
        if (append_check_texts(texts, sizeof texts / sizeof texts[0], error) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Memory is taken before the first write, so that its lack refuses one delivery and spoils no commit. */
static int make_room(struct store *store, size_t more, int64_t received_us, struct error *error) {
    struct fingerprint_list *added = &store->added;
    if (added->count + more > added->capacity) {
        size_t capacity = (added->count + more) * 2;
        struct fingerprint *items = realloc(added->items, capacity * sizeof *items);
        if (items == NULL) {
            return error_memory(error);
        }
        added->items = items;
        added->capacity = capacity;
    }
    if (fingerprints_has_room(&store->seen, more)) {
        return 0;
    }
    uint64_t start;
    if (append_window_start(store, received_us - store->window_us, &start, error) < 0) {
        return -1;
    }
    store->window_start = narrowed(store, start);
    if (store->window_start > start) {
        log_warn("store", "too many events in keep.duplicate_hours: older duplicates are no longer recognised",
                 LOG_NUMBER("from", store->window_start), LOG_END);
    }
    if (fingerprints_make_room(&store->seen, more, store->window_start) < 0) {
        return error_memory(error);
    }
    return 0;
}

/* An event that a timer raises counts only while the timer is there: it was cancelled, or has raised it before. */
static int append_one(struct store *store, struct store_work *work, size_t i, struct error *error) {
    struct store_event *event = &work->append.events[i];
    bool is_there = true;
    if (work->append.timers != NULL && timer_take(store, work->append.timers[i], &is_there, error) < 0) {
        return -1;
    }
    if (!is_there) {
        event->seq = 0;
        event->is_duplicate = true;
        event->is_namesake = false;
        return 0;
    }
    return append_event(store, event, work->append.received_us, error);
}

static int append_event(struct store *store, struct store_event *event, int64_t received_us, struct error *error) {
    event->is_duplicate = event->is_namesake = false;
    enum twin twin = TWIN_NONE;
    uint64_t key;
    if (find_first(store, event, received_us, &twin, &key, error) < 0) {
        return -1;
    }
    event->is_duplicate = twin == TWIN_SAME;
    event->is_namesake = twin == TWIN_NAMESAKE;
    if (event->is_duplicate) {
        return 0;
    }
    event->seq = store->now.last_seq + 1;
    if (write_rows(store, event, key, received_us, error) < 0) {
        return -1;
    }
    store->now.last_seq = event->seq;
    store->now.events++;
    store->now.open += event->malformed == NULL;
    fingerprints_add(&store->seen, key, event->seq);
    store->added.items[store->added.count++] = (struct fingerprint){key, event->seq};
    return 0;
}

/* Sets *twin, the event's seq when it is the same, and the key under which it would be found if it is none. */
static int find_first(struct store *store, struct store_event *event, int64_t received_us, enum twin *twin,
                      uint64_t *key, struct error *error) {
    uint64_t name = fingerprint_of_name(identity_of(event));
    uint64_t both = fingerprint_of_both(identity_of(event), event->content);
    if (find_twin(store, event, both, received_us, twin, error) < 0) {
        return -1;
    }
    if (*twin != TWIN_SAME && find_twin(store, event, name, received_us, twin, error) < 0) {
        return -1;
    }
    *key = *twin == TWIN_NAMESAKE ? both : name;
    return 0;
}

/* What has no name is known by its content. */
static const uint8_t *identity_of(const struct store_event *event) {
    return event->malformed == NULL ? event->identity : event->content;
}

/* Sets *twin, and for TWIN_SAME event->seq; leaves *twin alone when none of this key is related. */
static int find_twin(struct store *store, struct store_event *event, uint64_t key, int64_t received_us,
                     enum twin *twin, struct error *error) {
    size_t at = 0;
    uint64_t seq;
    while ((seq = fingerprints_next(&store->seen, key, &at)) != 0) {
        if (compare(store, event, seq, received_us, twin, error) < 0) {
            return -1;
        }
        if (*twin == TWIN_SAME) {
            event->seq = seq;
            return 0;
        }
    }
    return 0;
}

static int compare(struct store *store, const struct store_event *event, uint64_t seq, int64_t received_us,
                   enum twin *twin, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_TWIN];
    db_bind_bits(statement, 1, seq);
    int step = db_step(store->db, statement, "look for the first of a duplicate", error);
    if (step <= 0) {
        return step;
    }
    struct slice identity = slice_make((const char *)identity_of(event), STORE_DIGEST_SIZE);
    struct slice content = slice_make((const char *)event->content, STORE_DIGEST_SIZE);
    bool is_recent = sqlite3_column_int64(statement, 2) >= received_us - store->window_us;
    if (is_recent && slice_equal(db_blob(statement, 0), identity)) {
        *twin = slice_equal(db_blob(statement, 1), content) ? TWIN_SAME : TWIN_NAMESAKE;
    }
    sqlite3_reset(statement);
    return 0;
}

static int write_rows(struct store *store, const struct store_event *event, uint64_t key, int64_t received_us,
                      struct error *error) {
    sqlite3_stmt *row = store->statements[WRITE_EVENT];
    db_bind_bits(row, 1, event->seq);
    sqlite3_bind_int(row, 2, event->malformed == NULL ? STORE_QUEUED : STORE_QUARANTINED);
    db_bind_bits(row, 3, event->lane);
    db_bind_bits(row, 4, key);
    if (db_run(store->db, row, "append an event", error) < 0 ||
        (event->malformed != NULL && stretch_note_state(store, event->seq, STORE_QUARANTINED, error) < 0) ||
        write_envelope(store, event, received_us, error) < 0) {
        return -1;
    }
    sqlite3_stmt *body = store->statements[WRITE_BODY];
    db_bind_bits(body, 1, event->seq);
    db_bind_blob(body, 2, event->raw);
    return db_run(store->db, body, "append an event's bytes", error);
}

static int write_envelope(struct store *store, const struct store_event *event, int64_t received_us,
                          struct error *error) {
    sqlite3_stmt *row = store->statements[WRITE_ENVELOPE];
    db_bind_bits(row, 1, event->seq);
    sqlite3_bind_int64(row, 2, received_us);
    db_bind_blob(row, 3, slice_make((const char *)identity_of(event), STORE_DIGEST_SIZE));
    db_bind_blob(row, 4, slice_make((const char *)event->content, STORE_DIGEST_SIZE));
    db_bind_slice(row, 5, event->id);
    db_bind_slice(row, 6, event->type);
    db_bind_slice(row, 7, event->source);
    db_bind_slice(row, 8, event->subject);
    db_bind_slice(row, 9, event->time);
    db_bind_slice(row, 10, event->job);
    db_bind_slice(row, 11, event->worker);
    db_bind_slice(row, 12, slice_of(event->malformed));
    return db_run(store->db, row, "append an event's envelope", error);
}

static int read_received(struct store *store, uint64_t seq, int64_t *received_us, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_TWIN];
    db_bind_bits(statement, 1, seq);
    int step = db_step(store->db, statement, "read when an event came", error);
    if (step > 0) {
        *received_us = sqlite3_column_int64(statement, 2);
        sqlite3_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

static int rewrite_rows(struct store *store, const struct store_event *event, uint64_t key, struct error *error) {
    sqlite3_stmt *row = store->statements[UNDERSTAND_EVENT];
    db_bind_bits(row, 1, event->seq);
    db_bind_bits(row, 2, event->lane);
    db_bind_bits(row, 3, key);
    if (db_run(store->db, row, "understand an event", error) < 0) {
        return -1;
    }
    row = store->statements[UNDERSTAND_ENVELOPE];
    db_bind_bits(row, 1, event->seq);
    db_bind_blob(row, 2, slice_make((const char *)event->identity, STORE_DIGEST_SIZE));
    db_bind_blob(row, 3, slice_make((const char *)event->content, STORE_DIGEST_SIZE));
    const struct slice texts[] = {event->id,   event->type, event->source, event->subject,
                                  event->time, event->job,  event->worker};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        db_bind_slice(row, (int)i + 4, texts[i]);
    }
    return db_run(store->db, row, "understand an event's envelope", error);
}

/* `start`, or later where the window would hold more than memory is given for. */
static uint64_t narrowed(const struct store *store, uint64_t start) {
    uint64_t most = FINGERPRINTS_MOST / 2;
    uint64_t last = store->now.last_seq;
    return last > most && last - most > start ? last - most : start;
}
