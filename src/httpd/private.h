/* What the files of this room share. Only they include it; it is where libmicrohttpd's types are known.
 *
 * One lock guards all that two threads may touch: the counters of the listener, and of each request the members
 * below "lock". A request's memory is freed in libmicrohttpd's completion callback, on the thread of its
 * connection, which takes the lock first: so a thread that is inside httpd_answer has left it.
 */
#ifndef HTTPD_PRIVATE_H
#define HTTPD_PRIVATE_H

#include "base/list.h"
#include "httpd/drain.h"
#include "httpd/httpd.h"
#include <microhttpd.h>
#include <pthread.h>

enum {
    /* Event Grid may add ten headers of 4 KiB of the subscriber's own ("Delivery properties",
     * learn.microsoft.com). */
    HTTPD_HEAD_LIMIT = 48 * 1024,
    /* A connection's memory in libmicrohttpd: what is larger is refused by the library itself, with a page of
     * its own. */
    HTTPD_POOL_SIZE = 128 * 1024,
    /* What a chunked body may go on sending after it passed its limit, so that its sender reads the 413. */
    HTTPD_DISCARD_LIMIT = 16 * 1024 * 1024,
    /* Until a body is whole: the library's own timeout counts silence only, and a sender may drip. */
    HTTPD_BODY_SECONDS = 120,
    /* Of a stream, at a time; a client that does not read is closed when this much waits for it. */
    HTTPD_STREAM_PIECE = 16 * 1024,
    HTTPD_STREAM_BOUND = 1024 * 1024,
    /* For answers that are on their way while the listener stops. */
    HTTPD_FLUSH_SECONDS = 5,
};

struct httpd {
    struct httpd_options options;
    char *name;
    struct MHD_Daemon *daemon;
    struct drain *drain;
    int listener; /* the socket; the library must not see it closed while it runs */
    uint16_t port;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a counter went down */
    size_t unanswered;      /* requests that the caller has and did not answer */
    size_t unsent;          /* requests that the caller got and that are not over */
    struct list streams;    /* struct httpd_stream, by in_httpd */
    bool is_quiesced;       /* answers close their connections */
    bool is_stopping;       /* the caller gets no more requests */
    int64_t logged_at;      /* when the library's last line was let through */
    uint64_t lines_dropped; /* since then */
};

enum httpd_stage {
    HTTPD_STAGE_HEAD,
    HTTPD_STAGE_BODY,
    HTTPD_STAGE_CALLER, /* handed over, answered or not */
};

struct httpd_text {
    struct httpd_text *next;
    struct buffer bytes;
};

struct httpd_request {
    struct httpd *httpd;
    struct MHD_Connection *connection;
    char *target;
    struct slice method;
    enum httpd_stage stage;
    uint64_t declared; /* Content-Length, or 0 */
    bool is_chunked;
    bool is_waiting; /* the sender wants to hear 100 before it sends its body */
    bool is_unread;  /* answered before its body was read */
    struct buffer body;
    size_t discarded;
    int64_t began;            /* monotonic */
    struct httpd_text *texts; /* decoded parameters */
    void *context;

    /* lock */
    bool is_counted; /* in unsent */
    bool is_suspended;
    bool is_answered;
    unsigned status;
    struct MHD_Response *response; /* NULL though answered: there was no memory */
    struct httpd_stream *stream;   /* NULL: an answer with an end */
};

/* check.c: refuses what HTTP leaves open and fills in how the body comes. Whether the request may go on; if
 * not, it has been answered. */
bool httpd_check(struct httpd_request *request, const char *version);

/* answer.c: makes `response` the answer, of which there must be none yet. With the lock held. */
void httpd_give_answer(struct httpd_request *request, unsigned status, struct MHD_Response *response);

/* stream.c: ends all that there are; with the lock held. */
void httpd_end_streams(struct httpd *httpd);
/* The request is over: tells the stream's owner and frees the stream. */
void httpd_lose_stream(struct httpd_request *request);

/* listen.c: a listening socket, closed on exec, and the port that it got; -1 with the error. */
int httpd_listen(const char *address, uint16_t *port, struct error *error);

#endif
