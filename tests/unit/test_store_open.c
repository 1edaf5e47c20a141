/* Opening: one host at a time, the right file, the settings without which nothing is safe, and how the last stop
 * was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sqlite/lock.h"
#include "store/sqlite/schema.h"
#include "store_asserts.h"
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/wait.h>

static void expect_refusal(const char *location, enum error_code code, const char *words) {
    struct error error = {0};
    assert_null(store_open(location, &error));
    assert_int_equal(error.code, code);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    assert_null(store_open(location, NULL));
}

static void run_sql(const struct kit *kit, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int64_t number(const struct kit *kit, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static void write_file(const char *path, const char *bytes, size_t length) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void a_second_host_is_refused(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    char words[64];
    snprintf(words, sizeof words, "another switchhook (pid %ld)", (long)getpid());
    expect_refusal(kit->path, ERROR_BUSY, words);
    char link[160];
    snprintf(link, sizeof link, "%s/link.db", kit->folder);
    assert_int_equal(symlink(kit->path, link), 0);
    expect_refusal(link, ERROR_BUSY, words);
    store_close(store);
    store = open_kit(kit);
    store_close(store);
}

/* Takes the lock in a process that ends, and leaves a child of it behind that has the descriptor. With `lets_go`
 * it ends when somebody has found the lock taken, and looked by whom. Gives the child's number. */
static pid_t leave_lock_behind(const struct kit *kit, bool lets_go) {
    int ready[2];
    pid_t left = -1;
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        char path[160];
        snprintf(path, sizeof path, "%s.lock", kit->path);
        bool is_locked = lock_take(kit->path, NULL) >= 0;
        pid_t child = is_locked ? fork() : -1;
        if (child != 0) {
            _exit(child < 0);
        }
        int notify = inotify_init();
        struct inotify_event event;
        alarm(60);
        pid_t self = inotify_add_watch(notify, path, lets_go ? IN_ACCESS : IN_DELETE) < 0 ? -1 : getpid();
        _exit(write(ready[1], &self, sizeof self) < 0 || read(notify, &event, sizeof event) < 0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &left, sizeof left), sizeof left);
    close(ready[0]);
    int status = -1;
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    return left;
}

static void a_lock_that_outlives_its_process_is_waited_for(void **state) {
    const struct kit *kit = *state;
    struct error error = {0};
    assert_true(leave_lock_behind(kit, true) > 0);
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    store_close(store);
}

static void a_lock_that_is_never_given_up_is_refused_in_the_end(void **state) {
    const struct kit *kit = *state;
    struct error error = {0};
    pid_t left = leave_lock_behind(kit, false);
    assert_true(left > 0);
    assert_null(store_open(kit->path, &error));
    kill(left, SIGKILL);
    assert_int_equal(error.code, ERROR_BUSY);
}

static void a_lock_file_that_was_left_does_not_matter(void **state) {
    const struct kit *kit = *state;
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", kit->path);
    write_file(lock, "12345\n", 6);
    store_close(open_kit(kit));
}

static void the_files_are_the_owners_alone(void **state) {
    const struct kit *kit = *state;
    mode_t before = umask(0);
    struct store *store = open_kit(kit);
    store_close(store);
    assert_int_equal(chmod(kit->path, 0644), 0); /* a copy that was put in its place */
    store = open_kit(kit);
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[160];
        struct stat status;
        snprintf(path, sizeof path, "%s%s", kit->path, ends[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    umask(before);
    store_close(store);
}

static void the_location_may_name_its_kind(void **state) {
    const struct kit *kit = *state;
    char location[160];
    snprintf(location, sizeof location, "sqlite:%s", kit->path);
    struct store *store = store_open(location, NULL);
    assert_non_null(store);
    store_close(store);
    assert_int_equal(access(kit->path, F_OK), 0);
    expect_refusal("", ERROR_INVALID, "sqlite:PATH");
    expect_refusal("sqlite:", ERROR_INVALID, "sqlite:PATH");
    expect_refusal("postgresql://localhost/switchhook", ERROR_INVALID, "sqlite:PATH");
    snprintf(location, sizeof location, "%s/no/such/folder.db", kit->folder);
    expect_refusal(location, ERROR_SYSTEM, "No such file");
    expect_refusal(kit->folder, ERROR_SYSTEM, "Is a directory");
}

static void what_is_no_store_is_refused_and_left_alone(void **state) {
    const struct kit *kit = *state;
    char text[5000];
    memset(text, 'x', sizeof text);
    write_file(kit->path, text, sizeof text);
    expect_refusal(kit->path, ERROR_CORRUPT, "is not a store of switchhook");
    struct stat status;
    assert_int_equal(stat(kit->path, &status), 0);
    assert_int_equal(status.st_size, sizeof text);
    assert_int_equal(unlink(kit->path), 0);
    run_sql(kit, "CREATE TABLE theirs(x)");
    expect_refusal(kit->path, ERROR_CORRUPT, "of another program");
    assert_int_equal(number(kit, "SELECT count(*) FROM sqlite_schema"), 1);
    run_sql(kit, "PRAGMA application_id = 77");
    expect_refusal(kit->path, ERROR_CORRUPT, "of another program");
}

static void a_newer_layout_is_refused(void **state) {
    const struct kit *kit = *state;
    store_close(open_kit(kit));
    run_sql(kit, "PRAGMA user_version = 99");
    expect_refusal(kit->path, ERROR_CORRUPT, "newer switchhook (layout 99, this one knows 3)");
}

static void the_file_is_set_up_as_it_must_be(void **state) {
    const struct kit *kit = *state;
    store_close(open_kit(kit));
    assert_int_equal(number(kit, "PRAGMA page_size"), 4096);
    assert_int_equal(number(kit, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(number(kit, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(number(kit, "PRAGMA application_id"), SCHEMA_APPLICATION);
    assert_int_equal(number(kit, "PRAGMA user_version"), 3);
}

static void a_file_that_cannot_be_set_up_is_refused(void **state) {
    const struct kit *kit = *state;
    char sql[128];
    snprintf(sql, sizeof sql, "PRAGMA page_size = 1024; PRAGMA application_id = %d; PRAGMA user_version = 1",
             SCHEMA_APPLICATION);
    run_sql(kit, sql);
    expect_refusal(kit->path, ERROR_SYSTEM, "cannot be used with page_size=4096");
}

static void migrations_follow_each_other(void **state) {
    const struct kit *kit = *state;
    static const char *const first[] = {"CREATE TABLE a(x)", NULL};
    static const char *const both[] = {"CREATE TABLE a(x)", "CREATE TABLE b(x); INSERT INTO b VALUES (7)", NULL};
    static const char *const broken[] = {"", "", "CREATE TABLE c(x); CREATE TABLE a(x)", NULL};
    const char *const *lists[] = {first, first, both, both};
    sqlite3 *db;
    struct error error = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
        assert_int_equal(schema_prepare(db, kit->path, lists[i], &error), 0);
        sqlite3_close(db);
        assert_int_equal(number(kit, "PRAGMA user_version"), i < 2 ? 1 : 2);
    }
    assert_int_equal(number(kit, "SELECT sum(x) FROM b"), 7);
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(schema_prepare(db, kit->path, broken, &error), -1);
    assert_non_null(strstr(error.message, "layout 3"));
    assert_int_equal(schema_prepare(db, kit->path, first, &error), -1);
    assert_int_equal(error.code, ERROR_CORRUPT);
    sqlite3_close(db);
    /* A migration is done whole or not at all. */
    assert_int_equal(number(kit, "PRAGMA user_version"), 2);
    assert_int_equal(number(kit, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
}

static int note_open(void *context, const struct store_open_event *event) {
    uint64_t *found = context;
    *found = *found * 10 + event->seq;
    return 0;
}

/* Events 1 to 3, of which the second is done. */
static void a_store_of_the_first_layout_goes_on(void **state) {
    const struct kit *kit = *state;
    const char *const first[] = {schema_migrations[0], NULL};
    sqlite3 *db;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(schema_prepare(db, kit->path, first, NULL), 0);
    sqlite3_close(db);
    run_sql(kit, "INSERT INTO events VALUES (1, 0, 7, 1), (2, 3, 7, 2), (3, 2, 7, 3);"
                 "INSERT INTO envelopes(seq, received, identity, content)"
                 " SELECT seq, 1, zeroblob(16), zeroblob(16) FROM events;"
                 "INSERT INTO bodies SELECT seq, 'x' FROM events");
    struct store *store = open_kit(kit);
    check_store(store);
    struct store_reader *reader = reader_of(store);
    uint64_t found = 0;
    assert_int_equal(store_each_open(reader, 0, note_open, &found, NULL), 0);
    assert_int_equal(found, 13);
    store_reader_free(reader);
    assert_int_equal(totals_of(store).open, 2);
    assert_int_equal(kit_append_many(store, 4, 1), ERROR_NONE);
    assert_int_equal(totals_of(store).open, 3);
    store_close(store);
    assert_int_equal(number(kit, "PRAGMA user_version"), 3);
    assert_int_equal(number(kit, "SELECT count(*) FROM sqlite_schema WHERE name = 'events_open'"), 0);
}

/* As the job index of the second layout hashes them. */
static int64_t hash_of(const char *job) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *job != '\0'; job++) {
        hash = (hash ^ (unsigned char)*job) * UINT64_C(0x100000001b3);
    }
    return (int64_t)hash;
}

/* Event 1 of the job "a" is done, with a run; 2 of "b" is parked, 5000 unhandled. */
static void make_second_layout(const struct kit *kit) {
    const char *const second[] = {schema_migrations[0], schema_migrations[1], NULL};
    sqlite3 *db;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(schema_prepare(db, kit->path, second, NULL), 0);
    sqlite3_close(db);
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO events VALUES (1, 3, 7, 1), (2, 4, 7, 2), (5000, 5, 7, 3);"
             "INSERT INTO envelopes(seq, received, identity, content, job)"
             " SELECT seq, 1, zeroblob(16), zeroblob(16), char(96 + seq %% 4998) FROM events;"
             "INSERT INTO bodies SELECT seq, 'x' FROM events;"
             "INSERT INTO runs VALUES (256, 3, 'h', zeroblob(16), NULL, 1, 0, 0, 0, 0, NULL, NULL, NULL, NULL);"
             "INSERT INTO job_segments VALUES (4096);"
             "INSERT INTO job_index VALUES (4096, %" PRId64 ", 1), (4096, %" PRId64 ", 2)",
             hash_of("a"), hash_of("b"));
    run_sql(kit, sql);
}

static void a_store_of_the_second_layout_goes_on(void **state) {
    const struct kit *kit = *state;
    make_second_layout(kit);
    struct store *store = open_kit(kit);
    check_store(store);
    struct store_reader *reader = reader_of(store);
    const struct {
        struct store_query query;
        uint64_t seq;
    } cases[] = {
        {{.job = slice_of("a"), .state = -1, .limit = 9}, 1},
        {{.job = slice_of("b"), .state = -1, .limit = 1}, 5000}, /* in no segment yet */
        {{.job = slice_of("b"), .state = -1, .limit = 9, .before = 5000}, 2},
        {{.state = STORE_PARKED, .limit = 9}, 2},
        {{.state = STORE_UNHANDLED, .limit = 9}, 5000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit_found found = {.count = 0};
        assert_int_equal(store_each_event(reader, &cases[i].query, kit_found, &found, NULL), 0);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.seqs[0], cases[i].seq);
    }
    store_reader_free(reader);
    store_close(store);
    assert_int_equal(number(kit, "PRAGMA user_version"), 3);
    assert_int_equal(number(kit, "SELECT count(*) FROM sqlite_schema WHERE name IN ('events_aside',"
                                 " 'runs_generation', 'job_index')"),
                     0);
    assert_int_equal(number(kit, "SELECT last FROM generation_uses"), 4096);
}

static void a_clean_stop_is_remembered(void **state) {
    const struct kit *kit = *state;
    uint64_t last = 99;
    struct store *store = open_kit(kit);
    assert_false(store_was_unclean(store, &last));
    assert_int_equal(last, 0);
    assert_int_equal(kit_append_many(store, 1, 3), ERROR_NONE);
    uint64_t fence = store_fence(store);
    store_close(store);
    store = open_kit(kit);
    assert_false(store_was_unclean(store, &last));
    assert_int_equal(last, 3);
    assert_int_equal(store_fence(store), fence + 1);
    store_close(store);
    store = open_kit(kit);
    store_leave_unclean(store);
    store_close(store);
    store = open_kit(kit);
    assert_true(store_was_unclean(store, &last));
    store_close(store);
    store = open_kit(kit);
    assert_false(store_was_unclean(store, &last));
    store_close(store);
    /* What a killed host leaves is tried in test_store_crash.c; here, the mark that it leaves. */
    run_sql(kit, "UPDATE meta SET value = 0 WHERE name = 'clean'");
    store = open_kit(kit);
    assert_true(store_was_unclean(store, &last));
    assert_int_equal(last, 3);
    store_close(store);
}

static void numbers_are_never_given_twice(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    assert_int_equal(kit_append_many(store, 1, 3), ERROR_NONE);
    store_close(store);
    run_sql(kit, "DELETE FROM events; DELETE FROM envelopes; DELETE FROM bodies");
    store = open_kit(kit);
    struct kit_event made;
    kit_event(&made, "new", "j", "x");
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_int_equal(made.event.seq, 4);
    store_close(store);
}

static void count_break(const struct error *error, void *context) {
    if (strstr(error->message, "fenced") != NULL) {
        atomic_fetch_add((atomic_int *)context, 1);
    }
}

/* Somebody deletes the lock file and starts a second host: the first one finds out before it writes again. */
static void a_host_that_lost_its_store_stops_writing(void **state) {
    const struct kit *kit = *state;
    atomic_int breaks = 0;
    struct store *first = open_kit(kit);
    store_on_broken(first, count_break, &breaks);
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", kit->path);
    assert_int_equal(unlink(lock), 0);
    struct store *second = open_kit(kit);
    struct kit_event made;
    kit_event(&made, "a", "j", "x");
    assert_int_equal(kit_append(first, &made.event), ERROR_CLOSED);
    assert_int_equal(kit_append(first, &made.event), ERROR_CLOSED);
    assert_int_equal(kit_append(second, &made.event), ERROR_NONE);
    store_close(first);
    assert_int_equal(breaks, 1);
    assert_int_equal(kit_append(second, &made.event), ERROR_NONE);
    assert_true(made.event.is_duplicate);
    store_close(second);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_second_host_is_refused),
        STORE_TEST(a_lock_that_outlives_its_process_is_waited_for),
        STORE_TEST(a_lock_that_is_never_given_up_is_refused_in_the_end),
        STORE_TEST(a_lock_file_that_was_left_does_not_matter),
        STORE_TEST(the_files_are_the_owners_alone),
        STORE_TEST(the_location_may_name_its_kind),
        STORE_TEST(what_is_no_store_is_refused_and_left_alone),
        STORE_TEST(a_newer_layout_is_refused),
        STORE_TEST(the_file_is_set_up_as_it_must_be),
        STORE_TEST(a_file_that_cannot_be_set_up_is_refused),
        STORE_TEST(migrations_follow_each_other),
        STORE_TEST(a_store_of_the_first_layout_goes_on),
        STORE_TEST(a_store_of_the_second_layout_goes_on),
        STORE_TEST(a_clean_stop_is_remembered),
        STORE_TEST(numbers_are_never_given_twice),
        STORE_TEST(a_host_that_lost_its_store_stops_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
