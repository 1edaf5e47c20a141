#include "cli/cli.h"
#include "json/tree.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 1024 * 1024 };

static void print_help(void);
static int check(const struct config *config, bool is_json);
static int print_json(const struct json *json);

int cli_store(int argc, char **argv) {
    struct cli_options options = {0};
    int status = cli_read_options(argc, argv, print_help, &options);
    if (status >= 0) {
        return status;
    }
    if (argc - optind != 1 || strcmp(argv[optind], "check") != 0) {
        return cli_misuse("store", "it takes the word check");
    }
    struct config *config = cli_config_partly(options.file);
    status = config == NULL ? CLI_FAILED : check(config, options.is_json);
    config_free(config);
    return status;
}

static void print_help(void) {
    printf("usage: switchhook store check [-c FILE] [--json]\n\n"
           "Has the running host read all of its store and say whether it holds together: exit status 0, or 1 "
           "with what\n"
           "does not.\n\n"
           "  -c FILE   the host's configuration\n"
           "  --json    as the admin port answers it\n");
}

static int check(const struct config *config, bool is_json) {
    struct error error = {0};
    struct json *answer =
        cli_ask_json(config, &(struct cli_call){.path = "/api/check", .takes_its_time = true}, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    int status = CLI_OK;
    bool is_sound = json_get_bool(answer, "sound", false);
    if (is_json) {
        status = print_json(answer) < 0 || !is_sound ? CLI_FAILED : CLI_OK;
    } else if (is_sound) {
        printf("the store is sound\n");
    } else {
        const char *reason = json_get_string(answer, "reason");
        status = cli_fail("the store does not hold together: %s", reason == NULL ? "" : reason);
    }
    json_free(answer);
    return status;
}

static int print_json(const struct json *json) {
    struct buffer text;
    buffer_init(&text, ANSWER_MAX);
    int failed = json_print(json, &text);
    if (failed == 0) {
        printf("%s\n", text.bytes);
    } else {
        cli_fail("the answer cannot be printed: out of memory");
    }
    buffer_reset(&text);
    return failed;
}
