/* Events that are raised later (`after`): kept in the store, moved into its events when they are due. */
#ifndef HOST_TIMERS_H
#define HOST_TIMERS_H

#include "host/effects.h"

struct host;

/* Looks for the next one in the store. */
void timers_start(struct host *host);
/* Frees what was raised, if the task tells of that; for when no loop runs any more. */
bool timers_drop(struct loop_task *task);
/* A step was journaled that may have added one. */
void timers_note(struct host *host, const struct effect_extra *extra);

#endif
