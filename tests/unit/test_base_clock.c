/* Times as text, both ways, with what is no time among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include <cmocka.h>
#include <string.h>

static int parse(const char *text, int64_t *us) {
    return clock_parse(text, strlen(text), us);
}

static int parse_http(const char *text, int64_t *us) {
    return clock_parse_http(text, strlen(text), us);
}

static void reads_what_events_hold(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2021-03-24T18:37:40.1234567Z", 1616611060123456},
        {"2022-02-17T00:55:25.1736293+00:00", 1645059325173629},
        {"2022-02-17T00:55:25+05:30", 1645039525000000},
        {"2022-02-17T00:55:25-05:30", 1645079125000000},
        {"2022-02-17t00:55:25z", 1645059325000000},
        {"2022-02-17T00:55:25.5-00:00", 1645059325500000},
        {"2000-02-29T12:00:00Z", 951825600000000},
        {"2024-02-29T12:00:00.99999999999999999999999999999Z", 1709208000999999},
        {"2016-12-31T23:59:60Z", 1483228800000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
        {"0001-01-01T00:00:00+00:00", -62135596800000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 42;
        assert_int_equal(parse(cases[i].text, &us), 0);
        assert_true(us == cases[i].us);
    }
}

static void refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "2022",
        "2022-02-17",
        "2022-02-17T00:55:25",
        "2022-02-17 00:55:25Z",
        "2022-02-17T00:55Z",
        "2022-02-17T00:55:25.Z",
        "2022-02-17T00:55:25,5Z",
        "2022-02-17T00:55:25Zx",
        "2022-02-17T00:55:25Z ",
        " 2022-02-17T00:55:25Z",
        "2022-02-17T00:55:25+0530",
        "2022-02-17T00:55:25+05",
        "2022-02-17T00:55:25+24:00",
        "2022-02-17T00:55:25+05:60",
        "2022-02-17T24:00:00Z",
        "2022-02-17T00:60:00Z",
        "2022-02-17T00:00:61Z",
        "2022-00-17T00:00:00Z",
        "2022-13-17T00:00:00Z",
        "2022-02-00T00:00:00Z",
        "2022-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2022-04-31T00:00:00Z",
        "22022-02-17T00:55:25Z",
        "-022-02-17T00:55:25Z",
        "2022-+2-17T00:55:25Z",
        "2022-02-17T0x:55:25Z",
        "\xD9\xA2\xD9\xA0-02-17T00:55:25Z",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 42;
        assert_int_equal(parse(cases[i], &us), -1);
        assert_true(us == 42);
    }
    int64_t us = 42;
    assert_int_equal(clock_parse("2022-02-17T00:55:25Z\0", 21, &us), -1);
    assert_int_equal(clock_parse(NULL, 0, &us), -1);
}

static void reads_only_the_given_length(void **state) {
    (void)state;
    static const char whole[] = "2022-02-17T00:55:25.173+01:00";
    int64_t us = 0;
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        char cut[sizeof whole];
        memcpy(cut, whole, length);
        assert_int_equal(clock_parse(cut, length, &us), -1);
    }
}

static void writes_what_it_reads(void **state) {
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(clock_format(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(clock_format(1772357400123456, text), "2026-03-01T09:30:00.123456Z");
    assert_string_equal(clock_format(INT64_MAX, text), "9999-12-31T23:59:59.999999Z");
    assert_string_equal(clock_format(INT64_MIN, text), "0000-01-01T00:00:00.000000Z");
    /* Steps of 100 days and a bit, over all years. */
    for (int64_t us = INT64_C(-62167219200000000); us < INT64_C(253402300800000000); us += 8641234567891) {
        int64_t back = 0;
        assert_int_equal(parse(clock_format(us, text), &back), 0);
        assert_true(back == us);
    }
}

static void http_dates_go_both_ways(void **state) {
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    int64_t us = 0;
    assert_string_equal(clock_format_http(1707213600999999, text), "Tue, 06 Feb 2024 10:00:00 GMT");
    assert_int_equal(parse_http("Tue, 06 Feb 2024 10:00:00 GMT", &us), 0);
    assert_true(us == 1707213600000000);
    for (us = INT64_C(-62167219200000000); us < INT64_C(253402300800000000); us += 8641234000000) {
        int64_t back = 0;
        assert_int_equal(parse_http(clock_format_http(us, text), &back), 0);
        assert_true(back == us);
    }
}

static void refuses_what_is_no_http_date(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "Mon, 06 Feb 2024 10:00:00 GMT",
        "tue, 06 Feb 2024 10:00:00 GMT",
        "Tue, 06 feb 2024 10:00:00 GMT",
        "Tue, 6 Feb 2024 10:00:00 GMT",
        "Tue, 06 Feb 2024 10:00:00",
        "Tue, 06 Feb 2024 10:00:00 UTC",
        "Tue, 06 Feb 2024 10:00:00 GMTx",
        "Tue, 30 Feb 2024 10:00:00 GMT",
        "Tue, 06 Feb 2024 25:00:00 GMT",
        "Tuesday, 06-Feb-24 10:00:00 GMT",
        "Tue Feb  6 10:00:00 2024",
        "Tue, 06 Feb 24 10:00:00 GMT",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 42;
        assert_int_equal(parse_http(cases[i], &us), -1);
        assert_true(us == 42);
    }
}

static void clocks_run(void **state) {
    (void)state;
    int64_t before = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= before);
    assert_true(clock_wall_us() > INT64_C(1704067200000000));
}

static void the_wall_clock_stands_where_it_is_held(void **state) {
    (void)state;
    clock_hold_wall(INT64_C(1772442000000000));
    assert_true(clock_wall_us() == INT64_C(1772442000000000));
    assert_true(clock_wall_us() == INT64_C(1772442000000000));
    int64_t before = clock_monotonic_ns();
    while (clock_monotonic_ns() == before) { /* it goes on */
    }
    clock_hold_wall(INT64_C(1772442000000001));
    assert_true(clock_wall_us() == INT64_C(1772442000000001));
    clock_hold_wall(0);
    assert_true(clock_wall_us() != INT64_C(1772442000000001));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_events_hold),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(reads_only_the_given_length),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(http_dates_go_both_ways),
        cmocka_unit_test(refuses_what_is_no_http_date),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(the_wall_clock_stands_where_it_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
