/* Looking events up, newest first. No read transaction lasts longer than a stretch of numbers: a long one would
 * hold the WAL. Of a job, the events that its index knows come from the segments, the newest ones from such
 * stretches. */
#include "store/sqlite/internal.h"
#include "store/sqlite/reader.h"

enum { STRETCH = 4096 };

/* ?1 and ?2: from, below; ?3: the state; ?4: the type, whose short name lacks the prefix of all that Job Router
 * sends; ?5: the job, ?6: its hash. */
#define FILTERS                                                                                                   \
    " AND (?4 IS NULL OR v.type = ?4 OR v.type = 'Microsoft.Communication.' || ?4) AND (?5 IS NULL OR v.job = "   \
    "?5)"
#define IN_STRETCH                                                                                                \
    "SELECT " READER_RECORD " FROM events e CROSS JOIN envelopes v ON v.seq = e.seq"                              \
    " WHERE e.seq >= ?1 AND e.seq < ?2" FILTERS
#define NEWEST_FIRST " ORDER BY e.seq DESC"

const char query_any[] = IN_STRETCH " AND (?3 < 0 OR e.state = ?3)" NEWEST_FIRST;
const char query_aside[] = IN_STRETCH " AND e.state >= 4 AND e.state = ?3" NEWEST_FIRST;
const char query_job[] = "SELECT " READER_RECORD " FROM job_segments s"
                         " CROSS JOIN job_index j ON j.segment = s.last AND j.hash = ?6"
                         " CROSS JOIN events e ON e.seq = j.seq CROSS JOIN envelopes v ON v.seq = j.seq"
                         " WHERE j.seq >= ?1 AND j.seq < ?2" FILTERS " AND (?3 < 0 OR e.state = ?3)"
                         " ORDER BY s.last DESC, j.seq DESC";
const char query_indexed[] = "SELECT max(last) FROM job_segments";

struct search {
    struct store_reader *reader;
    const struct store_query *query;
    int (*visit)(void *context, const struct store_record *record);
    void *context;
    size_t left;
};

static int indexed_seq(struct store_reader *reader, uint64_t *seq, struct error *error);
static int search_stretches(struct search *search, uint64_t from, uint64_t below, struct error *error);
static enum reader_statement statement_for(const struct store_query *query);
static int search_one(struct search *search, enum reader_statement which, uint64_t from, uint64_t below,
                      struct error *error);

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
    if (!slice_is_set(query->job)) {
        return search_stretches(&search, 1, below, error);
    }
    uint64_t indexed = 0;
    if (indexed_seq(reader, &indexed, error) < 0 || search_stretches(&search, indexed + 1, below, error) < 0) {
        return -1;
    }
    return search_one(&search, QUERY_JOB, 1, below < indexed + 1 ? below : indexed + 1, error);
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

static int search_stretches(struct search *search, uint64_t from, uint64_t below, struct error *error) {
    enum reader_statement which = statement_for(search->query);
    while (below > from && search->left > 0) {
        uint64_t low = below - from > STRETCH ? below - STRETCH : from;
        if (search_one(search, which, low, below, error) < 0) {
            return -1;
        }
        below = low;
    }
    return 0;
}

/* Those that were set aside have a small index of their own. */
static enum reader_statement statement_for(const struct store_query *query) {
    return query->state > STORE_DONE ? QUERY_ASIDE : QUERY_ANY;
}

/* Leaves nothing to be found (left = 0) once `visit` has had enough. */
static int search_one(struct search *search, enum reader_statement which, uint64_t from, uint64_t below,
                      struct error *error) {
    sqlite3_stmt *row = search->reader->statements[which];
    db_bind_bits(row, 1, from);
    db_bind_bits(row, 2, below);
    sqlite3_bind_int(row, 3, search->query->state);
    db_bind_slice(row, 4, search->query->type);
    db_bind_slice(row, 5, search->query->job);
    if (which == QUERY_JOB) {
        db_bind_bits(row, 6, behind_job_hash(search->query->job));
    }
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
