/* The operations of C helpers as scripts see them, and the names that they cannot have. */
#include "unit/worker_kit.h"

#include "plugin/private.h"
#include "worker/task.h"
#include <lua.h>
#include <stdio.h>

static const char *const operations[] = {"crm.lookup", "crm.store", "mail.send", NULL};

static void open_with_operations(struct world *world, const char *script) {
    const struct worker_port port = {world_want,   world_log,     world_done, world_failed,
                                     world_loaded, world_refused, world};
    world_open(world, 64);
    struct worker_options options = world->worker->options;
    worker_free(world->worker);
    options.operations = operations;
    world->worker = worker_new(&options, &port, &world->page, NULL);
    assert_non_null(world->worker);
    world_file(world, WORLD_SCRIPT, script);
    world_load(world);
    world_take(world);
}

static void an_operation_is_wanted_and_answered(void **state) {
    (void)state;
    struct world world;
    open_with_operations(&world, "return function(event)\n"
                                 "  local who, about = crm.lookup { phone = '1', b = {}, a = 10.5 }\n"
                                 "  return { who.name, about.repeated, crm.store(), mail.send { 1, 2 } }\n"
                                 "end");
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "want 1 1 crm.lookup [{\"a\":10.5,\"b\":{},\"phone\":\"1\"}]\n");
    world_answer(&world, 1, 1, "{\"name\":\"Anna\"}");
    assert_string_equal(world_take(&world), "want 1 2 crm.store [{}]\n");
    world_answer(&world, 1, 2, "true");
    assert_string_equal(world_take(&world), "want 1 3 mail.send [[1,2]]\n");
    world_answer(&world, 1, 3, "3");
    const char *told = world_take(&world);
    assert_memory_equal(told, "done 1 [\"Anna\",false,true,3", 25);
    world_close(&world);
}

static void assert_fails(const char *body, const char *words) {
    struct world world;
    char script[512];
    snprintf(script, sizeof script, "return function(event) %s end", body);
    open_with_operations(&world, script);
    world_run(&world, 1, WORLD_SCRIPT);
    const char *told = world_take(&world);
    if (strstr(told, words) == NULL) {
        fail_msg("%s lacks %s", told, words);
    }
    world_close(&world);
}

static void misuse_is_named(void **state) {
    (void)state;
    assert_fails("crm.lookup '1'", "bad argument 'argument' to crm.lookup: expected a table");
    assert_fails("crm.lookup({}, 1)", "crm.lookup takes one table, such as { name = value }, got 2 arguments");
    assert_fails("crm.lookup { f = print }", "argument.f: a function cannot be written as JSON");
    assert_fails("crm.lokup {}", "lookup");
    assert_fails("crm.lookup = 1", "read-only");
    assert_fails("table.sort({ 3, 2, 1 }, crm.lookup)", "crm.lookup cannot wait inside table.sort");
}

/* The table behind every run's globals: the only one of the registry's metatables that leads to pairs. */
static void push_globals(lua_State *L) {
    lua_pushnil(L);
    while (lua_next(L, LUA_REGISTRYINDEX) != 0) {
        if (lua_istable(L, -1)) {
            lua_pushliteral(L, "__index");
            if (lua_rawget(L, -2) == LUA_TTABLE) {
                lua_pushliteral(L, "pairs");
                bool is_it = lua_rawget(L, -2) == LUA_TFUNCTION;
                lua_pop(L, 1);
                if (is_it) {
                    return;
                }
            }
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    fail_msg("the globals are not where they were");
}

static void nothing_of_the_api_can_be_replaced(void **state) {
    (void)state;
    struct world world;
    size_t count = 0;
    world_open(&world, 64);
    lua_State *L = world.worker->sandbox->L;
    push_globals(L);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *name = lua_tostring(L, -2);
        if (!plugin_is_reserved(slice_of(name))) {
            fail_msg("a plugin could take the name %s", name);
        }
        count++;
    }
    assert_true(count > 30);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_is_wanted_and_answered),
        cmocka_unit_test(misuse_is_named),
        cmocka_unit_test(nothing_of_the_api_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
