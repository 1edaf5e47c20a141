/* Events out to their targets, as Event Grid does it: the handshake first, then deliveries, one at a time for each
 * target, in order on the first attempt; what fails is tried again on Event Grid's schedule (scaled), what cannot
 * succeed ends as a dead letter, or is dropped. Facts: learn.microsoft.com, "Event Grid message delivery and
 * retry", "Endpoint validation with Event Grid event schema", "Endpoint validation with CloudEvents schema". All
 * of it on the loop's thread.
 */
#ifndef SIM_DELIVERY_H
#define SIM_DELIVERY_H

#include "base/error.h"
#include "base/loop.h"
#include "event/filter.h"
#include "http/http.h"
#include "sim/clock.h"
#include "sim/core.h"

struct delivery;

enum {
    DELIVERY_WAITING_MOST = 50 * 1000, /* events that a target has not got yet; further ones are dropped */
    DELIVERY_ATTEMPTS = 30,
    DELIVERY_LIVE_SECONDS = 24 * 3600,
};

/* What at-least-once delivery without an order may do, on purpose; shares from 0 to 1. */
struct delivery_chances {
    double duplicate;   /* of events: they come twice */
    double reorder;     /* of events: later ones overtake them */
    double drop_answer; /* of deliveries: their answer counts as none, and they are made again */
};

struct delivery_options {
    struct loop *loop;
    struct http_client *client;
    const char *const *targets;
    size_t target_count;
    const char *subscription;
    size_t batch;
    double retry_scale;
    struct sim_clock clock;      /* of what dead letters say */
    bool is_cloud;               /* CloudEvents 1.0 instead of Event Grid's schema */
    const struct filter *filter; /* NULL: every event passes. Stays the caller's */
    const char *dead_letters;    /* a folder; NULL: what cannot be delivered is dropped */
    unsigned attempts;           /* 0: DELIVERY_ATTEMPTS */
    double live_seconds;         /* unscaled; 0: DELIVERY_LIVE_SECONDS */
    uint64_t seed;
    struct delivery_chances chances;
};

struct delivery *delivery_new(const struct delivery_options *options, struct error *error);
/* Before the client is freed. */
void delivery_free(struct delivery *delivery);
/* For every target; takes its own holds. */
void delivery_push(struct delivery *delivery, struct sim_event *event);

/* Seconds, unscaled, before attempt number `attempts` + 1, after this status (0: no answer). */
double delivery_delay(unsigned attempts, unsigned status);

#endif
