/* What goes wrong on purpose with calls of the REST API: failures by chance, lost answers, waits, a rate limit,
 * outages. It judges, and does nothing itself. Chance comes from the seed and the call's number alone.
 *
 *     struct faults faults;
 *     faults_init(&faults, &options, seed);
 *     faults_judge(&faults, &(struct fault_call){.method = ..., .path = ...}, &verdict);   // each call once
 *     if (verdict.status != 0) ... the call fails so, and is not done
 *
 * One thread at a time; nothing to free.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "base/slice.h"
#include "router/router.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_RULES = 16, FAULT_OUTAGES = 16 };

struct fault_rule {
    const struct router_operation *operation; /* NULL: every call */
    unsigned status;
    double share; /* of those calls */
};

struct fault_outage {
    double from, to; /* seconds of the router's time since the start */
};

struct fault_options {
    struct fault_rule rules[FAULT_RULES]; /* of several that a call meets, the first decides */
    size_t rule_count;
    struct fault_outage outages[FAULT_OUTAGES];
    size_t outage_count;
    double lose_answer;                 /* the share of calls that are done, and whose answer is lost */
    double latency_least, latency_most; /* seconds by the wall */
    double rate, burst;                 /* calls a second, and at once; 0: as many as come */
};

struct faults {
    struct fault_options options;
    uint64_t seed;
    uint64_t count; /* of calls judged */
    double tokens;  /* calls that the rate limit would let in now */
    int64_t filled_ns;
};

struct fault_call {
    struct slice method, path;
    int64_t now_ns;    /* monotonic */
    int64_t passed_us; /* of the router's time, since the start */
};

struct fault_verdict {
    unsigned status; /* 0: the call is done; else it is not, and fails so */
    const char *code, *message;
    unsigned retry_after; /* seconds; 0: the answer does not say */
    bool is_lost;         /* the call is done, and its answer is this: */
    int64_t delay_ns;     /* before the answer goes out */
};
enum { FAULT_LOST_STATUS = 504 };
#define FAULT_LOST_CODE    "GatewayTimeout"
#define FAULT_LOST_MESSAGE "the answer is lost on purpose (--lose-answers); the call was done"

void faults_init(struct faults *faults, const struct fault_options *options, uint64_t seed);
void faults_judge(struct faults *faults, const struct fault_call *call, struct fault_verdict *verdict);

#endif
