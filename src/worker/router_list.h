/* Operations that answer pages are iterators for scripts. Private to the room.
 *
 *     for job, about in router.jobs.list { queueId = "q1" } do ... end
 *
 * Each page is one step, asked for when the entries of the one before it are used up: whoever leaves the loop asks
 * for no more. The first step's arguments are the options; those of the later ones, the options and {nextLink =
 * the link as it came}. The host holds that link to the operation's own path and to the Job Router. */
#ifndef WORKER_ROUTER_LIST_H
#define WORKER_ROUTER_LIST_H

#include <lua.h>

/* The function that scripts call; its upvalue is the operation. Returns the iterator. */
int router_list_call(lua_State *L);

#endif
