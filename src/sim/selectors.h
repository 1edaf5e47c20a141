/* A job's worker selectors while they live: `requestedWorkerSelectors`, into its body, and the attached ones of
 * its classification policy. One with `expiresAfterSeconds` expires that long after the job first waited in a
 * queue with it; from then on it asks for nothing. Only a waiting job's selectors expire: what passed while a
 * worker had the job, or while it was suspended, is told when it waits again.
 *
 * Other requested selectors, or other attached ones, begin with whole lives. */
#ifndef SIM_SELECTORS_H
#define SIM_SELECTORS_H

#include "json/tree.h"
#include <stdbool.h>
#include <stdint.h>

struct sim_core;
struct sim_job;

enum sim_selector_state {
    SIM_SELECTOR_ACTIVE,
    SIM_SELECTOR_EXPIRING, /* while RouterJobWorkerSelectorsExpired is written */
    SIM_SELECTOR_EXPIRED
};

struct sim_selector_life {
    enum sim_selector_state state;
    double seconds; /* negative: it does not end */
    int64_t end_us; /* -1: not begun */
};

struct sim_selectors {
    const struct json *list;         /* an array, or NULL for none */
    struct json *owned;              /* the same, when it is the job's own and not the body's */
    struct sim_selector_life *lives; /* of each; NULL when none ends */
};

/* `list` takes the place of what was there: into the body (`owned` NULL), or taken over. */
void sim_selectors_set(struct sim_core *core, struct sim_selectors *selectors, const struct json *list,
                       struct json *owned);
void sim_selectors_reset(struct sim_selectors *selectors);
/* The attached ones of a classification: takes `list` (an array, or NULL) over. The caller revokes offers, and
 * enqueues or stirs. */
void sim_job_attach(struct sim_core *core, struct sim_job *job, struct json *list);

/* Whether labels meet all of the job's selectors that did not expire. */
bool sim_job_accepts(const struct sim_job *job, const struct json *labels);
/* Reads again whether one of them expedites the job. */
void sim_job_read_expedite(struct sim_job *job);

/* The job waits in a queue from now on: lives that have not begun get their ends, which RouterJobQueued tells. */
void sim_selectors_begin(struct sim_core *core, struct sim_job *job);
/* After that event: what is over expires, now and while the job waits. */
void sim_selectors_go_on(struct sim_core *core, struct sim_job *job);
/* It does not wait any more. */
void sim_selectors_pause(struct sim_core *core, struct sim_job *job);

/* NULL: it does not end. */
const struct sim_selector_life *sim_selector_life(const struct sim_selectors *selectors, size_t index);
/* As the REST API has them: with status, and expiresAt when there is an end. NULL without memory. */
struct json *sim_selectors_json(const struct sim_selectors *selectors);

#endif
