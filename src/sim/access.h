/* Who may call the local Job Router: whoever signs with the key; and, when a token was set, whoever shows that.
 * Any thread once it is started.
 *
 * With a token there is also what gives it out, as Microsoft Entra ID does to services: POST
 * /TENANT/oauth2/v2.0/token with grant_type=client_credentials, any tenant, and any client_id and client_secret
 * unless one pair was set. Facts: learn.microsoft.com, "Microsoft identity platform and the OAuth 2.0 client
 * credentials flow", "Sign an HTTP request". */
#ifndef SIM_ACCESS_H
#define SIM_ACCESS_H

#include "base/buffer.h"
#include "base/error.h"
#include "httpd/httpd.h"
#include <stdbool.h>

enum { ACCESS_KEY_LIMIT = 4096, ACCESS_TOKEN_LIMIT = 4096, ACCESS_TOKEN_SECONDS = 3599 };

struct access {
    struct buffer key;
    const char *token;  /* NULL: none is taken */
    const char *client; /* "ID:SECRET"; NULL: any */
};

/* `key` in base64. `token` and `client` stay the caller's. Reset it in either case. */
int access_init(struct access *access, const char *key, const char *token, const char *client,
                struct error *error);
void access_reset(struct access *access);

/* NULL when the request may go on, else what is wrong. */
const char *access_check(const struct access *access, const struct httpd_request *request);
/* Answers a request for a token; false: it is none, or no token was set. */
bool access_give_token(const struct access *access, struct httpd_request *request);

#endif
