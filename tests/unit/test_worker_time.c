/* time.parse, time.format, os.date and os.time, in several zones. */
#include "worker/zone.h"
#include "worker_kit.h"
#include <stdio.h>

#define LINE1 "failed 1 error RouterJobQueued.lua:1: "

static void is(const char *expression, const char *result) {
    char body[512];
    char line[512];
    snprintf(body, sizeof body, "return %s", expression);
    snprintf(line, sizeof line, "done 1 %s\n", result);
    world_expect(body, line);
}

static int in_utc(void **state) {
    (void)state;
    return zone_enter(slice_of(""));
}

static int in_berlin(void **state) {
    (void)state;
    return zone_enter(slice_of("Europe/Berlin"));
}

static void test_parse(void **state) {
    (void)state;
    is("time.parse '2026-03-01T09:30:00Z'", "1772357400");
    is("math.type(time.parse '2026-03-01T09:30:00.000Z')", "\"integer\"");
    is("time.parse '2026-03-01T09:30:00.25Z'", "1772357400.25");
    is("time.parse '2022-02-17T00:55:25.1736293Z'", "1645059325.173629");
    is("time.parse '2026-03-01T10:30:00+01:00'", "1772357400");
    is("time.parse '2026-03-01T04:00:00.5-05:30'", "1772357400.5");
    is("time.parse 'Sun, 01 Mar 2026 09:30:00 GMT'", "1772357400");
    is("time.parse '3/28/2007 7:13:50 PM +00:00'", "1175109230");
    is("time.parse '03/28/2007 07:13:50 AM +02:00'", "1175058830");
    is("time.parse '1/1/1970 12:00:00 AM +00:00'", "0");
    is("time.parse '1/1/1970 12:00:00 PM +00:00'", "43200");
    is("time.parse '1969-12-31T23:59:59.5Z'", "-0.5");
}

static void refuses(const char *text) {
    char body[256];
    char line[512];
    snprintf(body, sizeof body, "time.parse '%s'", text);
    snprintf(line, sizeof line,
             LINE1 "bad argument 'text' to time.parse: '%s' is no time, such as 2026-03-01T09:30:00Z\n", text);
    world_expect(body, line);
}

static void test_parse_refuses(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "tomorrow",
                                        "2026-03-01",
                                        "2026-03-01T09:30:00",
                                        "2026-13-01T09:30:00Z",
                                        "2/30/2007 7:13:50 PM +00:00",
                                        "28/3/2007 7:13:50 PM +00:00",
                                        "3/28/2007 13:13:50 PM +00:00",
                                        "3/28/2007 0:13:50 AM +00:00",
                                        "3/28/2007 7:13:50 XM +00:00",
                                        "3/28/2007 7:13:50 PM ",
                                        "3/28/2007 7:13:50 PM",
                                        "3/28/2007 7:13:50 PM +00:00 and more of it, which goes on for a while"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        refuses(texts[i]);
    }
    world_expect("time.parse(5)", LINE1 "bad argument 'text' to time.parse: expected a string, got number\n");
}

static void test_format(void **state) {
    (void)state;
    is("time.format(0)", "\"1970-01-01T00:00:00+00:00\"");
    is("time.format(1772357400.25)", "\"2026-03-01T09:30:00.25+00:00\"");
    is("time.format(-0.5)", "\"1969-12-31T23:59:59.5+00:00\"");
    is("time.format(1772357399.9999999)", "\"2026-03-01T09:30:00+00:00\"");
    is("time.format(1772357400, '%d.%m.%Y %H:%M%%')", "\"01.03.2026 09:30%\"");
    is("time.format(0, '')", "\"\"");
    is("time.parse(time.format(now())) == now()", "true");
    world_expect("time.format()", LINE1 "bad argument 'seconds' to time.format: expected a number, got nothing\n");
    world_expect("time.format '5'",
                 LINE1 "bad argument 'seconds' to time.format: expected a number, got string\n");
    world_expect("time.format(0, 5)",
                 LINE1 "bad argument 'pattern' to time.format: expected a string, got number\n");
    world_expect("time.format(0, '%Q')",
                 LINE1 "bad argument 'format' to time.format: there is no conversion '%Q'\n");
    world_expect("time.format(1e15)",
                 LINE1 "bad argument 'seconds' to time.format: only the years 0 to 9999 can be shown\n");
    world_expect("time.format(0/0)",
                 LINE1 "bad argument 'seconds' to time.format: only the years 0 to 9999 can be shown\n");
}

/* The clocks go forward on 2026-03-29 at 01:00 UTC, and back on 2026-10-25 at 01:00 UTC. */
static void test_summer_time(void **state) {
    (void)state;
    is("time.format(1774745999)", "\"2026-03-29T01:59:59+01:00\"");
    is("time.format(1774746000)", "\"2026-03-29T03:00:00+02:00\"");
    is("time.format(1792889999)", "\"2026-10-25T02:59:59+02:00\"");
    is("time.format(1792890000, '%H:%M %Z')", "\"02:00 CET\"");
    is("time.parse(time.format(1792890000))", "1792890000");
    is("os.date('%H:%M', 1774746000)", "\"03:00\"");
    is("os.date('!%H:%M', 1774746000)", "\"01:00\"");
    is("os.date('*t', 1774746000).isdst", "true");
    is("os.date('!*t', 1774746000).hour", "1");
}

static void test_os_time(void **state) {
    (void)state;
    is("os.time { year = 2026, month = 3, day = 1, hour = 10, min = 30 }", "1772357400");
    is("os.time { year = 2026, month = 7, day = 1, hour = 2 }", "1782864000");
    is("os.time { year = 2026, month = 10, day = 25, hour = 2, isdst = true }", "1792886400");
    is("os.time { year = 2026, month = 10, day = 25, hour = 2, isdst = false }", "1792890000");
    is("os.time(os.date('*t', 1792890000))", "1792890000");
    is("os.time { year = 1969, month = 12, day = 32, hour = 1, sec = -1 }", "-1");
    is("os.time() == math.floor(now())", "true");
    world_expect("os.time { year = 1 << 40, month = 1, day = 1 }", LINE1 "field 'year' is out-of-bound\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_parse, in_berlin),   cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test_setup(test_format, in_utc),     cmocka_unit_test_setup(test_summer_time, in_berlin),
        cmocka_unit_test_setup(test_os_time, in_berlin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
