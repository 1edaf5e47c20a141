/* A listener: connections, limits, requests, suspended answers. libmicrohttpd behind a small face; used by
 * ingress, admin and the local Job Router.
 *
 * For each request `on_head` is called when the headers are there (it may refuse before any body is read),
 * then, when the whole body is, `on_request`. Either answers with httpd_answer: on_head before it returns,
 * on_request at once or later, from any thread: a waiting request is suspended and holds no thread. Every
 * request is answered exactly once; the request struct is gone after that. Callbacks run on the listener's
 * thread, one at a time.
 *
 * A sender that hangs up before its body is whole is not heard of again (what on_head hangs on to a request
 * must not need freeing); one that hangs up later is not noticed, and the answer goes nowhere.
 *
 * What HTTP leaves open is closed here: two lengths, a length with chunked, two hosts, methods and header names
 * that are no tokens, heads over 48 KiB (431), a body over the limit (413): all answered with a JSON body
 * {"error":{"code","message"}} and the connection closed. Which methods, paths, types and encodings there are
 * is the caller's affair. What the library refuses before it asks anybody has a short HTML page: a line that is
 * no header, a Content-Length that is no number, broken chunks, heads over 64 KiB, other versions of HTTP.
 *
 *     struct httpd *httpd = httpd_start(&(struct httpd_options){
 *         .address = "127.0.0.1:0", .body_limit = 4 << 20, .on_request = on_request, .context = ingress}, &error);
 *     httpd_port(httpd);
 *     httpd_quiesce(httpd);   // accept no more
 *     httpd_stop(httpd);      // after every request was answered (it waits for them)
 *
 * An answer may also be a stream, which goes on until it is ended: httpd_stream_begin instead of httpd_answer.
 * While nothing is written it holds no thread and wakes nobody.
 */
#ifndef HTTPD_HTTPD_H
#define HTTPD_HTTPD_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd;
struct httpd_request;

enum httpd_verdict {
    HTTPD_GO_ON,    /* read the body, then on_request */
    HTTPD_ANSWERED, /* httpd_answer was called; a body that is still to come is not read */
};

struct httpd_options {
    const char *address;      /* host:port; port 0 takes a free one */
    size_t body_limit;        /* bytes */
    size_t connections;       /* 0: 1,000; further ones wait in the system's queue */
    unsigned timeout_seconds; /* without any byte; 0: 30 */
    const char *name;         /* for the log: "ingress" */
    const char *error_header; /* says the code of an error again: "x-ms-error-code"; NULL: none does */
    enum httpd_verdict (*on_head)(struct httpd_request *request, void *context); /* may be NULL */
    void (*on_request)(struct httpd_request *request, void *context);
    /* After on_request was called, for one request or for all that were there together; for work that is cheaper
     * for several at a time. On the listener's thread, before it sleeps; may be NULL. */
    void (*after_requests)(void *context);
    void *context;
};

struct httpd *httpd_start(const struct httpd_options *options, struct error *error);
uint16_t httpd_port(const struct httpd *httpd);
/* New connections are refused; those that are open are closed with their next answer. Neither this nor httpd_stop
 * is for the listener's own callbacks (on_head, on_request, httpd_call's, a stream's `gone`): both wait for its
 * thread, and would wait for ever. A program that does it is ended by abort, with a line in the log. */
void httpd_quiesce(struct httpd *httpd);
/* Waits until each request that on_request got is answered, then frees. Quiesces first when that was not done. */
void httpd_stop(struct httpd *httpd);

/* Of a request; slices live until it is answered. Names of headers ignore case; an unset slice: absent. */
struct slice httpd_method(const struct httpd_request *request);
struct slice
httpd_path(const struct httpd_request *request); /* as sent, still percent-encoded, without the query */
struct slice
httpd_query(const struct httpd_request *request); /* as sent, without '?' ; unset when there is none */
struct slice httpd_target(const struct httpd_request *request); /* path and query exactly as sent (signatures) */
struct slice httpd_header(const struct httpd_request *request, const char *name);
/* Every header in the order of their coming, also those that are there more than once; not for answered
 * requests. */
void httpd_each_header(const struct httpd_request *request,
                       void (*visit)(void *context, struct slice name, struct slice value), void *context);
/* The decoded value of a query parameter, in memory of the request's; unset when absent, or
 * when its encoding is broken. Of several, the first. */
struct slice httpd_parameter(struct httpd_request *request, const char *name);
struct slice httpd_body(const struct httpd_request *request);
/* Takes the body's memory over (the caller frees it): for bodies that outlive their request. */
char *httpd_take_body(struct httpd_request *request, size_t *length);
/* Something of the caller's to hang on to it. */
void httpd_set_context(struct httpd_request *request, void *context);
void *httpd_context(const struct httpd_request *request);

struct httpd_header {
    const char *name, *value;
};
struct httpd_answer {
    unsigned status;
    const char *type;                   /* NULL: application/json */
    struct slice body;                  /* copied */
    const struct httpd_header *headers; /* copied */
    size_t header_count;
    bool must_close;
};
/* Any thread. Without memory the connection is closed. */
void httpd_answer(struct httpd_request *request, const struct httpd_answer *answer);
/* Has `call` called with the listener's context on its thread, for a request that waits: for work after which it
 * can be answered, so that the thread that brings the news has done with it. Any thread; one call at a time. */
void httpd_call(struct httpd_request *request, void (*call)(struct httpd_request *request, void *context));
/* {"error":{"code":CODE,"message":...}}; a 503 says Retry-After: 30. */
void httpd_answer_error(struct httpd_request *request, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* An answer without an end yet. It lives from httpd_stream_begin until its `gone` has returned; `gone` is called
 * exactly once, on the listener's thread, whatever ended it: the client, its bound, httpd_stream_end or
 * httpd_stop. So a writer on another thread takes a lock of its own that `gone` takes too. Nothing of this waits
 * for the client.
 *
 * A client that goes away without a word is noticed at the next write, or by httpd_stream_look. */
struct httpd_stream;
struct httpd_stream_options {
    const char *type; /* text/event-stream */
    size_t bound;     /* bytes that may wait for a client that does not read; 0: 1 MiB */
    void (*gone)(struct httpd_stream *stream, void *context);
    void *context;
};
/* Answers 200 to a GET. Any thread; anywhere but inside on_request `gone` may be called before this has returned.
 * NULL without memory: the request was answered 503 and `gone` is not called. */
struct httpd_stream *httpd_stream_begin(struct httpd_request *request, const struct httpd_stream_options *options);
/* All of the bytes or none: -1 when the client is gone, the stream was ended, or the bytes are past its bound:
 * then its connection is closed. Any thread. */
int httpd_stream_write(struct httpd_stream *stream, struct slice bytes);
/* What was written is sent, then the connection is closed. */
void httpd_stream_end(struct httpd_stream *stream);
/* Has the listener look whether the client is still there. */
void httpd_stream_look(struct httpd_stream *stream);

#endif
