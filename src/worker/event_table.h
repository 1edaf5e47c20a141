/* An event as a handler sees it. Private to the room.
 *
 * id, type (full), name (short), source, subject, time and data, from the Event Grid schema or a CloudEvent; and
 * attempt, received (seconds since 1970), seq. Members of data that were called otherwise in the set of 2021 are
 * there under their present names as well. */
#ifndef WORKER_EVENT_TABLE_H
#define WORKER_EVENT_TABLE_H

#include "worker/worker.h"
#include <lua.h>

/* Pushes the table; raises when the bytes are no event. */
void event_table_push(lua_State *L, const struct worker_request *request);

#endif
