#include "cli/exchange.h"
#include "base/list.h"
#include "base/loop.h"
#include "json/tree.h"

struct waiting {
    struct http_call call;
    struct cli_exchange *exchange;
    struct error *error;
    int result;
};

static void on_answer(struct http_call *call, const struct http_answer *answer);

int cli_exchange_open(struct cli_exchange *exchange, size_t answer_limit, struct error *error) {
    *exchange = (struct cli_exchange){.loop = loop_new(error)};
    buffer_init(&exchange->body, answer_limit);
    if (exchange->loop != NULL) {
        exchange->client = http_client_new(exchange->loop, &(struct http_options){0}, error);
    }
    return exchange->client == NULL ? -1 : 0;
}

void cli_exchange_close(struct cli_exchange *exchange) {
    http_client_free(exchange->client);
    loop_free(exchange->loop);
    buffer_reset(&exchange->body);
}

int cli_exchange(struct cli_exchange *exchange, const struct http_call *call, struct error *error) {
    struct waiting waiting = {.call = *call, .exchange = exchange, .error = error, .result = -1};
    buffer_clear(&exchange->body);
    waiting.call.answer_limit = exchange->body.limit;
    waiting.call.done = on_answer;
    http_send(exchange->client, &waiting.call);
    loop_run(exchange->loop);
    return waiting.result;
}

void cli_exchange_refused(const struct cli_exchange *exchange, struct error *error) {
    struct json *body = json_parse(exchange->body.bytes, exchange->body.length, NULL);
    const char *words = json_get_string(json_get(body, "error"), "message");
    if (words == NULL) {
        error_set(error, ERROR_INVALID, "it answered %u", exchange->status);
    } else {
        error_set(error, ERROR_INVALID, "%s", words);
    }
    json_free(body);
}

static void on_answer(struct http_call *call, const struct http_answer *answer) {
    struct waiting *waiting = CONTAINER_OF(call, struct waiting, call);
    struct cli_exchange *exchange = waiting->exchange;
    if (answer->error.code != ERROR_NONE) {
        error_set(waiting->error, answer->error.code, "%s", answer->error.message);
    } else if (buffer_append_slice(&exchange->body, answer->body) < 0) {
        error_memory(waiting->error);
    } else {
        exchange->status = answer->status;
        waiting->result = 0;
    }
    loop_stop(exchange->loop);
}
