/* What the files of this room share. */
#ifndef ADMIN_ROOM_H
#define ADMIN_ROOM_H

#include "admin/admin.h"
#include "admin/counters.h"
#include "admin/handshakes.h"
#include "admin/put.h"
#include "admin/stream.h"
#include "base/buffer.h"
#include "httpd/httpd.h"
#include "json/out.h"
#include <pthread.h>
#include <stdatomic.h>

enum { ADMIN_ANSWER_MAX = 64 * 1024 * 1024 };

struct admin {
    struct admin_options options;
    struct httpd *httpd;
    pthread_mutex_t reading; /* the reader is one thread's at a time */
    struct store_reader *reader;
    int64_t started_us;
    atomic_uint delivery_port;
    struct counters counters;
    struct stream stream;
    struct handshakes handshakes;
    atomic_bool is_at_chore; /* a backup or a check is under way */
};

/* A request that waits for the host's loop to look at itself. */
struct admin_inquiry {
    struct host_question question;
    struct admin *admin;
    struct httpd_request *request;
    struct buffer body;
};

/* NULL without memory: then the request was answered. */
struct admin_inquiry *admin_inquiry(struct admin *admin, struct httpd_request *request);
void admin_free_inquiry(struct admin_inquiry *inquiry);

/* Answers 200 with what was written, or 500 when it broke; resets the buffer. `type` NULL: JSON. */
void admin_answer(struct httpd_request *request, const char *type, struct buffer *body);
/* Answers with an error of the host's or the store's and the status that fits it. */
void admin_refuse(struct httpd_request *request, const struct error *error);

/* status.c */
void admin_ready(struct admin *admin, struct httpd_request *request);
void admin_status(struct admin *admin, struct httpd_request *request);

/* events.c */
void admin_events(struct admin *admin, struct httpd_request *request);
void admin_event(struct admin *admin, struct httpd_request *request, struct slice seq);

/* metrics.c */
void admin_metrics(struct admin *admin, struct httpd_request *request);

/* orders.c: what the host's loop carries out */
void admin_pause(struct admin *admin, struct httpd_request *request, enum host_order_verb verb);
void admin_replay(struct admin *admin, struct httpd_request *request, struct slice seq);

/* chores.c: what takes its time, each on a thread of its own, one at a time */
void admin_backup(struct admin *admin, struct httpd_request *request);
void admin_check(struct admin *admin, struct httpd_request *request);

#endif
