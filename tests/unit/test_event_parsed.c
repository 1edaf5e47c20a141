/* Canonical forms: every form that events have, and what looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/catalogue.h"
#include "event/parsed.h"
#include <stdlib.h>
#include <string.h>

static void times_of_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2022-02-17T00:55:25.1736293Z", INT64_C(1645059325173629)},
        {"2022-02-17T00:55:25Z", INT64_C(1645059325000000)},
        {"2022-02-17T00:55:25.1+00:00", INT64_C(1645059325100000)},
        {"2022-02-17T00:55:25.123456789Z", INT64_C(1645059325123456)},
        {"2022-02-17T02:55:25.5+02:00", INT64_C(1645059325500000)},
        {"2022-02-16T19:25:25-05:30", INT64_C(1645059325000000)},
        {"3/28/2007 7:13:50 PM +00:00", INT64_C(1175109230000000)},
        {"03/28/2007 07:13:50 AM +02:00", INT64_C(1175058830000000)},
        {"12/31/1999 12:00:00 AM +00:00", INT64_C(946598400000000)},
        {"12/31/1999 12:00:00 PM +00:00", INT64_C(946641600000000)},
        {"Thu, 17 Feb 2022 00:55:25 GMT", INT64_C(1645059325000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us;
        if (event_parse_time(slice_of(cases[i].text), &us) < 0 || us != cases[i].us) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void what_is_no_time(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "P1D",
        "2022-02-30T00:00:00Z",
        "2022-02-17",
        "2022-02-17T00:55:25",
        "2022-02-17T00:55:25.Z",
        "13/28/2007 7:13:50 PM +00:00",
        "2/29/2007 7:13:50 PM +00:00",
        "3/28/2007 13:13:50 PM +00:00",
        "3/28/2007 0:13:50 PM +00:00",
        "3/28/2007 7:13:50 PM",
        "3/28/2007 7:13:50 PM ",
        "3/28/2007 7:13:50 PM +00:00 ",
        "3/28/2007 7:13:50 +00:00",
        "3/28/07 7:13:50 PM +00:00",
        "3/28/2007 7:13:50 PM +99:00",
        "//",
        "3",
        "3/",
        "99999999999999999999/1/2007 7:13:50 PM +00:00",
        "3/28/2007 7:13:50 PM +00:00000000000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t us;
        if (event_parse_time(slice_of(texts[i]), &us) == 0) {
            fail_msg("%s is taken as a time", texts[i]);
        }
    }
}

static void lifetimes_of_every_form(void **state) {
    (void)state;
    static const double days = 86400;
    const struct {
        const char *text;
        double seconds;
    } cases[] = {
        {"36", 36},         {"0", 0},
        {"36.5", 36.5},     {"P3Y6M4DT12H30M5S", (3 * 365 + 6 * 30 + 4) * days + 12 * 3600 + 30 * 60 + 5},
        {"PT90S", 90},      {"PT1.5S", 1.5},
        {"P1M", 30 * days}, {"PT1M", 60},
        {"P2W", 14 * days}, {"P1DT0.25H", days + 900},
        {"P0D", 0},         {"999999999999999", 999999999999999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double seconds;
        if (event_parse_lifetime(slice_of(cases[i].text), &seconds) < 0 || seconds != cases[i].seconds) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void what_is_no_lifetime(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "P",
        "PT",
        "P1",
        "PT1",
        "T1S",
        "P1S",
        "PT1D",
        "P1M1Y",
        "P1D1D",
        "P1.5DT1S",
        "-1",
        "+1",
        "-P1D",
        "P-1D",
        "1e3",
        "0x10",
        "inf",
        "nan",
        " 36",
        "36 ",
        "36s",
        ".5",
        "5.",
        "P.5D",
        "P5.D",
        "p1d",
        "PT1H1",
        "P1DT",
        "P1DTT1S",
        "1234567890123456",
        "36\n",
        "P1D ",
        "00:10:00",
        "P1YM",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double seconds;
        if (event_parse_lifetime(slice_of(texts[i]), &seconds) == 0) {
            fail_msg("%s is taken as a lifetime", texts[i]);
        }
    }
    double seconds;
    assert_int_equal(event_parse_lifetime(slice_make(NULL, 0), &seconds), -1);
    assert_int_equal(event_parse_lifetime(slice_make("36\0", 3), &seconds), -1);
}

/* Bytes on the heap without a terminator: what reads past their end is seen by the sanitizer. */
static void no_parser_reads_past_the_end(void **state) {
    (void)state;
    static const char *const texts[] = {"P3Y6M4DT12H30M5S", "36.5", "3/28/2007 7:13:50 PM +00:00",
                                        "2022-02-17T00:55:25.1736293Z", "greaterThanOrEqual"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t length = 0; length <= strlen(texts[i]); length++) {
            char *bytes = malloc(length == 0 ? 1 : length);
            assert_non_null(bytes);
            memcpy(bytes, texts[i], length);
            struct slice text = slice_make(bytes, length);
            int64_t us;
            double seconds;
            (void)event_parse_time(text, &us);
            (void)event_parse_lifetime(text, &seconds);
            (void)event_parse_operator(text);
            (void)event_parse_state(text);
            free(bytes);
        }
    }
}

static void words_of_every_spelling(void **state) {
    (void)state;
    static const struct {
        const char *(*parse)(struct slice text);
        const char *text, *word;
    } cases[] = {
        {event_parse_operator, "Equal", "equal"},
        {event_parse_operator, "equal", "equal"},
        {event_parse_operator, "NotEqual", "notEqual"},
        {event_parse_operator, "Greater", "greaterThan"},
        {event_parse_operator, "GreaterThan", "greaterThan"},
        {event_parse_operator, "Less", "lessThan"},
        {event_parse_operator, "LessThan", "lessThan"},
        {event_parse_operator, "GreaterThanOrEqual", "greaterThanOrEqual"},
        {event_parse_operator, "GreaterThanEqual", "greaterThanOrEqual"},
        {event_parse_operator, "LessThanEqual", "lessThanOrEqual"},
        {event_parse_operator, "LESSTHANOREQUAL", "lessThanOrEqual"},
        {event_parse_operator, "Contains", NULL},
        {event_parse_operator, "", NULL},
        {event_parse_operator, "equal ", NULL},
        {event_parse_state, "active", "active"},
        {event_parse_state, "Active", "active"},
        {event_parse_state, "0", "active"},
        {event_parse_state, "Expired", "expired"},
        {event_parse_state, "1", "expired"},
        {event_parse_state, "2", NULL},
        {event_parse_job_status, "WaitingForActivation", "waitingForActivation"},
        {event_parse_job_status, "queued", "queued"},
        {event_parse_job_status, "Unheard", NULL},
        {event_parse_property, "TotalCapacity", "totalCapacity"},
        {event_parse_property, "totalCapacity", "totalCapacity"},
        {event_parse_property, "sockets", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *word = cases[i].parse(slice_of(cases[i].text));
        if ((word == NULL) != (cases[i].word == NULL) || (word != NULL && strcmp(word, cases[i].word) != 0)) {
            fail_msg("\"%s\" is %s", cases[i].text, word == NULL ? "nothing" : word);
        }
    }
}

/* A value that the catalogue lists has a canonical word. */
static void every_known_value_has_a_word(void **state) {
    (void)state;
    for (size_t i = 0; event_models[i] != NULL; i++) {
        for (const struct event_field *field = event_models[i]->fields; field->name != NULL; field++) {
            for (const char *const *value = field->values; value != NULL && *value != NULL; value++) {
                assert_non_null(field->canonical(slice_of(*value)));
            }
        }
    }
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        for (const struct event_field *field = type->fields; field->name != NULL; field++) {
            for (const char *const *value = field->values; value != NULL && *value != NULL; value++) {
                assert_non_null(field->canonical(slice_of(*value)));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_every_form),          cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(lifetimes_of_every_form),      cmocka_unit_test(what_is_no_lifetime),
        cmocka_unit_test(no_parser_reads_past_the_end), cmocka_unit_test(words_of_every_spelling),
        cmocka_unit_test(every_known_value_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
