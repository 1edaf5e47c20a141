/* The options of a Job Router operation: from a script's table to what the table of operations wants. Private to
 * the room. */
#ifndef WORKER_ROUTER_OPTIONS_H
#define WORKER_ROUTER_OPTIONS_H

#include "router/router.h"
#include <lua.h>

/* Puts a new table of checked and converted members in the place of what is at `index`, a table or nil: whole
 * numbers for 10.0, texts for times. Raises, and names the option, when one is unknown, missing or of another
 * kind. */
void router_options_check(lua_State *L, const struct router_operation *operation, int index);

#endif
