/* Works that share a commit: none fails for its neighbour's sake, whoever submits from wherever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/sqlite/internal.h"
#include "store_kit.h"
#include <sqlite3.h>
#include <stdatomic.h>

static struct store *open_kit(const struct kit *kit) {
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    return store;
}

static void a_refused_work_spoils_no_other(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made[4];
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made[i], id, "j", "x");
    }
    assert_int_equal(kit_append(store, &made[0].event), ERROR_NONE);
    made[2].event.content = NULL;
    struct store_step step = {.run = store_run_id(1, 0), .number = 1};
    struct store_work change = {
        .verb = STORE_CHANGE,
        .change = {.fence = store_fence(store), .seq = 1, .event_state = STORE_DONE, .step = &step},
    };
    struct store_work lost = change;
    lost.change.seq = 99;
    lost.change.step = NULL;
    struct store_work works[] = {
        {.verb = STORE_APPEND, .append = {&made[1].event, 1, KIT_NOW_US}},
        change,
        {.verb = STORE_APPEND, .append = {&made[2].event, 1, KIT_NOW_US}},
        change, /* the same step again */
        lost,
        {.verb = (enum store_verb)77},
        {.verb = STORE_APPEND, .append = {&made[3].event, 1, KIT_NOW_US}},
    };
    const enum error_code expected[] = {ERROR_NONE,      ERROR_NONE,    ERROR_INVALID, ERROR_INVALID,
                                        ERROR_NOT_FOUND, ERROR_INVALID, ERROR_NONE};
    enum { WORKS = sizeof works / sizeof works[0] };
    struct kit_work waiting[WORKS];
    struct gate gate;
    gate_close(&gate, store);
    for (size_t i = 0; i < WORKS; i++) {
        kit_submit(store, &waiting[i], works[i]);
    }
    gate_open(&gate);
    for (size_t i = 0; i < WORKS; i++) {
        assert_int_equal(kit_wait(&waiting[i]), expected[i]);
    }
    assert_int_equal(made[1].event.seq, 2);
    assert_int_equal(made[3].event.seq, 3);
    store_close(store);
}

/* SQLite is given too little memory for the middle one, in the middle of its writing. */
static void a_spoiled_commit_is_done_again_one_by_one(void **state) {
    struct store *store = open_kit(*state);
    size_t size = 8 << 20;
    char *large = malloc(size);
    assert_non_null(large);
    memset(large, 'x', size);
    struct kit_event made[4];
    struct kit_work works[4];
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made[i], id, "j", "x");
    }
    made[1].event.raw = slice_make(large, size);
    struct gate gate;
    gate_close(&gate, store);
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + (2 << 20));
    for (int i = 0; i < 4; i++) {
        kit_submit(store, &works[i],
                   (struct store_work){.verb = STORE_APPEND, .append = {&made[i].event, 1, KIT_NOW_US}});
    }
    gate_open(&gate);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(kit_wait(&works[i]), i == 1 ? ERROR_MEMORY : ERROR_NONE);
    }
    sqlite3_hard_heap_limit64(0);
    assert_int_equal(made[0].event.seq, 1);
    assert_int_equal(made[2].event.seq, 2);
    assert_int_equal(made[3].event.seq, 3);
    assert_false(made[2].event.is_duplicate || made[2].event.is_namesake);
    assert_int_equal(store->seen.count, 3);
    /* Nothing of the failed one stayed behind. */
    assert_int_equal(kit_append(store, &made[1].event), ERROR_NONE);
    assert_false(made[1].event.is_duplicate);
    assert_int_equal(made[1].event.seq, 4);
    struct store_reader *reader = store_reader_new(store, NULL);
    struct store_totals totals;
    store_totals(reader, &totals, NULL);
    assert_int_equal(totals.events, 4);
    assert_int_equal(totals.open, 4);
    store_reader_free(reader);
    store_close(store);
    free(large);
}

enum { THREADS = 8, EACH = 150 };

struct sender {
    struct store *store;
    int number;
    int failures, duplicates;
};

/* Every second event is one that all threads send. */
static void *send_events(void *context) {
    struct sender *sender = context;
    for (int i = 0; i < EACH; i++) {
        struct kit_event made;
        char id[32];
        snprintf(id, sizeof id, i % 2 == 0 ? "shared-%d" : "own-%d-%d", i, sender->number);
        kit_event(&made, id, "j", "x");
        sender->failures += kit_append(sender->store, &made.event) != ERROR_NONE;
        sender->duplicates += made.event.is_duplicate;
        if (!made.event.is_duplicate) {
            sender->failures += kit_set_state(sender->store, made.event.seq, STORE_DONE) != ERROR_NONE;
        }
    }
    return NULL;
}

static atomic_bool is_over;

static void *read_meanwhile(void *context) {
    struct store_reader *reader = store_reader_new(context, NULL);
    size_t bad = reader == NULL;
    while (!bad && !atomic_load(&is_over)) {
        struct kit_found found = {0};
        struct store_query query = {slice_of("j"), .state = -1, .limit = 10};
        bad += store_each_event(reader, &query, kit_found, &found, NULL) < 0;
        for (size_t i = 1; i < found.count; i++) {
            bad += found.seqs[i] >= found.seqs[i - 1];
        }
        struct store_totals totals;
        bad += store_totals(reader, &totals, NULL) < 0 || totals.events != totals.last_seq;
    }
    store_reader_free(reader);
    return (void *)(uintptr_t)bad;
}

static void many_threads_send_and_read(void **state) {
    struct store *store = open_kit(*state);
    struct sender senders[THREADS];
    pthread_t threads[THREADS], reader;
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&reader, NULL, read_meanwhile, store), 0);
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){store, i, 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, send_events, &senders[i]), 0);
    }
    int duplicates = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(senders[i].failures, 0);
        duplicates += senders[i].duplicates;
    }
    atomic_store(&is_over, true);
    void *bad;
    pthread_join(reader, &bad);
    assert_null(bad);
    assert_int_equal(duplicates, EACH / 2 * (THREADS - 1));
    struct store_reader *last = store_reader_new(store, NULL);
    struct store_totals totals;
    store_totals(last, &totals, NULL);
    assert_int_equal(totals.events, THREADS * EACH - duplicates);
    assert_int_equal(totals.open, 0);
    store_reader_free(last);
    store_close(store);
}

static atomic_int late_answers;

static void count_answer(struct store_work *work) {
    atomic_fetch_add(&late_answers, work->error.code == ERROR_NONE);
}

static void closing_does_what_was_submitted(void **state) {
    enum { WORKS = 3000 }; /* more than one group takes */
    struct store *store = open_kit(*state);
    struct store_work *works = calloc(WORKS, sizeof *works);
    struct kit_event *made = calloc(WORKS, sizeof *made);
    assert_true(works != NULL && made != NULL);
    atomic_store(&late_answers, 0);
    struct gate gate;
    gate_close(&gate, store);
    for (int i = 0; i < WORKS; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made[i], id, "j", "x");
        works[i] = (struct store_work){
            .verb = STORE_APPEND, .append = {&made[i].event, 1, KIT_NOW_US}, .done = count_answer};
        store_submit(store, &works[i]);
    }
    gate_open(&gate);
    store_close(store);
    assert_int_equal(late_answers, WORKS);
    assert_int_equal(made[WORKS - 1].event.seq, WORKS);
    free(works);
    free(made);
}

/* In the order in which they are told. */
struct told {
    struct store_work *done[8];
    size_t listened, appended;
    _Atomic size_t count;
};

static struct told told;

static void tell(struct store_work *work) {
    told.done[told.count] = work;
    told.count++;
}

static void listen(const struct store_work *first, void *context) {
    (void)context;
    assert_int_equal(told.count, 0);
    told.listened++;
    for (const struct store_work *work = first; work != NULL; work = work->next) {
        told.appended += store_has_appended(work);
    }
}

static void a_chain_is_one_commit_and_deliveries_hear_of_it_last(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made[4];
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        kit_event(&made[i], id, "j", "x");
    }
    assert_int_equal(kit_append(store, &made[0].event), ERROR_NONE);
    made[3].event.content = NULL; /* is refused */
    struct store_work works[] = {
        {.verb = STORE_APPEND, .append = {&made[1].event, 1, KIT_NOW_US}, .done = tell},
        {.verb = STORE_CHANGE,
         .change = {.fence = store_fence(store), .seq = 1, .event_state = STORE_UNHANDLED},
         .done = tell},
        {.verb = STORE_APPEND, .append = {&made[2].event, 1, KIT_NOW_US}, .done = tell},
        {.verb = STORE_APPEND, .append = {&made[3].event, 1, KIT_NOW_US}, .done = tell},
        {.verb = STORE_CHANGE,
         .change = {.fence = store_fence(store), .seq = 1, .event_state = STORE_DONE},
         .done = tell},
    };
    static const size_t order[] = {1, 4, 0, 2, 3};
    enum { WORKS = sizeof works / sizeof *works };
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i + 1 < WORKS; i++) {
        works[i].next = &works[i + 1];
    }
    store_on_commit(store, listen, NULL);
    store_submit_all(store, works);
    store_close(store); /* does it first */
    assert_int_equal(told.listened, 1);
    assert_int_equal(told.appended, 2);
    assert_int_equal(told.count, WORKS);
    for (size_t i = 0; i < WORKS; i++) {
        assert_ptr_equal(told.done[i], &works[order[i]]);
    }
}

/* Alone it is done, but only when it has waited for another; with another it goes at once, before it. */
static void what_nobody_waits_for_starts_no_commit(void **state) {
    enum { WORKS = 10 };
    struct store *store = open_kit(*state);
    struct kit_event made[2];
    kit_event(&made[0], "e1", "j", "x");
    kit_event(&made[1], "e2", "j", "x");
    assert_int_equal(kit_append(store, &made[0].event), ERROR_NONE);
    struct store_work patient = {.verb = STORE_CHANGE,
                                 .is_patient = true,
                                 .change = {.fence = store_fence(store), .seq = 1, .event_state = STORE_DONE}};
    int64_t begin = clock_monotonic_ns();
    for (int i = 0; i < WORKS; i++) {
        assert_int_equal(kit_do(store, patient), ERROR_NONE);
    }
    assert_true(clock_monotonic_ns() - begin >= WORKS * STORE_PATIENCE_MS * CLOCK_NS_PER_MS);
    memset(&told, 0, sizeof told);
    patient.done = tell;
    store_submit(store, &patient);
    assert_int_equal(kit_append(store, &made[1].event), ERROR_NONE);
    assert_int_equal(told.count, 1);
    assert_int_equal(patient.error.code, ERROR_NONE);
    store_close(store);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_refused_work_spoils_no_other),
        STORE_TEST(a_spoiled_commit_is_done_again_one_by_one),
        STORE_TEST(many_threads_send_and_read),
        STORE_TEST(closing_does_what_was_submitted),
        STORE_TEST(a_chain_is_one_commit_and_deliveries_hear_of_it_last),
        STORE_TEST(what_nobody_waits_for_starts_no_commit),
    };
    /* A limit of SQLite's memory needs its counting, which the store turns off where SQLite does not run yet. */
    sqlite3_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
