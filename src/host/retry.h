/* When a run that failed is tried again: exponential back-off with jitter, and the answer's own Retry-After. */
#ifndef HOST_RETRY_H
#define HOST_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    unsigned attempts;    /* counted ones, in all */
    double first_seconds; /* before the second attempt */
    double factor;
    double max_seconds;
    bool hold; /* later events of the lane wait meanwhile */
};

/* Microseconds to wait after `attempt` counted attempts (from 1): the back-off, less up to a quarter of it by
 * `chance` (0..1, so that what failed together is not tried together), but never under `retry_after_s` (-1: none),
 * nor over a year. */
int64_t retry_delay_us(const struct retry_policy *policy, unsigned attempt, double chance, int64_t retry_after_s);

#endif
