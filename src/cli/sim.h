/* `switchhook sim`: what its options say, and their reading. */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include "sim/sim.h"
#include <stdbool.h>

enum { SIM_TARGETS_MOST = 16 };

enum sim_choice { SIM_BY_TERMINAL, SIM_YES, SIM_NO };

struct sim_words {
    struct sim_options sim; /* looks into the words of the command line, and into this struct */
    const char *targets[SIM_TARGETS_MOST];
    enum sim_choice trace;
    bool has_seed;
};

/* Into `words`, whatever it held. The exit status, or -1 to go on. */
int sim_options_read(int argc, char **argv, struct sim_words *words);

/* sim_values.c: values of options. 0, or -1 when the text is none. */
int sim_read_number(const char *text, double least, double most, double *value);

#endif
