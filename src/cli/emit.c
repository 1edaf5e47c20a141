#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/emit_body.h"
#include "cli/exchange.h"
#include "event/event.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_MAX = 5000, /* Event Grid's own most ("Event Grid message delivery and retry", learn.microsoft.com) */
    COUNT_MAX = 1000 * 1000,
    BODY_MAX = 64 * 1024 * 1024,
    ANSWER_MAX = 1024 * 1024,
    FILE_MAX = 4 * 1024 * 1024,
    TIMEOUT_MS = 30 * 1000, /* as long as Event Grid waits */
};

struct emit_options {
    struct emit_plan plan;
    const char *file, *to, *data_file;
    uint64_t count, batch;
    bool is_printed, is_json;
};

struct totals {
    uint64_t deliveries, stored, duplicates, quarantined;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct emit_options *options);
static int read_number(const char *name, const char *text, uint64_t most, uint64_t *number);
static int find_type(struct emit_options *options, const char *name);
static int check_settings(struct emit_options *options);
static int read_data(struct emit_options *options);
static int emit(const struct emit_options *options);
static void print_totals(const struct emit_options *options, const struct totals *totals);
static char *url_from_config(const char *file);
static int send_all(const struct emit_options *options, const char *url, struct totals *totals,
                    struct error *error);
static int send(const struct emit_options *options, const char *url, struct cli_exchange *exchange,
                struct slice body, size_t count, struct error *error);
static void count_answer(const struct cli_exchange *exchange, struct totals *totals);
static int print_bodies(const struct emit_options *options, struct error *error);

int cli_emit(int argc, char **argv) {
    struct emit_options options = {.count = 1, .batch = 1};
    int status = read_options(argc, argv, &options);
    if (status < 0) {
        status = emit(&options);
    }
    json_free(options.plan.data);
    return status;
}

static void print_help(void) {
    printf(
        "usage: switchhook emit TYPE [--set PATH=VALUE]... [--data FILE] [--to URL] [-c FILE]\n"
        "                       [--count N] [--batch N] [--cloudevents] [--print | --json]\n\n"
        "Sends a well-formed event of that type to a running host, as Event Grid would: the catalogue's sample, "
        "with\n"
        "a new id and the time of now. `switchhook catalog` lists the types.\n\n"
        "  --set PATH=VALUE   a member: data.jobId=j1, data.labels.Segment=Gold, subject=...; VALUE is JSON when "
        "it\n"
        "                     is that, else a text; {n} in it is the event's number, from 1\n"
        "  --data FILE        the data, a JSON object, instead of the sample's\n"
        "  --to URL           where to; without it, to the host that the configuration tells of, with its "
        "secret\n"
        "  --count N          so many events (1)\n"
        "  --batch N          so many in one delivery (1)\n"
        "  --cloudevents      as CloudEvents 1.0 instead of Event Grid's schema\n"
        "  --print            print the deliveries instead of sending them\n"
        "  --json             say what became of them as JSON\n"
        "  -c FILE            the host's configuration\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct emit_options *options) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'},        {"set", required_argument, NULL, 's'},
        {"data", required_argument, NULL, 'd'},  {"to", required_argument, NULL, 't'},
        {"count", required_argument, NULL, 'n'}, {"batch", required_argument, NULL, 'b'},
        {"cloudevents", no_argument, NULL, 'e'}, {"print", no_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},        {NULL, 0, NULL, 0}};
    int status = -1;
    for (int option; status < 0 && (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options->file = optarg; break;
        case 's':
            if (options->plan.setting_count == EMIT_SETTINGS) {
                return cli_misuse("emit", "it takes %d --set at most; --data takes a whole file", EMIT_SETTINGS);
            }
            options->plan.settings[options->plan.setting_count++] = optarg;
            break;
        case 'd': options->data_file = optarg; break;
        case 't': options->to = optarg; break;
        case 'n': status = read_number("--count", optarg, COUNT_MAX, &options->count); break;
        case 'b': status = read_number("--batch", optarg, BATCH_MAX, &options->batch); break;
        case 'e': options->plan.is_cloud = true; break;
        case 'p': options->is_printed = true; break;
        case 'j': options->is_json = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("emit", argv, option, names);
        }
    }
    if (status < 0 && argc - optind != 1) {
        return cli_misuse("emit", "it takes one TYPE; `switchhook catalog` lists them");
    }
    status = status < 0 ? find_type(options, argv[optind]) : status;
    status = status < 0 ? check_settings(options) : status;
    return status < 0 ? read_data(options) : status;
}

static int read_number(const char *name, const char *text, uint64_t most, uint64_t *number) {
    if (text_to_uint64(slice_of(text), number) < 0 || *number == 0 || *number > most) {
        return cli_misuse("emit", "%s takes a number from 1 to %" PRIu64 ", not %s", name, most, text);
    }
    return -1;
}

static int find_type(struct emit_options *options, const char *name) {
    struct slice short_name = event_short_name(slice_of(name));
    options->plan.type = event_find_type(short_name);
    if (options->plan.type != NULL) {
        return -1;
    }
    const char *near = text_nearest(short_name, event_type_names);
    return cli_fail("no event has the type %s%s%s%s", name,
                    near == NULL ? "; `switchhook catalog` lists them" : "; did you mean ",
                    near == NULL ? "" : near, near == NULL ? "" : "?");
}

static int check_settings(struct emit_options *options) {
    struct error error = {0};
    for (size_t i = 0; i < options->plan.setting_count; i++) {
        if (emit_check_setting(&options->plan, options->plan.settings[i], &error) < 0) {
            return cli_misuse("emit", "%s", error.message);
        }
    }
    return -1;
}

static int read_data(struct emit_options *options) {
    struct error error = {0};
    struct buffer text;
    if (options->data_file == NULL) {
        return -1;
    }
    buffer_init(&text, FILE_MAX);
    if (file_read(options->data_file, &text, &error) == 0) {
        options->plan.data = json_parse(text.bytes, text.length, &error);
        if (options->plan.data == NULL) {
            error_prefix(&error, "%s", options->data_file);
        } else if (json_kind(options->plan.data) != JSON_OBJECT) {
            error_set(&error, ERROR_INVALID, "%s: the data of an event is a JSON object", options->data_file);
        }
    }
    buffer_reset(&text);
    return error.code == ERROR_NONE ? -1 : cli_fail("%s", error.message);
}

static int emit(const struct emit_options *options) {
    struct error error = {0};
    struct totals totals = {0};
    if (options->is_printed) {
        return print_bodies(options, &error) < 0 ? cli_fail("%s", error.message) : CLI_OK;
    }
    char *url = options->to == NULL ? url_from_config(options->file) : slice_copy(slice_of(options->to));
    if (url == NULL) {
        return CLI_FAILED;
    }
    int failed = send_all(options, url, &totals, &error);
    if (totals.deliveries > 0) {
        print_totals(options, &totals);
    }
    free(url);
    return failed < 0 ? cli_fail("%s", error.message) : CLI_OK;
}

static void print_totals(const struct emit_options *options, const struct totals *totals) {
    uint64_t events = totals->stored + totals->duplicates + totals->quarantined;
    if (options->is_json) {
        printf("{\"type\":\"%s\",\"events\":%" PRIu64 ",\"deliveries\":%" PRIu64 ",\"stored\":%" PRIu64
               ",\"duplicates\":%" PRIu64 ",\"quarantined\":%" PRIu64 "}\n",
               options->plan.type->name, events, totals->deliveries, totals->stored, totals->duplicates,
               totals->quarantined);
        return;
    }
    printf(
        "%" PRIu64 " %s in %" PRIu64 " %s: %" PRIu64 " stored, %" PRIu64 " duplicates, %" PRIu64 " quarantined\n",
        events, options->plan.type->name, totals->deliveries, totals->deliveries == 1 ? "delivery" : "deliveries",
        totals->stored, totals->duplicates, totals->quarantined);
}

/* NULL after saying why not. */
static char *url_from_config(const char *file) {
    struct config *config = cli_config(file);
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;
    struct buffer url;
    buffer_init(&url, ANSWER_MAX);
    if (config == NULL) {
        return NULL;
    }
    if (text_parse_address(config->listen, host, &port, NULL) < 0 || port == 0) {
        cli_fail("the configuration lets the host take any free port; say where to with --to URL");
    } else {
        bool is_any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
        bool is_v6 = strchr(host, ':') != NULL && !is_any;
        buffer_append_format(&url, "http://%s%s%s:%u%s", is_v6 ? "[" : "", is_any ? "127.0.0.1" : host,
                             is_v6 ? "]" : "", (unsigned)port, config->path);
        if (config->verify.secrets[0] != NULL) {
            buffer_append_text(&url, "?code=");
            text_append_percent(&url, slice_of(config->verify.secrets[0]));
        }
        if (url.is_broken) {
            cli_fail("no memory");
        }
    }
    config_free(config);
    char *taken = url.is_broken ? NULL : buffer_take(&url);
    buffer_reset(&url);
    return taken;
}

static int send_all(const struct emit_options *options, const char *url, struct totals *totals,
                    struct error *error) {
    struct cli_exchange exchange;
    struct buffer body;
    int result = -1;
    buffer_init(&body, BODY_MAX);
    if (cli_exchange_open(&exchange, ANSWER_MAX, error) < 0) {
        goto out;
    }
    for (uint64_t sent = 0; sent < options->count;) {
        uint64_t left = options->count - sent;
        size_t count = (size_t)(left < options->batch ? left : options->batch);
        if (emit_body(&options->plan, (size_t)sent + 1, count, &body, error) < 0 ||
            send(options, url, &exchange, buffer_slice(&body), count, error) < 0) {
            goto out;
        }
        count_answer(&exchange, totals);
        sent += count;
    }
    result = 0;
out:
    cli_exchange_close(&exchange);
    buffer_reset(&body);
    return result;
}

/* The headers are Event Grid's ("Event Grid message delivery and retry", "CloudEvents v1.0 schema",
 * learn.microsoft.com). */
static int send(const struct emit_options *options, const char *url, struct cli_exchange *exchange,
                struct slice body, size_t count, struct error *error) {
    bool is_cloud = options->plan.is_cloud;
    const char *type = !is_cloud   ? "application/json; charset=utf-8"
                       : count > 1 ? "application/cloudevents-batch+json; charset=utf-8"
                                   : "application/cloudevents+json; charset=utf-8";
    const struct http_header headers[] = {{"Content-Type", type},
                                          {"aeg-event-type", "Notification"},
                                          {"aeg-subscription-name", "SWITCHHOOK-EMIT"},
                                          {"aeg-delivery-count", "0"},
                                          {"aeg-metadata-version", is_cloud ? "1.0" : "1"}};
    const struct http_call call = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers,
                                   .body = body,
                                   .timeout_ms = TIMEOUT_MS};
    if (cli_exchange(exchange, &call, error) < 0) {
        return error_prefix(error, "no answer from the host (is `switchhook serve` running?)");
    }
    if (exchange->status != 200) {
        cli_exchange_refused(exchange, error);
        return error_prefix(error, "the host refused the delivery with %u", exchange->status);
    }
    return 0;
}

static void count_answer(const struct cli_exchange *exchange, struct totals *totals) {
    struct json *answer = json_parse(exchange->body.bytes, exchange->body.length, NULL);
    totals->deliveries++;
    totals->stored += (uint64_t)json_get_double(answer, "stored", 0);
    totals->duplicates += (uint64_t)json_get_double(answer, "duplicates", 0);
    totals->quarantined += (uint64_t)json_get_double(answer, "quarantined", 0);
    json_free(answer);
}

static int print_bodies(const struct emit_options *options, struct error *error) {
    struct buffer body;
    int result = 0;
    buffer_init(&body, BODY_MAX);
    for (uint64_t done = 0; done < options->count && result == 0; done += options->batch) {
        uint64_t left = options->count - done;
        size_t count = (size_t)(left < options->batch ? left : options->batch);
        result = emit_body(&options->plan, (size_t)done + 1, count, &body, error);
        if (result == 0) {
            printf("%.*s\n", SLICE_ARG(buffer_slice(&body)));
        }
    }
    buffer_reset(&body);
    return result;
}
