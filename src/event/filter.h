/* Event Grid's own filters: whether an event passes, as a subscription's filter would decide. Facts: "Event
 * filtering for Event Grid subscriptions", learn.microsoft.com; where that page is silent, docs/filters.md
 * lists what is done.
 *
 *     { "subjectBeginsWith": "job/", "isSubjectCaseSensitive": true, "includedEventTypes": ["..."],
 *       "enableAdvancedFilteringOnArrays": true,
 *       "advancedFilters": [ {"operatorType": "StringIn", "key": "data.queueId", "values": ["a"]} ] }
 *
 * A filter is compiled once and asked as often as wanted; asking makes one pass over the event and needs no
 * memory but for texts with escapes. Keys look at the event as it was sent, and at a member's present name
 * where it came under another spelling (catalogue.h). Any thread: a filter does not change.
 */
#ifndef EVENT_FILTER_H
#define EVENT_FILTER_H

#include "base/error.h"
#include "base/slice.h"
#include "event/catalogue.h"
#include <stdbool.h>
#include <stddef.h>

/* Event Grid's own limits. */
enum { FILTER_CONDITIONS = 25, FILTER_VALUES = 25, FILTER_TEXT = 512 };

struct filter;

/* From the JSON object. ERROR_INVALID: unknown members and operators (with the nearest name), operands of the
 * wrong kind, more than the limits; the message begins with the place,
 * "filter.advancedFilters[2].operatorType: ...". */
struct filter *filter_new(struct slice json, struct error *error);
void filter_free(struct filter *filter);

enum filter_verdict { FILTER_PASSES, FILTER_REFUSES, FILTER_UNREADABLE /* no strict JSON object, or no memory */ };
/* `event` is one element as it was delivered, of either schema. */
enum filter_verdict filter_ask(const struct filter *filter, struct slice event);

/* Why no event of the type can ever pass (a condition on a field that the type does not have, and that fails
 * without it; the type is not included; ...), in words for a person, into `words`; false: some may. */
bool filter_never_passes(const struct filter *filter, const struct event_type *type, char *words, size_t size);

#endif
