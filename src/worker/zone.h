/* The time zone of os.date, os.time and time.format. For the room and the kit. */
#ifndef WORKER_ZONE_H
#define WORKER_ZONE_H

#include "base/slice.h"

/* Makes it the process's, as the configuration names it ("Europe/Berlin"); empty: UTC. It is read here, once:
 * later calls of the C library open no file. -1 without memory. */
int zone_enter(struct slice name);

#endif
