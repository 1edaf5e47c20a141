/* What the tests of processes and of generations share: a loop, a folder, what was heard of workers, and waiting
 * for it. */
#ifndef UNIT_HOST_WORKERS_H
#define UNIT_HOST_WORKERS_H

#include "base/clock.h"
#include "crypto/crypto.h"
#include "host/process.h"
#include "unit/host_folder.h"
#include <signal.h>

static const char program[] = TEST_BINARY_DIR "/switchhook-worker";

enum { DEADLINE_S = 120, LOOK_MS = 2, SLICE_MS = 200, LOG_SIZE = 4096 };

/* The thread sanitizer puts signals off, so a worker cannot tell where it is. */
#ifdef __SANITIZE_THREAD__
static const bool has_places = false;
#else
static const bool has_places = true;
#endif

static struct loop *loop;
static char said[LOG_SIZE]; /* what was heard, a word each */
static struct process_death death;
static unsigned deaths;
static struct loop_timer looker;
static int64_t waits_until;
static const char *awaited;

static inline int open_loop(void **state) {
    (void)state;
    said[0] = '\0';
    deaths = 0;
    death = (struct process_death){0};
    loop = crypto_start(NULL) < 0 ? NULL : loop_new(NULL);
    return loop == NULL ? -1 : folder_open();
}

static inline void on_look(struct loop_timer *timer) {
    if (strstr(said, awaited) != NULL || clock_monotonic_ns() > waits_until) {
        loop_stop(loop);
    } else {
        loop_timer_set(loop, timer, clock_monotonic_ns() + LOOK_MS * CLOCK_NS_PER_MS, on_look);
    }
}

static inline void wait_for(const char *words) {
    awaited = words;
    waits_until = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    loop_timer_set(loop, &looker, 0, on_look);
    loop_run(loop);
    if (strstr(said, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, said);
    }
}

static inline void say(const char *word) {
    size_t length = strlen(said);
    assert_true(snprintf(said + length, sizeof said - length, "%s ", word) < (int)(sizeof said - length));
}

static inline void hear(const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);

    switch (frame->type) {
    case WIRE_HELLO: say(wire_get_u32(&reader) == WIRE_VERSION ? "hello" : "stranger"); break;
    case WIRE_LOADED: say("loaded"); break;
    case WIRE_REFUSED: say("refused"); break;
    case WIRE_LOG: say("log"); break;
    case WIRE_DONE: say("done"); break;
    case WIRE_FAILED: say("failed"); break;
    default: say("other"); break;
    }
}

/* Call it after what was tested is freed. */
static inline int close_loop(void) {
    wait_for(""); /* what was put off to the end of the turn */
    loop_free(loop);
    return folder_remove();
}

#endif
