/* Finding events, newest first: by job over the index and what it does not know yet, by type, by state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_kit.h"
#include <sqlite3.h>

enum { SEGMENT = 4096, EVENTS = 2 * SEGMENT + 100 };

struct shared {
    struct kit *kit;
    struct store *store;
    struct store_reader *reader;
};

/* One store for all tests, with two segments of the job index and a tail: event eN has the number N and the job
 * jM, M = N % 10. */
static int fill(void **state) {
    static struct shared shared;
    void *kit = NULL;
    if (kit_setup(&kit) < 0) {
        return -1;
    }
    shared.kit = kit;
    shared.store = store_open(shared.kit->path, NULL);
    if (shared.store == NULL || kit_append_many(shared.store, 1, EVENTS) != ERROR_NONE) {
        return -1;
    }
    shared.reader = store_reader_new(shared.store, NULL);
    *state = &shared;
    return shared.reader == NULL ? -1 : 0;
}

static int empty(void **state) {
    struct shared *shared = *state;
    void *kit = shared->kit;
    store_reader_free(shared->reader);
    store_close(shared->store);
    return kit_teardown(&kit);
}

static struct kit_found find(struct shared *shared, struct store_query query, size_t most) {
    struct kit_found found = {.most = most};
    struct error error = {0};
    if (store_each_event(shared->reader, &query, kit_found, &found, &error) < 0) {
        fail_msg("%s", error.message);
    }
    return found;
}

static int64_t count_rows(const struct shared *shared, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(shared->kit->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

static void the_job_index_grows_by_segments(void **state) {
    struct shared *shared = *state;
    /* The last segment is written after the answers: another answer says that it was. */
    assert_int_equal(kit_set_state(shared->store, 1, STORE_QUEUED), ERROR_NONE);
    assert_int_equal(count_rows(shared, "SELECT count(*) FROM job_segments"), 2);
    assert_int_equal(count_rows(shared, "SELECT sum(length(jobs)) FROM job_segments"), 2 * SEGMENT * 8);
}

static void a_job_is_found_everywhere_newest_first(void **state) {
    struct kit_found found = find(*state, (struct store_query){slice_of("j3"), .state = -1, .limit = 10000}, 0);
    assert_int_equal(found.count, EVENTS / 10 + (EVENTS % 10 >= 3));
    uint64_t newest = EVENTS / 10 * 10 + (EVENTS % 10 >= 3 ? 3 : -7);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(found.seqs[i], newest - 10 * i);
    }
}

static void pages_of_a_job_meet(void **state) {
    struct store_query query = {slice_of("j3"), .state = -1, .limit = 15};
    uint64_t expected = EVENTS / 10 * 10 + (EVENTS % 10 >= 3 ? 3 : -7);
    size_t total = 0;
    for (;;) {
        struct kit_found found = find(*state, query, 0);
        for (size_t i = 0; i < found.count; i++, expected -= 10, total++) {
            assert_int_equal(found.seqs[i], expected);
        }
        if (found.count < query.limit) {
            break;
        }
        query.before = found.seqs[found.count - 1];
    }
    assert_int_equal(total, EVENTS / 10 + (EVENTS % 10 >= 3));
}

static void what_is_not_there_is_not_found(void **state) {
    assert_int_equal(find(*state, (struct store_query){slice_of("j10"), .state = -1, .limit = 9}, 0).count, 0);
    assert_int_equal(find(*state, (struct store_query){slice_of(""), .state = -1, .limit = 9}, 0).count, 0);
    assert_int_equal(find(*state, (struct store_query){.state = STORE_PARKED, .limit = 9}, 0).count, 0);
    assert_int_equal(find(*state, (struct store_query){.state = STORE_DONE, .limit = 9}, 0).count, 0);
    assert_int_equal(find(*state, (struct store_query){.state = -1, .limit = 9, .before = 1}, 0).count, 0);
    assert_int_equal(find(*state, (struct store_query){.state = -1, .limit = 0}, 0).count, 0);
}

static void types_go_by_either_name(void **state) {
    struct store_query query = {.type = slice_of("RouterJobQueued"), .state = -1, .limit = 3};
    assert_int_equal(find(*state, query, 0).seqs[2], EVENTS - 2);
    query.type = slice_of("Microsoft.Communication.RouterJobQueued");
    assert_int_equal(find(*state, query, 0).count, 3);
    query.type = slice_of("JobQueued");
    assert_int_equal(find(*state, query, 0).count, 0);
    query.type = slice_of("%' OR 1 --");
    assert_int_equal(find(*state, query, 0).count, 0);
}

static void a_visit_may_stop(void **state) {
    assert_int_equal(find(*state, (struct store_query){.state = -1, .limit = 9}, 2).count, 2);
    assert_int_equal(find(*state, (struct store_query){slice_of("j3"), .state = -1, .limit = 9}, 2).count, 2);
    struct store_query indexed = {slice_of("j3"), .state = -1, .limit = 9, .before = SEGMENT};
    assert_int_equal(find(*state, indexed, 2).count, 2);
}

/* The events around the end of a stretch, but for one that is over already. */
static void events_end_together(void **state) {
    struct shared *shared = *state;
    const uint64_t first = SEGMENT - 3;
    assert_int_equal(kit_set_state(shared->store, first + 1, STORE_DONE), ERROR_NONE);
    struct store_totals before, after;
    assert_int_equal(store_totals(shared->reader, &before, NULL), 0);
    struct store_work end = {
        .verb = STORE_CHANGE,
        .change = {.fence = store_fence(shared->store), .seq = first, .also = 6, .event_state = STORE_UNHANDLED}};
    assert_int_equal(kit_do(shared->store, end), ERROR_NONE);
    struct kit_found found = find(shared, (struct store_query){.state = STORE_UNHANDLED, .limit = 99}, 0);
    assert_int_equal(found.count, 6);
    assert_int_equal(found.seqs[0], first + 6);
    assert_int_equal(found.seqs[4], first + 2);
    assert_int_equal(found.seqs[5], first);
    assert_int_equal(store_totals(shared->reader, &after, NULL), 0);
    assert_int_equal(before.open - after.open, 6);
    assert_int_equal(kit_do(shared->store, end), ERROR_NONE); /* said twice, it does no harm */
    assert_int_equal(store_totals(shared->reader, &after, NULL), 0);
    assert_int_equal(before.open - after.open, 6);
}

static void only_ends_come_together(void **state) {
    struct shared *shared = *state;
    const struct store_run run = {.id = store_run_id(10, 0), .handler = slice_of("a.lua")};
    struct store_work work = {
        .verb = STORE_CHANGE,
        .change = {.fence = store_fence(shared->store), .seq = 10, .also = 1, .event_state = STORE_WAITING}};
    assert_int_equal(kit_do(shared->store, work), ERROR_INVALID);
    work.change.event_state = STORE_STATE_KEPT;
    assert_int_equal(kit_do(shared->store, work), ERROR_INVALID);
    work.change.event_state = STORE_UNHANDLED;
    work.change.runs = &run;
    work.change.run_count = 1;
    assert_int_equal(kit_do(shared->store, work), ERROR_INVALID);
    work.change.run_count = 0;
    work.change.fence--;
    assert_int_equal(kit_do(shared->store, work), ERROR_BUSY);
}

static void states_are_found_where_they_are_rare(void **state) {
    struct shared *shared = *state;
    assert_int_equal(kit_set_state(shared->store, 3, STORE_PARKED), ERROR_NONE);
    assert_int_equal(kit_set_state(shared->store, 5000, STORE_PARKED), ERROR_NONE);
    assert_int_equal(kit_set_state(shared->store, 5001, STORE_DONE), ERROR_NONE);
    assert_int_equal(kit_set_state(shared->store, 5002, STORE_UNHANDLED), ERROR_NONE);
    assert_int_equal(kit_set_state(shared->store, 13, STORE_WAITING), ERROR_NONE);
    struct kit_found parked = find(shared, (struct store_query){.state = STORE_PARKED, .limit = 9}, 0);
    assert_int_equal(parked.count, 2);
    assert_int_equal(parked.seqs[0], 5000);
    assert_int_equal(parked.seqs[1], 3);
    struct kit_found waiting = find(shared, (struct store_query){.state = STORE_WAITING, .limit = 9}, 0);
    assert_int_equal(waiting.count, 1);
    assert_int_equal(waiting.seqs[0], 13);
    struct kit_found done = find(shared, (struct store_query){.state = STORE_DONE, .limit = 9}, 0);
    assert_int_equal(done.count, 2);
    assert_int_equal(done.seqs[0], 5001);
    struct store_query both = {slice_of("j3"), slice_of("RouterJobQueued"), STORE_PARKED, 0, 9};
    struct kit_found parked_of_job = find(shared, both, 0);
    assert_int_equal(parked_of_job.count, 1);
    assert_int_equal(parked_of_job.seqs[0], 3);
}

static bool is_there(struct shared *shared, uint64_t seq) {
    struct store_record record;
    struct error error = {0};
    int result = store_read_event(shared->reader, seq, &record, &error);
    assert_true(result == 0 || error.code == ERROR_NOT_FOUND);
    return result == 0;
}

/* The last test: it appends. */
static void what_is_read_together_is_of_one_moment(void **state) {
    struct shared *shared = *state;
    store_reader_end(shared->reader);
    assert_true(is_there(shared, EVENTS));
    store_reader_begin(shared->reader);
    store_reader_begin(shared->reader);
    assert_false(is_there(shared, EVENTS + 1));
    assert_int_equal(kit_append_many(shared->store, EVENTS + 1, 1), ERROR_NONE);
    assert_false(is_there(shared, EVENTS + 1));
    assert_true(is_there(shared, EVENTS));
    store_reader_end(shared->reader);
    assert_true(is_there(shared, EVENTS + 1));
    assert_int_equal(kit_append_many(shared->store, EVENTS + 2, 1), ERROR_NONE);
    assert_true(is_there(shared, EVENTS + 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_job_index_grows_by_segments),
        cmocka_unit_test(a_job_is_found_everywhere_newest_first),
        cmocka_unit_test(pages_of_a_job_meet),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(types_go_by_either_name),
        cmocka_unit_test(a_visit_may_stop),
        cmocka_unit_test(events_end_together),
        cmocka_unit_test(only_ends_come_together),
        cmocka_unit_test(states_are_found_where_they_are_rare),
        cmocka_unit_test(what_is_read_together_is_of_one_moment),
    };
    return cmocka_run_group_tests(tests, fill, empty);
}
