/* Time. Monotonic nanoseconds are for deadlines and durations; wall microseconds since 1970 (UTC) are what is
 * stored and shown. Every function may be called from any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_S  INT64_C(1000000000)
#define CLOCK_US_PER_S  INT64_C(1000000)

int64_t clock_monotonic_ns(void);
int64_t clock_wall_us(void);
/* For a program that plays a world with a time of its own: from here on the wall clock stands there, until it is
 * held elsewhere; 0 lets it go. The monotonic clock goes on. */
void clock_hold_wall(int64_t wall_us);

enum { CLOCK_TEXT_SIZE = 40 };

/* RFC 3339 with six digits and Z: 2026-03-01T09:30:00.123456Z. Times outside the years 0 to 9999 are written as
 * the nearest inside. Returns `text`. */
const char *clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);
/* RFC 1123, as HTTP and the Job Router's signature want it: Tue, 06 Feb 2024 10:00:00 GMT. Returns `text`. */
const char *clock_format_http(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);
/* RFC 3339 / ISO 8601 date and time with any number of fraction digits and Z or an offset, as events and the REST
 * contract write it; digits past the microsecond are cut. 0, or -1 when it is not such a time. */
int clock_parse(const char *text, size_t length, int64_t *wall_us);
/* RFC 1123 as above; 0 or -1. */
int clock_parse_http(const char *text, size_t length, int64_t *wall_us);

#endif
