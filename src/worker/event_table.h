/* An event as a handler sees it. Private to the room.
 *
 * id, type (full), name (short), source, subject, time and data, from the Event Grid schema or a CloudEvent;
 * attempt, received (seconds since 1970), seq; and parsed (event_parsed.h). Members of data that come under
 * several names are there under all that the present set has for them (event/catalogue.h). */
#ifndef WORKER_EVENT_TABLE_H
#define WORKER_EVENT_TABLE_H

#include "worker/worker.h"
#include <lua.h>

/* Pushes the table; raises when the bytes are no event. */
void event_table_push(lua_State *L, const struct worker_request *request);

#endif
