/* `..` with a secret, at the place where the stack of a coroutine would otherwise have to move. */
#include "worker_kit.h"
#include <stdio.h>

enum { LOCALS_MOST = 60 };

static void open_with_secret(struct world *world) {
    static const char *const names[] = {"TOKEN", NULL};
    world_open(world, 64);
    worker_free(world->worker);
    const struct worker_options options = {
        .run_memory = 64 << 20, .all_memory = 256 << 20, .answer = 4 << 20, .secrets = names};
    const struct worker_port port = {world_want,   world_log,     world_done, world_failed,
                                     world_loaded, world_refused, world};
    world->worker = worker_new(&options, &port, &world->page, NULL);
    assert_non_null(world->worker);
}

/* A function of so many locals calls one that joins; the depth at which the stack would be full is among them. */
static void run(const char *form, int locals) {
    char list[LOCALS_MOST * 8] = "x";
    for (int i = 0; i < locals; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, ", v%d", i);
    }
    char script[2048];
    char inner[1024];
    snprintf(inner, sizeof inner,
             "(function() local %s; local t = secret 'TOKEN';"
             " return tostring('<' .. 'a' .. t .. 'b' .. t .. '>') end)",
             list);
    snprintf(script, sizeof script, form, inner);
    struct world world;
    open_with_secret(&world);
    world_file(&world, WORLD_SCRIPT, script);
    world_load(&world);
    world_take(&world);
    world_run(&world, 1, WORLD_SCRIPT);
    assert_string_equal(world_take(&world), "done 1 \"<asecret(TOKEN)bsecret(TOKEN)>\"\n");
    world_close(&world);
}

static void a_handler_joins_secrets(void **state) {
    (void)state;
    for (int locals = 0; locals < LOCALS_MOST; locals++) {
        run("return function(event) return %s() end", locals);
    }
}

static void a_branch_joins_secrets(void **state) {
    (void)state;
    for (int locals = 0; locals < LOCALS_MOST; locals++) {
        run("return function(event) local a = all { %s } return a end", locals);
    }
}

static void a_script_joins_secrets_when_it_is_loaded(void **state) {
    (void)state;
    for (int locals = 0; locals < LOCALS_MOST; locals++) {
        run("local joined = %s() return function(event) return joined end", locals);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_joins_secrets),
        cmocka_unit_test(a_branch_joins_secrets),
        cmocka_unit_test(a_script_joins_secrets_when_it_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
