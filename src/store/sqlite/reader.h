/* A reading connection and what it keeps prepared; for reader.c and query.c. */
#ifndef STORE_SQLITE_READER_H
#define STORE_SQLITE_READER_H

#include "base/buffer.h"
#include "store/sqlite/db.h"
#include "store/store.h"

enum reader_statement {
    READ_OPEN,
    READ_EVENT,
    READ_RUNS,
    READ_STEPS,
    READ_FILES,
    READ_TIMERS,
    READ_NEXT_TIMER,
    READER_BEGIN,
    READER_END,
    QUERY_ANY,
    QUERY_ASIDE,
    QUERY_SEGMENT,
    QUERY_INDEXED,
    READER_STATEMENTS,
};

struct store_reader {
    struct store *store;
    sqlite3 *db;
    sqlite3_stmt *statements[READER_STATEMENTS];
    struct buffer held; /* the record that was read last */
};

/* What every statement gives that reads records, in this order; a body may follow. */
#define READER_RECORD                                                                                             \
    "e.seq, e.state, e.lane, v.received, v.id, v.type, v.source, v.subject, v.time, v.job, v.worker, v.malformed"
enum { READER_RECORD_BODY = 12 };

void reader_record(sqlite3_stmt *statement, struct store_record *record);

/* query.c */
extern const char query_any[], query_aside[], query_segment[], query_indexed[];

#endif
