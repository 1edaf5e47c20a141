/* Connections that were answered before their body was read.
 *
 * Closing a socket that has unread bytes resets the connection, and a sender that is still writing then sees
 * the reset and not the answer. So the socket is kept for a moment after the library has closed its end: what
 * arrives is read and thrown away until the sender is through or has had its time. All of it on the thread of a
 * loop that its owner runs.
 */
#ifndef HTTPD_DRAIN_H
#define HTTPD_DRAIN_H

#include "base/error.h"
#include "base/loop.h"

struct drain;

/* The loop is the caller's, and outlives it. */
struct drain *drain_new(struct loop *loop, struct error *error);
/* Closes what is left at once. */
void drain_free(struct drain *drain);
/* Takes a copy of the socket; does nothing when there are too many already. */
void drain_add(struct drain *drain, int fd);

#endif
