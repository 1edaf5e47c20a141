#include "admin/admin.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/crypto.h"
#include "host/host.h"
#include "host/program.h"
#include "ingress/ingress.h"
#include "store/store.h"
#include "verify/verify.h"
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum choice { BY_TERMINAL, YES, NO };

struct serve_options {
    const char *file;
    enum choice trace;
    bool has_debug;
    bool is_paused;
};

/* Everything that stands and falls with one `serve`. */
struct serving {
    struct config *config;
    struct verify *verify;
    struct store *store;
    struct host *host;
    struct ingress *ingress;
    struct admin *admin;
    struct cli_trace trace;
    bool has_trace, is_paused;
    char worker[PATH_MAX]; /* the program's path */
};

static void print_help(void);
static int read_options(int argc, char **argv, struct serve_options *options);
static int serve(const struct serve_options *options);
static int start(struct serving *serving, const struct serve_options *options, struct error *error);
static int start_parts(struct serving *serving, struct error *error);
static void say_addresses(const struct serving *serving);
static void stop(struct serving *serving);
static void warn_of(const struct config *config);
static void on_note(void *context, const struct host_note *note);
static void on_ready(void *context);
static void on_stopping(void *context);
static bool may_accept(void *context);
static void on_outcome(const struct ingress_outcome *outcome, void *context);
static void on_handshake(const struct ingress_handshake *handshake, void *context);
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

int cli_serve(int argc, char **argv) {
    struct serve_options options = {.trace = BY_TERMINAL};
    int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    return serve(&options);
}

static void print_help(void) {
    printf("usage: switchhook serve [-c FILE] [--trace | --no-trace] [--debug] [--paused]\n\n"
           "The host: takes Event Grid's deliveries, stores them, runs the script named after each event's type, "
           "and\n"
           "does what the script asks for. A saved script is live at once. SIGHUP reads the scripts again; "
           "SIGTERM and\n"
           "Ctrl-C finish what is under way and stop.\n\n"
           "Without FILE and without switchhook.lua in this folder: listens on 127.0.0.1:8080, admin on\n"
           "127.0.0.1:8090, scripts in ./scripts, store in ./switchhook.db.\n\n"
           "  -c FILE      the configuration\n"
           "  --trace      one line on stdout for each thing that happens (the default on a terminal)\n"
           "  --no-trace   none\n"
           "  --debug      log.debug of the scripts, and more of the host, in the log\n"
           "  --paused     hand out no runs until `switchhook resume`; deliveries are stored\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct serve_options *options) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'},     {"trace", no_argument, NULL, 't'},
                                          {"no-trace", no_argument, NULL, 'n'}, {"debug", no_argument, NULL, 'd'},
                                          {"paused", no_argument, NULL, 'p'},   {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options->file = optarg; break;
        case 't': options->trace = YES; break;
        case 'n': options->trace = NO; break;
        case 'd': options->has_debug = true; break;
        case 'p': options->is_paused = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("serve", argv, option);
        }
    }
    if (optind < argc) {
        return cli_misuse("serve", "it takes no %s", argv[optind]);
    }
    return -1;
}

static int serve(const struct serve_options *options) {
    struct serving serving = {0};
    struct error error = {0};
    int status = CLI_OK;
    program_block_signals();
    log_setup(options->has_debug ? LOG_DEBUG : LOG_INFO, STDERR_FILENO, isatty(STDERR_FILENO));
    if (start(&serving, options, &error) < 0) {
        status = cli_fail("%s", error.message);
    } else {
        say_addresses(&serving);
        if (host_run(serving.host, &error) < 0) {
            status = cli_fail("%s", error.message);
        }
    }
    stop(&serving);
    return status;
}

static int start(struct serving *serving, const struct serve_options *options, struct error *error) {
    if (crypto_start(error) < 0) {
        return -1;
    }
    serving->config = config_load(options->file, error);
    if (serving->config == NULL) {
        return -1;
    }
    warn_of(serving->config);
    serving->has_trace = options->trace == YES || (options->trace == BY_TERMINAL && isatty(STDOUT_FILENO));
    serving->is_paused = options->is_paused;
    serving->trace = (struct cli_trace){.out = STDOUT_FILENO, .has_colour = isatty(STDOUT_FILENO)};
    return start_parts(serving, error);
}

/* The store first: what listens must have where to put it. The ports last: who connects finds everything there. */
static int start_parts(struct serving *serving, struct error *error) {
    const struct config *config = serving->config;
    serving->verify =
        verify_new(&(struct verify_options){.secrets = {config->verify.secrets[0], config->verify.secrets[1]},
                                            .header = config->verify.header,
                                            .subscriptions = config->verify.subscriptions,
                                            .origins = config->verify.origins},
                   error);
    if (serving->verify == NULL || verify_allows_address(serving->verify, config->listen, error) < 0 ||
        program_find_worker(serving->worker, error) < 0) {
        return -1;
    }
    serving->store = store_open_for(config->store, (int64_t)(config->keep.duplicate_hours * 3600 * 1e6), error);
    if (serving->store == NULL) {
        return -1;
    }
    serving->host = host_new(&(struct host_options){.config = config,
                                                    .store = serving->store,
                                                    .worker = serving->worker,
                                                    .is_paused = serving->is_paused,
                                                    .note = on_note,
                                                    .ready = on_ready,
                                                    .stopping = on_stopping,
                                                    .context = serving},
                             error);
    if (serving->host == NULL) {
        return -1;
    }
    serving->admin = admin_start(
        &(struct admin_options){.address = config->admin, .host = serving->host, .store = serving->store}, error);
    if (serving->admin == NULL) {
        return -1;
    }
    serving->ingress =
        ingress_start(&(struct ingress_options){.address = config->listen,
                                                .path = config->path,
                                                .body_limit = (size_t)config->limits.body_mib * 1024 * 1024,
                                                .verify = serving->verify,
                                                .store = serving->store,
                                                .may_accept = may_accept,
                                                .on_outcome = on_outcome,
                                                .on_handshake = on_handshake,
                                                .context = serving},
                      error);
    if (serving->ingress == NULL) {
        return -1;
    }
    admin_set_delivery_port(serving->admin, ingress_port(serving->ingress));
    return 0;
}

static void say_addresses(const struct serving *serving) {
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;
    bool is_v6 = false;
    text_parse_address(serving->config->listen, host, &port, NULL);
    is_v6 = strchr(host, ':') != NULL;
    say("listening on http://%s%s%s:%u%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
        (unsigned)ingress_port(serving->ingress), serving->config->path);
    text_parse_address(serving->config->admin, host, &port, NULL);
    is_v6 = strchr(host, ':') != NULL;
    say("admin on http://%s%s%s:%u", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
        (unsigned)admin_port(serving->admin));
}

/* Against the stream: no deliveries, no questions, then the store, and the host when nothing can call it any
 * more. */
static void stop(struct serving *serving) {
    if (serving->ingress != NULL) {
        ingress_quiesce(serving->ingress);
    }
    ingress_stop(serving->ingress);
    if (serving->host != NULL) {
        host_close(serving->host);
    }
    admin_stop(serving->admin);
    store_close(serving->store);
    host_free(serving->host);
    verify_free(serving->verify);
    config_free(serving->config);
}

static void warn_of(const struct config *config) {
    if (config->router_connection_string == NULL && config->router_endpoint == NULL) {
        log_warn("config", "no Job Router is configured: scripts that call it will fail",
                 LOG_TEXT("set", "router.connection_string"), LOG_END);
    }
}

static void on_note(void *context, const struct host_note *note) {
    const struct serving *serving = context;
    if (serving->has_trace) {
        cli_trace_note(&serving->trace, note);
    }
    admin_note(serving->admin, note);
}

static void on_ready(void *context) {
    (void)context;
    say("ready");
}

static void on_stopping(void *context) {
    struct serving *serving = context;
    ingress_quiesce(serving->ingress);
}

static bool may_accept(void *context) {
    const struct serving *serving = context;
    return host_may_accept(serving->host);
}

static void on_outcome(const struct ingress_outcome *outcome, void *context) {
    const struct serving *serving = context;
    admin_delivery(serving->admin, &(struct admin_delivery){.status = outcome->status,
                                                            .seconds = outcome->seconds,
                                                            .events = outcome->events,
                                                            .count = outcome->count});
}

static void on_handshake(const struct ingress_handshake *handshake, void *context) {
    static const enum admin_handshake_kind kinds[] = {
        [INGRESS_SHOOK] = ADMIN_SHOOK, [INGRESS_REFUSED] = ADMIN_REFUSED, [INGRESS_DELETED] = ADMIN_UNSUBSCRIBED};
    const struct serving *serving = context;
    admin_handshake(serving->admin, &(struct admin_handshake){.what = kinds[handshake->what],
                                                              .is_cloud = handshake->is_cloud,
                                                              .subscription = handshake->subscription,
                                                              .origin = handshake->origin,
                                                              .url = handshake->url,
                                                              .reason = handshake->reason});
}

/* A line that scripts and tests wait for: it must not stay in a buffer. */
static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}
