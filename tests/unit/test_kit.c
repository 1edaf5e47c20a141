/* The kit inside a state of this program's own Lua: under the sanitizers as well, which the distribution's
 * interpreter does not have. What the kit does is in tests/spec/kit_spec.lua. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kit/core.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lua_State *open_kit(void) {
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_switchhook_kit_core);
    lua_setfield(L, -2, "switchhook.kit.core");
    lua_pop(L, 1);
    lua_getglobal(L, "package");
    lua_pushliteral(L, TEST_SOURCE_DIR "/src/kit/lua/?.lua");
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
    return L;
}

/* In a folder of its own, with the scripts that the text writes. */
static void run_text(const char *text) {
    char folder[] = "/tmp/switchhook-kit-XXXXXX";
    assert_non_null(mkdtemp(folder));
    lua_State *L = open_kit();
    lua_pushstring(L, folder);
    lua_setglobal(L, "folder");
    static const char prelude[] = "kit = require 'switchhook.kit'\n"
                                  "files = {}\n"
                                  "function script(name, text)\n"
                                  "  local path = folder .. '/' .. name\n"
                                  "  files[#files + 1] = path\n"
                                  "  local file = assert(io.open(path, 'w'))\n"
                                  "  file:write(text)\n"
                                  "  file:close()\n"
                                  "end\n";
    int status = luaL_dostring(L, prelude) || luaL_dostring(L, text);
    char *words = status != LUA_OK ? strdup(lua_tostring(L, -1)) : NULL;
    assert_int_equal(luaL_dostring(L, "for _, path in ipairs(files) do os.remove(path) end"), LUA_OK);
    lua_close(L);
    assert_int_equal(rmdir(folder), 0);
    if (words != NULL) {
        print_error("%s\n", words);
    }
    free(words);
    assert_int_equal(status, LUA_OK);
}

static void test_a_run_takes_steps(void **state) {
    (void)state;
    run_text("script('RouterJobQueued.lua', [[return function(event)\n"
             "  local job = router.jobs.get(event.data.jobId)\n"
             "  log.info('got', { id = job.id })\n"
             "  sleep(5)\n"
             "  state.increment 'seen'\n"
             "  return router.jobs.activate(job.id, { priority = 3 }).status\n"
             "end]])\n"
             "local host = kit.load(folder)\n"
             "host:answer('router.jobs.get', function(id) return { id = id .. '!' } end)\n"
             "local run = host:deliver('RouterJobQueued', { jobId = 'j1' })\n"
             "assert(run.state == 'waiting')\n"
             "host:advance(5)\n"
             "assert(run.state == 'done' and run.value == 'queued')\n"
             "assert(run.steps[4][2] == 'j1!' and run.steps[4][3].priority == 3 and host.state.seen == 1)\n"
             "assert(run.log[1].fields.id == 'j1!')\n");
}

static void test_a_spec_that_raises_leaves_nothing_behind(void **state) {
    (void)state;
    run_text("script('RouterJobQueued.lua', [[return function(event)\n"
             "  all{ function() router.jobs.get 'a' end, function() router.jobs.get 'b' end }\n"
             "end]])\n"
             "for i = 1, 20 do\n"
             "  local host = kit.load(folder)\n"
             "  host:answer('router.jobs.get', function() error({ 'mine' }) end)\n"
             "  local ok, raised = pcall(host.deliver, host, 'RouterJobQueued')\n"
             "  assert(not ok and raised[1] == 'mine')\n"
             "end\n");
}

static void test_a_loop_ends(void **state) {
    (void)state;
    run_text("script('RouterJobQueued.lua', [[return function(event)\n"
             "  while true do pcall(function() while true do end end) end\n"
             "end]])\n"
             "local host = kit.load(folder, { limits = { instructions = 100000 } })\n"
             "local ok, raised = pcall(host.deliver, host, 'RouterJobQueued')\n"
             "assert(not ok and raised:find('goes on and on', 1, true), raised)\n");
}

static void test_a_worker_may_be_dropped_with_runs_under_way(void **state) {
    (void)state;
    run_text("script('RouterJobQueued.lua', 'return function() sleep(10) log.info(\"x\") end')\n"
             "for i = 1, 50 do kit.load(folder):deliver('RouterJobQueued') end\n"
             "collectgarbage()\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_takes_steps),
        cmocka_unit_test(test_a_spec_that_raises_leaves_nothing_behind),
        cmocka_unit_test(test_a_loop_ends),
        cmocka_unit_test(test_a_worker_may_be_dropped_with_runs_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
