/* sleep, after, cancel, state and step: what they want, what they give, and what they refuse. */
#include "worker_kit.h"
#include <stdio.h>

#define LINE1 "failed 1 error RouterJobQueued.lua:1: "

static void wants(const char *call, const char *arguments) {
    char line[512];
    const char *end = strpbrk(call, "( {'");
    snprintf(line, sizeof line, "want 1 1 %.*s %s\n", (int)(end - call), call, arguments);
    world_expect(call, line);
}

/* What the call gives for the answer, as the handler's result. */
static void gives(const char *call, const char *answer, const char *result) {
    struct world world;
    char text[512];
    snprintf(text, sizeof text, "return function() local value = %s return { value } end", call);
    world_open_script(&world, 64, text);
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_answer(&world, 1, 1, answer);
    snprintf(text, sizeof text, "done 1 %s\n", result);
    assert_string_equal(world_take(&world), text);
    world_close(&world);
}

static void test_sleep(void **state) {
    (void)state;
    wants("sleep(5)", "[5]");
    wants("sleep(5.0)", "[5]");
    wants("sleep(0.25)", "[0.25]");
    wants("sleep(0)", "[0]");
    gives("sleep(1)", "", "{}");
    world_expect("sleep()", LINE1 "bad argument 'seconds' to sleep: expected a number, got nil\n");
    world_expect("sleep('5')", LINE1 "bad argument 'seconds' to sleep: expected a number, got string\n");
    world_expect("sleep(-1)", LINE1 "bad argument 'seconds' to sleep: it must be from 0 to 31622400, a year\n");
    world_expect("sleep(0/0)", LINE1 "bad argument 'seconds' to sleep: it must be from 0 to 31622400, a year\n");
    world_expect("sleep(1, 2)", LINE1 "sleep takes seconds, got 2 arguments\n");
}

static void test_after_and_cancel(void **state) {
    (void)state;
    wants("after(60, 'remind', { b = 1, a = {} })", "[60,\"remind\",{\"a\":{},\"b\":1}]");
    wants("after(0.5, 'remind_2-x')", "[0.5,\"remind_2-x\",null]");
    wants("cancel '17'", "[\"17\"]");
    gives("after(1, 'x')", "\"17\"", "[\"17\"]");
    gives("cancel '17'", "true", "[true]");
    gives("cancel '17'", "false", "[false]");
    world_expect("after('x', 'n')", LINE1 "bad argument 'seconds' to after: expected a number, got string\n");
    world_expect("after(1)", LINE1 "bad argument 'name' to after: expected a string, got nil\n");
    world_expect("after(1, 'a/b')",
                 LINE1 "bad argument 'name' to after: it names a script, local/NAME.lua, and has "
                       "1 to 100 letters, digits, _ and -\n");
    world_expect("after(1, 'x', print)",
                 LINE1 "bad argument to after: data: a function cannot be written as JSON\n");
    world_expect("after(1, 'x', {}, 4)", LINE1 "after takes seconds, a name and data, got 4 arguments\n");
    world_expect("cancel(17)",
                 LINE1 "bad argument 'id' to cancel: expected a string, the id that after returned, got number\n");
}

static void test_state_wants(void **state) {
    (void)state;
    wants("state.get 'k'", "[\"k\"]");
    wants("state.set('k', { b = 1, a = json.array {} })", "[\"k\",{\"a\":[],\"b\":1}]");
    wants("state.set('k', false)", "[\"k\",false]");
    wants("state.set('k', 1, { ttl = 60 })", "[\"k\",1,{\"ttl\":60}]");
    wants("state.set('k', 1, nil)", "[\"k\",1]");
    wants("state.delete 'k'", "[\"k\"]");
    wants("state.increment 'k'", "[\"k\",1]");
    wants("state.increment('k', -2.0)", "[\"k\",-2]");
    wants("state.increment('k', 0.5)", "[\"k\",0.5]");
    wants("state.compare_and_set('k', nil, 'mine')", "[\"k\",null,\"mine\"]");
    wants("state.compare_and_set('k', 'mine', nil)", "[\"k\",\"mine\",null]");
    wants("state.compare_and_set('k', 1, 2, { ttl = 0.5 })", "[\"k\",1,2,{\"ttl\":0.5}]");
    wants("state.get(('k'):rep(1024):sub(1, 3))", "[\"kkk\"]");
}

/* The second value of a call that is the last argument is not meant; one that was given by itself is. */
static void test_second_values(void **state) {
    (void)state;
    static const struct {
        const char *call;
        const char *want;
    } calls[] = {{"cancel(state.get 'x')", "cancel [\"v\"]"},
                 {"state.set('k', state.get 'x')", "state.set [\"k\",\"v\"]"},
                 {"state.compare_and_set('k', nil, state.get 'x')", "state.compare_and_set [\"k\",null,\"v\"]"},
                 {"after(1, 'n', state.get 'x')", "after [1,\"n\",\"v\"]"},
                 {"router.jobs.activate(state.get 'x')", "router.jobs.activate [\"v\"]"},
                 {"router.jobs.get(json.decode(json.encode(state.get 'x')))", "router.jobs.get [\"v\"]"},
                 {"state.set('k', (select(2, state.get 'x')))",
                  "state.set [\"k\",{\"etag\":\"\\\"e\\\"\",\"repeated\":false,\"status\":200}]"}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct world world;
        char text[256];
        snprintf(text, sizeof text, "return function() %s end", calls[i].call);
        world_open_script(&world, 64, text);
        world_run(&world, 1, WORLD_SCRIPT);
        world_take(&world);
        world_answer(&world, 1, 1, "\"v\"");
        snprintf(text, sizeof text, "want 1 2 %s\n", calls[i].want);
        assert_string_equal(world_take(&world), text);
        world_close(&world);
    }
}

static void test_state_gives(void **state) {
    (void)state;
    gives("state.get 'k'", "", "{}");
    gives("state.get 'k'", "{\"a\":[]}", "[{\"a\":[]}]");
    gives("state.get 'k'", "false", "[false]");
    gives("state.increment 'k'", "7", "[7]");
    gives("state.compare_and_set('k', 1, 2)", "true", "[true]");
}

static void test_state_misuse(void **state) {
    (void)state;
    world_expect("state.get()", LINE1 "bad argument 'key' to state.get: expected a string, got nil\n");
    world_expect("state.get(5)", LINE1 "bad argument 'key' to state.get: expected a string, got number\n");
    world_expect("state.get ''", LINE1 "bad argument 'key' to state.get: it has 0 bytes; a key has 1 to 1024\n");
    world_expect("state.get(('k'):rep(1025))",
                 LINE1 "bad argument 'key' to state.get: it has 1025 bytes; a key has 1 to 1024\n");
    world_expect("state.get('a', 'b')", LINE1 "state.get takes a key, got 2 arguments\n");
    world_expect("state.set('k')",
                 LINE1 "bad argument 'value' to state.set: there is none; to forget a key use state.delete\n");
    world_expect("state.set('k', json.null)",
                 LINE1 "bad argument 'value' to state.set: there is none; to forget a key use state.delete\n");
    world_expect("state.set('k', ('v'):rep(65535))",
                 LINE1 "bad argument 'value' to state.set: it has 65537 bytes as "
                       "JSON; a value has 65536 at most\n");
    world_expect("state.set('k', { f = print })",
                 LINE1 "bad argument to state.set: value.f: a function cannot be written as JSON\n");
    world_expect("state.set('k', 1, 60)",
                 LINE1 "bad argument 'options' to state.set: expected a table such as { ttl = 60 }, got number\n");
    world_expect("state.set('k', 1, { tll = 60 })", LINE1 "state.set has no option 'tll' (did you mean 'ttl'?)\n");
    world_expect("state.set('k', 1, { expires = 60 })",
                 LINE1 "state.set has no option 'expires': its only one is 'ttl'\n");
    world_expect("state.set('k', 1, { ttl = 0 })",
                 LINE1 "bad argument 'ttl' to state.set: expected seconds above 0, got number\n");
    world_expect("state.increment('k', 'x')",
                 LINE1 "bad argument 'by' to state.increment: expected a number, got string\n");
    world_expect("state.increment('k', 1/0)",
                 LINE1 "bad argument 'by' to state.increment: expected a number, got number\n");
    world_expect("state.compare_and_set('k', 1, ('v'):rep(65535))", LINE1
                 "bad argument 'new' to state.compare_and_set: it has 65537 bytes as JSON; a value has 65536 "
                 "at most\n");
}

static void test_largest_value(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() state.set(('k'):rep(1024), ('v'):rep(65534)) end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_memory_equal(world_take(&world), "want 1 1 state.set [", 20);
    world_close(&world);
}

static const char steps[] = "return function(event)\n"
                            "  local value, about = step('charge', function()\n"
                            "    local job = router.jobs.get 'j'\n"
                            "    return { job, uuid() ~= nil }\n"
                            "  end)\n"
                            "  return { value, about.repeated }\n"
                            "end";

static void test_step(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, steps);
    world_run(&world, 1, WORLD_SCRIPT);
    world_not_yet(&world, 1, 1);
    world_answer(&world, 1, 2, "5");
    assert_string_equal(world_take(&world), "want 1 1 step [\"charge\"]\nwant 1 2 router.jobs.get [\"j\"]\n"
                                            "want 1 3 step.keep [\"charge\",[5,true]]\n");
    world_answer(&world, 1, 3, "[5,\"as kept\"]");
    assert_string_equal(world_take(&world), "done 1 [[5,\"as kept\"],false]\n");
    world_run(&world, 2, WORLD_SCRIPT);
    world_answer(&world, 2, 1, "[6,\"remembered\"]");
    assert_string_equal(world_take(&world), "want 2 1 step [\"charge\"]\ndone 2 [[6,\"remembered\"],false]\n");
    world_close(&world);
}

static void step_ends(const char *function, const char *expected) {
    struct world world;
    char text[512];
    snprintf(text, sizeof text, "return function() return step('s', function() %s end) end", function);
    world_open_script(&world, 64, text);
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_not_yet(&world, 1, 1);
    assert_string_equal(world_take(&world), expected);
    world_close(&world);
}

static void test_what_a_step_can_keep(void **state) {
    (void)state;
    step_ends("return 'x', 2", "want 1 2 step.keep [\"s\",\"x\"]\n");
    step_ends("", "want 1 2 step.keep [\"s\",null]\n");
    step_ends("return json.array {}", "want 1 2 step.keep [\"s\",[]]\n");
    step_ends("return { f = print }", LINE1 "step 's' cannot remember what its function returned: value.f: a "
                                            "function cannot be written as JSON\n");
    step_ends("error('no', 0)", "failed 1 error no\n");
    step_ends("fail 'no'", "failed 1 answer fail: no {\"message\":\"no\",\"operation\":\"fail\",\"park\":true,"
                           "\"retryable\":false}\n");
    step_ends("sleep(1)", "want 1 2 sleep [1]\n");
    step_ends("return (all { function() return 1 end })", "want 1 2 step.keep [\"s\",1]\n");
    step_ends("xpcall(error, function() sleep(1) end) sleep(2)", "want 1 2 sleep [2]\n");
    step_ends("local _, why = xpcall(error, function() return select(2, pcall(sleep, 1)) end) error(why, 0)",
              "failed 1 error sleep cannot wait in an error handler: let xpcall return, then call it\n");
    step_ends("return step('t', print)", "want 1 2 step [\"t\"]\n");
}

static void test_step_misuse(void **state) {
    (void)state;
    world_expect("step()", LINE1 "bad argument 'name' to step: expected a string, got nothing\n");
    world_expect("step ''", LINE1 "bad argument 'name' to step: it has 0 bytes; a name has 1 to 256\n");
    world_expect("step 'x'", LINE1 "bad argument 'f' to step: expected a function, got nothing\n");
    world_expect("step('x', print, 1)", LINE1 "step takes a name and a function, got 3 arguments\n");
    world_expect("table.sort({ 1, 2 }, function() step('x', print) end)",
                 LINE1 "step cannot wait inside table.sort: do it before or after\n");
}

/* An answer that is an error names the step, also when it was the keeping that failed. */
static void test_step_that_is_refused(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() step('s', function() end) end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_not_yet(&world, 1, 1);
    world_take(&world);
    world_refuse(&world, 1, 2, 0, "{\"message\":\"no room\"}");
    assert_string_equal(world_take(&world), "failed 1 answer step: no room {\"message\":\"no room\",\"operation\":"
                                            "\"step\",\"repeated\":true}\n");
    world_close(&world);
}

/* A host that has not done what it must do is told apart from one that has done it. */
static void test_not_yet_for_another(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() sleep(1) end");
    world_run(&world, 1, WORLD_SCRIPT);
    world_take(&world);
    world_not_yet(&world, 1, 1);
    assert_string_equal(world_take(&world), LINE1 "the host did not do sleep\n");
    world_close(&world);
}

static void test_at_load(void **state) {
    (void)state;
    static const struct {
        const char *call;
        const char *name;
    } calls[] = {{"sleep(1)", "sleep"},          {"after(1, 'x')", "after"},   {"cancel '1'", "cancel"},
                 {"state.get 'k'", "state.get"}, {"step('x', print)", "step"}, {"all { print }", "all"}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct world world;
        char line[512];
        world_open(&world, 64);
        world_file(&world, WORLD_SCRIPT, calls[i].call);
        world_load(&world);
        snprintf(line, sizeof line,
                 "refused RouterJobQueued.lua:1: %s cannot be called at a script's top level: effects belong into "
                 "the handler, the function that the script returns\n",
                 calls[i].name);
        assert_string_equal(world_take(&world), line);
        world_close(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_after_and_cancel),
        cmocka_unit_test(test_state_wants),
        cmocka_unit_test(test_second_values),
        cmocka_unit_test(test_state_gives),
        cmocka_unit_test(test_state_misuse),
        cmocka_unit_test(test_largest_value),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_what_a_step_can_keep),
        cmocka_unit_test(test_step_misuse),
        cmocka_unit_test(test_step_that_is_refused),
        cmocka_unit_test(test_not_yet_for_another),
        cmocka_unit_test(test_at_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
