/* What was kept long enough goes, and all that belongs to it; what was not stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/sqlite/internal.h"
#include "store_asserts.h"

#define OLD_US (KIT_NOW_US + 100 * 24 * KIT_HOUR_US)

static const struct store_cutoffs everything = {.done_us = OLD_US,
                                                .parked_us = OLD_US,
                                                .unhandled_us = OLD_US,
                                                .quarantined_us = OLD_US,
                                                .duplicate_us = OLD_US};

/* One bite; how many events went. */
static size_t bite(struct store *store, struct store_cutoffs cutoffs, size_t most, bool *has_more) {
    struct kit_work waiting;
    kit_submit(store, &waiting,
               (struct store_work){.verb = STORE_PURGE, .purge = {.cutoffs = cutoffs, .most = most}});
    assert_int_equal(kit_wait(&waiting), ERROR_NONE);
    assert_true(waiting.work.purge.gone <= most);
    if (has_more != NULL) {
        *has_more = waiting.work.purge.has_more;
    }
    return waiting.work.purge.gone;
}

static size_t purge(struct store *store, struct store_cutoffs cutoffs) {
    size_t gone = 0;
    bool has_more = true;
    for (int bites = 0; has_more; bites++) {
        assert_true(bites < 10000);
        gone += bite(store, cutoffs, 100, &has_more);
    }
    return gone;
}

/* Events `first` and on, each with a run and two steps, end in this state. */
static void finish(struct store *store, uint64_t first, uint64_t count, enum store_state state,
                   const uint8_t *generation) {
    for (uint64_t seq = first; seq < first + count; seq++) {
        struct store_run run = {.id = store_run_id(seq, 0), .state = state, .generation = generation};
        for (uint32_t number = 1; number <= 2; number++) {
            struct store_step step = {.run = run.id, .number = number, .operation = slice_of("log")};
            assert_int_equal(kit_do(store, (struct store_work){.verb = STORE_CHANGE,
                                                               .change = {.fence = store_fence(store),
                                                                          .seq = seq,
                                                                          .event_state = (int)state,
                                                                          .runs = &run,
                                                                          .run_count = 1,
                                                                          .step = &step}}),
                             ERROR_NONE);
        }
    }
}

static int64_t rows_left(const struct kit *kit) {
    return kit_number(kit, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM envelopes)"
                           " + (SELECT count(*) FROM bodies) + (SELECT count(*) FROM runs)"
                           " + (SELECT count(*) FROM steps)");
}

static void an_event_goes_with_all_that_it_did(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 5), ERROR_NONE);
    finish(store, 1, 4, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 4);
    assert_int_equal(rows_left(kit), 3);
    assert_int_equal(kit_state_of(store, 5), STORE_QUEUED);
    assert_int_equal(totals_of(store).events, 1);
    assert_int_equal(totals_of(store).open, 1);
    check_store(store);
    finish(store, 5, 1, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 1);
    assert_int_equal(rows_left(kit), 0);
    store_close(store);
}

static void each_state_has_its_time(void **state) {
    static const enum store_state states[] = {STORE_QUEUED,    STORE_WAITING,     STORE_DONE, STORE_PARKED,
                                              STORE_UNHANDLED, STORE_QUARANTINED, STORE_DONE};
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 7), ERROR_NONE);
    for (uint64_t i = 0; i < 7; i++) {
        assert_int_equal(kit_set_state(store, i + 1, (int)states[i]), ERROR_NONE);
    }
    struct store_cutoffs cutoffs = {.duplicate_us = OLD_US};
    cutoffs.done_us = cutoffs.parked_us = cutoffs.unhandled_us = cutoffs.quarantined_us = KIT_NOW_US;
    assert_int_equal(purge(store, cutoffs), 0); /* not older */
    cutoffs.unhandled_us++;
    assert_int_equal(purge(store, cutoffs), 1);
    assert_int_equal(kit_state_of(store, 5), -1);
    cutoffs.parked_us++;
    assert_int_equal(purge(store, cutoffs), 1);
    assert_int_equal(kit_state_of(store, 4), -1);
    cutoffs.quarantined_us++;
    assert_int_equal(purge(store, cutoffs), 1);
    assert_int_equal(kit_state_of(store, 6), -1);
    cutoffs.done_us++;
    assert_int_equal(purge(store, cutoffs), 2);
    assert_int_equal(kit_state_of(store, 1), STORE_QUEUED);
    assert_int_equal(kit_state_of(store, 2), STORE_WAITING);
    assert_int_equal(totals_of(store).events, 2);
    check_store(store);
    store_close(store);
}

/* Those that stay are passed over once; one that is done later is found all the same. */
static void what_is_done_later_is_found(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 300), ERROR_NONE);
    finish(store, 101, 200, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 200);
    assert_int_equal(store->purge_from, 301); /* what stays is behind */
    assert_int_equal(purge(store, everything), 0);
    finish(store, 50, 1, STORE_PARKED, NULL);
    finish(store, 7, 1, STORE_DONE, NULL);
    finish(store, 90, 1, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 3);
    assert_int_equal(totals_of(store).events, 97);
    check_store(store);
    store_close(store);
    store = open_kit(*state);
    finish(store, 1, 1, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 1);
    store_close(store);
}

static void a_bite_is_small(void **state) {
    struct store *store = open_kit(*state);
    bool has_more;
    assert_int_equal(kit_append_many(store, 1, 250), ERROR_NONE);
    finish(store, 1, 150, STORE_DONE, NULL);
    finish(store, 151, 100, STORE_PARKED, NULL);
    assert_int_equal(bite(store, everything, 100, &has_more), 100);
    assert_true(has_more);
    assert_int_equal(bite(store, everything, 100, &has_more), 100);
    assert_true(has_more);
    assert_int_equal(bite(store, everything, 100, &has_more), 50);
    assert_false(has_more);
    assert_int_equal(bite(store, everything, 100, &has_more), 0);
    assert_false(has_more);
    assert_int_equal(bite(store, everything, 0, &has_more), 0);
    assert_false(has_more);
    store_close(store);
}

/* However much stays, a bite looks at so many rows only. */
static void a_bite_of_large_events_is_smaller(void **state) {
    enum { EVENTS = 12, SIZE = 1 << 20 };
    struct store *store = open_kit(*state);
    char *large = malloc(SIZE);
    assert_non_null(large);
    memset(large, 'x', SIZE);
    for (int i = 0; i < EVENTS; i++) {
        char id[16];
        struct kit_event made;
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made, id, "j", "x");
        made.event.raw = slice_make(large, SIZE);
        assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    }
    free(large);
    finish(store, 1, EVENTS, STORE_DONE, NULL);
    bool has_more;
    assert_int_equal(bite(store, everything, 100, &has_more), 2);
    assert_true(has_more);
    assert_int_equal(purge(store, everything), EVENTS - 2);
    assert_int_equal(totals_of(store).events, 0);
    check_store(store);
    store_close(store);
}

static void a_bite_looks_at_little(void **state) {
    struct store *store = open_kit(*state);
    bool has_more;
    assert_int_equal(kit_append_many(store, 1, 4500), ERROR_NONE);
    finish(store, 4500, 1, STORE_DONE, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bite(store, everything, 100, &has_more), 0);
        assert_true(has_more);
    }
    assert_int_equal(bite(store, everything, 100, &has_more), 1);
    store_close(store);
}

/* While a duplicate of it may come, an event stays: its row is what the duplicate is told by. */
static void the_window_of_duplicates_goes_first(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made;
    assert_int_equal(kit_append_many(store, 1, 10), ERROR_NONE);
    finish(store, 1, 10, STORE_DONE, NULL);
    struct store_cutoffs cutoffs = everything;
    cutoffs.duplicate_us = KIT_NOW_US;
    assert_int_equal(purge(store, cutoffs), 0);
    kit_event(&made, "e5", "j5", "x");
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_true(made.event.is_duplicate);
    assert_int_equal(made.event.seq, 5);
    assert_int_equal(store->seen.count, 10);
    assert_int_equal(purge(store, everything), 10);
    assert_int_equal(store->seen.count, 0);
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_false(made.event.is_duplicate);
    assert_int_equal(made.event.seq, 11);
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_true(made.event.is_duplicate);
    store_close(store);
}

static void numbers_are_not_given_again(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 10), ERROR_NONE);
    finish(store, 1, 10, STORE_DONE, NULL);
    assert_int_equal(purge(store, everything), 10);
    /* In the same commit: a host that is killed now writes nothing else. */
    assert_int_equal(kit_number(kit, "SELECT value FROM meta WHERE name = 'last_seq'"), 10);
    store_close(store);
    store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    assert_int_equal(kit_state_of(store, 11), STORE_QUEUED);
    store_close(store);
}

static void the_index_of_jobs_goes_along(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    enum { MANY = 3 * 4096 + 100 };
    assert_int_equal(kit_append_many(store, 1, MANY), ERROR_NONE);
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM job_segments"), 3);
    store_close(store);
    kit_sql(kit, "UPDATE events SET state = 3 WHERE seq <= 5000 OR seq = 12288");
    store = open_kit(kit);
    assert_int_equal(purge(store, everything), 5001);
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM job_segments"), 2);
    check_store(store);
    struct store_reader *reader = reader_of(store);
    struct kit_found found = {0};
    struct store_query query = {slice_of("j3"), .state = -1, .limit = 1 << 20};
    assert_int_equal(store_each_event(reader, &query, kit_found, &found, NULL), 0);
    assert_int_equal(found.count, (MANY + 7) / 10 - 500);
    store_reader_free(reader);
    store_close(store);
    /* The latest segment stays, so that the index goes on where it was. */
    kit_sql(kit, "UPDATE events SET state = 3");
    store = open_kit(kit);
    assert_int_equal(purge(store, everything), MANY - 5001);
    assert_int_equal(kit_number(kit, "SELECT last FROM job_segments"), 3 * 4096);
    assert_int_equal(rows_left(kit), 0);
    store_close(store);
}

/* They are found by stretches, which are forgotten when they have none left. */
static void what_is_aside_is_found_in_its_stretch(void **state) {
    const struct kit *kit = *state;
    const char *const stretches = "SELECT count(*) FROM aside_stretches";
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 3 * 4096), ERROR_NONE);
    static const uint64_t aside[] = {1, 2, 4096, 9000};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kit_set_state(store, aside[i], i == 1 ? STORE_UNHANDLED : STORE_PARKED), ERROR_NONE);
    }
    assert_int_equal(kit_number(kit, stretches), 3);
    struct store_cutoffs cutoffs = everything;
    cutoffs.unhandled_us = KIT_NOW_US;
    assert_int_equal(purge(store, cutoffs), 3);
    assert_int_equal(kit_number(kit, stretches), 1);
    check_store(store);
    /* What was forgotten is noted again. */
    assert_int_equal(kit_set_state(store, 3, STORE_PARKED), ERROR_NONE);
    assert_int_equal(kit_number(kit, stretches), 2);
    check_store(store);
    assert_int_equal(purge(store, everything), 2);
    assert_int_equal(kit_number(kit, stretches), 0);
    check_store(store);
    store_close(store);
}

/* The commit of both is rolled back; the first alone is done again. */
static void a_note_is_taken_back_with_its_commit(void **state) {
    const struct kit *kit = *state;
    store_close(open_kit(kit));
    kit_sql(kit,
            "CREATE TRIGGER no BEFORE UPDATE ON events WHEN new.seq = 2 BEGIN SELECT raise(ABORT, 'no'); END");
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 2), ERROR_NONE);
    static const uint8_t generation[STORE_DIGEST_SIZE] = {1};
    struct store_run run = {.id = store_run_id(1, 0), .state = STORE_PARKED, .generation = generation};
    struct store_work change = {
        .verb = STORE_CHANGE,
        .change = {
            .fence = store_fence(store), .seq = 1, .event_state = STORE_PARKED, .runs = &run, .run_count = 1}};
    struct kit_work first;
    struct kit_work second;
    struct gate gate;
    gate_close(&gate, store);
    kit_submit(store, &first, change);
    change.change.seq = 2;
    change.change.run_count = 0;
    kit_submit(store, &second, change);
    gate_open(&gate);
    assert_int_equal(kit_wait(&first), ERROR_NONE);
    assert_int_not_equal(kit_wait(&second), ERROR_NONE);
    check_store(store);
    store_close(store);
}

static void keep_scripts(struct store *store, uint8_t number, const char *bytes) {
    const uint8_t digest[STORE_DIGEST_SIZE] = {number};
    struct store_file files[] = {{slice_of("a.lua"), slice_of(bytes)}, {slice_of("b.lua"), slice_of("same")}};
    assert_int_equal(
        kit_do(store, (struct store_work){.verb = STORE_GENERATION, .generation = {digest, files, 2}}),
        ERROR_NONE);
}

static int count_file(void *context, const struct store_file *file) {
    *(size_t *)context += file->bytes.length;
    return 0;
}

static bool has_scripts(struct store *store, uint8_t number) {
    const uint8_t digest[STORE_DIGEST_SIZE] = {number};
    size_t bytes = 0;
    struct store_reader *reader = reader_of(store);
    int result = store_each_file(reader, digest, count_file, &bytes, NULL);
    store_reader_free(reader);
    assert_int_equal(bytes, result < 0 ? 0 : 6);
    return result == 0;
}

static void scripts_go_when_no_run_needs_them(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    static const uint8_t second[STORE_DIGEST_SIZE] = {2};
    for (uint8_t i = 1; i <= 5; i++) {
        keep_scripts(store, i, (const char[]){'v', (char)('0' + i), '\0'});
    }
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    finish(store, 1, 1, STORE_DONE, second);
    struct store_cutoffs cutoffs = {.done_us = KIT_NOW_US};
    purge(store, cutoffs);
    assert_true(has_scripts(store, 1)); /* too young */
    keep_scripts(store, 3, "v3");       /* the live one again */
    cutoffs.done_us = clock_wall_us() + KIT_HOUR_US;
    purge(store, cutoffs);
    assert_false(has_scripts(store, 1));
    assert_true(has_scripts(store, 2)); /* a run has it */
    assert_true(has_scripts(store, 3)); /* it is live */
    assert_false(has_scripts(store, 4));
    assert_true(has_scripts(store, 5)); /* it is the latest */
    cutoffs.duplicate_us = OLD_US;
    assert_int_equal(purge(store, cutoffs), 1);
    assert_int_equal(purge(store, cutoffs), 0);
    assert_false(has_scripts(store, 2));
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM blobs"), 3); /* the shared one stays */
    check_store(store);
    store_close(store);
}

/* More stretches than a bite looks at, of runs that are gone; the last of them is there. */
static void scripts_are_needed_in_any_stretch(void **state) {
    const struct kit *kit = *state;
    static const uint8_t first[STORE_DIGEST_SIZE] = {1};
    struct store *store = open_kit(kit);
    keep_scripts(store, 1, "v1");
    keep_scripts(store, 2, "v2");
    assert_int_equal(kit_append_many(store, 1, 5000), ERROR_NONE);
    finish(store, 1, 1, STORE_DONE, first);
    finish(store, 4999, 1, STORE_DONE, first);
    store_close(store);
    kit_sql(kit, "UPDATE generation_uses SET last = 2000 * 4096 WHERE last = 8192;"
                 "UPDATE steps SET id = id + (2000 * 4096 - 4999) * 256 * 65536 WHERE id >= 4999 * 256 * 65536;"
                 "UPDATE runs SET id = 2000 * 4096 * 256 WHERE id = 4999 * 256;"
                 "WITH n(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM n WHERE x < 101)"
                 " INSERT INTO generation_uses SELECT x * 4096, generation FROM n, runs WHERE id = 256");
    store = open_kit(kit);
    struct store_cutoffs cutoffs = everything;
    cutoffs.done_us = clock_wall_us() + KIT_HOUR_US;
    assert_int_equal(purge(store, cutoffs), 2);
    assert_true(has_scripts(store, 1));
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM generation_uses"), 1);
    store_close(store);
    kit_sql(kit, "DELETE FROM steps; DELETE FROM runs");
    store = open_kit(kit);
    purge(store, cutoffs);
    assert_false(has_scripts(store, 1));
    assert_true(has_scripts(store, 2));
    check_store(store);
    store_close(store);
}

static void scripts_past_a_bites_look_are_found(void **state) {
    struct store *store = open_kit(*state);
    for (uint8_t i = 1; i <= 100; i++) {
        keep_scripts(store, i, "vv");
    }
    purge(store, (struct store_cutoffs){.done_us = clock_wall_us() + KIT_HOUR_US});
    assert_int_equal(kit_number(*state, "SELECT count(*) FROM generations"), 1);
    assert_int_equal(kit_number(*state, "SELECT count(*) FROM blobs"), 2);
    store_close(store);
}

static void values_whose_time_is_over_go(void **state) {
    const struct kit *kit = *state;
    store_close(open_kit(kit));
    kit_sql(kit, "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300)"
                 " INSERT INTO state(key, value, expires) SELECT 'k' || x, '1', x FROM n");
    kit_sql(kit, "INSERT INTO state(key, value, expires) VALUES ('always', '1', 0), ('later', '1', 1 << 62)");
    struct store *store = open_kit(kit);
    bool has_more;
    bite(store, everything, 100, &has_more);
    assert_true(has_more);
    assert_true(kit_number(kit, "SELECT count(*) FROM state") > 200);
    purge(store, everything);
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM state"), 2);
    store_close(store);
}

static int64_t file_size(const struct kit *kit) {
    struct stat status;
    assert_int_equal(stat(kit->path, &status), 0);
    return status.st_size;
}

static void space_is_given_back(void **state) {
    const struct kit *kit = *state;
    store_close(open_kit(kit));
    kit_sql(kit, "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)"
                 " INSERT INTO bodies SELECT x, randomblob(4000) FROM n;"
                 "INSERT INTO envelopes(seq, received, identity, content) SELECT seq, 1, x'', x'' FROM bodies;"
                 "INSERT INTO events SELECT seq, 3, 0, seq FROM bodies");
    int64_t before = file_size(kit);
    assert_true(before > 20 * 1000 * 1000);
    struct store *store = open_kit(kit);
    assert_int_equal(purge(store, everything), 5000);
    check_store(store);
    store_close(store); /* the WAL moves into the file */
    assert_true(file_size(kit) < before / 10);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_event_goes_with_all_that_it_did),   STORE_TEST(each_state_has_its_time),
        STORE_TEST(what_is_done_later_is_found),          STORE_TEST(a_bite_is_small),
        STORE_TEST(a_bite_of_large_events_is_smaller),    STORE_TEST(a_bite_looks_at_little),
        STORE_TEST(the_window_of_duplicates_goes_first),  STORE_TEST(numbers_are_not_given_again),
        STORE_TEST(the_index_of_jobs_goes_along),         STORE_TEST(what_is_aside_is_found_in_its_stretch),
        STORE_TEST(a_note_is_taken_back_with_its_commit), STORE_TEST(scripts_go_when_no_run_needs_them),
        STORE_TEST(scripts_are_needed_in_any_stretch),    STORE_TEST(scripts_past_a_bites_look_are_found),
        STORE_TEST(values_whose_time_is_over_go),         STORE_TEST(space_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
