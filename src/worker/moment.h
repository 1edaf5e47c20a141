/* Moments as scripts see them. Private to the room. */
#ifndef WORKER_MOMENT_H
#define WORKER_MOMENT_H

#include <lua.h>
#include <stdint.h>
#include <time.h>

/* Pushes microseconds as a script has times: seconds, an integer when they are whole. */
void moment_push_seconds(lua_State *L, int64_t wall_us);

/* Pushes the time as strftime writes it; raises, in the name of `function`, when the pattern asks for what C99
 * does not have. */
void moment_push(lua_State *L, const char *function, const char *pattern, const struct tm *time);

#endif
