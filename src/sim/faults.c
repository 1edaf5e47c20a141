#include "sim/faults.h"
#include "base/clock.h"
#include "sim/chance.h"
#include "sim/state.h"

static double draw_share(const struct faults *faults, const char *what);
static bool is_out(const struct faults *faults, const struct fault_call *call);
static bool is_over_rate(struct faults *faults, const struct fault_call *call, unsigned *retry_after);
static unsigned rule_status(const struct faults *faults, const struct fault_call *call);
static const char *code_of(unsigned status);

void faults_init(struct faults *faults, const struct fault_options *options, uint64_t seed) {
    *faults = (struct faults){.options = *options, .seed = seed, .tokens = options->burst};
}

void faults_judge(struct faults *faults, const struct fault_call *call, struct fault_verdict *verdict) {
    const struct fault_options *options = &faults->options;
    *verdict = (struct fault_verdict){.status = 0};
    faults->count++;
    double wait = options->latency_least;
    wait += draw_share(faults, "latency") * (options->latency_most - options->latency_least);
    verdict->delay_ns = (int64_t)(wait * (double)CLOCK_NS_PER_S);
    if (is_out(faults, call)) {
        verdict->status = 503;
        verdict->message = "an outage on purpose (--outage); nothing was done";
    } else if (is_over_rate(faults, call, &verdict->retry_after)) {
        verdict->status = 429;
        verdict->message = "more calls than the rate limit (--rate-limit) allows; nothing was done";
    } else if ((verdict->status = rule_status(faults, call)) != 0) {
        verdict->message = "this call fails on purpose (--fail); nothing was done";
        verdict->retry_after = verdict->status == 429;
    } else {
        verdict->is_lost = draw_share(faults, "lose") < options->lose_answer;
    }
    verdict->code = code_of(verdict->status);
}

/* From 0 to just below 1. */
static double draw_share(const struct faults *faults, const char *what) {
    return (double)(chance_draw(faults->seed, what, "", faults->count) >> 11) / (double)(UINT64_C(1) << 53);
}

static bool is_out(const struct faults *faults, const struct fault_call *call) {
    double passed = (double)call->passed_us / (double)CLOCK_US_PER_S;
    for (size_t i = 0; i < faults->options.outage_count; i++) {
        if (passed >= faults->options.outages[i].from && passed < faults->options.outages[i].to) {
            return true;
        }
    }
    return false;
}

/* A bucket that fills at the rate and holds a burst. */
static bool is_over_rate(struct faults *faults, const struct fault_call *call, unsigned *retry_after) {
    const struct fault_options *options = &faults->options;
    if (options->rate <= 0) {
        return false;
    }
    double passed = (double)(call->now_ns - faults->filled_ns) / (double)CLOCK_NS_PER_S;
    faults->tokens += faults->filled_ns == 0 ? 0 : passed * options->rate;
    faults->tokens = faults->tokens > options->burst ? options->burst : faults->tokens;
    faults->filled_ns = call->now_ns;
    if (faults->tokens >= 1) {
        faults->tokens -= 1;
        return false;
    }
    *retry_after = 1 + (unsigned)((1 - faults->tokens) / options->rate);
    return true;
}

static unsigned rule_status(const struct faults *faults, const struct fault_call *call) {
    for (size_t i = 0; i < faults->options.rule_count; i++) {
        const struct fault_rule *rule = &faults->options.rules[i];
        bool is_meant = rule->operation == NULL || (slice_is(call->method, rule->operation->method) &&
                                                    sim_matches_path(rule->operation->path, call->path, NULL));
        uint64_t number = faults->count * FAULT_RULES + i;
        if (is_meant && chance_is_within(chance_draw(faults->seed, "fail", "", number), rule->share)) {
            return rule->status;
        }
    }
    return 0;
}

static const char *code_of(unsigned status) {
    switch (status) {
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 408: return "RequestTimeout";
    case 409: return "Conflict";
    case 412: return "PreconditionFailed";
    case 429: return "TooManyRequests";
    case 500: return "InternalServerError";
    case 502: return "BadGateway";
    case 503: return "ServiceUnavailable";
    case 504: return "GatewayTimeout";
    default: return "OnPurpose";
    }
}
