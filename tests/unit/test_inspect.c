/* What is found in scripts, and what must not be: each script is one line of a table, or a few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "inspect/inspect.h"
#include "worker/offered.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char **names;

struct script {
    const char *text;
    const char *found; /* "LINE: WORDS\n" for each, cut after the words given; "": nothing */
};

static void note(void *context, const struct inspect_finding *finding) {
    static const char *const kinds[] = {"", "requires ", "raises ", "requires any"};
    buffer_append_format(context, "%u: %s%s\n", finding->line, kinds[finding->kind], finding->words);
}

static int look(const char *type, const char *module, struct slice text, struct buffer *found) {
    struct inspect_writes *modules = inspect_writes_new();
    assert_non_null(modules);
    if (module != NULL) {
        (void)inspect_collect(modules, slice_of(module));
    }
    struct inspect_options options = {.type = type == NULL ? NULL : event_find_type(slice_of(type)),
                                      .is_handler = true,
                                      .names = names,
                                      .modules = modules,
                                      .found = note,
                                      .context = found};
    assert_true(type == NULL || options.type != NULL);
    int result = inspect_script(text, &options);
    inspect_writes_free(modules);
    return result;
}

static void finds(const char *type, const char *text, const char *wanted) {
    struct buffer found;
    buffer_init(&found, 100000);
    buffer_append_text(&found, "");
    if (look(type, NULL, slice_of(text), &found) < 0) {
        fail_msg("cannot be followed: %s", text);
    }
    if (strcmp(found.bytes, wanted) != 0) {
        fail_msg("%s\nfound:\n%swanted:\n%s", text, found.bytes, wanted);
    }
    buffer_reset(&found);
}

#define QUEUE_ID "RouterJobQueued has no such field; did you mean queueId?\n"

static void unknown_fields_are_found(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {"return function(event) local x = event.data.queuId end", "1: event.data.queuId: " QUEUE_ID},
        {"return function(e)\n  local x = e.data[\"queuId\"]\nend", "2: event.data.queuId: " QUEUE_ID},
        {"return function(e) local data = e.data return data.queuId end", "1: event.data.queuId: " QUEUE_ID},
        {"return function(e) local d <const> = e.data; log.info(d.queuId) end", "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) local event_data, x = event.data, 1; return event_data.queuId, x end",
         "1: event.data.queuId: " QUEUE_ID},
        {"return { timeout = 3, handle = function(e) if e.data.queuId then end end }",
         "1: event.data.queuId: " QUEUE_ID},
        {"local function handle(event)\n return event.data.queuId\nend\nreturn handle",
         "2: event.data.queuId: " QUEUE_ID},
        {"local function handle(event)\n return event.data.queuId\nend\nreturn { handle = handle }",
         "2: event.data.queuId: " QUEUE_ID},
        {"local handler = { timeout = 3 }\nfunction handler.handle(event) return event.data.queuId end\nreturn "
         "handler",
         "2: event.data.queuId: " QUEUE_ID},
        {"local handler = {}\nhandler.handle = function(e) return e.data.queuId end\nreturn handler",
         "2: event.data.queuId: " QUEUE_ID},
        {"return function(event) local d = event.data or {} return d.queuId end",
         "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) return event and event.data and event.data.queuId end",
         "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) return (event.data).queuId end", "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) all{ function() return event.data.queuId end } end",
         "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) while event.data.queuId do end repeat local d = event.data until d.queuId end",
         "1: event.data.queuId: " QUEUE_ID "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) for i = 1, #event.data.requestedWorkerSelectors do\n"
         " local s = event.data.requestedWorkerSelectors[i] log.info(s.labelOprator) end end",
         "2: event.data.requestedWorkerSelectors[i].labelOprator: WorkerSelector has no such field; did you mean "
         "labelOperator?\n"},
        {"return function(event) local data = event.data\nfor _, selector in "
         "ipairs(data.requestedWorkerSelectors) do\n"
         "  log.info(selector.labelOprator) end end",
         "3: event.data.requestedWorkerSelectors[i].labelOprator: WorkerSelector has no such field; did you mean "
         "labelOperator?\n"},
        {"return function(event) return event.data.zzzzzz end",
         "1: event.data.zzzzzz: RouterJobQueued has no such field\n"},
        {"return function(event) if event.attempt > 1 then elseif event.data.queuId == 'a' then end end",
         "1: event.data.queuId: " QUEUE_ID},
        {"local x = 1 goto done ::done:: return function(event) return event.data.queuId .. x end",
         "1: event.data.queuId: " QUEUE_ID},
        {"return function(event) router.jobs.cancel(event.data.jobid) end",
         "1: event.data.jobid: RouterJobQueued has no such field; did you mean jobId?\n"},
        {"return function(event, other) return event.data:queuId(), other.data.queuId end",
         "1: event.data.queuId: " QUEUE_ID},
        {"\xEF\xBB\xBF# a first line\nreturn function(event) return event.data.queuId end",
         "2: event.data.queuId: " QUEUE_ID},
        {"return function(event) local s = [==[\n]]\n]==] .. '\\z\n  ' return event.data.queuId end --[[ x", NULL},
        {"return function(event) local s = [==[\n]]\n]==] .. '\\z\n  ' return event.data.queuId end --[[ x ]]",
         "4: event.data.queuId: " QUEUE_ID},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (scripts[i].found != NULL) {
            finds("RouterJobQueued", scripts[i].text, scripts[i].found);
        }
    }
}

static void nested_members_are_followed(void **state) {
    (void)state;
    finds("RouterJobClassified", "return function(e) return e.data.queueDetails.nam end",
          "1: event.data.queueDetails.nam: QueueDetails has no such field; did you mean name?\n");
    finds("RouterJobClassificationFailed", "return function(e) return e.data.errors[1].codee end",
          "1: event.data.errors[i].codee: CommunicationError has no such field; did you mean code?\n");
    finds(
        "RouterJobClassificationFailed",
        "return function(e) return e.data.errors[1].innerError.details[2].mesage, "
        "e.data.errors[1].innererror.code end",
        "1: event.data.errors[i].innerError.details[i].mesage: CommunicationError has no such field; did you mean "
        "message?\n");
    finds("RouterJobClassified", "return function(e) return e.data.queueInfo.name end",
          "1: event.data.queueInfo: only events of the 2021 set have it; queueDetails is always there\n");
    finds("RouterWorkerOfferIssued", "return function(e) return e.data.expiryTimeUtc end",
          "1: event.data.expiryTimeUtc: only events of the 2021 set have it; expiresOn is always there\n");
    finds("RouterJobWorkerSelectorsExpired",
          "return function(e) return e.data.expiredRequestedWorkerSelectors, "
          "e.data.requestedWorkerSelectorsExpired end",
          "");
}

static void members_of_the_event_are_known(void **state) {
    (void)state;
    const char *all = "return function(e) return e.id, e.type, e.name, e.source, e.subject, e.time, e.data, "
                      "e.attempt, e.received, e.seq, e.parsed end";
    finds(NULL, all, "");
    finds("RouterJobQueued", all, "");
    finds(NULL, "return function(e) return e.data.anything, e.data.at.all end", "");
    finds(NULL, "return function(e) return e.typo end",
          "1: event.typo: an event has no such member; did you mean event.type?\n");
    finds("RouterJobQueued", "return function(e) return e.jobId end",
          "1: event.jobId: an event has no such member; did you mean event.data.jobId?\n");
    finds("RouterJobQueued", "return function(e) return e.qqqqqq end",
          "1: event.qqqqqq: an event has no such member\n");
}

/* Where it is not sure. */
static void nothing_is_said(void **state) {
    (void)state;
    static const char *const scripts[] = {
        /* maps have any key, texts have methods */
        "return function(e) return e.data.labels.Segment, e.data.labels['x'], e.data.tags.y.z end",
        "return function(e) return e.data.jobId:sub(1, 4), e.data.priority.x end",
        "return function(e) local key = 'queuId' .. 1 return e.data[key], e.data[e.name] end",
        /* members that the script adds */
        "return function(e) e.data.extra = 1 return e.data.extra end",
        "return function(e) local d = e.data d.extra = d.extra or {} return e.data.extra.x end",
        "local function enrich(e) e.data.vip = true end\nreturn function(e) enrich(e) return e.data.vip end",
        "local function fill(t, k) t[k] = 1 end\nreturn function(e) fill(e.data, 'vip') return e.data.vip end",
        "return function(e) for _, k in ipairs{'vip'} do e.data[k] = 1 end return e.data.vip end",
        "return function(e) rawset(e.data, 'vip', 1) return e.data.vip end",
        "return function(e) setmetatable(e.data, {}) return e.data.vip end",
        "return function(e) table.insert(e.data.requestedWorkerSelectors, {x = 1})\n"
        "  return e.data.requestedWorkerSelectors[1].x end",
        "return function(e) e.data.requestedWorkerSelectors[1] = {x = 1}\n"
        "  return e.data.requestedWorkerSelectors[1].x end",
        "return function(e) local t = { d = e.data } local k = 'a' .. 1 t.d[k] = 1 return e.data.a1 end",
        "return function(e) local d d = e.data local k = 'a' .. 1 d[k] = 1 return e.data.a1 end",
        "return function(e) local function get() return e.data end get()[now()] = 1 return e.data.a1 end",
        "return function(e) e.data = { mine = 1 } return e.data.mine end",
        "return function(e) e.mine = 1 return e.mine.x end",
        /* names that are another thing here */
        "return function(event) event = json.decode('{}') return event.data.mine, event.mine end",
        "return function(event) local event = { data = {} } return event.data.mine end",
        "return function(event) local d = event.data d = {} return d.mine end",
        "return function(event) local d = event.data if d then d = json.decode('x') end return d.mine end",
        "return function(event) local d = event.data do local d = {} log.info(d.mine) end end",
        "return function(event) for _, event in ipairs{{}} do log.info(event.mine) end end",
        "return function(event) local f = function(event) return event.mine end return f{} end",
        "return function(event) local function f(x) f = x end return f.mine end",
        "return function(event) local d = event.attempt > 1 and event.data or { mine = 1 } return d.mine end",
        "return function(event) local d = now() > 1 and { mine = 1 } or event.data return d.mine end",
        /* functions that are not the handler */
        "local function f(event) return event.mine, event.data.mine end\nreturn function(event) return f{} end",
        "local h = {}\nfunction h:handle(event) return event.mine end\nreturn h",
        "local h = {}\nfunction h.handle(event) return event.mine end\nh = {}\nreturn h",
        "local function wrap(f) return f end\nreturn wrap(function(event) return event.mine end)",
        "return function(...) local event = ... return event.mine end",
        "return function() return 1 end",
        /* and the whole grammar */
        "local a <const>, b <close> = 1, nil\nlocal t = {1, 2; x = 3, ['y'] = 4, [5] = 6,}\nt.x, t.y = t.y, t.x\n"
        "for i = 10, 1, -1 do if i > 3 then goto continue end t[i] = ~i << 2 // 3 & 0xfFp-1 | 3e+2 .. '' "
        "::continue:: "
        "end\nlocal function v(...) return select('#', ...), ... end\n;;; (v)(1, 'x'):rep(3)\nv 'x' v{} v[[y]]\n"
        "while true do break end repeat local z = not - #t until z == z ~= z\nreturn { handle = function() "
        "return; end }",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        finds("RouterJobQueued", scripts[i], "");
    }
}

static void modules_may_add_members(void **state) {
    (void)state;
    static const char script[] = "local crm = require 'crm'\n"
                                 "return function(e) crm.enrich(e) return e.data.vip, e.data.other end";
    struct buffer found;
    buffer_init(&found, 100000);
    assert_int_equal(
        look("RouterJobQueued", "return { enrich = function(e) e.data.vip = 1 end }", slice_of(script), &found),
        0);
    assert_string_equal(found.bytes, "1: requires crm\n2: event.data.other: RouterJobQueued has no such field\n");
    buffer_clear(&found);
    assert_int_equal(
        look("RouterJobQueued", "return { enrich = function(e, k) e.data[k] = 1 end }", slice_of(script), &found),
        0);
    assert_string_equal(found.bytes, "1: requires crm\n");
    buffer_clear(&found);
    assert_int_equal(look("RouterJobQueued", "no Lua at all", slice_of(script), &found), 0);
    assert_string_equal(found.bytes, "1: requires crm\n");
    buffer_clear(&found);
    assert_int_equal(look("RouterJobQueued", "function shared_thing() end", slice_of("shared_thing()"), &found),
                     0);
    assert_int_equal(found.length, 0);
    buffer_reset(&found);
}

static void globals_are_known(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {"rooter.jobs.get('j')", "1: rooter: there is no global of this name; did you mean router?\n"},
        {"\nrouter.jobs.activte('j')",
         "2: router.jobs.activte: there is nothing of this name in router.jobs; did you mean activate?\n"},
        {"local jobs = router.jobs jobs.activte('j')",
         "1: router.jobs.activte: there is nothing of this name in router.jobs; did you mean activate?\n"},
        {"router.job.get('j')", "1: router.job: there is nothing of this name in router; did you mean jobs?\n"},
        {"log.inf('x') string.fromat('x')",
         "1: log.inf: there is nothing of this name in log; did you mean info?\n"
         "1: string.fromat: there is nothing of this name in string; did you mean format?\n"},
        {"local priority = 1 return function() return priorty end",
         "1: priorty: there is no global of this name; did you mean priority?\n"},
        {"x = x + 1", ""},
        {"function shared() end shared()", ""},
        {"_G.mine = 1 return mine, _G.other", ""},
        {"local _ENV = { a = 1 } return a, b", ""},
        {"load('a = 1')() return a", ""},
        {"rawset(_G, 'a', 1) return a", ""},
        {"router = { mine = 1 } return router.mine", ""},
        {"local router = require 'mine' router.anything()", "1: requires mine\n"},
        {"after(5, 'remind', {})\nlocal a = after a(now(), 'b') after(5, 'c' .. 'd') after(5)\n"
         "local after = log.info after(5, 'e')",
         "1: raises remind\n2: raises b\n"},
        {"math.pi.x = 1 return json.null.x, _VERSION, _G", ""},
        {"pcall(require, 'x') local r = require r('a.b') require(('x'):rep(2))",
         "1: requires any\n1: requires a.b\n1: requires any\n"},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        finds("RouterJobQueued", scripts[i].text, scripts[i].found);
    }
}

/* Every name of the sandbox, written in a script, is known. */
static void all_that_is_offered_is_known(void **state) {
    (void)state;
    static const char *const some[] = {
        "json.null", "log.info",   "math.random", "pairs",    "router.jobs.activate", "router.workers.register",
        "state.get", "time.parse", "require",     "utf8.char"};
    struct buffer script;
    buffer_init(&script, 1000000);
    buffer_append_text(&script, "local x\n");
    size_t count = 0;
    for (const char **name = names; *name != NULL; name++) {
        if (strcmp(*name, "load") != 0 && strcmp(*name, "require") != 0) {
            buffer_append_format(&script, "x = %s\n", *name);
        }
        assert_true(name == names || strcmp(name[-1], *name) < 0);
        for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
            count += strcmp(*name, some[i]) == 0;
        }
    }
    assert_int_equal(count, sizeof some / sizeof *some);
    finds(NULL, script.bytes, "");
    buffer_reset(&script);
}

static void cannot_be_followed(const char *text, size_t length) {
    struct buffer found;
    buffer_init(&found, 100000);
    assert_int_equal(look("RouterJobQueued", text, slice_make(text, length), &found), -1);
    assert_int_equal(found.length, 0);
    buffer_reset(&found);
}

static void hostile_texts_come_to_an_end(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = calloc(1, SIZE + 1);
    assert_non_null(text);
    static const char *const units[] = {"(",
                                        "{",
                                        "[",
                                        "not ",
                                        "-",
                                        "a.",
                                        "a[",
                                        "a(",
                                        "f(function() ",
                                        "do ",
                                        "if x then ",
                                        "local a = a\n",
                                        "a=",
                                        "a,",
                                        "\"",
                                        "[=",
                                        "--[==[",
                                        "\\",
                                        "return function(e) ",
                                        "function a.b() ",
                                        "local x, y, z = 1\n",
                                        "for i in x do ",
                                        "{a=",
                                        "a{",
                                        "e.data.x=1\n",
                                        "a..",
                                        "0x",
                                        "::a:: ",
                                        "]]",
                                        "\xff",
                                        "\x1bLua"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t length = strlen(units[u]);
        for (size_t i = 0; i < SIZE; i++) {
            text[i] = units[u][i % length];
        }
        struct buffer found;
        buffer_init(&found, 1000000);
        (void)look("RouterJobQueued", text, slice_make(text, SIZE), &found);
        buffer_reset(&found);
    }
    memset(text, 0, SIZE);
    cannot_be_followed(text, SIZE);
    memset(text, '(', SIZE);
    cannot_be_followed(text, SIZE);
    free(text);
    cannot_be_followed("return function(e) return e.data.x", 33);
    cannot_be_followed("x = 'a\nb'", 9);
    cannot_be_followed("x = 1 $", 7);
    cannot_be_followed("return 1 x = 2", 14);
    cannot_be_followed("f", 1);
    cannot_be_followed("return e.mine \0 x", 17);
}

static int read_names(void **state) {
    (void)state;
    names = worker_offered(NULL, NULL);
    return names == NULL;
}

static int free_names(void **state) {
    (void)state;
    free(names);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_fields_are_found),       cmocka_unit_test(nested_members_are_followed),
        cmocka_unit_test(members_of_the_event_are_known), cmocka_unit_test(nothing_is_said),
        cmocka_unit_test(modules_may_add_members),        cmocka_unit_test(globals_are_known),
        cmocka_unit_test(all_that_is_offered_is_known),   cmocka_unit_test(hostile_texts_come_to_an_end),
    };
    return cmocka_run_group_tests(tests, read_names, free_names);
}
