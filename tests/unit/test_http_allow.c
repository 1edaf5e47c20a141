/* What a guarded call may reach besides public addresses, and where a URL leads. */
#include "http/client.h"
#include "support/http_paths.h"

static struct http_client *client_with(struct fixture *fixture, const char *const *allow) {
    struct error error = {0};
    struct http_client *client = http_client_new(fixture->loop, &(struct http_options){.allow = allow}, &error);
    if (client == NULL) {
        fail_msg("%s", error.message);
    }
    return client;
}

static bool allows(const struct http_client *client, const char *host, const char *address, int port) {
    struct http_target target = {.port = (uint16_t)port};
    snprintf(target.host, sizeof target.host, "%s", host);
    return http_allows_text(client, &target, address, port);
}

static void ranges_and_ports_are_kept_to(void **state) {
    static const char *const allow[] = {
        "127.0.0.1:9000", "10.1.0.0/16", "192.168.7.0/25", "[::1]:9000", "fd00:7::/33", "172.16.0.1", "::2", NULL};
    static const struct {
        const char *address;
        int port;
        bool is_allowed;
    } cases[] = {
        {"127.0.0.1", 9000, true},        {"127.0.0.1", 9001, false},    {"127.0.0.2", 9000, false},
        {"::ffff:127.0.0.1", 9000, true}, {"10.1.255.255", 1, true},     {"10.2.0.0", 1, false},
        {"10.0.255.255", 1, false},       {"::ffff:10.1.0.1", 80, true}, {"192.168.7.127", 80, true},
        {"192.168.7.128", 80, false},     {"::1", 9000, true},           {"::1", 80, false},
        {"fd00:7::1", 80, true},          {"fd00:7:8000::1", 80, false}, {"fd00:8::1", 80, false},
        {"172.16.0.1", 65535, true},      {"172.16.0.2", 80, false},     {"::2", 80, true},
        {"64:ff9b::10.1.0.1", 80, false}, {"nowhere", 80, false},        {"172.16.0.1", 0, false},
    };
    struct http_client *client = client_with(*state, allow);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (allows(client, "x", cases[i].address, cases[i].port) != cases[i].is_allowed) {
            fail_msg("%s port %d", cases[i].address, cases[i].port);
        }
    }
    http_client_free(client);
}

static void a_name_stands_for_its_address(void **state) {
    static const char *const allow[] = {"CRM.intern:8080", "erp.intern", NULL};
    struct http_client *client = client_with(*state, allow);
    assert_true(allows(client, "crm.intern", "10.0.0.1", 8080));
    assert_false(allows(client, "crm.intern", "10.0.0.1", 8081));
    assert_true(allows(client, "erp.intern", "127.0.0.1", 1));
    assert_false(allows(client, "evil.example", "10.0.0.1", 8080));
    assert_false(allows(client, "crm.intern.evil.example", "10.0.0.1", 8080));
    http_client_free(client);
}

static void what_is_no_entry_is_an_error(void **state) {
    const struct fixture *fixture = *state;
    static const char *const bad[] = {"",         "10.0.0.0/33", "::/129", "10.0.0.0/", "a:0",
                                      "a:65536",  "[::1",        "[::1]x", "[a]",       "300.1.1.1",
                                      "127.1:80", "10.0.0.0.0.", "5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const allow[] = {bad[i], NULL};
        struct error error = {0};
        if (http_client_new(fixture->loop, &(struct http_options){.allow = allow}, &error) != NULL) {
            fail_msg("%s was taken", bad[i]);
        }
    }
}

static void get_with(struct fixture *fixture, struct fetch *fetch, const char *const *allow, const char *url) {
    struct http_client *usual = fixture->client;
    fixture->client = client_with(fixture, allow);
    fixture_fetch(fixture, fetch, url);
    fetch->call.is_guarded = true;
    fixture_send(fetch);
    fixture_run(fixture);
    http_client_free(fixture->client);
    fixture->client = usual;
}

static void only_what_is_listed_is_reached(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    char allowed[64], other[64], named[64], url[128];
    snprintf(allowed, sizeof allowed, "127.0.0.1:%u", fixture->server.port);
    snprintf(other, sizeof other, "127.0.0.1:%u", fixture->server.port ^ 1);
    snprintf(named, sizeof named, "LocalHost:%u", fixture->server.port);
    get_with(fixture, &fetch, (const char *const[]){allowed, NULL}, "/x");
    assert_ok(&fetch, "ok");
    get_with(fixture, &fetch, (const char *const[]){other, "10.0.0.0/8", NULL}, "/x");
    assert_failed(&fetch, ERROR_INVALID);
    assert_int_equal(fetch.sends, 0);
    snprintf(url, sizeof url, "http://LOCALHOST:%u/x", fixture->server.port);
    get_with(fixture, &fetch, (const char *const[]){named, NULL}, url);
    assert_ok(&fetch, "ok");
    /* The name is what is trusted here, not the address. */
    get_with(fixture, &fetch, (const char *const[]){named, NULL}, "/x");
    assert_failed(&fetch, ERROR_INVALID);
    /* By its address it is reached under any name. */
    get_with(fixture, &fetch, (const char *const[]){"127.0.0.0/8", NULL}, url);
    assert_ok(&fetch, "ok");
}

static void a_url_is_read_as_libcurl_does(void **state) {
    (void)state;
    static const struct {
        const char *url, *origin;
    } cases[] = {
        {"https://CRM.example.com/x?y", "https://crm.example.com"},
        {"https://crm.example.com:443", "https://crm.example.com"},
        {"http://crm.example.com:443", "http://crm.example.com:443"},
        {"HTTP://127.1:80/", "http://127.0.0.1"},
        {"http://[::1]:8080/x", "http://[::1]:8080"},
        {"https://a.example?x=@b.example", "https://a.example"},
        {"https://a.example#@b.example", "https://a.example"},
        {"https://a.example/@b.example", "https://a.example"},
    };
    static const char *const bad[] = {"ftp://a.example/",
                                      "https://u@a.example/",
                                      "https://u:p@a.example/",
                                      "https://a.example:99999/",
                                      "https://",
                                      "https:///x",
                                      "https://a b/",
                                      "/x",
                                      ""};
    struct http_target target;
    struct error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(http_read_target(cases[i].url, &target, &error), 0);
        assert_string_equal(target.origin, cases[i].origin);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (http_read_target(bad[i], &target, &error) == 0) {
            fail_msg("%s was taken as %s", bad[i], target.origin);
        }
        assert_int_equal(error.code, ERROR_INVALID);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ranges_and_ports_are_kept_to),  TEST(a_name_stands_for_its_address),
        TEST(what_is_no_entry_is_an_error),  TEST(only_what_is_listed_is_reached),
        TEST(a_url_is_read_as_libcurl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
