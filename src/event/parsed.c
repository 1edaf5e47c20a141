#include "event/parsed.h"
#include "base/clock.h"
#include <stdbool.h>
#include <stdio.h>

struct spelling {
    const char *sent;
    const char *word;
};

/* A part of an ISO 8601 duration. */
struct unit {
    char letter;
    double seconds;
};

static int parse_american(struct slice text, int64_t *wall_us);
static bool take_number(struct slice *rest, size_t least, size_t most, char end, int *number);
static bool take_decimal(struct slice *rest, double *value, bool *has_fraction);
static bool take_units(struct slice *rest, const struct unit *units, double *seconds, bool *is_last);
static const char *find_word(const struct spelling *spellings, struct slice text);

int event_parse_time(struct slice text, int64_t *wall_us) {
    if (clock_parse(text.bytes, text.length, wall_us) == 0 ||
        clock_parse_http(text.bytes, text.length, wall_us) == 0) {
        return 0;
    }
    return parse_american(text, wall_us);
}

int event_parse_lifetime(struct slice text, double *seconds) {
    static const struct unit dates[] = {
        {'Y', 365 * 86400.0}, {'M', 30 * 86400.0}, {'W', 7 * 86400.0}, {'D', 86400.0}, {0, 0}};
    static const struct unit times[] = {{'H', 3600.0}, {'M', 60.0}, {'S', 1.0}, {0, 0}};
    bool is_last = false;
    *seconds = 0;
    if (text.length == 0 || text.bytes[0] != 'P') {
        return take_decimal(&text, seconds, &is_last) && text.length == 0 ? 0 : -1;
    }
    struct slice rest = slice_make(text.bytes + 1, text.length - 1);
    if (!take_units(&rest, dates, seconds, &is_last)) {
        return -1;
    }
    if (rest.length > 1 && rest.bytes[0] == 'T' && !is_last) {
        rest = slice_make(rest.bytes + 1, rest.length - 1);
        if (!take_units(&rest, times, seconds, &is_last)) {
            return -1;
        }
    }
    return rest.length == 0 && text.length > 1 ? 0 : -1;
}

const char *event_parse_operator(struct slice text) {
    static const struct spelling spellings[] = {
        {"equal", "equal"},
        {"notEqual", "notEqual"},
        {"less", "lessThan"},
        {"lessThan", "lessThan"},
        {"lessThanEqual", "lessThanOrEqual"},
        {"lessThanOrEqual", "lessThanOrEqual"},
        {"greater", "greaterThan"},
        {"greaterThan", "greaterThan"},
        {"greaterThanEqual", "greaterThanOrEqual"},
        {"greaterThanOrEqual", "greaterThanOrEqual"},
        {NULL, NULL},
    };
    return find_word(spellings, text);
}

const char *event_parse_state(struct slice text) {
    static const struct spelling spellings[] = {
        {"active", "active"}, {"0", "active"}, {"expired", "expired"}, {"1", "expired"}, {NULL, NULL}};
    return find_word(spellings, text);
}

const char *event_parse_job_status(struct slice text) {
    static const struct spelling spellings[] = {
        {"pendingClassification", "pendingClassification"},
        {"queued", "queued"},
        {"assigned", "assigned"},
        {"completed", "completed"},
        {"closed", "closed"},
        {"cancelled", "cancelled"},
        {"classificationFailed", "classificationFailed"},
        {"created", "created"},
        {"pendingSchedule", "pendingSchedule"},
        {"scheduled", "scheduled"},
        {"scheduleFailed", "scheduleFailed"},
        {"waitingForActivation", "waitingForActivation"},
        {NULL, NULL},
    };
    return find_word(spellings, text);
}

const char *event_parse_property(struct slice text) {
    static const struct spelling spellings[] = {
        {"availableForOffers", "availableForOffers"},
        {"totalCapacity", "totalCapacity"},
        {"queueAssignments", "queueAssignments"},
        {"labels", "labels"},
        {"tags", "tags"},
        {"channelConfigurations", "channelConfigurations"},
        {NULL, NULL},
    };
    return find_word(spellings, text);
}

/* Month first, twelve hours: put into ISO 8601, which checks it. */
static int parse_american(struct slice text, int64_t *wall_us) {
    int month, day, year, hour, minute, second;
    if (!take_number(&text, 1, 2, '/', &month) || !take_number(&text, 1, 2, '/', &day) ||
        !take_number(&text, 4, 4, ' ', &year) || !take_number(&text, 1, 2, ':', &hour) ||
        !take_number(&text, 2, 2, ':', &minute) || !take_number(&text, 2, 2, ' ', &second)) {
        return -1;
    }
    bool is_afternoon = slice_starts_with(text, "PM ");
    if ((!is_afternoon && !slice_starts_with(text, "AM ")) || hour < 1 || hour > 12) {
        return -1;
    }
    struct slice offset = slice_make(text.bytes + 3, text.length - 3);
    hour = hour % 12 + (is_afternoon ? 12 : 0);
    char iso[64];
    int length = snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02d%.*s", year, month, day, hour, minute,
                          second, SLICE_ARG(offset));
    return length < (int)sizeof iso ? clock_parse(iso, (size_t)length, wall_us) : -1;
}

/* Digits, and what must follow them. */
static bool take_number(struct slice *rest, size_t least, size_t most, char end, int *number) {
    size_t digits = 0;
    *number = 0;
    while (digits < most && digits < rest->length && rest->bytes[digits] >= '0' && rest->bytes[digits] <= '9') {
        *number = *number * 10 + (rest->bytes[digits] - '0');
        digits++;
    }
    if (digits < least || digits >= rest->length || rest->bytes[digits] != end) {
        return false;
    }
    *rest = slice_make(rest->bytes + digits + 1, rest->length - digits - 1);
    return true;
}

/* Digits, perhaps a point and more digits; at most 15 before the point: what a double holds exactly. */
static bool take_decimal(struct slice *rest, double *value, bool *has_fraction) {
    size_t at = 0;
    *value = 0;
    for (; at < rest->length && rest->bytes[at] >= '0' && rest->bytes[at] <= '9'; at++) {
        *value = *value * 10 + (rest->bytes[at] - '0');
    }
    if (at == 0 || at > 15) {
        return false;
    }
    *has_fraction = at < rest->length && rest->bytes[at] == '.';
    if (*has_fraction) {
        size_t first = ++at;
        double weight = 1;
        double fraction = 0;
        for (; at < rest->length && rest->bytes[at] >= '0' && rest->bytes[at] <= '9'; at++) {
            if (at - first < 15) {
                fraction = fraction * 10 + (rest->bytes[at] - '0');
                weight *= 10;
            }
        }
        if (at == first) {
            return false;
        }
        *value += fraction / weight;
    }
    *rest = slice_make(rest->bytes + at, rest->length - at);
    return true;
}

/* Parts of a duration, each unit once at most and in the order of the table; stops at what is no digit. */
static bool take_units(struct slice *rest, const struct unit *units, double *seconds, bool *is_last) {
    while (rest->length > 0 && rest->bytes[0] >= '0' && rest->bytes[0] <= '9') {
        double value;
        if (*is_last || !take_decimal(rest, &value, is_last) || rest->length == 0) {
            return false;
        }
        while (units->letter != 0 && units->letter != rest->bytes[0]) {
            units++;
        }
        if (units->letter == 0) {
            return false;
        }
        *seconds += value * units->seconds;
        units++;
        *rest = slice_make(rest->bytes + 1, rest->length - 1);
    }
    return true;
}

static const char *find_word(const struct spelling *spellings, struct slice text) {
    for (; spellings->sent != NULL; spellings++) {
        if (slice_equal_ignoring_case(slice_of(spellings->sent), text)) {
            return spellings->word;
        }
    }
    return NULL;
}
