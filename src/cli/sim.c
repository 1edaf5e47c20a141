#include "sim/sim.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/crypto.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { TARGETS_MOST = 16 };

enum choice { BY_TERMINAL, YES, NO };

struct words {
    struct sim_options sim;
    const char *targets[TARGETS_MOST];
    enum choice trace;
};

static void print_help(void);
static int read_words(int argc, char **argv, struct words *words);
static int read_word(int letter, struct words *words);
static int add_target(struct words *words, const char *url);
static int read_batch(struct words *words, const char *text);
static int read_scale(struct words *words, const char *text);
static int run(struct words *words);
static int block_signals(void);

int cli_sim(int argc, char **argv) {
    struct words words = {.sim = {.trace_fd = -1, .stop_fd = -1}};
    int status = read_words(argc, argv, &words);
    return status >= 0 ? status : run(&words);
}

static void print_help(void) {
    printf("usage: switchhook sim [OPTIONS]\n\n"
           "The local Job Router: its REST API (every request signed with the key) and its events, on this "
           "machine and\n"
           "in memory only. SIGTERM and Ctrl-C stop it. docs/simulator.md says what it does.\n\n"
           "  --listen ADDR:PORT   a loopback address; " SIM_ADDRESS " if not given; port 0 takes a free one\n"
           "  --to URL             gets the events, after the handshake; may be given several times\n"
           "  --subscription NAME  the event subscription's name; " SIM_SUBSCRIPTION " if not given\n"
           "  --key BASE64         the access key, instead of the development key that everybody knows\n"
           "  --batch N            events in one delivery at most, 1 to %d; %d if not given\n"
           "  --retry-scale X      how much of Event Grid's waits between attempts is waited; %.1f if not given:\n"
           "                       the first retry after 1 s instead of 10 s\n"
           "  --trace              one line on stdout for each thing that happens (the default on a terminal)\n"
           "  --no-trace           none\n",
           SIM_BATCH_MOST, SIM_BATCH, SIM_RETRY_SCALE);
}

/* The exit status, or -1 to go on. */
static int read_words(int argc, char **argv, struct words *words) {
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"to", required_argument, NULL, 't'},
                                            {"subscription", required_argument, NULL, 's'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {"retry-scale", required_argument, NULL, 'r'},
                                            {"trace", no_argument, NULL, 'T'},
                                            {"no-trace", no_argument, NULL, 'N'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (letter == ':' || letter == '?') {
            return cli_no_option("sim", argv, letter);
        }
        int status = read_word(letter, words);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return cli_misuse("sim", "%s: only options are taken; a target is given with --to", argv[optind]);
    }
    return -1;
}

static int read_word(int letter, struct words *words) {
    switch (letter) {
    case 'l': words->sim.listen = optarg; break;
    case 's': words->sim.subscription = optarg; break;
    case 'k': words->sim.key = optarg; break;
    case 'T': words->trace = YES; break;
    case 'N': words->trace = NO; break;
    case 't': return add_target(words, optarg);
    case 'b': return read_batch(words, optarg);
    case 'r': return read_scale(words, optarg);
    default: print_help(); return CLI_OK;
    }
    return -1;
}

static int add_target(struct words *words, const char *url) {
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return cli_misuse("sim", "--to %s: the target must be an http or https URL", url);
    }
    if (words->sim.target_count == TARGETS_MOST) {
        return cli_misuse("sim", "at most %d targets can be given", TARGETS_MOST);
    }
    words->targets[words->sim.target_count++] = url;
    return -1;
}

static int read_batch(struct words *words, const char *text) {
    uint64_t count = 0;
    if (text_to_uint64(slice_of(text), &count) < 0 || count < 1 || count > SIM_BATCH_MOST) {
        return cli_misuse("sim", "--batch %s: must be a number from 1 to %d", text, SIM_BATCH_MOST);
    }
    words->sim.batch = (size_t)count;
    return -1;
}

static int read_scale(struct words *words, const char *text) {
    char *end = NULL;
    double scale = strtod(text, &end);
    if (end == text || *end != '\0' || !(scale > 0 && scale <= 1000)) {
        return cli_misuse("sim", "--retry-scale %s: must be a number above 0, 1 for Event Grid's own waits", text);
    }
    words->sim.retry_scale = scale;
    return -1;
}

static int run(struct words *words) {
    struct error error = {0};
    struct sim *sim = NULL;
    int status = CLI_FAILED;
    words->sim.targets = words->targets;
    if (words->trace == YES || (words->trace == BY_TERMINAL && isatty(STDOUT_FILENO))) {
        words->sim.trace_fd = STDOUT_FILENO;
    }
    words->sim.stop_fd = block_signals();
    if (words->sim.stop_fd < 0) {
        return cli_fail("cannot wait for signals: %s", strerror(errno));
    }
    if (crypto_start(&error) < 0) {
        goto out;
    }
    crypto_random(&words->sim.seed, sizeof words->sim.seed);
    sim = sim_start(&words->sim, &error);
    if (sim == NULL) {
        goto out;
    }
    printf("local Job Router on %s\nconnection string: %s\n", sim_endpoint(sim), sim_connection_string(sim));
    fflush(stdout);
    sim_run(sim);
    status = CLI_OK;
out:
    if (status != CLI_OK) {
        cli_fail("%s", error.message);
    }
    sim_free(sim);
    close(words->sim.stop_fd);
    return status;
}

/* Before other threads: they inherit it. The signals are read from the descriptor instead. */
static int block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}
