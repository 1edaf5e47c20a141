/* The worker program over its socket: the protocol, what it has given up, how it ends. */
#include "worker_process.h"
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SCRIPT "RouterJobQueued.lua"

static void expect_want(struct child *child, uint64_t run, uint32_t wait, const char *arguments) {
    struct wire_reader want = child_expect(child, WIRE_WANT, run);
    assert_int_equal(wire_get_u32(&want), wait);
    assert_int_equal(wire_get_u32(&want), 0);
    assert_true(slice_is(wire_get_text(&want), "router.jobs.get"));
    assert_true(slice_is(wire_get_text(&want), arguments));
    assert_true(wire_is_whole(&want));
}

static void expect_done(struct child *child, uint64_t run, const char *value) {
    struct wire_reader done = child_expect(child, WIRE_DONE, run);
    assert_int_equal(wire_get_u32(&done), WIRE_RESULT_RETURNED);
    assert_true(slice_is(wire_get_text(&done), value));
    assert_true(wire_is_whole(&done));
}

static void expect_failed(struct child *child, uint64_t run, enum wire_failure kind, const char *message,
                          const char *traceback) {
    struct wire_reader failed = child_expect(child, WIRE_FAILED, run);
    assert_int_equal(wire_get_u32(&failed), kind);
    struct slice told = wire_get_text(&failed);
    assert_true(slice_starts_with(told, message));
    struct slice trace = wire_get_text(&failed);
    assert_non_null(memmem(trace.bytes, trace.length, traceback, strlen(traceback)));
    (void)wire_get_text(&failed);
    assert_true(wire_is_whole(&failed));
}

static void test_one_run(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child, "return function(event)\n"
                               "  log.info('hello', { id = event.id })\n"
                               "  local job = router.jobs.get(event.data.jobId)\n"
                               "  return job.status\n"
                               "end");
    child_run(&child, 7, SCRIPT, "e1");
    child_send(&child, false);
    struct wire_reader log = child_expect(&child, WIRE_LOG, 7);
    assert_int_equal(wire_get_u32(&log), 1);
    assert_true(slice_is(wire_get_text(&log), "hello"));
    assert_true(slice_is(wire_get_text(&log), "{\"id\":\"e1\"}"));
    assert_true(wire_is_whole(&log));
    expect_want(&child, 7, 1, "[\"j1\"]");
    child_answer(&child, 7, 1, "{\"status\":\"queued\"}");
    child_answer(&child, 7, 1, "{\"status\":\"twice\"}");
    child_send(&child, false);
    expect_done(&child, 7, "\"queued\"");
    shutdown(child.socket, SHUT_WR);
    assert_int_equal(child_wait(&child), 0);
    child_stop(&child);
}

static const char waits_twice[] = "return function(event)\n"
                                  "  router.jobs.get(event.id)\n"
                                  "  router.jobs.get(event.id .. event.id)\n"
                                  "  return event.id\n"
                                  "end";

/* Several frames in one write, and one frame in many. */
static void test_interleaved_runs(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child, waits_twice);
    child_run(&child, 1, SCRIPT, "a");
    child_run(&child, 2, SCRIPT, "b");
    child_run(&child, 3, SCRIPT, "c");
    child_send(&child, false);
    expect_want(&child, 1, 1, "[\"a\"]");
    expect_want(&child, 2, 1, "[\"b\"]");
    expect_want(&child, 3, 1, "[\"c\"]");
    child_answer(&child, 3, 1, "{}");
    child_simple(&child, WIRE_CANCEL, 2);
    child_answer(&child, 2, 1, "{}"); /* late: it was cancelled */
    child_answer(&child, 1, 1, "{}");
    for (size_t i = 0; i < child.out.length; i++) {
        assert_int_equal(send(child.socket, child.out.bytes + i, 1, MSG_NOSIGNAL), 1);
    }
    buffer_clear(&child.out);
    expect_want(&child, 3, 2, "[\"cc\"]");
    expect_want(&child, 1, 2, "[\"aa\"]");
    child_answer(&child, 1, 2, "{}");
    child_answer(&child, 3, 2, "{}");
    child_answer(&child, 4, 1, "{}"); /* never there */
    child_simple(&child, WIRE_CANCEL, 9);
    child_send(&child, false);
    expect_done(&child, 1, "\"a\"");
    expect_done(&child, 3, "\"c\"");
    child_stop(&child);
}

static void test_failures(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child, "return function(event)\n"
                               "  if event.id == 'hog' then\n"
                               "    local all = {}\n"
                               "    while true do all[#all + 1] = ('x'):rep(100000) .. #all end\n"
                               "  end\n"
                               "  router.jobs.get(event.id)\n"
                               "  return event.data.nothing.more\n"
                               "end");
    child_run(&child, 1, SCRIPT, "quiet");
    child_run(&child, 2, SCRIPT, "hog");
    child_run(&child, 3, "Gone.lua", "x");
    child_send(&child, false);
    expect_want(&child, 1, 1, "[\"quiet\"]");
    expect_failed(&child, 2, WIRE_FAILURE_MEMORY, "RouterJobQueued.lua:4: not enough memory",
                  "RouterJobQueued.lua:4: in");
    expect_failed(&child, 3, WIRE_FAILURE_MISSING, "there is no script Gone.lua", "");
    child_answer(&child, 1, 1, "{}");
    child_send(&child, false);
    expect_failed(&child, 1, WIRE_FAILURE_ERROR,
                  "RouterJobQueued.lua:7: attempt to index a nil value (field 'nothing')",
                  "\tRouterJobQueued.lua:7: in");
    child_stop(&child);
}

static void test_refused(void **state) {
    (void)state;
    struct child child;
    child_start(&child);
    child_hello(&child, WIRE_VERSION, 16 << 20, 64 << 20);
    child_file(&child, "RouterJobQueued.lua", "\n\nlocal x = \n");
    child_simple(&child, WIRE_LOAD, 0);
    child_send(&child, false);
    child_expect(&child, WIRE_HELLO, 0);
    struct wire_reader refused = child_expect(&child, WIRE_REFUSED, 0);
    assert_true(slice_starts_with(wire_get_text(&refused), "RouterJobQueued.lua:4: unexpected symbol near <eof>"));
    (void)wire_get_text(&refused);
    assert_true(wire_is_whole(&refused));
    child_stop(&child);
}

/* A script that logs without end is drained while it runs: neither its own memory nor the worker's grows. */
static void test_much_output(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child,
                       "return function() for i = 1, 60000 do log.info(('x'):rep(1000)) end return 'end' end");
    child_run(&child, 1, SCRIPT, "a");
    child_send(&child, false);
    for (int i = 0; i < 60000; i++) {
        child_expect(&child, WIRE_LOG, 1);
    }
    expect_done(&child, 1, "\"end\"");
    child_stop(&child);
}

static bool page_is_about(const struct child *child, uint64_t run) {
    return atomic_load(&child->page->run) == run;
}

/* Looks again and again until it is so, with a rest in between. */
static bool comes_true(const struct child *child, bool (*is_so)(const struct child *, uint64_t), uint64_t run) {
    for (int i = 0; i < CHILD_DEADLINE_MS; i++) {
        if (is_so(child, run)) {
            return true;
        }
        poll(NULL, 0, 1);
    }
    return false;
}

/* Asks until the place is the one: the first question may come before the script has got there. */
static void expect_place(struct child *child, const char *place) {
    for (int i = 0; i < CHILD_DEADLINE_MS; i++) {
        kill(child->pid, SIGURG);
        poll(NULL, 0, 1);
        if (atomic_load(&child->page->place_slice) == atomic_load(&child->page->slice) &&
            strcmp(child->page->place, place) == 0) {
            return;
        }
    }
    fail_msg("the place is '%s' and not '%s'", child->page->place, place);
}

/* The thread sanitizer keeps signals back until the program calls the C library, which a loop in Lua never
 * does. */
static void skip_where_signals_wait(void) {
#ifdef __SANITIZE_THREAD__
    skip();
#endif
}

static void test_place_of_a_runaway(void **state) {
    (void)state;
    skip_where_signals_wait();
    struct child child;
    child_start_script(&child, "local function spin(n)\n"
                               "  while true do n = n + 1 end\n"
                               "end\n"
                               "return function() pcall(spin, 1) end");
    child_run(&child, 9, SCRIPT, "a");
    child_send(&child, false);
    assert_true(comes_true(&child, page_is_about, 9));
    assert_string_equal(child.page->place, "");
    expect_place(&child, "RouterJobQueued.lua:2: in the function of line 1");
    assert_int_equal(atomic_load(&child.page->run), 9);
    child_stop(&child);
}

/* While scripts are loaded the page says so. */
static void test_place_of_a_runaway_at_load(void **state) {
    (void)state;
    skip_where_signals_wait();
    struct child child;
    child_start(&child);
    child_hello(&child, WIRE_VERSION, 16 << 20, 64 << 20);
    child_file(&child, "RouterJobQueued.lua", "while true do end");
    child_simple(&child, WIRE_LOAD, 0);
    child_send(&child, false);
    assert_true(comes_true(&child, page_is_about, WIRE_RUN_LOADING));
    expect_place(&child, "RouterJobQueued.lua:1: in the script's top level");
    child_stop(&child);
}

/* A signal that comes while nothing runs does nothing. */
static void test_signal_at_rest(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child, waits_twice);
    kill(child.pid, SIGURG);
    child_run(&child, 1, SCRIPT, "a");
    child_send(&child, false);
    expect_want(&child, 1, 1, "[\"a\"]");
    assert_int_equal(child.page->place[0], '\0');
    child_stop(&child);
}

static void expect_end(const void *bytes, size_t length, bool has_greeted) {
    struct child child;
    if (has_greeted) {
        child_start_script(&child, waits_twice);
    } else {
        child_start(&child);
    }
    buffer_append(&child.out, bytes, length);
    child_send(&child, false);
    int status = child_wait(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    child_stop(&child);
}

static void test_broken_frames(void **state) {
    (void)state;
    static const unsigned char noise[64] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa};
    expect_end(noise, sizeof noise, false);
    expect_end(noise, sizeof noise, true);
    static const unsigned char unknown[16] = {0, 0, 0, 0, 99};
    expect_end(unknown, sizeof unknown, true);
    static const unsigned char from_worker[16] = {0, 0, 0, 0, WIRE_LOADED};
    expect_end(from_worker, sizeof from_worker, true);
    static const unsigned char too_large[16] = {0, 0, 0, 2, WIRE_FILE};
    expect_end(too_large, sizeof too_large, true);
    static const unsigned char flags[16] = {0, 0, 0, 0, WIRE_LOAD, 1};
    expect_end(flags, sizeof flags, true);
    static const unsigned char load_twice[16] = {0, 0, 0, 0, WIRE_LOAD};
    expect_end(load_twice, sizeof load_twice, true);
    static const unsigned char cancel_with_more[17] = {1, 0, 0, 0, WIRE_CANCEL};
    expect_end(cancel_with_more, sizeof cancel_with_more, true);
    static const unsigned char short_answer[20] = {4, 0, 0, 0, WIRE_ANSWER};
    expect_end(short_answer, sizeof short_answer, true);
    static const unsigned char long_text[20] = {4, 0, 0, 0, WIRE_RUN, 0, 0,    0,    1, 0,
                                                0, 0, 0, 0, 0,        0, 0xff, 0xff, 0, 0};
    expect_end(long_text, sizeof long_text, true);
    static const unsigned char load_first[16] = {0, 0, 0, 0, WIRE_LOAD};
    expect_end(load_first, sizeof load_first, false);
}

/* Well-formed frames that the protocol does not allow. */
static void test_forbidden_frames(void **state) {
    (void)state;
    struct child child;
    child_start_script(&child, waits_twice);
    child_run(&child, 0, SCRIPT, "a");
    expect_end(child.out.bytes, child.out.length, true);
    buffer_clear(&child.out);
    child_run(&child, 5, SCRIPT, "a");
    child_run(&child, 5, SCRIPT, "a");
    expect_end(child.out.bytes, child.out.length, true);
    buffer_clear(&child.out);
    child_file(&child, "late.lua", "return print");
    expect_end(child.out.bytes, child.out.length, true);
    buffer_clear(&child.out);
    child_hello(&child, WIRE_VERSION, 1 << 20, 1 << 20);
    int status = child_wait(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    child_stop(&child);
}

static void test_hello_must_fit(void **state) {
    (void)state;
    struct child child;
    child_start(&child);
    child_hello(&child, WIRE_VERSION + 1, 16 << 20, 64 << 20);
    assert_int_equal(WEXITSTATUS(child_wait(&child)), 1);
    child_stop(&child);
    child_start(&child);
    child_hello(&child, WIRE_VERSION, 16 << 20, 1000); /* too little for Lua itself */
    assert_int_equal(WEXITSTATUS(child_wait(&child)), 1);
    child_stop(&child);
    child_start(&child);
    size_t place = wire_begin(&child.out, WIRE_HELLO, 0);
    wire_put_u32(&child.out, WIRE_VERSION);
    wire_put_u64(&child.out, 1 << 24);
    wire_put_u64(&child.out, 1 << 26);
    wire_put_u64(&child.out, 1 << 20);
    wire_put_text(&child.out, slice_of("UTC"));
    wire_put_text(&child.out, slice_of("{}"));
    assert_int_equal(wire_end(&child.out, place), 0);
    child_send(&child, false); /* without the page */
    assert_int_equal(WEXITSTATUS(child_wait(&child)), 1);
    child_stop(&child);
    static const char *const names[] = {"",
                                        "[]",
                                        "{",
                                        "{\"secrets\":5}",
                                        "{\"secrets\":[5]}",
                                        "{\"secrets\":[\"\"]}",
                                        "{\"operations\":[\"a\\u0000b\"]}"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        child_start(&child);
        child_hello_in(&child, WIRE_VERSION, 16 << 20, 64 << 20, "", names[i]);
        assert_int_equal(WEXITSTATUS(child_wait(&child)), 1);
        child_stop(&child);
    }
}

/* The host is gone while frames are still under way: that is an end like any, not a failure. */
static void test_end_of_the_host(void **state) {
    (void)state;
    struct child child;
    child_start(&child);
    shutdown(child.socket, SHUT_WR);
    int status = child_wait(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    child_stop(&child);
    child_start_script(&child, waits_twice);
    child_run(&child, 1, SCRIPT, "a");
    child.out.length -= 5;
    child_send(&child, false);
    shutdown(child.socket, SHUT_WR);
    assert_int_equal(child_wait(&child), 0);
    child_stop(&child);
}

/* Summer and winter, once no file can be opened any more. */
static void test_time_zone(void **state) {
    (void)state;
    struct child child;
    child_start(&child);
    child_hello_in(&child, WIRE_VERSION, 16 << 20, 64 << 20, "Europe/Berlin",
                   "{\"secrets\":[\"CRM\"],\"later\":{}}");
    child_expect(&child, WIRE_HELLO, 0);
    child_file(&child, SCRIPT,
               "return function() return { time.format(1782864000), os.date('%H %Z', 1767225600), "
               "os.date('!%H', 1767225600), time.format(4102444800) } end");
    child_simple(&child, WIRE_LOAD, 0);
    child_run(&child, 1, SCRIPT, "e1");
    child_send(&child, false);
    child_expect(&child, WIRE_LOADED, 0);
    expect_done(&child, 1, "[\"2026-07-01T02:00:00+02:00\",\"01 CET\",\"00\",\"2100-01-01T01:00:00+01:00\"]");
    child_stop(&child);
}

/* NOT_YET is an outcome like the others; what comes after it is not. */
static void test_outcomes(void **state) {
    (void)state;
    for (uint32_t outcome = WIRE_OUTCOME_NOT_YET; outcome <= WIRE_OUTCOME_NOT_YET + 1; outcome++) {
        struct child child;
        child_start_script(&child, "return function() return step('once', function() return 5 end) end");
        child_run(&child, 1, SCRIPT, "e1");
        size_t place = wire_begin(&child.out, WIRE_ANSWER, 1);
        wire_put_u32(&child.out, 1);
        wire_put_u32(&child.out, outcome);
        wire_put_u32(&child.out, 0);
        wire_put_u32(&child.out, 0);
        wire_put_i64(&child.out, 3000000);
        wire_put_text(&child.out, slice_of(""));
        wire_put_text(&child.out, slice_of(""));
        assert_int_equal(wire_end(&child.out, place), 0);
        child_send(&child, false);
        if (outcome == WIRE_OUTCOME_NOT_YET) {
            child_expect(&child, WIRE_WANT, 1);
            struct wire_reader want = child_expect(&child, WIRE_WANT, 1);
            assert_int_equal(wire_get_u32(&want), 2);
            assert_int_equal(wire_get_u32(&want), 0);
            assert_true(slice_is(wire_get_text(&want), "step.keep"));
            assert_true(slice_is(wire_get_text(&want), "[\"once\",5]"));
        } else {
            assert_int_equal(WEXITSTATUS(child_wait(&child)), 1);
        }
        child_stop(&child);
    }
}

static bool status_has(pid_t pid, const char *line) {
    char path[64];
    char text[8192];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, line) != NULL;
}

/* Descriptors above what is inherited on purpose: a leak of the parent's must not get through either. */
static void test_what_is_given_up(void **state) {
    (void)state;
    struct child child;
    int leak = open("/etc/passwd", O_RDONLY);
    assert_true(leak >= 0);
    child_start_script(&child, waits_twice);
    close(leak);
    assert_true(status_has(child.pid, "NoNewPrivs:\t1"));
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)child.pid);
    DIR *folder = opendir(path);
    if (folder != NULL) { /* only for root: the process is not dumpable */
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (isdigit((unsigned char)entry->d_name[0])) {
#ifdef SWITCHHOOK_SANITIZED
                assert_true(strcmp(entry->d_name, "0") == 0 || strcmp(entry->d_name, "2") == 0);
#else
                assert_string_equal(entry->d_name, "0");
#endif
            }
        }
        closedir(folder);
    }
#ifndef SWITCHHOOK_SANITIZED
    struct rlimit limit;
    static const struct {
        int resource;
        rlim_t value;
    } limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 1}, {RLIMIT_FSIZE, 0}, {RLIMIT_NPROC, 0}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_int_equal(prlimit(child.pid, (__rlimit_resource_t)limits[i].resource, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, limits[i].value);
    }
    assert_int_equal(prlimit(child.pid, RLIMIT_AS, NULL, &limit), 0);
    assert_true(limit.rlim_max > (64 << 20) && limit.rlim_max < (512 << 20));
#endif
    child_stop(&child);
}

/* Started by hand, it explains itself. */
static void test_by_hand(void **state) {
    (void)state;
    assert_int_equal(WEXITSTATUS(system(CHILD_PROGRAM " </dev/null 2>/dev/null")), 2);
    assert_int_equal(WEXITSTATUS(system(CHILD_PROGRAM " --nonsense </dev/null 2>/dev/null")), 2);
    assert_int_equal(WEXITSTATUS(system(CHILD_PROGRAM " --version | grep -qx 'switchhook-worker [0-9.]*'")), 0);
    assert_int_equal(WEXITSTATUS(system(CHILD_PROGRAM " --help | grep -q 'The host starts it'")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run),
        cmocka_unit_test(test_interleaved_runs),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_much_output),
        cmocka_unit_test(test_place_of_a_runaway),
        cmocka_unit_test(test_place_of_a_runaway_at_load),
        cmocka_unit_test(test_signal_at_rest),
        cmocka_unit_test(test_broken_frames),
        cmocka_unit_test(test_forbidden_frames),
        cmocka_unit_test(test_hello_must_fit),
        cmocka_unit_test(test_end_of_the_host),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_what_is_given_up),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
