/* What scripts are offered, by name: read off the sandbox itself, so that no list of names has to be kept. */
#ifndef WORKER_OFFERED_H
#define WORKER_OFFERED_H

#include "base/error.h"

/* "log", "log.info", "router.jobs.activate", ...: all globals and the members of those that are tables, sorted by
 * bytes, NULL at the end. `operations` are those of C helpers, as in struct worker_options; NULL: none. One block,
 * which the caller frees; NULL with the error. */
const char **worker_offered(const char *const *operations, struct error *error);

#endif
