/* Memory is bounded as a whole and for each run, and is credited to whom it was charged. */
#include "worker_kit.h"

#include "lua/memory.h"
#include "lua/sandbox.h"
#include <lua.h>
#include <stdlib.h>

static void test_accounts(void **state) {
    (void)state;
    struct memory memory;
    memory_init(&memory, 1 << 20);
    uint32_t a;
    uint32_t b;
    assert_int_equal(memory_open(&memory, 1000, &a), 0);
    assert_int_equal(memory_open(&memory, 1000, &b), 0);
    memory_charge(&memory, a);
    void *block = memory_allocate(&memory, NULL, 0, 500);
    assert_non_null(block);
    assert_true(memory_used(&memory, a) >= 500);
    assert_int_equal(memory_used(&memory, b), 0);
    assert_null(memory_allocate(&memory, NULL, 0, 500));
    assert_int_equal(memory.refusal, MEMORY_OVER_RUN);
    memory_charge(&memory, b);
    void *other = memory_allocate(&memory, NULL, 0, 500);
    assert_non_null(other);
    /* b grows and then frees what is a's: a is charged and credited */
    assert_null(memory_allocate(&memory, block, 500, 1100));
    block = memory_allocate(&memory, block, 500, 900);
    assert_non_null(block);
    assert_true(memory_used(&memory, a) >= 900);
    memory_allocate(&memory, block, 900, 0);
    assert_int_equal(memory_used(&memory, a), 0);
    memory_allocate(&memory, other, 500, 0);
    assert_int_equal(memory.used, 0);
    memory_reset(&memory);
}

static void test_slot_is_used_again(void **state) {
    (void)state;
    struct memory memory;
    memory_init(&memory, 1 << 20);
    uint32_t first;
    uint32_t second;
    assert_int_equal(memory_open(&memory, 1000, &first), 0);
    memory_charge(&memory, first);
    void *left = memory_allocate(&memory, NULL, 0, 800);
    memory_close(&memory, first);
    assert_int_equal(memory.current, MEMORY_SHARED);
    assert_int_equal(memory_open(&memory, 1000, &second), 0);
    assert_int_equal(first, second);
    memory_charge(&memory, second);
    void *block = memory_allocate(&memory, NULL, 0, 800);
    assert_non_null(block);
    /* what the earlier run left is nobody's */
    memory_allocate(&memory, left, 800, 0);
    assert_true(memory_used(&memory, second) >= 800);
    memory_allocate(&memory, block, 800, 0);
    assert_int_equal(memory.used, 0);
    memory_reset(&memory);
}

static void test_whole_and_relaxed(void **state) {
    (void)state;
    struct memory memory;
    memory_init(&memory, 1000);
    assert_null(memory_allocate(&memory, NULL, 0, 1000));
    assert_int_equal(memory.refusal, MEMORY_OVER_ALL);
    assert_null(memory_allocate(&memory, NULL, 0, SIZE_MAX));
    memory_relax(&memory, true);
    void *block = memory_allocate(&memory, NULL, 0, 2000);
    assert_non_null(block);
    assert_true(memory_is_over(&memory));
    memory_relax(&memory, false);
    assert_null(memory_allocate(&memory, NULL, 0, 1));
    /* to make it smaller never fails */
    block = memory_allocate(&memory, block, 2000, 1900);
    assert_non_null(block);
    memory_allocate(&memory, block, 1900, 0);
    assert_false(memory_is_over(&memory));
    memory_reset(&memory);
}

#define HOG                                                                                                       \
    "return function(event)\n"                                                                                    \
    "  local mine = {}\n"                                                                                         \
    "  if event.id == 'quiet' then\n"                                                                             \
    "    for i = 1, 1000 do mine[i] = 'kept ' .. i end\n"                                                         \
    "    router.jobs.get 'j'\n"                                                                                   \
    "    for i = 1, 1000 do assert(mine[i] == 'kept ' .. i) end\n"                                                \
    "    return 'unharmed'\n"                                                                                     \
    "  end\n"                                                                                                     \
    "  for i = 1, math.huge do mine[i] = ('x'):rep(1000) .. i end\n"                                              \
    "end"

static void test_runaway_hurts_only_itself(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 4, HOG);
    world_run_event(&world, 1, WORLD_SCRIPT, "{\"id\":\"quiet\",\"eventType\":\"X\"}");
    world_take(&world);
    for (uint64_t run = 2; run < 12; run++) {
        world_run(&world, run, WORLD_SCRIPT);
        const char *told = world_take(&world);
        assert_non_null(strstr(told, " memory RouterJobQueued.lua:9: not enough memory: a run may use 4 MiB "
                                     "(limits.run_memory_mib)\n"));
        assert_non_null(strstr(world.traceback.bytes, "RouterJobQueued.lua:9: in"));
    }
    world_answer(&world, 1, 1, "{}");
    assert_string_equal(world_take(&world), "done 1 \"unharmed\"\n");
    world_close(&world);
}

/* One block that is too large, and a string.rep that asks for it at once. */
static void test_one_large_block(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 4, "return function() return #('x'):rep(5 << 20) end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_non_null(strstr(world_take(&world), "failed 1 memory RouterJobQueued.lua:1: not enough memory"));
    world_close(&world);
    world_open_script(&world, 4,
                      "return function() local ok, why = pcall(string.rep, 'x', 5 << 20) return { ok, why } end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "done 1 [false,\"not enough memory\"]\n");
    world_close(&world);
}

/* Garbage of runs that have ended is given back: far more than the whole's limit goes through. */
static void test_garbage_is_given_back(void **state) {
    (void)state;
    struct world world;
    world_open_script(
        &world, 4,
        "return function() local t = {} for i = 1, 2000 do t[i] = ('x'):rep(1000) .. i end return 1 end");
    for (uint64_t run = 1; run <= 30; run++) {
        world_run(&world, run, WORLD_SCRIPT);
        assert_non_null(strstr(world_take(&world), "done "));
    }
    assert_int_equal(worker_count(world.worker).runs, 0);
    world_close(&world);
}

static int no_more(lua_State *L) {
    (void)L;
    return 0;
}

/* Its work is by what lives, not by what is garbage: it waits until there is several times as much. */
static void test_collector_is_patient(void **state) {
    (void)state;
    struct sandbox *sandbox = sandbox_new(64 << 20, no_more, NULL, NULL);
    assert_non_null(sandbox);
    lua_gc(sandbox->L, LUA_GCCOLLECT);
    size_t living = sandbox->memory.used, most = 0;
    for (int i = 0; i < 500 * 1000; i++) {
        lua_createtable(sandbox->L, 0, 1);
        lua_pop(sandbox->L, 1);
        most = sandbox->memory.used > most ? sandbox->memory.used : most;
    }
    assert_in_range(most, 7 * living / 2, 7 * living);
    sandbox_free(sandbox);
}

/* Many runs that each stay under their limit and together pass the whole's. */
static void test_all_together(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 4,
                      "return function() local t = {} for i = 1, 2800 do t[i] = i .. ('x'):rep(1000) end "
                      "router.jobs.get 'j' return "
                      "#t end");
    uint64_t run = 1;
    const char *told;
    do {
        world_run(&world, run++, WORLD_SCRIPT);
        told = world_take(&world);
    } while (strstr(told, "want ") != NULL && run < 20);
    assert_non_null(
        strstr(told, "not enough memory: all runs of a worker may use 16 MiB (limits.worker_memory_mib)"));
    for (uint64_t i = 1; i < run - 1; i++) {
        world_answer(&world, i, 1, "{}");
        assert_non_null(strstr(world_take(&world), " 2800\n"));
    }
    world_run(&world, 100, WORLD_SCRIPT);
    assert_non_null(strstr(world_take(&world), "want 100 1"));
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),          cmocka_unit_test(test_slot_is_used_again),
        cmocka_unit_test(test_whole_and_relaxed), cmocka_unit_test(test_runaway_hurts_only_itself),
        cmocka_unit_test(test_one_large_block),   cmocka_unit_test(test_garbage_is_given_back),
        cmocka_unit_test(test_all_together),      cmocka_unit_test(test_collector_is_patient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
