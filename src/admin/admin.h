/* Health, status and the recorded events over HTTP, for operators and the command line: never on the delivery
 * port.
 *
 *     GET  /healthz                 200 while the process answers
 *     GET  /readyz                  200 once a generation of scripts is live, else 503
 *     GET  /metrics                 for Prometheus
 *     GET  /api/status              what the host is doing
 *     GET  /api/events              recorded events, newest first: ?job= &type= &state= &limit= &before=
 *     GET  /api/events/SEQ          one event with its bytes, runs, steps and errors
 *     GET  /api/stream              what happens, as it happens: server-sent events
 *     GET  /api/check               whether the store is sound
 *     GET  /api/handshakes          who asked to be allowed to deliver, the last ones
 *     POST /api/events/SEQ/replay   its parked runs again: {"fromStart": false, "force": false}
 *     POST /api/pause, /api/resume  all handlers, or ?handler=NAME
 *     POST /api/backup              a copy of the store: {"file": "PATH"}
 *     POST /api/reload              reads the scripts again
 *
 * A page in a browser must not be able to reach it: every call needs a Host that names this machine's loopback,
 * and a call that changes something the header `X-Switchhook: 1`, which no form can send. JSON members are
 * camelCase.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/error.h"
#include "host/host.h"
#include "store/store.h"
#include <stdint.h>

struct admin;

struct admin_options {
    const char *address;
    struct host *host;
    struct store *store;
};

struct admin *admin_start(const struct admin_options *options, struct error *error);
uint16_t admin_port(const struct admin *admin);
/* Where deliveries come in, once that is known: shown in the status. */
void admin_set_delivery_port(struct admin *admin, uint16_t port);
/* The host's notes, on its loop's thread: counted, and told to whoever listens. Never waits. */
void admin_note(struct admin *admin, const struct host_note *note);

/* What became of a delivery. */
struct admin_delivery {
    unsigned status;
    double seconds;                   /* from its last byte to its answer; 0: not known */
    const struct store_event *events; /* of a 200 */
    size_t count;
};
/* Any thread, before the delivery is answered; short. */
void admin_delivery(struct admin *admin, const struct admin_delivery *delivery);

/* Somebody asked to be allowed to deliver, or their subscription was deleted. Unset slices: not known. */
enum admin_handshake_kind { ADMIN_SHOOK, ADMIN_REFUSED, ADMIN_UNSUBSCRIBED };
struct admin_handshake {
    enum admin_handshake_kind what;
    bool is_cloud;
    struct slice subscription, origin, url, reason;
};
/* Any thread; short. */
void admin_handshake(struct admin *admin, const struct admin_handshake *handshake);

/* Waits for what it is answering. */
void admin_stop(struct admin *admin);

#endif
