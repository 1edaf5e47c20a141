/* Loading: what is a handler, what is a module, and what scripts are told that do not load. */
#include "worker_kit.h"
#include <stdio.h>

static void refuses_to_load(const char *path, const char *text, const char *why) {
    struct world world;
    char line[512];
    world_open(&world, 64);
    world_file(&world, path, text);
    world_load(&world);
    snprintf(line, sizeof line, "refused %s\n", why);
    const char *told = world_take(&world);
    if (strcmp(told, line) != 0) {
        fail_msg("%s\n  told:     %s  expected: %s", text, told, line);
    }
    world_close(&world);
}

static void test_loading(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(&world, "b/second.lua",
               "\n\nreturn { handle = print, timeout = 30, retry = { attempts = 8, first_seconds = 2, "
               "factor = 1.5, max_seconds = 60, hold = false } }");
    world_file(&world, "a.lua", "#!/usr/bin/lua\nreturn function() end");
    world_file(&world, "a_spec.lua", "this is not Lua");
    world_file(&world, "lib/x_spec.lua", "this is not Lua");
    world_file(&world, "notes.txt", "this is not Lua");
    world_file(&world, "lib/x.lua", "error 'nobody requires it'");
    world_load(&world);
    assert_string_equal(world_take(&world),
                        "loaded a.lua {}\nloaded b/second.lua {\"retry\":{\"attempts\":8,\"factor\":1.5,"
                        "\"first_seconds\":2,\"hold\":false,\"max_seconds\":60},\"timeout\":30}\n");
    world_run(&world, 1, "missing.lua");
    assert_string_equal(world_take(&world),
                        "failed 1 missing there is no script missing.lua in this generation\n");
    world_close(&world);
}

static void test_what_does_not_load(void **state) {
    (void)state;
    refuses_to_load("a.lua", "\nlocal x = = 1", "a.lua:2: unexpected symbol near '='");
    refuses_to_load("a.lua", "#!/bin/lua\nlocal x = = 1", "a.lua:2: unexpected symbol near '='");
    refuses_to_load("lib/a.lua", "return {", "lib/a.lua:1: unexpected symbol near <eof>");
    refuses_to_load("a.lua", "\x1bLua", "a.lua:1: this is a compiled chunk: scripts are Lua texts");
    refuses_to_load(
        "a.lua", "local x = 1\n",
        "a.lua:1: the script returns nothing; it must end with its handler: return function(event) ... end");
    static const char nothing[] = "the script returns nothing; it must end with its handler: return "
                                  "function(event) ... end";
    static const struct {
        const char *text, *words;
    } typos[] = {
        {"local function handle() end return handel",
         "the script returns the global 'handel', which is nil (did you mean 'handle'?)"},
        {"local one, handle = 1, print return\thandel ; ",
         "the script returns the global 'handel', which is nil (did you mean 'handle'?)"},
        {"function handle() end return handel",
         "the script returns the global 'handel', which is nil (did you mean 'handle'?)"},
        {"return zebra", "the script returns the global 'zebra', which is nil; it must return its handler"},
        {"return rooter", "the script returns the global 'rooter', which is nil (did you mean 'router'?)"},
        {"return log.infoo", nothing},
        {"local x = zebra -- return zebra", nothing},
        {"local zebra = zebra return zebra", nothing},
        {"return nil", nothing},
        {"local infoo = log.infoo return infoo", nothing},
    };
    for (size_t i = 0; i < sizeof typos / sizeof *typos; i++) {
        char why[256];
        snprintf(why, sizeof why, "a.lua:1: %s", typos[i].words);
        refuses_to_load("a.lua", typos[i].text, why);
    }
    refuses_to_load(
        "a.lua", "return 5",
        "a.lua:1: the script returns a number; it must return its handler: a function, or a table with "
        "handle = function(event) ... end");
    refuses_to_load("a.lua", "return {}",
                    "a.lua:1: the returned table has no `handle`: handle = function(event) ... end");
    refuses_to_load("a.lua", "return { handle = print, tiemout = 5 }",
                    "a.lua:1: the returned table has no key 'tiemout' (did you mean 'timeout'?)");
    refuses_to_load("a.lua", "return { handle = print, timeout = 0 }",
                    "a.lua:1: `timeout` must be a number over 0");
    refuses_to_load("a.lua", "return { handle = print, timeout = 0/0 }",
                    "a.lua:1: `timeout` must be a number over 0");
    refuses_to_load("a.lua", "return { handle = print, retry = { attempt = 5 } }",
                    "a.lua:1: `retry` has no key 'attempt' (did you mean 'attempts'?)");
    refuses_to_load("a.lua", "return { handle = print, retry = { attempts = 1.5 } }",
                    "a.lua:1: `attempts` must be a whole number");
    refuses_to_load("a.lua", "return { handle = print, retry = { hold = 1 } }",
                    "a.lua:1: `hold` must be true or false, got number");
    refuses_to_load("a.lua", "return { handle = print, retry = 5 }",
                    "a.lua:1: `retry` must be a table, got number");
    refuses_to_load("a.lua", "return { handle = print, filter = 'data.queueId' }",
                    "a.lua:1: `filter` must be a table, got string");
    refuses_to_load(
        "a.lua",
        "return {\n  filter = { advancedFilters = {\n    { operatorType = 'IsNotNull', key = 'data.jobId' },\n"
        "    { operatorType = 'StringsIn', key = 'data.queueId', values = { 'a' } } } },\n  handle = print }",
        "a.lua:5: filter.advancedFilters[2].operatorType: there is no operator 'StringsIn' (did you mean "
        "'StringIn'?)");
    refuses_to_load("a.lua", "return { handle = print, filter = { subjectBeginsWith = print } }",
                    "a.lua:1: filter.subjectBeginsWith: a function cannot be written as JSON");
    refuses_to_load(
        "a.lua", "\nrouter.jobs.get 'j'",
        "a.lua:2: router.jobs.get cannot be called at a script's top level: effects belong into the handler, "
        "the function that the script returns");
    refuses_to_load("a.lua", "local x = nil\nx.y = 1", "a.lua:2: attempt to index a nil value (local 'x')");
    refuses_to_load("a.lua", "require 'nothing'",
                    "a.lua:1: there is no module 'nothing': modules are the files of the scripts' lib folder");
}

static void test_all_errors_are_told(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(&world, "b.lua", "return nil");
    world_file(&world, "a.lua", "local function f() error 'here' end\nf()");
    world_file(&world, "lib/m.lua", "x x");
    world_load(&world);
    assert_string_equal(
        world_take(&world),
        "refused lib/m.lua:1: syntax error near 'x'\na.lua:1: here\nb.lua:1: the script returns nothing; it "
        "must end with its handler: return function(event) ... end\n");
    world_take(&world);
    world_run(&world, 1, "a.lua"); /* nothing of what was refused can be run */
    assert_string_equal(world_take(&world), "failed 1 missing there is no script a.lua in this generation\n");
    world_close(&world);
    world_open(&world, 64);
    world_file(&world, "a.lua", "local function f() error 'here' end\nf()");
    world_load(&world);
    assert_string_equal(world.traceback.bytes,
                        "\tin error\n\ta.lua:1: in function 'f'\n\ta.lua:2: in the script's top "
                        "level\n");
    world_close(&world);
}

static void test_require(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(
        &world, WORLD_SCRIPT,
        "return function(event)\n"
        "  if event.id == 'circle' then return require 'one' end\n"
        "  if event.id == 'near' then return require 'namd' end\n"
        "  if event.id == 'effect' then return require 'effect' end\n"
        "  if event.id == 'again' then pcall(require, 'broken') return require 'broken' end\n"
        "  return { require 'named', require 'named', require 'deep.er', require 'named' == require 'named' }\n"
        "end");
    world_file(&world, "lib/named.lua", "count = (count or 0) + 1 return (...) .. count");
    world_file(&world, "lib/deep/er.lua", "return nil");
    world_file(&world, "lib/one.lua", "return require 'two'");
    world_file(&world, "lib/two.lua", "\nreturn require 'one'");
    world_file(&world, "lib/effect.lua", "router.jobs.get 'j'");
    world_file(&world, "lib/broken.lua", "error('broken', 0)");
    world_load(&world);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "done 1 [\"named1\",\"named1\",true,true]\n");
    world_run_event(&world, 2, WORLD_SCRIPT, "{\"id\":\"circle\",\"eventType\":\"X\"}");
    assert_string_equal(
        world_take(&world),
        "failed 2 error lib/two.lua:2: the module 'one' requires itself, perhaps by way of another\n");
    world_run_event(&world, 3, WORLD_SCRIPT, "{\"id\":\"near\",\"eventType\":\"X\"}");
    assert_string_equal(world_take(&world),
                        "failed 3 error RouterJobQueued.lua:3: there is no module 'namd' in the scripts' "
                        "lib folder (did you mean 'named'?)\n");
    world_run_event(&world, 4, WORLD_SCRIPT, "{\"id\":\"effect\",\"eventType\":\"X\"}");
    assert_string_equal(
        world_take(&world),
        "failed 4 error lib/effect.lua:1: router.jobs.get cannot be called at a module's top level: "
        "effects belong into a handler, or into functions that handlers call\n");
    world_run_event(&world, 5, WORLD_SCRIPT, "{\"id\":\"again\",\"eventType\":\"X\"}");
    assert_string_equal(world_take(&world), "failed 5 error broken\n");
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_what_does_not_load),
        cmocka_unit_test(test_all_errors_are_told),
        cmocka_unit_test(test_require),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
