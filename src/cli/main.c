#include "base/slice.h"
#include "base/text.h"
#include "cli/cli.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_help(FILE *to);
static int choose(int argc, char **argv);
static int end_output(void);

int main(int argc, char **argv) {
    /* Who reads our output may go away: that is an error of write, not the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    /* So is a file that may not grow any more. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return end_output();
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("switchhook %s\n", SWITCHHOOK_VERSION);
        return end_output();
    }
    return choose(argc - 1, argv + 1);
}

static void print_help(FILE *to) {
    fprintf(to, "switchhook: runs your Lua scripts on Job Router events, and does what they ask for\n\n"
                "usage: switchhook COMMAND [OPTIONS]\n\n");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        fprintf(to, "  %-11s %s\n", command->name, command->words);
    }
    fprintf(to, "\n`switchhook COMMAND --help` says more of one; `switchhook --version` which version this is.\n");
}

static int choose(int argc, char **argv) {
    const char *names[32] = {NULL}; /* more than there are commands */
    size_t count = 0;
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        if (strcmp(argv[0], command->name) == 0) {
            int status = command->run(argc, argv);
            return status == CLI_OK && !command->goes_on ? end_output() : status;
        }
        names[count++] = command->name;
    }
    const char *nearest = text_nearest(slice_of(argv[0]), names);
    if (nearest != NULL) {
        fprintf(stderr, "switchhook: there is no command %s; did you mean %s?\n", argv[0], nearest);
    } else {
        fprintf(stderr, "switchhook: there is no command %s; `switchhook --help` lists them\n", argv[0]);
    }
    return CLI_USAGE;
}

/* A result that did not get out, on a full disk perhaps, is none. */
static int end_output(void) {
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) { /* who reads no further has seen enough */
        return cli_fail("not all of the output could be written: %s", strerror(errno));
    }
    return CLI_OK;
}
