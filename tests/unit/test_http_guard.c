/* The address guard: which addresses it refuses, and that no spelling, name or kept connection leads around it. */
#include "http/client.h"
#include "support/http_paths.h"

static const struct sockaddr *address_of(const char *text, struct sockaddr_storage *storage) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)storage;
    memset(storage, 0, sizeof *storage);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    return (const struct sockaddr *)(const void *)storage;
}

static void special_addresses_are_refused(void **state) {
    (void)state;
    static const char *const special[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "10.0.0.1",
                                          "10.255.255.255",
                                          "100.64.0.1",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.255.255.255",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.1",
                                          "192.0.2.1",
                                          "192.88.99.1",
                                          "192.168.0.1",
                                          "192.168.255.255",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "198.51.100.7",
                                          "203.0.113.9",
                                          "224.0.0.1",
                                          "239.255.255.255",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::2",
                                          "::127.0.0.1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:10.1.2.3",
                                          "::ffff:169.254.169.254",
                                          "64:ff9b::127.0.0.1",
                                          "64:ff9b::10.0.0.1",
                                          "64:ff9b:1::1",
                                          "64:ff9b:1::8.8.8.8",
                                          "100::1",
                                          "2001::1",
                                          "2001:0:4136:e378::1",
                                          "2001:2::1",
                                          "2001:10::1",
                                          "2001:1ff::1",
                                          "2001:db8::1",
                                          "2002:7f00:1::1",
                                          "2002:a00:1::1",
                                          "2002:c0a8:101::1",
                                          "2002:a9fe:a9fe::1",
                                          "3fff::1",
                                          "3fff:fff::1",
                                          "4000::1",
                                          "5f00::1",
                                          "fc00::1",
                                          "fd12:3456::1",
                                          "fe80::1",
                                          "febf::1",
                                          "fec0::1",
                                          "ff02::1"};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        struct sockaddr_storage storage;
        if (http_guard_refuses(address_of(special[i], &storage)) == NULL ||
            http_guard_refuses_text(special[i]) == NULL) {
            fail_msg("%s was not refused", special[i]);
        }
    }
}

static void ordinary_addresses_are_not(void **state) {
    (void)state;
    static const char *const ordinary[] = {"1.1.1.1",
                                           "8.8.8.8",
                                           "9.255.255.255",
                                           "11.0.0.0",
                                           "100.63.255.255",
                                           "100.128.0.0",
                                           "126.255.255.255",
                                           "128.0.0.1",
                                           "169.253.255.255",
                                           "169.255.0.0",
                                           "172.15.255.255",
                                           "172.32.0.0",
                                           "192.0.1.0",
                                           "192.0.3.0",
                                           "192.88.98.255",
                                           "192.88.100.0",
                                           "192.167.255.255",
                                           "192.169.0.0",
                                           "198.17.255.255",
                                           "198.20.0.0",
                                           "198.51.99.255",
                                           "198.51.101.0",
                                           "203.0.112.255",
                                           "203.0.114.0",
                                           "223.255.255.255",
                                           "::ffff:8.8.8.8",
                                           "64:ff9b::8.8.8.8",
                                           "2001:200::1",
                                           "2001:4860:4860::8888",
                                           "2001:db7::1",
                                           "2001:db9::1",
                                           "2002:808:808::1",
                                           "2603:1000::1",
                                           "2a01:111::1",
                                           "3ffe:ffff::1",
                                           "3fff:1000::1"};
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++) {
        struct sockaddr_storage storage;
        if (http_guard_refuses(address_of(ordinary[i], &storage)) != NULL ||
            http_guard_refuses_text(ordinary[i]) != NULL) {
            fail_msg("%s was refused", ordinary[i]);
        }
    }
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    struct sockaddr unknown = {.sa_family = AF_UNIX};
    assert_non_null(http_guard_refuses(&unknown));
    assert_non_null(http_guard_refuses_text(""));
    assert_non_null(http_guard_refuses_text("fe80::1%lo"));
    assert_non_null(http_guard_refuses_text("example.com"));
}

static void get_guarded(struct fixture *fixture, struct fetch *fetch, const char *url) {
    fixture_fetch(fixture, fetch, url);
    fetch->call.is_guarded = true;
    fixture_send(fetch);
    fixture_run(fixture);
}

static void no_spelling_leads_to_this_machine(void **state) {
    struct fixture *fixture = *state;
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "127.0.1",
                                        "2130706433",
                                        "0x7f000001",
                                        "0177.0.0.1",
                                        "0x7f.1",
                                        "017700000001",
                                        "127.0.0.2",
                                        "0",
                                        "0.0.0.0",
                                        "localhost",
                                        "LOCALHOST",

                                        "[::1]",
                                        "[::]",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:7f00:1]",
                                        "127%2e0%2e0%2e1",
                                        "[0:0:0:0:0:ffff:127.0.0.1]",
                                        "[::127.0.0.1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char url[128];
        struct fetch fetch;
        snprintf(url, sizeof url, "http://%s:%u/x", hosts[i], fixture->server.port);
        get_guarded(fixture, &fetch, url);
        assert_failed(&fetch, ERROR_INVALID);
        assert_int_equal(fetch.sends, 0);
        if (strstr(fetch.error.message, "not allowed") == NULL) {
            fail_msg("%s: %s", url, fetch.error.message);
        }
    }
    assert_int_equal(fixture->server.connection_count, 0);
}

static void a_kept_connection_does_not_lead_around_the_guard(void **state) {
    struct fixture *fixture = *state;
    struct fetch fetch;
    fixture_get(fixture, &fetch, "/x");
    assert_ok(&fetch, "ok");
    get_guarded(fixture, &fetch, "/x");
    assert_failed(&fetch, ERROR_INVALID);
    assert_int_equal(fetch.sends, 0);
    assert_int_equal(fixture->server.request_count, 1);
    /* A call without the guard goes on as before. */
    fixture_get(fixture, &fetch, "/x");
    assert_ok(&fetch, "ok");
    assert_int_equal(fetch.sends, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_refused),        cmocka_unit_test(ordinary_addresses_are_not),
        cmocka_unit_test(what_is_no_address_is_refused),        TEST(no_spelling_leads_to_this_machine),
        TEST(a_kept_connection_does_not_lead_around_the_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
