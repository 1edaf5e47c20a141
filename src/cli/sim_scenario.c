#include "cli/cli.h"
#include "cli/sim.h"
#include "sim/fast.h"
#include <stdio.h>

enum { REPORT_LIMIT = 64 * 1024 };

static void choose_seed(struct sim_words *words);
static int check(const struct sim_words *words);

int sim_scenario_read(struct sim_words *words) {
    struct error error = {0};
    int status = check(words);
    if (status >= 0 || words->scenario == NULL) {
        return status;
    }
    words->people = scenario_load(words->scenario, &error);
    if (words->people == NULL) {
        return cli_fail("%s", error.message);
    }
    choose_seed(words);
    words->sim.scenario = words->people;
    return -1;
}

int sim_scenario_run(const struct sim_words *words) {
    struct error error = {0};
    struct buffer report;
    buffer_init(&report, REPORT_LIMIT);
    int status = CLI_OK;
    if (sim_fast(&(struct sim_fast_options){.scenario = words->people,
                                            .seed = words->sim.seed,
                                            .events = words->events,
                                            .trace_fd = words->sim.trace_fd},
                 &report, &error) < 0) {
        status = cli_fail("%s", error.message);
    } else {
        sim_scenario_print(&report);
    }
    buffer_reset(&report);
    return status;
}

void sim_scenario_print(const struct buffer *report) {
    fwrite(report->bytes == NULL ? "" : report->bytes, 1, report->length, stdout);
    fflush(stdout);
}

/* Beside others the ids are new each time, if nobody says otherwise: a host remembers the events that it had. */
static void choose_seed(struct sim_words *words) {
    bool is_alone = words->is_fast || words->torture.scripts != NULL;
    if (words->has_seed) {
        words->people->seed = words->sim.seed;
    } else if (is_alone) {
        words->sim.seed = words->people->seed;
        words->has_seed = true;
    }
}

static int check(const struct sim_words *words) {
    if (words->torture.scripts != NULL && (words->is_fast || words->outside != NULL || words->sim.speed > 0)) {
        return cli_misuse("sim", "--torture has a time of its own and nobody outside: --%s has no place in it",
                          words->outside != NULL ? words->outside
                          : words->is_fast       ? "fast"
                                                 : "speed");
    }
    if (words->is_fast && words->scenario == NULL) {
        return cli_misuse("sim", "--fast runs a scenario: name one with --scenario FILE");
    }
    if (words->events != NULL && !words->is_fast && words->torture.scripts == NULL) {
        return cli_misuse("sim",
                          "--events goes with --fast or --torture; other runs deliver their events (--to URL)");
    }
    if (words->is_fast && words->sim.target_count > 0) {
        return cli_misuse("sim", "--fast has nobody outside, so --to has no place in it: with a target, time can "
                                 "run only as fast as it answers; use --speed instead");
    }
    if (words->is_fast && words->outside != NULL) {
        return cli_misuse("sim", "--fast has nobody outside, so --%s has no place in it", words->outside);
    }
    if (words->is_fast && words->sim.speed > 0) {
        return cli_misuse("sim", "--fast and --speed are two ways to run: use one of them");
    }
    return -1;
}
