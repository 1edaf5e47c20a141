/* The watch on the scripts, while they are written: what is half written is waited for, what changed while it was
 * read does not count, and nobody is starved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/host_watching.h"
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

static void waits_until_the_writer_has_closed(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    int fd = open_file("scripts/a.lua", O_TRUNC);
    write_text(fd, "half");
    take_notice();
    assert_false(is_at_rest());
    wait_until(is_at_rest);
    assert_int_equal(changes, 0);
    assert_string_equal(watch_waiting_for(&watch), at("scripts/a.lua"));
    put("scripts/b.lua", "another one, saved meanwhile");
    wait_until(is_at_rest);
    assert_int_equal(changes, 0);
    close(fd);
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
}

static void a_file_that_was_replaced_is_not_waited_for(void **state) {
    (void)state;
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    int fd = open_file("scripts/a.lua", 0);
    write_text(fd, "half");
    put("scripts/a.lua.new", "two");
    move("scripts/a.lua.new", "scripts/a.lua");
    assert_read_again();
    write_text(fd, "into a file without a name");
    assert_left_alone();
    close(fd);
    assert_left_alone();
    fd = open_file("scripts/a.lua", 0);
    write_text(fd, "half");
    assert_int_equal(unlink(at("scripts/a.lua")), 0);
    assert_read_again();
    close(fd);
}

static void a_file_in_a_set_that_was_swapped_away_is_not_waited_for(void **state) {
    (void)state;
    make_folder("set_1");
    make_folder("set_2");
    put("set_1/a.lua", "one");
    link_to("set_1", "live");
    begin_watching(at("live"));
    int fd = open_file("set_1/a.lua", 0);
    write_text(fd, "half");
    take_notice();
    swap_link("set_2", "live");
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
    close(fd);
}

static void a_file_in_a_folder_that_was_moved_away_is_not_waited_for(void **state) {
    (void)state;
    make_folder("scripts/lib");
    put("scripts/lib/m.lua", "one");
    begin_watching(scripts);
    int fd = open_file("scripts/lib/m.lua", 0);
    write_text(fd, "half");
    take_notice();
    move("scripts/lib", "lib");
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
    close(fd);
}

/* The reader saw it; there was no event. */
static void waits_for_a_writer_that_was_there_before(void **state) {
    (void)state;
    int fd = open_file("scripts/a.lua", O_TRUNC);
    write_text(fd, "half");
    begin_watching(scripts);
    watch_wait_for(&watch, "a.lua");
    assert_string_equal(watch_waiting_for(&watch), "a.lua");
    close(fd);
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
}

/* Opened by a name in a folder that nobody watches. */
static void looks_again_at_a_file_whose_closing_is_not_told(void **state) {
    (void)state;
    put("a", "one");
    assert_int_equal(link(at("a"), at("scripts/a.lua")), 0);
    begin_watching(scripts);
    watch_wait_for(&watch, "a.lua");
    assert_read_again();
}

static void write_now(void) {
    put("scripts/a.lua", "two");
}

static void swap_now(void) {
    swap_link("set_2", "live");
}

static int open_descriptor;

static void open_now(void) {
    open_descriptor = open_file("scripts/a.lua", 0);
    write_text(open_descriptor, "half");
}

static void close_now(void) {
    close(open_descriptor);
}

static void what_was_read_during_a_change_does_not_count(void **state) {
    (void)state;
    begin_watching(scripts);
    during_read = write_now;
    read_folder();
    assert_int_equal(reads, 0);
    assert_false(is_at_rest());
    assert_read_again();
}

static void what_was_read_during_a_swap_does_not_count(void **state) {
    (void)state;
    make_folder("set_1");
    make_folder("set_2");
    link_to("set_1", "live");
    begin_watching(at("live"));
    during_read = swap_now;
    read_folder();
    assert_int_equal(reads, 0);
    assert_read_again();
}

/* A read that was asked for (SIGHUP) while a file is half written: not taken, and not forgotten. */
static void what_was_read_of_a_half_written_file_does_not_count(void **state) {
    (void)state;
    begin_watching(scripts);
    open_now();
    read_folder();
    assert_int_equal(reads, 0);
    wait_until(is_at_rest);
    read_folder();
    assert_int_equal(reads, 0);
    during_read = close_now;
    read_folder();
    assert_int_equal(reads, 0);
    assert_read_again();
}

enum { ROUNDS = 500 };

static atomic_uint begun, written;

/* Closes each file while the main thread makes its watch anew. */
static void *write_many(void *context) {
    char name[32];

    (void)context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "scripts/%u.lua", i);
        int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, "half", 4) != 4) {
            break;
        }
        unsigned before = atomic_load(&begun);
        while (atomic_load(&begun) < before + 2) {
        }
        close(fd);
        atomic_fetch_add(&written, 1);
    }
    atomic_store(&begun, UINT_MAX / 2);
    return NULL;
}

/* While one watch takes the other's place, no closing gets lost: the file would be waited for for ever. */
static void loses_no_closing_between_two_watches(void **state) {
    pthread_t writer;

    (void)state;
    begin_watching(scripts);
    atomic_store(&begun, 0);
    atomic_store(&written, 0);
    assert_int_equal(pthread_create(&writer, NULL, write_many, NULL), 0);
    while (atomic_fetch_add(&begun, 1) < UINT_MAX / 2) {
        read_folder();
    }
    pthread_join(writer, NULL);
    assert_int_equal(atomic_load(&written), ROUNDS);
    reads = 0;
    put("scripts/b.lua", "one");
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
}

static unsigned closings;

/* Open nine tenths of the time, and never for 50 ms left alone. */
static bool write_and_look(void) {
    static unsigned step;

    if (++step % 10 == 0) {
        close_now();
        closings++;
    } else if (step % 10 == 1) {
        open_now();
    }
    return reads > 0;
}

/* Once a second has passed, the moments at which it is closed are used. */
static void is_not_starved_by_a_chatty_file(void **state) {
    (void)state;
    begin_watching(scripts);
    closings = 0;
    wait_until(write_and_look);
    assert_true(closings > 2);
    assert_true(closings < 150);
}

static unsigned saves, disturbances;

static void disturb(void) {
    put("scripts/a.lua", "again");
    during_read = --disturbances > 0 ? disturb : NULL;
}

static bool save_and_look(void) {
    put("scripts/a.lua", "again");
    saves++;
    return reads > 0;
}

/* After the first second: soon again, and not after another second each time. */
static void what_was_disturbed_is_read_again_soon(void **state) {
    (void)state;
    begin_watching(scripts);
    saves = 0;
    disturbances = 5;
    during_read = disturb;
    wait_until(save_and_look);
    assert_true(changes > 5);
    assert_true(saves < 3 * 1000 / LOOK_MS);
}

/* A burst of saves (a checkout) is one read. */
static void waits_for_quiet(void **state) {
    (void)state;
    begin_watching(scripts);
    int64_t start = clock_monotonic_ns();
    for (char name[] = "scripts/a.lua"; name[8] <= 'z'; name[8]++) {
        put(name, "one");
    }
    wait_until(has_read);
    assert_true(clock_monotonic_ns() - start >= WATCH_QUIET_MS * CLOCK_NS_PER_MS);
    assert_int_equal(changes, 1);
}

static unsigned long longest_queue(void) {
    unsigned long longest = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

    if (file == NULL || fscanf(file, "%lu", &longest) != 1) {
        longest = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return longest;
}

/* More than the kernel remembers, of things that are of no concern: the change may be among what it dropped. */
static void reads_again_after_a_lost_event(void **state) {
    unsigned long longest = longest_queue();

    (void)state;
    if (longest == 0 || longest > 200000) {
        skip();
    }
    put("scripts/a.lua", "one");
    begin_watching(scripts);
    open_now();
    take_notice();
    wait_until(is_at_rest);
    assert_non_null(watch_waiting_for(&watch));
    for (unsigned long i = 0; i <= longest / 2; i++) {
        put("scripts/a.tmp", "x");
        assert_int_equal(unlink(at("scripts/a.tmp")), 0);
    }
    close_now(); /* lost, too */
    assert_read_again();
    assert_null(watch_waiting_for(&watch));
}

static void more_writers_than_it_counts_do_no_harm(void **state) {
    char name[32];
    int descriptors[WATCH_WRITERS_MAX + 10];
    const int count = WATCH_WRITERS_MAX + 10;

    (void)state;
    begin_watching(scripts);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "scripts/%d.lua", i);
        descriptors[i] = open_file(name, 0);
        write_text(descriptors[i], "half");
    }
    take_notice();
    assert_int_equal(watch.writer_count, WATCH_WRITERS_MAX);
    for (int i = 0; i < count; i++) {
        close(descriptors[i]);
    }
    assert_read_again();
    assert_int_equal(watch.writer_count, 0);
}

static void can_be_reset_at_any_time(void **state) {
    (void)state;
    begin_watching(scripts);
    open_now();
    take_notice();
    watch_reset(&watch);
    watch_reset(&watch);
    assert_true(is_at_rest());
    close_now();
    take_notice();
    assert_int_equal(changes, 0);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, watching_open, watching_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        WATCHED(waits_until_the_writer_has_closed),
        WATCHED(a_file_that_was_replaced_is_not_waited_for),
        WATCHED(a_file_in_a_set_that_was_swapped_away_is_not_waited_for),
        WATCHED(a_file_in_a_folder_that_was_moved_away_is_not_waited_for),
        WATCHED(waits_for_a_writer_that_was_there_before),
        WATCHED(looks_again_at_a_file_whose_closing_is_not_told),
        WATCHED(what_was_read_during_a_change_does_not_count),
        WATCHED(what_was_read_during_a_swap_does_not_count),
        WATCHED(what_was_read_of_a_half_written_file_does_not_count),
        WATCHED(loses_no_closing_between_two_watches),
        WATCHED(is_not_starved_by_a_chatty_file),
        WATCHED(what_was_disturbed_is_read_again_soon),
        WATCHED(waits_for_quiet),
        WATCHED(reads_again_after_a_lost_event),
        WATCHED(more_writers_than_it_counts_do_no_harm),
        WATCHED(can_be_reset_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
