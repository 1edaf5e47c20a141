/* A scenario from its start to its end as fast as the machine can: a core and a crowd, no clock, nobody outside.
 * The same scenario with the same seed writes the same bytes on the same machine. crypto_start comes before.
 *
 *     struct sim_fast_options options = {.scenario = scenario, .seed = 7, .trace_fd = -1};
 *     if (sim_fast(&options, &report, &error) < 0) ...
 */
#ifndef SIM_FAST_H
#define SIM_FAST_H

#include "base/buffer.h"
#include "base/error.h"
#include "sim/scenario.h"

struct sim_fast_options {
    const struct scenario *scenario;
    uint64_t seed;      /* of the router's ids and of the crowd's chance */
    const char *events; /* a file that gets every event, one line of JSON each; NULL: none */
    int trace_fd;       /* one line for each thing that happens; -1: none */
};

/* Appends crowd_report's words. */
int sim_fast(const struct sim_fast_options *options, struct buffer *report, struct error *error);

#endif
