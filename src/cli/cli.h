/* The command line: one file per command, main.c only chooses.
 *
 * Each command gets its own words (argv[0] is its name) and returns the exit status: 0 it went well, 1 it failed,
 * 2 it was called wrongly. Results go to stdout, everything else to stderr; colour only on a terminal.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "host/host.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_command {
    const char *name;
    const char *words; /* one line for the list of commands */
    int (*run)(int argc, char **argv);
    bool goes_on; /* it works on when nobody reads what it prints */
};

extern const struct cli_command cli_commands[]; /* a NULL name ends it */

int cli_backup(int argc, char **argv);
int cli_catalog(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_emit(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_handshakes(int argc, char **argv);
int cli_new(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_sim(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_store(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_try(int argc, char **argv);

/* events show SEQ; from cli_events. */
int cli_show(const struct config *config, uint64_t seq, bool is_json);

/* What every command takes that asks the running host: -c FILE, --json and --help. */
struct cli_options {
    const char *file;
    bool is_json;
};
/* For commands that take no others. -1: go on at argv[optind]; else the exit status. */
int cli_read_options(int argc, char **argv, void (*print_help)(void), struct cli_options *options);

/* "switchhook: WORDS" on stderr; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and where help is; returns CLI_USAGE. */
int cli_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a word that getopt_long did not take, with the nearest of `names`: `letter` is ':' or '?', as it
 * says when the short options begin with ':'. */
struct option;
int cli_no_option(const char *command, char **argv, int letter, const struct option *names);

/* A call to the running host's admin port. The body of a 200 goes into `answer`; of anything else the host's words
 * are the error. */
struct cli_call {
    const char *method;  /* NULL: GET */
    const char *path;    /* begins with '/' */
    struct slice body;   /* JSON; unset: none */
    bool takes_its_time; /* a backup, a check: as long as it takes */
};
int cli_ask(const struct config *config, const struct cli_call *call, struct buffer *answer, struct error *error);
/* The same, printed as it came; returns the exit status. */
int cli_print_answer(const struct config *config, const struct cli_call *call);
/* The same for an answer that is looked into; NULL with the error. The caller frees it. A NUL in a text is shown
 * as \x00. */
struct json *cli_ask_json(const struct config *config, const struct cli_call *call, struct error *error);

/* The configuration that tells where the host is; NULL after saying why not. */
struct config *cli_config(const char *file);
/* The same for what needs no secret: environment variables may be missing (config_load_partly). */
struct config *cli_config_partly(const char *file);
/* Says on stderr that one was missing, if it was. */
void cli_tell_missing(const char *command, const struct config *config);
/* Prints a text of somebody else's: control characters are shown, "-" stands for none. */
void cli_put_visible(struct buffer *line, const char *text);

/* The lines that `serve` prints as things happen; `out` is a descriptor, written line by line. */
struct cli_trace {
    int out;
    bool has_colour;
};
void cli_trace_note(const struct cli_trace *trace, const struct host_note *note);

#endif
