/* A disk that is full at any write, or fails at any sync: what was not stored is never called stored, a full
 * disk passes, and nothing is lost or doubled by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault/disk.h"
#include "store/sqlite/internal.h"
#include "unit/store_asserts.h"
#include <sqlite3.h>

enum { EVENTS = 6, TURNS_MOST = 3000 };

#define LATER_US (KIT_NOW_US + 100 * KIT_HOUR_US)

static int setup(void **state) {
    disk_install();
    return kit_setup(state);
}

static int teardown(void **state) {
    disk_fail(NULL);
    disk_uninstall();
    return kit_teardown(state);
}

/* A few works of each kind. */
enum { WORKS = 2 * EVENTS + 2 };

struct course {
    struct store *store;
    struct kit_event made[EVENTS];
    struct buffer answers[EVENTS];
    bool is_error[EVENTS];
};

static enum error_code append(struct course *course, int i) {
    char id[16];
    char words[160];
    snprintf(id, sizeof id, "e%d", i);
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    kit_event(&course->made[i], id, "j", words);
    return kit_append(course->store, &course->made[i].event);
}

static enum error_code change(struct course *course, int i) {
    uint64_t seq = course->made[i].event.seq;
    struct store_run run = {.id = store_run_id(seq, 0), .state = STORE_DONE};
    struct store_step step = {.run = run.id, .number = 1};
    struct store_value_op value = {.verb = STORE_VALUE_INCREMENT, .key = slice_of("n")};
    return kit_do(course->store, (struct store_work){.verb = STORE_CHANGE,
                                                     .change = {.fence = store_fence(course->store),
                                                                .seq = seq,
                                                                .event_state = STORE_DONE,
                                                                .runs = &run,
                                                                .run_count = 1,
                                                                .step = &step,
                                                                .value = &value,
                                                                .answer = &course->answers[i],
                                                                .is_error = &course->is_error[i]}});
}

static enum error_code purge(struct course *course) {
    return kit_do(
        course->store,
        (struct store_work){.verb = STORE_PURGE,
                            .purge = {.cutoffs = {.done_us = LATER_US, .duplicate_us = LATER_US}, .most = 2}});
}

static enum error_code replay(struct course *course) {
    return kit_do(course->store, (struct store_work){.verb = STORE_REPLAY,
                                                     .replay = {.fence = store_fence(course->store),
                                                                .seq = course->made[EVENTS - 1].event.seq,
                                                                .from_start = true,
                                                                .all = true}});
}

static enum error_code do_work(struct course *course, int number) {
    if (number < 2 * EVENTS) {
        return number < EVENTS ? append(course, number) : change(course, number - EVENTS);
    }
    return number == 2 * EVENTS ? purge(course) : replay(course);
}

static struct course begin(const struct kit *kit) {
    struct course course = {.store = open_kit(kit)};
    for (int i = 0; i < EVENTS; i++) {
        buffer_init(&course.answers[i], 64);
    }
    return course;
}

static void end(struct course *course) {
    for (int i = 0; i < EVENTS; i++) {
        buffer_reset(&course->answers[i]);
    }
    store_close(course->store);
}

/* All the works were done, once each. */
static void check_whole(const struct kit *kit, struct course *course) {
    check_store(course->store);
    assert_int_equal(totals_of(course->store).events, EVENTS - 2);
    assert_int_equal(totals_of(course->store).last_seq, EVENTS);
    assert_int_equal(totals_of(course->store).open, 1);
    assert_int_equal(kit_number(kit, "SELECT count(DISTINCT id) FROM envelopes"), EVENTS - 2);
    assert_int_equal(kit_number(kit, "SELECT count(*) FROM steps"), EVENTS - 2);
    assert_int_equal(kit_number(kit, "SELECT CAST(value AS INTEGER) FROM state"), EVENTS);
    assert_int_equal(kit_number(kit, "SELECT sum(is_forgotten) FROM steps"), 1);
}

static void wipe(const struct kit *kit) {
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < 4; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", kit->path, endings[i]);
        unlink(path);
    }
}

/* The n-th write fails, for every n; each work is tried again until it is done. */
static void fill_up(const struct kit *kit, bool is_short, size_t times) {
    size_t failed = 1;
    for (size_t after = 0; failed > 0; after++) {
        assert_true(after < TURNS_MOST);
        wipe(kit);
        struct course course = begin(kit);
        struct disk_failure full = {.ending = ".db-wal",
                                    .operation = DISK_WRITE,
                                    .after = after,
                                    .times = times,
                                    .code = SQLITE_FULL,
                                    .is_short = is_short};
        disk_fail(&full);
        size_t refused = 0;
        for (int number = 0; number < WORKS;) {
            enum error_code code = do_work(&course, number);
            assert_true(code == ERROR_NONE || code == ERROR_FULL);
            if (code == ERROR_NONE && number < EVENTS) {
                assert_false(course.made[number].event.is_duplicate || course.made[number].event.is_namesake);
                assert_int_equal(course.made[number].event.seq, number + 1);
            }
            number += code == ERROR_NONE;
            refused += code == ERROR_FULL;
            if (number == EVENTS) { /* what was rolled back is not remembered as seen */
                assert_int_equal(course.store->seen.count, EVENTS);
            }
            assert_true(refused <= times);
        }
        failed = disk_failed();
        disk_fail(NULL);
        assert_true(failed == 0 || refused > 0); /* nobody was told that it is stored */
        check_whole(kit, &course);
        end(&course);
        course = begin(kit);
        check_whole(kit, &course);
        end(&course);
    }
}

static void a_full_disk_at_any_write_passes(void **state) {
    fill_up(*state, false, 1);
    fill_up(*state, true, 1);
    fill_up(*state, true, 3);
}

/* The n-th sync of a commit fails, for every n: that work and all after it fail, and what was done before is
 * there. */
static void a_failed_sync_is_never_success(void **state) {
    const struct kit *kit = *state;
    size_t failed = 1;
    for (size_t after = 0; failed > 0; after++) {
        assert_true(after < TURNS_MOST);
        wipe(kit);
        struct course course = begin(kit);
        struct disk_failure broken = {
            .ending = ".db-wal", .operation = DISK_SYNC, .after = after, .times = 1, .code = SQLITE_IOERR_FSYNC};
        disk_fail(&broken);
        int done = 0;
        while (done < WORKS && do_work(&course, done) == ERROR_NONE) {
            done++;
        }
        failed = disk_failed();
        assert_true(failed == 0 || done < WORKS);
        for (int number = done; number < WORKS; number++) {
            assert_true(number < EVENTS ? append(&course, number) == ERROR_CLOSED
                                        : purge(&course) == ERROR_CLOSED);
        }
        disk_fail(NULL);
        end(&course);
        course = begin(kit);
        check_store(course.store);
        uint64_t last;
        assert_int_equal(store_was_unclean(course.store, &last), failed > 0);
        assert_true(last >= (uint64_t)(done < EVENTS ? done : EVENTS));
        end(&course);
    }
}

/* The second write to the WAL would fail, and none is made. */
static void a_commit_is_one_write(void **state) {
    const struct kit *kit = *state;
    struct course course = begin(kit);
    assert_int_equal(append(&course, 0), ERROR_NONE);
    struct disk_failure full = {
        .ending = ".db-wal", .operation = DISK_WRITE, .after = 1, .times = SIZE_MAX, .code = SQLITE_FULL};
    disk_fail(&full);
    assert_int_equal(append(&course, 1), ERROR_NONE);
    assert_int_equal(append(&course, 2), ERROR_FULL);
    disk_fail(NULL);
    end(&course);
}

/* Behind the answers: the WAL stays, and what is in it counts. */
static void pages_that_cannot_be_moved_stay_in_the_wal(void **state) {
    const struct kit *kit = *state;
    size_t failed = 1;
    for (size_t after = 0; failed > 0; after++) {
        assert_true(after < TURNS_MOST);
        wipe(kit);
        struct course course = begin(kit);
        for (int number = 0; number < WORKS; number++) {
            assert_int_equal(do_work(&course, number), ERROR_NONE);
        }
        struct disk_failure full = {.ending = ".db",
                                    .operation = DISK_WRITE,
                                    .after = after,
                                    .times = SIZE_MAX,
                                    .code = SQLITE_FULL,
                                    .is_short = true};
        disk_fail(&full);
        end(&course);
        failed = disk_failed();
        disk_fail(NULL);
        course = begin(kit);
        check_whole(kit, &course);
        end(&course);
    }
}

static void a_backup_that_meets_a_full_disk_leaves_nothing(void **state) {
    const struct kit *kit = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/copy", kit->folder);
    struct course course = begin(kit);
    for (int number = 0; number < WORKS; number++) {
        assert_int_equal(do_work(&course, number), ERROR_NONE);
    }
    size_t failed = 1;
    for (size_t after = 0; failed > 0; after++) {
        struct disk_failure full = {.ending = "copy",
                                    .operation = DISK_WRITE,
                                    .after = after,
                                    .times = 1,
                                    .code = SQLITE_FULL,
                                    .is_short = after % 2 == 0};
        struct error error = {0};
        disk_fail(&full);
        int result = store_backup(course.store, path, &error);
        failed = disk_failed();
        disk_fail(NULL);
        assert_int_equal(result, failed > 0 ? -1 : 0);
        if (failed > 0) {
            assert_int_equal(error.code, ERROR_FULL);
            assert_int_equal(access(path, F_OK), -1);
        }
    }
    check_whole(kit, &course);
    end(&course);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_full_disk_at_any_write_passes),
        STORE_TEST(a_failed_sync_is_never_success),
        STORE_TEST(a_commit_is_one_write),
        STORE_TEST(pages_that_cannot_be_moved_stay_in_the_wal),
        STORE_TEST(a_backup_that_meets_a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
