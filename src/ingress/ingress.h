/* Deliveries: Event Grid's POSTs, from the socket to the store and back. docs/internals/ingress.md tells the
 * life of one and gives the reason for each status.
 *
 * A delivery is answered 200 when all of it is committed, and not before: while the store works, the request
 * waits and holds no thread. What a delivery says about itself is never believed beyond what `verify` lets
 * through.
 *
 *     struct ingress *ingress = ingress_start(&(struct ingress_options){
 *         .address = "127.0.0.1:8080", .path = "/events", .body_limit = 4 << 20,
 *         .verify = verify, .store = store, .may_accept = may_accept, .context = host}, &error);
 *     ...
 *     ingress_quiesce(ingress);   // no new connections; deliveries on the open ones are told to come back
 *     ingress_stop(ingress);      // waits until what the store has is answered; then the store may be closed
 */
#ifndef INGRESS_INGRESS_H
#define INGRESS_INGRESS_H

#include "base/error.h"
#include "store/store.h"
#include "verify/verify.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of one request, for the metrics. */
struct ingress_outcome {
    unsigned status;
    size_t stored, duplicates, quarantined; /* of a 200 */
    const struct store_event *events;       /* of a 200: each with what became of it; only during the call */
    size_t count;
    double seconds; /* from the body's last byte to the answer; 0: refused before its body */
};

/* Somebody who wants to deliver, or no longer does. Slices live during the call; what is not known is unset. */
enum ingress_handshake_kind {
    INGRESS_SHOOK,
    INGRESS_REFUSED,
    INGRESS_DELETED, /* the subscription is gone */
};
struct ingress_handshake {
    enum ingress_handshake_kind what;
    bool is_cloud;             /* CloudEvents' OPTIONS, and not the validation event */
    struct slice subscription; /* as the sender names it; of a deleted one perhaps its resource id */
    struct slice origin;       /* of OPTIONS */
    struct slice url;          /* by which an operator may consent, too */
    struct slice reason;       /* of a refusal */
};

struct ingress_options {
    const char *address; /* host:port; port 0 takes a free one */
    const char *path;    /* /events */
    size_t body_limit;
    struct verify *verify; /* this and the store: the caller's, until ingress_stop has returned */
    struct store *store;
    /* Asked once for each delivery whose sender is verified; false: 503. NULL: always. Any thread, must be
     * short. */
    bool (*may_accept)(void *context);
    /* Called before each answer goes out. NULL: nobody asks. Any thread, must be short. */
    void (*on_outcome)(const struct ingress_outcome *outcome, void *context);
    /* Called for each handshake before it is answered, and for each deleted subscription. NULL: nobody asks. Any
     * thread, must be short. */
    void (*on_handshake)(const struct ingress_handshake *handshake, void *context);
    void *context;
};

struct event;

/* What the store keeps of it; slices look where the event's look. Local events are marked malformed: only scripts
 * raise them. */
struct store_event ingress_store_event(const struct event *event);

struct ingress;

struct ingress *ingress_start(const struct ingress_options *options, struct error *error);
uint16_t ingress_port(const struct ingress *ingress);

/* A delivery by whoever runs the host, without HTTP and the checks of a sender: a body and its content type
 * (unset: JSON). Waits for the commit. Returns the status that a POST of it gets; with 200 the outcome's counts
 * are filled in, else the error. Any thread but the store's, until ingress_stop. */
unsigned ingress_deliver(struct ingress *ingress, struct slice body, struct slice type,
                         struct ingress_outcome *outcome, struct error *error);
void ingress_quiesce(struct ingress *ingress);
/* NULL is fine. */
void ingress_stop(struct ingress *ingress);

#endif
