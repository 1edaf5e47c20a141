/* Every allocation of a worker's life fails once: the scripts load or are refused, the run ends one way or the
 * other, and nothing is lost on the way. Lua itself collects and asks again, so that most of its failures heal. */
#include "unit/worker_kit.h"

#include "fault/alloc.h"

static const char script[] = "local lib = require 'lib'\n"
                             "return {\n"
                             "  timeout = 5,\n"
                             "  handle = function(event)\n"
                             "    log.info('seen', { id = event.id, at = event.parsed.time })\n"
                             "    local ok, why = pcall(router.jobs.get, event.data.jobId)\n"
                             "    for k in pairs(event) do lib.add(k) end\n"
                             "    if not ok then error(why) end\n"
                             "    all { function() return time.format(0) end, function() all { uuid } end }\n"
                             "    return { json.encode(event), uuid(), os.date() }\n"
                             "  end,\n"
                             "}\n";

static int set_up(struct world *world, struct error *error) {
    if (worker_add_file(world->worker, slice_of(WORLD_SCRIPT), slice_of(script), error) < 0 ||
        worker_add_file(world->worker, slice_of("lib/lib.lua"),
                        slice_of("local M, n = {}, 0 function M.add() n = n + 1 end return M"), error) < 0) {
        return -1;
    }
    return worker_load(world->worker, error);
}

/* Two runs: one is answered, one is refused. */
static int live(void *context, struct error *error) {
    (void)context;
    struct world world = {0};
    buffer_init(&world.lines, 1 << 20);
    buffer_init(&world.taken, 1 << 20);
    buffer_init(&world.traceback, 1 << 20);
    const struct worker_options options = {16 << 20, 64 << 20, 1 << 20, NULL, NULL, 0};
    const struct worker_port port = {world_want,   world_log,     world_done, world_failed,
                                     world_loaded, world_refused, &world};
    int result = -1;
    world.worker = worker_new(&options, &port, NULL, error);
    if (world.worker == NULL || set_up(&world, error) < 0) {
        goto out;
    }
    for (uint64_t run = 1; run <= 2; run++) {
        const struct worker_request request = {
            .run = run, .handler = slice_of(WORLD_SCRIPT), .attempt = 1, .event = slice_of(WORLD_EVENT)};
        if (worker_run(world.worker, &request) < 0) {
            error_memory(error);
            goto out;
        }
    }
    world_answer(&world, 1, 1, "{\"labels\":[\"a\\nb\"]}");
    world_refuse(&world, 2, 1, 404, "{\"code\":\"NotFound\",\"message\":\"no \\\"job\\\"\",\"retryable\":false}");
    assert_int_equal(worker_count(world.worker).runs, 0);
    result = 0;
out:
    world_close(&world);
    return result;
}

static void test_every_allocation(void **state) {
    (void)state;
    assert_true(fault_alloc_each(live, NULL) > 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
