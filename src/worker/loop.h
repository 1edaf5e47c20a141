/* The worker's loop over the socket to the host. Private to the room. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

/* Serves the host on the socket until it closes it: 0. A host that does not keep to the protocol, or a lack of
 * memory: 1. */
int worker_loop(int socket);

#endif
