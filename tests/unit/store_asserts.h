/* Opening and reading a store in a test: what fails, fails the test. */
#ifndef TESTS_STORE_ASSERTS_H
#define TESTS_STORE_ASSERTS_H

#include "store_kit.h"
#include <sqlite3.h>

static inline struct store *open_kit(const struct kit *kit) {
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    return store;
}

static inline struct store_reader *reader_of(struct store *store) {
    struct error error = {0};
    struct store_reader *reader = store_reader_new(store, &error);
    if (reader == NULL) {
        fail_msg("%s", error.message);
    }
    return reader;
}

static inline void assert_slice(struct slice slice, const char *text) {
    if (text == NULL) {
        assert_false(slice_is_set(slice));
    } else if (!slice_is(slice, text)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(slice), text);
    }
}

static inline void check_store(struct store *store) {
    struct error error = {0};
    if (store_check(store, &error) < 0) {
        fail_msg("%s", error.message);
    }
}

static inline struct store_totals totals_of(struct store *store) {
    struct store_reader *reader = reader_of(store);
    struct store_totals totals;
    assert_int_equal(store_totals(reader, &totals, NULL), 0);
    store_reader_free(reader);
    return totals;
}

static inline int kit_state_of(struct store *store, uint64_t seq) {
    struct store_reader *reader = reader_of(store);
    struct store_record record;
    int state = store_read_event(reader, seq, &record, NULL) < 0 ? -1 : (int)record.state;
    store_reader_free(reader);
    return state;
}

/* What one statement says, over a connection of its own; -1: nothing. */
static inline int64_t kit_number(const struct kit *kit, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    int64_t number = -1;
    assert_int_equal(sqlite3_open_v2(kit->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    if (sqlite3_step(row) == SQLITE_ROW) {
        number = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    return number;
}

/* Behind the store's back: only while nobody has it open. */
static inline void kit_sql(const struct kit *kit, const char *sql) {
    sqlite3 *db = NULL;
    char *words = NULL;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK) {
        fail_msg("%s", words);
    }
    sqlite3_close(db);
}

#endif
