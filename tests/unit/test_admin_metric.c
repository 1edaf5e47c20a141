/* Numbers by label: exact, escaped, and bounded whatever the labels are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/metric.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 * 1024 };

static const struct metric_options plain = {.name = "plain_total", .help = "Plain."};
static const struct metric_options pair = {.name = "pair_total", .help = "A pair.", .labels = {"type", "result"}};
static const struct metric_options timed = {
    .name = "timed_seconds", .help = "Times.", .labels = {"operation"}, .is_histogram = true};

static void count(struct metric *metric, const char *first, const char *second, uint64_t by) {
    metric_count(metric, (struct slice[METRIC_LABELS]){slice_of(first), slice_of(second)}, by);
}

static char *render(const struct metric *metric) {
    struct buffer text;
    buffer_init(&text, TEXT_MAX);
    metric_render(metric, &text);
    assert_false(text.is_broken);
    return buffer_take(&text);
}

static void expect(const struct metric *metric, const char *text) {
    char *rendered = render(metric);
    assert_string_equal(rendered, text);
    free(rendered);
}

static size_t lines_of(const struct metric *metric) {
    char *rendered = render(metric);
    size_t lines = 0;
    for (const char *c = rendered; (c = strchr(c, '\n')) != NULL; c++) {
        lines++;
    }
    free(rendered);
    return lines;
}

static void test_without_labels(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &plain);
    expect(&metric, "# HELP plain_total Plain.\n# TYPE plain_total counter\nplain_total 0\n");
    count(&metric, NULL, NULL, 3);
    count(&metric, "no label", "of its", UINT64_C(1) << 60);
    expect(&metric, "# HELP plain_total Plain.\n# TYPE plain_total counter\nplain_total 1152921504606846979\n");
    metric_reset(&metric);
}

static void test_by_label(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &pair);
    expect(&metric, "# HELP pair_total A pair.\n# TYPE pair_total counter\n");
    count(&metric, "a", "done", 1);
    count(&metric, "a", "failed", 1);
    count(&metric, "ad", "one", 5); /* not "a", "done" */
    count(&metric, "a", "done", 1);
    count(&metric, NULL, "", 7);
    expect(&metric, "# HELP pair_total A pair.\n# TYPE pair_total counter\n"
                    "pair_total{type=\"a\",result=\"done\"} 2\n"
                    "pair_total{type=\"a\",result=\"failed\"} 1\n"
                    "pair_total{type=\"ad\",result=\"one\"} 5\n"
                    "pair_total{type=\"\",result=\"\"} 7\n");
    metric_reset(&metric);
}

static void test_values_are_escaped(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &pair);
    count(&metric, "a\"} 1\nfake_total{x=\"", "\\ \x1b[2J \xc3\xa4 \xff", 1);
    metric_count(&metric, (struct slice[METRIC_LABELS]){slice_make("\0x", 2), slice_of("")}, 1);
    expect(&metric,
           "# HELP pair_total A pair.\n# TYPE pair_total counter\n"
           "pair_total{type=\"a\\\"} 1\\\\x0afake_total{x=\\\"\",result=\"\\\\ \\\\x1b[2J \xc3\xa4 \\\\xff\"} 1\n"
           "pair_total{type=\"\\\\x00x\",result=\"\"} 1\n");
    metric_reset(&metric);
}

static void test_long_values_are_cut_between_characters(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &pair);
    char value[3 * METRIC_LABEL_SIZE + 1] = "x";
    for (size_t i = 0; i < METRIC_LABEL_SIZE; i++) {
        memcpy(value + 1 + 2 * i, "\xc3\xa4", 3);
    }
    count(&metric, value, "done", 1);
    value[METRIC_LABEL_SIZE] = '\0'; /* 1 + 47 * 2 = 95: this is where the cut is */
    count(&metric, value, "done", 1);
    char *rendered = render(&metric);
    char expected[512];
    snprintf(expected, sizeof expected, "pair_total{type=\"%s\",result=\"done\"} 2\n", value);
    assert_non_null(strstr(rendered, expected));
    assert_null(strstr(rendered, "\\x"));
    free(rendered);
    metric_reset(&metric);
}

/* A stranger sends event types without end: nothing grows, and nothing goes uncounted. */
static void test_sets_are_bounded(void **state) {
    (void)state;
    enum { TYPES = 5000 };
    struct metric metric;
    metric_init(&metric, &pair);
    count(&metric, "known", "done", 1);
    for (int i = 0; i < TYPES; i++) {
        char type[32];
        snprintf(type, sizeof type, "type%d", i);
        count(&metric, type, "done", 2);
    }
    count(&metric, "known", "done", 1);
    assert_int_equal(lines_of(&metric), METRIC_SETS + 2);
    char *rendered = render(&metric);
    assert_non_null(strstr(rendered, "pair_total{type=\"known\",result=\"done\"} 2\n"));
    char other[128];
    snprintf(other, sizeof other, "pair_total{type=\"other\",result=\"other\"} %d\n",
             2 * (TYPES - METRIC_SETS + 2));
    assert_non_null(strstr(rendered, other));
    free(rendered);
    metric_reset(&metric);
}

/* Named "other" by somebody: one line with that name, not two. */
static void test_other_is_one(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &pair);
    count(&metric, "other", "other", 3);
    assert_int_equal(lines_of(&metric), 3);
    metric_reset(&metric);
}

static void observe(struct metric *metric, const char *operation, double seconds) {
    metric_observe(metric, (struct slice[METRIC_LABELS]){slice_of(operation)}, seconds);
}

static void test_histogram(void **state) {
    (void)state;
    struct metric metric;
    metric_init(&metric, &timed);
    observe(&metric, "get", 0.001); /* a bound belongs to its bucket */
    observe(&metric, "get", 0.002);
    observe(&metric, "get", 700);
    observe(&metric, "get", -5);
    observe(&metric, "put", 0.25);
    char *rendered = render(&metric);
    static const char *const lines[] = {
        "# TYPE timed_seconds histogram\n",
        "timed_seconds_bucket{operation=\"get\",le=\"0.001\"} 2\n",
        "timed_seconds_bucket{operation=\"get\",le=\"0.0025\"} 3\n",
        "timed_seconds_bucket{operation=\"get\",le=\"600\"} 3\n",
        "timed_seconds_bucket{operation=\"get\",le=\"+Inf\"} 4\n",
        "timed_seconds_sum{operation=\"get\"} 700.003\n",
        "timed_seconds_count{operation=\"get\"} 4\n",
        "timed_seconds_bucket{operation=\"put\",le=\"0.1\"} 0\n",
        "timed_seconds_bucket{operation=\"put\",le=\"0.25\"} 1\n",
        "timed_seconds_count{operation=\"put\"} 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(rendered, lines[i]) == NULL) {
            fail_msg("not there: %s\n%s", lines[i], rendered);
        }
    }
    free(rendered);
    assert_int_equal(lines_of(&metric), 2 + 2 * (METRIC_BUCKETS + 3));
    metric_reset(&metric);
}

static void test_histogram_without_labels(void **state) {
    (void)state;
    static const struct metric_options bare = {.name = "s", .help = "S.", .is_histogram = true};
    struct metric metric;
    metric_init(&metric, &bare);
    observe(&metric, NULL, 0.03);
    char *rendered = render(&metric);
    assert_non_null(strstr(rendered, "\ns_bucket{le=\"0.05\"} 1\n"));
    assert_non_null(strstr(rendered, "\ns_sum 0.03\ns_count 1\n"));
    free(rendered);
    metric_reset(&metric);
}

static void test_copy_stands_alone(void **state) {
    (void)state;
    struct metric metric, copy;
    metric_init(&metric, &pair);
    count(&metric, "a", "done", 1);
    assert_int_equal(metric_copy(&copy, &metric), 0);
    count(&metric, "a", "done", 1);
    expect(&copy,
           "# HELP pair_total A pair.\n# TYPE pair_total counter\npair_total{type=\"a\",result=\"done\"} 1\n");
    metric_reset(&copy);
    metric_reset(&metric);
}

static void test_gauges(void **state) {
    (void)state;
    struct buffer text;
    buffer_init(&text, TEXT_MAX);
    metric_render_gauge(&text, "backlog", "Open.", NULL, slice_of(NULL), 17);
    metric_render_gauge(&text, "info", "Which.", "hash", slice_of("ab\"c"), 1);
    assert_string_equal(text.bytes, "# HELP backlog Open.\n# TYPE backlog gauge\nbacklog 17\n"
                                    "# HELP info Which.\n# TYPE info gauge\ninfo{hash=\"ab\\\"c\"} 1\n");
    buffer_reset(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_labels),     cmocka_unit_test(test_by_label),
        cmocka_unit_test(test_values_are_escaped), cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_sets_are_bounded),   cmocka_unit_test(test_other_is_one),
        cmocka_unit_test(test_histogram),          cmocka_unit_test(test_histogram_without_labels),
        cmocka_unit_test(test_copy_stands_alone),  cmocka_unit_test(test_gauges),
    };
    return cmocka_run_group_tests_name("admin, metrics", tests, NULL, NULL);
}
