/* Quarantined elements that turn out to be events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_asserts.h"

static void append_quarantined(struct store *store, const struct kit_event *made) {
    struct store_event event = {.identity = made->content,
                                .content = made->content,
                                .raw = slice_of(made->raw),
                                .malformed = "it was not understood"};
    assert_int_equal(kit_append(store, &event), ERROR_NONE);
    assert_int_equal(kit_state_of(store, event.seq), STORE_QUARANTINED);
}

static enum error_code understand(struct store *store, uint64_t seq, struct kit_event *made) {
    struct kit_work waiting;
    struct store_work work = {.verb = STORE_REPLAY,
                              .replay = {.fence = store_fence(store), .seq = seq, .event = &made->event}};
    kit_submit(store, &waiting, work);
    enum error_code code = kit_wait(&waiting);
    assert_int_equal(waiting.work.replay.run_count, code == ERROR_NONE);
    assert_int_equal(waiting.work.replay.lane, code == ERROR_NONE ? made->event.lane : 0);
    return code;
}

static int note_open(void *context, const struct store_open_event *event) {
    *(struct store_open_event *)context = *event;
    return 0;
}

static void it_becomes_the_event(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made, again;
    kit_event(&made, "e1", "j1", "x");
    append_quarantined(store, &made);
    assert_int_equal(totals_of(store).open, 0);
    assert_int_equal(understand(store, 1, &made), ERROR_NONE);
    assert_int_equal(totals_of(store).open, 1);
    assert_int_equal(totals_of(store).events, 1);

    struct store_reader *reader = reader_of(store);
    struct store_record record;
    assert_int_equal(store_read_event(reader, 1, &record, NULL), 0);
    assert_int_equal(record.state, STORE_QUEUED);
    assert_slice(record.id, "e1");
    assert_slice(record.type, "Microsoft.Communication.RouterJobQueued");
    assert_slice(record.source, "/subscriptions/s/resources/acs");
    assert_slice(record.job, "j1");
    assert_slice(record.raw, made.raw);
    assert_slice(record.malformed, NULL);
    struct store_open_event open = {0};
    assert_int_equal(store_each_open(reader, 0, note_open, &open, NULL), 0);
    assert_int_equal(open.seq, 1);
    assert_int_equal(open.lane, 7);
    store_reader_free(reader);
    check_store(store);

    /* It is known from now on, and after a new start. */
    for (int i = 0; i < 2; i++) {
        kit_event(&again, "e1", "j1", "x");
        assert_int_equal(kit_append(store, &again.event), ERROR_NONE);
        assert_true(again.event.is_duplicate);
        assert_int_equal(again.event.seq, 1);
        store_close(store);
        store = open_kit(*state);
    }
    assert_int_equal(totals_of(store).open, 1);
    store_close(store);
}

static void what_came_meanwhile_is_not_run_twice(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made, twin, namesake;
    kit_event(&made, "e1", "j1", "x");
    kit_event(&twin, "e1", "j1", "x");
    append_quarantined(store, &made);
    assert_int_equal(kit_append(store, &twin.event), ERROR_NONE);
    assert_int_equal(twin.event.seq, 2);
    assert_int_equal(understand(store, 1, &made), ERROR_INVALID);
    assert_int_equal(kit_state_of(store, 1), STORE_QUARANTINED);
    assert_int_equal(totals_of(store).open, 1);
    /* Of the same name and other content it is another event. */
    kit_event(&namesake, "e1", "j1", "y");
    append_quarantined(store, &namesake);
    assert_int_equal(understand(store, 3, &namesake), ERROR_NONE);
    assert_int_equal(kit_state_of(store, 3), STORE_QUEUED);
    kit_event(&namesake, "e1", "j1", "y");
    assert_int_equal(kit_append(store, &namesake.event), ERROR_NONE);
    assert_true(namesake.event.is_duplicate);
    check_store(store);
    store_close(store);
}

static void others_are_left_alone(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made;
    kit_event(&made, "e1", "j1", "x");
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 1, STORE_DONE), ERROR_NONE);
    kit_event(&made, "other", "j2", "x");
    struct store_work work = {.verb = STORE_REPLAY,
                              .replay = {.fence = store_fence(store), .seq = 1, .event = &made.event}};
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    assert_int_equal(kit_state_of(store, 1), STORE_DONE);
    append_quarantined(store, &made);
    work = (struct store_work){.verb = STORE_REPLAY, .replay = {.fence = store_fence(store), .seq = 2}};
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    assert_int_equal(kit_state_of(store, 2), STORE_QUARANTINED);
    store_close(store);
}

/* Also in a part of the job index that was built when it had no job. */
static void it_is_found_by_its_job(void **state) {
    enum { SEGMENT = 4096 };
    struct store *store = open_kit(*state);
    struct kit_event made;
    kit_event(&made, "late", "late-job", "x");
    append_quarantined(store, &made);
    assert_int_equal(kit_append_many(store, 1, SEGMENT + 10), ERROR_NONE);
    assert_int_equal(kit_append_many(store, SEGMENT + 11, 1), ERROR_NONE); /* the index is built before this one */
    assert_int_equal(kit_number(*state, "SELECT max(last) FROM job_segments"), SEGMENT);
    assert_int_equal(understand(store, 1, &made), ERROR_NONE);
    struct store_reader *reader = reader_of(store);
    struct store_query query = {.job = slice_of("late-job"), .state = -1, .limit = 9};
    struct kit_found found = {.count = 0};
    assert_int_equal(store_each_event(reader, &query, kit_found, &found, NULL), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.seqs[0], 1);
    store_reader_free(reader);
    check_store(store);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(it_becomes_the_event),
        STORE_TEST(what_came_meanwhile_is_not_run_twice),
        STORE_TEST(others_are_left_alone),
        STORE_TEST(it_is_found_by_its_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
