/* A run that looks for faults: the host's engine and the local Job Router's core in one process, in lockstep, in a
 * time of their own. A contact centre, a scenario's or a small one (people.c), keeps the router busy; its events
 * go to the scripts, and what the scripts ask for goes to the router. On the way events come twice, late and out
 * of order, calls are refused, answers are lost, and the host dies between any two steps and is started again on
 * its store. What was done twice all the same, and what was parked, is found, with its place in the scripts.
 *
 * One event is handled at a time, on one worker: the same seed, scripts and length give the same findings. Nothing
 * leaves the process: http.* and C helpers are answered here. The wall clock of the process is held (base/clock.h)
 * from the start to the end of it: one at a time in a process.
 *
 *     struct torture_report *report = torture_run(&options, &error);
 *     torture_print(report, stdout);
 *     status = torture_has_harm(report);
 *     torture_free(report);
 *
 * crypto_start comes before, and signals are the caller's.
 */
#ifndef TORTURE_TORTURE_H
#define TORTURE_TORTURE_H

#include "base/error.h"
#include "config/config.h"
#include "plugin/plugin.h"
#include "sim/scenario.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TORTURE_LENGTH_S = 3600, TORTURE_LENGTH_MOST_S = 7 * 24 * 3600, TORTURE_CRASHES = 60 };

struct torture_options {
    const struct config *config; /* its scripts; workers, retries and the store's place are the torture's own */
    const char *worker;          /* the path of switchhook-worker */
    struct plugins *plugins;     /* known by name only; NULL: none */
    const struct scenario *scenario; /* who calls and who works; NULL: the torture's own small contact centre */
    const char *location;            /* of the store, which must not be there yet */
    uint64_t seed;
    int64_t length_us; /* of the scenario */
    unsigned crashes;  /* at most */
    FILE *events;      /* gets every event of the router, a line of JSON each; NULL: nobody. The caller's */
};

struct torture_report;

/* NULL when it could not be done: the scripts do not load, the store cannot be made, the host hangs. */
struct torture_report *torture_run(const struct torture_options *options, struct error *error);
void torture_free(struct torture_report *report);
/* Something was done twice that must not be, or parked for good. */
bool torture_has_harm(const struct torture_report *report);
void torture_print(const struct torture_report *report, FILE *out);

#endif
