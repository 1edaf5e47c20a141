/* The WAL's pages move into the file beside the commits. The tests hold the mover in its first sync, which is that
 * of the WAL, and see which syncs of the file it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/sqlite/internal.h"
#include "store_asserts.h"
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

enum { LARGE = 1 << 20, FRAME = 4096 + 24 /* bytes of the WAL for a page */ };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_held;
    bool is_waiting;
    int of_the_file; /* by the mover */
    int number;      /* errno of each sync of the file */
} syncs = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0, 0};

static atomic_int breaks;

static bool is_by_the_mover(void) {
    char name[16] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, "store-move") == 0;
}

static bool is_of_the_file(int fd) {
    char link[64];
    char path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 3 && memcmp(path + length - 3, ".db", 3) == 0;
}

/* SQLite's syncs come here first. */
int fdatasync(int fd) {
    bool is_file = is_of_the_file(fd);
    pthread_mutex_lock(&syncs.mutex);
    if (is_by_the_mover()) {
        syncs.of_the_file += is_file;
        syncs.is_waiting = true;
        pthread_cond_broadcast(&syncs.changed);
        while (syncs.is_held) {
            pthread_cond_wait(&syncs.changed, &syncs.mutex);
        }
        syncs.is_waiting = false;
    }
    int number = is_file ? syncs.number : 0;
    pthread_mutex_unlock(&syncs.mutex);
    if (number != 0) {
        errno = number;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void set_syncs(bool is_held, int number) {
    pthread_mutex_lock(&syncs.mutex);
    syncs.is_held = is_held;
    syncs.number = number;
    pthread_cond_broadcast(&syncs.changed);
    pthread_mutex_unlock(&syncs.mutex);
}

static void wait_for_a_sync(void) {
    pthread_mutex_lock(&syncs.mutex);
    while (!syncs.is_waiting) {
        pthread_cond_wait(&syncs.changed, &syncs.mutex);
    }
    pthread_mutex_unlock(&syncs.mutex);
}

static int setup(void **state) {
    syncs.of_the_file = 0;
    return kit_setup(state);
}

static int teardown(void **state) {
    set_syncs(false, 0);
    return kit_teardown(state);
}

static bool is_moving(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    bool is_moving = store->is_moving;
    pthread_mutex_unlock(&store->mutex);
    return is_moving;
}

static void wait_for_the_mover(struct store *store) {
    int64_t deadline = clock_monotonic_ns() + 60 * CLOCK_NS_PER_S;
    while (is_moving(store)) {
        assert_true(clock_monotonic_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
}

/* Number `i`, with 256 pages of bytes, or few. */
static enum error_code append(struct store *store, int i, bool is_large) {
    static char bytes[LARGE];
    memset(bytes, 'x', sizeof bytes);
    struct kit_event made;
    char id[16];
    snprintf(id, sizeof id, "e%d", i);
    kit_event(&made, id, "j", "x");
    if (is_large) {
        made.event.raw = slice_make(bytes, sizeof bytes);
    }
    return kit_append(store, &made.event);
}

static off_t wal_size(const struct kit *kit) {
    char path[160];
    struct stat status;
    snprintf(path, sizeof path, "%s-wal", kit->path);
    return stat(path, &status) < 0 ? -1 : status.st_size;
}

static void commits_go_on_while_pages_move(void **state) {
    struct store *store = open_kit(*state);
    set_syncs(true, 0);
    int count = 0;
    while (!is_moving(store)) {
        assert_true(count < STORE_MOVE_PAGES);
        assert_int_equal(append(store, count++, true), ERROR_NONE);
    }
    wait_for_a_sync();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(append(store, count++, false), ERROR_NONE);
    }
    assert_true(is_moving(store));
    set_syncs(false, 0);
    wait_for_the_mover(store);
    assert_true(store->moved >= STORE_MOVE_PAGES);
    assert_int_equal(syncs.of_the_file, 1);
    store_close(store);
    store = open_kit(*state);
    assert_int_equal(totals_of(store).events, count);
    check_store(store);
    store_close(store);
}

/* What moved into the file leaves the WAL to be written from its start again, though commits never cease. */
static void the_wal_does_not_grow_for_ever(void **state) {
    enum { EVENTS = 60, PASSES = EVENTS * (LARGE / 4096) / STORE_MOVE_PAGES };
    int small = EVENTS;
    struct store *store = open_kit(*state);
    int passes = 0;
    for (int i = 0; i < EVENTS; i++) {
        set_syncs(true, 0);
        assert_int_equal(append(store, i, true), ERROR_NONE);
        /* Told after the mover was begun for the one before. */
        assert_int_equal(append(store, small++, false), ERROR_NONE);
        if (is_moving(store)) {
            wait_for_a_sync();
            assert_int_equal(append(store, small++, false), ERROR_NONE);
            passes++;
        }
        set_syncs(false, 0);
        wait_for_the_mover(store);
    }
    assert_in_range(passes, PASSES * 2 / 3, EVENTS);
    assert_in_range(wal_size(*state), 1, (STORE_WAL_PAGES + 2 * STORE_MOVE_PAGES) * FRAME);
    store_close(store);
    assert_int_equal(wal_size(*state), -1);
}

static void commits_that_outrun_the_mover_wait_for_it(void **state) {
    enum { EVENTS = 100 };
    struct store *store = open_kit(*state);
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(append(store, i, true), ERROR_NONE);
    }
    assert_in_range(wal_size(*state), 1, (2 * STORE_WAL_PAGES + STORE_MOVE_PAGES) * FRAME);
    store_close(store);
}

static struct {
    struct store *store;
    bool has_begun;
} watched;

/* Called by the writing thread, which then looks whether there is something to move. */
static void say_that_all_is_moved(struct store_work *work) {
    (void)work;
    struct store *store = watched.store;
    pthread_mutex_lock(&store->mutex);
    store->moved = store->behind.wal;
    pthread_mutex_unlock(&store->mutex);
    store->behind.move_at = 0;
}

static void look_whether_it_moves(struct store_work *work) {
    (void)work;
    watched.has_begun = is_moving(watched.store) || watched.store->behind.move_at != 0;
}

/* With all of them there the WAL could begin anew under it (mover.c). */
static void the_mover_does_not_begin_when_all_pages_are_in_the_file(void **state) {
    struct store *store = open_kit(*state);
    watched.store = store;
    watched.has_begun = true;
    struct kit_event made;
    kit_event(&made, "a", "j", "x");
    struct store_work works[2];
    for (int i = 0; i < 2; i++) {
        works[i] = (struct store_work){.verb = STORE_APPEND,
                                       .append = {&made.event, 1, KIT_NOW_US},
                                       .done = i == 0 ? say_that_all_is_moved : look_whether_it_moves};
        store_submit(store, &works[i]);
        assert_int_equal(kit_append(store, &made.event), ERROR_NONE); /* a duplicate: it adds no page */
    }
    assert_false(watched.has_begun);
    store_close(store);
}

static void count_break(const struct error *error, void *context) {
    (void)context;
    breaks += error->code == ERROR_SYSTEM;
}

static void a_file_that_cannot_be_synced_breaks_the_store(void **state) {
    struct store *store = open_kit(*state);
    breaks = 0;
    store_on_broken(store, count_break, NULL);
    set_syncs(false, EIO);
    int count = 0;
    while (append(store, count, true) == ERROR_NONE) {
        assert_true(count++ < STORE_MOVE_PAGES);
    }
    assert_int_equal(append(store, count, false), ERROR_CLOSED);
    store_close(store);
    assert_int_equal(breaks, 1); /* told by the mover, which is over now */
    set_syncs(false, 0);
    store = open_kit(*state);
    assert_true(totals_of(store).events >= (uint64_t)count);
    check_store(store);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(commits_go_on_while_pages_move),
        STORE_TEST(the_wal_does_not_grow_for_ever),
        STORE_TEST(commits_that_outrun_the_mover_wait_for_it),
        STORE_TEST(the_mover_does_not_begin_when_all_pages_are_in_the_file),
        STORE_TEST(a_file_that_cannot_be_synced_breaks_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
