/* A host that is killed, a disk that is full, a sync that fails. Each happens in a child process of its own, since
 * fault points are read once a process; the parent writes nothing, and only looks at what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { BATCH = 8, TURNS = 20, ENOUGH = 100000 };

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            _exit(1);                                                                                             \
        }                                                                                                         \
    } while (0)

/* What a child says over the pipe once it is true. */
struct report {
    uint64_t seq;
    uint64_t name; /* of the event "cNAME" */
    uint32_t step; /* that its run 0 has; 0: none */
    uint32_t unused;
};

/* Runs `act` in a child; the pipe's reading end, or -1 without one. */
static pid_t run_child(const struct kit *kit, const char *fault, void (*act)(const struct kit *, int out),
                       int *in) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        setenv("SWITCHHOOK_FAULT", fault, 1);
        act(kit, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    *in = ends[0];
    return child;
}

static void expect_exit(const struct kit *kit, const char *fault, void (*act)(const struct kit *, int out)) {
    int in;
    int status = 0;
    pid_t child = run_child(kit, fault, act, &in);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(in);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct store *open_in_child(const struct kit *kit) {
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fprintf(stderr, "%s\n", error.message);
        _exit(2);
    }
    return store;
}

static uint64_t first_name(struct store *store) {
    uint64_t last;
    store_was_unclean(store, &last);
    return last + 1;
}

/* Appends in batches that share commits, journals a step for each event, and reports both. */
static void write_for_ever(const struct kit *kit, int out) {
    struct store *store = open_in_child(kit);
    uint64_t name = first_name(store);
    for (uint64_t end = name + ENOUGH; name < end; name += BATCH) {
        struct kit_event made[BATCH];
        struct kit_work works[BATCH];
        struct store_step steps[BATCH];
        struct report reports[BATCH];
        for (uint64_t i = 0; i < BATCH; i++) {
            char id[32];
            snprintf(id, sizeof id, "c%llu", (unsigned long long)(name + i));
            kit_event(&made[i], id, "j", "x");
            kit_submit(store, &works[i],
                       (struct store_work){.verb = STORE_APPEND, .append = {&made[i].event, 1, KIT_NOW_US}});
        }
        for (uint64_t i = 0; i < BATCH; i++) {
            CHECK(kit_wait(&works[i]) == ERROR_NONE);
            reports[i] = (struct report){.seq = made[i].event.seq, .name = name + i};
            CHECK(write(out, &reports[i], sizeof reports[i]) == (ssize_t)sizeof reports[i]);
            steps[i] = (struct store_step){.run = store_run_id(made[i].event.seq, 0), .number = 7};
            kit_submit(store, &works[i],
                       (struct store_work){.verb = STORE_CHANGE,
                                           .change = {.fence = store_fence(store),
                                                      .seq = made[i].event.seq,
                                                      .event_state = STORE_WAITING,
                                                      .step = &steps[i]}});
        }
        for (uint64_t i = 0; i < BATCH; i++) {
            CHECK(kit_wait(&works[i]) == ERROR_NONE);
            reports[i].step = 7;
            CHECK(write(out, &reports[i], sizeof reports[i]) == (ssize_t)sizeof reports[i]);
        }
    }
}

static int has_step(void *context, const struct store_step *step) {
    *(uint32_t *)context = step->number;
    return 0;
}

static void check_report(struct store_reader *reader, const struct report *report) {
    struct store_record record;
    struct error error = {0};
    char id[32];
    snprintf(id, sizeof id, "c%llu", (unsigned long long)report->name);
    if (store_read_event(reader, report->seq, &record, &error) < 0) {
        fail_msg("event %llu was answered and is lost: %s", (unsigned long long)report->seq, error.message);
    }
    assert_true(slice_is(record.id, id));
    assert_true(record.raw.length > 0);
    if (report->step != 0) {
        uint32_t number = 0;
        assert_int_equal(record.state, STORE_WAITING);
        assert_int_equal(store_each_step(reader, store_run_id(report->seq, 0), has_step, &number, &error), 0);
        assert_int_equal(number, report->step);
    }
}

/* Kills the child once it has said `kill_after` things (0: it dies by itself), and finds all that it said. */
static void survive(const struct kit *kit, const char *fault, size_t kill_after) {
    static struct report reports[1 << 16];
    int in;
    int status = 0;
    size_t count = 0;
    pid_t child = run_child(kit, fault, write_for_ever, &in);
    while (count < sizeof reports / sizeof reports[0] &&
           read(in, &reports[count], sizeof reports[count]) == (ssize_t)sizeof reports[count]) {
        count++;
        if (count == kill_after) {
            kill(child, SIGKILL);
        }
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(in);
    assert_true(WIFSIGNALED(status));
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    uint64_t last;
    assert_true(store_was_unclean(store, &last));
    struct store_reader *reader = store_reader_new(store, &error);
    for (size_t i = 0; i < count; i++) {
        check_report(reader, &reports[i]);
    }
    struct store_totals totals;
    store_totals(reader, &totals, NULL);
    assert_int_equal(totals.events, last);
    assert_true(count == 0 || last >= reports[count - 1].seq);
    store_reader_free(reader);
    store_close(store);
}

static void what_was_answered_outlives_a_kill_at_any_moment(void **state) {
    for (size_t turn = 0; turn < TURNS; turn++) {
        survive(*state, "", 1 + turn * 37 % 200);
    }
}

static void skip_without_faults(void) {
#ifndef SWITCHHOOK_FAULTS
    skip();
#endif
}

static void what_was_answered_outlives_a_kill_around_the_commit(void **state) {
    skip_without_faults();
    static const char *const faults[] = {
        "store.before-commit:1:kill", "store.unsynced:1:kill", "store.after-commit:1:kill",
        "store.before-commit:6:kill", "store.unsynced:6:kill", "store.after-commit:6:kill",
        "store.before-commit:7:kill", "store.unsynced:7:kill", "store.after-commit:7:kill"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        survive(*state, faults[i], 0);
    }
}

/* Committed, and killed before the answer: the sender tries again, and is told that it is there. */
static void append_a(const struct kit *kit, int out) {
    struct store *store = open_in_child(kit);
    struct kit_event made;
    kit_event(&made, "a", "j", "x");
    CHECK(kit_append(store, &made.event) == ERROR_NONE);
    struct report report = {.seq = made.event.seq, .step = made.event.is_duplicate};
    CHECK(write(out, &report, sizeof report) == (ssize_t)sizeof report);
    store_close(store);
}

static void an_unanswered_commit_is_found_again(void **state) {
    skip_without_faults();
    int in;
    int status = 0;
    struct report report;
    pid_t child = run_child(*state, "store.after-commit:1:kill", append_a, &in);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(in);
    child = run_child(*state, "", append_a, &in);
    assert_int_equal(read(in, &report, sizeof report), sizeof report);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(in);
    assert_int_equal(report.seq, 1);
    assert_true(report.step);
}

/* Three events with names of their own, in works that follow each other. */
static void append_three(struct store *store, enum error_code codes[3], struct kit_event made[3]) {
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made[i], id, "j", "x");
        codes[i] = kit_append(store, &made[i].event);
    }
}

static void meet_a_full_disk(const struct kit *kit, int out) {
    (void)out;
    struct store *store = open_in_child(kit);
    struct kit_event made[3];
    enum error_code codes[3];
    append_three(store, codes, made);
    CHECK(codes[0] == ERROR_NONE && codes[1] == ERROR_FULL && codes[2] == ERROR_NONE);
    CHECK(made[2].event.seq == 2);
    CHECK(kit_append(store, &made[1].event) == ERROR_NONE);
    CHECK(!made[1].event.is_duplicate && !made[1].event.is_namesake && made[1].event.seq == 3);
    store_close(store);
    store = open_in_child(kit);
    uint64_t last;
    CHECK(!store_was_unclean(store, &last) && last == 3);
    store_close(store);
}

static void a_full_disk_fails_the_commit_and_nothing_else(void **state) {
    skip_without_faults();
    expect_exit(*state, "store.commit:2:fail", meet_a_full_disk);
}

/* The real thing: the file may not grow, then it may. */
static void outgrow_the_limit(const struct kit *kit, int out) {
    (void)out;
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = open_in_child(kit);
    struct rlimit before;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit small = {.rlim_cur = 512 << 10, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    uint64_t stored = 0;
    enum error_code code = ERROR_NONE;
    while (stored < ENOUGH && (code = kit_append_many(store, stored + 1, 1)) == ERROR_NONE) {
        stored++;
    }
    CHECK(code == ERROR_FULL && stored > 10);
    CHECK(kit_append_many(store, stored + 1, 1) == ERROR_FULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(kit_append_many(store, stored + 1, 10) == ERROR_NONE);
    store_close(store);
    store = open_in_child(kit);
    uint64_t last;
    CHECK(!store_was_unclean(store, &last) && last == stored + 10);
    struct store_reader *reader = store_reader_new(store, NULL);
    struct store_record record;
    for (uint64_t seq = 1; seq <= last; seq++) {
        CHECK(store_read_event(reader, seq, &record, NULL) == 0 && record.raw.length > 0);
    }
    store_reader_free(reader);
    store_close(store);
}

static void the_store_goes_on_when_there_is_room_again(void **state) {
    expect_exit(*state, "", outgrow_the_limit);
}

static void count_break(const struct error *error, void *context) {
    if (error->code == ERROR_SYSTEM) {
        atomic_fetch_add((atomic_int *)context, 1);
    }
}

static void meet_a_failed_sync(const struct kit *kit, int out) {
    (void)out;
    struct store *store = open_in_child(kit);
    atomic_int breaks = 0;
    store_on_broken(store, count_break, &breaks);
    struct kit_event made[3];
    enum error_code codes[3];
    append_three(store, codes, made);
    CHECK(codes[0] == ERROR_NONE && codes[1] == ERROR_SYSTEM && codes[2] == ERROR_CLOSED);
    CHECK(kit_set_state(store, 1, STORE_DONE) == ERROR_CLOSED);
    store_close(store);
    CHECK(breaks == 1);
    store = open_in_child(kit);
    uint64_t last;
    CHECK(store_was_unclean(store, &last) && last == 2); /* what failed may be there, what came after is not */
    CHECK(kit_append(store, &made[1].event) == ERROR_NONE && made[1].event.is_duplicate);
    CHECK(kit_append(store, &made[2].event) == ERROR_NONE && !made[2].event.is_duplicate);
    store_close(store);
}

static void after_a_failed_sync_nothing_is_written(void **state) {
    skip_without_faults();
    expect_exit(*state, "store.sync:2:fail", meet_a_failed_sync);
}

static atomic_int sync_errno, syncs;

/* SQLite's syncs come here first. */
int fdatasync(int fd) {
    int number = atomic_load(&sync_errno);
    if (number != 0) {
        errno = number;
        return -1;
    }
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

static void count_syncs(const struct kit *kit, int out) {
    (void)out;
    struct store *store = open_in_child(kit);
    for (uint64_t i = 0; i < 5; i++) {
        int before = atomic_load(&syncs);
        CHECK(kit_append_many(store, 1 + i, 1) == ERROR_NONE);
        CHECK(atomic_load(&syncs) > before);
    }
    enum { WORKS = 200 };
    static struct kit_event made[WORKS];
    static struct kit_work works[WORKS];
    struct gate gate;
    gate_close(&gate, store);
    int before = atomic_load(&syncs);
    for (int i = 0; i < WORKS; i++) {
        char id[16];
        snprintf(id, sizeof id, "g%d", i);
        kit_event(&made[i], id, "j", "x");
        kit_submit(store, &works[i],
                   (struct store_work){.verb = STORE_APPEND, .append = {&made[i].event, 1, KIT_NOW_US}});
    }
    gate_open(&gate);
    for (int i = 0; i < WORKS; i++) {
        CHECK(kit_wait(&works[i]) == ERROR_NONE);
    }
    int shared = atomic_load(&syncs) - before;
    CHECK(shared >= 1 && shared < WORKS / 10);
    store_close(store);
}

static void each_answer_follows_a_sync_and_many_share_one(void **state) {
    expect_exit(*state, "", count_syncs);
}

static void meet_a_disk_that_does_not_sync(const struct kit *kit, int out) {
    (void)out;
    static const int numbers[] = {EIO, ENOSPC};
    for (uint64_t turn = 0; turn < 2; turn++) {
        struct store *store = open_in_child(kit);
        atomic_int breaks = 0;
        store_on_broken(store, count_break, &breaks);
        CHECK(kit_append_many(store, 10 * turn, 1) == ERROR_NONE);
        atomic_store(&sync_errno, numbers[turn]);
        CHECK(kit_append_many(store, 10 * turn + 1, 1) == ERROR_SYSTEM);
        atomic_store(&sync_errno, 0);
        CHECK(kit_append_many(store, 10 * turn + 2, 1) == ERROR_CLOSED);
        store_close(store);
        CHECK(breaks == 1);
        char wal[160];
        snprintf(wal, sizeof wal, "%s-wal", kit->path);
        CHECK(access(wal, F_OK) == 0); /* closing moved nothing into the file */
    }
}

/* A sync that fails for want of space is no full disk: what was written before it may be lost as well. */
static void a_sync_that_fails_is_never_tried_again(void **state) {
    expect_exit(*state, "", meet_a_disk_that_does_not_sync);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_was_answered_outlives_a_kill_at_any_moment),
        STORE_TEST(what_was_answered_outlives_a_kill_around_the_commit),
        STORE_TEST(an_unanswered_commit_is_found_again),
        STORE_TEST(a_full_disk_fails_the_commit_and_nothing_else),
        STORE_TEST(after_a_failed_sync_nothing_is_written),
        STORE_TEST(each_answer_follows_a_sync_and_many_share_one),
        STORE_TEST(a_sync_that_fails_is_never_tried_again),
        STORE_TEST(the_store_goes_on_when_there_is_room_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
