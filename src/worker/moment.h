/* Moments as texts. Private to the room. */
#ifndef WORKER_MOMENT_H
#define WORKER_MOMENT_H

#include "base/slice.h"
#include <lua.h>
#include <stdint.h>
#include <time.h>

/* Every form that events use: ISO 8601 with any number of fraction digits and Z or an offset; "3/28/2007 7:13:50
 * PM +00:00" (Azure Communication Services - Job Router events, learn.microsoft.com); RFC 1123. Microseconds since
 * 1970. 0 or -1. */
int moment_parse(struct slice text, int64_t *wall_us);

/* Pushes the time as strftime writes it; raises, in the name of `function`, when the pattern asks for what C99
 * does not have. */
void moment_push(lua_State *L, const char *function, const char *pattern, const struct tm *time);

#endif
