/* Runs, as the host meets them: events in, effects out, answers, failures. No process: see test_worker.c. */
#include "worker_kit.h"
#include <stdio.h>
#include <stdlib.h>

#define LINE1 "failed 1 error RouterJobQueued.lua:1: "

static void test_event(void **state) {
    (void)state;
    world_expect(
        "return event",
        "done 1 {\"attempt\":2,\"data\":{\"jobId\":\"j1\",\"labels\":{\"Segment\":\"Gold\"},\"priority\":5},"
        "\"id\":\"e1\",\"name\":\"RouterJobQueued\",\"received\":1772357400.5,\"seq\":41,\"source\":"
        "\"/subscriptions/s/resource\",\"subject\":\"job/j1\",\"time\":\"2026-03-01T09:30:00Z\",\"type\":"
        "\"Microsoft.Communication.RouterJobQueued\"}\n");
    world_expect("return math.type(event.received) .. math.type(event.seq) .. tostring(event.data.none)",
                 "done 1 \"floatintegernil\"\n");
}

static void test_event_forms(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function(event) return { event.name, event.source, event.time, event.data } end");
    world_run_event(&world, 1, WORLD_SCRIPT,
                    "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/s\",\"time\":\"t\",\"type\":"
                    "\"Microsoft.Communication.RouterJobClosed\",\"data\":{\"jobId\":\"j\"}}");
    assert_string_equal(world_take(&world), "done 1 [\"RouterJobClosed\",\"/s\",\"t\",{\"jobId\":\"j\"}]\n");
    world_run_event(&world, 2, WORLD_SCRIPT,
                    "{\"id\":\"e\",\"topic\":\"/s\",\"eventTime\":\"t\",\"eventType\":"
                    "\"Microsoft.Communication.RouterWorkerOfferIssued\",\"data\":{\"offerTimeUtc\":\"a\","
                    "\"expiryTimeUtc\":\"b\",\"expiresOn\":\"kept\"}}");
    assert_string_equal(world_take(&world),
                        "done 2 [\"RouterWorkerOfferIssued\",\"/s\",\"t\",{\"expiresOn\":\"kept\","
                        "\"expiryTimeUtc\":\"b\",\"offerTimeUtc\":\"a\",\"offeredOn\":\"a\"}]\n");
    world_run_event(&world, 3, WORLD_SCRIPT,
                    "{\"id\":\"e\",\"topic\":\"/s\",\"eventTime\":\"t\",\"eventType\":\"Other\"}");
    assert_string_equal(world_take(&world), "done 3 [\"Other\",\"/s\",\"t\",{}]\n");
    /* What the other schema's names hold is the sender's own affair. */
    world_run_event(&world, 4, WORLD_SCRIPT,
                    "{\"id\":\"e\",\"topic\":\"/s\",\"eventTime\":\"t\",\"eventType\":\"Other\",\"type\":\"x\","
                    "\"source\":\"x\",\"time\":\"x\"}");
    assert_string_equal(world_take(&world), "done 4 [\"Other\",\"/s\",\"t\",{}]\n");
    world_run_event(
        &world, 5, WORLD_SCRIPT,
        "{\"specversion\":\"1.0\",\"id\":\"e\",\"topic\":\"x\",\"eventTime\":\"x\",\"eventType\":\"x\","
        "\"type\":\"Other\",\"source\":\"/s\",\"time\":\"t\",\"data_base64\":\"e30=\"}");
    assert_string_equal(world_take(&world), "done 5 [\"Other\",\"/s\",\"t\",{}]\n");
    world_run_event(&world, 6, WORLD_SCRIPT, "{\"id\":");
    assert_memory_equal(world_take(&world), "failed 6 error the event cannot be read: ", 41);
    world_run_event(&world, 7, WORLD_SCRIPT, "{\"id\":\"e\"}");
    assert_string_equal(world_take(&world), "failed 7 error the event cannot be read: it has no type\n");
    world_run_event(&world, 8, WORLD_SCRIPT, "[]");
    assert_memory_equal(world_take(&world), "failed 8 error the event cannot be read: ", 41);
    world_close(&world);
}

static void test_answers(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function(event)\n"
                      "  local job, about = router.jobs.get(event.data.jobId)\n"
                      "  local nothing, more = router.offers.accept('w1', 'o1')\n"
                      "  return { job, about, nothing == nil, more, select('#', nothing, more) }\n"
                      "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1 router.jobs.get [\"j1\"]\n");
    world_answer(&world, 1, 1, "{\"id\":\"j1\",\"notes\":[],\"queueId\":null}");
    assert_string_equal(world_take(&world), "want 1 2 router.offers.accept [\"w1\",\"o1\"]\n");
    const struct worker_answer answer = {.wait = 2, .is_repeated = true};
    worker_answer(world.worker, 1, &answer);
    assert_string_equal(world_take(&world),
                        "done 1 [{\"id\":\"j1\",\"notes\":[]},{\"etag\":\"\\\"e\\\"\",\"repeated\":false,"
                        "\"status\":200},true,{\"repeated\":true},2]\n");
    assert_int_equal(worker_count(world.worker).runs, 0);
    world_close(&world);
}

static void test_late_answers(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() router.jobs.get 'a' router.jobs.get 'b' return 'end' end");
    world_answer(&world, 9, 1, "{}"); /* no such run */
    world_run(&world, 1, WORLD_SCRIPT);
    world_answer(&world, 1, 0, "{}");
    world_answer(&world, 1, 2, "{}"); /* not asked yet */
    world_answer(&world, 1, 1, "{}");
    world_answer(&world, 1, 1, "{}"); /* twice */
    assert_string_equal(world_take(&world),
                        "want 1 1 router.jobs.get [\"a\"]\nwant 1 2 router.jobs.get [\"b\"]\n");
    assert_int_equal(worker_count(world.worker).late_answers, 4);
    world_answer(&world, 1, 2, "{}");
    world_answer(&world, 1, 2, "{}"); /* over */
    assert_string_equal(world_take(&world), "done 1 \"end\"\n");
    assert_int_equal(worker_count(world.worker).late_answers, 5);
    /* a number that is used again waits for its own answers */
    world_run(&world, 1, WORLD_SCRIPT);
    worker_cancel(world.worker, 1);
    world_answer(&world, 1, 1, "{}");
    assert_int_equal(worker_count(world.worker).late_answers, 6);
    world_close(&world);
}

static void answer_at_once(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                           struct slice arguments) {
    struct world *world = context;
    world_want(context, run, wait, branch, operation, arguments);
    world_answer(world, run, wait, "{}");
}

/* An answer from inside the port comes before the run waits: it must not enter Lua while Lua is being run. */
static void test_answer_before_the_wait(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    worker_free(world.worker);
    const struct worker_options options = {64 << 20, 256 << 20, 4 << 20, NULL, NULL, 0};
    const struct worker_port port = {answer_at_once, world_log,     world_done, world_failed,
                                     world_loaded,   world_refused, &world};
    world.worker = worker_new(&options, &port, NULL, NULL);
    world_file(&world, WORLD_SCRIPT, "return function() router.jobs.get 'a' return 'end' end");
    world_load(&world);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1 router.jobs.get [\"a\"]\n");
    assert_int_equal(worker_count(world.worker).late_answers, 1);
    world_answer(&world, 1, 1, "{}");
    assert_string_equal(world_take(&world), "done 1 \"end\"\n");
    world_close(&world);
}

static const char not_found[] =
    "{\"code\":\"JobNotFound\",\"message\":\"no such job\",\"operation\":\"x\",\"retryable\":"
    "false,\"status\":404}";

static void test_errors_of_answers(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64,
                      "return function(event)\n"
                      "  local ok, why = pcall(router.jobs.get, 'j1')\n"
                      "  if event.id == 'print' then return tostring(why) end\n"
                      "  if event.id == 'look' then return { ok, why } end\n"
                      "  if event.id == 'again' then why.retryable = true error(why) end\n"
                      "  if event.id == 'bent' then why.status = print why.code = nil error(why) end\n"
                      "  router.jobs.get 'j2'\n"
                      "end");
    const char *const ids[] = {"print", "look", "again", "bent", "raw"};
    for (uint64_t run = 1; run <= 5; run++) {
        char event[128];
        snprintf(event, sizeof event, "{\"id\":\"%s\",\"eventType\":\"X\"}", ids[run - 1]);
        world_run_event(&world, run, WORLD_SCRIPT, event);
    }
    world_take(&world);
    for (uint64_t run = 1; run <= 5; run++) {
        world_refuse(&world, run, 1, 404, not_found);
    }
    assert_string_equal(
        world_take(&world),
        "done 1 \"router.jobs.get: 404 JobNotFound: no such job\"\n"
        "done 2 [false,{\"code\":\"JobNotFound\",\"message\":\"no such job\",\"operation\":\"router.jobs.get\","
        "\"repeated\":true,\"retryable\":false,\"status\":404}]\n"
        "failed 3 answer router.jobs.get: 404 JobNotFound: no such job {\"code\":\"JobNotFound\",\"message\":\"no "
        "such "
        "job\",\"operation\":\"router.jobs.get\",\"repeated\":true,\"retryable\":true,\"status\":404}\n"
        "failed 4 answer router.jobs.get: no such job {\"message\":\"no such "
        "job\",\"operation\":\"router.jobs.get\","
        "\"repeated\":true,\"retryable\":false}\n"
        "want 5 2 router.jobs.get [\"j2\"]\n");
    world_refuse(&world, 5, 2, 0, "{\"message\":\"connection refused\",\"retryable\":true,\"status\":0}");
    assert_string_equal(world_take(&world),
                        "failed 5 answer router.jobs.get: connection refused {\"message\":\"connection refused\","
                        "\"operation\":\"router.jobs.get\",\"repeated\":true,\"retryable\":true,\"status\":0}\n");
    assert_string_equal(world.traceback.bytes,
                        "\tin router.jobs.get\n\tRouterJobQueued.lua:7: in the function of line 1\n");
    world_close(&world);
}

/* A table of its own is a bug's words, unless it says that another attempt is worth it. */
static void test_errors_of_scripts(void **state) {
    (void)state;
    struct world world;
    world_open_script(
        &world, 64,
        "local raised = {\n"
        "  again = { message = 'the CRM is down', status = 503, retryable = true, more = print },\n"
        "  never = { message = 'no', retryable = false },\n"
        "  bare = { retryable = 1 },\n"
        "  words = setmetatable({ retryable = true }, { __tostring = function() return 'told' end }),\n"
        "  call = print,\n"
        "  no = false,\n"
        "}\n"
        "return function(event) error(raised[event.id]) end");
    const char *const ids[] = {"again", "never", "bare", "words", "call", "no", "nothing"};
    for (uint64_t run = 1; run <= 7; run++) {
        char event[128];
        snprintf(event, sizeof event, "{\"id\":\"%s\",\"eventType\":\"X\"}", ids[run - 1]);
        world_run_event(&world, run, WORLD_SCRIPT, event);
    }
    assert_string_equal(
        world_take(&world),
        "failed 1 answer the CRM is down {\"message\":\"the CRM is down\",\"retryable\":true,\"status\":503}\n"
        "failed 2 error no\n"
        "failed 3 error the script raised a table: raise a text, or a table with a `message`\n"
        "failed 4 answer told {\"retryable\":true}\n"
        "failed 5 error the script raised a function: raise a text, or a table with a `message`\n"
        "failed 6 error the script raised a boolean: raise a text, or a table with a `message`\n"
        "failed 7 error the script raised nil: raise a text, or a table with a `message`\n");
    world_close(&world);
}

static void test_traceback(void **state) {
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_file(&world, WORLD_SCRIPT,
               "local crm = require 'crm'\n"
               "local function choose(event)\n"
               "  return crm.segment(event).x, 1\n"
               "end\n"
               "return {\n"
               "  handle = function(event)\n"
               "    router.jobs.get 'j'\n"
               "    table.sort({ 2, 1 }, function() return choose(event), 1 end)\n"
               "  end,\n"
               "}\n");
    world_file(&world, "lib/crm.lua",
               "\xEF\xBB\xBF#!/usr/bin/lua\nlocal M = {}\nfunction M.segment(event)\n  return "
               "event.data.labels.Segment.name.first\nend\nreturn M");
    world_load(&world);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    world_answer(&world, 1, 1, "{}");
    assert_string_equal(world_take(&world),
                        "want 1 1 router.jobs.get [\"j\"]\nfailed 1 error lib/crm.lua:4: attempt to "
                        "index a nil value (field 'name'): string has no 'name'\n");
    assert_string_equal(world.traceback.bytes, "\tlib/crm.lua:4: in function 'segment'\n"
                                               "\tRouterJobQueued.lua:3: in function 'choose'\n"
                                               "\tRouterJobQueued.lua:8: in the function of line 8\n"
                                               "\tin table.sort\n"
                                               "\tRouterJobQueued.lua:8: in the function of line 6\n");
    world_close(&world);
    world_open_script(&world, 256, "return function() local function f() return f() + 1 end f() end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_non_null(strstr(world_take(&world), "failed 1 error RouterJobQueued.lua:1: stack overflow"));
    assert_non_null(strstr(world.traceback.bytes, "more)"));
    assert_true(world.traceback.length < 2000);
    world_close(&world);
}

static void test_misuse_names_the_argument(void **state) {
    (void)state;
    world_expect("router.jobs.activate()",
                 LINE1 "bad argument 'jobId' to router.jobs.activate: expected a string, got nil (did you mean "
                       "event.data.jobId?)\n");
    world_expect("router.jobs.activate(5)",
                 LINE1 "bad argument 'jobId' to router.jobs.activate: expected a string, got number\n");
    world_expect("router.jobs.get ''", LINE1 "bad argument 'jobId' to router.jobs.get: it is empty\n");
    world_expect("router.offers.accept 'w'",
                 LINE1 "bad argument 'offerId' to router.offers.accept: expected a string, got nil\n");
    world_expect("router.jobs.get('j', {})", LINE1 "router.jobs.get takes 1 argument, got 2\n");
    world_expect("router.jobs.activate('j', { prioritty = 1 })",
                 LINE1 "router.jobs.activate has no option 'prioritty' (did you mean 'priority'?)\n");
    world_expect(
        "router.jobs.activate('j', { [1] = 1 })",
        LINE1 "bad argument 'options' to router.jobs.activate: expected a table of names and values, got table\n");
    world_expect("router.jobs.activate('j', 'x')",
                 LINE1 "bad argument 'options' to router.jobs.activate: expected a table of names and values, got "
                       "string\n");
    world_expect("router.jobs.activate('j', { priority = '5' })",
                 LINE1 "bad argument 'priority' to router.jobs.activate: expected a whole number, got string\n");
    world_expect("router.jobs.activate('j', { priority = 1.5 })",
                 LINE1 "bad argument 'priority' to router.jobs.activate: expected a whole number, got number\n");
    world_expect("router.jobs.update('j', { labels = { 1 } })", LINE1
                 "bad argument 'labels' to router.jobs.update: expected a table of names and values, got table\n");
    world_expect("router.jobs.update('j', { labels = { a = print } })", LINE1
                 "bad argument to router.jobs.update: options.labels.a: a function cannot be written as JSON\n");
    world_expect("router.jobs.update('j', { labels = { a = 0/0 } })",
                 LINE1 "bad argument to router.jobs.update: options.labels.a: NaN cannot be written as JSON\n");
    world_expect("router.jobs.get '\\xff'", LINE1
                 "bad argument to router.jobs.get: jobId: this text is not UTF-8 and cannot be written as JSON\n");
    world_expect("router.jobs.schedule('j')", LINE1 "router.jobs.schedule needs the option 'scheduleAt'\n");
    world_expect("router.jobs.schedule('j', { scheduleAt = true })", LINE1
                 "bad argument 'scheduleAt' to router.jobs.schedule: expected a time (text, or seconds since "
                 "1970), got boolean\n");
}

static void wants(const char *call, const char *arguments) {
    char line[512];
    const char *end = strchr(call, '(');
    snprintf(line, sizeof line, "want 1 1 %.*s %s\n", (int)(end - call), call, arguments);
    world_expect(call, line);
}

static void test_arguments_are_canonical(void **state) {
    (void)state;
    wants("router.jobs.activate('j')", "[\"j\"]");
    wants("router.jobs.activate('j', {})", "[\"j\"]");
    wants("router.jobs.activate('j', { priority = 10.0 })", "[\"j\",{\"priority\":10}]");
    wants("router.jobs.update('j', { tags = {}, labels = { b = 1, a = true }, notes = {} })",
          "[\"j\",{\"labels\":{\"a\":true,\"b\":1},\"notes\":[],\"tags\":{}}]");
    wants("router.jobs.update('j', { labels = json.array {}, queueId = json.null })",
          "[\"j\",{\"labels\":{},\"queueId\":null}]");
    wants("router.jobs.schedule('j', { scheduleAt = 1772357400.5 })",
          "[\"j\",{\"scheduleAt\":\"2026-03-01T09:30:00.500000Z\"}]");
    wants("router.jobs.schedule('j', { scheduleAt = '2026-03-01T09:30:00Z' })",
          "[\"j\",{\"scheduleAt\":\"2026-03-01T09:30:00Z\"}]");
    wants("router.jobs.close('j', 'a', { dispositionCode = 'x' })", "[\"j\",\"a\",{\"dispositionCode\":\"x\"}]");
}

/* Each place where Lua could not come back to is named. */
static void test_where_lua_cannot_wait(void **state) {
    (void)state;
    world_expect("table.sort({ 1, 2 }, function() router.jobs.get 'j' end)",
                 LINE1 "router.jobs.get cannot wait inside table.sort: do it before or after\n");
    world_expect("local _ = ('x'):gsub('x', function() router.jobs.get 'j' end)",
                 LINE1 "router.jobs.get cannot wait inside string.gsub: do it before or after\n");
    world_expect("tostring(setmetatable({}, { __tostring = function() router.jobs.get 'j' end }))",
                 LINE1 "router.jobs.get cannot wait inside tostring: do it before or after\n");
    world_expect("log.info(setmetatable({}, { __tostring = function() router.jobs.get 'j' end }))",
                 LINE1 "router.jobs.get cannot wait inside log.info: do it before or after\n");
    world_expect(
        "local _, why = xpcall(error, function() return select(2, pcall(router.jobs.get, 'j')) end) error(why, 0)",
        "failed 1 error router.jobs.get cannot wait in an error handler: let xpcall return, then call it\n");
    world_expect("pcall(pcall, pcall, router.jobs.get, 'j')", "want 1 1 router.jobs.get [\"j\"]\n");
    world_expect("xpcall(function() for _ in function() router.jobs.get 'j' end do end end, error)",
                 "want 1 1 router.jobs.get [\"j\"]\n");
    world_expect("local _ = setmetatable({}, { __index = function() return router.jobs.get 'j' end }).x",
                 "want 1 1 router.jobs.get [\"j\"]\n");
    world_expect("for _ in pairs(setmetatable({}, { __pairs = function() router.jobs.get 'j' end })) do end",
                 "want 1 1 router.jobs.get [\"j\"]\n");
}

static void test_log(void **state) {
    (void)state;
    world_expect(
        "log.info('seen', { id = event.id, list = { 1, 2 } }) log.debug 'd' log.warn(5) log.error(nil, {}) "
        "print('a', 1, nil)",
        "log 1 info seen {\"id\":\"e1\",\"list\":[1,2]}\nlog 1 debug d \nlog 1 warn 5 \nlog 1 error nil {}\n"
        "log 1 info a\t1\tnil \ndone 1 \n");
    world_expect("log.info('x', 'y')",
                 LINE1 "bad argument 'fields' to log.info: expected a table of names and values, got string\n");
    world_expect("log.info('x', { f = print })",
                 LINE1 "bad argument 'fields' to log.info: fields.f: a function cannot be written as JSON\n");
    world_expect("log.info('x', {}, 1)", LINE1 "log.info takes a message and a table of fields\n");
}

static void test_fail(void **state) {
    (void)state;
    world_expect(
        "fail 'no agent speaks it'",
        "failed 1 answer fail: no agent speaks it {\"message\":\"no agent speaks it\",\"operation\":\"fail\","
        "\"park\":true,\"retryable\":false}\n");
    world_expect("local ok, why = pcall(fail, 'x') return { ok, why.message, tostring(why) }",
                 "done 1 [false,\"x\",\"fail: x\"]\n");
    world_expect("fail()", LINE1 "bad argument 'reason' to fail: expected a string, got nothing\n");
}

static void test_results(void **state) {
    (void)state;
    world_expect("", "done 1 \n");
    world_expect("return 1, 2", "done 1 1\n");
    world_expect("return print", "done 1 \"(not shown: result: a function cannot be written as JSON)\"\n");
    world_expect("return { a = print }",
                 "done 1 \"(not shown: result.a: a function cannot be written as JSON)\"\n");
    world_expect("return ('x'):rep(1 << 20)",
                 "done 1 \"(not shown: result: the value is too large (over 65536 bytes as JSON))\"\n");
    world_expect("return json.null", "done 1 null\n");
}

/* Where the page points while a script runs, and when it does not. */
static void test_page(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() router.jobs.get 'j' end");
    assert_int_equal(world.page.run, 0);
    uint64_t slice = world.page.slice;
    world_run(&world, 5, WORLD_SCRIPT);
    assert_int_equal(world.page.run, 0);
    assert_int_equal(world.page.slice, slice + 1);
    world_answer(&world, 5, 1, "");
    assert_int_equal(world.page.slice, slice + 2);
    world_close(&world);
}

/* worker_free takes runs with it that still wait. */
static void test_free_with_runs(void **state) {
    (void)state;
    struct world world;
    world_open_script(&world, 64, "return function() router.jobs.get 'j' end");
    for (uint64_t run = 1; run < 20; run++) {
        world_run(&world, run, WORLD_SCRIPT);
    }
    const struct worker_request twice = {
        .run = 3, .handler = slice_of(WORLD_SCRIPT), .event = slice_of(WORLD_EVENT)};
    assert_int_equal(worker_run(world.worker, &twice), -1);
    assert_int_equal(worker_count(world.worker).runs, 19);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_forms),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_answer_before_the_wait),
        cmocka_unit_test(test_errors_of_answers),
        cmocka_unit_test(test_errors_of_scripts),
        cmocka_unit_test(test_traceback),
        cmocka_unit_test(test_misuse_names_the_argument),
        cmocka_unit_test(test_arguments_are_canonical),
        cmocka_unit_test(test_where_lua_cannot_wait),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_free_with_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
