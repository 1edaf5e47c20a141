/* A scenario: the people of a contact centre and the router that they meet, read from a Lua file or made by hand.
 * Only data; crowd.h lets it happen. docs/simulator.md says what the file may hold.
 *
 *     struct scenario *scenario = scenario_load("monday.lua", &error);
 *     struct crowd *crowd = crowd_new(core, scenario, scenario->seed, &error);
 *     ...
 *     scenario_free(scenario);     // after the crowd
 *
 * The file is Lua in an empty environment: a few functions, no libraries, at most SCENARIO_STEPS instructions and
 * SCENARIO_MEMORY bytes. Errors name the file, the line and the nearest right name. Whoever holds a scenario only
 * reads it. Bodies are JSON objects, as the REST API takes them; times of the day are seconds since midnight.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCENARIO_STEPS = 1000000,
    SCENARIO_MEMORY = 16 << 20,
    SCENARIO_FILE_LIMIT = 1 << 20,
    SCENARIO_WORKERS_MOST = 10000, /* of all groups together */
    SCENARIO_LIST_MOST = 1000,     /* of anything else */
    SCENARIO_DAY_S = 24 * 3600
};

/* How long something takes: each time drawn anew, never below 0. */
enum scenario_spread { SCENARIO_BETWEEN, SCENARIO_EXPONENTIAL, SCENARIO_NORMAL };
struct scenario_time {
    enum scenario_spread spread;
    double a, b; /* seconds: least and most, the same for a fixed time; mean; mean and deviation */
};

/* A part of each day, from < to. */
struct scenario_span {
    int32_t from_s, to_s;
};
struct scenario_spans {
    const struct scenario_span *list; /* by time, apart from each other */
    size_t count;
};

/* What the router gets before anybody comes: PATCH, in this order. */
struct scenario_call {
    const char *what; /* "queue support" */
    const char *path; /* encoded */
    const char *body;
    int line; /* in the file */
};

struct scenario_workers {
    const char *const *names; /* ids */
    size_t count;
    const char *body; /* without availableForOffers; never empty */
    int line;
    double accept, decline; /* of 1; the rest of the offers is not answered */
    struct scenario_time answer_after, talk, wrap_up;
    struct scenario_time returns_after; /* who did not answer was deregistered, and comes back */
    struct scenario_spans shifts;       /* none: always */
    struct scenario_spans breaks;
    int64_t leaves_after_us; /* of its first registration; -1: stays */
};

/* One of several values, by weight. */
struct scenario_value {
    const char *json;
    double weight;
};
struct scenario_label {
    const char *name; /* as JSON, with its quotes */
    const struct scenario_value *values;
    size_t count;
};

struct scenario_customers {
    const char *name; /* jobs are NAME-1, NAME-2, ... */
    const char *body; /* without labels and matchingMode; never empty */
    int line;
    const struct scenario_label *labels;
    size_t label_count;
    double per_hour[24]; /* arrivals, by the hour of the day */
    bool has_patience;
    struct scenario_time patience; /* of waiting in a queue, then the job is cancelled */
    double callbacks;              /* of 1: those that come to be called back */
    struct scenario_time callback_after;
    bool is_activated; /* by the crowd itself; else by whoever handles RouterJobWaitingForActivation */
    struct scenario_time activated_after;
};

struct scenario {
    const char *file; /* for messages; NULL: none */
    uint64_t seed;
    int64_t day_us;  /* midnight of the first day, since 1970 */
    int32_t start_s; /* of that day */
    int64_t length_us;
    const struct scenario_call *calls;
    size_t call_count;
    const struct scenario_workers *workers; /* groups */
    size_t worker_count;
    const struct scenario_customers *customers; /* streams */
    size_t customer_count;
};

/* NULL with an error that names the file and the line. */
struct scenario *scenario_load(const char *file, struct error *error);
/* The same of a text; `name` is the file's in messages. */
struct scenario *scenario_read(const char *text, size_t length, const char *name, struct error *error);
void scenario_free(struct scenario *scenario);

#endif
