/* JSON into Lua and back, as scripts meet it. */
#include "worker_kit.h"
#include <stdio.h>

static void decodes(const char *text, const char *expected) {
    char body[1024];
    char line[1024];
    snprintf(body, sizeof body, "return json.encode(json.decode([==[%s]==]))", text);
    snprintf(line, sizeof line, "done 1 \"%s\"\n", expected);
    world_expect(body, line);
}

static void test_round_trips(void **state) {
    (void)state;
    decodes("{}", "{}");
    decodes("[]", "[]");
    decodes(" [ 1 , 2 ] ", "[1,2]");
    decodes("[[],{},[[]]]", "[[],{},[[]]]");
    decodes("{\"b\":1,\"a\":{\"d\":[],\"c\":{}}}", "{\\\"a\\\":{\\\"c\\\":{},\\\"d\\\":[]},\\\"b\\\":1}");
    decodes("9223372036854775807", "9223372036854775807");
    decodes("-9223372036854775808", "-9223372036854775808");
    decodes("0.1", "0.1");
    decodes("[null,true,false]", "[null,true,false]");
    decodes("null", "null");
}

static void test_nulls(void **state) {
    (void)state;
    world_expect("local t = json.decode '{\"a\":null,\"b\":[null]}' return t.a == nil and t.b[1] == json.null and "
                 "#t.b == 1 and tostring(json.null) == 'null'",
                 "done 1 true\n");
    world_expect("return json.decode '{\"a\":1,\"a\":2}'.a", "done 1 2\n");
    world_expect("return { a = json.null }", "done 1 {\"a\":null}\n");
    world_expect("return getmetatable(json.null)", "done 1 \"null\"\n");
}

static void test_numbers(void **state) {
    (void)state;
    world_expect(
        "local t = json.decode '[1,1.5,1e2,18446744073709551615]' return math.type(t[1]) .. math.type(t[2]) .. "
        "math.type(t[3]) .. math.type(t[4])",
        "done 1 \"integerfloatfloatfloat\"\n");
    world_expect("return json.encode { 1, 1.5, math.mininteger }", "done 1 \"[1,1.5,-9223372036854775808]\"\n");
}

static void test_lists_and_maps(void **state) {
    (void)state;
    world_expect("return json.encode(json.array())", "done 1 \"[]\"\n");
    world_expect("return json.encode(json.array {})", "done 1 \"[]\"\n");
    world_expect("local a = json.array {} a[1] = 'x' return json.encode(a)", "done 1 \"[\\\"x\\\"]\"\n");
    world_expect("return json.encode { {}, { x = {} } }", "done 1 \"[{},{\\\"x\\\":{}}]\"\n");
    world_expect("local a = json.decode '[1]' a[1] = nil return json.encode(a)", "done 1 \"[]\"\n");
    world_expect(
        "json.array { x = 1 }",
        "failed 1 error RouterJobQueued.lua:1: bad argument 'list' to json.array: expected a list, got table\n");
    world_expect(
        "return setmetatable(json.array {}, { __len = function() return 3 end }) and #getmetatable(json.array "
        "{})",
        "done 1 5\n");
}

static void refuses(const char *value, const char *why) {
    char body[512];
    char line[512];
    snprintf(body, sizeof body, "json.encode(%s)", value);
    snprintf(line, sizeof line, "failed 1 error RouterJobQueued.lua:1: bad argument 'value' to json.encode: %s\n",
             why);
    world_expect(body, line);
}

static void test_refuses_to_write(void **state) {
    (void)state;
    refuses("{ a = { b = print } }", "value.a.b: a function cannot be written as JSON");
    refuses("{ 1, { 0/0 } }", "value[2][1]: NaN cannot be written as JSON");
    refuses("{ x = math.huge }", "value.x: an infinite number cannot be written as JSON");
    refuses("{ [1] = 1, [3] = 3 }", "value: keys must be all strings, or 1 to n without holes");
    refuses("{ 1, x = 2 }", "value: keys must be all strings, or 1 to n without holes");
    refuses("{ [true] = 1 }", "value: keys must be all strings, or 1 to n without holes");
    refuses("{ [1.5] = 1 }", "value: keys must be all strings, or 1 to n without holes");
    refuses("{ '\\xff' }", "value[1]: this text is not UTF-8 and cannot be written as JSON");
    refuses("(function() local t = {} t.t = t return t end)()",
            "value.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t."
            "t.t.t."
            "t.t.t.t.t.t.t...: the table contains itself");
    world_expect("local t = {} for _ = 1, 127 do t = { t } end return #json.encode(t)", "done 1 256\n");
    world_expect("local t = {} for _ = 1, 128 do t = { t } end return select(2, pcall(json.encode, t)):match ': "
                 "(tables.*)'",
                 "done 1 \"tables are nested more than 128 deep\"\n");
}

static void test_refuses_to_read(void **state) {
    (void)state;
    world_expect("json.decode '[1,]'",
                 "failed 1 error RouterJobQueued.lua:1: json.decode: expected a value at byte 3\n");
    world_expect(
        "json.decode(5)",
        "failed 1 error RouterJobQueued.lua:1: bad argument 'text' to json.decode: expected a string, got "
        "number\n");
    world_expect("return (pcall(json.decode, ('['):rep(129) .. (']'):rep(129)))", "done 1 false\n");
    world_expect("return (pcall(json.decode, ('['):rep(128) .. (']'):rep(128)))", "done 1 true\n");
    world_expect("return (pcall(json.decode, '\"\\xff\"'))", "done 1 false\n");
}

/* More than a coroutine's stack has room for at first. */
static void test_as_deep_as_can_be(void **state) {
    (void)state;
    world_expect("local text = ('{\"a\":'):rep(127) .. '{\"b\":true}' .. ('}'):rep(127) "
                 "return json.encode(json.decode(text)) == text",
                 "done 1 true\n");
}

static void test_members_are_sorted_by_bytes(void **state) {
    (void)state;
    world_expect("local t = {} for i = 40, 1, -1 do t['k' .. i] = i end t['\xc3\xa4'] = 0 t.Z = 0 local text = "
                 "json.encode(t) return text:sub(1, 22) .. ' ' .. text:sub(-9)",
                 "done 1 \"{\\\"Z\\\":0,\\\"k1\\\":1,\\\"k10\\\":10 9,\\\"\xc3\xa4\\\":0}\"\n");
}

/* The text has an escape, so that the reader holds memory of its own when the run's is used up. */
static void test_memory_ends_in_the_reader(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 2,
                      "return function()\n"
                      "  local text = '[\"\\\\n\"' .. (',[]'):rep(200000) .. ']'\n"
                      "  return #json.decode(text)\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world),
                        "failed 1 memory RouterJobQueued.lua:3: not enough memory: a run may use 2 "
                        "MiB (limits.run_memory_mib)\n");
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lists_and_maps),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_refuses_to_read),
        cmocka_unit_test(test_as_deep_as_can_be),
        cmocka_unit_test(test_members_are_sorted_by_bytes),
        cmocka_unit_test(test_memory_ends_in_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
