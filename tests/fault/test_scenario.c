/* A scenario read and run to its end, with every allocation of ours failing once: an error or the whole of it, and
 * nothing left over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "fault/alloc.h"
#include "sim/fast.h"
#include <cmocka.h>
#include <string.h>

static const char text[] =
    "length = 240 local n = 3\n"
    "distribution_policy 'd' { offerExpiresAfterSeconds = 10, mode = { kind = 'longestIdle' } }\n"
    "queue 'q' { distributionPolicyId = 'd', exceptionPolicyId = 'e' }\n"
    "exception_policy 'e' { name = 'E' }\n"
    "workers { names = { 'w' }, queues = { 'q' }, channels = { v = { cost = 1, most = 2 } }, labels = { a = 1 },\n"
    "  talk = exponential(n), wrap_up = normal(2, 1), decline = 0.2, accept = 0.5, returns_after = 5,\n"
    "  shifts = { '08:00-08:03', '09:00-10:00' }, breaks = '08:01-08:02' }\n"
    "customers { name = 'c', channel = 'v', queue = 'q', per_hour = { [8] = 120 }, patience = { 10, 60 },\n"
    "  labels = { L = { a = 1, b = 2 }, V = true }, callbacks = 0.3, callback_after = 20, activated_after = 1 }\n";

static int live(void *context, struct error *error) {
    struct buffer report;
    struct scenario *scenario = scenario_read(context, strlen(context), "s.lua", error);
    if (scenario == NULL) {
        return -1;
    }
    buffer_init(&report, 1 << 16);
    int result =
        sim_fast(&(struct sim_fast_options){.scenario = scenario, .seed = 1, .trace_fd = -1}, &report, error);
    buffer_reset(&report);
    scenario_free(scenario);
    return result;
}

/* The mistake, or no memory to find it. */
static int read_mistake(void *context, struct error *error) {
    struct scenario *scenario = scenario_read(context, strlen(context), "s.lua", error);
    assert_null(scenario);
    if (error->code != ERROR_MEMORY) {
        if (strstr(error->message, "s.lua:2: workers.queus") == NULL) {
            fail_msg("%s", error->message);
        }
        *error = (struct error){0};
        return 0;
    }
    return -1;
}

static void whole_or_not_at_all(void **state) {
    (void)state;
    assert_int_equal(crypto_start(NULL), 0);
    assert_true(fault_alloc_each(live, (void *)(uintptr_t)text) > 500);
    assert_true(fault_alloc_each(read_mistake, "\nworkers { name = 'a', queus = {} }") > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
