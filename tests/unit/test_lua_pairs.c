/* The sandbox's pairs: a fixed order, whatever the table's own is. */
#include "worker_kit.h"

static void test_order(void **state) {
    (void)state;
    world_expect(
        "local t = { [true] = 1, [false] = 1, b = 1, a = 1, aa = 1, [''] = 1, [3] = 1, [-1] = 1, [2.5] = 1, "
        "[math.huge] = 1, [-math.huge] = 1, [math.maxinteger] = 1, [math.mininteger] = 1, [2^53 + 0.0] = 1, "
        "[2^80] = 1 } local keys = {} for k in pairs(t) do keys[#keys + 1] = tostring(k) end return "
        "table.concat(keys, ' ')",
        "done 1 \"-inf -9223372036854775808 -1 2.5 3 9007199254740992 9223372036854775807 1.2089258196146e+24 "
        "inf  a aa b false true\"\n");
    world_expect(
        "local keys = {} for k in pairs { ['a\\0b'] = 1, a = 1, ['a\\0'] = 1 } do keys[#keys + 1] = #k end "
        "return keys",
        "done 1 [1,2,3]\n");
}

/* Written in two orders, and large enough to have grown several times. */
static void test_same_order_for_the_same_keys(void **state) {
    (void)state;
    world_expect(
        "local up, down = {}, {} for i = 1, 500 do up['k' .. i] = i up[i * 3] = i end for i = 500, 1, -1 do "
        "down[i * 3] = i down['k' .. i] = i end local function keys(t) local list = {} for k, v in pairs(t) do "
        "list[#list + 1] = tostring(k) .. '=' .. v end return table.concat(list, ',') end return keys(up) == "
        "keys(down) and #keys(up) > 5000",
        "done 1 true\n");
}

static void test_changes_during_the_walk(void **state) {
    (void)state;
    world_expect(
        "local t, seen = { a = 1, b = 2, c = 3 }, '' for k in pairs(t) do seen = seen .. k t.b = nil t.new = 1 "
        "end return seen",
        "done 1 \"ac\"\n");
    world_expect(
        "local t, sum = { 1, 2, 3, 4 }, 0 for i, v in pairs(t) do sum = sum + v t[i] = nil end return sum",
        "done 1 10\n");
}

static void test_metamethod(void **state) {
    (void)state;
    world_expect(
        "local t = setmetatable({}, { __pairs = function(self) return function(_, k) if not k then return 1, "
        "self end end, self, nil end }) local n = 0 for k, v in pairs(t) do n = n + k assert(v == t) end "
        "return n",
        "done 1 1\n");
}

/* What lies behind a read-only table must not come out of a walk over it. */
static void test_libraries_can_be_walked(void **state) {
    (void)state;
    world_expect("local n = 0 for k, v in pairs(string) do n = n + 1 assert(string[k] == v) end return n",
                 "done 1 16\n");
    world_expect(
        "for _, v in ipairs { pairs(string) } do assert(type(v) ~= 'table' or not pcall(function() v.rep = 1 "
        "end)) end local next, state = pairs(string) return state == nil and next(5) == 'byte'",
        "done 1 true\n");
}

static void test_misuse(void **state) {
    (void)state;
    world_expect("pairs(nil)",
                 "failed 1 error RouterJobQueued.lua:1: bad argument #1 to 'pairs' (table expected, got nil)\n");
    world_expect("pairs()", "failed 1 error RouterJobQueued.lua:1: bad argument #1 to 'pairs' (value expected)\n");
    world_expect("return next == nil", "done 1 true\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_same_order_for_the_same_keys),
        cmocka_unit_test(test_changes_during_the_walk),
        cmocka_unit_test(test_metamethod),
        cmocka_unit_test(test_libraries_can_be_walked),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
