/* One host a store: a lock on a file beside it, which the kernel drops with the process. The file stays; only the
 * lock counts. It holds the process id for whoever is refused. */
#ifndef STORE_SQLITE_LOCK_H
#define STORE_SQLITE_LOCK_H

#include "base/error.h"

/* Locks PATH.lock. The descriptor, or -1: ERROR_BUSY when another process has it: at once when that one lives,
 * after 3 seconds when it was killed and has left a child behind that was about to become its worker. */
int lock_take(const char *path, struct error *error);
void lock_release(int fd);

#endif
