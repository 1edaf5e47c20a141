/* A watch on the folder of host_folder.h, on a real loop, whose reads are counted; and waiting for what it
 * does. */
#ifndef UNIT_HOST_WATCHING_H
#define UNIT_HOST_WATCHING_H

#include "base/clock.h"
#include "host/watch.h"
#include "unit/host_folder.h"

enum { DEADLINE_S = 60, LOOK_MS = 2 };

static struct loop *loop;
static struct watch watch;
static unsigned changes, reads;   /* times that it asked for a read; reads during which nothing changed */
static void (*during_read)(void); /* once */
static struct loop_timer looker;
static struct loop_task stopper;
static int64_t waits_until;
static bool (*is_reached)(void);

static inline void read_folder(void) {
    void (*change)(void) = during_read;
    during_read = NULL;
    watch_begin_read(&watch);
    if (change != NULL) {
        change();
    }
    reads += watch_end_read(&watch);
}

static inline void on_changed(struct watch *changed) {
    (void)changed;
    changes++;
    read_folder();
}

static inline void on_look(struct loop_timer *timer) {
    if (is_reached() || clock_monotonic_ns() > waits_until) {
        loop_stop(loop);
    } else {
        loop_timer_set(loop, timer, clock_monotonic_ns() + LOOK_MS * CLOCK_NS_PER_MS, on_look);
    }
}

static inline void wait_until(bool (*condition)(void)) {
    is_reached = condition;
    waits_until = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    loop_timer_set(loop, &looker, 0, on_look);
    loop_run(loop);
    assert_true(condition());
}

static inline void on_stop(struct loop_task *task) {
    (void)task;
    loop_stop(loop);
}

/* What has happened in the folder is taken notice of. */
static inline void take_notice(void) {
    loop_post(loop, &stopper, on_stop);
    loop_run(loop);
}

static inline bool has_read(void) {
    return reads > 0;
}

static inline bool is_at_rest(void) {
    return !loop_timer_is_set(&watch.timer);
}

/* From here on: what was read is what is there, and nothing has been counted. */
static inline void begin_watching(const char *path) {
    static char watched[FOLDER_PATH_SIZE];
    assert_true(snprintf(watched, sizeof watched, "%s", path) < FOLDER_PATH_SIZE);
    watch_init(&watch, loop, watched, on_changed);
    read_folder();
    changes = reads = 0;
    take_notice();
    assert_true(is_at_rest());
}

static inline void assert_read_again(void) {
    wait_until(has_read);
    wait_until(is_at_rest);
    changes = reads = 0;
}

static inline void assert_left_alone(void) {
    take_notice();
    assert_true(is_at_rest());
    assert_int_equal(changes, 0);
}

static inline int watching_open(void **state) {
    (void)state;
    changes = reads = 0;
    during_read = NULL;
    loop = loop_new(NULL);
    return loop == NULL ? -1 : folder_open();
}

static inline int watching_close(void **state) {
    (void)state;
    watch_reset(&watch);
    loop_free(loop);
    return folder_remove();
}

#endif
