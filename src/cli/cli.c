#include "cli/cli.h"
#include "base/text.h"
#include "cli/exchange.h"
#include "json/tree.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK_TIMEOUT_MS = 10 * 1000,
    ASK_LONG_MS = 12 * 3600 * 1000,
    ASK_ANSWER_MAX = 64 * 1024 * 1024,
    OPTIONS_MAX = 64
};

static const char *nearest_option(const char *word, const struct option *options);
static void show_nuls(struct buffer *json);

const struct cli_command cli_commands[] = {
    {"backup", "a copy of the running host's store", cli_backup, false},
    {"catalog", "the events' types; `catalog TYPE`: one type's fields, and a sample", cli_catalog, false},
    {"check", "whether the scripts load, and what in them is likely a mistake", cli_check, false},
    {"emit", "send a well-formed event to a host, as Event Grid would", cli_emit, false},
    {"events", "the recorded events; `events show SEQ`: what became of one", cli_events, false},
    {"handshakes", "who asked to be allowed to deliver; `handshakes confirm NAME`: consent by hand",
     cli_handshakes, false},
    {"new", "write a commented handler and its spec", cli_new, false},
    {"pause", "hand out no more runs, of all handlers or of one", cli_pause, false},
    {"replay", "run parked events again", cli_replay, false},
    {"resume", "hand out runs again", cli_resume, false},
    {"serve", "the host: takes deliveries, runs the scripts, calls the Job Router", cli_serve, true},
    {"sim", "the local Job Router: its REST API and its events, on this machine", cli_sim, true},
    {"status", "what the running host is doing", cli_status, false},
    {"store", "`store check`: whether the running host's store is sound", cli_store, false},
    {"test", "the specs beside the scripts", cli_test, true},
    {"try", "run one handler on one event, and show each step it would take", cli_try, false},
    {NULL, NULL, NULL, false},
};

int cli_read_options(int argc, char **argv, void (*print_help)(void), struct cli_options *options) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options->file = optarg; break;
        case 'j': options->is_json = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option(argv[0], argv, option, names);
        }
    }
    return -1;
}

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

int cli_no_option(const char *command, char **argv, int letter, const struct option *names) {
    const char *word = argv[optind - 1];
    bool is_long = optopt == 0 || (word[0] == '-' && word[1] == '-');
    if (is_long && letter != ':' && optopt != 0) {
        return cli_misuse(command, "%.*s takes no value", (int)strcspn(word, "="), word);
    }
    const char *words = letter == ':' ? "needs a value" : "is no option";
    if (!is_long) {
        return cli_misuse(command, "-%c %s", optopt, words);
    }
    const char *nearest = letter == ':' ? NULL : nearest_option(word, names);
    return cli_misuse(command, "%s %s%s%s%s", word, words, nearest == NULL ? "" : "; did you mean --",
                      nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static const char *nearest_option(const char *word, const struct option *options) {
    const char *names[OPTIONS_MAX + 1];
    size_t count = 0;
    for (; options[count].name != NULL && count < OPTIONS_MAX; count++) {
        names[count] = options[count].name;
    }
    names[count] = NULL;
    word += strspn(word, "-");
    return text_nearest(slice_make(word, strcspn(word, "=")), names);
}

int cli_ask(const struct config *config, const struct cli_call *call, struct buffer *answer, struct error *error) {
    static const struct http_header headers[] = {{"X-Switchhook", "1"}, {"Content-Type", "application/json"}};
    struct cli_exchange exchange;
    char *url = NULL;
    int result = -1;
    if (cli_exchange_open(&exchange, ASK_ANSWER_MAX, error) < 0) {
        goto out;
    }
    if (asprintf(&url, "http://%s%s", config->admin, call->path) < 0) {
        url = NULL;
        error_memory(error);
        goto out;
    }
    const struct http_call request = {.method = call->method == NULL ? "GET" : call->method,
                                      .url = url,
                                      .headers = headers,
                                      .header_count = slice_is_set(call->body) ? 2 : 1,
                                      .body = call->body,
                                      .timeout_ms = call->takes_its_time ? ASK_LONG_MS : ASK_TIMEOUT_MS};
    if (cli_exchange(&exchange, &request, error) < 0) {
        error_prefix(error, "no answer from the host's admin port at %s (is `switchhook serve` running?)",
                     config->admin);
    } else if (exchange.status != 200) {
        cli_exchange_refused(&exchange, error);
    } else if (buffer_append_slice(answer, buffer_slice(&exchange.body)) < 0) {
        error_memory(error);
    } else {
        result = 0;
    }
out:
    cli_exchange_close(&exchange);
    free(url);
    return result;
}

int cli_print_answer(const struct config *config, const struct cli_call *call) {
    struct buffer answer;
    struct error error = {0};
    buffer_init(&answer, ASK_ANSWER_MAX);
    int failed = cli_ask(config, call, &answer, &error);
    if (failed == 0) {
        printf("%s\n", answer.bytes);
    }
    buffer_reset(&answer);
    return failed < 0 ? cli_fail("%s", error.message) : CLI_OK;
}

struct json *cli_ask_json(const struct config *config, const struct cli_call *call, struct error *error) {
    struct buffer answer;
    struct json *json = NULL;
    buffer_init(&answer, ASK_ANSWER_MAX);
    if (cli_ask(config, call, &answer, error) == 0) {
        show_nuls(&answer);
        json = json_parse(answer.bytes, answer.length, error);
        if (json == NULL) {
            error_prefix(error, "the host's answer cannot be read");
        }
    }
    buffer_reset(&answer);
    return json;
}

struct config *cli_config(const char *file) {
    struct error error = {0};
    struct config *config = config_load(file, &error);
    if (config == NULL) {
        cli_fail("%s", error.message);
    }
    return config;
}

struct config *cli_config_partly(const char *file) {
    struct error error = {0};
    struct config *config = config_load_partly(file, &error);
    if (config == NULL) {
        cli_fail("%s", error.message);
    }
    return config;
}

void cli_tell_missing(const char *command, const struct config *config) {
    if (config->missing != NULL) {
        fprintf(stderr,
                "switchhook %s: the environment variable %s is not set; going on without what the configuration "
                "makes of it\n",
                command, config->missing);
    }
}

void cli_put_visible(struct buffer *line, const char *text) {
    text_append_visible(line, slice_of(text == NULL || text[0] == '\0' ? "-" : text));
}

/* A tree's texts end at a NUL, so it refuses them; an id of a stranger's must not hide all other events. \u0000
 * becomes \\x00. */
static void show_nuls(struct buffer *json) {
    static const char escape[] = "\\u0000", shown[] = "\\\\x00";
    size_t to = 0;
    for (size_t from = 0; from < json->length;) {
        struct slice rest = slice_make(json->bytes + from, json->length - from);
        if (slice_starts_with(rest, escape)) {
            memcpy(json->bytes + to, shown, strlen(shown));
            to += strlen(shown);
            from += strlen(escape);
        } else {
            size_t length = rest.bytes[0] == '\\' && rest.length > 1 ? 2 : 1;
            memmove(json->bytes + to, rest.bytes, length);
            to += length;
            from += length;
        }
    }
    buffer_truncate(json, to);
}
