/* One real worker as the host sees it: greeted, spoken to, watched, killed, buried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/process.h"
#include <cmocka.h>

#include "unit/host_workers.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct process *process;

/* Reads that take less than there is, and how many found nothing. */
static size_t most_at_once = SIZE_MAX;
static unsigned vain_reads;

/* In the place of the C library's. */
ssize_t recv(int fd, void *bytes, size_t size, int flags) {
    ssize_t got = recvfrom(fd, bytes, size < most_at_once ? size : most_at_once, flags, NULL, NULL);
    vain_reads += got < 0 ? 1 : 0;
    return got;
}

static int teardown(void **state) {
    (void)state;
    process_free(process);
    process = NULL;
    most_at_once = SIZE_MAX;
    return close_loop();
}

static void on_frame(struct process *from, const struct wire_frame *frame) {
    assert_true(process == NULL || from == process);
    hear(frame);
}

static void on_died(struct process *dead, const struct process_death *how) {
    say("died");
    deaths++;
    death = *how;
    process_free(dead);
    process = NULL;
}

static void on_relieved(struct process *from) {
    assert_ptr_equal(from, process);
    assert_false(process_is_congested(process));
    say("relieved");
}

static void start_program(const char *path) {
    struct error error = {0};
    process = process_start(&(struct process_options){.loop = loop,
                                                      .program = path,
                                                      .slice_ms = SLICE_MS,
                                                      .run_memory = 16 << 20,
                                                      .all_memory = 64 << 20,
                                                      .answer_size = 1 << 20,
                                                      .frame = on_frame,
                                                      .died = on_died,
                                                      .relieved = on_relieved},
                            &error);
    if (process == NULL) {
        fail_msg("%s", error.message);
    }
}

static void start(void) {
    start_program(program);
}

static void send_file(const char *path, const char *text) {
    size_t place = wire_begin(&process->out, WIRE_FILE, 0);
    wire_put_text(&process->out, slice_of(path));
    wire_put_text(&process->out, slice_of(text));
    process_put(process, place);
}

static void send_load(void) {
    process_put(process, wire_begin(&process->out, WIRE_LOAD, 0));
}

static void send_run(uint64_t run) {
    size_t place = wire_begin(&process->out, WIRE_RUN, run);
    wire_put_text(&process->out, slice_of("RouterJobQueued.lua"));
    wire_put_u64(&process->out, run);
    wire_put_u32(&process->out, 1);
    wire_put_i64(&process->out, 0);
    wire_put_i64(&process->out, 0);
    wire_put_u64(&process->out, run);
    wire_put_text(&process->out,
                  slice_of("{\"id\":\"1\",\"eventType\":\"Microsoft.Communication.RouterJobQueued\","
                           "\"subject\":\"s\",\"topic\":\"t\",\"data\":{}}"));
    process_put(process, place);
}

static void load(const char *text) {
    start();
    send_file("RouterJobQueued.lua", text);
    send_load();
    wait_for("loaded");
}

static void assert_words(const char *words) {
    if (strstr(death.words, words) == NULL) {
        fail_msg("'%s' does not say '%s'", death.words, words);
    }
}

static void greets_and_loads(void **state) {
    (void)state;
    load("return function() end");
    assert_string_equal(said, "hello loaded ");
    send_run(1);
    wait_for("done");
}

static void a_script_that_does_not_give_way_is_killed_and_named(void **state) {
    (void)state;
    load("return function()\n  local n = 0\n  while true do n = n + 1 end\nend");
    send_run(7);
    wait_for("died");
    assert_true(death.is_ours);
    assert_false(death.is_outside);
    assert_int_equal(death.run, 7);
    assert_words("200 ms of processor time");
    assert_words(has_places ? "RouterJobQueued.lua:3" : "killed");
}

static void a_script_that_loops_while_it_is_loaded_is_killed_and_named(void **state) {
    (void)state;
    start();
    send_file("RouterJobQueued.lua", "local n = 0\nrepeat n = n + 1 until false");
    send_load();
    wait_for("died");
    assert_true(death.is_ours);
    assert_true(death.run == WIRE_RUN_LOADING);
    assert_words(has_places ? "RouterJobQueued.lua:2" : "killed");
}

/* No hook runs inside it: the line is not known, the kill comes all the same. */
static void a_c_function_that_does_not_return_is_killed(void **state) {
    (void)state;
    load("return function() local s = ('a'):rep(30); return s:find(('a?'):rep(30) .. ('a'):rep(30) .. 'b') end");
    send_run(7);
    wait_for("died");
    assert_true(death.is_ours);
    assert_int_equal(death.run, 7);
    assert_words("inside a C function");
}

/* On a loaded machine a worker may come to its run long after it was sent. */
static void a_worker_that_is_late_is_watched_all_the_same(void **state) {
    (void)state;
    load("return function() while true do end end");
    kill(process->pid, SIGSTOP);
    send_run(7);
    int64_t late = clock_monotonic_ns() + 3 * SLICE_MS * CLOCK_NS_PER_MS;
    while (clock_monotonic_ns() < late) {
        wait_for("");
    }
    assert_int_equal(deaths, 0);
    kill(process->pid, SIGCONT);
    wait_for("died");
    assert_true(death.is_ours);
    assert_int_equal(death.run, 7);
}

/* Together they take much longer than a slice. */
static void runs_that_give_way_are_left_alone(void **state) {
    enum { RUNS = 300 };

    (void)state;
    load("return function() local n = 0; for i = 1, 300000 do n = n + i end end");
    for (uint64_t run = 1; run <= RUNS; run++) {
        send_run(run);
    }
    while (process != NULL && process->page->slice < RUNS) {
        said[0] = '\0';
        wait_for("d"); /* done, or died */
    }
    assert_int_equal(deaths, 0);
}

/* Nothing is looked at any more, once nobody is on the processor. */
static void at_rest_nothing_wakes(void **state) {
    (void)state;
    load("return function() end");
    int64_t deadline = clock_monotonic_ns() + DEADLINE_S * CLOCK_NS_PER_S;
    while (loop_timer_is_set(&process->sampler) && clock_monotonic_ns() < deadline) {
        wait_for("");
    }
    assert_false(loop_timer_is_set(&process->sampler));
}

static void a_death_from_outside_charges_nobody(void **state) {
    static const int numbers[] = {SIGKILL, SIGTERM};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        said[0] = '\0';
        load("return function() end");
        kill(process->pid, numbers[i]);
        wait_for("died");
        assert_true(death.is_outside);
        assert_false(death.is_ours);
        assert_false(death.is_stopped);
        assert_int_equal(death.run, 0);
        assert_words("ended by signal");
    }
}

static void a_crash_charges_whoever_was_on_the_processor(void **state) {
    (void)state;
    load("return function() while true do end end");
    send_run(9);
    while (process->page->run != 9) {
        wait_for("");
    }
    kill(process->pid, SIGSEGV);
    wait_for("died");
    assert_false(death.is_outside);
    assert_int_equal(death.run, 9);
}

static void one_that_is_ended_on_purpose_says_so(void **state) {
    (void)state;
    load("return function() end");
    process_kill(process);
    process_kill(process);
    wait_for("died");
    assert_true(death.is_stopped);
    assert_int_equal(deaths, 1);
}

/* All that it said before it died is heard, then its death. */
static void frames_come_before_the_death(void **state) {
    const int whole = 3 * (WIRE_HEAD_SIZE + 16 + WIRE_HEAD_SIZE + 8); /* each run: a LOG and a DONE */
    int there = 0;

    (void)state;
    load("return function() log.info('here') end");
    for (uint64_t run = 1; run <= 3; run++) {
        send_run(run);
    }
    wait_for(""); /* they are on their way; from now on the host does not listen */
    while (strstr(said, "log") == NULL && there < whole) {
        assert_int_equal(ioctl(process->socket.fd, FIONREAD, &there), 0);
    }
    siginfo_t info;
    kill(process->pid, SIGTERM);
    assert_int_equal(waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT), 0);
    process->exit.ready(&process->exit, EPOLLIN); /* its end is told before its last words */
    assert_string_equal(said, "hello loaded log done log done log done died ");
}

static void frames_are_put_together_from_pieces(void **state) {
    (void)state;
    most_at_once = 1;
    load("return function() log.info('here') end");
    send_run(1);
    wait_for("done");
    assert_string_equal(said, "hello loaded log done ");
}

static void last_words_are_heard_whole_however_they_come(void **state) {
    most_at_once = 7;
    frames_come_before_the_death(state);
}

/* A read that took less than it could has taken all there was: none is spent on hearing that. */
static void no_read_is_in_vain(void **state) {
    (void)state;
    load("return function() end");
    vain_reads = 0;
    for (uint64_t run = 1; run <= 10; run++) {
        said[0] = '\0';
        send_run(run);
        wait_for("done");
    }
    assert_int_equal(vain_reads, 0);
}

static void one_that_hangs_up_is_buried(void **state) {
    (void)state;
    start();
    process_put(process, wire_begin(&process->out, WIRE_LOADED, 0)); /* none of its business */
    wait_for("died");
    assert_words("the worker e");
}

static void one_that_speaks_nonsense_is_ended(void **state) {
    (void)state;
    put("stranger", "#!/bin/sh\nprintf 'this is no frame, and never will be' >&0\nread answer\nread another\n");
    assert_int_equal(chmod(at("stranger"), 0700), 0);
    start_program(at("stranger"));
    wait_for("died");
    assert_true(death.is_stopped);
    assert_string_equal(said, "died ");
}

static void send_six_mebibytes(void) {
    enum { SIZE = 1 << 20 };
    static const char *const paths[] = {"a.lua", "b.lua", "c.lua", "d.lua", "e.lua", "f.lua"};
    char *text = calloc(1, SIZE + 1);

    assert_non_null(text);
    memset(text, ' ', SIZE);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        send_file(paths[i], text);
    }
    free(text);
    wait_for("");
    assert_true(process_is_congested(process));
}

static void one_that_does_not_read_gets_no_more(void **state) {
    (void)state;
    load("return function() end");
    kill(process->pid, SIGSTOP);
    send_six_mebibytes();
    kill(process->pid, SIGKILL);
    wait_for("died");
}

static void one_that_reads_again_says_so(void **state) {
    (void)state;
    start();
    kill(process->pid, SIGSTOP);
    send_six_mebibytes();
    kill(process->pid, SIGCONT);
    wait_for("relieved");
}

static void a_worker_that_does_not_exist_is_an_error(void **state) {
    struct error error = {0};

    (void)state;
    assert_null(process_start(
        &(struct process_options){.loop = loop, .program = "/nowhere/worker", .frame = on_frame, .died = on_died},
        &error));
    assert_non_null(strstr(error.message, "/nowhere/worker"));
}

static void can_be_freed_with_frames_on_their_way(void **state) {
    (void)state;
    start();
    send_file("a.lua", "return function() end");
    pid_t pid = process->pid;
    process_free(process);
    process = NULL;
    assert_int_equal(kill(pid, 0), -1); /* gone, and buried */
    wait_for("");
    assert_string_equal(said, "");
}

#define HOSTED(test) cmocka_unit_test_setup_teardown(test, open_loop, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        HOSTED(greets_and_loads),
        HOSTED(a_script_that_does_not_give_way_is_killed_and_named),
        HOSTED(a_script_that_loops_while_it_is_loaded_is_killed_and_named),
        HOSTED(a_c_function_that_does_not_return_is_killed),
        HOSTED(runs_that_give_way_are_left_alone),
        HOSTED(a_worker_that_is_late_is_watched_all_the_same),
        HOSTED(at_rest_nothing_wakes),
        HOSTED(a_death_from_outside_charges_nobody),
        HOSTED(a_crash_charges_whoever_was_on_the_processor),
        HOSTED(one_that_is_ended_on_purpose_says_so),
        HOSTED(frames_come_before_the_death),
        HOSTED(frames_are_put_together_from_pieces),
        HOSTED(last_words_are_heard_whole_however_they_come),
        HOSTED(no_read_is_in_vain),
        HOSTED(one_that_hangs_up_is_buried),
        HOSTED(one_that_speaks_nonsense_is_ended),
        HOSTED(one_that_does_not_read_gets_no_more),
        HOSTED(one_that_reads_again_says_so),
        HOSTED(a_worker_that_does_not_exist_is_an_error),
        HOSTED(can_be_freed_with_frames_on_their_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
