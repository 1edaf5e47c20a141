#include "base/text.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_LENGTH = 4 * 1024 };

struct verb {
    const char *name, *path, *words, *done;
};

static int order(int argc, char **argv, const struct verb *verb);
static void print_help(const struct verb *verb);
static int send(const struct config *config, const struct verb *verb, const char *handler, bool is_json);

int cli_pause(int argc, char **argv) {
    static const struct verb pause = {"pause", "/api/pause",
                                      "Hands out no more runs: of HANDLER (as RouterJobQueued, or "
                                      "RouterJobCancelled/notify), or of any. What is under way\n"
                                      "is finished, deliveries go on being stored. `switchhook resume` ends it; "
                                      "so does a restart without --paused.\n",
                                      "paused"};
    return order(argc, argv, &pause);
}

int cli_resume(int argc, char **argv) {
    static const struct verb resume = {
        "resume", "/api/resume",
        "Hands out runs again: of HANDLER, or of all, those that were paused one by one included.\n", "resumed"};
    return order(argc, argv, &resume);
}

static int order(int argc, char **argv, const struct verb *verb) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool is_json = false;
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': file = optarg; break;
        case 'j': is_json = true; break;
        case 'h': print_help(verb); return CLI_OK;
        default: return cli_no_option(verb->name, argv, option);
        }
    }
    const char *handler = optind < argc ? argv[optind] : NULL;
    if (argc - optind > 1 || (handler != NULL && handler[0] == '\0')) {
        return cli_misuse(verb->name, "it takes the name of one handler, or nothing");
    }
    struct config *config = cli_config(file);
    int status = config == NULL ? CLI_FAILED : send(config, verb, handler, is_json);
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
