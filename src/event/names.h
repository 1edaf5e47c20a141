/* The names of the Job Router's events, and what members of their data were called in the set of 2021. Needs no
 * memory, no library and no start: the worker builds its tables with it. Any thread.
 *
 * Types: the Job Router events of learn.microsoft.com, "Azure Communication Services - Job Router events", with
 * RouterWorkerUpdated of the Event Grid data plane's API description (github.com/Azure/azure-rest-api-specs), and
 * RouterJobLabelsUpdated and RouterJobExceptionCleared, which only the private preview of 2021 had.
 *
 *     for (const struct event_alias *a = event_aliases(name); a->old_name.bytes != NULL; a++)
 *         if (slice_equal(member, a->old_name)) member = a->present_name;
 */
#ifndef EVENT_NAMES_H
#define EVENT_NAMES_H

#include "base/slice.h"

/* Short names (RouterJobQueued), sorted by bytes; NULL ends them. */
extern const char *const event_type_names[];

struct event_alias {
    struct slice old_name; /* as an event of the 2021 set has it, directly in `data` */
    struct slice present_name;
};

/* The aliases of a type, by its short name. Never NULL; the first that is not set ends them, and a type without
 * aliases, or one that is not known, has only that. An event that has both names keeps what it sent for the
 * present one: the caller sees to that. */
const struct event_alias *event_aliases(struct slice short_name);

#endif
