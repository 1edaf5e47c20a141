#include "cli/cli.h"
#include "json/tree.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void print_help(void);
static int check(const struct config *config);

int cli_store(int argc, char **argv) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *file = NULL;
    for (int option; (option = getopt_long(argc, argv, "c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': file = optarg; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_misuse("store", "that is no option of it");
        }
    }
    if (argc - optind != 1 || strcmp(argv[optind], "check") != 0) {
        return cli_misuse("store", "it takes the word check");
    }
    struct config *config = cli_config(file);
    int status = config == NULL ? CLI_FAILED : check(config);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf("usage: switchhook store check [-c FILE]\n\n"
           "Has the running host read all of its store and say whether it holds together: exit status 0, or 1 "
           "with what\n"
           "does not.\n\n"
           "  -c FILE   the host's configuration\n");
}

static int check(const struct config *config) {
    struct error error = {0};
    struct json *answer =
        cli_ask_json(config, &(struct cli_call){.path = "/api/check", .takes_its_time = true}, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    int status = CLI_OK;
    if (json_get_bool(answer, "sound", false)) {
        printf("the store is sound\n");
    } else {
        const char *reason = json_get_string(answer, "reason");
        status = cli_fail("the store does not hold together: %s", reason == NULL ? "" : reason);
    }
    json_free(answer);
    return status;
}
