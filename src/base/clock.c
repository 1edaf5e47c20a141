#include "base/clock.h"

#include "base/slice.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static _Atomic int64_t held_us; /* 0: not held */

static int to_parts(int64_t wall_us, struct tm *parts);
static const char *write_text(char text[CLOCK_TEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool take_char(struct slice *rest, char wanted);
static bool take_number(struct slice *rest, size_t digits, int *number);
static bool take_clock(struct slice *rest, struct tm *parts);
static bool take_fraction(struct slice *rest, int64_t *us);
static bool take_offset(struct slice *rest, int64_t *seconds);
static bool take_name(struct slice *rest, const char (*names)[4], int count, int *index);
static bool to_seconds(const struct tm *parts, int64_t *seconds);

int64_t clock_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

int64_t clock_wall_us(void) {
    struct timespec now;
    int64_t held = atomic_load_explicit(&held_us, memory_order_relaxed);
    if (held != 0) {
        return held;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

void clock_hold_wall(int64_t wall_us) {
    atomic_store(&held_us, wall_us);
}

const char *clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]) {
    struct tm parts;
    int us = to_parts(wall_us, &parts);
    return write_text(text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                      parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, us);
}

const char *clock_format_http(int64_t wall_us, char text[CLOCK_TEXT_SIZE]) {
    struct tm parts;
    to_parts(wall_us, &parts);
    return write_text(text, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[parts.tm_wday], parts.tm_mday,
                      months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

int clock_parse(const char *text, size_t length, int64_t *wall_us) {
    struct slice rest = slice_make(text, length);
    struct tm parts = {0};
    int64_t us = 0;
    int64_t offset = 0;
    int64_t seconds = 0;
    bool is_time = take_number(&rest, 4, &parts.tm_year) && take_char(&rest, '-') &&
                   take_number(&rest, 2, &parts.tm_mon) && take_char(&rest, '-') &&
                   take_number(&rest, 2, &parts.tm_mday) && (take_char(&rest, 'T') || take_char(&rest, 't')) &&
                   take_clock(&rest, &parts) && take_fraction(&rest, &us) && take_offset(&rest, &offset);
    parts.tm_mon -= 1;
    if (!is_time || rest.length > 0 || !to_seconds(&parts, &seconds)) {
        return -1;
    }
    *wall_us = (seconds - offset) * CLOCK_US_PER_S + us;
    return 0;
}

int clock_parse_http(const char *text, size_t length, int64_t *wall_us) {
    struct slice rest = slice_make(text, length);
    struct tm parts = {0};
    int weekday = 0;
    int64_t seconds = 0;
    bool is_time = take_name(&rest, weekdays, 7, &weekday) && take_char(&rest, ',') && take_char(&rest, ' ') &&
                   take_number(&rest, 2, &parts.tm_mday) && take_char(&rest, ' ') &&
                   take_name(&rest, months, 12, &parts.tm_mon) && take_char(&rest, ' ') &&
                   take_number(&rest, 4, &parts.tm_year) && take_char(&rest, ' ') && take_clock(&rest, &parts) &&
                   take_char(&rest, ' ') && take_char(&rest, 'G') && take_char(&rest, 'M') &&
                   take_char(&rest, 'T');
    if (!is_time || rest.length > 0 || !to_seconds(&parts, &seconds)) {
        return -1;
    }
    struct tm back;
    to_parts(seconds * CLOCK_US_PER_S, &back);
    if (back.tm_wday != weekday && parts.tm_sec < 60) {
        return -1;
    }
    *wall_us = seconds * CLOCK_US_PER_S;
    return 0;
}

/* Returns the microseconds of the second. A time outside the years 0 to 9999 becomes the nearest inside them: both
 * forms have four digits for the year. */
static int to_parts(int64_t wall_us, struct tm *parts) {
    static const int64_t first = INT64_C(-62167219200) * CLOCK_US_PER_S;
    static const int64_t last = INT64_C(253402300800) * CLOCK_US_PER_S - 1;
    int64_t kept = wall_us < first ? first : wall_us > last ? last : wall_us;
    int64_t us = kept % CLOCK_US_PER_S;
    time_t seconds = (time_t)(kept / CLOCK_US_PER_S);
    if (us < 0) {
        us += CLOCK_US_PER_S;
        seconds -= 1;
    }
    gmtime_r(&seconds, parts);
    return (int)us;
}

static const char *write_text(char text[CLOCK_TEXT_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, CLOCK_TEXT_SIZE, format, arguments);
    va_end(arguments);
    return text;
}

static bool take_char(struct slice *rest, char wanted) {
    if (rest->length == 0 || rest->bytes[0] != wanted) {
        return false;
    }
    *rest = slice_make(rest->bytes + 1, rest->length - 1);
    return true;
}

static bool take_number(struct slice *rest, size_t digits, int *number) {
    int value = 0;
    if (rest->length < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (rest->bytes[i] < '0' || rest->bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (rest->bytes[i] - '0');
    }
    *number = value;
    *rest = slice_make(rest->bytes + digits, rest->length - digits);
    return true;
}

static bool take_clock(struct slice *rest, struct tm *parts) {
    return take_number(rest, 2, &parts->tm_hour) && take_char(rest, ':') && take_number(rest, 2, &parts->tm_min) &&
           take_char(rest, ':') && take_number(rest, 2, &parts->tm_sec);
}

/* No fraction is one of zero; a point needs a digit. */
static bool take_fraction(struct slice *rest, int64_t *us) {
    *us = 0;
    if (!take_char(rest, '.')) {
        return true;
    }
    int digit = 0;
    int64_t weight = CLOCK_US_PER_S / 10;
    if (!take_number(rest, 1, &digit)) {
        return false;
    }
    do {
        *us += digit * weight;
        weight /= 10;
    } while (take_number(rest, 1, &digit));
    return true;
}

static bool take_offset(struct slice *rest, int64_t *seconds) {
    *seconds = 0;
    if (take_char(rest, 'Z') || take_char(rest, 'z')) {
        return true;
    }
    bool is_west = take_char(rest, '-');
    int hours = 0;
    int minutes = 0;
    if ((!is_west && !take_char(rest, '+')) || !take_number(rest, 2, &hours) || !take_char(rest, ':') ||
        !take_number(rest, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * 60;
    if (is_west) {
        *seconds = -*seconds;
    }
    return true;
}

static bool take_name(struct slice *rest, const char (*names)[4], int count, int *index) {
    for (int i = 0; i < count; i++) {
        if (slice_starts_with(*rest, names[i])) {
            *index = i;
            *rest = slice_make(rest->bytes + 3, rest->length - 3);
            return true;
        }
    }
    return false;
}

/* `parts` with the whole year, and the month from 0. A leap second counts as the second after it. */
static bool to_seconds(const struct tm *parts, int64_t *seconds) {
    static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = parts->tm_year;
    if (parts->tm_mon < 0 || parts->tm_mon > 11 || parts->tm_hour > 23 || parts->tm_min > 59 ||
        parts->tm_sec > 60) {
        return false;
    }
    bool is_leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int days = month_days[parts->tm_mon] + (parts->tm_mon == 1 && is_leap_year ? 1 : 0);
    if (parts->tm_mday < 1 || parts->tm_mday > days) {
        return false;
    }
    struct tm copy = *parts;
    copy.tm_year -= 1900;
    *seconds = timegm(&copy);
    return true;
}
