#include "base/text.h"
#include "cli/cli.h"
#include <stdio.h>
#include <unistd.h>

enum { PATH_MAX_LENGTH = 4 * 1024 };

struct verb {
    const char *name, *path, *words, *done;
    void (*print_help)(void);
};

static void print_pause_help(void);
static void print_resume_help(void);
static int order(int argc, char **argv, const struct verb *verb);
static void print_help(const struct verb *verb);
static int send(const struct config *config, const struct verb *verb, const char *handler, bool is_json);

static const struct verb pausing = {
    "pause",
    "/api/pause",
    "Hands out no more runs: of HANDLER (as RouterJobQueued, or RouterJobCancelled/notify), or of any. What\n"
    "is under way is finished, deliveries go on being stored. `switchhook resume` ends it; so does a restart\n"
    "without --paused.\n",
    "paused",
    print_pause_help,
};
static const struct verb resuming = {
    "resume",
    "/api/resume",
    "Hands out runs again: of HANDLER, or of all, those that were paused one by one included.\n",
    "resumed",
    print_resume_help,
};

int cli_pause(int argc, char **argv) {
    return order(argc, argv, &pausing);
}

int cli_resume(int argc, char **argv) {
    return order(argc, argv, &resuming);
}

static void print_pause_help(void) {
    print_help(&pausing);
}

static void print_resume_help(void) {
    print_help(&resuming);
}

static int order(int argc, char **argv, const struct verb *verb) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, verb->print_help, &options);
    if (status >= 0) {
        return status;
    }
    const char *handler = optind < argc ? argv[optind] : NULL;
    if (argc - optind > 1 || (handler != NULL && handler[0] == '\0')) {
        return cli_misuse(verb->name, "it takes the name of one handler, or nothing");
    }
    struct config *config = cli_config_partly(options.file);
    status = config == NULL ? CLI_FAILED : send(config, verb, handler, options.is_json);
    config_free(config);
    return status;
}

static void print_help(const struct verb *verb) {
    printf("usage: switchhook %s [-c FILE] [--json] [HANDLER]\n\n%s\n  -c FILE   the host's configuration\n"
           "  --json    as the admin port answers it\n",
           verb->name, verb->words);
}

static int send(const struct config *config, const struct verb *verb, const char *handler, bool is_json) {
    struct buffer path, answer;
    struct error error = {0};
    buffer_init(&path, PATH_MAX_LENGTH);
    buffer_init(&answer, PATH_MAX_LENGTH);
    buffer_append_text(&path, verb->path);
    if (handler != NULL) {
        buffer_append_text(&path, "?handler=");
        text_append_percent(&path, slice_of(handler));
    }
    int status = CLI_OK;
    if (path.is_broken) {
        status = cli_misuse(verb->name, "that name is too long");
    } else if (cli_ask(config, &(struct cli_call){.method = "POST", .path = path.bytes}, &answer, &error) < 0) {
        status = cli_fail("%s", error.message);
    } else if (is_json) {
        printf("%s\n", answer.bytes);
    } else {
        printf("%s%s%s\n", verb->done, handler == NULL ? "" : " ", handler == NULL ? "" : handler);
    }
    buffer_reset(&path);
    buffer_reset(&answer);
    return status;
}
