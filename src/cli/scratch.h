/* A folder for a store that is forgotten afterwards: below TMPDIR, or /tmp. */
#ifndef CLI_SCRATCH_H
#define CLI_SCRATCH_H

#include "base/error.h"
#include <limits.h>
#include <stdbool.h>

/* Made as "switchhook-NAME-XXXXXX". `is_busy`: it is written so often that, without TMPDIR, it
 * goes where there is no disk: /dev/shm, if there is one. */
int cli_scratch_make(char folder[PATH_MAX], const char *name, bool is_busy, struct error *error);
/* With the store's files, and nothing that is not known to be one. */
void cli_scratch_remove(const char *folder);

#endif
