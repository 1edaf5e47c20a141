/* How many instructions a slice of a script may take, for a worker that no host watches: under the kit, where the
 * scripts run in the spec's own process and nobody can kill them. Private to the room.
 *
 * Past the limit every further instruction raises, so that a loop around pcall ends, too. One long call of a C
 * function (a pattern that backtracks) counts as nothing: there only the host's watch helps. */
#ifndef WORKER_QUOTA_H
#define WORKER_QUOTA_H

#include "worker/task.h"

/* Once, before there are coroutines: they take the hook over from the main state. */
void quota_open(struct worker *worker);
/* At the beginning of each slice. */
void quota_refill(struct worker *worker);

#endif
