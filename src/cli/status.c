#include "cli/cli.h"
#include "json/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_LENGTH = 4 * 1024 };

static void print_help(void);
static int show(const struct config *config, bool is_json);
static void print_status(const struct json *status);
static void print_pauses(const struct json *status);
static void print_workers(const struct json *workers);
static unsigned long count_of(const struct json *object, const char *name);

int cli_status(int argc, char **argv) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, print_help, &options);
    if (status >= 0) {
        return status;
    }
    if (optind < argc) {
        return cli_misuse("status", "it takes no %s", argv[optind]);
    }
    struct config *config = cli_config_partly(options.file);
    status = config == NULL ? CLI_FAILED : show(config, options.is_json);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf(
        "usage: switchhook status [-c FILE] [--json]\n\n"
        "What the running host is doing: the scripts that are live, the backlog, the workers, and what the last\n"
        "reload said. The host is found through its configuration: FILE, or switchhook.lua in this folder, or "
        "the\n"
        "defaults (admin on 127.0.0.1:8090).\n\n"
        "  -c FILE   the host's configuration\n"
        "  --json    as the admin port answers it\n");
}

static int show(const struct config *config, bool is_json) {
    const struct cli_call call = {.path = "/api/status"};
    if (is_json) {
        return cli_print_answer(config, &call);
    }
    struct error error = {0};
    struct json *status = cli_ask_json(config, &call, &error);
    if (status == NULL) {
        return cli_fail("%s", error.message);
    }
    print_status(status);
    json_free(status);
    return CLI_OK;
}

static void print_status(const struct json *status) {
    const struct json *reload = json_get(status, "reload");
    const struct json *events = json_get(status, "events");
    const struct json *since = json_get(status, "sinceStart");
    const char *generation = json_get_string(status, "generation");
    const char *problem = json_get_string(reload, "error");
    printf("switchhook   %s, started %s%s\n", json_get_string(status, "version"),
           json_get_string(status, "startedAt"), json_get_bool(status, "stopping", false) ? ", stopping" : "");
    if (generation == NULL) {
        printf("scripts      none are live\n");
    } else {
        printf("scripts      generation %.8s, %lu handlers in %lu files, live since %s\n", generation,
               count_of(status, "handlers"), count_of(status, "files"), json_get_string(status, "liveSince"));
    }
    if (problem != NULL) {
        printf("last reload  refused: %s\n", problem);
    }
    print_pauses(status);
    printf("events       %lu queued%s, %lu running, %lu waiting, in %lu lanes\n", count_of(events, "queued"),
           json_get_bool(events, "moreInStore", false) ? " (and more in the store)" : "",
           count_of(events, "running"), count_of(events, "waiting"), count_of(events, "lanes"));
    printf("since start  %lu done, %lu parked, %lu without a script, %lu retries, %lu steps, %lu worker deaths\n",
           count_of(since, "done"), count_of(since, "parked"), count_of(since, "unhandled"),
           count_of(since, "retries"), count_of(since, "steps"), count_of(since, "workerDeaths"));
    print_workers(json_get(status, "workers"));
}

static void print_pauses(const struct json *status) {
    const struct json *handlers = json_get(status, "pausedHandlers");
    if (json_get_bool(status, "paused", false)) {
        printf("paused       no runs are handed out; `switchhook resume` ends it\n");
    }
    for (const struct json *handler = json_first(handlers); handler != NULL; handler = json_next(handler)) {
        struct buffer name;
        buffer_init(&name, NAME_MAX_LENGTH);
        cli_put_visible(&name, json_string_of(handler));
        printf("paused       %s\n", name.bytes == NULL ? "" : name.bytes);
        buffer_reset(&name);
    }
    if (json_get_bool(status, "breakerOpen", false)) {
        printf("breaker      open: the Job Router does not answer, and runs that need it wait\n");
    }
    const struct json *upstreams = json_get(status, "openUpstreams");
    for (const struct json *upstream = json_first(upstreams); upstream != NULL; upstream = json_next(upstream)) {
        struct buffer name;
        buffer_init(&name, NAME_MAX_LENGTH);
        cli_put_visible(&name, json_string_of(upstream));
        printf("breaker      open: %s does not answer, and runs that need it wait\n",
               name.bytes == NULL ? "" : name.bytes);
        buffer_reset(&name);
    }
}

static void print_workers(const struct json *workers) {
    for (const struct json *worker = json_first(workers); worker != NULL; worker = json_next(worker)) {
        printf("worker       pid %lu, %s, %lu runs\n", count_of(worker, "pid"),
               json_get_bool(worker, "ready", false) ? "ready" : "starting", count_of(worker, "runs"));
    }
}

static unsigned long count_of(const struct json *object, const char *name) {
    return (unsigned long)json_get_double(object, name, 0);
}
