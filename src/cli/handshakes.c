/* Who asked to be allowed to deliver, and the consent that an operator gives by hand. */
#include "base/list.h"
#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "http/http.h"
#include "json/tree.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30 * 1000, ANSWER_MAX = 64 * 1024, SHOWN = 500, LINE_SIZE = 64 * 1024 };

/* One GET and the loop that waits for it. */
struct confirming {
    struct http_call call;
    struct loop *loop;
    unsigned status;
    struct buffer body;
    struct error error;
};

static void print_help(void);
static int list(const struct config *config, bool is_json);
static void print_one(const struct json *handshake);
static void print_member(const char *words, const char *value);
static int confirm(const struct config *config, const char *name);
static const struct json *find(const struct json *handshakes, const char *name);
static int open_url(const struct config *config, const char *url);
static int fetch(struct confirming *confirming, const struct config *config, const char *url);
static void on_answer(struct http_call *call, const struct http_answer *answer);

int cli_handshakes(int argc, char **argv) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, print_help, &options);
    if (status >= 0) {
        return status;
    }
    int words = argc - optind;
    bool is_confirm = words > 0 && strcmp(argv[optind], "confirm") == 0;
    if (words > 0 && (!is_confirm || words != 2 || options.is_json)) {
        return is_confirm ? cli_misuse("handshakes", "confirm takes the name of one subscription")
                          : cli_misuse("handshakes", "it takes no %s", argv[optind]);
    }
    struct config *config = cli_config_partly(options.file);
    if (config == NULL) {
        return CLI_FAILED;
    }
    status = is_confirm ? confirm(config, argv[optind + 1]) : list(config, options.is_json);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf(
        "usage: switchhook handshakes [-c FILE] [--json]\n"
        "       switchhook handshakes [-c FILE] confirm NAME\n\n"
        "The last subscriptions that asked to be allowed to deliver, since the host was started, and what they\n"
        "were told. `confirm` consents by hand to the one of that name (or origin): it opens its validation\n"
        "URL once, from this machine, by https and at a public address only, and says what was answered.\n"
        "Nothing ever does that by itself.\n\n"
        "  -c FILE   the host's configuration\n"
        "  --json    as the admin port answers it\n");
}

static int list(const struct config *config, bool is_json) {
    const struct cli_call call = {.path = "/api/handshakes"};
    if (is_json) {
        return cli_print_answer(config, &call);
    }
    struct error error = {0};
    struct json *answer = cli_ask_json(config, &call, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    const struct json *handshakes = json_get(answer, "handshakes");
    for (const struct json *one = json_first(handshakes); one != NULL; one = json_next(one)) {
        print_one(one);
    }
    if (json_count(handshakes) == 0) {
        fprintf(stderr, "nobody has asked since the host was started\n");
    }
    json_free(answer);
    return CLI_OK;
}

static void print_one(const struct json *handshake) {
    const char *state = json_get_string(handshake, "state");
    double count = json_get_double(handshake, "count", 1);
    printf("%s  %s, %s", json_get_string(handshake, "at"), state, json_get_string(handshake, "schema"));
    if (count > 1) {
        printf(", %.0f times", count);
    }
    printf("\n");
    print_member("subscription", json_get_string(handshake, "subscription"));
    print_member("origin", json_get_string(handshake, "origin"));
    print_member("reason", json_get_string(handshake, "reason"));
    print_member("url", json_get_string(handshake, "url"));
    if (strcmp(state, "waiting") == 0) {
        print_member("to consent", "`switchhook handshakes confirm NAME`, within ten minutes");
    }
}

static void print_member(const char *words, const char *value) {
    if (value == NULL) {
        return;
    }
    struct buffer line;
    buffer_init(&line, LINE_SIZE);
    cli_put_visible(&line, value);
    printf("  %-12s  %s\n", words, line.is_broken ? "(too long)" : line.bytes);
    buffer_reset(&line);
}

static int confirm(const struct config *config, const char *name) {
    struct error error = {0};
    struct json *answer = cli_ask_json(config, &(struct cli_call){.path = "/api/handshakes"}, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    const struct json *found = find(json_get(answer, "handshakes"), name);
    const char *url = json_get_string(found, "url");
    int status = CLI_FAILED;
    if (found == NULL) {
        cli_fail("%s is none of the last handshakes; `switchhook handshakes` lists them", name);
    } else if (url == NULL) {
        cli_fail("%s came without a URL to confirm it by", name);
    } else if (strncmp(url, "https://", 8) != 0) {
        cli_fail("the URL of %s is not https; nothing was opened", name);
    } else {
        status = open_url(config, url);
    }
    json_free(answer);
    return status;
}

/* The newest of that name, else of that origin; one with a URL before others. */
static const struct json *find(const struct json *handshakes, const char *name) {
    const struct json *best = NULL;
    for (const struct json *one = json_first(handshakes); one != NULL; one = json_next(one)) {
        struct slice subscription = slice_of(json_get_string(one, "subscription"));
        struct slice origin = slice_of(json_get_string(one, "origin"));
        bool is_named = slice_equal_ignoring_case(subscription, slice_of(name)) ||
                        slice_equal_ignoring_case(origin, slice_of(name));
        bool has_url = json_get_string(one, "url") != NULL;
        if (is_named && (best == NULL || (has_url && json_get_string(best, "url") == NULL))) {
            best = one;
        }
    }
    return best;
}

static int open_url(const struct config *config, const char *url) {
    struct confirming confirming = {.status = 0};
    buffer_init(&confirming.body, ANSWER_MAX);
    print_member("opening", url);
    int status = CLI_FAILED;
    if (fetch(&confirming, config, url) < 0) {
        cli_fail("%s", confirming.error.message);
        goto out;
    }
    printf("  %-12s  %u\n", "answered", confirming.status);
    if (confirming.body.length > SHOWN) {
        buffer_truncate(&confirming.body, SHOWN);
    }
    print_member("saying", confirming.body.length == 0 ? NULL : confirming.body.bytes);
    status = confirming.status >= 200 && confirming.status < 300
                 ? CLI_OK
                 : cli_fail("that is no consent: the subscription may have to be created anew");
out:
    buffer_reset(&confirming.body);
    return status;
}

static int fetch(struct confirming *confirming, const struct config *config, const char *url) {
    struct http_client *client = NULL;
    struct error *error = &confirming->error;
    confirming->loop = loop_new(error);
    if (confirming->loop != NULL) {
        client = http_client_new(confirming->loop, &(struct http_options){.ca_file = config->http.ca}, error);
    }
    if (client != NULL) {
        confirming->call = (struct http_call){.method = "GET",
                                              .url = url,
                                              .timeout_ms = TIMEOUT_MS,
                                              .answer_limit = ANSWER_MAX,
                                              .is_guarded = true,
                                              .done = on_answer};
        http_send(client, &confirming->call);
        loop_run(confirming->loop);
    }
    http_client_free(client);
    loop_free(confirming->loop);
    return error->code == ERROR_NONE ? 0 : -1;
}

static void on_answer(struct http_call *call, const struct http_answer *answer) {
    struct confirming *confirming = CONTAINER_OF(call, struct confirming, call);
    confirming->status = answer->status;
    confirming->error = answer->error;
    if (answer->error.code == ERROR_NONE && buffer_append_slice(&confirming->body, answer->body) < 0) {
        error_memory(&confirming->error);
    }
    loop_stop(confirming->loop);
}
