/* Events out to their targets, as Event Grid does it: the handshake first, then deliveries, one at a time for each
 * target, in order on the first attempt; what fails is tried again on Event Grid's schedule (scaled), what cannot
 * succeed is dropped. Facts: learn.microsoft.com, "Event Grid message delivery and retry", "Endpoint validation
 * with Event Grid event schema". All of it on the loop's thread.
 */
#ifndef SIM_DELIVERY_H
#define SIM_DELIVERY_H

#include "base/error.h"
#include "base/loop.h"
#include "http/http.h"
#include "sim/core.h"

struct delivery;

enum { DELIVERY_WAITING_MOST = 50 * 1000 }; /* events that a target has not got yet; further ones are dropped */

struct delivery_options {
    struct loop *loop;
    struct http_client *client;
    const char *const *targets;
    size_t target_count;
    const char *subscription;
    size_t batch;
    double retry_scale;
};

struct delivery *delivery_new(const struct delivery_options *options, struct error *error);
/* Before the client is freed. */
void delivery_free(struct delivery *delivery);
/* For every target; takes its own holds. */
void delivery_push(struct delivery *delivery, struct sim_event *event);

/* Seconds, unscaled, before attempt number `attempts` + 1, after this status (0: no answer). */
double delivery_delay(unsigned attempts, unsigned status);

#endif
