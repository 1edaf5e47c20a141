/* What the files of this room share. */
#ifndef ADMIN_ROOM_H
#define ADMIN_ROOM_H

#include "admin/admin.h"
#include "base/buffer.h"
#include "httpd/httpd.h"
#include "json/out.h"
#include <pthread.h>

enum { ADMIN_ANSWER_MAX = 64 * 1024 * 1024 };

struct admin {
    struct admin_options options;
    struct httpd *httpd;
    pthread_mutex_t reading; /* the reader is one thread's at a time */
    struct store_reader *reader;
    int64_t started_us;
};

/* Answers 200 with what was written, or 500 when it broke; resets the buffer. */
void admin_answer(struct httpd_request *request, struct buffer *body);

/* Members of a JSON object; an unset text and the time 0 are null. */
void admin_put_text(struct json_out *out, const char *name, struct slice text);
void admin_put_integer(struct json_out *out, const char *name, int64_t value);
void admin_put_time(struct json_out *out, const char *name, int64_t wall_us);

/* status.c */
void admin_ready(struct admin *admin, struct httpd_request *request);
void admin_status(struct admin *admin, struct httpd_request *request);

/* events.c */
void admin_events(struct admin *admin, struct httpd_request *request);
void admin_event(struct admin *admin, struct httpd_request *request, struct slice seq);

#endif
