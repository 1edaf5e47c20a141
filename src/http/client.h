/* What the files of this room share. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/list.h"
#include "base/map.h"
#include "http/http.h"
#include <curl/curl.h>
#include <sys/socket.h>

enum {
    HTTP_HEADERS_LIMIT = 64 * 1024, /* bytes of an answer's headers: many times what servers send */
    HTTP_KEPT_LIMIT = 4 * 1024      /* bytes of each buffer that a spare transfer keeps */
};

/* A call that is under way: in `active` while libcurl has it, then in `finished` until `done` is called. */
struct http_transfer {
    struct list_node node;
    struct http_client *client;
    struct http_call *call;
    CURLU *url;                /* the call's, read once */
    CURL *easy;                /* has the options that are the same for all calls */
    struct buffer header_text; /* lines of the request, each with a NUL */
    struct curl_slist *header_list;
    size_t header_capacity; /* of the list, an array */
    struct buffer body;
    struct buffer answer_headers; /* name NUL value NUL ... */
    size_t answer_header_count;
    bool has_all_headers;
    struct http_target target; /* of a guarded call */
    unsigned sends;
    int64_t started_ns;
    double seconds;
    unsigned status;
    struct error error;
    char words[CURL_ERROR_SIZE]; /* libcurl's, about what failed */
};

/* An entry of the options' `allow`. */
struct http_allowed {
    char host[HTTP_HOST_SIZE]; /* a name in lower case; empty: a range */
    uint8_t first[16];         /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
    uint16_t port; /* 0: any */
};

struct http_client {
    struct loop *loop;
    struct http_allowed *allowed;
    size_t allowed_count;
    CURLM *multi;  /* NULL after it failed, until the next call */
    char *ca_file; /* NULL: the system's */
    size_t connections_per_host;
    struct loop_timer timer;
    bool is_due; /* libcurl wants to be called in this turn */
    struct loop_task turn;
    struct list active, finished;
    struct list spare; /* transfers without a call, as many as connections to a host */
    size_t spare_count;
    struct list sockets;            /* those that libcurl has */
    struct map socket_of;           /* descriptor -> one of them */
    struct error trouble;           /* of watching one */
    struct http_transfer no_memory; /* stands for the transfer of calls that got none; */
    struct http_call *starved;      /* they are here, until `done` is called */
    bool is_freed;                  /* the queued task frees the struct */
};

/* client.c: `transfer` is over; its error, if there is one, is set. */
void http_transfer_finish(struct http_transfer *transfer);

/* client.c: calls http_multi_act, and `done` for what is finished, at the end of the loop's turn. */
void http_client_defer(struct http_client *client);

/* multi.c: libcurl on the loop. */
int http_multi_start(struct http_client *client, struct error *error);
void http_multi_stop(struct http_client *client);
/* What libcurl wanted to do at once. */
void http_multi_act(struct http_client *client);
/* A connection's descriptor comes (or CURL_SOCKET_BAD with the error), and goes. */
curl_socket_t http_multi_open(struct http_client *client, const struct curl_sockaddr *address,
                              struct error *error);
int http_multi_close(void *client, curl_socket_t fd);

/* transfer.c: a handle and its callbacks. NULL when there is no memory. */
struct http_transfer *http_transfer_new(struct http_client *client);
void http_transfer_free(struct http_transfer *transfer);
/* Sets the handle up for the call; -1 with the transfer's error. */
int http_transfer_prepare(struct http_transfer *transfer, struct http_call *call);
/* libcurl is done with it: reads result and status. */
void http_transfer_conclude(struct http_transfer *transfer, CURLcode result);
/* Ready for the next call. */
void http_transfer_clear(struct http_transfer *transfer);

/* check.c: whether the call can be made at all; -1 with ERROR_INVALID. */
int http_check_call(const struct http_call *call, struct error *error);
int http_check_url(const char *url, struct error *error);

/* target.c: reads the URL into its parts, and where they lead; -1 with the error. */
int http_parse_url(CURLU *parts, const char *url, struct error *error);
int http_parts_target(CURLU *parts, struct http_target *target, struct error *error);

/* guard.c: what is special about an address that guarded calls must not reach, or NULL when it is an ordinary
 * one. */
const char *http_guard_refuses(const struct sockaddr *address);
const char *http_guard_refuses_text(const char *address);

/* allow.c: the options' list; -1 with the error. */
int http_allow_init(struct http_client *client, const char *const *allow, struct error *error);
/* Whether the list has the address (as 16 bytes, IPv4 mapped) for a URL that names `target`. */
bool http_allows(const struct http_client *client, const struct http_target *target,
                 const struct sockaddr *address);
bool http_allows_text(const struct http_client *client, const struct http_target *target, const char *address,
                      int port);

#endif
