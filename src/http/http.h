/* The client for everything that goes out: one libcurl multi handle on a loop, connections kept alive, handles reused.
 *
 * All of it is for the loop's thread. http_send only queues: `done` is called later, from the loop, never from inside
 * http_send. A call is embedded in its owner's struct, who keeps it and what it points to alive until `done` (or
 * http_cancel). A struct answer lives during `done`.
 *
 * Closed by default: no proxies from the environment, no redirects followed, no CR, LF or NUL in header values, methods
 * and targets, only http and https, descriptors close-on-exec, and an address guard: private, loopback, link-local and other
 * special addresses are refused when the call asks for the guard, whatever spelling or name they come by.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

struct http_options {
    size_t connections_per_host; /* 0: 64 */
    const char *ca_file;         /* PEM; NULL: the system's */
};

struct http_client *http_client_new(struct loop *loop, const struct http_options *options, struct error *error);
/* Cancels what is under way (`done` is not called). */
void http_client_free(struct http_client *client);

struct http_header {
    const char *name, *value;
};

struct http_answer {
    struct error error; /* code 0: there is an answer; else the transport failed (ERROR_TIMEOUT, ERROR_LIMIT, ERROR_SYSTEM,
                           ERROR_INVALID for a call that could not be made at all) */
    unsigned status;
    struct slice body;
    double seconds;       /* from the sending to the end */
    int64_t retry_after_s; /* from Retry-After (seconds or a date); -1: none */
    const struct http_header *headers; /* names in lower case, in order */
    size_t header_count;
};

struct http_call {
    const char *method;
    const char *url; /* sent as it is: path and query already percent-encoded */
    const struct http_header *headers;
    size_t header_count;
    struct slice body; /* unset: none */
    unsigned timeout_ms;
    size_t answer_limit; /* bytes of body */
    bool is_guarded;     /* apply the address guard */
    void (*done)(struct http_call *call, const struct http_answer *answer);
    /* The client's: */
    struct http_transfer *transfer; /* NULL when it is not under way */
};

/* Copies nothing: see above. A call that cannot be made is `done` with the error as well. */
void http_send(struct http_client *client, struct http_call *call);
/* Nothing happens for one that is not under way. */
void http_cancel(struct http_client *client, struct http_call *call);

/* NULL when absent; `name` in lower case. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

#endif
