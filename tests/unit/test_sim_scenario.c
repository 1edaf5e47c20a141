/* Scenario files: what they hold, and every kind of mistake in them. */
#include "sim/scenario.h"
#include "sim_kit.h"

static struct scenario *read_text(const char *text, struct error *error) {
    return scenario_read(text, strlen(text), "s.lua", error);
}

static struct scenario *read_good(const char *text) {
    struct error error = {0};
    struct scenario *scenario = read_text(text, &error);
    if (scenario == NULL) {
        fail_msg("%s", error.message);
    }
    return scenario;
}

static void refuse(const char *text, const char *words) {
    struct error error = {0};
    struct scenario *scenario = read_text(text, &error);
    scenario_free(scenario);
    if (scenario != NULL || strstr(error.message, words) == NULL) {
        fail_msg("not \"%s\", but \"%s\", for: %s", words, error.message, text);
    }
}

#define QUEUE "queue 'q' { distributionPolicyId = 'd' } "

static void has_its_defaults(void **state) {
    (void)state;
    struct scenario *scenario = read_good("");
    assert_int_equal(scenario->seed, 1);
    assert_int_equal(scenario->start_s, 8 * 3600);
    assert_int_equal(scenario->length_us, INT64_C(8) * 3600 * 1000000);
    assert_int_equal(scenario->day_us, INT64_C(1772409600000000));
    scenario_free(scenario);
    scenario = read_good("seed = 7 start = '09:30' length = '1h30m' date = '2026-03-03'");
    assert_int_equal(scenario->seed, 7);
    assert_int_equal(scenario->start_s, 9 * 3600 + 1800);
    assert_int_equal(scenario->length_us, INT64_C(5400) * 1000000);
    assert_int_equal(scenario->day_us, INT64_C(1772496000000000));
    scenario_free(scenario);
}

/* Policies and queues may name each other: a queue gets its exception policy when that is there. */
static void furniture_comes_in_an_order_that_works(void **state) {
    (void)state;
    struct scenario *scenario = read_good("queue 'a b' { distributionPolicyId = 'd', exceptionPolicyId = 'e' }\n"
                                          "exception_policy 'e' { name = 'E' }\n"
                                          "classification_policy 'c' { fallbackQueueId = 'a b' }\n"
                                          "distribution_policy 'd' { mode = { kind = 'longestIdle' } }\n");
    static const char *const paths[] = {"/routing/distributionPolicies/d", "/routing/queues/a%20b",
                                        "/routing/classificationPolicies/c", "/routing/exceptionPolicies/e",
                                        "/routing/queues/a%20b"};
    assert_int_equal(scenario->call_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(scenario->calls[i].path, paths[i]);
    }
    assert_string_equal(scenario->calls[1].body, "{\"distributionPolicyId\":\"d\"}");
    assert_string_equal(scenario->calls[4].body, "{\"distributionPolicyId\":\"d\",\"exceptionPolicyId\":\"e\"}");
    assert_int_equal(scenario->calls[2].line, 3);
    scenario_free(scenario);
}

static void workers_have_all_their_keys(void **state) {
    (void)state;
    struct scenario *scenario = read_good(
        QUEUE
        "workers { name = 'w', count = 3, queues = { 'q' }, channels = { voice = 2, chat = { cost = 1, most = "
        "3 } }, capacity = 4, labels = { English = true }, tags = { Team = 'a' }, accept = 0.8, decline = 0.1, "
        "answer_after = 3, talk = { '1m', 90 }, wrap_up = exponential '20s', returns_after = normal('2m', "
        "30), shifts = { '08:00-12:00', '22:00-02:00' }, breaks = '10:00-10:15', leaves_after = '3h' }"
        "workers { names = { 'anna', 'ben' }, queues = { 'q' }, channels = { voice = 1 } }");
    const struct scenario_workers *workers = scenario->workers;
    assert_int_equal(scenario->worker_count, 2);
    assert_int_equal(workers->count, 3);
    assert_string_equal(workers->names[2], "w-3");
    assert_string_equal(workers->body,
                        "{\"capacity\":4,\"queues\":[\"q\"],\"channels\":[{\"channelId\":\"chat\","
                        "\"capacityCostPerJob\":1,\"maxNumberOfJobs\":3},{\"channelId\":\"voice\","
                        "\"capacityCostPerJob\":2}],\"labels\":{\"English\":true},\"tags\":{\"Team\":\"a\"}}");
    assert_true(workers->accept == 0.8 && workers->decline == 0.1);
    assert_true(workers->answer_after.a == 3 && workers->answer_after.b == 3);
    assert_true(workers->talk.a == 60 && workers->talk.b == 90);
    assert_true(workers->wrap_up.spread == SCENARIO_EXPONENTIAL && workers->wrap_up.a == 20);
    assert_true(workers->returns_after.spread == SCENARIO_NORMAL && workers->returns_after.b == 30);
    assert_int_equal(workers->shifts.count, 3); /* one over midnight is two */
    assert_int_equal(workers->shifts.list[0].to_s, 2 * 3600);
    assert_int_equal(workers->shifts.list[2].to_s, 24 * 3600);
    assert_int_equal(workers->breaks.list[0].to_s, 10 * 3600 + 900);
    assert_true(workers->leaves_after_us == INT64_C(3) * 3600 * 1000000);
    assert_string_equal(workers[1].names[1], "ben");
    assert_true(workers[1].accept == 1 && workers[1].decline == 0 && workers[1].leaves_after_us == -1);
    scenario_free(scenario);
}

static void customers_have_all_their_keys(void **state) {
    (void)state;
    struct scenario *scenario = read_good(
        QUEUE
        "classification_policy 'c' {} "
        "customers { name = 'call', channel = 'voice', queue = 'q', classification_policy = 'c', priority = 5, "
        "labels = { Language = { en = 3, de = 1 }, Vip = true, Level = { [2] = 1, [1] = 1 } }, tags = { T = 1 "
        "}, selectors = { { key = 'x', labelOperator = 'equal', value = 1 } }, per_hour = { [8] = 40, "
        "['9-12'] = 60 }, patience = { 60, '5m' }, callbacks = 0.25, callback_after = '10m', "
        "activated_after = 1, reference = 'r' }");
    const struct scenario_customers *customers = scenario->customers;
    assert_string_equal(
        customers->body,
        "{\"channelId\":\"voice\",\"queueId\":\"q\",\"classificationPolicyId\":\"c\","
        "\"channelReference\":\"r\",\"priority\":5,\"tags\":{\"T\":1},\"requestedWorkerSelectors\":"
        "[{\"key\":\"x\",\"labelOperator\":\"equal\",\"value\":1}]}");
    assert_int_equal(customers->label_count, 3);
    assert_string_equal(customers->labels[0].name, "\"Language\"");
    assert_string_equal(customers->labels[0].values[0].json, "\"de\"");
    assert_true(customers->labels[0].values[1].weight == 3);
    assert_string_equal(customers->labels[1].values[0].json, "1");
    assert_string_equal(customers->labels[2].values[0].json, "true");
    assert_true(customers->per_hour[7] == 0 && customers->per_hour[8] == 40 && customers->per_hour[11] == 60 &&
                customers->per_hour[12] == 0);
    assert_true(customers->has_patience && customers->patience.b == 300);
    assert_true(customers->callbacks == 0.25 && customers->callback_after.a == 600 && customers->is_activated);
    scenario_free(scenario);
}

/* Plain Lua works: locals, loops, functions. */
static void is_lua(void **state) {
    (void)state;
    struct scenario *scenario = read_good("for i = 1, 3 do queue('q' .. i, { name = 'Q' .. i }) end\n"
                                          "local n = 0 for _, v in pairs { 2, 3 } do n = n + v end seed = n");
    assert_int_equal(scenario->call_count, 3);
    assert_int_equal(scenario->seed, 5);
    scenario_free(scenario);
}

static void mistakes_are_named_with_their_line(void **state) {
    (void)state;
    refuse("\nsed = 1", "s.lua:2: sed is nothing that a scenario sets; did you mean seed?");
    refuse("workrs {}", "s.lua:1: there is no 'workrs' here; did you mean workers?");
    refuse("\n\nworkers {\n  name = 'a',\n  queuse = {} }",
           "s.lua:5: workers.queuse is no key of workers; did you mean queues?");
    refuse("queue 'q' {", "s.lua:1:");
    refuse("queue 'q'\n", "s.lua:1: queue is not followed by a table");
    refuse("queue 'q' seed = 2", "s.lua:1: queue is not followed by a table");
    refuse("queue {}", "needs its id first");
    refuse("queue 'q' 'x'", "must be followed by a table");
    refuse("queue 'q' {} queue 'q' {}", "queue \"q\" is there twice");
    refuse("queue 'q' { name = function() end }", "s.lua:1:");
    refuse("return 1", "returns a value");
    refuse(QUEUE "workers { queues = { 'q' }, channels = { voice = 1 } }", "need names");
    refuse(QUEUE
           "queue 'support' {}\nworkers { name = 'a', queues = { 'q', 'suport' },\n channels = { voice = 1 } }",
           "s.lua:2: workers.queues names the queue \"suport\", which the scenario does not have; did you mean "
           "\"support\"?");
    refuse(QUEUE "workers { names = { 'a', 'a' }, queues = { 'q' }, channels = { voice = 1 } }",
           "\"a\" is there twice");
    refuse(QUEUE "workers { name = 'a', queues = { 'q' } }", "workers.channels must be names and costs");
    refuse(QUEUE "workers { name = 'a', queues = { 'q' }, channels = { 'voice' } }", "workers.channels must be");
    refuse(QUEUE "workers { name = 'a', queues = { 'q' }, channels = { voice = { coast = 1 } } }",
           "did you mean cost?");
    refuse(QUEUE "workers { name = 'a', count = 2.5 }", "workers.count must be a whole number");
    refuse(QUEUE "workers { name = 'a', accept = 0.9, decline = 0.2 }", "more than 1 together");
    refuse(QUEUE "customers { name = 'a', channel = 'v', per_hour = 1 }",
           "need a queue, or a classification_policy");
    refuse(QUEUE "customers { name = 'a', queue = 'q', per_hour = 1 }", "need a channel");
    refuse(QUEUE "customers { name = 'a', queue = 'q', channel = 'v' }", "need per_hour");
    refuse(QUEUE "customers { queue = 'q', channel = 'v' }", "need a name");
    refuse("customers { name = 'a', channel = 'v', classification_policy = 'c', per_hour = 1 }",
           "names the classification_policy \"c\"");
}

static void wrong_values_are_refused(void **state) {
    (void)state;
    static const char *const times[] = {"'5 min'",
                                        "'5x'",
                                        "'m'",
                                        "''",
                                        "-1",
                                        "true",
                                        "{}",
                                        "{ 1 }",
                                        "{ 3, 2 }",
                                        "{ 1, 2, 3 }",
                                        "exponential 'x'",
                                        "normal(1, {})",
                                        "{ exponentail = 3 }",
                                        "1/0",
                                        "0/0",
                                        "'401d'",
                                        "'1e9d'",
                                        "{ { 1, 2 }, 3 }",
                                        "'nan'",
                                        "'0x10s'"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, QUEUE "workers { name = 'a', talk = %s }", times[i]);
        refuse(text, "s.lua:1: workers.talk");
    }
    static const char *const spans[] = {"'8-12'",
                                        "'08:00'",
                                        "'08:00-25:00'",
                                        "'08:00-08:00'",
                                        "'24:00-08:00'",
                                        "{}",
                                        "{ '08:00-10:00', '09:00-11:00' }",
                                        "{ '08:00-10:00', '10:00-11:00' }",
                                        "7",
                                        "'08:00-12:00 '",
                                        "'08: 0-12:00'"};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 QUEUE "workers { name = 'a', queues = { 'q' }, channels = { v = 1 }, shifts = %s }", spans[i]);
        refuse(text, "s.lua:1: workers.shifts");
    }
    static const char *const hours[] = {"-1",
                                        "{ [24] = 1 }",
                                        "{ ['9-8'] = 1 }",
                                        "{ ['8-25'] = 1 }",
                                        "{ x = 1 }",
                                        "'5'",
                                        "{ [8] = 1, ['7-9'] = 2 }",
                                        "{ [8] = 'x' }",
                                        "{ [8.5] = 1 }",
                                        "{ [true] = 1 }"};
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, QUEUE "customers { name = 'a', queue = 'q', channel = 'v', per_hour = %s }",
                 hours[i]);
        refuse(text, "s.lua:1: customers.per_hour");
    }
    refuse("start = '25:00'", "must be a time of the day");
    refuse("start = 8", "must be a time of the day");
    refuse("date = '2026-13-01'", "must be a date");
    refuse("length = 0", "longer than nothing");
    refuse("seed = -1", "must be a number from 0");
    refuse(QUEUE "customers { name = 'a', queue = 'q', channel = 'v', per_hour = 1, labels = { L = { en = 0 } } }",
           "without a value");
    refuse(QUEUE
           "customers { name = 'a', queue = 'q', channel = 'v', per_hour = 1, labels = { L = { en = -1 } } }",
           "customers.labels");
    refuse(QUEUE "workers { name = 'a', queues = { 'q' }, channels = { v = 1 }, labels = { L = {} } }",
           "labels and tags are numbers");
}

/* Files that mean no good end with an error, soon, and reach nothing. */
static void hostile_files_come_to_nothing(void **state) {
    (void)state;
    refuse("while true do end", "has not ended after a million instructions");
    refuse("local s = 'x' while true do s = s .. s end", "more than 16 MiB");
    refuse("local t = {} while true do t[#t + 1] = {} end", "s.lua");
    refuse("local s = 'x' for i = 1, 20 do s = s .. s end for i = 1, 100 do queue('q' .. i, { n = s }) end",
           "s.lua:1:");
    refuse("local s = 'x' for i = 1, 19 do s = s .. s end for i = 1, 100 do queue('q' .. i, { n = s }) end",
           "holds more than 16 MiB");
    refuse("local function f() return f() + 1 end f()", "s.lua");
    refuse("local t = {} t.t = t queue('q', t)", "s.lua:1:");
    refuse("local t = {} for i = 1, 5000 do t = { t } end queue('q', t)", "s.lua:1:");
    refuse("for i = 1, 2000 do queue('q' .. i, {}) end", "more than 1000 times");
    refuse(QUEUE
           "for i = 1, 5 do workers { name = 'w' .. i, count = 9000, queues = { 'q' }, channels = { v = 1 } } end",
           "are more than 10000");
    refuse("\x1bLua", "compiled Lua");
    refuse("queue('q\\0x', {})", "at most 200 bytes of UTF-8");
    refuse("queue('q\\xff', {})", "at most 200 bytes of UTF-8");
    refuse("queue('q', { ['\\xff'] = 1 })", "s.lua:1:");
    refuse("seed = '\27[2J'", "must be a number");
    static const char *const absent[] = {"os",    "io",       "require", "load", "setmetatable",   "rawset",
                                         "debug", "string",   "pcall",   "_G",   "collectgarbage", "getmetatable",
                                         "print", "coroutine"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "local x = %s", absent[i]);
        refuse(text, "there is no '");
    }
    refuse("local x = ('x'):rep(10)", "attempt to index a string value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_its_defaults),
        cmocka_unit_test(furniture_comes_in_an_order_that_works),
        cmocka_unit_test(workers_have_all_their_keys),
        cmocka_unit_test(customers_have_all_their_keys),
        cmocka_unit_test(is_lua),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(hostile_files_come_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
