#include "cli/sim.h"
#include "base/log.h"
#include "cli/cli.h"
#include "crypto/crypto.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { REPORT_LIMIT = 64 * 1024 };

static int run_fast(struct sim_words *words);
static int run(struct sim_words *words);
static void print_report(const struct sim *sim);
static int torture(struct sim_words *words);
static void choose_seed(struct sim_words *words);
static bool hangs_on_chance(const struct sim_options *options);
static int block_signals(void);

int cli_sim(int argc, char **argv) {
    struct sim_words words;
    int status = sim_options_read(argc, argv, &words);
    status = status >= 0 ? status : sim_scenario_read(&words);
    if (status < 0) {
        status = words.torture.scripts != NULL ? torture(&words) : words.is_fast ? run_fast(&words) : run(&words);
    }
    sim_words_reset(&words);
    return status;
}

/* Without a trace, unless it is asked for: it is a whole day at once. */
static int run_fast(struct sim_words *words) {
    struct error error = {0};
    if (words->trace == SIM_YES) {
        words->sim.trace_fd = STDOUT_FILENO;
    }
    return crypto_start(&error) < 0 ? cli_fail("%s", error.message) : sim_scenario_run(words);
}

static int run(struct sim_words *words) {
    struct error error = {0};
    struct sim *sim = NULL;
    int status = CLI_FAILED;
    if (words->trace == SIM_YES || (words->trace == SIM_BY_TERMINAL && isatty(STDOUT_FILENO))) {
        words->sim.trace_fd = STDOUT_FILENO;
    }
    words->sim.stop_fd = block_signals();
    if (words->sim.stop_fd < 0) {
        return cli_fail("cannot wait for signals: %s", strerror(errno));
    }
    if (crypto_start(&error) < 0) {
        goto out;
    }
    choose_seed(words);
    sim = sim_start(&words->sim, &error);
    if (sim == NULL) {
        goto out;
    }
    printf("local Job Router on %s\nconnection string: %s\n", sim_endpoint(sim), sim_connection_string(sim));
    fflush(stdout);
    sim_run(sim);
    print_report(sim);
    status = CLI_OK;
out:
    if (status != CLI_OK) {
        cli_fail("%s", error.message);
    }
    sim_free(sim);
    close(words->sim.stop_fd);
    return status;
}

static void print_report(const struct sim *sim) {
    struct buffer report;
    buffer_init(&report, REPORT_LIMIT);
    if (sim_report(sim, &report) == 0) {
        sim_scenario_print(&report);
    }
    buffer_reset(&report);
}

static int torture(struct sim_words *words) {
    struct error error = {0};
    if (crypto_start(&error) < 0) {
        return cli_fail("%s", error.message);
    }
    log_setup(LOG_NOTHING, STDERR_FILENO, false); /* the run says everything itself, the seed too */
    choose_seed(words);
    return sim_torture_run(words);
}

/* Short, so that somebody can type it again. */
static void choose_seed(struct sim_words *words) {
    if (!words->has_seed) {
        uint32_t seed;
        crypto_random(&seed, sizeof seed);
        words->sim.seed = seed;
        if (hangs_on_chance(&words->sim)) {
            log_info("sim", "a seed was chosen: with --seed and this number, chance is the same again",
                     LOG_NUMBER("seed", seed), LOG_END);
        }
    }
}

static bool hangs_on_chance(const struct sim_options *options) {
    const struct delivery_chances *chances = &options->chances;
    const struct fault_options *faults = &options->faults;
    return options->scenario != NULL || chances->duplicate + chances->reorder + chances->drop_answer > 0 ||
           faults->rule_count > 0 || faults->lose_answer > 0 || faults->latency_most > faults->latency_least;
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
