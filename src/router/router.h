/* The Job Router as the host sees it: the one table of operations, requests built and signed, answers read.
 * Facts: the REST contract of api-version 2023-11-01 (Azure/azure-rest-api-specs, communication/data-
 * plane/JobRouter/stable/2023-11-01) and learn.microsoft.com, "Sign an HTTP request".
 *
 * The table is read by: this room (building requests), the Lua binding (functions, checks of arguments), the
 * local Job Router (routes, signatures), later the reference page and the editor stubs. Names exist nowhere
 * else.
 *
 * An operation's arguments are the canonical JSON array that a worker sends: first one string for each {id} of
 * the path, then, if it has any, one object of options, whose members go where the table says: body, query or
 * header.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTER_API_VERSION "2023-11-01"

/* ROUTER_HOLE: in the body, in the place of the '@' of the operation's `fixed`. */
enum router_place { ROUTER_BODY, ROUTER_QUERY, ROUTER_HEADER, ROUTER_HOLE };

/* What a member of the options is, for checks in the binding and for "is an empty table a list or a map".
 * ROUTER_TIME is RFC 3339 text; for a header an HTTP date is taken as well, and an HTTP date is what goes out. */
enum router_kind {
    ROUTER_STRING,
    ROUTER_INTEGER,
    ROUTER_NUMBER,
    ROUTER_BOOLEAN,
    ROUTER_TIME,
    ROUTER_LIST,
    ROUTER_MAP
};

struct router_member {
    const char *name; /* the REST contract's own; NULL ends the list */
    enum router_place place;
    enum router_kind kind;
    bool is_required;
    const char *header;        /* ROUTER_HEADER: its name on the wire */
    const char *words;         /* one line for the docs */
    const char *const *values; /* of a string: all that it may be, NULL ends them; NULL: any */
};

struct router_operation {
    const char *name;         /* router.jobs.activate */
    const char *method;       /* GET PATCH POST DELETE */
    const char *path;         /* /routing/jobs/{jobId} */
    const char *content_type; /* of a body; NULL: never one */
    const char *fixed;     /* members that the body always has, without braces: "\"matchingMode\":{...}"; or NULL.
                           An '@' in it is where the ROUTER_HOLE member's value goes. */
    bool is_body_optional; /* no options: no body at all */
    bool is_list;          /* answers pages: value and nextLink */
    const struct router_member *members; /* never NULL: a list without entries when there are no options */
    const char *sample; /* JSON of a typical answer's value, for the kit and the docs; "" when it has no body */
    const char *words;  /* one line for the docs */
};

/* All operations, sorted by name; a NULL name ends it. */
extern const struct router_operation router_operations[];
const struct router_operation *router_find(struct slice name);
/* The {ids} of the path: how many, and the name of the i-th (into `path`). */
size_t router_id_count(const struct router_operation *operation);
struct slice router_id_name(const struct router_operation *operation, size_t i);
const struct router_member *router_find_member(const struct router_operation *operation, struct slice name);

/* Where the Job Router is and the key to it. */
struct router_access {
    char *endpoint;    /* https://contoso.communication.azure.com, without a last slash */
    char *host;        /* contoso.communication.azure.com, or 127.0.0.1:8081: as in the Host header */
    struct buffer key; /* decoded; wiped at reset */
};
/* "endpoint=https://...;accesskey=BASE64": names in any case, a last semicolon allowed, http only for loopback
 * addresses. The error's words hold nothing of the key. After a failure `access` is empty. */
int router_access_init(struct router_access *access, const char *connection_string, struct error *error);
/* The endpoint alone, for calls that carry a token: no key. */
int router_access_init_endpoint(struct router_access *access, const char *endpoint, struct error *error);
void router_access_reset(struct router_access *access);

/* A request, ready to be sent except for its date and signature. */
struct router_request {
    const char *method;
    struct buffer target; /* path and query, percent-encoded, api-version included */
    struct buffer origin; /* where a page's link leads: "https://host"; empty: it does not say */
    struct buffer body;   /* empty: none */
    const char *content_type;
    struct buffer if_match;            /* empty: none */
    struct buffer if_unmodified_since; /* empty: none */
};
void router_request_init(struct router_request *request);
void router_request_reset(struct router_request *request);
/* From the operation and its arguments. ERROR_INVALID when they do not fit the table (a worker is not trusted).
 * Values go into the body byte by byte as they came, in the table's order. */
int router_request_build(struct router_request *request, const struct router_operation *operation,
                         struct slice arguments, struct error *error);
/* Before it is sent: ERROR_INVALID when it follows a link that leads elsewhere than to the Job Router. */
int router_request_check_origin(const struct router_request *request, const struct router_access *access,
                                struct error *error);

/* The three headers of an HMAC-signed request, with terminators. */
struct router_signature {
    char date[40];
    char content_hash[48];
    char authorization[160];
};
/* `target` is signed as it goes out, percent-encoded. -1 when there is no memory. */
int router_sign(const struct router_access *access, const char *method, struct slice target, struct slice body,
                int64_t wall_us, struct router_signature *signature);
/* The other side, for the local Job Router: NULL when the signature holds (and the date is within `skew_us` of
 * now), else what is wrong, in words that say nothing of the right signature. Constant time where it compares. */
const char *router_verify(struct slice key, struct slice method, struct slice target, struct slice host,
                          struct slice date, struct slice content_hash, struct slice authorization,
                          struct slice body, int64_t wall_us, int64_t skew_us);

/* What an answer means: the value (the body as it is, or "" for none), or the error's code and message. A
 * success whose body is no JSON is an error, too: nobody could read it. */
struct router_outcome {
    bool is_error;
    bool is_retryable;   /* 408, 429, 5xx */
    struct buffer value; /* JSON: the body; or of an error: {"code","message","operation","retryable","status"} */
};
/* `status` 0 and `transport` for a call that got no answer (retryable). The buffer is the caller's to init and
 * reset. */
int router_read_answer(const struct router_operation *operation, unsigned status, struct slice body,
                       const char *error_code_header, const char *transport, struct router_outcome *outcome);

#endif
