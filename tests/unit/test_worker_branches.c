/* all{}: branches of a run, their order, their errors, their chance and time. */
#include "worker_kit.h"
#include <stdio.h>

#define LINE1 "failed 1 error RouterJobQueued.lua:1: "

static void test_two_branches_interleaved(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local function get(id) return function()\n"
                      "    local one = router.jobs.get(id)\n"
                      "    return one .. router.jobs.get(id)\n"
                      "  end end\n"
                      "  local a, b, c = all { get 'x', get 'y', function() return 'z', 'dropped' end }\n"
                      "  return { a, b, c, router.jobs.get 'end' }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1a router.jobs.get [\"x\"]\n"
                                            "want 1 2b router.jobs.get [\"y\"]\n");
    world_answer(&world, 1, 2, "\"y1 \"");
    assert_string_equal(world_take(&world), "want 1 3b router.jobs.get [\"y\"]\n");
    world_answer(&world, 1, 2, "\"late\"");
    world_answer(&world, 1, 3, "\"y2\"");
    assert_string_equal(world_take(&world), "");
    world_answer(&world, 1, 3, "\"late\"");
    world_answer(&world, 1, 1, "\"x1 \"");
    world_answer(&world, 1, 4, "\"x2\"");
    assert_string_equal(world_take(&world), "want 1 4a router.jobs.get [\"x\"]\n"
                                            "want 1 5 router.jobs.get [\"end\"]\n");
    assert_int_equal(worker_count(world.worker).late_answers, 2);
    world_answer(&world, 1, 5, "1");
    assert_string_equal(world_take(&world), "done 1 [\"x1 x2\",\"y1 y2\",\"z\",1,{\"etag\":\"\\\"e\\\"\","
                                            "\"repeated\":false,\"status\":200}]\n");
    world_close(&world);
}

static void test_values(void **state) {
    (void)state;
    world_expect("return select('#', all {})", "done 1 0\n");
    world_expect("local a, b, c = all { function() end, function() return false end, function() return 3, 4 end } "
                 "return { a == nil, b, c }",
                 "done 1 [true,false,3]\n");
    world_expect("return select('#', all { function() end, function() end })", "done 1 2\n");
    world_expect("local t = all { function() return { print } end } return t[1] == print", "done 1 true\n");
    world_expect("local list = {} for i = 1, 1000 do list[i] = function() return i end end "
                 "local got = { all(list) } return #got + got[1000]",
                 "done 1 2000\n");
}

/* All are waited for; then the first in order is raised, and not the first in time. */
static void test_errors(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local ok, why = pcall(all, {\n"
                      "    function() router.jobs.get 'slow' error { message = 'first' } end,\n"
                      "    function() error 'second' end,\n"
                      "    function() router.jobs.get 'other' end,\n"
                      "  })\n"
                      "  return { ok, why.message }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1a router.jobs.get [\"slow\"]\n"
                                            "want 1 2b router.jobs.get [\"other\"]\n");
    world_answer(&world, 1, 1, "1");
    assert_string_equal(world_take(&world), "");
    world_answer(&world, 1, 2, "1");
    assert_string_equal(world_take(&world), "done 1 [false,\"first\"]\n");
    world_close(&world);
}

/* Where it was raised stands first, through branches of branches. */
static void test_traceback(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "local function inner() error 'lost' end\n"
                      "local function outer()\n"
                      "  return (all { function() return (inner()) end })\n"
                      "end\n"
                      "return function()\n"
                      "  local _ = all { function() end, outer }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "failed 1 error RouterJobQueued.lua:1: lost\n");
    assert_string_equal(world.traceback.bytes, "\tin error\n"
                                               "\tRouterJobQueued.lua:1: in function 'inner'\n"
                                               "\tRouterJobQueued.lua:3: in the function of line 3\n"
                                               "\tin all\n"
                                               "\tRouterJobQueued.lua:3: in the function of line 2\n"
                                               "\tin all\n"
                                               "\tRouterJobQueued.lua:6: in the function of line 5\n");
    world_close(&world);
}

static void test_answers_that_are_errors(void **state) {
    (void)state;
    struct world world;
    world_open_script(
        &world, 64, "return function() all { function() router.jobs.get 'j' end, function() fail 'no' end } end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_refuse(&world, 1, 1, 503, "{\"message\":\"busy\",\"retryable\":true}");
    assert_string_equal(world_take(&world),
                        "want 1 1a router.jobs.get [\"j\"]\n"
                        "failed 1 answer router.jobs.get: 503: busy {\"message\":\"busy\",\"operation\":"
                        "\"router.jobs.get\",\"repeated\":true,\"retryable\":true,\"status\":503}\n");
    world_close(&world);
}

/* What a branch holds open is closed when it raises, as on any way out of a function; closing may wait. */
static void test_closing(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local function free() router.jobs.get 'free' end\n"
                      "  return pcall(all, { function()\n"
                      "    local lock <close> = setmetatable({}, { __close = free })\n"
                      "    error 'x'\n"
                      "  end })\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_answer(&world, 1, 1, "1");
    assert_string_equal(world_take(&world), "want 1 1a router.jobs.get [\"free\"]\ndone 1 false\n");
    world_close(&world);
}

static void test_memory(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 8,
                      "return function()\n"
                      "  all { function() end, function()\n"
                      "    local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end\n"
                      "  end }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world),
                        "failed 1 memory RouterJobQueued.lua:2: not enough memory: a run may use "
                        "8 MiB (limits.run_memory_mib)\n");
    world_run(&world, 2, WORLD_SCRIPT);
    assert_memory_equal(world_take(&world), "failed 2 memory", 15);
    world_close(&world);
}

static const char nested[] = "return function()\n"
                             "  local function get(id) return function() return router.jobs.get(id) end end\n"
                             "  local function pair(id) return function()\n"
                             "    local a, b = all { get(id .. 1), get(id .. 2) }\n"
                             "    return a + b\n"
                             "  end end\n"
                             "  local x, y = all { pair 'x', pair 'y' }\n"
                             "  local z = all { get 'z' }\n"
                             "  return x * y * z\n"
                             "end";

static void take_nested(struct world *world, uint64_t run) {
    char told[512];
    world_run(world, run, WORLD_SCRIPT);
    world_answer(world, run, 4, "4");
    world_answer(world, run, 1, "1");
    world_answer(world, run, 2, "2");
    world_answer(world, run, 3, "3");
    world_answer(world, run, 5, "10");
    snprintf(told, sizeof told,
             "want %d 1a router.jobs.get [\"x1\"]\nwant %d 2b router.jobs.get [\"x2\"]\n"
             "want %d 3c router.jobs.get [\"y1\"]\nwant %d 4d router.jobs.get [\"y2\"]\n"
             "want %d 5e router.jobs.get [\"z\"]\ndone %d 210\n",
             (int)run, (int)run, (int)run, (int)run, (int)run, (int)run);
    assert_string_equal(world_take(world), told);
}

/* The letters stand for numbers: the same branch has the same one in each run. */
static void test_nested_and_their_numbers(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, nested);
    take_nested(&world, 1);
    assert_int_equal(world.branch_count, 5);
    take_nested(&world, 2);
    assert_int_equal(world.branch_count, 5);
    world_close(&world);
}

static const char chances[] =
    "return function()\n"
    "  local function draw() return math.random(0) .. ' ' .. uuid() end\n"
    "  local mine = draw()\n"
    "  local a, b = all { draw, function() router.jobs.get 'j' return draw() end }\n"
    "  local c = all { draw }\n"
    "  return mine ~= a and mine ~= b and a ~= b and a ~= c and b ~= c and mine ~= c and\n"
    "    table.concat({ mine, a, b, c, draw() }, ',')\n"
    "end";

static void test_chance(void **state) {
    (void)state;
    struct world world;
    char first[512];
    world_open_script(&world, 64, chances);
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_answer(&world, 1, 1, "1");
    snprintf(first, sizeof first, "%s", world_take(&world));
    assert_null(strstr(first, "false"));
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_answer(&world, 1, 1, "1");
    assert_string_equal(world_take(&world), first);
    world_close(&world);
}

static void test_clocks(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local times = {}\n"
                      "  local function see(i) return function()\n"
                      "    local before = now()\n"
                      "    router.jobs.get(tostring(i))\n"
                      "    times[i] = { before, now(), os.time() }\n"
                      "  end end\n"
                      "  router.jobs.get 'start'\n"
                      "  all { see(1), see(2), function() end }\n"
                      "  return { times, now() }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_answer_at(&world, 1, 1, 2000000000, "1");
    world_answer_at(&world, 1, 2, 2000000050, "1");
    world_answer_at(&world, 1, 3, 2000000020, "1");
    assert_non_null(strstr(world_take(&world), "done 1 [[[2000000000,2000000050,2000000050],"
                                               "[2000000000,2000000020,2000000020]],2000000050]\n"));
    world_run(&world, 2, WORLD_SCRIPT);
    world_answer_at(&world, 2, 1, 2000000000, "1");
    world_answer_at(&world, 2, 3, 2000000020, "1");
    world_answer_at(&world, 2, 2, 2000000050, "1");
    assert_non_null(strstr(world_take(&world), "done 2 [[[2000000000,2000000050,2000000050],"
                                               "[2000000000,2000000020,2000000020]],2000000050]\n"));
    world_close(&world);
}

static void test_misuse(void **state) {
    (void)state;
    world_expect("all(print, print)", LINE1 "all takes one list of functions: all{f, g}\n");
    world_expect("all()", LINE1 "all takes one list of functions: all{f, g}\n");
    world_expect("all { job = print }", LINE1 "bad argument to all: a function with a name ('job'); give a list, "
                                              "all{f, g}, and take the values in its order\n");
    world_expect("all { print, 5 }",
                 LINE1 "bad argument to all: expected a list of functions, got a number in it\n");
    world_expect("all { print, nil, print, [7] = print }",
                 LINE1 "bad argument to all: the list of functions has holes\n");
    world_expect("local list = {} for i = 1, 1001 do list[i] = print end all(list)",
                 LINE1 "all: a run may do 1000 things at the same time, and no more; do them in several calls\n");
    world_expect("local list = {} for i = 1, 600 do list[i] = function() end end all(list) all(list)",
                 "done 1 \n");
    world_expect("local list = {} for i = 1, 999 do list[i] = function() end end "
                 "all { function() all(list) end }",
                 "done 1 \n");
    world_expect("local list = {} for i = 1, 1000 do list[i] = function() end end "
                 "all { function() all(list) end }",
                 LINE1 "all: a run may do 1000 things at the same time, and no more; do them in several calls\n");
    world_expect("table.sort({ 1, 2 }, function() all { print } end)",
                 LINE1 "all cannot wait inside table.sort: do it before or after\n");
    world_expect("all { function() table.sort({ 1, 2 }, function() router.jobs.get 'j' end) end }",
                 LINE1 "router.jobs.get cannot wait inside table.sort: do it before or after\n");
}

/* The branches go with their run; answers to them are late. */
static void test_cancel(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, nested);
    world_run(&world, 1, WORLD_SCRIPT);
    world_answer(&world, 1, 1, "1");
    worker_cancel(world.worker, 1);
    world_answer(&world, 1, 2, "1");
    world_answer(&world, 1, 3, "1");
    assert_int_equal(worker_count(world.worker).late_answers, 2);
    assert_int_equal(worker_count(world.worker).runs, 0);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    world_close(&world); /* under way */
}

/* The collector may run between any two answers: what waits is kept by what it waits for. */
static void test_collector(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 16,
                      "return function()\n"
                      "  local function busy(id) return function()\n"
                      "    local sum = 0\n"
                      "    for i = 1, 20 do\n"
                      "      local rubbish = ('x'):rep(200000 + i)\n"
                      "      sum = sum + router.jobs.get(id) + #rubbish * 0\n"
                      "    end\n"
                      "    return sum\n"
                      "  end end\n"
                      "  local a, b = all { busy 'a', busy 'b' }\n"
                      "  return a + b\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    for (uint32_t wait = 1; wait <= 40; wait++) {
        world_answer(&world, 1, wait, "1");
    }
    const char *told = world_take(&world);
    assert_non_null(strstr(told, "done 1 40\n"));
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_branches_interleaved),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_traceback),
        cmocka_unit_test(test_answers_that_are_errors),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_nested_and_their_numbers),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_collector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
