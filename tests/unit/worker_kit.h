/* A worker without a process: what it tells its port becomes lines of a transcript that tests compare.
 *
 *     struct world world;
 *     world_open(&world, 64);
 *     world_file(&world, "RouterJobQueued.lua", "return function(event) return event.data.jobId end");
 *     world_load(&world);
 *     world_run(&world, 1, "RouterJobQueued.lua");
 *     assert_string_equal(world_take(&world), "done 1 \"j1\"\n");
 *     world_close(&world);
 */
#ifndef TESTS_WORKER_KIT_H
#define TESTS_WORKER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "worker/worker.h"
#include <inttypes.h>
#include <string.h>

#define WORLD_SCRIPT "RouterJobQueued.lua"
#define WORLD_EVENT                                                                                               \
    "{\"id\":\"e1\",\"topic\":\"/subscriptions/s/resource\",\"subject\":\"job/j1\",\"eventType\":"                \
    "\"Microsoft.Communication.RouterJobQueued\",\"eventTime\":\"2026-03-01T09:30:00Z\",\"dataVersion\":\"1.0\"," \
    "\"data\":{\"jobId\":\"j1\",\"priority\":5,\"labels\":{\"Segment\":\"Gold\"},\"none\":null}}"

struct world {
    struct worker *worker;
    struct buffer lines;
    struct buffer taken;
    struct buffer traceback; /* of the latest failure or refusal */
    uint32_t branches[64];   /* in the order in which they first wanted something: a, b, ... */
    size_t branch_count;
    struct wire_page page;
};

static inline const char *world_branch(struct world *world, uint32_t branch) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    size_t i = 0;
    if (branch == 0) {
        return "";
    }
    while (i < world->branch_count && world->branches[i] != branch) {
        i++;
    }
    if (i == world->branch_count) {
        assert_true(i < sizeof world->branches / sizeof world->branches[0]);
        world->branches[world->branch_count++] = branch;
    }
    return i < 8 ? names[i] : "-";
}

static inline void world_want(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                              struct slice arguments) {
    struct world *world = context;
    buffer_append_format(&world->lines, "want %" PRIu64 " %" PRIu32 "%s %.*s %.*s\n", run, wait,
                         world_branch(world, branch), SLICE_ARG(operation), SLICE_ARG(arguments));
}

static inline void world_log(void *context, uint64_t run, enum log_level level, struct slice message,
                             struct slice fields) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct world *world = context;
    buffer_append_format(&world->lines, "log %" PRIu64 " %s %.*s %.*s\n", run, names[level], SLICE_ARG(message),
                         SLICE_ARG(fields));
}

static inline void world_done(void *context, uint64_t run, enum wire_result result, struct slice value) {
    struct world *world = context;
    const char *what = result == WIRE_RESULT_FILTERED ? "filtered" : "done";
    buffer_append_format(&world->lines, "%s %" PRIu64 " %.*s\n", what, run, SLICE_ARG(value));
}

static inline void world_failed(void *context, uint64_t run, const struct worker_failure *failure) {
    static const char *const kinds[] = {"error", "answer", "memory", "missing"};
    struct world *world = context;
    buffer_append_format(&world->lines, "failed %" PRIu64 " %s %.*s%s%.*s\n", run, kinds[failure->kind],
                         SLICE_ARG(failure->message), failure->error.length > 0 ? " " : "",
                         SLICE_ARG(failure->error));
    buffer_clear(&world->traceback);
    buffer_append_slice(&world->traceback, failure->traceback);
}

static inline void world_loaded(void *context, const struct worker_handler *handlers, size_t count) {
    struct world *world = context;
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&world->lines, "loaded %s %.*s\n", handlers[i].path, SLICE_ARG(handlers[i].options));
    }
}

static inline void world_refused(void *context, struct slice message, struct slice traceback) {
    struct world *world = context;
    buffer_append_format(&world->lines, "refused %.*s\n", SLICE_ARG(message));
    buffer_clear(&world->traceback);
    buffer_append_slice(&world->traceback, traceback);
}

static inline void world_open(struct world *world, size_t run_mib) {
    memset(world, 0, sizeof *world);
    buffer_init(&world->lines, 64 << 20);
    buffer_init(&world->taken, 64 << 20);
    buffer_init(&world->traceback, 1 << 20);
    const struct worker_options options = {run_mib << 20, (4 * run_mib) << 20, 4 << 20, NULL, NULL, 0};
    const struct worker_port port = {world_want,   world_log,     world_done, world_failed,
                                     world_loaded, world_refused, world};
    struct error error = {0};
    world->worker = worker_new(&options, &port, &world->page, &error);
    if (world->worker == NULL) {
        fail_msg("%s", error.message);
    }
}

static inline void world_close(struct world *world) {
    worker_free(world->worker);
    buffer_reset(&world->lines);
    buffer_reset(&world->taken);
    buffer_reset(&world->traceback);
}

/* What was told since the last call. */
static inline const char *world_take(struct world *world) {
    buffer_clear(&world->taken);
    buffer_append_slice(&world->taken, buffer_slice(&world->lines));
    buffer_clear(&world->lines);
    return world->taken.length == 0 ? "" : world->taken.bytes;
}

static inline void world_file(struct world *world, const char *path, const char *text) {
    assert_int_equal(worker_add_file(world->worker, slice_of(path), slice_of(text), NULL), 0);
}

static inline void world_load(struct world *world) {
    assert_int_equal(worker_load(world->worker, NULL), 0);
}

static inline void world_run_event(struct world *world, uint64_t run, const char *handler, const char *event) {
    const struct worker_request request = {.run = run,
                                           .handler = slice_of(handler),
                                           .seq = 40 + run,
                                           .attempt = 2,
                                           .received_us = INT64_C(1772357400500000),
                                           .now_us = INT64_C(1772357401250000),
                                           .seed = 7,
                                           .event = slice_of(event)};
    assert_int_equal(worker_run(world->worker, &request), 0);
}

static inline void world_run(struct world *world, uint64_t run, const char *handler) {
    world_run_event(world, run, handler, WORLD_EVENT);
}

static inline void world_answer(struct world *world, uint64_t run, uint32_t wait, const char *value) {
    const struct worker_answer answer = {.wait = wait,
                                         .status = 200,
                                         .now_us = INT64_C(1772357411250000),
                                         .etag = slice_of("\"e\""),
                                         .value = slice_of(value)};
    worker_answer(world->worker, run, &answer);
}

static inline void world_answer_at(struct world *world, uint64_t run, uint32_t wait, int64_t seconds,
                                   const char *value) {
    const struct worker_answer answer = {.wait = wait, .now_us = seconds * 1000000, .value = slice_of(value)};
    worker_answer(world->worker, run, &answer);
}

/* To step: nothing is remembered under its name. */
static inline void world_not_yet(struct world *world, uint64_t run, uint32_t wait) {
    const struct worker_answer answer = {
        .wait = wait, .outcome = WIRE_OUTCOME_NOT_YET, .now_us = INT64_C(1772357411250000)};
    worker_answer(world->worker, run, &answer);
}

static inline void world_refuse(struct world *world, uint64_t run, uint32_t wait, uint32_t status,
                                const char *value) {
    const struct worker_answer answer = {.wait = wait,
                                         .outcome = WIRE_OUTCOME_ERROR,
                                         .status = status,
                                         .is_repeated = true,
                                         .now_us = INT64_C(1772357411250000),
                                         .value = slice_of(value)};
    worker_answer(world->worker, run, &answer);
}

/* One script, loaded; what loading told is checked and dropped. */
static inline void world_open_script(struct world *world, size_t run_mib, const char *text) {
    world_open(world, run_mib);
    world_file(world, WORLD_SCRIPT, text);
    world_load(world);
    const char *told = world_take(world);
    if (strncmp(told, "loaded ", 7) != 0) {
        fail_msg("%s", told);
    }
}

/* The body of a handler in a world of its own: how its run ends. */
static inline void world_expect(const char *body, const char *expected) {
    struct world world;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_append_format(&text, "return function(event) %s end", body);
    world_open_script(&world, 64, text.bytes);
    world_run(&world, 1, WORLD_SCRIPT);
    const char *told = world_take(&world);
    if (strcmp(told, expected) != 0) {
        fail_msg("%s\n  told:     %s  expected: %s", body, told, expected);
    }
    buffer_reset(&text);
    world_close(&world);
}

#endif
