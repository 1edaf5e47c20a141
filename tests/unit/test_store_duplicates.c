/* What is an event that was here already: same name and content, within 48 hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/internal.h"
#include "store_kit.h"

static struct store *open_kit(const struct kit *kit) {
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    return store;
}

enum outcome { IS_NEW, IS_DUPLICATE, IS_NAMESAKE };

static void expect(struct store *store, const char *id, const char *words, int64_t received_us,
                   enum outcome outcome, uint64_t seq) {
    struct kit_event made;
    kit_event(&made, id, "j", words);
    assert_int_equal(kit_append_at(store, &made.event, 1, received_us), ERROR_NONE);
    assert_int_equal(made.event.is_duplicate, outcome == IS_DUPLICATE);
    assert_int_equal(made.event.is_namesake, outcome == IS_NAMESAKE);
    assert_int_equal(made.event.seq, seq);
}

static void the_same_again_is_the_first_one(void **state) {
    struct store *store = open_kit(*state);
    expect(store, "a", "x", KIT_NOW_US, IS_NEW, 1);
    expect(store, "b", "x", KIT_NOW_US, IS_NEW, 2);
    expect(store, "a", "x", KIT_NOW_US + 1, IS_DUPLICATE, 1);
    store_close(store);
    store = open_kit(*state);
    expect(store, "b", "x", KIT_NOW_US + 2, IS_DUPLICATE, 2);
    expect(store, "c", "x", KIT_NOW_US + 2, IS_NEW, 3);
    store_close(store);
}

static void other_content_under_a_name_is_new(void **state) {
    struct store *store = open_kit(*state);
    expect(store, "a", "x", KIT_NOW_US, IS_NEW, 1);
    expect(store, "a", "y", KIT_NOW_US, IS_NAMESAKE, 2);
    expect(store, "a", "z", KIT_NOW_US, IS_NAMESAKE, 3);
    for (int turn = 0; turn < 2; turn++) {
        expect(store, "a", "x", KIT_NOW_US, IS_DUPLICATE, 1);
        expect(store, "a", "y", KIT_NOW_US, IS_DUPLICATE, 2);
        expect(store, "a", "z", KIT_NOW_US, IS_DUPLICATE, 3);
        store_close(store);
        store = open_kit(*state);
    }
    store_close(store);
}

static void one_delivery_may_repeat_itself(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made[5];
    kit_event(&made[0], "a", "j", "x");
    kit_event(&made[1], "b", "j", "x");
    kit_event(&made[2], "a", "j", "x");
    kit_event(&made[3], "a", "j", "y");
    kit_event(&made[4], "a", "j", "y");
    struct store_event events[5];
    for (int i = 0; i < 5; i++) {
        events[i] = made[i].event;
    }
    assert_int_equal(kit_append_at(store, events, 5, KIT_NOW_US), ERROR_NONE);
    const uint64_t seqs[] = {1, 2, 1, 3, 3};
    const enum outcome outcomes[] = {IS_NEW, IS_NEW, IS_DUPLICATE, IS_NAMESAKE, IS_DUPLICATE};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(events[i].seq, seqs[i]);
        assert_int_equal(events[i].is_duplicate, outcomes[i] == IS_DUPLICATE);
        assert_int_equal(events[i].is_namesake, outcomes[i] == IS_NAMESAKE);
    }
    store_close(store);
}

/* Works that are submitted while the first one commits share a commit; all must agree on which was first. */
static void deliveries_on_their_way_see_each_other(void **state) {
    enum { WORKS = 50 };
    struct store *store = open_kit(*state);
    struct kit_event made[WORKS];
    struct kit_work works[WORKS];
    for (int i = 0; i < WORKS; i++) {
        kit_event(&made[i], "a", "j", "x");
        kit_submit(store, &works[i],
                   (struct store_work){.verb = STORE_APPEND, .append = {&made[i].event, 1, KIT_NOW_US}});
    }
    for (int i = 0; i < WORKS; i++) {
        assert_int_equal(kit_wait(&works[i]), ERROR_NONE);
        assert_int_equal(made[i].event.seq, 1);
        assert_int_equal(made[i].event.is_duplicate, i > 0);
    }
    store_close(store);
}

static void the_window_ends_after_48_hours(void **state) {
    struct store *store = open_kit(*state);
    int64_t last_moment = KIT_NOW_US + 48 * KIT_HOUR_US;
    expect(store, "a", "x", KIT_NOW_US, IS_NEW, 1);
    expect(store, "a", "x", last_moment, IS_DUPLICATE, 1);
    expect(store, "a", "x", last_moment + 1, IS_NEW, 2);
    expect(store, "a", "x", last_moment + 2, IS_DUPLICATE, 2);
    expect(store, "a", "y", last_moment + 2, IS_NAMESAKE, 3);
    store_close(store);
    store = open_kit(*state);
    expect(store, "a", "x", last_moment + 3, IS_DUPLICATE, 2);
    store_close(store);
}

/* What has left the window takes its name's key along: the key of name and content still finds a namesake. */
static void a_namesake_is_found_without_the_first(void **state) {
    struct store *store = open_kit(*state);
    int64_t later = KIT_NOW_US + 49 * KIT_HOUR_US;
    expect(store, "a", "x", KIT_NOW_US, IS_NEW, 1);
    expect(store, "a", "y", KIT_NOW_US + 30 * KIT_HOUR_US, IS_NAMESAKE, 2);
    expect(store, "b", "x", later, IS_NEW, 3);
    store_close(store);
    store = open_kit(*state);
    assert_int_equal(store->window_start, 2);
    expect(store, "a", "y", later, IS_DUPLICATE, 2);
    store_close(store);
}

static void a_longer_window_is_one(void **state) {
    struct kit *kit = *state;
    int64_t last_moment = KIT_NOW_US + 72 * KIT_HOUR_US;
    for (int opened = 0; opened < 2; opened++) { /* the second time what is known comes from the file */
        struct store *store = store_open_for(kit->path, 72 * KIT_HOUR_US, NULL);
        assert_non_null(store);
        expect(store, "a", "x", KIT_NOW_US, opened == 0 ? IS_NEW : IS_DUPLICATE, 1);
        expect(store, "a", "x", last_moment, IS_DUPLICATE, 1);
        store_close(store);
    }
    struct store *store = open_kit(*state);
    expect(store, "a", "x", last_moment, IS_NEW, 2);
    store_close(store);
}

/* Enough events that the table is made anew, with old ones among them that are dropped then. */
static void the_window_moves_on(void **state) {
    struct store *store = open_kit(*state);
    int64_t later = KIT_NOW_US + 100 * KIT_HOUR_US;
    assert_int_equal(kit_append_many(store, 1, 700), ERROR_NONE);
    for (int i = 0; i < 2000; i++) {
        char id[16];
        snprintf(id, sizeof id, "late%d", i);
        expect(store, id, "x", later, IS_NEW, (uint64_t)(701 + i));
    }
    assert_int_equal(store->seen.count, 2000);
    expect(store, "late0", "x", later, IS_DUPLICATE, 701);
    expect(store, "late1999", "x", later, IS_DUPLICATE, 2700);
    expect(store, "e1", "x", later, IS_NEW, 2701);
    store_close(store);
    store = open_kit(*state);
    expect(store, "late0", "x", later, IS_DUPLICATE, 701);
    expect(store, "e2", "x", later, IS_NEW, 2702);
    store_close(store);
}

static void what_is_malformed_is_known_by_its_content(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made[3];
    for (int i = 0; i < 3; i++) {
        kit_event(&made[i], "", "", i == 2 ? "other" : "same");
        made[i].event.malformed = "it has no id";
        made[i].event.identity = NULL;
        assert_int_equal(kit_append(store, &made[i].event), ERROR_NONE);
    }
    assert_int_equal(made[0].event.seq, 1);
    assert_true(made[1].event.is_duplicate);
    assert_int_equal(made[1].event.seq, 1);
    assert_false(made[2].event.is_duplicate || made[2].event.is_namesake);
    assert_int_equal(made[2].event.seq, 2);
    store_close(store);
}

/* Two names whose first eight bytes are the same meet in the table, and only there. */
static void a_fingerprint_alone_decides_nothing(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made[3];
    kit_event(&made[0], "a", "j", "x");
    kit_event(&made[1], "b", "j", "x");
    kit_event(&made[2], "b", "j", "x");
    for (int i = 1; i < 3; i++) {
        memcpy(made[i].identity, made[0].identity, 8);
    }
    assert_int_equal(kit_append(store, &made[0].event), ERROR_NONE);
    assert_int_equal(kit_append(store, &made[1].event), ERROR_NONE);
    assert_int_equal(made[1].event.seq, 2);
    assert_false(made[1].event.is_duplicate || made[1].event.is_namesake);
    assert_int_equal(kit_append(store, &made[2].event), ERROR_NONE);
    assert_true(made[2].event.is_duplicate);
    assert_int_equal(made[2].event.seq, 2);
    store_close(store);
}

static void an_event_without_digests_is_refused(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event good, bad;
    kit_event(&good, "a", "j", "x");
    kit_event(&bad, "b", "j", "x");
    bad.event.content = NULL;
    struct store_event events[] = {good.event, bad.event};
    assert_int_equal(kit_append_at(store, events, 2, KIT_NOW_US), ERROR_INVALID);
    expect(store, "a", "x", KIT_NOW_US, IS_NEW, 1); /* all of a delivery or nothing */
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_same_again_is_the_first_one),
        STORE_TEST(other_content_under_a_name_is_new),
        STORE_TEST(one_delivery_may_repeat_itself),
        STORE_TEST(deliveries_on_their_way_see_each_other),
        STORE_TEST(the_window_ends_after_48_hours),
        STORE_TEST(a_namesake_is_found_without_the_first),
        STORE_TEST(a_longer_window_is_one),
        STORE_TEST(the_window_moves_on),
        STORE_TEST(what_is_malformed_is_known_by_its_content),
        STORE_TEST(a_fingerprint_alone_decides_nothing),
        STORE_TEST(an_event_without_digests_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
