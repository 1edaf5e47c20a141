/* The power goes: what was promised is there. A store works on a disk that writes down all that happens to it;
 * from that, crashes are built at chosen moments, each with some of what was not synced; each is opened and
 * held against what had been promised by then. SWITCHHOOK_SOAK=long makes more of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fault/disk.h"
#include "store/sqlite/internal.h"
#include "unit/store_asserts.h"
#include <time.h>

enum { EVENTS = 240, GROUP = 3, IMAGES = 150, IMAGES_LONG = 2000, RAW_MOST = 6000, NEVER = -1 };

/* What the store promised of an event, and when. */
struct promise {
    struct kit_work append, change;
    struct kit_event made;
    char *raw;
    size_t raw_length;
    struct store_run run;
    struct store_step step;
    struct store_value_op value;
    struct store_timer timer;
    struct buffer answer;
    bool is_error;
    int64_t appended_at, changed_at, purge_asked_at, purged_at; /* moments of the disk; NEVER */
    size_t found;                                               /* in the image that is looked at */
    bool has_timer;
};

static struct promise promises[EVENTS];

/* What an image is held against. */
struct image {
    struct kit kit;
    int64_t moment;
    uint64_t lost, broken; /* promises that were not kept, images that cannot be opened or do not hold together */
    bool is_strict;
};

static void on_appended(struct store_work *work) {
    struct promise *promise = (struct promise *)(void *)((char *)work - offsetof(struct promise, append));
    promise->appended_at = (int64_t)disk_now();
    kit_done(work);
}

static void on_changed(struct store_work *work) {
    struct promise *promise = (struct promise *)(void *)((char *)work - offsetof(struct promise, change));
    promise->changed_at = (int64_t)disk_now();
    kit_done(work);
}

/* Like kit_submit, with a `done` of our own. */
static void submit(struct store *store, struct kit_work *waiting, struct store_work work,
                   void (*done)(struct store_work *)) {
    waiting->work = work;
    waiting->work.done = done;
    waiting->is_done = false;
    pthread_mutex_init(&waiting->mutex, NULL);
    pthread_cond_init(&waiting->changed, NULL);
    store_submit(store, &waiting->work);
}

static void append(struct store *store, struct promise *promise, int number) {
    char id[32];
    snprintf(id, sizeof id, "p%d", number);
    kit_event(&promise->made, id, number % 2 == 0 ? "even" : "odd", "x");
    promise->raw_length = (size_t)(100 + number * 7919 % RAW_MOST);
    promise->raw = malloc(promise->raw_length);
    assert_non_null(promise->raw);
    memset(promise->raw, 'a' + number % 26, promise->raw_length);
    promise->made.event.raw = slice_make(promise->raw, promise->raw_length);
    submit(store, &promise->append,
           (struct store_work){.verb = STORE_APPEND, .append = {&promise->made.event, 1, KIT_NOW_US, NULL}},
           on_appended);
}

/* A run with a step that counts `n` up and leaves a timer; two events of three are done by it. */
static void change(struct store *store, struct promise *promise, int number) {
    uint64_t run = store_run_id(promise->made.event.seq, 0);
    bool is_done = number % 3 != 0;
    promise->run = (struct store_run){
        .id = run, .state = is_done ? STORE_DONE : STORE_WAITING, .handler = slice_of("p.lua"), .attempt = 1};
    promise->step = (struct store_step){.run = run, .number = 1, .operation = slice_of("state.increment")};
    promise->value = (struct store_value_op){.verb = STORE_VALUE_INCREMENT, .key = slice_of("n")};
    promise->timer = (struct store_timer){.id = run, .due_us = 1, .raw = slice_of("{}")};
    buffer_init(&promise->answer, 64);
    submit(store, &promise->change,
           (struct store_work){.verb = STORE_CHANGE,
                               .change = {.fence = store_fence(store),
                                          .seq = promise->made.event.seq,
                                          .event_state = (int)promise->run.state,
                                          .runs = &promise->run,
                                          .run_count = 1,
                                          .step = &promise->step,
                                          .value = &promise->value,
                                          .timer = &promise->timer,
                                          .answer = &promise->answer,
                                          .is_error = &promise->is_error}},
           on_changed);
}

static void purge(struct store *store, int below) {
    int64_t later = KIT_NOW_US + 100 * KIT_HOUR_US;
    int64_t asked = (int64_t)disk_now();
    for (int i = 0; i < below; i++) {
        if (promises[i].run.state == STORE_DONE && promises[i].purge_asked_at == NEVER) {
            promises[i].purge_asked_at = asked;
        }
    }
    struct kit_work waiting;
    do {
        kit_submit(
            store, &waiting,
            (struct store_work){.verb = STORE_PURGE,
                                .purge = {.cutoffs = {.done_us = later, .duplicate_us = later}, .most = 10}});
        assert_int_equal(kit_wait(&waiting), ERROR_NONE);
    } while (waiting.work.purge.has_more);
    for (int i = 0; i < below; i++) {
        if (promises[i].purge_asked_at != NEVER && promises[i].purged_at == NEVER) {
            promises[i].purged_at = (int64_t)disk_now();
        }
    }
}

/* Idle, the store moves the WAL into the file: the database's own file is synced. */
static void wait_for_checkpoint(void) {
    size_t before = disk_sync_count("test.db");
    int64_t deadline = clock_monotonic_ns() + 60 * CLOCK_NS_PER_S;
    while (disk_sync_count("test.db") == before) {
        assert_true(clock_monotonic_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
}

static void work_on(struct store *store, int first, int below) {
    for (int at = first; at < below; at += GROUP) {
        for (int i = at; i < at + GROUP; i++) {
            append(store, &promises[i], i);
        }
        for (int i = at; i < at + GROUP; i++) {
            assert_int_equal(kit_wait(&promises[i].append), ERROR_NONE);
            change(store, &promises[i], i);
        }
        for (int i = at; i < at + GROUP; i++) {
            assert_int_equal(kit_wait(&promises[i].change), ERROR_NONE);
        }
    }
}

/* Three lives of a store: one is closed, one moves the WAL's pages between its commits and one beside them; the
 * last is cut off at the end. */
static void record(const struct kit *kit) {
    memset(promises, 0, sizeof promises);
    for (int i = 0; i < EVENTS; i++) {
        promises[i].appended_at = promises[i].changed_at = NEVER;
        promises[i].purge_asked_at = promises[i].purged_at = NEVER;
    }
    disk_record(true);
    struct store *store = open_kit(kit);
    work_on(store, 0, EVENTS / 4);
    purge(store, EVENTS / 4);
    store_close(store);
    store = open_kit(kit);
    work_on(store, EVENTS / 4, EVENTS / 2);
    wait_for_checkpoint();
    work_on(store, EVENTS / 2, EVENTS * 3 / 4);
    purge(store, EVENTS * 3 / 4);
    store_close(store);
    store = open_kit(kit);
    store->move_pages = store->behind.move_at = 8;
    store->wal_pages = store->behind.restart_at = 64;
    work_on(store, EVENTS * 3 / 4, EVENTS);
    disk_record(false);
    store_close(store);
}

static int setup(void **state) {
    disk_install();
    return kit_setup(state);
}

static int teardown(void **state) {
    for (int i = 0; i < EVENTS; i++) {
        free(promises[i].raw);
        buffer_reset(&promises[i].answer);
    }
    disk_uninstall();
    return kit_teardown(state);
}

static bool is_by(int64_t at, int64_t moment) {
    return at != NEVER && at <= moment;
}

static void lose(struct image *image, const char *what, int number) {
    if (image->is_strict) {
        fail_msg("at moment %lld, %s of p%d is lost", (long long)image->moment, what, number);
    }
    image->lost++;
}

static int note_event(void *context, const struct store_record *record) {
    (void)context;
    char id[32];
    snprintf(id, sizeof id, "%.*s", SLICE_ARG(record->id));
    int number = atoi(id + 1);
    assert_true(id[0] == 'p' && number >= 0 && number < EVENTS);
    promises[number].found++;
    return 0;
}

static int note_timer(void *context, const struct store_timer *timer) {
    (void)context;
    for (int i = 0; i < EVENTS; i++) {
        promises[i].has_timer = promises[i].has_timer || promises[i].timer.id == timer->id;
    }
    return 0;
}

static int note_run(void *context, const struct store_run *run) {
    *(bool *)context = run->attempt == 1;
    return 0;
}

static int note_step(void *context, const struct store_step *step) {
    const struct promise *promise = context;
    assert_true(slice_equal(step->answer, buffer_slice(&promise->answer)));
    return -1;
}

static int count_step(void *context, const struct store_step *step) {
    (void)step;
    ++*(size_t *)context;
    return 0;
}

static void check_promise(struct image *image, struct store_reader *reader, int number) {
    struct promise *promise = &promises[number];
    struct store_record record;
    assert_true(promise->found <= 1);
    if (is_by(promise->changed_at, image->moment) && !promise->has_timer) {
        lose(image, "the timer", number);
    }
    if (is_by(promise->purged_at, image->moment)) {
        if (promise->found > 0) {
            lose(image, "the deletion", number);
        }
        return;
    }
    if (!is_by(promise->appended_at, image->moment)) {
        return;
    }
    bool may_be_gone = is_by(promise->purge_asked_at, image->moment);
    if (store_read_event(reader, promise->made.event.seq, &record, NULL) < 0) {
        if (!may_be_gone) {
            lose(image, "the event", number);
        }
        return;
    }
    assert_true(slice_equal(record.raw, slice_make(promise->raw, promise->raw_length)));
    if (!is_by(promise->changed_at, image->moment)) {
        return;
    }
    bool has_run = false;
    size_t steps = 0;
    assert_int_equal(store_each_run(reader, promise->made.event.seq, note_run, &has_run, NULL), 0);
    assert_int_equal(store_each_step(reader, promise->run.id, count_step, &steps, NULL), 0);
    if (!has_run || steps != 1 || record.state != promise->run.state) {
        lose(image, "the run", number);
        return;
    }
    assert_int_equal(store_each_step(reader, promise->run.id, note_step, promise, NULL), 0);
}

static int64_t largest_answer(int64_t moment) {
    int64_t largest = 0;
    for (int i = 0; i < EVENTS; i++) {
        if (is_by(promises[i].changed_at, moment)) {
            int64_t answer = strtoll(promises[i].answer.bytes, NULL, 10);
            largest = answer > largest ? answer : largest;
        }
    }
    return largest;
}

static uint64_t largest_seq(int64_t moment) {
    uint64_t largest = 0;
    for (int i = 0; i < EVENTS; i++) {
        uint64_t seq = promises[i].made.event.seq;
        largest = is_by(promises[i].appended_at, moment) && seq > largest ? seq : largest;
    }
    return largest;
}

/* NULL: broken. */
static struct store *open_image(struct image *image) {
    struct error error = {0};
    struct store *store = store_open(image->kit.path, &error);
    if (store != NULL && store_check(store, &error) == 0) {
        return store;
    }
    store_close(store);
    if (image->is_strict) {
        fail_msg("at moment %lld: %s", (long long)image->moment, error.message);
    }
    image->broken++;
    return NULL;
}

static void check_image(struct image *image) {
    struct store *store = open_image(image);
    if (store == NULL) {
        return;
    }
    for (int i = 0; i < EVENTS; i++) {
        promises[i].found = 0;
        promises[i].has_timer = false;
    }
    struct store_reader *reader = reader_of(store);
    struct store_query all = {.state = -1, .limit = SIZE_MAX};
    assert_int_equal(store_each_event(reader, &all, note_event, NULL, NULL), 0);
    assert_int_equal(store_each_timer(reader, INT64_MAX, SIZE_MAX, note_timer, NULL, NULL), 0);
    for (int i = 0; i < EVENTS; i++) {
        check_promise(image, reader, i);
    }
    store_reader_free(reader);
    if (kit_number(&image->kit, "SELECT max((SELECT CAST(value AS INTEGER) FROM state WHERE key = 'n'), 0)") <
        largest_answer(image->moment)) {
        lose(image, "the value", -1);
    }
    struct kit_event made;
    kit_event(&made, "after", "j", "x");
    assert_int_equal(kit_append(store, &made.event), ERROR_NONE);
    if (made.event.seq <= largest_seq(image->moment)) {
        lose(image, "the number", -1);
    }
    store_close(store);
}

static void empty(const char *folder) {
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}

static int by_size(const void *a, const void *b) {
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Every second moment is one before a sync, every fourth one after it; the others are anywhere. */
static size_t *choose_moments(size_t count, size_t end) {
    size_t *moments = malloc(count * sizeof *moments);
    assert_non_null(moments);
    uint32_t dice = 12345;
    for (size_t i = 0; i < count; i++) {
        dice = dice * 1664525 + 1013904223;
        size_t moment = (dice >> 8) % (end + 1);
        if (i % 4 != 0) {
            moment = disk_next_sync(moment);
            moment += i % 4 == 1 && moment < end;
        }
        moments[i] = moment;
    }
    qsort(moments, count, sizeof *moments, by_size);
    return moments;
}

/* What became of `count` images. */
static struct image crash(const struct kit *kit, enum disk_honesty honesty, size_t count) {
    struct image image = {.kit = *kit, .is_strict = honesty == DISK_HONEST};
    struct disk_crash disk;
    size_t *moments = choose_moments(count, disk_now());
    disk_crash_begin(&disk, honesty);
    for (size_t i = 0; i < count; i++) {
        empty(kit->folder);
        disk_crash_at(&disk, moments[i]);
        disk_crash_write(&disk, i, kit->folder);
        image.moment = (int64_t)moments[i];
        check_image(&image);
    }
    disk_crash_end(&disk);
    free(moments);
    print_message("%zu images: %llu promises lost, %llu broken\n", count, (unsigned long long)image.lost,
                  (unsigned long long)image.broken);
    return image;
}

static size_t image_count(void) {
    const char *form = getenv("SWITCHHOOK_SOAK");
    return form != NULL && strcmp(form, "long") == 0 ? IMAGES_LONG : IMAGES;
}

/* The same crashes on disks that sync less must do harm, or this test would see nothing: with
 * synchronous=NORMAL, which does not sync each commit, promises are lost; where the file is not synced before
 * the WAL starts anew, it breaks. */
static void nothing_that_was_promised_is_lost(void **state) {
    record(*state);
    crash(*state, DISK_HONEST, image_count());
    struct image normal = crash(*state, DISK_SYNCS_NO_COMMIT, IMAGES / 3);
    assert_true(normal.lost > 0);
    assert_int_equal(normal.broken, 0);
    struct image careless = crash(*state, DISK_SYNCS_NO_FILE, IMAGES / 3);
    assert_true(careless.broken > 0);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(nothing_that_was_promised_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
