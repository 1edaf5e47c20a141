/* The worker's end of the wire: frames from the host into calls of worker.h, and its port into frames. Private to
 * the room.
 *
 * Writing only appends to `out`; whoever owns the connection sends it, and `flush` is called early when much has
 * come together. */
#ifndef WORKER_FRAMES_H
#define WORKER_FRAMES_H

#include "base/buffer.h"
#include "worker/worker.h"

struct frames {
    struct buffer out;
    struct worker *worker; /* NULL until the host has said hello */
    bool is_loaded;        /* LOAD was there */
    bool tells_places;     /* the host wants PLACE */
    int (*greeted)(void *context, const struct worker_options *options,
                   struct slice zone); /* before the worker is made; -1: give up */
    struct wire_page *(*page)(void *context);
    void (*flush)(void *context);
    void *context;
};

void frames_init(struct frames *frames);
void frames_reset(struct frames *frames);

/* Does what one frame says; -1 when the host is broken, or there is no memory to go on. */
int frames_take(struct frames *frames, const struct wire_frame *frame);

#endif
