/* What a script probably meant, for Lua's messages about a name that is not there. Private to the room.
 *
 * "attempt to index a nil value (global 'rooter')" gets ": there is no 'rooter' (did you mean 'router'?)". The
 * names are those of the shared tables, the run's own globals, and the members of the event that the handler was
 * given.
 */
#ifndef WORKER_HINT_H
#define WORKER_HINT_H

#include "base/buffer.h"
#include "worker/task.h"

/* Appends to the message that the task's coroutine `dead` has just ended with; nothing when nothing is near. */
void hint_append(struct task *task, lua_State *dead, struct buffer *message);

#endif
