/* A generation: its workers, its handlers, its verdict, and workers that are replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/generation.h"
#include <cmocka.h>

#include "unit/host_workers.h"

static struct generation *generation;
static char refusal[ERROR_MESSAGE_SIZE];

static int teardown(void **state) {
    (void)state;
    generation_free(generation);
    generation = NULL;
    return close_loop();
}

static void on_ready(struct generation *of) {
    assert_ptr_equal(of, generation);
    say("ready");
}

static void on_failed(struct generation *of) {
    snprintf(refusal, sizeof refusal, "%s", of->error.message);
    say("failed");
}

static void on_slot_frame(struct worker_slot *slot, const struct wire_frame *frame) {
    (void)slot;
    hear(frame);
}

static void on_slot_died(struct worker_slot *slot, const struct process_death *how) {
    assert_null(slot->process);
    say("died");
    deaths++;
    death = *how;
}

static void on_idle(struct generation *of) {
    (void)of;
    say("idle");
}

static void start_generation(void) {
    struct error error = {0};
    struct generation_options options = {.loop = loop,
                                         .process = {.program = program,
                                                     .slice_ms = SLICE_MS,
                                                     .run_memory = 16 << 20,
                                                     .all_memory = 64 << 20,
                                                     .answer_size = 1 << 20},
                                         .workers = 2,
                                         .retry = {.attempts = 20, .first_seconds = 1, .factor = 2, .hold = true},
                                         .ready = on_ready,
                                         .failed = on_failed,
                                         .frame = on_slot_frame,
                                         .died = on_slot_died,
                                         .idle = on_idle};
    struct script_set *set = scripts_read(scripts, &error);
    assert_non_null(set);
    generation = generation_start(&options, set, &error);
    if (generation == NULL) {
        fail_msg("%s", error.message);
    }
}

static void a_generation_knows_its_handlers(void **state) {
    const struct handler *found[8];

    (void)state;
    make_folder("scripts/RouterJobQueued");
    make_folder("scripts/local");
    make_folder("scripts/lib");
    put("scripts/RouterJobQueued.lua", "return { timeout = 7, retry = { attempts = 3, hold = false }, "
                                       "handle = function() end }");
    put("scripts/RouterJobQueued/more.lua", "return function() end");
    put("scripts/default.lua", "return function() end");
    put("scripts/local/Reminder.lua", "return function() end");
    put("scripts/lib/m.lua", "return {}");
    start_generation();
    wait_for("ready");
    assert_int_equal(generation->handler_count, 4);
    assert_int_equal(generation_find(generation, slice_of("Microsoft.Communication.RouterJobQueued"), found, 8),
                     2);
    assert_string_equal(found[0]->path, "RouterJobQueued.lua");
    assert_true(found[0]->timeout_seconds == 7);
    assert_int_equal(found[0]->retry.attempts, 3);
    assert_false(found[0]->retry.hold);
    assert_true(found[0]->retry.factor == 2);
    assert_string_equal(found[1]->path, "RouterJobQueued/more.lua");
    assert_int_equal(found[1]->retry.attempts, 20);
    assert_int_equal(generation_find(generation, slice_of("Microsoft.Communication.RouterJobQueued"), found, 1),
                     1);
    assert_int_equal(generation_find(generation, slice_of("Switchhook.Local.Reminder"), found, 8), 1);
    assert_string_equal(found[0]->path, "local/Reminder.lua");
    assert_int_equal(generation_find(generation, slice_of("Contoso.Unheard"), found, 8), 1);
    assert_string_equal(found[0]->path, "default.lua");
    assert_null(generation_handler(generation, slice_of("lib/m.lua")));
}

/* Looked at in the moment itself: the replacement may be ready soon. */
static void the_other_is_picked(struct worker_slot *slot, const struct process_death *how) {
    on_slot_died(slot, how);
    assert_false(slot->is_ready);
    assert_ptr_equal(generation_pick(generation, 10), &generation->slots[1]);
}

static void a_worker_that_died_is_replaced(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return function() end");
    start_generation();
    wait_for("ready");
    generation->options.died = the_other_is_picked;
    pid_t pid = generation->slots[0].process->pid;
    kill(pid, SIGKILL);
    wait_for("died");
    wait_for("idle");
    assert_true(generation->slots[0].is_ready);
    assert_true(generation->slots[0].process->pid != pid);
    assert_int_equal(deaths, 1);
}

static void the_one_with_the_fewest_runs_is_picked(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return function() end");
    start_generation();
    assert_null(generation_pick(generation, 10)); /* none is ready yet */
    wait_for("ready");
    generation->slots[0].run_count = 2;
    generation->slots[1].run_count = 1;
    assert_ptr_equal(generation_pick(generation, 10), &generation->slots[1]);
    generation->slots[1].run_count = 3;
    assert_ptr_equal(generation_pick(generation, 10), &generation->slots[0]);
    assert_null(generation_pick(generation, 2));
    assert_int_equal(generation_run_count(generation), 5);
}

static void scripts_that_do_not_load_are_told_of(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return function()\n  this is no Lua\nend");
    start_generation();
    wait_for("failed");
    assert_non_null(strstr(refusal, "RouterJobQueued.lua:2:"));
    assert_int_equal(generation->state, GENERATION_FAILED);
}

static void scripts_that_loop_at_load_are_told_of(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "\n\nwhile true do end");
    start_generation();
    wait_for("failed");
    assert_non_null(strstr(refusal, has_places ? "RouterJobQueued.lua:3" : "killed"));
}

static struct loop_task freeing;

static void on_free(struct loop_task *task) {
    (void)task;
    generation_free(generation);
    generation = NULL;
    say("freed");
}

static void free_soon(struct worker_slot *slot, const struct process_death *how) {
    on_slot_died(slot, how);
    loop_post(loop, &freeing, on_free); /* runs just before the verdict that follows */
}

static void a_generation_can_be_freed_before_its_verdict(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return function() end");
    start_generation();
    generation->options.died = free_soon;
    kill(generation->slots[0].process->pid, SIGKILL);
    wait_for("freed");
    wait_for("");
    assert_null(strstr(said, "failed"));
}

/* A new worker that does not take the scripts (they depend on chance, say) is no worker: another is tried. */
static void a_replacement_that_refuses_is_replaced(void **state) {
    (void)state;
    put("scripts/RouterJobQueued.lua", "return function() end");
    start_generation();
    wait_for("ready");
    char *sound = generation->scripts->files[0].bytes;
    char broken[] = "no Lua";
    size_t length = generation->scripts->files[0].length;
    generation->scripts->files[0].bytes = broken;
    generation->scripts->files[0].length = strlen(broken);
    kill(generation->slots[0].process->pid, SIGKILL);
    wait_for("died died died");
    assert_int_equal(generation->state, GENERATION_READY);
    assert_true(generation->slots[0].deaths_in_a_row > 0);
    generation->scripts->files[0].bytes = sound;
    generation->scripts->files[0].length = length;
    wait_for("idle");
    assert_true(generation->slots[0].is_ready);
    assert_int_equal(generation->slots[0].deaths_in_a_row, 0);
}

#define HOSTED(test) cmocka_unit_test_setup_teardown(test, open_loop, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        HOSTED(a_generation_knows_its_handlers),        HOSTED(a_worker_that_died_is_replaced),
        HOSTED(the_one_with_the_fewest_runs_is_picked), HOSTED(scripts_that_do_not_load_are_told_of),
        HOSTED(scripts_that_loop_at_load_are_told_of),  HOSTED(a_generation_can_be_freed_before_its_verdict),
        HOSTED(a_replacement_that_refuses_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
