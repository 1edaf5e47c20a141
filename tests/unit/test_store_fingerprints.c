/* The table of fingerprints, against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/fingerprints.h"
#include <stdlib.h>
#include <string.h>

static bool has(const struct fingerprints *table, uint64_t key, uint64_t seq) {
    size_t at = 0;
    uint64_t found;
    while ((found = fingerprints_next(table, key, &at)) != 0) {
        if (found == seq) {
            return true;
        }
    }
    return false;
}

static size_t count(const struct fingerprints *table, uint64_t key) {
    size_t at = 0;
    size_t found = 0;
    while (fingerprints_next(table, key, &at) != 0) {
        found++;
    }
    return found;
}

static void an_empty_table_answers(void **state) {
    (void)state;
    struct fingerprints table;
    assert_int_equal(fingerprints_init(&table), 0);
    assert_false(has(&table, 5, 1));
    fingerprints_remove(&table, 5, 1);
    assert_false(fingerprints_has_room(&table, 1));
    fingerprints_reset(&table);
}

static void one_key_leads_to_many(void **state) {
    (void)state;
    struct fingerprints table;
    assert_int_equal(fingerprints_init(&table), 0);
    assert_int_equal(fingerprints_make_room(&table, 500, 0), 0);
    for (uint64_t seq = 1; seq <= 500; seq++) {
        fingerprints_add(&table, 0, seq); /* 0 is a key like any */
    }
    assert_int_equal(count(&table, 0), 500);
    fingerprints_remove(&table, 0, 250);
    assert_int_equal(count(&table, 0), 499);
    assert_false(has(&table, 0, 250));
    fingerprints_reset(&table);
}

/* Few keys and a table that is nearly full, so that what is removed stands in the middle of others' way. */
static void what_is_removed_hides_nothing(void **state) {
    (void)state;
    enum { EVENTS = 760, KEYS = 300 };
    struct fingerprints table;
    bool is_there[EVENTS + 1] = {0};
    unsigned random = 12345;
    assert_int_equal(fingerprints_init(&table), 0);
    assert_int_equal(fingerprints_make_room(&table, EVENTS, 0), 0);
    size_t capacity = table.capacity;
    for (int turn = 0; turn < 20000; turn++) {
        random = random * 1103515245u + 12345u;
        uint64_t seq = (random >> 8) % EVENTS + 1;
        if (is_there[seq]) {
            fingerprints_remove(&table, seq % KEYS, seq);
        } else {
            fingerprints_add(&table, seq % KEYS, seq);
        }
        is_there[seq] = !is_there[seq];
    }
    size_t left = 0;
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        assert_int_equal(has(&table, seq % KEYS, seq), is_there[seq]);
        left += is_there[seq];
    }
    assert_int_equal(table.count, left);
    assert_int_equal(table.capacity, capacity);
    fingerprints_reset(&table);
}

static void growing_drops_what_left_the_window(void **state) {
    (void)state;
    struct fingerprints table;
    assert_int_equal(fingerprints_init(&table), 0);
    for (uint64_t seq = 1; seq <= 10000; seq++) {
        uint64_t oldest = seq > 1000 ? seq - 1000 : 0;
        assert_int_equal(fingerprints_make_room(&table, 1, oldest), 0);
        fingerprints_add(&table, seq * 7, seq);
        assert_true(table.capacity <= 4096);
    }
    for (uint64_t seq = 9001; seq <= 10000; seq++) {
        assert_true(has(&table, seq * 7, seq));
    }
    assert_false(has(&table, 7, 1));
    fingerprints_reset(&table);
}

/* A slot has 32 bits for a number: it counts from the start of the window, which moves when they are used up. */
static void numbers_may_grow_for_ever(void **state) {
    (void)state;
    struct fingerprints table;
    assert_int_equal(fingerprints_init(&table), 0);
    for (uint64_t seq = UINT64_C(1) << 33; seq < UINT64_C(1) << 40; seq += UINT64_C(1) << 29) {
        table.newest = seq - 1; /* as if all before it had been there */
        assert_int_equal(fingerprints_make_room(&table, 1, seq - 1000), 0);
        fingerprints_add(&table, 42, seq);
        assert_true(has(&table, 42, seq));
        fingerprints_add(&table, 42, table.base); /* long gone */
        assert_true(count(&table, 42) <= 9);
        fingerprints_remove(&table, 42, table.base);
    }
    fingerprints_reset(&table);
}

static void it_never_outgrows_its_limit(void **state) {
    (void)state;
    struct fingerprints table;
    assert_int_equal(fingerprints_init(&table), 0);
    assert_int_equal(fingerprints_make_room(&table, FINGERPRINTS_MOST, 0), -1);
    assert_null(table.slots);
    fingerprints_reset(&table);
}

static void the_two_keys_follow_what_they_are_made_of(void **state) {
    (void)state;
    uint8_t a[16] = {1}, b[16] = {2};
    assert_true(fingerprint_of_name(a) != fingerprint_of_name(b));
    assert_true(fingerprint_of_both(a, b) != fingerprint_of_both(b, a));
    assert_true(fingerprint_of_both(a, a) != fingerprint_of_both(a, b));
    assert_true(fingerprint_of_both(a, a) != fingerprint_of_name(a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_answers),
        cmocka_unit_test(one_key_leads_to_many),
        cmocka_unit_test(what_is_removed_hides_nothing),
        cmocka_unit_test(growing_drops_what_left_the_window),
        cmocka_unit_test(numbers_may_grow_for_ever),
        cmocka_unit_test(it_never_outgrows_its_limit),
        cmocka_unit_test(the_two_keys_follow_what_they_are_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
