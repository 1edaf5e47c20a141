/* `switchhook sim`: what its options say, and their reading. */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include "sim/sim.h"
#include <stdbool.h>

enum { SIM_TARGETS_MOST = 16 };

enum sim_choice { SIM_BY_TERMINAL, SIM_YES, SIM_NO };

struct sim_torture {
    const char *scripts; /* NULL: no torture */
    const char *config;
    double length_s; /* 0: as long as it is when nobody says */
    unsigned crashes;
    bool has_crashes;
    const char *first_option; /* that means nothing without --torture; NULL: none was given */
};

struct sim_words {
    struct sim_options sim; /* looks into the words of the command line, and into this struct */
    const char *targets[SIM_TARGETS_MOST];
    enum sim_choice trace;
    const char *outside; /* an option that means nothing with nobody outside; NULL: none was given */
    bool has_seed;
    struct sim_torture torture;
    struct filter *filter;   /* owned: freed with sim_words_reset */
    const char *scenario;    /* a file */
    struct scenario *people; /* owned, as the filter */
    bool is_fast;
    const char *events; /* a file for all of them */
};

/* Into `words`, whatever it held. The exit status, or -1 to go on. */
int sim_options_read(int argc, char **argv, struct sim_words *words);
void sim_words_reset(struct sim_words *words);

/* sim_scenario.c */
/* Reads the scenario, when one is named, and checks what does not go with it. The exit status, or -1 to go on. */
int sim_scenario_read(struct sim_words *words);
/* The whole scenario as fast as possible. The exit status. */
int sim_scenario_run(const struct sim_words *words);
void sim_scenario_print(const struct buffer *report);
/* sim_torture.c */
/* An option of it; the exit status, or -1 to go on. */
int sim_torture_read(struct sim_torture *words, const char *option, const char *text);
/* The exit status. crypto_start comes before. */
int sim_torture_run(const struct sim_words *words);

/* sim_values.c: values of options. 0, or -1 when the text is none. */
int sim_read_number(const char *text, double least, double most, double *value);
/* "5%", "0.5%", "100%": a share from 0 to 1. */
int sim_read_share(const char *text, double *share);
/* "20ms", "1.5s", "7m", "24h". */
int sim_read_seconds(const char *text, double least, double most, double *seconds);

/* "20ms" or "20ms..80ms", a second time before the first one is none. */
int sim_read_span(const char *text, double most, double *from, double *to);
/* "50/s", "100/m": so many a second, and so many at once. */
int sim_read_rate(const char *text, double *rate, double *burst);

/* sim_faults.c: "503:10%", "router.jobs.cancel=409", of --fail. -1 with the error. */
int sim_read_fault(const char *text, struct fault_rule *rule, struct error *error);

/* sim_filter.c: a filter from a file that holds it, or a whole event subscription as ARM has it. NULL with the
 * error; the caller frees it. */
struct filter *sim_read_filter(const char *path, struct error *error);

#endif
