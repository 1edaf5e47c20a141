/* Errors that teach: what a script gets wrong, and the words that it gets. Each message says what was found, what
 * was expected, where, and the nearest right name. */
#include "router/router.h"
#include "worker_kit.h"
#include <stdio.h>

struct mistake {
    const char *script; /* a handler's body; of `scripts`, the whole file */
    const char *words;  /* behind "RouterJobQueued.lua:1: " */
};

/* Found when the handler runs. */
static const struct mistake mistakes[] = {
    /* A name that is not there: the nearest one. */
    {"rooter.jobs.get 'j'",
     "attempt to index a nil value (global 'rooter'): there is no 'rooter' (did you mean 'router'?)"},
    {"route.jobs.get 'j'",
     "attempt to index a nil value (global 'route'): there is no 'route' (did you mean 'router'?)"},
    {"router.job.get 'j'",
     "attempt to index a nil value (field 'job'): router has no 'job' (did you mean 'jobs'?)"},
    {"router.jobs.activte 'j'",
     "attempt to call a nil value (field 'activte'): router.jobs has no 'activte' (did you mean 'activate'?)"},
    {"router.jobs.frobnicate 'j'",
     "attempt to call a nil value (field 'frobnicate'): router.jobs has no 'frobnicate'"},
    {"router.offers.acept('w', 'o')",
     "attempt to call a nil value (field 'acept'): router.offers has no 'acept' (did you mean 'accept'?)"},
    {"router.distribution_policy.get 'd'", "attempt to index a nil value (field 'distribution_policy'): router "
                                           "has no 'distribution_policy' (did you mean 'distribution_policies'?)"},
    {"sleap(5)", "attempt to call a nil value (global 'sleap'): there is no 'sleap' (did you mean 'sleep'?)"},
    {"stete.get 'k'",
     "attempt to index a nil value (global 'stete'): there is no 'stete' (did you mean 'state'?)"},
    {"state.incremnt 'k'",
     "attempt to call a nil value (field 'incremnt'): state has no 'incremnt' (did you mean 'increment'?)"},
    {"log.inf 'x'", "attempt to call a nil value (field 'inf'): log has no 'inf' (did you mean 'info'?)"},
    {"log.warning 'x'",
     "attempt to call a nil value (field 'warning'): log has no 'warning' (did you mean 'warn'?)"},
    {"time.prase 'x'", "attempt to call a nil value (field 'prase'): time has no 'prase' (did you mean 'parse'?)"},
    {"json.encod {}", "attempt to call a nil value (field 'encod'): json has no 'encod' (did you mean 'encode'?)"},
    {"os.tme()", "attempt to call a nil value (field 'tme'): os has no 'tme' (did you mean 'time'?)"},
    {"string.fomat('%d', 1)",
     "attempt to call a nil value (field 'fomat'): string has no 'fomat' (did you mean 'format'?)"},
    {"table.inser({}, 1)",
     "attempt to call a nil value (field 'inser'): table has no 'inser' (did you mean 'insert'?)"},
    {"return ('x'):formt()",
     "attempt to call a nil value (method 'formt'): string has no 'formt' (did you mean 'format'?)"},
    {"return evnt.data",
     "attempt to index a nil value (global 'evnt'): there is no 'evnt' (did you mean 'event'?)"},
    {"return event.dta.jobId", "attempt to index a nil value (field 'dta') (did you mean event.data?)"},
    {"return event.data.lables.Segment",
     "attempt to index a nil value (field 'lables') (did you mean event.data.labels?)"},
    {"return event.data.label.Segment",
     "attempt to index a nil value (field 'label') (did you mean event.data.labels?)"},
    {"return event.labels.Segment",
     "attempt to index a nil value (field 'labels') (did you mean event.data.labels?)"},
    {"return 1 + event.data.prio",
     "attempt to perform arithmetic on a nil value (field 'prio') (did you mean event.data.priority?)"},
    {"local gold = {} return gld.x",
     "attempt to index a nil value (global 'gld'): there is no 'gld' (did you mean 'gold'?)"},
    {"function choose() end chooose()",
     "attempt to call a nil value (global 'chooose'): there is no 'chooose' (did you mean 'choose'?)"},
    {"requir 'crm'",
     "attempt to call a nil value (global 'requir'): there is no 'requir' (did you mean 'require'?)"},
    {"require 'crn'", "there is no module 'crn' in the scripts' lib folder (did you mean 'crm'?)"},
    {"require 'lib.crm'", "there is no module 'lib.crm': modules are the files of the scripts' lib folder"},
    {"return nothing_like_it.x", "attempt to index a nil value (global 'nothing_like_it')"},

    /* What plain Lua has and scripts have not. */
    {"io.open 'x'",
     "attempt to index a nil value (global 'io'): 'io' is not offered: scripts have no files; state keeps values"},
    {"coroutine.wrap(print)", "attempt to index a nil value (global 'coroutine'): 'coroutine' is not offered: "
                              "all{f, g} does several things at the same time"},
    {"next {}", "attempt to call a nil value (global 'next'): 'next' is not offered: pairs walks through a table, "
                "in a fixed order"},
    {"collectgarbage()", "attempt to call a nil value (global 'collectgarbage'): 'collectgarbage' is not offered: "
                         "memory is the host's business"},
    {"debug.traceback()", "attempt to index a nil value (global 'debug'): 'debug' is not offered: an error's "
                          "traceback is in the timeline of its event"},
    {"dofile 'x'", "attempt to call a nil value (global 'dofile'): 'dofile' is not offered: require reads modules "
                   "from the scripts' lib folder"},
    {"os.execute 'x'", "attempt to call a nil value (field 'execute'): os has no 'execute'"},

    /* A missing argument. */
    {"router.jobs.activate()",
     "bad argument 'jobId' to router.jobs.activate: expected a string, got nil (did you mean event.data.jobId?)"},
    {"router.jobs.activate(event.data.jobID)",
     "bad argument 'jobId' to router.jobs.activate: expected a string, got nil (did you mean event.data.jobId?)"},
    {"router.queues.get(event.data.queueID)",
     "bad argument 'queueId' to router.queues.get: expected a string, got nil"},
    {"router.offers.accept 'w'", "bad argument 'offerId' to router.offers.accept: expected a string, got nil"},
    {"router.jobs.schedule 'j'", "router.jobs.schedule needs the option 'scheduleAt'"},
    {"router.jobs.list { maxpagesize = 1, 5 }",
     "bad argument 'options' to router.jobs.list: its keys must be names of options"},
    {"state.get()", "bad argument 'key' to state.get: expected a string, got nil"},
    {"state.set 'k'", "bad argument 'value' to state.set: there is none; to forget a key use state.delete"},
    {"state.delete()", "bad argument 'key' to state.delete: expected a string, got nil"},
    {"state.increment()", "bad argument 'key' to state.increment: expected a string, got nil"},
    {"state.compare_and_set()", "bad argument 'key' to state.compare_and_set: expected a string, got nil"},
    {"sleep()", "bad argument 'seconds' to sleep: expected a number, got nil"},
    {"after()", "bad argument 'seconds' to after: expected a number, got nil"},
    {"after(60)", "bad argument 'name' to after: expected a string, got nil"},
    {"cancel()", "bad argument 'id' to cancel: expected a string, the id that after returned, got nil"},
    {"all()", "all takes one list of functions: all{f, g}"},
    {"step()", "bad argument 'name' to step: expected a string, got nothing"},
    {"step 'x'", "bad argument 'f' to step: expected a function, got nothing"},
    {"fail()", "bad argument 'reason' to fail: expected a string, got nothing"},
    {"log.info()", "bad argument 'message' to log.info: expected a text or another value, got nothing"},
    {"time.parse()", "bad argument 'text' to time.parse: expected a string, got nothing"},
    {"time.format()", "bad argument 'seconds' to time.format: expected a number, got nothing"},
    {"json.encode()", "json.encode takes one value"},
    {"json.decode()", "bad argument 'text' to json.decode: expected a string, got nothing"},
    {"require()", "bad argument 'name' to require: expected a string, got nothing"},

    /* A wrong type, or a wrong value. */
    {"router.jobs.get(17)", "bad argument 'jobId' to router.jobs.get: expected a string, got number"},
    {"router.jobs.get ''", "bad argument 'jobId' to router.jobs.get: it is empty"},
    {"router.jobs.get { id = 'j' }", "bad argument 'jobId' to router.jobs.get: expected a string, got table"},
    {"router.jobs.get('j', {})", "router.jobs.get takes 1 argument, got 2"},
    {"router.jobs.activate('j', 10)",
     "bad argument 'options' to router.jobs.activate: expected a table of names and values, got number"},
    {"router.jobs.activate('j', { prioritty = 10 })",
     "router.jobs.activate has no option 'prioritty' (did you mean 'priority'?)"},
    {"router.jobs.activate('j', { priority = 'high' })",
     "bad argument 'priority' to router.jobs.activate: expected a whole number, got string"},
    {"router.jobs.activate('j', { priority = 1.5 })",
     "bad argument 'priority' to router.jobs.activate: expected a whole number, got number"},
    {"router.jobs.update('j', { labels = { 'Gold' } })",
     "bad argument 'labels' to router.jobs.update: expected a table of names and values, got table"},
    {"router.jobs.schedule('j', { scheduleAt = {} })", "bad argument 'scheduleAt' to router.jobs.schedule: "
                                                       "expected a time (text, or seconds since 1970), got table"},
    {"router.workers.update('w', { availableForOffers = 1 })",
     "bad argument 'availableForOffers' to router.workers.update: expected true or false, got number"},
    {"router.jobs.list { status = 'queud' }",
     "bad argument 'status' to router.jobs.list: there is no 'queud' (did you mean 'queued'?)"},
    {"router.workers.list { state = 'asleep' }",
     "bad argument 'state' to router.workers.list: it is one of active, draining, inactive, all"},
    {"router.jobs.list 'q1'",
     "bad argument 'options' to router.jobs.list: expected a table of names and values, got string"},
    {"state.get(5)", "bad argument 'key' to state.get: expected a string, got number"},
    {"state.set('k', 1, { tll = 60 })", "state.set has no option 'tll' (did you mean 'ttl'?)"},
    {"state.set('k', 1, { ttl = 'x' })", "bad argument 'ttl' to state.set: expected seconds above 0, got string"},
    {"state.increment('k', 'x')", "bad argument 'by' to state.increment: expected a number, got string"},
    {"state.set('k', print)", "bad argument to state.set: value: a function cannot be written as JSON"},
    {"sleep '5s'", "bad argument 'seconds' to sleep: expected a number, got string"},
    {"sleep(-1)", "bad argument 'seconds' to sleep: it must be from 0 to 31622400, a year"},
    {"after('60', 'x')", "bad argument 'seconds' to after: expected a number, got string"},
    {"after(60, 'a/b')",
     "bad argument 'name' to after: it names a script, local/NAME.lua, and has 1 to 100 letters, digits, _ and -"},
    {"cancel(17)", "bad argument 'id' to cancel: expected a string, the id that after returned, got number"},
    {"all(function() end)", "all takes one list of functions: all{f, g}"},
    {"all { 1 }", "bad argument to all: expected a list of functions, got a number in it"},
    {"step(1, print)", "bad argument 'name' to step: expected a string, got number"},
    {"step('x', 5)", "bad argument 'f' to step: expected a function, got number"},
    {"fail {}", "bad argument 'reason' to fail: expected a string, got table"},
    {"log.info('x', 'y')", "bad argument 'fields' to log.info: expected a table of names and values, got string"},
    {"log.info('x', {}, 1)", "log.info takes a message and a table of fields"},
    {"time.parse(5)", "bad argument 'text' to time.parse: expected a string, got number"},
    {"time.parse 'yesterday'",
     "bad argument 'text' to time.parse: 'yesterday' is no time, such as 2026-03-01T09:30:00Z"},
    {"time.format 'x'", "bad argument 'seconds' to time.format: expected a number, got string"},
    {"json.encode(print)", "bad argument 'value' to json.encode: value: a function cannot be written as JSON"},
    {"json.decode(5)", "bad argument 'text' to json.decode: expected a string, got number"},
    {"json.decode '{\"a\":}'", "json.decode: expected a value at byte 5"},
    {"json.array(5)", "bad argument 'list' to json.array: expected a list, got number"},
    {"require(5)", "bad argument 'name' to require: expected a string, got number"},
    {"router.limits = 5",
     "'router' is shared by all scripts and read-only: keep what you need in a variable of yours"},

    /* A colon where a dot belongs. */
    {"router.jobs:activate 'j'",
     "router.jobs.activate is called with a dot, not a colon: router.jobs.activate(...)"},
    {"router.jobs:list()", "router.jobs.list is called with a dot, not a colon: router.jobs.list(...)"},
    {"state:get 'k'", "state.get is called with a dot, not a colon: state.get(...)"},
    {"log:info 'x'", "log.info is called with a dot, not a colon: log.info(...)"},
    {"time:parse 'x'", "time.parse is called with a dot, not a colon: time.parse(...)"},
    {"json:encode {}", "json.encode is called with a dot, not a colon: json.encode(...)"},

    /* A loop over the function instead of over what it returns. */
    {"for job in router.jobs.list do log.info(job.id) end",
     "router.jobs.list is called, with or without options: for entry in router.jobs.list() do"},

    /* A wait where none is possible. */
    {"table.sort({ 2, 1 }, function() router.jobs.get 'j' end)",
     "router.jobs.get cannot wait inside table.sort: do it before or after"},
    {"return (('x'):gsub('x', function() return state.get 'k' end))",
     "state.get cannot wait inside string.gsub: do it before or after"},
    {"for _ in ('x'):gmatch 'x' do table.sort({ 2, 1 }, function() sleep(1) end) end",
     "sleep cannot wait inside table.sort: do it before or after"},
    {"log.info(setmetatable({}, { __tostring = function() return router.jobs.get 'j' end }))",
     "router.jobs.get cannot wait inside log.info: do it before or after"},
    {"xpcall(error, function() router.jobs.get 'j' end) table.sort({ 2, 1 }, function() for _ in "
     "router.jobs.list() do end end)",
     "router.jobs.list cannot wait inside table.sort: do it before or after"},

    /* Requests and secrets. */
    {"http.gett 'https://x.example/'",
     "attempt to call a nil value (field 'gett'): http has no 'gett' (did you mean 'get'?)"},
    {"http.get()", "bad argument 'url' to http.get: expected a string, got nil"},
    {"http.get(5)", "bad argument 'url' to http.get: expected a string, got number"},
    {"http.get('https://x.example/', { header = {} })",
     "http.get has no option 'header' (did you mean 'headers'?)"},
    {"http.get('https://x.example/', { timeout = '5s' })",
     "bad argument 'timeout' to http.get: expected seconds above 0, 3600 at most, got string"},
    {"http.post('https://x.example/', { body = {} })",
     "bad argument 'body' to http.post: expected a string (for a table use json = ...), got table"},
    {"http.request { method = 'GET' }", "bad argument 'url' to http.request: expected a string, got nil"},
    {"http.request 'https://x.example/'",
     "bad argument 'options' to http.request: expected a table with method and url, got string"},
    {"http:get 'https://x.example/'", "http.get is called with a dot, not a colon: http.get(...)"},
    {"http.basic('me', 'password')", "bad argument 'secret' to http.basic: expected secret \"NAME\" (a password "
                                     "in a script would be kept with it), got string"},
    {"secret 'CRM_TOKEN'",
     "there is no secret 'CRM_TOKEN': the configuration has none (secrets = { ... } in switchhook.lua)"},
    {"secret()", "bad argument 'name' to secret: expected a string, got nothing"},
    {"http.get 'x.example'", "bad argument 'url' to http.get: it must begin with https://HOST or http://HOST"},
};

/* Found when the script is loaded. */
static const struct mistake scripts[] = {
    {"function handle(event) end",
     "the script returns nothing; it must end with its handler: return function(event) ... end"},
    {"local function handle(event) end",
     "the script returns nothing; it must end with its handler: return function(event) ... end"},
    {"local handle = function(event) end",
     "the script returns nothing; it must end with its handler: return function(event) ... end"},
    {"return 5", "the script returns a number; it must return its handler: a function, or a table with handle = "
                 "function(event) ... end"},
    {"return 'handle'", "the script returns a string; it must return its handler: a function, or a table with "
                        "handle = function(event) ... end"},
    {"return { handler = function(event) end }",
     "the returned table has no key 'handler' (did you mean 'handle'?)"},
    {"return { handle = 5 }", "the returned table has no `handle`: handle = function(event) ... end"},
    {"return { handle = function(event) end, retry = 5 }", "`retry` must be a table, got number"},
    {"return function(event)", "'end' expected near <eof>"},
    {"return function(event) if event then", "'end' expected near <eof>"},
    {"return function(event) log.info('x' end", "')' expected near 'end'"},
    {"return function(event) end end", "<eof> expected near 'end'"},
    {"return functon(event) end", "<eof> expected near 'end'"},
    {"router.jobs.get 'j' return function(event) end",
     "router.jobs.get cannot be called at a script's top level: effects belong into the handler, the function "
     "that the script returns"},
    {"return router.jobs.get 'j'", "router.jobs.get cannot be called at a script's top level: effects belong into "
                                   "the handler, the function that the script returns"},
    {"for job in router.jobs.list() do end return function(event) end",
     "router.jobs.list cannot be called at a script's top level: effects belong into the handler, the function "
     "that the script returns"},
    {"return rooter.jobs",
     "attempt to index a nil value (global 'rooter'): there is no 'rooter' (did you mean 'router'?)"},
    {"return function(event) local 1 = 2 end", "<name> expected near '1'"},
};

static void open_script(struct world *world, const char *text) {
    world_open(world, 64);
    world_file(world, WORLD_SCRIPT, text);
    world_file(world, "lib/crm.lua", "return { find = function() end }");
    world_load(world);
}

static void expect(struct world *world, const char *script, const char *beginning, const char *words) {
    char expected[1024];
    const char *told = world_take(world);
    snprintf(expected, sizeof expected, "%s" WORLD_SCRIPT ":1: %s\n", beginning, words);
    if (strcmp(told, expected) != 0) {
        fail_msg("%s\n  told:     %s  expected: %s", script, told, expected);
    }
}

static void expect_mistake(const char *body, const char *words) {
    struct world world;
    char text[1024];
    snprintf(text, sizeof text, "return function(event) %s end", body);
    open_script(&world, text);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    expect(&world, body, "failed 1 error ", words);
    world_close(&world);
}

static void mistakes_are_explained(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        expect_mistake(mistakes[i].script, mistakes[i].words);
    }
}

static void scripts_that_are_none_are_explained(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct world world;
        open_script(&world, scripts[i].script);
        expect(&world, scripts[i].script, "refused ", scripts[i].words);
        world_close(&world);
    }
}

/* --- every Job Router operation */

/* "'id1', 'id2'", as many as are given. */
static void write_ids(char *out, size_t size, size_t count) {
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(out);
        snprintf(out + length, size - length, "%s'id%zu'", i == 0 ? "" : ", ", i + 1);
    }
}

static void check_ids(const struct router_operation *operation) {
    char ids[64], body[256], words[512];
    for (size_t i = 0; i < router_id_count(operation); i++) {
        write_ids(ids, sizeof ids, i);
        struct slice name = router_id_name(operation, i);
        snprintf(body, sizeof body, "%s(%s)", operation->name, ids);
        /* What the event has is named: the kit's has a job. */
        snprintf(words, sizeof words, "bad argument '%.*s' to %s: expected a string, got nil%s", SLICE_ARG(name),
                 operation->name, slice_is(name, "jobId") ? " (did you mean event.data.jobId?)" : "");
        expect_mistake(body, words);
        snprintf(body, sizeof body, "%s(%s%s17)", operation->name, ids, i == 0 ? "" : ", ");
        snprintf(words, sizeof words, "bad argument '%.*s' to %s: expected a string, got number", SLICE_ARG(name),
                 operation->name);
        expect_mistake(body, words);
    }
}

static const char *wanted(enum router_kind kind) {
    static const char *const words[] = {[ROUTER_STRING] = "a string",
                                        [ROUTER_INTEGER] = "a whole number",
                                        [ROUTER_NUMBER] = "a number",
                                        [ROUTER_BOOLEAN] = "true or false",
                                        [ROUTER_TIME] = "a time (text, or seconds since 1970)",
                                        [ROUTER_LIST] = "a list",
                                        [ROUTER_MAP] = "a table of names and values"};
    return words[kind];
}

/* What the operation cannot do without, unless it is `member`. */
static const char *required(const struct router_operation *operation, const struct router_member *member) {
    const struct router_member *hole = operation->members;
    while (hole->name != NULL && !hole->is_required) {
        hole++;
    }
    return hole->name == NULL || hole == member ? "" : ", scheduleAt = 0";
}

static void check_options(const struct router_operation *operation) {
    char ids[64], body[512], words[512];
    size_t count = router_id_count(operation);
    write_ids(ids, sizeof ids, count);
    const char *comma = count == 0 ? "" : ", ";
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        snprintf(body, sizeof body, "%s(%s%s{ %s = print%s })", operation->name, ids, comma, member->name,
                 required(operation, member));
        snprintf(words, sizeof words, "bad argument '%s' to %s: expected %s, got function", member->name,
                 operation->name, wanted(member->kind));
        expect_mistake(body, words);
        snprintf(body, sizeof body, "%s(%s%s{ %sx = 1 })", operation->name, ids, comma, member->name);
        snprintf(words, sizeof words, "%s has no option '%sx' (did you mean '%s'?)", operation->name, member->name,
                 member->name);
        expect_mistake(body, words);
    }
    if (operation->members[0].name == NULL) {
        snprintf(body, sizeof body, "%s(%s%s{})", operation->name, ids, comma);
        snprintf(words, sizeof words, "%s takes %zu argument%s, got %zu", operation->name, count,
                 count == 1 ? "" : "s", count + 1);
        expect_mistake(body, words);
    }
}

static void check_name(const struct router_operation *operation) {
    char body[256], words[512];
    const char *name = strrchr(operation->name, '.') + 1;
    int module = (int)(name - 1 - operation->name);
    snprintf(body, sizeof body, "%sx 'j'", operation->name);
    snprintf(words, sizeof words,
             "attempt to call a nil value (field '%sx'): %.*s has no '%sx' (did you mean '%s'?)", name, module,
             operation->name, name, name);
    expect_mistake(body, words);
    snprintf(body, sizeof body, "%.*s:%s 'j'", module, operation->name, name);
    snprintf(words, sizeof words, "%s is called with a dot, not a colon: %s(...)", operation->name,
             operation->name);
    expect_mistake(body, words);
}

static void every_operation_explains_itself(void **state) {
    (void)state;
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        check_name(operation);
        check_ids(operation);
        check_options(operation);
    }
}

/* --- what must not change */

static void reading_what_is_not_there_gives_nil(void **state) {
    (void)state;
    world_expect(
        "return { rooter == nil, router.jobz == nil, log.warning == nil, event.dta == nil, ('x').y == nil }",
        "done 1 [true,true,true,true,true]\n");
}

/* Another run's look in vain, or an earlier one's, says nothing about this one. */
static void only_the_name_itself_is_explained(void **state) {
    (void)state;
    world_expect("local _ = router.jobs.activte local t = {} t.x.y = 1",
                 "failed 1 error RouterJobQueued.lua:1: attempt to index a nil value (field 'x')\n");
    world_expect("error \"it failed (field 'activte')\"",
                 "failed 1 error RouterJobQueued.lua:1: it failed (field 'activte')\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(scripts_that_are_none_are_explained),
        cmocka_unit_test(every_operation_explains_itself),
        cmocka_unit_test(reading_what_is_not_there_gives_nil),
        cmocka_unit_test(only_the_name_itself_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
