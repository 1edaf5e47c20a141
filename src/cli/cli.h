/* The command line: one file per command, main.c only chooses.
 *
 * Each command gets its own words (argv[0] is its name) and returns the exit status: 0 it went well, 1 it failed, 2 it was
 * called wrongly. Results go to stdout, everything else to stderr; colour only on a terminal.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "host/host.h"
#include <stdbool.h>
#include <stddef.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_command {
    const char *name;
    const char *words; /* one line for the list of commands */
    int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_commands[]; /* a NULL name ends it */

int cli_serve(int argc, char **argv);
int cli_sim(int argc, char **argv);
int cli_status(int argc, char **argv);

/* "switchhook: WORDS" on stderr; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and where help is; returns CLI_USAGE. */
int cli_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A GET to the running host's admin port; `path` begins with '/'. The body of a 200 goes into `body`. */
int cli_ask(const struct config *config, const char *path, struct buffer *body, struct error *error);

/* The lines that `serve` prints as things happen; `out` is a descriptor, written line by line. */
struct cli_trace {
    int out;
    bool has_colour;
};
void cli_trace_note(const struct cli_trace *trace, const struct host_note *note);

#endif
