/* A backup is the store at one moment, whatever is committed meanwhile; a check finds what does not hold
 * together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_asserts.h"
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct kit backup_of(const struct kit *kit) {
    struct kit backup = *kit;
    snprintf(backup.path, sizeof backup.path, "%s/backup.db", kit->folder);
    return backup;
}

static void expect_backup_error(struct store *store, const char *path, enum error_code code, const char *words) {
    struct error error = {0};
    assert_int_equal(store_backup(store, path, &error), -1);
    assert_int_equal(error.code, code);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
}

static void a_backup_is_a_store(void **state) {
    const struct kit *kit = *state;
    struct kit backup = backup_of(kit);
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 500), ERROR_NONE);
    assert_int_equal(store_backup(store, backup.path, NULL), 0);
    assert_int_equal(kit_append_many(store, 501, 10), ERROR_NONE);
    struct stat status;
    assert_int_equal(stat(backup.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    expect_backup_error(store, backup.path, ERROR_INVALID, "there already");
    expect_backup_error(store, kit->path, ERROR_INVALID, "there already");
    expect_backup_error(store, "/nowhere/at/all.db", ERROR_SYSTEM, "/nowhere/at/all.db");
    store_close(store);
    store = open_kit(&backup);
    uint64_t last;
    assert_true(store_was_unclean(store, &last)); /* the host was at work: steps may have been sent */
    assert_int_equal(last, 500);
    assert_int_equal(totals_of(store).open, 500);
    assert_int_equal(kit_number(&backup, "PRAGMA auto_vacuum"), 2);
    check_store(store);
    store_close(store);
}

struct appending {
    struct store *store;
    atomic_bool is_enough;
    uint64_t count;
};

static void *append_on(void *context) {
    struct appending *appending = context;
    while (!atomic_load(&appending->is_enough)) {
        if (kit_append_many(appending->store, ++appending->count, 1) != ERROR_NONE) {
            return NULL;
        }
    }
    return context;
}

static void commits_go_on_during_a_backup(void **state) {
    const struct kit *kit = *state;
    struct kit backup = backup_of(kit);
    struct appending appending = {.store = open_kit(kit)};
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, append_on, &appending), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_backup(appending.store, backup.path, NULL), 0);
        struct store *copy = open_kit(&backup);
        check_store(copy);
        uint64_t last;
        store_was_unclean(copy, &last);
        assert_int_equal(totals_of(copy).events, last);
        store_close(copy);
        unlink(backup.path);
        check_store(appending.store);
    }
    atomic_store(&appending.is_enough, true);
    pthread_join(thread, &result);
    assert_non_null(result);
    store_close(appending.store);
}

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            _exit(1);                                                                                             \
        }                                                                                                         \
    } while (0)

/* In a child, whose files may not grow. */
static void run_out_of_space(const struct kit *kit) {
    struct kit backup = backup_of(kit);
    struct error error = {0};
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = store_open(kit->path, &error);
    CHECK(store != NULL && kit_append_many(store, 1, 2000) == ERROR_NONE);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 64 << 10;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(store_backup(store, backup.path, &error) < 0 && error.code == ERROR_FULL);
    CHECK(access(backup.path, F_OK) < 0);
    limit.rlim_cur = before;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(store_backup(store, backup.path, &error) == 0);
    CHECK(kit_append_many(store, 2001, 1) == ERROR_NONE);
    store_close(store);
}

static void a_backup_that_fails_leaves_nothing(void **state) {
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_out_of_space(*state);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void expect_damage(const struct kit *kit, const char *sql, const char *undo, const char *words) {
    kit_sql(kit, sql);
    struct store *store = open_kit(kit);
    struct error error = {0};
    assert_int_equal(store_check(store, &error), -1);
    assert_int_equal(error.code, ERROR_CORRUPT);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    store_close(store);
    kit_sql(kit, undo);
}

/* Events of which 1 is done, with a run and a step, and 2 is parked. */
static void fill(const struct kit *kit) {
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 4200), ERROR_NONE);
    const uint8_t zeros[STORE_DIGEST_SIZE] = {0};
    struct store_run run = {.id = store_run_id(1, 0), .state = STORE_DONE, .generation = zeros};
    struct store_step step = {.run = run.id, .number = 1};
    assert_int_equal(kit_set_state(store, 2, STORE_PARKED), ERROR_NONE);
    assert_int_equal(kit_do(store, (struct store_work){.verb = STORE_CHANGE,
                                                       .change = {.fence = store_fence(store),
                                                                  .seq = 1,
                                                                  .event_state = STORE_DONE,
                                                                  .runs = &run,
                                                                  .run_count = 1,
                                                                  .step = &step}}),
                     ERROR_NONE);
    const uint8_t digest[STORE_DIGEST_SIZE] = {1};
    struct store_file file = {slice_of("a.lua"), slice_of("x")};
    assert_int_equal(
        kit_do(store, (struct store_work){.verb = STORE_GENERATION, .generation = {digest, &file, 1}}),
        ERROR_NONE);
    check_store(store);
    store_close(store);
}

static void a_check_finds_what_is_missing(void **state) {
    static const struct {
        const char *sql, *undo, *words;
    } damages[] = {
        {"CREATE TABLE t AS SELECT * FROM envelopes WHERE seq = 7; DELETE FROM envelopes WHERE seq = 7",
         "INSERT INTO envelopes SELECT * FROM t; DROP TABLE t", "event 7 has no envelope"},
        {"CREATE TABLE t AS SELECT * FROM bodies WHERE seq = 8; DELETE FROM bodies WHERE seq = 8",
         "INSERT INTO bodies SELECT * FROM t; DROP TABLE t", "event 8 has no bytes"},
        {"INSERT INTO envelopes(seq, received, identity, content) VALUES (9999, 1, x'', x'')",
         "DELETE FROM envelopes WHERE seq = 9999", "envelope 9999"},
        {"INSERT INTO bodies VALUES (9998, x'')", "DELETE FROM bodies WHERE seq = 9998", "bytes 9998"},
        {"UPDATE events SET state = 1 WHERE seq = 6", "UPDATE events SET state = 0 WHERE seq = 6",
         "event 6 is in no state"},
        {"UPDATE runs SET id = 99999 * 256", "UPDATE runs SET id = 256", "belongs to no"},
        {"UPDATE runs SET state = 0", "UPDATE runs SET state = 3", "run 256 is open"},
        {"UPDATE steps SET id = id + 65536", "UPDATE steps SET id = id - 65536", "belongs to no run"},
        {"UPDATE job_segments SET last = 1", "UPDATE job_segments SET last = 4096", "at 1 is no segment"},
        {"UPDATE job_segments SET jobs = jobs || 'x'", "UPDATE job_segments SET jobs = x''", "is no segment"},
        {"UPDATE aside_stretches SET last = 8192", "UPDATE aside_stretches SET last = 4096",
         "event 2 is set aside, and no stretch"},
        {"UPDATE generation_uses SET generation = x'00'", "UPDATE generation_uses SET generation = zeroblob(16)",
         "run 256 has scripts that no stretch"},
        {"UPDATE generations SET id = 5", "UPDATE generations SET id = 1", "generation 1 which is not there"},
        {"UPDATE blobs SET id = 5", "UPDATE blobs SET id = 1", "a script of generation 1"},
    };
    const struct kit *kit = *state;
    fill(kit);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        expect_damage(kit, damages[i].sql, damages[i].undo, damages[i].words);
    }
    struct store *store = open_kit(kit);
    check_store(store);
    store_close(store);
}

/* Values that the index of their times does not have would never go. */
static void a_check_finds_an_index_that_lies(void **state) {
    const struct kit *kit = *state;
    fill(kit);
    expect_damage(
        kit,
        "INSERT INTO state(key, value, expires) VALUES ('k', '1', 0); PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX state_expires ON state(expires) WHERE expires >= 0'"
        " WHERE name = 'state_expires'",
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX state_expires ON state(expires) WHERE expires > 0'"
        " WHERE name = 'state_expires'",
        "state_expires");
}

static void a_check_finds_damaged_pages(void **state) {
    const struct kit *kit = *state;
    fill(kit);
    int64_t root = kit_number(kit, "SELECT rootpage FROM sqlite_schema WHERE name = 'bodies'");
    int fd = open(kit->path, O_RDWR);
    char zeros[4096] = {0};
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, (root - 1) * 4096), (ssize_t)sizeof zeros);
    close(fd);
    struct store *store = open_kit(kit);
    struct error error = {0};
    assert_int_equal(store_check(store, &error), -1);
    assert_int_equal(error.code, ERROR_CORRUPT);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_backup_is_a_store),
        STORE_TEST(commits_go_on_during_a_backup),
        STORE_TEST(a_backup_that_fails_leaves_nothing),
        STORE_TEST(a_check_finds_what_is_missing),
        STORE_TEST(a_check_finds_an_index_that_lies),
        STORE_TEST(a_check_finds_damaged_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
