/* The token that calls to the Job Router carry when router.entra is set: asked for when the first call needs
 * one, kept, and renewed before it ends; one request at a time, for which the calls wait. Or read from a file
 * that others renew. All on the loop's thread.
 *
 *     struct tokens *tokens = tokens_new(loop, http, config, &error);
 *     const char *token = tokens_now(tokens);                    // at hand, and good
 *     if (token == NULL) { wait->done = on_token; tokens_await(tokens, wait); }
 * */
#ifndef HOST_TOKEN_H
#define HOST_TOKEN_H

#include "base/error.h"
#include "base/list.h"
#include "base/loop.h"
#include "config/config.h"
#include "http/http.h"
#include <stdbool.h>

struct tokens;

/* Embedded in its owner's struct. `done` is called once, from the loop: with NULL, the token is at hand; else
 * with why there is none. */
struct token_wait {
    void (*done)(struct token_wait *wait, const struct error *error);
    struct list_node in_tokens;
    bool is_waiting;
};

/* NULL with the error. The configuration stays the caller's. */
struct tokens *tokens_new(struct loop *loop, struct http_client *http, const struct config *config,
                          struct error *error);
/* Nobody waits any more. Before http_client_free. */
void tokens_free(struct tokens *tokens);

/* Until the next call of this header; NULL: it has to be waited for. */
const char *tokens_now(struct tokens *tokens);
void tokens_await(struct tokens *tokens, struct token_wait *wait);
void tokens_cancel(struct token_wait *wait);
/* It was refused (401): it is dropped, if it is still the one that is kept. Whether another may be got. */
bool tokens_reject(struct tokens *tokens, const char *token);

#endif
