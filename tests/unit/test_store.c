/* What was put into the store comes out again, now and after opening it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_kit.h"
#include <sqlite3.h>

static struct store *open_kit(const struct kit *kit) {
    struct error error = {0};
    struct store *store = store_open(kit->path, &error);
    if (store == NULL) {
        fail_msg("%s", error.message);
    }
    return store;
}

static struct store_reader *reader_of(struct store *store) {
    struct error error = {0};
    struct store_reader *reader = store_reader_new(store, &error);
    if (reader == NULL) {
        fail_msg("%s", error.message);
    }
    return reader;
}

static void assert_slice(struct slice slice, const char *text) {
    if (text == NULL) {
        assert_false(slice_is_set(slice));
    } else if (!slice_is(slice, text)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(slice), text);
    }
}

static const char bytes_with_nul[] = "{\"id\":\"first\\u0000\"}\0\xc3\xa9";

static void check_first_delivery(struct store *store) {
    struct store_reader *reader = reader_of(store);
    struct store_record record;
    assert_int_equal(store_read_event(reader, 1, &record, NULL), 0);
    assert_int_equal(record.seq, 1);
    assert_int_equal(record.state, STORE_QUEUED);
    assert_true(record.lane == UINT64_C(0xfedcba9876543210));
    assert_int_equal(record.received_us, KIT_NOW_US);
    assert_slice(record.id, "first");
    assert_slice(record.type, "Microsoft.Communication.RouterJobQueued");
    assert_slice(record.source, "/source");
    assert_slice(record.subject, "");
    assert_slice(record.time, "2026-03-01T09:30:00Z");
    assert_slice(record.job, "job-1");
    assert_slice(record.worker, NULL);
    assert_slice(record.malformed, NULL);
    assert_true(slice_equal(record.raw, slice_make(bytes_with_nul, sizeof bytes_with_nul - 1)));
    assert_int_equal(store_read_event(reader, 2, &record, NULL), 0);
    assert_int_equal(record.state, STORE_QUARANTINED);
    assert_slice(record.malformed, "it has no id");
    assert_slice(record.raw, "[]");
    struct error error = {0};
    assert_int_equal(store_read_event(reader, 3, &record, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    struct store_totals totals;
    assert_int_equal(store_totals(reader, &totals, NULL), 0);
    assert_int_equal(totals.events, 2);
    assert_int_equal(totals.open, 1);
    assert_int_equal(totals.last_seq, 2);
    store_reader_free(reader);
}

static void a_delivery_comes_out_as_it_went_in(void **state) {
    struct store *store = open_kit(*state);
    uint8_t name[STORE_DIGEST_SIZE], first[STORE_DIGEST_SIZE], second[STORE_DIGEST_SIZE];
    kit_digest(name, "name");
    kit_digest(first, "first");
    kit_digest(second, "second");
    struct store_event events[2] = {
        {
            .identity = name,
            .content = first,
            .raw = slice_make(bytes_with_nul, sizeof bytes_with_nul - 1),
            .id = slice_of("first"),
            .type = slice_of("Microsoft.Communication.RouterJobQueued"),
            .source = slice_of("/source"),
            .subject = slice_of(""),
            .time = slice_of("2026-03-01T09:30:00Z"),
            .job = slice_of("job-1"),
            .lane = UINT64_C(0xfedcba9876543210),
        },
        {.content = second, .raw = slice_of("[]"), .malformed = "it has no id"},
    };
    assert_int_equal(kit_append_at(store, events, 2, KIT_NOW_US), ERROR_NONE);
    assert_int_equal(events[0].seq, 1);
    assert_int_equal(events[1].seq, 2);
    assert_false(events[0].is_duplicate || events[0].is_namesake);
    check_first_delivery(store);
    store_close(store);
    store = open_kit(*state);
    check_first_delivery(store);
    store_close(store);
}

static int check_run(void *context, const struct store_run *run) {
    int *count = context;
    (*count)++;
    if (*count == 1) {
        assert_int_equal(run->id, store_run_id(1, 0));
        assert_int_equal(run->state, STORE_WAITING);
        assert_slice(run->handler, "RouterJobQueued.lua");
        assert_non_null(run->generation);
        assert_int_equal(run->generation[0], 9);
        assert_int_equal(run->attempt, 3);
        assert_int_equal(run->kills, 1);
        assert_int_equal(run->due_us, 99);
        assert_int_equal(run->started_us, 50);
        assert_int_equal(run->finished_us, 60);
        assert_slice(run->result, "failed");
        assert_slice(run->reason, "no answer");
        assert_slice(run->traceback, "line 1\nline 2");
    } else {
        assert_int_equal(run->id, store_run_id(1, 255));
        assert_int_equal(run->state, STORE_QUEUED);
        assert_null(run->generation);
    }
    return 0;
}

static void runs_are_kept_and_replaced(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 2), ERROR_NONE);
    uint8_t generation[STORE_DIGEST_SIZE] = {9};
    struct store_run runs[2] = {
        {.id = store_run_id(1, 0), .state = STORE_QUEUED, .handler = slice_of("RouterJobQueued.lua")},
        {.id = store_run_id(1, 255), .state = STORE_RUNNING, .handler = slice_of("other.lua")},
    };
    struct store_work work = {
        .verb = STORE_CHANGE,
        .change =
            {.fence = store_fence(store), .seq = 1, .event_state = STORE_STATE_KEPT, .runs = runs, .run_count = 2},
    };
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    runs[0] = (struct store_run){
        .id = store_run_id(1, 0),
        .state = STORE_WAITING,
        .handler = slice_of("RouterJobQueued.lua"),
        .generation = generation,
        .attempt = 3,
        .kills = 1,
        .due_us = 99,
        .started_us = 50,
        .finished_us = 60,
        .result = slice_of("failed"),
        .reason = slice_of("no answer"),
        .traceback = slice_of("line 1\nline 2"),
    };
    work.change.run_count = 1;
    work.change.event_state = STORE_WAITING;
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    store_close(store);
    store = open_kit(*state);
    struct store_reader *reader = reader_of(store);
    int count = 0;
    assert_int_equal(store_each_run(reader, 1, check_run, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(store_each_run(reader, 2, check_run, &count, NULL), 0);
    assert_int_equal(count, 2);
    struct store_record record;
    assert_int_equal(store_read_event(reader, 1, &record, NULL), 0);
    assert_int_equal(record.state, STORE_WAITING);
    store_reader_free(reader);
    store_close(store);
}

static enum error_code journal(struct store *store, const struct store_step *step) {
    return kit_do(store, (struct store_work){
                             .verb = STORE_CHANGE,
                             .change = {.fence = store_fence(store),
                                        .seq = store_run_seq(step->run),
                                        .event_state = STORE_STATE_KEPT,
                                        .step = step},
                         });
}

struct steps {
    uint32_t numbers[8];
    bool is_forgotten[8];
    int count;
};

static int check_step(void *context, const struct store_step *step) {
    struct steps *steps = context;
    assert_int_equal(step->run, store_run_id(1, 1));
    if (step->number == 2) {
        assert_int_equal(step->branch, 4);
        assert_int_equal(step->occurrence, 5);
        assert_true(step->is_error);
        assert_true(step->is_repeated);
        assert_int_equal(step->status, 503);
        assert_int_equal(step->asked_us, 70);
        assert_int_equal(step->answered_us, 80);
        assert_slice(step->operation, "router.jobs.activate");
        assert_slice(step->arguments, "[\"j1\"]");
        assert_slice(step->answer, "{}");
        assert_slice(step->etag, "\"7\"");
    }
    steps->is_forgotten[steps->count] = step->is_forgotten;
    steps->numbers[steps->count++] = step->number;
    return steps->count == 8 ? -1 : 0;
}

static void steps_are_kept_in_order_and_once(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 1), ERROR_NONE);
    struct store_step step = {
        .run = store_run_id(1, 1),
        .number = 2,
        .branch = 4,
        .occurrence = 5,
        .is_error = true,
        .is_repeated = true,
        .status = 503,
        .asked_us = 70,
        .answered_us = 80,
        .operation = slice_of("router.jobs.activate"),
        .arguments = slice_of("[\"j1\"]"),
        .answer = slice_of("{}"),
        .etag = slice_of("\"7\""),
    };
    assert_int_equal(journal(store, &step), ERROR_NONE);
    assert_int_equal(journal(store, &step), ERROR_INVALID); /* its number is taken */
    struct store_step first = {.run = step.run, .number = 1, .operation = slice_of("sleep")};
    struct store_step last = {.run = step.run, .number = 65535};
    struct store_step neighbour = {.run = store_run_id(1, 2), .number = 1};
    assert_int_equal(journal(store, &first), ERROR_NONE);
    assert_int_equal(journal(store, &last), ERROR_NONE);
    assert_int_equal(journal(store, &neighbour), ERROR_NONE);
    store_close(store);
    store = open_kit(*state);
    struct store_reader *reader = reader_of(store);
    struct steps steps = {0};
    assert_int_equal(store_each_step(reader, step.run, check_step, &steps, NULL), 0);
    assert_int_equal(steps.count, 3);
    assert_int_equal(steps.numbers[0], 1);
    assert_int_equal(steps.numbers[1], 2);
    assert_int_equal(steps.numbers[2], 65535);
    store_reader_free(reader);
    store_close(store);
}

static void forgotten_steps_stay_to_be_seen(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 2), ERROR_NONE);
    for (uint32_t number = 1; number <= 3; number++) {
        struct store_step step = {.run = store_run_id(1, 1), .number = number, .branch = 4, .occurrence = 5};
        step.operation = slice_of("http.get");
        if (number == 2) {
            continue;
        }
        assert_int_equal(journal(store, &step), ERROR_NONE);
    }
    const uint32_t numbers[] = {3};
    struct store_work work = {
        .verb = STORE_CHANGE,
        .change = {.fence = store_fence(store), .seq = 1, .event_state = STORE_WAITING},
    };
    work.change.forget_run = store_run_id(1, 1);
    work.change.forget = numbers;
    work.change.forget_count = 1;
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    work.change.seq = 2; /* not its run */
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    struct store_reader *reader = reader_of(store);
    struct steps steps = {0};
    assert_int_equal(store_each_step(reader, store_run_id(1, 1), check_step, &steps, NULL), 0);
    assert_int_equal(steps.count, 2);
    assert_false(steps.is_forgotten[0]);
    assert_true(steps.is_forgotten[1]);
    store_reader_free(reader);
    store_close(store);
}

static void a_change_that_cannot_be_is_refused(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 2), ERROR_NONE);
    struct store_work work = {
        .verb = STORE_CHANGE,
        .change = {.fence = store_fence(store) + 1, .seq = 1, .event_state = STORE_DONE},
    };
    struct kit_work waiting;
    kit_submit(store, &waiting, work);
    assert_int_equal(kit_wait(&waiting), ERROR_BUSY);
    assert_non_null(strstr(waiting.work.error.message, "fenced"));
    assert_int_equal(kit_set_state(store, 3, STORE_DONE), ERROR_NOT_FOUND);
    assert_int_equal(kit_set_state(store, 1, STORE_STATES), ERROR_INVALID);
    work.change.fence = store_fence(store);
    work.change.runs = &(struct store_run){.id = store_run_id(2, 0)};
    work.change.run_count = 1;
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    struct store_step step = {.run = store_run_id(2, 0), .number = 1};
    work.change.run_count = 0;
    work.change.step = &step;
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    step = (struct store_step){.run = store_run_id(1, 0), .number = 0};
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    step.number = 65536;
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    struct store_reader *reader = reader_of(store);
    struct store_record record;
    assert_int_equal(store_read_event(reader, 1, &record, NULL), 0);
    assert_int_equal(record.state, STORE_QUEUED);
    store_reader_free(reader);
    store_close(store);
}

static int note_open(void *context, const struct store_open_event *event) {
    struct kit_found *found = context;
    assert_int_equal(event->lane, 7);
    assert_int_equal(event->state, event->seq == 4 ? STORE_WAITING : STORE_QUEUED);
    found->seqs[found->count++] = event->seq;
    return found->count == found->most ? -1 : 0;
}

static void open_events_are_visited_in_order(void **state) {
    struct store *store = open_kit(*state);
    assert_int_equal(kit_append_many(store, 1, 6), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 2, STORE_DONE), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 5, STORE_PARKED), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 3, STORE_UNHANDLED), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 4, STORE_WAITING), ERROR_NONE);
    assert_int_equal(kit_set_state(store, 5, STORE_QUEUED), ERROR_NONE);  /* replayed */
    assert_int_equal(kit_set_state(store, 6, STORE_RUNNING), ERROR_NONE); /* queued, on the disk */
    struct store_reader *reader = reader_of(store);
    struct kit_found found = {0};
    assert_int_equal(store_each_open(reader, 0, note_open, &found, NULL), 0);
    assert_int_equal(found.count, 4);
    const uint64_t all[] = {1, 4, 5, 6};
    assert_memory_equal(found.seqs, all, sizeof all);
    found = (struct kit_found){.most = 1};
    assert_int_equal(store_each_open(reader, 1, note_open, &found, NULL), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.seqs[0], 4);
    struct store_totals totals;
    assert_int_equal(store_totals(reader, &totals, NULL), 0);
    assert_int_equal(totals.open, 4);
    store_reader_free(reader);
    store_close(store);
}

static int note_file(void *context, const struct store_file *file) {
    struct buffer *text = context;
    return buffer_append_format(text, "%.*s=%.*s;", SLICE_ARG(file->path), SLICE_ARG(file->bytes));
}

static void assert_files(struct store_reader *reader, const uint8_t *digest, const char *expected) {
    struct buffer text;
    buffer_init(&text, 4096);
    assert_int_equal(store_each_file(reader, digest, note_file, &text, NULL), 0);
    assert_string_equal(text.bytes, expected);
    buffer_reset(&text);
}

static void generations_share_the_files_that_stay(void **state) {
    const struct kit *kit = *state;
    struct store *store = open_kit(kit);
    uint8_t first[STORE_DIGEST_SIZE] = {1}, second[STORE_DIGEST_SIZE] = {2}, third[STORE_DIGEST_SIZE] = {3};
    struct store_file files[] = {{slice_of("b.lua"), slice_of("return 1")}, {slice_of("a.lua"), slice_of("")}};
    struct store_work work = {.verb = STORE_GENERATION, .generation = {first, files, 2}};
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    files[1].bytes = slice_of("ignored: the digest is known");
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    files[1].bytes = slice_of("return 2");
    work.generation.digest = second;
    assert_int_equal(kit_do(store, work), ERROR_NONE);
    work.generation.digest = NULL;
    assert_int_equal(kit_do(store, work), ERROR_INVALID);
    struct store_reader *reader = reader_of(store);
    assert_files(reader, first, "a.lua=;b.lua=return 1;");
    assert_files(reader, second, "a.lua=return 2;b.lua=return 1;");
    struct error error = {0};
    assert_int_equal(store_each_file(reader, third, note_file, NULL, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    store_reader_free(reader);
    store_close(store);
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM blobs", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 3);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

struct order {
    struct store_work work; /* first: what `done` gets */
    int listened, answered;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static void listen(const struct store_work *first, void *context) {
    struct order *order = context;
    if (first == &order->work && store_has_appended(first) && order->answered == 0) {
        order->listened++;
    }
}

static void answer(struct store_work *work) {
    struct order *order = (struct order *)(void *)work;
    pthread_mutex_lock(&order->mutex);
    order->answered = 1 + order->listened;
    pthread_cond_signal(&order->changed);
    pthread_mutex_unlock(&order->mutex);
}

static void the_listener_hears_before_the_sender(void **state) {
    struct store *store = open_kit(*state);
    struct kit_event made;
    kit_event(&made, "a", "j", "x");
    struct order order = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    order.work = (struct store_work){.verb = STORE_APPEND, .append = {&made.event, 1, KIT_NOW_US}, .done = answer};
    store_on_commit(store, listen, &order);
    store_submit(store, &order.work);
    pthread_mutex_lock(&order.mutex);
    while (order.answered == 0) {
        pthread_cond_wait(&order.changed, &order.mutex);
    }
    pthread_mutex_unlock(&order.mutex);
    assert_int_equal(order.answered, 2);
    store_close(store);
}

static void states_have_their_names(void **state) {
    (void)state;
    assert_string_equal(store_state_names[STORE_QUEUED], "queued");
    assert_string_equal(store_state_names[STORE_RUNNING], "running");
    assert_string_equal(store_state_names[STORE_WAITING], "waiting");
    assert_string_equal(store_state_names[STORE_DONE], "done");
    assert_string_equal(store_state_names[STORE_PARKED], "parked");
    assert_string_equal(store_state_names[STORE_UNHANDLED], "unhandled");
    assert_string_equal(store_state_names[STORE_QUARANTINED], "quarantined");
    assert_null(store_state_names[STORE_STATES]);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_delivery_comes_out_as_it_went_in),    STORE_TEST(runs_are_kept_and_replaced),
        STORE_TEST(steps_are_kept_in_order_and_once),      STORE_TEST(forgotten_steps_stay_to_be_seen),
        STORE_TEST(a_change_that_cannot_be_is_refused),    STORE_TEST(open_events_are_visited_in_order),
        STORE_TEST(generations_share_the_files_that_stay), STORE_TEST(the_listener_hears_before_the_sender),
        cmocka_unit_test(states_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
