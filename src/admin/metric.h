/* Numbers that only grow, by label, in the text form that Prometheus reads (its "Text-based format", version
 * 0.0.4).
 *
 * A metric has up to METRIC_SETS sets of label values; whatever comes after those is counted under "other" (so is
 * what there is no memory for): types and names come from outside, and nobody may make the host grow with them.
 * Counting never fails. Not for two threads at once: the caller has a lock, and metric_copy keeps it short.
 *
 *     static const struct metric_options options = {
 *         .name = "x_total", .help = "What it counts.", .labels = {"type"}};
 *     metric_init(&metric, &options);
 *     metric_count(&metric, (struct slice[METRIC_LABELS]){type}, 1);
 *     metric_render(&metric, &text);
 */
#ifndef ADMIN_METRIC_H
#define ADMIN_METRIC_H

#include "base/buffer.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METRIC_SETS = 200,      /* with "other" */
    METRIC_LABELS = 2,      /* of a metric */
    METRIC_LABEL_SIZE = 95, /* bytes; longer values are cut */
    METRIC_BUCKETS = 15,
};

struct metric_options {
    const char *name, *help;
    const char *labels[METRIC_LABELS]; /* NULL: no such label */
    bool is_histogram;                 /* of seconds */
};

struct metric_label {
    unsigned char length;
    char text[METRIC_LABEL_SIZE];
};

/* What was counted under one set of label values. */
struct metric_set {
    struct metric_label labels[METRIC_LABELS];
    uint64_t count;
    double sum;
    uint64_t buckets[METRIC_BUCKETS]; /* each without those before it */
};

struct metric {
    const struct metric_options *options; /* the caller's */
    struct metric_set rest;               /* "other"; of a metric without labels: everything */
    struct metric_set *sets;
    size_t set_count, capacity;
};

void metric_init(struct metric *metric, const struct metric_options *options);
void metric_reset(struct metric *metric);
/* `to` is initialised by it, and reset by the caller; -1 without memory. */
int metric_copy(struct metric *to, const struct metric *from);

/* One value per label; unset for those that the metric does not have. */
void metric_count(struct metric *metric, const struct slice values[METRIC_LABELS], uint64_t by);
/* Less than nothing (a clock was set back) counts as nothing. */
void metric_observe(struct metric *metric, const struct slice values[METRIC_LABELS], double seconds);

void metric_render(const struct metric *metric, struct buffer *out);
/* A number that goes up and down, at this moment; with one label (`label` NULL: none). */
void metric_render_gauge(struct buffer *out, const char *name, const char *help, const char *label,
                         struct slice label_value, double value);

#endif
