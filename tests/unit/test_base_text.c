/* Names, escapes, UTF-8 and addresses, with hostile ones among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include <cmocka.h>
#include <string.h>

static void numbers_are_digits_only(void **state) {
    (void)state;
    uint64_t value = 7;
    assert_int_equal(text_to_uint64(slice_of("18446744073709551615"), &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(text_to_uint64(slice_of("007"), &value), 0);
    assert_true(value == 7);
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(text_to_uint64(slice_of(bad[i]), &value), -1);
        assert_true(value == 7);
    }
    assert_int_equal(text_to_uint64(slice_make("1\0002", 3), &value), -1);
    assert_int_equal(text_to_uint64(slice_make(NULL, 0), &value), -1);
}

static void visible_is(const char *text, size_t length, const char *wanted) {
    struct buffer out;
    buffer_init(&out, 1000);
    buffer_append_text(&out, "");
    assert_int_equal(text_append_visible(&out, slice_make(text, length)), 0);
    assert_string_equal(out.bytes, wanted);
    buffer_reset(&out);
}

static void control_characters_are_shown(void **state) {
    (void)state;
    visible_is("plain \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 15, "plain \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    visible_is("\x1b[31m", 5, "\\x1b[31m");
    visible_is("a\0b\n\x7f", 5, "a\\x00b\\x0a\\x7f");
    visible_is("\xC2\x9B"
               "31m\xC2\xA0",
               7, "\\xc2\\x9b31m\xC2\xA0");
    visible_is("\xE2\x80\xAE", 3, "\\xe2\\x80\\xae");
    visible_is("\xE2\x80\xA7\xE2\x81\xA9", 6, "\xE2\x80\xA7\\xe2\\x81\\xa9");
    visible_is("\xff\xC3", 2, "\\xff\\xc3");
    visible_is("\xED\xA0\x80", 3, "\\xed\\xa0\\x80");
    visible_is("", 0, "");
    visible_is(NULL, 0, "");
}

static void every_bad_byte_is_caught(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2\x41",
                                      "\xE0\x9F\xBF",
                                      "\xE0\xA0",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF0\x90\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFE",
                                      "\xFF",
                                      "ok\xC3",
                                      "\xE2\x82\x41"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(text_is_utf8(slice_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(text_is_utf8(slice_of(bad[i])));
    }
    assert_true(text_is_utf8(slice_make("a\0b", 3)));
}

static void distances_count_four_kinds_of_slips(void **state) {
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"listen", "listen", 0},
        {"listen", "LISTEN", 0},
        {"listen", "lisen", 1},
        {"listen", "listten", 1},
        {"listen", "lixten", 1},
        {"listen", "litsen", 1},
        {"ab", "ba", 1},
        {"kitten", "sitting", 3},
        {"abcd", "badc", 2},
        {"ca", "abc", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice a = slice_of(cases[i].a);
        struct slice b = slice_of(cases[i].b);
        assert_int_equal(text_distance(a, b, 10), cases[i].distance);
        assert_int_equal(text_distance(b, a, 10), cases[i].distance);
    }
    assert_int_equal(text_distance(slice_of("kitten"), slice_of("sitting"), 2), 3);
    assert_int_equal(text_distance(slice_of("a"), slice_of("abcdefgh"), 2), 3);
}

static void long_texts_are_equal_or_far(void **state) {
    (void)state;
    char long_one[400];
    char other[400];
    memset(long_one, 'a', sizeof long_one);
    memset(other, 'A', sizeof other);
    struct slice a = slice_make(long_one, sizeof long_one);
    struct slice b = slice_make(other, sizeof other);
    assert_int_equal(text_distance(a, b, 3), 0);
    other[0] = 'x';
    assert_int_equal(text_distance(a, b, 3), 4);
    assert_int_equal(text_distance(slice_make(long_one, 256), slice_make(other, 256), 3), 1);
}

static void the_nearest_name_is_offered(void **state) {
    (void)state;
    static const char *const names[] = {"listen", "scripts", "store", "admin", "port", "limits", NULL};
    assert_string_equal(text_nearest(slice_of("lisen"), names), "listen");
    assert_string_equal(text_nearest(slice_of("Script"), names), "scripts");
    assert_string_equal(text_nearest(slice_of("STORE"), names), "store");
    assert_string_equal(text_nearest(slice_of("por"), names), "port");
    assert_string_equal(text_nearest(slice_of("limtis"), names), "limits");
    assert_null(text_nearest(slice_of("po"), names));
    assert_null(text_nearest(slice_of("colour"), names));
    assert_null(text_nearest(slice_of(""), names));
    static const char *const types[] = {"RouterJobClosed", "RouterJobReceived", NULL};
    assert_string_equal(text_nearest(slice_of("RouterJobRecieved"), types), "RouterJobReceived");
    assert_null(text_nearest(slice_of("RouterJobRe"), types));
    static const char *const none[] = {NULL};
    assert_null(text_nearest(slice_of("listen"), none));
}

static void percent_goes_both_ways(void **state) {
    (void)state;
    char all[255];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (char)(unsigned char)(i + 1);
    }
    struct buffer out;
    struct buffer back;
    buffer_init(&out, 1000);
    buffer_init(&back, 1000);
    assert_int_equal(text_append_percent(&out, slice_make(all, sizeof all)), 0);
    assert_int_equal(strspn(out.bytes, "%0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~"),
                     out.length);
    assert_int_equal(text_append_unpercent(&back, buffer_slice(&out), true), 0);
    assert_true(slice_equal(buffer_slice(&back), slice_make(all, sizeof all)));
    buffer_clear(&out);
    assert_int_equal(text_append_percent(&out, slice_of("a/b c~\xC3\xA4")), 0);
    assert_string_equal(out.bytes, "a%2Fb%20c~%C3%A4");
    buffer_clear(&out);
    assert_int_equal(text_append_unpercent(&out, slice_of("a+b%2b%2F"), true), 0);
    assert_string_equal(out.bytes, "a b+/");
    buffer_clear(&out);
    assert_int_equal(text_append_unpercent(&out, slice_of("a+b"), false), 0);
    assert_string_equal(out.bytes, "a+b");
    buffer_reset(&out);
    buffer_reset(&back);
}

static void bad_escapes_leave_nothing_behind(void **state) {
    (void)state;
    static const char *const bad[] = {"ab%",   "ab%4",   "ab%4g", "ab%g4", "ab%%41",
                                      "ab%00", "ab% 41", "ab%-1", "%u0041"};
    struct buffer out;
    buffer_init(&out, 8);
    buffer_append_text(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(text_append_unpercent(&out, slice_of(bad[i]), true), -1);
        assert_string_equal(out.bytes, "kept");
        assert_false(out.is_broken);
    }
    assert_int_equal(text_append_unpercent(&out, slice_make("a\0", 2), true), -1);
    assert_int_equal(text_append_percent(&out, slice_of("a//")), -1);
    assert_string_equal(out.bytes, "kept");
    assert_true(out.is_broken);
    buffer_reset(&out);
}

static void addresses_are_split(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},   {"[::1]:0", "::1", 0},
        {"localhost:65535", "localhost", 65535}, {"[fe80::1:2]:80", "fe80::1:2", 80},
        {"a-b.example:1", "a-b.example", 1},
    };
    char host[TEXT_HOST_SIZE];
    uint16_t port = 1;
    struct error error = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(text_parse_address(good[i].text, host, &port, &error), 0);
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
}

static void bad_addresses_are_explained(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",           "8080",       ":8080",          "localhost",   "localhost:",
        "[::1]",      "[::1]8080",  "::1:8080",       "[]:80",       "[127.0.0.1]:80",
        "[::1:80",    "a:-1",       "a:+1",           "a:65536",     "a:000080",
        "a:80x",      "a:8 0",      "http://a:80",    "a b:80",      "a\n:80",
        "[::1]:]:80", "[::1%lo]:1", "[::1]:99999999", "\xC3\xA4:80", "a:99999999999999999999"};
    char host[TEXT_HOST_SIZE] = "kept";
    uint16_t port = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error error = {0};
        assert_int_equal(text_parse_address(bad[i], host, &port, &error), -1);
        assert_int_equal(error.code, ERROR_INVALID);
        assert_non_null(strstr(error.message, bad[i]));
        assert_int_equal(text_parse_address(bad[i], host, &port, NULL), -1);
    }
    assert_string_equal(host, "kept");
    assert_int_equal(port, 1);
    char endless[1000] = {0};
    memset(endless, 'a', 300);
    memcpy(endless + 300, ":80", 3);
    assert_int_equal(text_parse_address(endless, host, &port, NULL), -1);
    assert_int_equal(text_parse_address(endless + 300 - (TEXT_HOST_SIZE - 1), host, &port, NULL), 0);
}

static void loopback_is_this_machine_only(void **state) {
    (void)state;
    static const char *const inside[] = {"localhost",       "LocalHost", "127.0.0.1",
                                         "127.255.255.254", "::1",       "0:0:0:0:0:0:0:1"};
    static const char *const outside[] = {
        "",        "0.0.0.0",     "128.0.0.1", "::",         "example.com",    "localhost.example.com",
        "127.0.1", "127.0.0.1.x", "[::1]",     "10.0.0.127", "::ffff:10.0.0.1"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert_true(text_is_loopback(inside[i]));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_false(text_is_loopback(outside[i]));
    }
}

static void what_ends_in_a_number_is_no_name(void **state) {
    static const char *const numbers[] = {"10.0.0.1", "300.1.1.1", "127.1", "2130706433", "10.0.0.1.", "crm.7.."};
    static const char *const names[] = {"", ".", "crm", "crm7", "10.0.0.1a", "7.crm", "a-1", "::1", "fd00::a.b1"};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(text_looks_like_v4(slice_of(numbers[i])));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(text_looks_like_v4(slice_of(names[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_only),       cmocka_unit_test(control_characters_are_shown),
        cmocka_unit_test(every_bad_byte_is_caught),      cmocka_unit_test(distances_count_four_kinds_of_slips),
        cmocka_unit_test(long_texts_are_equal_or_far),   cmocka_unit_test(the_nearest_name_is_offered),
        cmocka_unit_test(percent_goes_both_ways),        cmocka_unit_test(bad_escapes_leave_nothing_behind),
        cmocka_unit_test(addresses_are_split),           cmocka_unit_test(bad_addresses_are_explained),
        cmocka_unit_test(loopback_is_this_machine_only), cmocka_unit_test(what_ends_in_a_number_is_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
