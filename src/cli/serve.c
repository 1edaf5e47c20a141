#include "cli/cli.h"
#include "switchhook.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum choice { BY_TERMINAL, YES, NO };

struct serve_options {
    const char *file;
    enum choice trace;
    bool has_debug;
    bool is_paused;
};

struct serving {
    struct cli_trace trace;
    bool has_trace;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct serve_options *options);
static int serve(const struct serve_options *options);
static void raise_descriptors(void);
static void on_note(void *context, const struct switchhook_note *note);
static struct host_note host_note_of(const struct switchhook_note *note);
static struct slice slice_from(struct switchhook_text text);
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
        default: return cli_no_option("serve", argv, option, names);
        }
    }
    if (optind < argc) {
        return cli_misuse("serve", "it takes no %s", argv[optind]);
    }
    return -1;
}

static int serve(const struct serve_options *options) {
    raise_descriptors();
    bool is_terminal = isatty(STDOUT_FILENO);
    struct serving serving = {.trace = {.out = STDOUT_FILENO, .has_colour = is_terminal},
                              .has_trace =
                                  options->trace == YES || (options->trace == BY_TERMINAL && is_terminal)};
    struct switchhook_error error;
    struct switchhook *host = switchhook_open(
        options->file,
        &(struct switchhook_options){.note = on_note,
                                     .context = &serving,
                                     .is_paused = options->is_paused,
                                     .takes_signals = true,
                                     .log = options->has_debug ? SWITCHHOOK_LOG_DEBUG : SWITCHHOOK_LOG_INFO},
        &error);
    if (host == NULL) {
        return cli_fail("%s", error.message);
    }
    say("listening on %s", switchhook_url(host));
    say("admin on %s", switchhook_admin_url(host));
    int status = switchhook_run(host, &error) < 0 ? cli_fail("%s", error.message) : CLI_OK;
    switchhook_close(host);
    return status;
}

/* Every delivery and every call under way has one; the usual 1,024 are few. */
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void on_note(void *context, const struct switchhook_note *note) {
    const struct serving *serving = context;
    if (note->what == SWITCHHOOK_READY) {
        say("ready");
    } else if (serving->has_trace && note->what != SWITCHHOOK_STOPPING) { /* the log has that */
        const struct host_note shown = host_note_of(note);
        cli_trace_note(&serving->trace, &shown);
    }
}

static struct host_note host_note_of(const struct switchhook_note *note) {
    static const enum host_happening names[] = {
        [SWITCHHOOK_ARRIVED] = HOST_ARRIVED, [SWITCHHOOK_STEP] = HOST_STEP,
        [SWITCHHOOK_DONE] = HOST_DONE,       [SWITCHHOOK_WAITING] = HOST_WAITING,
        [SWITCHHOOK_PARKED] = HOST_PARKED,   [SWITCHHOOK_UNHANDLED] = HOST_UNHANDLED,
        [SWITCHHOOK_LIVE] = HOST_LIVE,       [SWITCHHOOK_REFUSED] = HOST_REFUSED,
        [SWITCHHOOK_KILLED] = HOST_KILLED,   [SWITCHHOOK_SAID] = HOST_SAID};
    return (struct host_note){.what = names[note->what],
                              .at_us = note->at_us,
                              .seq = note->seq,
                              .subject = slice_from(note->subject),
                              .type = slice_from(note->type),
                              .handler = slice_from(note->handler),
                              .operation = slice_from(note->operation),
                              .status = note->status,
                              .is_error = note->is_error,
                              .seconds = note->seconds,
                              .result = slice_from(note->result),
                              .reason = slice_from(note->reason),
                              .attempt = note->attempt,
                              .due_us = note->due_us};
}

static struct slice slice_from(struct switchhook_text text) {
    return slice_make(text.bytes, text.length);
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
