/* Who may deliver: a shared secret, in the query (?code=...) or in a header. Two may be set, so that one can be
 * replaced without losing a delivery ("Azure Event Grid: client secret as a query parameter",
 * learn.microsoft.com: accept the old and the new while the subscription is being updated).
 *
 * Secrets are compared in constant time, all of them each time, and never appear in a log line, an error or an
 * answer. Without a secret everybody who reaches the listener may deliver: then it has to be on a loopback
 * address (verify_allows_address), and what came through a proxy or from a web page is refused, because then
 * "everybody" is more than this machine.
 *
 *     struct verify *verify =
 *         verify_new(&(struct verify_options){.secrets = {secret, old}, .header = name}, &error);
 *     if (verify_request(verify, &(struct verify_claims){.code = code, .header = value}) != VERIFY_GOOD) -> 401
 *     verify_free(verify);
 *
 * After verify_new it only is read: any thread.
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>

enum { VERIFY_SECRETS = 2, VERIFY_SECRET_LENGTH = 4096 };

struct verify_options {
    const char *secrets[VERIFY_SECRETS]; /* NULL: not set; an empty one is an error */
    const char *header;                  /* the header that may hold the secret; NULL: only the query may */
    char *const *subscriptions;          /* names that may shake hands, NULL ends; NULL or none: any */
    char *const *origins;                /* of CloudEvents senders, likewise */
};

struct verify;

/* Copies what it is given. */
struct verify *verify_new(const struct verify_options *options, struct error *error);
/* Wipes the secrets. NULL is fine. */
void verify_free(struct verify *verify);

bool verify_has_secret(const struct verify *verify);
/* The header to look for, or NULL. */
const char *verify_header(const struct verify *verify);

/* Whether a listener may be at `address` (host:port): with a secret anywhere, without one on loopback only. 0,
 * or -1 with words for the operator. */
int verify_allows_address(const struct verify *verify, const char *address, struct error *error);

/* What a request shows; unset slices: absent. */
struct verify_claims {
    struct slice code;   /* the query's `code`, decoded */
    struct slice header; /* the value of verify_header */
    bool is_forwarded;   /* Forwarded, X-Forwarded-For or Via is there */
    bool is_from_page;   /* Sec-Fetch-Site is there: a browser sent it */
};

enum verify_verdict {
    VERIFY_GOOD,
    VERIFY_MISSING,   /* a secret is needed, and none was shown */
    VERIFY_WRONG,     /* the one shown is none of ours */
    VERIFY_FORWARDED, /* there is no secret, and the request came through a proxy */
    VERIFY_FROM_PAGE, /* there is no secret, and the request came from a web page */
};

enum verify_verdict verify_request(const struct verify *verify, const struct verify_claims *claims);
/* One sentence for a log line and for the sender. */
const char *verify_reason(enum verify_verdict verdict);

/* Whether a subscription of this name (unset: the request had none) may shake hands. Case is ignored. */
bool verify_subscription(const struct verify *verify, struct slice name);
/* Whether a CloudEvents sender of this origin may: the whole name, never its beginning or its end. Case is
 * ignored, as it is in names of hosts. */
bool verify_origin(const struct verify *verify, struct slice origin);

#endif
