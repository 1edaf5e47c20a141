/* What scripts may reach and send, and how tokens are got: secrets, http.allow, router.entra, plugins. */
#include "unit/config_kit.h"

static void reads_how_tokens_are_got(void **state) {
    struct world *world = *state;
    struct config *config =
        load(world, "router = { endpoint = 'https://a.example:444/', entra = { tenant = 't', client_id = 'c',\n"
                    "  client_secret = 's', authority = 'http://127.0.0.1:9/', scope = 'x' } }\n");
    assert_string_equal(config->router_endpoint, "https://a.example:444");
    assert_string_equal(config->entra.tenant, "t");
    assert_string_equal(config->entra.client_id, "c");
    assert_string_equal(config->entra.client_secret, "s");
    assert_string_equal(config->entra.authority, "http://127.0.0.1:9");
    assert_string_equal(config->entra.scope, "x");
    assert_null(config->entra.token_file);
    config_free(config);
    config = load(world, "router = { endpoint = 'http://[::1]:80', entra = { token_file = 'token' } }");
    assert_in_folder(world, "", config->entra.token_file, "token");
    assert_null(config->entra.tenant);
    config_free(config);
}

static void reads_secrets_by_name(void **state) {
    struct world *world = *state;
    struct config *config = load(
        world, "secrets = { B = { value = 'bbbb', hosts = { 'b', '[::1]:80' } },\n"
               "  A = { value = 'aaaa', hosts = { 'A.example:1' } } }\n"
               "http = { allow = { '::1', '[::1]:80', 'fd00::/8', 'crm', '10.0.0.1', 'crm2:80', 'a.2b' } }\n");
    assert_string_equal(config->secrets[0].name, "A");
    assert_string_equal(config->secrets[1].value, "bbbb");
    assert_string_equal(config->secrets[1].hosts[1], "[::1]:80");
    assert_null(config->secrets[2].name);
    assert_string_equal(config->http.allow[4], "10.0.0.1");
    config_free(config);
}

static const struct mistake mistakes[] = {
    {"secrets = { CRM = 'x' }", {"secrets.CRM must be a table"}},
    {"secrets = { CRM = { hosts = {} } }", {"secrets.CRM.value must be a string, not a nil"}},
    {"secrets = { CRM = { value = 'x', hosts = { 'a' } } }", {"secrets.CRM.value has fewer than 4 bytes"}},
    {"secrets = { CRM = { value = 'hunter2' } }", {"secrets.CRM.hosts must be a list"}},
    {"secrets = { CRM = { value = 'hunter2', hosts = {} } }", {"secrets.CRM.hosts must be a list"}},
    {"secrets = { CRM = { value = 'hunter2', hosts = { 'https://a.example' } } }",
     {"secrets.CRM.hosts[1] is no host", "without https://"}},
    {"secrets = { CRM = { value = 'hunter2', hosts = { '*.example' } } }", {"secrets.CRM.hosts[1] is no host"}},
    {"secrets = { CRM = { value = 'hunter2', hosts = { 'a:0' } } }", {"secrets.CRM.hosts[1] is no host"}},
    {"secrets = { CRM = { value = 'hunter2', host = { 'a' } } }",
     {"secrets.CRM.host is no key", "did you mean secrets.CRM.hosts?"}},
    {"secrets = { ['A B'] = { value = 'hunter2', hosts = { 'a' } } }", {"secrets.A B is no name for a secret"}},
    {"http = { allow = { '10.0.0.0/33' } }", {"http.allow[1] is no private target", "10.1.0.0/16"}},
    {"http = { allow = { '10.0.0.1:70000' } }", {"http.allow[1] is no private target"}},
    {"http = { allow = { 'crm', '300.1.1.1' } }", {"http.allow[2] is no private target"}},
    {"http = { allow = { '127.1:80' } }", {"http.allow[1] is no private target"}},
    {"http = { allow = { '10.0.0.0.0' } }", {"http.allow[1] is no private target"}},
    {"http = { allow = { '5' } }", {"http.allow[1] is no private target"}},
    {"router = { endpoint = 'http://a.example' }", {"router.endpoint must begin with https://", "loopback"}},
    {"router = { endpoint = 'https://a.example' }", {"router.endpoint needs router.entra"}},
    {"router = { entra = { token_file = 't' } }", {"router.entra needs router.endpoint"}},
    {"router = { endpoint = 'https://a', connection_string = 'x', entra = { token_file = 't' } }",
     {"router.endpoint is for `entra`", "keep one of the two"}},
    {"router = { endpoint = 'https://a', entra = { tenant = 't' } }",
     {"router.entra needs tenant, client_id and client_secret, or token_file"}},
    {"router = { endpoint = 'https://a', entra = { token_file = 't', tenant = 't' } }", {"keep one of the two"}},
    {"router = { endpoint = 'https://a', entra = { tennant = 't' } }",
     {"router.entra.tennant is no key", "did you mean router.entra.tenant?"}},
    {"router = { endpoint = 'https://a', entra = { authority = 'http://login.example' } }",
     {"router.entra.authority must begin with https://"}},
    {"secrets = { 'x' }", {"secrets has an entry without a name"}},
    {"http = { allow = '10.0.0.0/8' }", {"http.allow must be a list of strings"}},
    {"plugins = { 5 }", {"plugins[1] must be a string"}},
};

static void says_what_is_wrong_and_where(void **state) {
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        assert_mistake(*state, &mistakes[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_how_tokens_are_got, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_secrets_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong_and_where, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
