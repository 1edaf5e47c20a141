/* What the files of this room share. Only they include it; it is where libmicrohttpd's types are known.
 *
 * A listener has one thread, with a loop of ours that lets the library work when there is something to do. The
 * library and what is not marked otherwise below belong to that thread. Other threads answer by a post to the
 * loop: of all the answers that are given between two turns only the first wakes the thread, and the library then
 * sends them, a few at a time. A request that waits cannot end, so its answer finds it.
 */
#ifndef HTTPD_PRIVATE_H
#define HTTPD_PRIVATE_H

#include "base/list.h"
#include "base/loop.h"
#include "httpd/drain.h"
#include "httpd/httpd.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    /* Event Grid may add ten headers of 4 KiB of the subscriber's own ("Delivery properties",
     * learn.microsoft.com). */
    HTTPD_HEAD_LIMIT = 48 * 1024,
    /* A connection's memory in libmicrohttpd: a head, and what is noted of each of its headers. What is larger is
     * refused by the library itself, with a page of its own. No more than needed: all of it is overwritten with
     * zeros after each request. */
    HTTPD_POOL_SIZE = 64 * 1024,
    /* What a chunked body may go on sending after it passed its limit, so that its sender reads the 413. */
    HTTPD_DISCARD_LIMIT = 16 * 1024 * 1024,
    /* Of a body's declared length, what is believed before a byte of it is there. */
    HTTPD_BODY_TRUST = 64 * 1024,
    /* Until a body is whole: the library's own timeout counts silence only, and a sender may drip. */
    HTTPD_BODY_SECONDS = 120,
    /* Of a stream, at a time; a client that does not read is closed when this much waits for it. */
    HTTPD_STREAM_PIECE = 16 * 1024,
    HTTPD_STREAM_BOUND = 1024 * 1024,
    /* An answer's body that is copied into its request. */
    HTTPD_BRIEF_SIZE = 96,
    /* Answers that came together are sent by so many: see httpd_resume. Their connections' memory fits into a
     * processor's second cache. */
    HTTPD_ANSWERS_AT_ONCE = 8,
    /* For answers that are on their way while the listener stops. */
    HTTPD_FLUSH_SECONDS = 5,
};

struct httpd {
    struct httpd_options options;
    char *name;
    int listener; /* the socket; the library must not see it closed while it runs */
    uint16_t port;
    struct loop *loop;
    pthread_t thread;
    bool has_thread;

    struct MHD_Daemon *daemon;
    struct loop_watch ready;    /* one of the library's sockets is */
    struct loop_timer patience; /* the library's next timeout, or earlier */
    struct loop_task turn;      /* lets the library work */
    size_t resumed;             /* connections, since it last did */
    bool has_requests;          /* on_request was called, and after_requests was not */
    struct drain *drain;
    size_t unanswered;          /* requests that the caller has and did not answer */
    size_t unsent;              /* requests that the caller got and that are not over */
    struct list streams;        /* struct httpd_stream, by in_httpd */
    struct MHD_Response *usual; /* the last brief answer, for the next that is the same */
    char usual_text[HTTPD_BRIEF_SIZE];
    size_t usual_length;
    bool is_quiesced;       /* answers close their connections */
    bool is_stopping;       /* the caller gets no more requests */
    int64_t logged_at;      /* when the library's last line was let through */
    uint64_t lines_dropped; /* since then */

    struct loop_task quiesce, stop; /* posted by whoever calls those */
    struct loop_timer flush;

    pthread_mutex_t lock;    /* of what follows, of posts, and of the streams' members that say so */
    pthread_cond_t quiesced; /* is_closed is true now */
    bool is_quiesce_posted, is_closed;
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
    struct slice method;
    size_t path_length; /* of the target */
    enum httpd_stage stage;
    uint64_t declared; /* Content-Length, or 0 */
    bool is_chunked;
    bool is_unread;  /* answered before its body was read */
    bool is_counted; /* in unsent */
    bool is_answered;
    struct buffer body;
    size_t discarded;
    int64_t began;            /* monotonic */
    struct httpd_text *texts; /* decoded parameters */
    void *context;

    /* Of the thread that answers, then of the listener's. */
    atomic_bool is_claimed; /* somebody answers it */
    struct loop_task task;  /* brings it back to the listener's thread */
    void (*call)(struct httpd_request *request, void *context);
    unsigned status;
    struct MHD_Response *response; /* NULL though answered: it is brief, or there was no memory */
    char brief[HTTPD_BRIEF_SIZE];  /* the body of an answer that has nothing else */
    size_t brief_length;
    struct httpd_stream *stream; /* NULL: an answer with an end */

    char target[];
};

/* turn.c */
void httpd_on_ready(struct loop_watch *watch, uint32_t events);
void httpd_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                         enum MHD_ConnectionNotificationCode what);
/* Has the library look at its connections before the loop sleeps. */
void httpd_turn(struct httpd *httpd);
/* Lets the library go on with a connection that was suspended, before the loop sleeps. */
void httpd_resume(struct httpd *httpd, struct MHD_Connection *connection);
/* Ends the loop when the listener is to stop and nothing is left to do. */
void httpd_check_stop(struct httpd *httpd);

/* course.c: what the library calls. */
void *httpd_on_target(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result httpd_on_access(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *bytes, size_t *length,
                                void **request_context);
void httpd_on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                        enum MHD_RequestTerminationCode how);
/* The request that the listener's thread is working on: its answer needs no post. NULL elsewhere. */
extern _Thread_local const struct httpd_request *httpd_at_hand;
/* The task of a request that was answered elsewhere: goes on with it. */
void httpd_go_on(struct loop_task *task);

/* check.c: refuses what HTTP leaves open and fills in how the body comes. Whether the request may go on; if
 * not, it has been answered. */
bool httpd_check(struct httpd_request *request, const char *version);

/* answer.c: whether the caller is the first to answer it. Any thread. */
bool httpd_claim(struct httpd_request *request);
/* The response of a request that was answered; NULL: there was no memory. The listener's thread; it is to be
 * queued at once. */
struct MHD_Response *httpd_response(struct httpd_request *request);
/* Makes `response` the answer of a request that was claimed. Any thread. */
void httpd_give_answer(struct httpd_request *request, unsigned status, struct MHD_Response *response);

/* stream.c: the request was answered with it. */
void httpd_join_stream(struct httpd_stream *stream);
/* Ends all that there are. */
void httpd_end_streams(struct httpd *httpd);
/* The request is over: tells the stream's owner and frees the stream. */
void httpd_lose_stream(struct httpd_request *request);

/* listen.c: a listening socket, closed on exec, and the port that it got; -1 with the error. */
int httpd_listen(const char *address, uint16_t *port, struct error *error);

#endif
