/* The client for everything that goes out: one libcurl multi handle on a loop, connections kept alive, handles
 * reused.
 *
 * All of it is for the loop's thread. http_send only queues: `done` is called later, from the loop, never from
 * inside http_send. A call is embedded in its owner's struct, who keeps it and what it points to alive until
 * `done` (or http_cancel). A struct answer lives during `done`.
 *
 * Closed by default: no proxies from the environment, no redirects followed, no CR, LF or NUL in header values,
 * methods and targets, only http and https, no user names in URLs, descriptors close-on-exec, and an address
 * guard: private, loopback, link-local and other special addresses are refused when the call asks for the
 * guard, whatever spelling or name they come by. Headers that frame a message or name its host are the client's
 * own: a call may not set them.
 *
 * Sent again: when a kept-alive connection turns out to be dead before a single byte of the answer came,
 * libcurl sends the request once more on another connection (five times at most), whatever its method. The
 * other side may have acted on the first one. Such an answer says so in `sends` (2 or more);
 * docs/internals/http.md has the details.
 *
 *     struct fetch { struct http_call call; ... };
 *     fetch->call = (struct http_call){.method = "GET", .url = url, .timeout_ms = 5000, .answer_limit = 65536,
 *                                      .is_guarded = true, .done = on_fetched};
 *     http_send(client, &fetch->call);
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
    size_t connections_per_host; /* 0: 512 */
    const char *ca_file;         /* PEM; NULL: the system's */
    /* What guarded calls may reach besides public addresses: "10.1.0.0/16", "127.0.0.1", "127.0.0.1:9000",
     * "[::1]:9000", "crm.intern", "crm.intern:8080" (a name: whatever address it has); NULL-terminated, or NULL.
     */
    const char *const *allow;
};

/* Any number of clients; the first one sets libcurl up. NULL with the error. */
struct http_client *http_client_new(struct loop *loop, const struct http_options *options, struct error *error);
/* Cancels what is under way (`done` is not called). Not from inside `done`; before loop_free. */
void http_client_free(struct http_client *client);

struct http_header {
    const char *name, *value;
};

struct http_answer {
    struct error
        error; /* code 0: there is an answer; else the transport failed (ERROR_TIMEOUT, ERROR_LIMIT, ERROR_SYSTEM,
                           ERROR_INVALID for a call that could not be made at all) */
    unsigned status;
    struct slice body;
    double seconds;        /* from http_send to the end */
    int64_t retry_after_s; /* from Retry-After (seconds or a date); -1: none */
    unsigned sends;        /* how often the request began to go out: 0: certainly never; 2 and more: see above */
    const struct http_header *headers; /* names in lower case, in order */
    size_t header_count;
};

struct http_call {
    const char *method;
    const char *url; /* sent as it is: path and query already percent-encoded */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;   /* unset: none */
    unsigned timeout_ms; /* of all of it; 0: 30 s. Waiting for one of the host's connections counts */
    size_t answer_limit; /* bytes of body */
    bool is_guarded;     /* apply the address guard */
    void (*done)(struct http_call *call, const struct http_answer *answer);
    /* The client's: */
    struct http_transfer *transfer; /* NULL when it is not under way */
    struct http_call *next;
};

/* Copies nothing: see above. A call that cannot be made is `done` with the error as well. One that is under way
 * must not be sent again before it is done. */
void http_send(struct http_client *client, struct http_call *call);
/* Nothing happens for one that is not under way. */
void http_cancel(struct http_client *client, struct http_call *call);

/* Where a URL leads, as libcurl itself reads it. */
enum { HTTP_HOST_SIZE = 256, HTTP_ORIGIN_SIZE = HTTP_HOST_SIZE + 16 };
struct http_target {
    bool is_https;
    char host[HTTP_HOST_SIZE]; /* in lower case; IPv6 in brackets */
    uint16_t port;
    char origin[HTTP_ORIGIN_SIZE]; /* "https://crm.example.com", with the port if it is not the scheme's own */
};
/* -1 with ERROR_INVALID for what is no URL of http or https, or carries a user's name. */
int http_read_target(const char *url, struct http_target *target, struct error *error);

/* NULL when absent; `name` in lower case. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

#endif
