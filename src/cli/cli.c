#include "cli/cli.h"
#include "base/list.h"
#include "base/loop.h"
#include "http/http.h"
#include "json/tree.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASK_TIMEOUT_MS = 10 * 1000, ASK_ANSWER_MAX = 64 * 1024 * 1024 };

/* One call and the loop that waits for it. */
struct asking {
    struct http_call call;
    struct loop *loop;
    struct buffer *body;
    struct error *error;
    int result;
};

static void on_answer(struct http_call *call, const struct http_answer *answer);

const struct cli_command cli_commands[] = {
    {"serve", "the host: takes deliveries, runs the scripts, calls the Job Router", cli_serve},
    {"sim", "the local Job Router: its REST API and its events, on this machine", cli_sim},
    {"status", "what the running host is doing", cli_status},
    {NULL, NULL, NULL},
};

int cli_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("switchhook: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return CLI_FAILED;
}

int cli_misuse(const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "switchhook %s: ", command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n`switchhook %s --help` says what it takes\n", command);
    va_end(arguments);
    return CLI_USAGE;
}

int cli_ask(const struct config *config, const char *path, struct buffer *body, struct error *error) {
    struct asking asking = {.body = body, .error = error, .result = -1};
    struct http_client *client = NULL;
    char *url = NULL;
    asking.loop = loop_new(error);
    if (asking.loop == NULL) {
        goto out;
    }
    client = http_client_new(asking.loop, &(struct http_options){0}, error);
    if (client == NULL) {
        goto out;
    }
    if (asprintf(&url, "http://%s%s", config->admin, path) < 0) {
        url = NULL;
        error_memory(error);
        goto out;
    }
    asking.call = (struct http_call){.method = "GET",
                                     .url = url,
                                     .timeout_ms = ASK_TIMEOUT_MS,
                                     .answer_limit = ASK_ANSWER_MAX,
                                     .done = on_answer};
    http_send(client, &asking.call);
    loop_run(asking.loop);
    if (asking.result < 0) {
        error_prefix(error, "the host's admin port at %s", config->admin);
    }
out:
    http_client_free(client);
    loop_free(asking.loop);
    free(url);
    return asking.result;
}

static void on_answer(struct http_call *call, const struct http_answer *answer) {
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    if (answer->error.code != ERROR_NONE) {
        error_set(asking->error, answer->error.code, "%s", answer->error.message);
    } else if (answer->status != 200) {
        struct json *body = json_parse(answer->body.bytes, answer->body.length, NULL);
        const char *words = json_get_string(json_get(body, "error"), "message");
        error_set(asking->error, ERROR_INVALID, "it answered %u%s%s", answer->status, words == NULL ? "" : ": ",
                  words == NULL ? "" : words);
        json_free(body);
    } else if (buffer_append_slice(asking->body, answer->body) == 0) {
        asking->result = 0;
    } else {
        error_memory(asking->error);
    }
    loop_stop(asking->loop);
}
