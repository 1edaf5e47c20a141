/* Where the running script is, for the host that asks with SIGURG before it kills. Private to the room.
 *
 * The signal sets a hook on the coroutine that is on the processor, as Lua's own interpreter does for an
 * interrupt; at its next instruction the hook removes itself and writes into the page. Inside a long C function
 * there is no next instruction: then the page stays as it was, and the host says so. */
#ifndef WORKER_PLACE_H
#define WORKER_PLACE_H

#include "wire/wire.h"
#include <lua.h>

/* Around each entry into Lua: who is on the processor; NULL: nobody. */
void place_watch(lua_State *L, struct wire_page *page);

/* Installs the signal's handler, once per process. */
void place_install(void);

#endif
