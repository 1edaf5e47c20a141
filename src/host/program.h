/* What a program does before it runs a host. */
#ifndef HOST_PROGRAM_H
#define HOST_PROGRAM_H

#include "base/error.h"
#include <limits.h>

/* Where the running program's file is. */
int program_folder(char folder[PATH_MAX], struct error *error);
/* Where switchhook-worker is: beside the running program (a build folder) or where both are installed; else the
 * same of the shared library that this code is in. */
int program_find_worker(char path[PATH_MAX], struct error *error);

/* SIGTERM, SIGINT and SIGHUP, in this thread and those that it starts: the host's loop takes them from a
 * descriptor. */
void program_block_signals(void);

#endif
