/* While one commit is synced the next is prepared; each is told of after its own sync, in order, and nobody acts
 * on what may still be lost. The tests hold the sync itself. */
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
#include <sys/syscall.h>
#include <time.h>

/* More than a group takes. */
enum { WORKS = STORE_GROUP_WORKS + 20 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_held;
    int number; /* errno of the next that are let go */
    int waiting;
} syncs = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};

/* SQLite's syncs come here first. */
int fdatasync(int fd) {
    pthread_mutex_lock(&syncs.mutex);
    syncs.waiting++;
    pthread_cond_broadcast(&syncs.changed);
    while (syncs.is_held) {
        pthread_cond_wait(&syncs.changed, &syncs.mutex);
    }
    syncs.waiting--;
    int number = syncs.number;
    pthread_mutex_unlock(&syncs.mutex);
    if (number != 0) {
        errno = number;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void hold_syncs(void) {
    pthread_mutex_lock(&syncs.mutex);
    syncs.is_held = true;
    pthread_mutex_unlock(&syncs.mutex);
}

static void wait_for_a_sync(void) {
    pthread_mutex_lock(&syncs.mutex);
    while (syncs.waiting == 0) {
        pthread_cond_wait(&syncs.changed, &syncs.mutex);
    }
    pthread_mutex_unlock(&syncs.mutex);
}

static void let_syncs_go(int number) {
    pthread_mutex_lock(&syncs.mutex);
    syncs.is_held = false;
    syncs.number = number;
    pthread_cond_broadcast(&syncs.changed);
    pthread_mutex_unlock(&syncs.mutex);
}

static int teardown(void **state) {
    let_syncs_go(0);
    return kit_teardown(state);
}

struct many {
    struct store *store;
    struct kit_event *made;
    struct store_work *works;
};

/* What was told, in order. */
static struct {
    _Atomic size_t count;
    uint64_t seqs[WORKS];
    enum error_code codes[WORKS];
    atomic_int breaks;
} told;

static void tell(struct store_work *work) {
    told.seqs[told.count] = work->append.events->seq;
    told.codes[told.count] = work->error.code;
    told.count++;
}

static void count_break(const struct error *error, void *context) {
    (void)context;
    told.breaks += error->code == ERROR_SYSTEM;
}

static size_t queue_length(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    size_t length = store->queue_length;
    pthread_mutex_unlock(&store->mutex);
    return length;
}

/* One group is committed and not synced; of the next, all works are taken. */
static struct many begin_two(const struct kit *kit) {
    struct many many = {.store = open_kit(kit),
                        .made = calloc(WORKS, sizeof *many.made),
                        .works = calloc(WORKS, sizeof *many.works)};
    assert_true(many.made != NULL && many.works != NULL);
    memset(&told, 0, sizeof told);
    store_on_broken(many.store, count_break, NULL);
    struct gate gate;
    gate_close(&gate, many.store);
    for (int i = 0; i < WORKS; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&many.made[i], id, "j", "x");
        many.works[i] = (struct store_work){
            .verb = STORE_APPEND, .append = {&many.made[i].event, 1, KIT_NOW_US}, .done = tell};
        store_submit(many.store, &many.works[i]);
    }
    hold_syncs();
    gate_open(&gate);
    wait_for_a_sync();
    int64_t deadline = clock_monotonic_ns() + 60 * CLOCK_NS_PER_S;
    while (queue_length(many.store) > 0) {
        assert_true(clock_monotonic_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
    return many;
}

static void end(struct many *many) {
    store_close(many->store);
    free(many->made);
    free(many->works);
}

static int count_open(void *context, const struct store_open_event *event) {
    (void)event;
    (*(size_t *)context)++;
    return 0;
}

static size_t open_events(struct store *store) {
    size_t count = 0;
    struct store_reader *reader = store_reader_new(store, NULL);
    assert_non_null(reader);
    assert_int_equal(store_each_open(reader, 0, count_open, &count, NULL), 0);
    store_reader_free(reader);
    return count;
}

static void the_next_commit_is_prepared_while_one_is_synced(void **state) {
    struct many many = begin_two(*state);
    assert_int_equal(kit_number(*state, "SELECT count(*) FROM events"), STORE_GROUP_WORKS);
    assert_int_equal(told.count, 0);
    assert_int_equal(totals_of(many.store).events, 0);
    assert_int_equal(open_events(many.store), 0); /* or the host would begin what may be lost */
    let_syncs_go(0);
    struct store *store = many.store;
    struct kit_event last;
    kit_event(&last, "last", "j", "x");
    assert_int_equal(kit_append(store, &last.event), ERROR_NONE);
    assert_int_equal(told.count, WORKS);
    for (int i = 0; i < WORKS; i++) {
        assert_int_equal(told.codes[i], ERROR_NONE);
        assert_int_equal(told.seqs[i], i + 1);
    }
    assert_int_equal(totals_of(store).events, WORKS + 1);
    assert_int_equal(open_events(store), WORKS + 1);
    end(&many);
}

/* What was prepared behind it is never told as done, and the next host finds a store that holds together. */
static void a_sync_that_fails_takes_the_next_commit_with_it(void **state) {
    struct many many = begin_two(*state);
    let_syncs_go(EIO);
    struct kit_event last;
    kit_event(&last, "last", "j", "x");
    assert_int_equal(kit_append(many.store, &last.event), ERROR_CLOSED);
    assert_int_equal(told.count, WORKS);
    for (int i = 0; i < WORKS; i++) {
        assert_int_equal(told.codes[i], i < STORE_GROUP_WORKS ? ERROR_SYSTEM : ERROR_CLOSED);
    }
    assert_int_equal(told.breaks, 1);
    assert_int_equal(totals_of(many.store).events, 0);
    let_syncs_go(0);
    end(&many);
    struct store *store = open_kit(*state);
    check_store(store);
    assert_true(totals_of(store).last_seq >= STORE_GROUP_WORKS);
    store_close(store);
}

static void closing_waits_for_the_syncs(void **state) {
    struct many many = begin_two(*state);
    let_syncs_go(0);
    end(&many);
    assert_int_equal(told.count, WORKS);
    struct store *store = open_kit(*state);
    uint64_t last;
    assert_false(store_was_unclean(store, &last));
    assert_int_equal(last, WORKS);
    store_close(store);
}

/* Whoever looks for open events would begin it at once. */
static void a_replay_is_not_seen_before_its_sync(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made;
    kit_event(&made, "e", "j", "x");
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 1, STORE_UNHANDLED), ERROR_NONE);
    hold_syncs();
    struct kit_work replay;
    kit_submit(store, &replay,
               (struct store_work){.verb = STORE_REPLAY, .replay = {.fence = store_fence(store), .seq = 1}});
    wait_for_a_sync();
    assert_int_equal(open_events(store), 0);
    let_syncs_go(0);
    assert_int_equal(kit_wait(&replay), ERROR_NONE);
    assert_int_equal(open_events(store), 1);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_next_commit_is_prepared_while_one_is_synced),
        STORE_TEST(a_sync_that_fails_takes_the_next_commit_with_it),
        STORE_TEST(closing_waits_for_the_syncs),
        STORE_TEST(a_replay_is_not_seen_before_its_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
