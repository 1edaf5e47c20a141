/* A handler's filter in the worker: what it refuses does not reach the script. */
#include "worker_kit.h"

#define FILTER(key, value)                                                                                        \
    "log.info('top level')\nreturn { filter = { advancedFilters = { { operatorType = 'StringIn', "                \
    "key = '" key "', values = { '" value "' } } }, includedEventTypes = {} },\n"                                 \
    "handle = function(event) return event.data.jobId end }"

static void loads(struct world *world, const char *script) {
    world_open(world, 64);
    world_file(world, WORLD_SCRIPT, script);
    world_load(world);
}

static void test_filtered(void **state) {
    (void)state;
    struct world world;
    loads(&world, FILTER("data.labels.Segment", "Silver"));
    (void)world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "filtered 1 \n");
    assert_int_equal(worker_count(world.worker).runs, 0);
    world_run_event(
        &world, 2, WORLD_SCRIPT,
        "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"jobId\":\"j2\",\"labels\":{\"Segment\":\"SILVER\"}}}");
    assert_string_equal(world_take(&world), "log 2 info top level \ndone 2 \"j2\"\n");
    world_run_event(&world, 3, WORLD_SCRIPT, "[]");
    assert_string_equal(world_take(&world),
                        "failed 3 error the filter cannot read the event: it is no JSON object, "
                        "or there is no memory for it\n");
    world_close(&world);
}

/* `check` reads the filter from there. */
static void test_it_is_told(void **state) {
    (void)state;
    struct world world;
    loads(&world, "return { handle = print, filter = { subjectEndsWith = 'x', advancedFilters = {} } }");
    assert_string_equal(world_take(&world), "loaded " WORLD_SCRIPT
                                            " {\"filter\":{\"advancedFilters\":{},\"subjectEndsWith\":\"x\"}}\n");
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filtered),
        cmocka_unit_test(test_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
