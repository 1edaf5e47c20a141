#include "admin/metric.h"
#include "base/text.h"
#include "json/json.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* From what a local answer takes to what a run takes that waits for a retry. */
static const struct {
    double bound;
    const char *text;
} buckets[METRIC_BUCKETS] = {
    {0.001, "0.001"}, {0.0025, "0.0025"}, {0.005, "0.005"}, {0.01, "0.01"}, {0.025, "0.025"},
    {0.05, "0.05"},   {0.1, "0.1"},       {0.25, "0.25"},   {0.5, "0.5"},   {1, "1"},
    {2.5, "2.5"},     {5, "5"},           {10, "10"},       {60, "60"},     {600, "600"},
};

static struct metric_set *find_set(struct metric *metric, const struct slice values[METRIC_LABELS]);
static struct metric_label make_label(struct slice value);
static bool has_labels(const struct metric_set *set, const struct metric_label labels[METRIC_LABELS]);
static void put_head(struct buffer *out, const char *name, const char *help, const char *type);
static void put_set(struct buffer *out, const struct metric_options *options, const struct metric_set *set);
static void put_sample(struct buffer *out, const struct metric_options *options, const struct metric_set *set,
                       const char *ending, const char *bound);
static void put_label(struct buffer *out, const char *name, struct slice value);

void metric_init(struct metric *metric, const struct metric_options *options) {
    *metric = (struct metric){.options = options};
    for (size_t i = 0; i < METRIC_LABELS && options->labels[i] != NULL; i++) {
        metric->rest.labels[i] = make_label(slice_of("other"));
    }
}

void metric_reset(struct metric *metric) {
    free(metric->sets);
    *metric = (struct metric){.options = metric->options};
}

int metric_copy(struct metric *to, const struct metric *from) {
    *to = *from;
    to->capacity = from->set_count;
    to->sets = NULL;
    if (from->set_count > 0) {
        to->sets = malloc(from->set_count * sizeof *to->sets);
        if (to->sets == NULL) {
            to->set_count = to->capacity = 0;
            return -1;
        }
        memcpy(to->sets, from->sets, from->set_count * sizeof *to->sets);
    }
    return 0;
}

void metric_count(struct metric *metric, const struct slice values[METRIC_LABELS], uint64_t by) {
    find_set(metric, values)->count += by;
}

void metric_observe(struct metric *metric, const struct slice values[METRIC_LABELS], double seconds) {
    struct metric_set *set = find_set(metric, values);
    double value = seconds > 0 ? seconds : 0;
    set->count++;
    set->sum += value;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        if (value <= buckets[i].bound) {
            set->buckets[i]++;
            return;
        }
    }
}

void metric_render(const struct metric *metric, struct buffer *out) {
    const struct metric_options *options = metric->options;
    put_head(out, options->name, options->help, options->is_histogram ? "histogram" : "counter");
    for (size_t i = 0; i < metric->set_count; i++) {
        put_set(out, options, &metric->sets[i]);
    }
    if (metric->rest.count > 0 || options->labels[0] == NULL) {
        put_set(out, options, &metric->rest);
    }
}

void metric_render_gauge(struct buffer *out, const char *name, const char *help, const char *label,
                         struct slice label_value, double value) {
    put_head(out, name, help, "gauge");
    buffer_append_text(out, name);
    if (label != NULL) {
        buffer_append_char(out, '{');
        put_label(out, label, label_value);
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ' ');
    json_append_number(out, value);
    buffer_append_char(out, '\n');
}

/* Few sets in practice: a walk over them is cheaper than what a map would take. */
static struct metric_set *find_set(struct metric *metric, const struct slice values[METRIC_LABELS]) {
    if (metric->options->labels[0] == NULL) {
        return &metric->rest;
    }
    struct metric_label labels[METRIC_LABELS];
    for (size_t i = 0; i < METRIC_LABELS; i++) {
        labels[i] = make_label(metric->options->labels[i] == NULL ? slice_of(NULL) : values[i]);
    }
    for (size_t i = 0; i < metric->set_count; i++) {
        if (has_labels(&metric->sets[i], labels)) {
            return &metric->sets[i];
        }
    }
    if (metric->set_count == metric->capacity) {
        size_t wanted = metric->capacity == 0 ? 8 : metric->capacity * 2;
        size_t capacity = wanted < METRIC_SETS - 1 ? wanted : METRIC_SETS - 1;
        struct metric_set *sets = realloc(metric->sets, capacity * sizeof *sets);
        if (sets == NULL) {
            return &metric->rest;
        }
        metric->sets = sets;
        metric->capacity = capacity;
    }
    if (metric->set_count == METRIC_SETS - 1 || has_labels(&metric->rest, labels)) {
        return &metric->rest;
    }
    struct metric_set *set = &metric->sets[metric->set_count++];
    memset(set, 0, sizeof *set);
    memcpy(set->labels, labels, sizeof labels);
    return set;
}

/* Cut between characters. */
static struct metric_label make_label(struct slice value) {
    struct metric_label label = {0};
    size_t length = value.length;
    if (length > METRIC_LABEL_SIZE) {
        length = METRIC_LABEL_SIZE;
        while (length > 0 && ((unsigned char)value.bytes[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    if (length > 0) {
        memcpy(label.text, value.bytes, length);
    }
    label.length = (unsigned char)length;
    return label;
}

static bool has_labels(const struct metric_set *set, const struct metric_label labels[METRIC_LABELS]) {
    for (size_t i = 0; i < METRIC_LABELS; i++) {
        if (set->labels[i].length != labels[i].length ||
            memcmp(set->labels[i].text, labels[i].text, labels[i].length) != 0) {
            return false;
        }
    }
    return true;
}

static void put_head(struct buffer *out, const char *name, const char *help, const char *type) {
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_set(struct buffer *out, const struct metric_options *options, const struct metric_set *set) {
    if (!options->is_histogram) {
        put_sample(out, options, set, "", NULL);
        buffer_append_format(out, "%" PRIu64 "\n", set->count);
        return;
    }
    uint64_t below = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        below += set->buckets[i];
        put_sample(out, options, set, "_bucket", buckets[i].text);
        buffer_append_format(out, "%" PRIu64 "\n", below);
    }
    put_sample(out, options, set, "_bucket", "+Inf");
    buffer_append_format(out, "%" PRIu64 "\n", set->count);
    put_sample(out, options, set, "_sum", NULL);
    json_append_number(out, set->sum);
    buffer_append_char(out, '\n');
    put_sample(out, options, set, "_count", NULL);
    buffer_append_format(out, "%" PRIu64 "\n", set->count);
}

/* Name, labels, and the blank before the value. */
static void put_sample(struct buffer *out, const struct metric_options *options, const struct metric_set *set,
                       const char *ending, const char *bound) {
    buffer_append_format(out, "%s%s", options->name, ending);
    char before = '{';
    for (size_t i = 0; i < METRIC_LABELS && options->labels[i] != NULL; i++) {
        buffer_append_char(out, before);
        put_label(out, options->labels[i], slice_make(set->labels[i].text, set->labels[i].length));
        before = ',';
    }
    if (bound != NULL) {
        buffer_append_format(out, "%cle=\"%s\"", before, bound);
        before = ',';
    }
    buffer_append_text(out, before == ',' ? "} " : " ");
}

/* Control characters are shown first: these lines reach terminals, too. */
static void put_label(struct buffer *out, const char *name, struct slice value) {
    struct buffer visible;
    buffer_init(&visible, 8 * METRIC_LABEL_SIZE);
    text_append_visible(&visible, value);
    buffer_append_format(out, "%s=\"", name);
    for (size_t i = 0; i < visible.length; i++) {
        char c = visible.bytes[i];
        if (c == '\\' || c == '"') {
            buffer_append_char(out, '\\');
        }
        buffer_append_char(out, c);
    }
    buffer_append_char(out, '"');
    buffer_reset(&visible);
}
