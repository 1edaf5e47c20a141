/* What editors know of scripts: annotations for the Lua language server (LuaLS), made from the two tables, the
 * catalogue of events and the Job Router's operations. The rest of the API, which no table has, is written by
 * hand (src/editor/switchhook.d.lua); a test holds it against the sandbox. Built into share/switchhook/lua by the
 * program of this room. Any thread.
 *
 *     struct buffer out;
 *     buffer_init(&out, 1 << 20);
 *     editor_events(&out);       // the text of events.d.lua
 *     editor_router(&out);       // of router.d.lua
 *     if (out.is_broken) ...
 */
#ifndef EDITOR_EDITOR_H
#define EDITOR_EDITOR_H

#include "base/buffer.h"

/* A class for each type of event (RouterJobQueuedEvent), for its data and for what `event.parsed` has of it. */
void editor_events(struct buffer *out);
/* A function for each operation, with a class for its options. */
void editor_router(struct buffer *out);

#endif
