/* event.parsed: the canonical forms of what events carry in several. Private to the room.
 *
 * A table with the event's time as `time`, and with those members of data, under the names of the present set,
 * that the catalogue has as times (seconds since 1970), lifetimes (seconds), words with several spellings (those
 * of the REST contract) or models that have such members: worker selectors and errors, whole, with one spelling
 * of their members. What is not there, or cannot be read, is absent.
 *
 * It is made from data when a script first asks for it, and is then the same table for the rest of the run. It is
 * no member of the event's table: pairs(event) and json.encode(event) have what was sent, whether it was looked at
 * or not. */
#ifndef WORKER_EVENT_PARSED_H
#define WORKER_EVENT_PARSED_H

#include "event/catalogue.h"
#include <lua.h>

/* Gives the event on the top of the stack, whose data has its aliases already, its `parsed`: by a metatable of its
 * own, which scripts can neither see nor change. `type` NULL: one that the catalogue does not know. */
void event_parsed_add(lua_State *L, const struct event_type *type);

#endif
