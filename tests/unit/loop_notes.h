/* What the tests of the loop share: one loop, and a text to which each callback adds its letter. */
#ifndef UNIT_LOOP_NOTES_H
#define UNIT_LOOP_NOTES_H

#include "base/list.h"
#include "base/loop.h"
#include <string.h>

/* One test's things: callbacks have no other way to them. */
static struct loop *loop;
static char happened[256];

static inline int setup(void **state) {
    (void)state;
    happened[0] = '\0';
    loop = loop_new(NULL);
    return loop == NULL ? -1 : 0;
}

static inline int teardown(void **state) {
    (void)state;
    loop_free(loop);
    return 0;
}

static inline void note(char what) {
    size_t length = strlen(happened);
    assert_true(length + 1 < sizeof happened);
    happened[length] = what;
    happened[length + 1] = '\0';
}

struct named_timer {
    struct loop_timer timer;
    char name;
};

struct named_task {
    struct loop_task task;
    char name;
};

static inline void note_timer(struct loop_timer *timer) {
    note(CONTAINER_OF(timer, struct named_timer, timer)->name);
}

static inline void stop_timer(struct loop_timer *timer) {
    (void)timer;
    loop_stop(loop);
}

static inline void note_task(struct loop_task *task) {
    note(CONTAINER_OF(task, struct named_task, task)->name);
}

static inline void stop_task(struct loop_task *task) {
    (void)task;
    loop_stop(loop);
}

#endif
