/* `switchhook sim --torture SCRIPTS`: its options, and a run of it. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/scratch.h"
#include "cli/sim.h"
#include "host/program.h"
#include "torture/torture.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_scripts(const struct sim_torture *words, struct config *config);
static int run_telling(struct torture_options *options, const char *events, struct error *error);
static int run(struct torture_options *options, struct error *error);

int sim_torture_read(struct sim_torture *words, const char *option, const char *text) {
    uint64_t crashes = 0;
    if (strcmp(option, "torture") == 0) {
        words->scripts = text;
        return -1;
    }
    words->first_option = words->first_option == NULL ? option : words->first_option;
    if (strcmp(option, "config") == 0) {
        words->config = text;
    } else if (strcmp(option, "length") == 0 &&
               sim_read_seconds(text, 60, TORTURE_LENGTH_MOST_S, &words->length_s) < 0) {
        return cli_misuse("sim", "--length %s: must be a time from 1m to 168h, such as 2h", text);
    } else if (strcmp(option, "crashes") == 0) {
        if (text_to_uint64(slice_of(text), &crashes) < 0 || crashes > 100000) {
            return cli_misuse("sim", "--crashes %s: must be a number from 0 to 100000", text);
        }
        words->crashes = (unsigned)crashes;
        words->has_crashes = true;
    }
    return -1;
}

int sim_torture_run(const struct sim_words *all) {
    const struct sim_torture *words = &all->torture;
    struct config *config = cli_config_partly(words->config);
    struct error error = {0};
    struct plugins *plugins = NULL;
    int status = CLI_FAILED;
    char worker[PATH_MAX];
    if (config == NULL) {
        return CLI_FAILED;
    }
    struct torture_options options = {
        .config = config,
        .worker = worker,
        .scenario = all->people,
        .seed = all->sim.seed,
        .length_us = words->length_s > 0   ? (int64_t)(words->length_s * 1e6)
                     : all->people != NULL ? all->people->length_us
                                           : TORTURE_LENGTH_S * CLOCK_US_PER_S,
        .crashes = words->has_crashes ? words->crashes : TORTURE_CRASHES,
    };
    if (find_scripts(words, config) < 0) {
        goto out;
    }
    plugins = plugins_load(config->plugins, true, &error);
    options.plugins = plugins;
    if (plugins == NULL || program_find_worker(worker, &error) < 0) {
        cli_fail("%s", error.message);
        goto out;
    }
    status = run_telling(&options, all->events, &error);
    if (status < 0) {
        status = cli_fail("%s", error.message);
    }
out:
    plugins_free(plugins);
    config_free(config);
    return status;
}

static int find_scripts(const struct sim_torture *words, struct config *config) {
    char *scripts = realpath(words->scripts, NULL);
    if (scripts == NULL) {
        return cli_fail("cannot read the folder %s: %s", words->scripts, strerror(errno)) == CLI_OK ? 0 : -1;
    }
    free(scripts);
    scripts = strdup(words->scripts);
    if (scripts == NULL) {
        cli_fail("no memory");
        return -1;
    }
    for (size_t length = strlen(scripts); length > 1 && scripts[length - 1] == '/'; length--) {
        scripts[length - 1] = '\0';
    }
    free(config->scripts);
    config->scripts = scripts;
    return 0;
}

/* Into a file, if one is named. */
static int run_telling(struct torture_options *options, const char *events, struct error *error) {
    if (events == NULL) {
        return run(options, error);
    }
    options->events = fopen(events, "we");
    if (options->events == NULL) {
        return error_system(error, errno, "cannot write %s", events);
    }
    int status = run(options, error);
    bool is_written = fflush(options->events) == 0 && !ferror(options->events);
    int reason = errno;
    if ((fclose(options->events) != 0 || !is_written) && status >= 0) {
        status = error_system(error, is_written ? errno : reason, "cannot write %s", events);
    }
    return status;
}

static int run(struct torture_options *options, struct error *error) {
    char folder[PATH_MAX], location[PATH_MAX + 32];
    program_block_signals();
    double hours = (double)options->length_us / 3.6e9;
    printf("Torture of %s: %g %s of a contact centre, at most %u crashes. Nothing leaves this machine.\n"
           "The same again: --seed %" PRIu64 "\n",
           options->config->scripts, hours < 1 ? hours * 60 : hours, hours < 1 ? "min" : "h", options->crashes,
           options->seed);
    (void)fflush(stdout);
    if (cli_scratch_make(folder, "torture", true, error) < 0) {
        return -1;
    }
    snprintf(location, sizeof location, "sqlite:%s/store.db", folder);
    options->location = location;
    struct torture_report *report = torture_run(options, error);
    cli_scratch_remove(folder);
    if (report == NULL) {
        return -1;
    }
    torture_print(report, stdout);
    int status = torture_has_harm(report) ? CLI_FAILED : CLI_OK;
    torture_free(report);
    return status;
}
