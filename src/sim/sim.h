/* The local Job Router as a server: the core behind HTTP, its events out to their targets.
 *
 * Requests come in on the listener's thread, where their signature is checked, and are handed to one loop that
 * owns the core and everything that goes out. State is in memory only. It listens on loopback addresses and
 * nowhere else: its key is known to everybody.
 *
 *     struct sim_options options = {.listen = "127.0.0.1:0", .trace_fd = -1, .stop_fd = -1};
 *     struct sim *sim = sim_start(&options, &error);
 *     printf("%s\n", sim_connection_string(sim));
 *     sim_run(sim);   // until sim_stop, or until stop_fd can be read
 *     sim_free(sim);
 *
 * crypto_start comes before. sim_start, sim_run and sim_free are one thread's; sim_stop may be called from any.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buffer.h"
#include "base/error.h"
#include "sim/clock.h"
#include "sim/delivery.h"
#include "sim/faults.h"
#include "sim/scenario.h"
#include <stddef.h>
#include <stdint.h>

struct sim;

#define SIM_ADDRESS      "127.0.0.1:8081"
#define SIM_SUBSCRIPTION "routerevents"
/* For development only, and the same everywhere, so that a connection string can be written down: the 32 bytes
 * "switchhook-local-development-key" in base64. */
#define SIM_DEVELOPMENT_KEY "c3dpdGNoaG9vay1sb2NhbC1kZXZlbG9wbWVudC1rZXk="

enum { SIM_BATCH = 10, SIM_BATCH_MOST = 5000 };
#define SIM_RETRY_SCALE 0.1 /* a first retry after 1 s instead of 10 s */

struct sim_options {
    const char *listen;         /* NULL: SIM_ADDRESS; port 0 takes a free one */
    const char *const *targets; /* URLs that get the events */
    size_t target_count;
    const char *subscription; /* NULL: SIM_SUBSCRIPTION */
    const char *key;          /* base64; NULL: SIM_DEVELOPMENT_KEY */
    const char *token;        /* a bearer token that does as well, and is given out; NULL: none */
    const char *client;       /* "ID:SECRET", who gets it; NULL: anybody who asks */
    struct fault_options faults;
    size_t batch;                /* events in one delivery at most; 0: SIM_BATCH */
    double retry_scale;          /* of Event Grid's schedule; 0: SIM_RETRY_SCALE, or 1 / speed if that is less */
    bool is_cloud;               /* deliveries are CloudEvents 1.0 */
    const struct filter *filter; /* the subscription's; NULL: every event passes. Stays the caller's */
    const char *dead_letters;    /* a folder for what cannot be delivered; NULL: it is dropped */
    unsigned attempts;           /* of a delivery; 0: DELIVERY_ATTEMPTS */
    double live_seconds;         /* of an event, times the scale; 0: DELIVERY_LIVE_SECONDS */
    struct delivery_chances chances;
    double speed;  /* of the router's time; 0: 1, the wall clock's */
    uint64_t seed; /* of the ids, and of all chance but the scenario's */
    /* Whose people act from the start on (sim/crowd.h); NULL: none. Stays the caller's. */
    const struct scenario *scenario;
    int trace_fd; /* one line for each thing that happens; -1: none */
    int stop_fd;  /* stops when it can be read; -1: none. Stays the caller's */
};

/* Listens when it returns. */
struct sim *sim_start(const struct sim_options *options, struct error *error);
uint16_t sim_port(const struct sim *sim);
/* http://127.0.0.1:PORT */
const char *sim_endpoint(const struct sim *sim);
/* endpoint=...;accesskey=... */
const char *sim_connection_string(const struct sim *sim);
void sim_run(struct sim *sim);
void sim_stop(struct sim *sim);
/* Appends what came of the scenario, for people; after sim_run. Nothing without a scenario. -1 without memory. */
int sim_report(const struct sim *sim, struct buffer *out);
void sim_free(struct sim *sim);

#endif
