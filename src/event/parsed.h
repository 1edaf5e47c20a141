/* The canonical forms of what events carry in several: times, lifetimes, and words with several spellings. Needs
 * no memory and no library. Any thread. The forms are those of the schema, its examples and the page "Azure
 * Communication Services - Job Router events" (learn.microsoft.com; catalogue.h names the sources).
 *
 *     int64_t wall_us;
 *     if (event_parse_time(slice_of("3/28/2007 7:13:50 PM +00:00"), &wall_us) == 0) ...   // 1175109230000000
 *     event_parse_operator(slice_of("GreaterThanEqual"))                                 // greaterThanOrEqual
 */
#ifndef EVENT_PARSED_H
#define EVENT_PARSED_H

#include "base/slice.h"
#include <stdint.h>

/* RFC 3339 with any number of fraction digits (those past the microsecond are cut) and Z or an offset; month first
 * with twelve hours and an offset: "3/28/2007 7:13:50 PM +00:00"; RFC 1123. Microseconds since 1970. 0 or -1. */
int event_parse_time(struct slice text, int64_t *wall_us);

/* "36", "36.5", or an ISO 8601 duration, "P3Y6M4DT12H30M5S": a year counts as 365 days and a month as 30, since a
 * duration alone does not say which ones. Only the last part of a duration may have a fraction; none may be
 * negative. Seconds. 0 or -1. */
int event_parse_lifetime(struct slice text, double *seconds);

/* Label operators, in whatever case: the REST contract's word (equal, notEqual, lessThan, lessThanOrEqual,
 * greaterThan, greaterThanOrEqual), or NULL. */
const char *event_parse_operator(struct slice text);
/* A selector's state, in whatever case, or as "0" and "1": active, expired, or NULL. */
const char *event_parse_state(struct slice text);
/* A job's status, in whatever case: the REST contract's word (waitingForActivation), or NULL. */
const char *event_parse_job_status(struct slice text);
/* A worker's property, in whatever case: with a small letter first (totalCapacity), or NULL. */
const char *event_parse_property(struct slice text);

#endif
