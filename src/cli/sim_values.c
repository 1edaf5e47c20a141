#include "base/slice.h"
#include "cli/sim.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_SIZE = 64 };

static int read_before(const char *text, const char *tail, double least, double most, double *value);

int sim_read_number(const char *text, double least, double most, double *value) {
    char *end = NULL;
    double number = isdigit((unsigned char)text[0]) || text[0] == '.' ? strtod(text, &end) : 0;
    if (end == NULL || end == text || *end != '\0' || !(number >= least && number <= most)) {
        return -1;
    }
    *value = number;
    return 0;
}

int sim_read_share(const char *text, double *share) {
    double percent = 0;
    if (read_before(text, "%", 0, 100, &percent) < 0) {
        return -1;
    }
    *share = percent / 100;
    return 0;
}

int sim_read_seconds(const char *text, double least, double most, double *seconds) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}}; /* "ms" before "s" */
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double value = 0;
        if (read_before(text, units[i].name, 0, 1e9, &value) == 0) {
            value *= units[i].seconds;
            if (!(value >= least && value <= most)) {
                return -1;
            }
            *seconds = value;
            return 0;
        }
    }
    return -1;
}

int sim_read_span(const char *text, double most, double *from, double *to) {
    const char *dots = strstr(text, "..");
    char first[NUMBER_SIZE];
    if (dots == NULL) {
        if (sim_read_seconds(text, 0, most, from) < 0) {
            return -1;
        }
        *to = *from;
        return 0;
    }
    if ((size_t)(dots - text) >= sizeof first) {
        return -1;
    }
    snprintf(first, sizeof first, "%.*s", (int)(dots - text), text);
    return sim_read_seconds(first, 0, most, from) < 0 || sim_read_seconds(dots + 2, *from, most, to) < 0 ? -1 : 0;
}

int sim_read_rate(const char *text, double *rate, double *burst) {
    bool is_by_second = read_before(text, "/s", 1, 1e6, burst) == 0;
    if (!is_by_second && read_before(text, "/m", 1, 1e6, burst) < 0) {
        return -1;
    }
    *rate = is_by_second ? *burst : *burst / 60;
    return 0;
}

/* The number that stands before `tail`. */
static int read_before(const char *text, const char *tail, double least, double most, double *value) {
    char number[NUMBER_SIZE];
    size_t length = strlen(text), cut = strlen(tail);
    if (!slice_ends_with(slice_of(text), tail) || length - cut >= sizeof number) {
        return -1;
    }
    snprintf(number, sizeof number, "%.*s", (int)(length - cut), text);
    return sim_read_number(number, least, most, value);
}
