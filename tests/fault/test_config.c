/* The configuration, with every allocation failing once: an error or the whole configuration, and nothing left
 * over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "fault/alloc.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char text[] = "timezone = 'Europe/Berlin'\n"
                           "store = 'sqlite:store.db'\n"
                           "router = { connection_string = env('CONFIG_FAULT_MISSING', 'endpoint=x') }\n"
                           "verify = { secret = { 'one', 'two' }, subscriptions = { 'a', 'b' } }\n"
                           "secrets = { CRM = { value = 'crm-token', hosts = { 'crm.example.com' } } }\n"
                           "http = { ca = 'ca.pem', allow = { '10.0.0.0/8' } }\n"
                           "plugins = { 'crm.so' }\n";

static int load(void *context, struct error *error) {
    struct config *config = config_load(context, error);

    if (config == NULL) {
        return -1;
    }
    assert_string_equal(config->verify.secrets[1], "two");
    assert_string_equal(config->verify.subscriptions[1], "b");
    assert_string_equal(config->secrets[0].hosts[0], "crm.example.com");
    config_free(config);
    return 0;
}

static int load_mistake(void *context, struct error *error) {
    struct config *config = config_load(context, error);

    assert_null(config);
    if (error->code == ERROR_INVALID) {
        *error = (struct error){0};
        return 0;
    }
    return -1;
}

static void put(const char *path, const char *bytes) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_true(fputs(bytes, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void fails_whole_or_not_at_all(void **state) {
    char folder[] = "/tmp/switchhook-config-XXXXXX";
    char path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/switchhook.lua", folder);
    put(path, text);
    assert_true(fault_alloc_each(load, path) > 50);
    put(path, "workers = 2\nlimits = { slice = 1 }\n");
    assert_true(fault_alloc_each(load_mistake, path) > 50);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
