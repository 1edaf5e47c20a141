/* HTTP requests of a command, one after the other, each waited for.
 *
 *     struct cli_exchange exchange;
 *     if (cli_exchange_open(&exchange, 1 << 20, &error) < 0) ...
 *     if (cli_exchange(&exchange, &(struct http_call){.method = "GET", .url = url}, &error) < 0) ...
 *     ... exchange.status, exchange.body ...
 *     cli_exchange_close(&exchange);       // also after open failed
 */
#ifndef CLI_EXCHANGE_H
#define CLI_EXCHANGE_H

#include "base/buffer.h"
#include "base/error.h"
#include "http/http.h"

struct cli_exchange {
    unsigned status;    /* of the latest answer */
    struct buffer body; /* and its body */
    struct loop *loop;
    struct http_client *client;
};

int cli_exchange_open(struct cli_exchange *exchange, size_t answer_limit, struct error *error);
void cli_exchange_close(struct cli_exchange *exchange);

/* Sends `call` (its `done` and `answer_limit` are set here) and waits. Any status is an answer; -1 with the error
 * when there is none. */
int cli_exchange(struct cli_exchange *exchange, const struct http_call *call, struct error *error);

/* The words of an answer that is {"error":{"message"}}, or "it answered 404", into `error`. */
void cli_exchange_refused(const struct cli_exchange *exchange, struct error *error);

#endif
