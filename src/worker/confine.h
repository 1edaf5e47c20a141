/* What the process gives up before it reads a byte of anybody's. Private to the room. docs/internals/sandbox.md */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include <stddef.h>

/* No new privileges, no core, no tracing by equals, no other descriptor than 0, death with the parent. 0 or -1. */
int confine_process(void);

/* Once the page is mapped: no files, no processes, and address space for `memory` bytes of Lua and what we
 * need. */
int confine_resources(size_t memory);

#endif
