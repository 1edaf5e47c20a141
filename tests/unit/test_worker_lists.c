/* Operations that answer pages, as iterators: which steps they take, and when. */
#include "worker_kit.h"
#include <stdio.h>

#define LINE1 "failed 1 error RouterJobQueued.lua:1: "
#define LINK  "https://contoso.communication.azure.com/routing/jobs?api-version=2023-11-01&page=2"

static const char walk[] = "return function()\n"
                           "  local seen = {}\n"
                           "  for job, about in router.jobs.list { queueId = 'q1', maxpagesize = 2.0 } do\n"
                           "    seen[#seen + 1] = job.id .. about.status\n"
                           "  end\n"
                           "  return seen\n"
                           "end";

static void open_and_run(struct world *world, const char *text) {
    world_open_script(world, 64, text);
    world_run(world, 1, WORLD_SCRIPT);
}

static void expect(struct world *world, const char *expected) {
    const char *told = world_take(world);
    if (strcmp(told, expected) != 0) {
        fail_msg("told:     %s  expected: %s", told, expected);
    }
}

static void pages_are_asked_for_one_by_one(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world, walk);
    expect(&world, "want 1 1 router.jobs.list [{\"maxpagesize\":2,\"queueId\":\"q1\"}]\n");
    world_answer(&world, 1, 1, "{\"value\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"nextLink\":\"" LINK "\"}");
    expect(&world,
           "want 1 2 router.jobs.list [{\"maxpagesize\":2,\"queueId\":\"q1\"},{\"nextLink\":\"" LINK "\"}]\n");
    world_answer(&world, 1, 2, "{\"value\":[{\"id\":\"c\"}],\"nextLink\":null}");
    expect(&world, "done 1 [\"a200\",\"b200\",\"c200\"]\n");
    world_close(&world);
}

static void empty_pages_are_passed_over(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world,
                 "return function() local n = 0 for _ in router.queues.list() do n = n + 1 end return n end");
    expect(&world, "want 1 1 router.queues.list []\n");
    world_answer(&world, 1, 1, "{\"value\":[],\"nextLink\":\"/routing/queues?p=2\"}");
    expect(&world, "want 1 2 router.queues.list [{},{\"nextLink\":\"/routing/queues?p=2\"}]\n");
    world_answer(&world, 1, 2, "{\"value\":[null,1],\"nextLink\":\"\"}");
    expect(&world, "done 1 2\n");
    world_close(&world);
}

static void who_leaves_the_loop_asks_for_no_more(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world, "return function() for job in router.jobs.list() do return job.id end end");
    world_take(&world);
    world_answer(&world, 1, 1, "{\"value\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"nextLink\":\"" LINK "\"}");
    expect(&world, "done 1 \"a\"\n");
    world_close(&world);
}

/* The iterator is a function, and stays at its end. */
static void it_can_be_called_by_hand(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world, "return function() local next_job = router.jobs.list()\n"
                         "return { next_job().id, tostring(next_job()), tostring(next_job()) } end");
    world_take(&world);
    world_answer(&world, 1, 1, "{\"value\":[{\"id\":\"a\"}]}");
    expect(&world, "done 1 [\"a\",\"nil\",\"nil\"]\n");
    world_close(&world);
}

static void later_changes_of_the_options_mean_nothing(void **state) {
    (void)state;
    world_expect("local o = { queueId = 'a' } local i = router.jobs.list(o) o.queueId = 'b' i()",
                 "want 1 1 router.jobs.list [{\"queueId\":\"a\"}]\n");
}

static void an_error_is_raised_and_the_page_can_be_asked_for_again(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world, "return function() local i = router.jobs.list()\n"
                         "local ok, why = pcall(i) return { ok, why.status, i().id } end");
    world_take(&world);
    world_refuse(&world, 1, 1, 503, "{\"code\":\"Busy\",\"message\":\"later\",\"retryable\":true,\"status\":503}");
    expect(&world, "want 1 2 router.jobs.list []\n");
    world_answer(&world, 1, 2, "{\"value\":[{\"id\":\"a\"}]}");
    expect(&world, "done 1 [false,503,\"a\"]\n");
    world_close(&world);
}

static void what_is_no_page_is_said(void **state) {
    (void)state;
    static const char *const answers[] = {"", "[]", "{}", "{\"value\":5}", "\"x\""};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct world world;
        open_and_run(&world, "return function() for _ in router.jobs.list() do end end");
        world_take(&world);
        world_answer(&world, 1, 1, answers[i]);
        expect(&world, LINE1 "the answer to router.jobs.list is no page: it has no list \"value\"\n");
        world_close(&world);
    }
}

static void branches_need_iterators_of_their_own(void **state) {
    (void)state;
    struct world world;
    open_and_run(&world,
                 "return function() local i = router.jobs.list() all { i, function() return i() end } end");
    expect(&world, "want 1 1a router.jobs.list []\n");
    world_answer(&world, 1, 1, "{\"value\":[]}");
    expect(&world, LINE1 "router.jobs.list: another function of all{} waits for this iterator's next page: give "
                         "each its own\n");
    world_close(&world);
    open_and_run(&world, "return function()\n"
                         "local function first() for job in router.jobs.list() do return job.id end end\n"
                         "return { all { first, first } } end");
    expect(&world, "want 1 1a router.jobs.list []\nwant 1 2b router.jobs.list []\n");
    world_answer(&world, 1, 2, "{\"value\":[{\"id\":\"two\"}]}");
    world_answer(&world, 1, 1, "{\"value\":[{\"id\":\"one\"}]}");
    expect(&world, "done 1 [\"one\",\"two\"]\n");
    world_close(&world);
}

static void it_cannot_wait_where_lua_cannot(void **state) {
    (void)state;
    world_expect("local i = router.jobs.list() table.sort({ 2, 1 }, i)",
                 "failed 1 error router.jobs.list cannot wait inside table.sort: do it before or after\n");
    world_expect("table.sort({ 2, 1 }, function() for _ in router.jobs.list() do end end)",
                 LINE1 "router.jobs.list cannot wait inside table.sort: do it before or after\n");
}

static void misuse_is_said(void **state) {
    (void)state;
    world_expect("router.jobs.list('q1')", LINE1 "bad argument 'options' to router.jobs.list: expected a table of "
                                                 "names and values, got string\n");
    world_expect("router.jobs.list({}, 1)", LINE1 "router.jobs.list takes a table of options, got 2 arguments\n");
    world_expect("router.jobs.list { queueid = 'q' }",
                 LINE1 "router.jobs.list has no option 'queueid' (did you mean 'queueId'?)\n");
    world_expect("router.jobs.list { status = 'queud' }", LINE1
                 "bad argument 'status' to router.jobs.list: there is no 'queud' (did you mean 'queued'?)\n");
    world_expect("router.workers.list { state = 'gone fishing' }",
                 LINE1 "bad argument 'state' to router.workers.list: it is one of active, draining, inactive, "
                       "all\n");
    world_expect("for _ in router.jobs.list do end", LINE1
                 "router.jobs.list is called, with or without options: for entry in router.jobs.list() do\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_asked_for_one_by_one),
        cmocka_unit_test(empty_pages_are_passed_over),
        cmocka_unit_test(who_leaves_the_loop_asks_for_no_more),
        cmocka_unit_test(it_can_be_called_by_hand),
        cmocka_unit_test(later_changes_of_the_options_mean_nothing),
        cmocka_unit_test(an_error_is_raised_and_the_page_can_be_asked_for_again),
        cmocka_unit_test(what_is_no_page_is_said),
        cmocka_unit_test(branches_need_iterators_of_their_own),
        cmocka_unit_test(it_cannot_wait_where_lua_cannot),
        cmocka_unit_test(misuse_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
