#include "cli/try.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/scratch.h"
#include "crypto/crypto.h"
#include "host/program.h"
#include "ingress/ingress.h"
#include "store/store.h"
#include <getopt.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The event on its way into the store. */
struct appending {
    struct store_work work;
    sem_t done;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct try *try);
static int prepare(struct try *try);
static int run(struct try *try);
static int run_in(struct try *try, const char *folder, struct error *error);
static int append_event(const struct try *try, struct store *store, struct error *error);
static void on_stored(struct store_work *work);
static void on_note(void *context, const struct host_note *note);
static void free_all(struct try *try);

int cli_try(int argc, char **argv) {
    struct try try = {.status = CLI_FAILED};
    int status = -1;
    envelope_init(&try.envelope);
    buffer_init(&try.event, TRY_FILE_MAX);
    status = read_options(argc, argv, &try);
    if (status < 0) {
        status = prepare(&try);
    }
    if (status < 0) {
        status = run(&try);
    }
    free_all(&try);
    return status;
}

static void print_help(void) {
    printf(
        "usage: switchhook try SCRIPT [EVENT.json] [--answer STEP=FILE]... [--live] [--full | --json] [-c "
        "FILE]\n\n"
        "Runs one handler on one event, and prints each step that it takes, in order: what it asked for, what it "
        "was\n"
        "answered and by whom, and how it ended. Nothing leaves this machine: calls are answered with the "
        "operation's\n"
        "sample, sleeps take no time, state is empty at first and forgotten afterwards. Without EVENT.json the "
        "event is\n"
        "the type's sample (`switchhook emit TYPE --print` prints one to start from).\n\n"
        "  --answer STEP=FILE   the JSON that a step is answered with: STEP is an operation (router.jobs.get) or "
        "a\n"
        "                       step's number; {\"error\": {\"status\": 404, \"code\": \"...\"}} makes it fail\n"
        "  --live               really send what the script asks for, after showing it\n"
        "  --full               show long values whole\n"
        "  --json               one JSON object a line: the event, each step as it is wanted and as it is "
        "answered, log\n"
        "                       lines, and the end\n"
        "  -c FILE              the configuration: the Job Router for --live, limits, the time zone, plugins\n\n"
        "Exit status 0 when the handler ended well (or filtered the event), 1 when it failed.\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct try *try) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'}, {"answer", required_argument, NULL, 'a'},
        {"live", no_argument, NULL, 'l'}, {"full", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct error error = {0};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': try->config_file = optarg; break;
        case 'a':
            if (try_add_answer(try, optarg, &error) < 0) {
                return cli_fail("%s", error.message);
            }
            break;
        case 'l': try->is_live = true; break;
        case 'f': try->is_full = true; break;
        case 'j': try->is_json = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("try", argv, option, names);
        }
    }
    if (argc - optind < 1 || argc - optind > 2) {
        return cli_misuse("try", "it takes a SCRIPT and, if you like, an EVENT.json");
    }
    try->script = argv[optind];
    try->event_file = argv[optind + 1];
    return -1;
}

static int prepare(struct try *try) {
    struct error error = {0};
    if (crypto_start(&error) < 0) {
        return cli_fail("%s", error.message);
    }
    try->config = try->is_live ? cli_config(try->config_file) : cli_config_partly(try->config_file);
    if (try->config == NULL) {
        return CLI_FAILED;
    }
    cli_tell_missing("try", try->config);
    if (try_find_script(try, &error) < 0 || try_read_event(try, &error) < 0) {
        return cli_fail("%s", error.message);
    }
    try->plugins = plugins_load(try->config->plugins, !try->is_live, &error);
    if (try->plugins == NULL) {
        return cli_fail("%s", error.message);
    }
    if (try_check_answers(try, &error) < 0) {
        return cli_fail("%s", error.message);
    }
    free(try->config->scripts);
    try->config->scripts = try->folder;
    try->folder = NULL;
    try->config->workers = 1;
    return -1;
}

static int run(struct try *try) {
    struct error error = {0};
    char folder[PATH_MAX];
    int failed = cli_scratch_make(folder, "try", false, &error);
    if (failed == 0) {
        failed = run_in(try, folder, &error);
        cli_scratch_remove(folder);
    }
    return failed < 0 ? cli_fail("%s", error.message) : try->status;
}

static int run_in(struct try *try, const char *folder, struct error *error) {
    char worker[PATH_MAX];
    char location[PATH_MAX + 32];
    struct store *store = NULL;
    int result = -1;
    program_block_signals();
    log_setup(LOG_NOTHING, STDERR_FILENO, false);
    snprintf(location, sizeof location, "sqlite:%s/store.db", folder);
    if (program_find_worker(worker, error) < 0) {
        return -1;
    }
    store = store_open(location, error);
    if (store == NULL) {
        return -1;
    }
    try->host = host_new(&(struct host_options){.config = try->config,
                                                .store = store,
                                                .worker = worker,
                                                .handler = try->handler,
                                                .plugins = try->plugins,
                                                .note = on_note,
                                                .answer = try_answer,
                                                .context = try},
                         error);
    if (try->host != NULL && append_event(try, store, error) == 0) {
        try_print_begin(try);
        result = host_run(try->host, error);
        try_print_end(try);
    }
    store_close(store);
    host_free(try->host);
    return result;
}

static int append_event(const struct try *try, struct store *store, struct error *error) {
    struct store_event event = ingress_store_event(&try->envelope.events[0]);
    struct appending appending = {
        .work = {.verb = STORE_APPEND,
                 .append = {.events = &event, .count = 1, .received_us = clock_wall_us()},
                 .done = on_stored},
    };
    event.malformed = NULL; /* a local event may be tried, too */
    sem_init(&appending.done, 0, 0);
    store_submit(store, &appending.work);
    while (sem_wait(&appending.done) < 0) {
    }
    sem_destroy(&appending.done);
    return appending.work.error.code == ERROR_NONE
               ? 0
               : error_set(error, appending.work.error.code, "%s", appending.work.error.message);
}

static void on_stored(struct store_work *work) {
    sem_post(&CONTAINER_OF(work, struct appending, work)->done);
}

static void on_note(void *context, const struct host_note *note) {
    struct try *try = context;
    if (try->is_over) {
        return;
    }
    try_print_note(try, note);
    switch (note->what) {
    case HOST_DONE: try->status = CLI_OK; break;
    case HOST_WAITING:
    case HOST_PARKED: break;
    case HOST_REFUSED: cli_fail("the script does not load: %.*s", SLICE_ARG(note->reason)); break;
    case HOST_UNHANDLED: cli_fail("no handler took the event"); break;
    default: return;
    }
    try->is_over = true;
    host_stop(try->host);
}

static void free_all(struct try *try) {
    for (size_t i = 0; i < try->answer_count; i++) {
        buffer_reset(&try->answers[i].json);
    }
    envelope_reset(&try->envelope);
    buffer_reset(&try->event);
    plugins_free(try->plugins);
    config_free(try->config);
    free(try->folder);
    free(try->path);
}
