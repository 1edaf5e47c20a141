/* Every run starts fresh: nothing goes from run to run, nor from script to script. */
#include "worker_kit.h"
#include <stdio.h>

static void test_nothing_is_left(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(&world, "RouterJobQueued.lua",
               "local count = 0\n"
               "total = (total or 0) + 1\n"
               "local shared = require 'counter'\n"
               "return function()\n"
               "  count = count + 1\n"
               "  total = total + 1\n"
               "  string_cache = string_cache or {}\n"
               "  string_cache[#string_cache + 1] = count\n"
               "  shared.n = shared.n + 1\n"
               "  return { count, total, #string_cache, shared.n, math.random(1000000) }\n"
               "end");
    world_file(&world, "Other.lua",
               "return function() return { total == nil, string_cache == nil, require 'counter'.n } end");
    world_file(&world, "lib/counter.lua", "leak = 'module' return { n = 10 }");
    world_load(&world);
    assert_string_equal(world_take(&world), "loaded Other.lua {}\nloaded RouterJobQueued.lua {}\n");
    world_run(&world, 1, "RouterJobQueued.lua");
    char first[64];
    snprintf(first, sizeof first, "%s", world_take(&world));
    assert_memory_equal(first, "done 1 [1,2,1,11,", 17);
    world_run(&world, 2, "Other.lua");
    assert_string_equal(world_take(&world), "done 2 [true,true,10]\n");
    world_run(&world, 3, "RouterJobQueued.lua");
    const char *second = world_take(&world);
    assert_string_equal(second + 7, first + 7);
    world_close(&world);
}

/* Two runs of one script that wait in turn keep their own globals, upvalues and modules. */
static void test_interleaved_runs(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(&world, WORLD_SCRIPT,
               "local steps = 0\n"
               "local function step(id) steps = steps + 1 trail = (trail or '') .. id router.jobs.get(id) end\n"
               "return function(event)\n"
               "  local module = require 'trail'\n"
               "  for _ = 1, 2 do step(event.id) module.add(event.id) end\n"
               "  return trail .. steps .. module.all() .. tostring(_ENV.trail == trail)\n"
               "end");
    world_file(&world, "lib/trail.lua",
               "local list = ''\n"
               "return { add = function(id) list = list .. id end, all = function() return list end }");
    world_load(&world);
    world_take(&world);
    world_run_event(&world, 1, WORLD_SCRIPT, "{\"id\":\"a\",\"eventType\":\"X\"}");
    world_run_event(&world, 2, WORLD_SCRIPT, "{\"id\":\"b\",\"eventType\":\"X\"}");
    assert_string_equal(world_take(&world),
                        "want 1 1 router.jobs.get [\"a\"]\nwant 2 1 router.jobs.get [\"b\"]\n");
    world_answer(&world, 2, 1, "{}");
    world_answer(&world, 1, 1, "{}");
    world_answer(&world, 2, 2, "{}");
    world_answer(&world, 1, 2, "{}");
    assert_string_equal(world_take(&world), "want 2 2 router.jobs.get [\"b\"]\nwant 1 2 router.jobs.get [\"a\"]\n"
                                            "done 2 \"bb2bbtrue\"\ndone 1 \"aa2aatrue\"\n");
    world_close(&world);
}

static void test_same_seed_same_run(void **state) {
    (void)state;
    struct world world;
    world_open_script(
        &world, 64,
        "return function()\n"
        "  local list = { uuid(), math.random(), math.random(0), math.random(6), math.random(-5, 5) }\n"
        "  router.jobs.get 'j'\n"
        "  list[#list + 1] = uuid()\n"
        "  return list\n"
        "end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_run(&world, 2, WORLD_SCRIPT);
    world_take(&world);
    world_answer(&world, 1, 1, "");
    char first[512];
    snprintf(first, sizeof first, "%s", world_take(&world));
    world_answer(&world, 2, 1, "");
    assert_string_equal(world_take(&world) + 7, first + 7);
    assert_int_equal(first[22 + 1], '4');
    world_close(&world);
    world_expect("math.randomseed(5) local a = math.random() math.randomseed(5) return a == math.random()",
                 "done 1 true\n");
    world_expect("math.random(2, 1)",
                 "failed 1 error RouterJobQueued.lua:1: bad argument #2 to 'random' (interval is "
                 "empty)\n");
    world_expect(
        "local seen = {} for _ = 1, 500 do seen[math.random(3)] = true end return { seen[0] == nil, seen[1], "
        "seen[2], seen[3], seen[4] == nil }",
        "done 1 [true,true,true,true,true]\n");
}

static void test_time_is_the_runs(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local before = { now(), os.time(), os.clock(), os.date() }\n"
                      "  router.jobs.get 'j'\n"
                      "  return { before, { now(), os.time(), os.clock(), os.date '!%Y-%m-%dT%H:%M:%SZ' } }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_answer(&world, 1, 1, "");
    assert_string_equal(world_take(&world), "done 1 [[1772357401.25,1772357401,0,\"Sun Mar  1 09:30:01 2026\"],"
                                            "[1772357411.25,1772357411,10,\"2026-03-01T09:30:11Z\"]]\n");
    world_close(&world);
    world_expect("return os.time { year = 2026, month = 3, day = 1, hour = 9, min = 30 }", "done 1 1772357400\n");
    world_expect("local t = os.date('*t', 0) return { t.year, t.month, t.day, t.hour, t.yday, t.wday, t.isdst }",
                 "done 1 [1970,1,1,0,1,5,false]\n");
    world_expect("local t = { year = 2026, month = 14, day = 1 } os.time(t) return t.year * 100 + t.month",
                 "done 1 202702\n");
    world_expect("os.date '%Q'",
                 "failed 1 error RouterJobQueued.lua:1: bad argument 'format' to os.date: there is no "
                 "conversion '%Q'\n");
    world_expect("os.date('%')",
                 "failed 1 error RouterJobQueued.lua:1: bad argument 'format' to os.date: there is no "
                 "conversion '%'\n");
    world_expect("os.time {}", "failed 1 error RouterJobQueued.lua:1: field 'year' missing in date table\n");
    world_expect("return os.difftime(10, 4)", "done 1 6\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_interleaved_runs),
        cmocka_unit_test(test_same_seed_same_run),
        cmocka_unit_test(test_time_is_the_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
