/* What a script cannot reach. */
#include "worker_kit.h"
#include <stdio.h>

/* Each must raise; and whatever it did, the next run must find everything as it was. */
static const char *const attempts[] = {
    "string.dump(function() end)",
    "string.format = function() return 'poisoned' end",
    "string.new = 1",
    "string['rep'] = nil",
    "getmetatable('').__index = {}",
    "getmetatable('').__index.rep = 1",
    "setmetatable(getmetatable(''), {})",
    "('').rep = 1",
    "rawset(string, 'rep', 1)",
    "rawset(math, 'random', 1)",
    "rawset(router, 'jobs', 1)",
    "rawset(router.jobs, 'get', 1)",
    "rawset(log, 'info', 1)",
    "rawset(_ENV.string, 'rep', 1)",
    "router.jobs.get = 1",
    "router.jobs = {}",
    "json.null = 1",
    "os.time = 1",
    "utf8.char = 1",
    "table.insert(string, 1)",
    "table.insert(router.jobs, 'x')",
    "table.remove(string)",
    "table.move({ 1 }, 1, 1, 1, math)",
    "table.sort(string, function() end) table.move({1}, 1, 1, 1, string)",
    "setmetatable(string, {})",
    "setmetatable(string, nil)",
    "setmetatable(router, { __index = {} })",
    "setmetatable(_G, { __index = {} })",
    "setmetatable(_ENV, nil)",
    "getmetatable(_G).__index = {}",
    "getmetatable(_G).__index.string = 1",
    "getmetatable(string).__index.rep = 1",
    "getmetatable(json.null).x = 1",
    "getmetatable(json.array()).x = 1",
    "getmetatable(select(2, pcall(fail, 'x'))).__tostring = 1",
    "for _, v in pairs(string) do v = nil end string.rep = nil",
    "setmetatable({}, { __gc = function() end })",
    "setmetatable({}, { __gc = true })",
    "load(string.pack('s', ''))()",
    "assert(load('\\27Lua'))",
    "assert(load('return 1', 'x', 'b'))",
    "load(function() return 'return 1' end)",
    "debug.sethook()",
    "debug.getregistry()",
    "io.open('/etc/passwd')",
    "io.popen('true')",
    "os.execute('true')",
    "os.getenv('PATH')",
    "os.exit(0)",
    "os.remove('x')",
    "os.rename('x', 'y')",
    "os.tmpname()",
    "os.setlocale('C')",
    "dofile('/etc/passwd')",
    "loadfile('/etc/passwd')",
    "collectgarbage()",
    "next({})",
    "coroutine.create(print)",
    "coroutine.yield()",
    "package.loadlib('x', 'y')",
    "package.loaded.x = 1",
    "require('io')",
    "require('../RouterJobQueued')",
    "warn('@on')",
    "error('x', 1)",
    "local function f() return f() + 1 end f()",
    "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
    "local t = {} for i = 1, 300 do t = setmetatable({}, { __index = t }) end for i = 1, 250 do t = "
    "setmetatable({}, "
    "{ __index = function() return t.x end }) end return t.x",
    "string.rep('x', 1 << 40)",
    "('x'):rep(1e9)",
    "return ('x'):rep(70 << 20)",
    "string.format('%99999d', 1)",
    "table.concat(setmetatable({}, { __len = function() return 1e9 end }))",
    "table.unpack({}, 1, 1e8)",
    "select('#', table.unpack({}, 1, 1e7))",
    "local s = ('x'):rep(1000) return s:gsub('', ('y'):rep(100000))",
    "utf8.char(-1)",
    "string.char(256)",
};

static const char probe[] =
    "return ('x'):rep(2) == 'xx' and string.format('%d', 1) == '1' and rep == nil and _G.evil == "
    "nil and type(router.jobs.get) == 'function' and string.new == nil and type(os.time()) == "
    "'number' and type(math.random()) == 'number' and getmetatable('') == 'locked'";

static void test_attempts_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        struct world world;
        char attempt[512];
        char check[512];
        world_open(&world, 64);
        snprintf(attempt, sizeof attempt, "return function() evil = true %s end", attempts[i]);
        snprintf(check, sizeof check, "return function() %s end", probe);
        world_file(&world, "Attempt.lua", attempt);
        world_file(&world, "Probe.lua", check);
        world_load(&world);
        assert_string_equal(world_take(&world), "loaded Attempt.lua {}\nloaded Probe.lua {}\n");
        world_run(&world, 1, "Attempt.lua");
        const char *told = world_take(&world);
        if (strncmp(told, "failed 1 ", 9) != 0) {
            fail_msg("%s\n  told: %s", attempts[i], told);
        }
        world_run(&world, 2, "Probe.lua");
        told = world_take(&world);
        if (strcmp(told, "done 2 true\n") != 0) {
            fail_msg("after %s\n  told: %s", attempts[i], told);
        }
        world_close(&world);
    }
}

/* Caught, they must not have done anything either. */
static void test_caught_attempts_do_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body, "pcall(function() %s end) pcall(function() %s end) %s", attempts[i],
                 attempts[i], probe);
        world_expect(body, "done 1 true\n");
    }
}

static void test_what_is_offered(void **state) {
    (void)state;
    static const char names[] =
        "assert error ipairs pairs pcall xpcall select tonumber tostring type rawequal rawlen "
        "rawget rawset setmetatable getmetatable string table math utf8 os print load require "
        "log json now uuid fail router";
    char body[1024];
    snprintf(body, sizeof body,
             "local n = 0 for name in ('%s'):gmatch '%%S+' do n = n + 1 assert(_G[name], name) end return n",
             names);
    world_expect(body, "done 1 30\n");
    world_expect("return _G == _ENV and _G._G == _G", "done 1 true\n");
    world_expect("local mine = { x = 1 } return rawget(rawset(mine, 'y', 2), 'y')", "done 1 2\n");
    world_expect("rawset(_G, 'mine', 3) return mine", "done 1 3\n");
    world_expect("return select('#', math.type(1), utf8.len 'x', table.pack(1).n)", "done 1 3\n");
}

static void test_load(void **state) {
    (void)state;
    world_expect("x = 5 return load('x = x + 1 return x')()", "done 1 6\n");
    world_expect("return load('return x', 'name', 't', { x = 7 })()", "done 1 7\n");
    world_expect("local f, why = load('x = = 1', '=name') return why",
                 "done 1 \"name:1: unexpected symbol near '='\"\n");
    world_expect("return select(2, load('\\27Lua'))", "done 1 \"attempt to load a binary chunk (mode is 't')\"\n");
    world_expect("load('error(1)', '@x', 'b')",
                 "failed 1 error RouterJobQueued.lua:1: bad argument 'mode' to load: only text can be loaded\n");
}

/* __close runs where a block ends, and never for a run that is cancelled or that failed. */
static void test_close(void **state) {
    (void)state;
    world_expect(
        "do local x <close> = setmetatable({}, { __close = function() log.info 'closed' end }) end return 1",
        "log 1 info closed \ndone 1 1\n");
    struct world world;
    world_open_script(&world, 64,
                      "return function()\n"
                      "  local x <close> = setmetatable({}, { __close = function() log.info 'closed' end })\n"
                      "  router.jobs.get 'j1'\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1 router.jobs.get [\"j1\"]\n");
    worker_cancel(world.worker, 1);
    world_run(&world, 2, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 2 1 router.jobs.get [\"j1\"]\n");
    assert_int_equal(worker_count(world.worker).runs, 1);
    world_close(&world);
}

/* A message handler that raises is Lua's to stop. */
static void test_no_addresses(void **state) {
    (void)state;
    world_expect("return { tostring({}), tostring(print), tostring(setmetatable({}, { __name = 'x' })) }",
                 "done 1 [\"table\",\"function\",\"table\"]\n");
    world_expect("return tostring(setmetatable({}, { __tostring = function() return 'mine' end }))",
                 "done 1 \"mine\"\n");
    world_expect("return { tostring(nil), tostring(1.5), tostring(true), tostring('x') }",
                 "done 1 [\"nil\",\"1.5\",\"true\",\"x\"]\n");
    world_expect("return ('%%%5d|%s|%-8s|%s'):format(7, {}, print, 'x')", "done 1 \"%    7|table|function|x\"\n");
    world_expect("return ('%s'):format(setmetatable({}, { __tostring = function() return 'mine' end }))",
                 "done 1 \"mine\"\n");
    world_expect(
        "return string.format('%p', {})",
        "failed 1 error RouterJobQueued.lua:1: %p is not offered to string.format: an address differs when "
        "the run is done again\n");
    world_expect(
        "return string.format('%d', {})",
        "failed 1 error RouterJobQueued.lua:1: bad argument #2 to 'format' (number expected, got table)\n");
    world_expect("return string.format('%s')",
                 "failed 1 error RouterJobQueued.lua:1: bad argument #2 to 'format' (no value)\n");
    world_expect("return string.format('%', 1)",
                 "failed 1 error RouterJobQueued.lua:1: invalid conversion '%' to 'format'\n");
}

static void test_errors_in_error_handlers(void **state) {
    (void)state;
    world_expect("local ok, why = xpcall(error, function() error('again') end) return ok", "done 1 false\n");
    world_expect("error(setmetatable({}, { __tostring = function() error('again') end }))",
                 "failed 1 error the script raised a table that cannot be put into words\n");
    world_expect("error(setmetatable({}, { __tostring = function() router.jobs.get 'x' end }))",
                 "failed 1 error the script raised a table that cannot be put into words\n");
    world_expect("error(setmetatable({}, { __tostring = function() return 'mine' end }))",
                 "failed 1 error mine\n");
    world_expect("error({})",
                 "failed 1 error the script raised a table: raise a text, or a table with a `message`\n");
    world_expect("error({ message = 'no such queue' })", "failed 1 error no such queue\n");
    world_expect("error(nil)",
                 "failed 1 error the script raised nil: raise a text, or a table with a `message`\n");
    world_expect("error(42)", "failed 1 error 42\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts_fail),
        cmocka_unit_test(test_caught_attempts_do_nothing),
        cmocka_unit_test(test_what_is_offered),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_errors_in_error_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
