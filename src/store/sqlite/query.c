/* Looking events up, newest first. No read transaction lasts longer than a stretch of numbers: a long one would
 * hold the WAL. Of those set aside, only stretches that have some are read (stretch.c). Of a job, the events that
 * its index knows come from the segments (jobs.c), the newest ones from such stretches. */
#include "store/sqlite/internal.h"
#include "store/sqlite/reader.h"

/* ?1 and ?2: from, below; ?3: the state; ?4: the type, whose short name lacks the prefix of all that Job Router
 * sends; ?5: the job. */
const char query_any[] =
    "SELECT " READER_RECORD " FROM events e CROSS JOIN envelopes v ON v.seq = e.seq"
    " WHERE e.seq >= ?1 AND e.seq < ?2"
    " AND (?4 IS NULL OR v.type = ?4 OR v.type = 'Microsoft.Communication.' || ?4) AND (?5 IS NULL OR v.job = ?5)"
    " AND (?3 < 0 OR e.state = ?3) ORDER BY e.seq DESC";
const char query_aside[] = "SELECT max(last) FROM aside_stretches WHERE state = ?1 AND last <= ?2";
const char query_segment[] = "SELECT last, jobs FROM job_segments WHERE last <= ?1 ORDER BY last DESC LIMIT 1";
const char query_indexed[] = "SELECT max(last) FROM job_segments";

struct search {
    struct store_reader *reader;
    const struct store_query *query;
    int (*visit)(void *context, const struct store_record *record);
    void *context;
    size_t left;
};

static int search_job(struct search *search, uint64_t below, struct error *error);
static int indexed_seq(struct store_reader *reader, uint64_t *seq, struct error *error);
static int search_segment(struct search *search, uint64_t *below, struct error *error);
static int search_aside(struct search *search, uint64_t below, struct error *error);
static int aside_before(struct search *search, uint64_t *last, struct error *error);
static int search_stretches(struct search *search, uint64_t from, uint64_t below, struct error *error);
static int search_range(struct search *search, uint64_t from, uint64_t below, struct error *error);

int store_each_event(struct store_reader *reader, const struct store_query *query,
                     int (*visit)(void *context, const struct store_record *record), void *context,
                     struct error *error) {
    struct search search = {reader, query, visit, context, query->limit};
    struct store_totals totals;
    store_totals(reader, &totals, error);
    uint64_t below = totals.last_seq + 1;
    if (query->before != 0 && query->before < below) {
        below = query->before;
    }
    if (slice_is_set(query->job)) {
        return search_job(&search, below, error);
    }
    return query->state > STORE_DONE ? search_aside(&search, below, error)
                                     : search_stretches(&search, 1, below, error);
}

static int search_job(struct search *search, uint64_t below, struct error *error) {
    uint64_t indexed = 0;
    if (indexed_seq(search->reader, &indexed, error) < 0 ||
        search_stretches(search, indexed + 1, below, error) < 0) {
        return -1;
    }
    int result = 0;
    for (below = below < indexed + 1 ? below : indexed + 1; result == 0 && below > 1 && search->left > 0;) {
        result = search_segment(search, &below, error);
    }
    return result;
}

static int indexed_seq(struct store_reader *reader, uint64_t *seq, struct error *error) {
    sqlite3_stmt *row = reader->statements[QUERY_INDEXED];
    int step = db_step(reader->db, row, "read how far the job index goes", error);
    if (step > 0) {
        *seq = db_bits(row, 0);
        sqlite3_reset(row);
    }
    return step < 0 ? -1 : 0;
}

/* The newest segment with numbers below *below, which goes down to where it starts; to 1 when there is none.
 * Within a job, entries are in the order of their numbers. */
static int search_segment(struct search *search, uint64_t *below, struct error *error) {
    sqlite3_stmt *row = search->reader->statements[QUERY_SEGMENT];
    db_bind_bits(row, 1, store_segment_of(*below - 1));
    int step = db_step(search->reader->db, row, "read the job index", error);
    if (step <= 0) {
        *below = 1;
        return step;
    }
    uint64_t last = db_bits(row, 0);
    struct slice segment = db_blob(row, 1);
    struct jobs_range range;
    jobs_find(segment, search->query->job, &range);
    int result = 0;
    for (size_t i = range.end; result == 0 && i > range.first && search->left > 0; i--) {
        uint64_t seq = jobs_seq(segment, last, i - 1);
        result = seq < *below ? search_range(search, seq, seq + 1, error) : 0;
    }
    *below = last - STORE_SEGMENT + 1;
    sqlite3_reset(row);
    return result;
}

static int search_aside(struct search *search, uint64_t below, struct error *error) {
    while (below > 1 && search->left > 0) {
        uint64_t last = store_segment_of(below - 1);
        if (aside_before(search, &last, error) < 0) {
            return -1;
        }
        if (last == 0) {
            return 0;
        }
        uint64_t low = last - STORE_SEGMENT + 1;
        if (search_range(search, low, below < last + 1 ? below : last + 1, error) < 0) {
            return -1;
        }
        below = low;
    }
    return 0;
}

/* The newest stretch up to *last that has such events; 0: none. */
static int aside_before(struct search *search, uint64_t *last, struct error *error) {
    sqlite3_stmt *row = search->reader->statements[QUERY_ASIDE];
    sqlite3_bind_int(row, 1, search->query->state);
    db_bind_bits(row, 2, *last);
    int step = db_step(search->reader->db, row, "look where events are set aside", error);
    if (step > 0) {
        *last = db_bits(row, 0);
        sqlite3_reset(row);
    }
    return step < 0 ? -1 : 0;
}

static int search_stretches(struct search *search, uint64_t from, uint64_t below, struct error *error) {
    while (below > from && search->left > 0) {
        uint64_t low = below - from > STORE_SEGMENT ? below - STORE_SEGMENT : from;
        if (search_range(search, low, below, error) < 0) {
            return -1;
        }
        below = low;
    }
    return 0;
}

/* Leaves nothing to be found (left = 0) once `visit` has had enough. */
static int search_range(struct search *search, uint64_t from, uint64_t below, struct error *error) {
    sqlite3_stmt *row = search->reader->statements[QUERY_ANY];
    db_bind_bits(row, 1, from);
    db_bind_bits(row, 2, below);
    sqlite3_bind_int(row, 3, search->query->state);
    db_bind_slice(row, 4, search->query->type);
    db_bind_slice(row, 5, search->query->job);
    int step = 0;
    while (search->left > 0 && (step = db_step(search->reader->db, row, "look for events", error)) > 0) {
        struct store_record record;
        reader_record(row, &record);
        search->left--;
        if (search->visit(search->context, &record) < 0) {
            search->left = 0;
        }
    }
    sqlite3_reset(row);
    return step < 0 ? -1 : 0;
}
