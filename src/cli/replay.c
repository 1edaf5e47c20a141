#include "base/text.h"
#include "cli/cli.h"
#include "json/tree.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 128 };

struct replay_options {
    const char *file;
    bool is_parked, from_start, force, is_json;
};

struct seqs {
    uint64_t *numbers;
    size_t count, capacity;
};

static void print_help(void);
static int read_options(int argc, char **argv, struct replay_options *options);
static int take_numbers(int argc, char **argv, struct seqs *seqs);
static int find_parked(const struct config *config, struct seqs *seqs, struct error *error);
static int add_seq(struct seqs *seqs, uint64_t seq);
static int replay_all(const struct config *config, const struct replay_options *options, const struct seqs *seqs);
static int replay(const struct config *config, const struct replay_options *options, uint64_t seq);

int cli_replay(int argc, char **argv) {
    struct replay_options options = {0};
    struct seqs seqs = {0};
    struct error error = {0};
    struct config *config = NULL;
    int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    status = take_numbers(argc, argv, &seqs);
    if (status < 0 && options.is_parked == (seqs.count > 0)) {
        status = cli_misuse("replay", "it takes the numbers of events, or --parked");
    }
    if (status >= 0) {
        goto out;
    }
    config = cli_config_partly(options.file);
    if (config == NULL) {
        status = CLI_FAILED;
    } else if (options.is_parked && find_parked(config, &seqs, &error) < 0) {
        status = cli_fail("%s", error.message);
    } else {
        status = replay_all(config, &options, &seqs);
    }
out:
    config_free(config);
    free(seqs.numbers);
    return status;
}

static void print_help(void) {
    printf("usage: switchhook replay [-c FILE] [--from-start] [--force] [--json] SEQ... | --parked\n\n"
           "Runs parked runs again, with the scripts of now, attempts counted anew, at the tail of their lanes.\n"
           "Steps that were answered are not done again. An unhandled event is run if there is a script for it\n"
           "now. A quarantined element is read again, and run if it is an event now.\n\n"
           "  --parked       all that are parked, the oldest first\n"
           "  --from-start   forget the answered steps, too; needed for events that are done\n"
           "  --force        past the event's deadline, too\n"
           "  --json         as the admin port answers it, one line for each event\n"
           "  -c FILE        the host's configuration\n");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct replay_options *options) {
    static const struct option names[] = {
        {"help", no_argument, NULL, 'h'},       {"parked", no_argument, NULL, 'p'},
        {"from-start", no_argument, NULL, 's'}, {"force", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},       {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c': options->file = optarg; break;
        case 'p': options->is_parked = true; break;
        case 's': options->from_start = true; break;
        case 'f': options->force = true; break;
        case 'j': options->is_json = true; break;
        case 'h': print_help(); return CLI_OK;
        default: return cli_no_option("replay", argv, option, names);
        }
    }
    return -1;
}

static int take_numbers(int argc, char **argv, struct seqs *seqs) {
    for (int i = optind; i < argc; i++) {
        uint64_t seq = 0;
        if (text_to_uint64(slice_of(argv[i]), &seq) < 0 || seq == 0) {
            return cli_misuse("replay", "%s is no event's number", argv[i]);
        }
        if (add_seq(seqs, seq) < 0) {
            return cli_fail("out of memory");
        }
    }
    return -1;
}

/* All of them before the first is replayed: one that fails again must not be met twice. */
static int find_parked(const struct config *config, struct seqs *seqs, struct error *error) {
    uint64_t before = 0;
    do {
        char path[PATH_SIZE] = "/api/events?state=parked&limit=1000";
        if (before > 0) {
            snprintf(path, sizeof path, "/api/events?state=parked&limit=1000&before=%" PRIu64, before);
        }
        struct json *answer = cli_ask_json(config, &(struct cli_call){.path = path}, error);
        if (answer == NULL) {
            return -1;
        }
        const struct json *event = json_first(json_get(answer, "events"));
        for (; event != NULL; event = json_next(event)) {
            if (add_seq(seqs, (uint64_t)json_get_double(event, "seq", 0)) < 0) {
                json_free(answer);
                return error_memory(error);
            }
        }
        before = (uint64_t)json_get_double(answer, "next", 0);
        json_free(answer);
    } while (before > 0);
    for (size_t i = 0; i < seqs->count / 2; i++) {
        uint64_t swapped = seqs->numbers[i];
        seqs->numbers[i] = seqs->numbers[seqs->count - 1 - i];
        seqs->numbers[seqs->count - 1 - i] = swapped;
    }
    return 0;
}

static int add_seq(struct seqs *seqs, uint64_t seq) {
    if (seqs->count == seqs->capacity) {
        size_t capacity = seqs->capacity == 0 ? 64 : seqs->capacity * 2;
        uint64_t *numbers = realloc(seqs->numbers, capacity * sizeof *numbers);
        if (numbers == NULL) {
            return -1;
        }
        seqs->numbers = numbers;
        seqs->capacity = capacity;
    }
    seqs->numbers[seqs->count++] = seq;
    return 0;
}

static int replay_all(const struct config *config, const struct replay_options *options, const struct seqs *seqs) {
    int status = CLI_OK;
    for (size_t i = 0; i < seqs->count; i++) {
        if (replay(config, options, seqs->numbers[i]) != CLI_OK) {
            status = CLI_FAILED;
        }
    }
    if (seqs->count == 0) {
        fprintf(stderr, "nothing is parked\n");
    }
    return status;
}

static int replay(const struct config *config, const struct replay_options *options, uint64_t seq) {
    char path[PATH_SIZE], body[PATH_SIZE];
    struct error error = {0};
    snprintf(path, sizeof path, "/api/events/%" PRIu64 "/replay", seq);
    snprintf(body, sizeof body, "{\"fromStart\":%s,\"force\":%s}", options->from_start ? "true" : "false",
             options->force ? "true" : "false");
    const struct cli_call call = {.method = "POST", .path = path, .body = slice_of(body)};
    if (options->is_json) {
        return cli_print_answer(config, &call);
    }
    struct json *answer = cli_ask_json(config, &call, &error);
    if (answer == NULL) {
        return cli_fail("%s", error.message);
    }
    unsigned runs = (unsigned)json_get_double(answer, "runs", 0);
    printf("event %" PRIu64 ": %u %s again\n", seq, runs, runs == 1 ? "run" : "runs");
    json_free(answer);
    return CLI_OK;
}
