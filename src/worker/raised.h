/* Error values: answers that were errors, as scripts get to see them, and what fail() raises. Private to the
 * room.
 *
 * Tables with operation, status, code, message, retryable and repeated, that print as one line:
 * "router.jobs.activate: 404 JobNotFound: there is no such job". A script may change `retryable` and raise
 * again. */
#ifndef WORKER_RAISED_H
#define WORKER_RAISED_H

#include <lua.h>
#include <stdbool.h>

/* Once per state. */
void raised_open(lua_State *L);

/* Makes the table on the top, which has its members, an error value. */
void raised_mark(lua_State *L);
bool raised_is(lua_State *L, int index);
/* A script's own table that is worth another attempt: `error { message = "...", retryable = true }`. */
bool raised_asks_again(lua_State *L, int index);

/* Pushes a table with those members of the error value, or of such a table, that have the right types, for the
 * host. */
void raised_push_members(lua_State *L, int index);

#endif
