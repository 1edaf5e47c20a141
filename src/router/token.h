/* Bearer tokens of Microsoft Entra ID for the Job Router, the second way to sign: what is asked, and what is
 * answered. Facts: learn.microsoft.com, "Microsoft identity platform and the OAuth 2.0 client credentials flow",
 * and "Authenticate to Azure Communication Services". Who sends it: host/token.h. */
#ifndef ROUTER_TOKEN_H
#define ROUTER_TOKEN_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdint.h>

#define ROUTER_TOKEN_AUTHORITY "https://login.microsoftonline.com"
#define ROUTER_TOKEN_SCOPE     "https://communication.azure.com/.default"

enum { ROUTER_TOKEN_MOST = 32 * 1024 };

struct router_token_request {
    const char *authority, *scope; /* NULL: the usual ones */
    const char *tenant, *client_id, *client_secret;
};

/* The URL, and the form that is its body. -1 without memory. The body holds the secret: wipe it. */
int router_token_build(const struct router_token_request *request, struct buffer *url, struct buffer *body);

/* Appends the token, and says for how many seconds it is good. -1 with the error otherwise; its words hold neither
 * a token nor `client_secret`. */
int router_token_read(unsigned status, struct slice answer, const char *client_secret, struct buffer *token,
                      int64_t *seconds, struct error *error);

/* Appends the token that a file holds, without the white space around it. -1 when it is none. */
int router_token_trim(struct slice text, struct buffer *token, struct error *error);

#endif
