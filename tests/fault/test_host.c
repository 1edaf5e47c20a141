/* Lanes, the reading of scripts, and the start of a generation, with every allocation failing once: as before or
 * whole, and nothing left over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "fault/alloc.h"
#include "host/generation.h"
#include "host/lane.h"
#include "host/understood.h"
#include "host/watch.h"
#include <cmocka.h>

#include "unit/host_folder.h"
#include <dirent.h>

enum { DEADLINE_S = 120 };

static struct loop *loop;
static struct loop_timer deadline;
static struct loop_task stopper;
static bool has_failed;

static int setup(void **state) {
    (void)state;
    if (crypto_start(NULL) < 0 || folder_open() < 0) {
        return -1;
    }
    make_folder("scripts/lib");
    put("scripts/RouterJobQueued.lua",
        "return { timeout = 3, retry = { attempts = 2 }, handle = function() end }");
    put("scripts/default.lua", "return function() end");
    put("scripts/lib/m.lua", "return {}");
    loop = loop_new(NULL);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state) {
    (void)state;
    loop_free(loop);
    return folder_remove();
}

static unsigned count_descriptors(void) {
    unsigned count = 0;
    DIR *entries = opendir("/proc/self/fd");

    assert_non_null(entries);
    while (readdir(entries) != NULL) {
        count++;
    }
    closedir(entries);
    return count;
}

static void on_stop(struct loop_task *task) {
    (void)task;
    loop_stop(loop);
}

/* What was put off to the end of a turn. */
static void take_turn(void) {
    loop_post(loop, &stopper, on_stop);
    loop_run(loop);
}

static void on_deadline(struct loop_timer *timer) {
    (void)timer;
    fail_msg("no verdict");
}

static int use_lanes(void *context, struct error *error) {
    struct lanes lanes;
    size_t pushed = 0;
    uint64_t seq = 0;

    (void)context;
    lanes_init(&lanes);
    for (uint64_t key = 0; key < 20; key++) {
        size_t count = lanes_count(&lanes);
        if (lanes_push(&lanes, key, key, NULL) < 0 || lanes_push(&lanes, key, 100 + key, NULL) < 0) {
            assert_true(lanes_count(&lanes) <= count + 1);
            error_memory(error);
            break;
        }
        pushed++;
    }
    for (uint64_t key = 0; key < pushed; key++) { /* what was taken up is handed out */
        struct lane *lane = lanes_take(&lanes, &seq);
        assert_non_null(lane);
        assert_int_equal(seq, key);
        lanes_put_back(&lanes, lane);
    }
    lanes_reset(&lanes);
    return error->code == ERROR_NONE ? 0 : -1;
}

static int use_scripts(void *context, struct error *error) {
    struct script_set *set = scripts_read(scripts, error);

    (void)context;
    if (set == NULL) {
        return -1;
    }
    assert_int_equal(set->count, 3);
    assert_string_equal(set->files[2].path, "lib/m.lua");
    scripts_free(set);
    return 0;
}

static int use_busy_scripts(void *context, struct error *error) {
    struct script_set *set = scripts_read(scripts, error);

    (void)context;
    if (set == NULL) {
        return -1;
    }
    assert_string_equal(set->open_file, "lib/m.lua");
    scripts_free(set);
    return 0;
}

static void on_changed(struct watch *watch) {
    (void)watch;
}

/* Without memory for all places it still says that it cannot tell of all changes. */
static int use_watch(void *context, struct error *error) {
    struct watch watch;

    (void)context;
    (void)error;
    watch_init(&watch, loop, scripts, on_changed);
    watch_begin_read(&watch);
    bool is_whole = watch_end_read(&watch);
    assert_true(is_whole);
    bool has_missed = watch.must_scan;
    assert_int_equal(loop_timer_is_set(&watch.timer), has_missed);
    put("scripts/default.lua", "return function() end");
    watch_begin_read(&watch);
    assert_true(watch_end_read(&watch));
    watch_reset(&watch);
    if (has_missed) {
        return error_memory(error);
    }
    return 0;
}

static void on_ready(struct generation *generation) {
    (void)generation;
    loop_stop(loop);
}

static void on_failed(struct generation *generation) {
    assert_true(generation->error.message[0] != '\0');
    has_failed = true;
    loop_stop(loop);
}

static void on_frame(struct worker_slot *slot, const struct wire_frame *frame) {
    (void)slot;
    (void)frame;
    fail_msg("a frame while the scripts are loaded");
}

static void on_died(struct worker_slot *slot, const struct process_death *death) {
    (void)slot;
    assert_true(death->words[0] != '\0');
}

static void on_idle(struct generation *generation) {
    (void)generation;
}

/* An allocation that fails later than the start ends a worker, and so the generation: with a reason, like any
 * death. */
static int use_generation(void *context, struct error *error) {
    const struct generation_options *options = context;
    struct script_set *set = scripts_read(scripts, error);

    if (set == NULL) {
        return -1;
    }
    has_failed = false;
    struct generation *generation = generation_start(options, set, error);
    if (generation != NULL) {
        loop_run(loop);
        if (!has_failed) {
            assert_int_equal(generation->handler_count, 2);
        }
        generation_free(generation);
    }
    take_turn();
    return generation == NULL ? -1 : has_failed ? error_memory(error) : 0;
}

static void lanes_fail_whole_or_not_at_all(void **state) {
    (void)state;
    assert_true(fault_alloc_each(use_lanes, NULL) > 60);
}

static void scripts_fail_whole_or_not_at_all(void **state) {
    (void)state;
    unsigned before = count_descriptors();
    assert_true(fault_alloc_each(use_scripts, NULL) > 6);
    int fd = open_file("scripts/lib/m.lua", 0);
    assert_true(fault_alloc_each(use_busy_scripts, NULL) > 7);
    close(fd);
    assert_int_equal(count_descriptors(), before);
}

static void a_watch_fails_into_looking_every_ten_seconds(void **state) {
    (void)state;
    unsigned before = count_descriptors();
    assert_true(fault_alloc_each(use_watch, NULL) > 6);
    assert_int_equal(count_descriptors(), before);
}

static void a_generation_fails_whole_or_not_at_all(void **state) {
    struct generation_options options = {.loop = loop,
                                         .process = {.program = TEST_BINARY_DIR "/switchhook-worker",
                                                     .slice_ms = 10000,
                                                     .run_memory = 16 << 20,
                                                     .all_memory = 64 << 20,
                                                     .answer_size = 1 << 20},
                                         .workers = 2,
                                         .ready = on_ready,
                                         .failed = on_failed,
                                         .frame = on_frame,
                                         .died = on_died,
                                         .idle = on_idle};

    (void)state;
    loop_timer_set(loop, &deadline, clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S, on_deadline);
    unsigned before = count_descriptors();
    assert_true(fault_alloc_each(use_generation, &options) > 20);
    assert_int_equal(count_descriptors(), before);
    loop_timer_cancel(loop, &deadline);
}

static int understand(void *context, struct error *error) {
    (void)context;
    static const char raw[] = "{\"specversion\":\"1.0\",\"id\":\"\\u0041\",\"source\":\"/s\",\"type\":\"\\t\"}";
    const struct store_record record = {.seq = 1, .raw = slice_make(raw, sizeof raw - 1)};
    struct understood *understood = understood_new(&record, error);
    if (understood == NULL) {
        return -1;
    }
    assert_true(slice_is(understood->event.id, "A"));
    understood_free(understood);
    return 0;
}

static void what_is_understood_needs_memory(void **state) {
    (void)state;
    assert_true(fault_alloc_each(understand, NULL) >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_understood_needs_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_fail_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(scripts_fail_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_fails_into_looking_every_ten_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_fails_whole_or_not_at_all, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
