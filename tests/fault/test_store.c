/* The store, with every allocation failing once: a work that cannot be done says so, and nothing is half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/alloc.h"
#include "unit/store_kit.h"
#include <cmocka.h>

static int open_and_close(void *context, struct error *error) {
    const struct kit *kit = context;
    struct store *store = store_open(kit->path, error);
    if (store == NULL) {
        return -1;
    }
    store_close(store);
    return 0;
}

static void opening_needs_memory(void **state) {
    assert_int_equal(fault_alloc_each(open_and_close, *state), 3);
    /* With events in it there are fingerprints to load. */
    const struct kit *kit = *state;
    struct store *store = store_open(kit->path, NULL);
    assert_non_null(store);
    assert_int_equal(kit_append_many(store, 1, 100), ERROR_NONE);
    store_close(store);
    assert_int_equal(fault_alloc_each(open_and_close, *state), 4);
}

struct filling {
    struct store *store;
    uint64_t next;
    unsigned refused;
};

/* Past a segment of the job index and past what a new table of fingerprints holds. */
static int append_some(void *context, struct error *error) {
    struct filling *filling = context;
    for (int i = 0; i < 70; i++) {
        if (kit_append_many(filling->store, filling->next, 64) != ERROR_NONE) {
            return error_memory(error);
        }
        filling->next += 64;
    }
    return 0;
}

static void appending_needs_memory(void **state) {
    const struct kit *kit = *state;
    struct filling filling = {.store = store_open(kit->path, NULL), .next = 1};
    assert_non_null(filling.store);
    fault_alloc_each(append_some, &filling);
    struct store_reader *reader = store_reader_new(filling.store, NULL);
    struct store_totals totals;
    assert_int_equal(store_totals(reader, &totals, NULL), 0);
    assert_int_equal(totals.events, filling.next - 1);
    struct kit_found found = {0};
    struct store_query query = {slice_of("j5"), .state = -1, .limit = 1 << 20};
    assert_int_equal(store_each_event(reader, &query, kit_found, &found, NULL), 0);
    assert_int_equal(found.count, (filling.next + 4) / 10);
    store_reader_free(reader);
    store_close(filling.store);
}

static int read_one(void *context, struct error *error) {
    struct store_reader *reader = store_reader_new(context, error);
    if (reader == NULL) {
        return -1;
    }
    struct store_record record;
    int result = store_read_event(reader, 1, &record, error);
    if (result == 0) {
        assert_true(slice_is(record.id, "e1"));
    }
    store_reader_free(reader);
    return result;
}

static void reading_needs_memory(void **state) {
    const struct kit *kit = *state;
    struct store *store = store_open(kit->path, NULL);
    assert_non_null(store);
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    assert_int_equal(fault_alloc_each(read_one, store), 2);
    store_close(store);
}

struct counting {
    struct store *store;
    uint32_t step;
    long count;
};

/* A step that counts up: it is journaled with its answer, or nothing of it is. */
static int count_up(void *context, struct error *error) {
    struct counting *counting = context;
    struct store_step step = {.run = store_run_id(1, 0), .number = ++counting->step};
    struct store_value_op value = {.verb = STORE_VALUE_INCREMENT, .key = slice_of("n")};
    struct buffer answer;
    bool is_error = false;
    buffer_init(&answer, 64);
    enum error_code code =
        kit_do(counting->store, (struct store_work){.verb = STORE_CHANGE,
                                                    .change = {.fence = store_fence(counting->store),
                                                               .seq = 1,
                                                               .event_state = STORE_STATE_KEPT,
                                                               .step = &step,
                                                               .value = &value,
                                                               .answer = &answer,
                                                               .is_error = &is_error}});
    long counted = code == ERROR_NONE ? strtol(answer.bytes, NULL, 10) : counting->count;
    buffer_reset(&answer);
    if (code != ERROR_NONE) {
        return error_memory(error);
    }
    assert_int_equal(counted, ++counting->count);
    return 0;
}

static void a_value_needs_memory(void **state) {
    const struct kit *kit = *state;
    struct counting counting = {.store = store_open(kit->path, NULL)};
    assert_non_null(counting.store);
    assert_int_equal(kit_append_many(counting.store, 1, 1), ERROR_NONE);
    assert_true(fault_alloc_each(count_up, &counting) > 0);
    assert_int_equal(count_up(&counting, NULL), 0);
    store_close(counting.store);
}

static void name_it(struct kit_event *made, uint64_t seq) {
    char id[32];
    snprintf(id, sizeof id, "q%llu", (unsigned long long)seq);
    kit_event(made, id, "j", "x");
}

/* Until the table of fingerprints has grown. */
static int understand_some(void *context, struct error *error) {
    struct filling *filling = context;
    for (int i = 0; i < 100; i++) {
        struct kit_event made;
        name_it(&made, filling->next);
        struct store_work work = {
            .verb = STORE_REPLAY,
            .replay = {.fence = store_fence(filling->store), .seq = filling->next, .event = &made.event}};
        enum error_code code = kit_do(filling->store, work);
        if (code != ERROR_NONE) {
            assert_int_equal(code, ERROR_MEMORY);
            filling->refused++;
            return error_memory(error);
        }
        filling->next++;
    }
    return 0;
}

static void understanding_needs_memory(void **state) {
    enum { QUARANTINED = 2000 };
    const struct kit *kit = *state;
    struct filling filling = {.store = store_open(kit->path, NULL), .next = 1};
    assert_non_null(filling.store);
    for (uint64_t seq = 1; seq <= QUARANTINED; seq++) {
        struct kit_event made;
        name_it(&made, seq);
        struct store_event event = {.identity = made.content,
                                    .content = made.content,
                                    .raw = slice_of(made.raw),
                                    .malformed = "it was not understood"};
        assert_int_equal(kit_append(filling.store, &event), ERROR_NONE);
    }
    store_close(filling.store);
    filling.store = store_open(kit->path, NULL); /* with tables that are just large enough */
    assert_non_null(filling.store);
    fault_alloc_each(understand_some, &filling);
    assert_true(filling.refused > 0);
    struct store_reader *reader = store_reader_new(filling.store, NULL);
    struct store_totals totals;
    assert_int_equal(store_totals(reader, &totals, NULL), 0);
    assert_int_equal(totals.open, filling.next - 1);
    assert_int_equal(totals.events, QUARANTINED);
    store_reader_free(reader);
    assert_int_equal(store_check(filling.store, NULL), 0);
    store_close(filling.store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(opening_needs_memory), STORE_TEST(appending_needs_memory),     STORE_TEST(reading_needs_memory),
        STORE_TEST(a_value_needs_memory), STORE_TEST(understanding_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
