/* Everybody who listens to /api/stream, and what they are told: one server-sent event (WHATWG HTML, "Server-sent
 * events") for each happening. Nothing is made when nobody listens. */
#ifndef ADMIN_STREAM_H
#define ADMIN_STREAM_H

#include "base/list.h"
#include "host/host.h"
#include "httpd/httpd.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Of the 64 connections of the admin port: the others are for questions. */
enum { STREAM_LISTENERS_MAX = 32 };

struct stream {
    pthread_mutex_t lock;
    struct list listeners;
    atomic_size_t count;
    uint64_t last_id;
};

void stream_init(struct stream *stream);
/* When the listener has stopped. */
void stream_reset(struct stream *stream);
void stream_listen(struct stream *stream, struct httpd_request *request);
/* Never waits for a listener. */
void stream_note(struct stream *stream, const struct host_note *note);

#endif
