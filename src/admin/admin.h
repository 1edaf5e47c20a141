/* Health, status and the recorded events over HTTP, for operators and the command line: never on the delivery port.
 *
 *     GET  /healthz            200 while the process answers
 *     GET  /readyz             200 once a generation of scripts is live, else 503
 *     GET  /api/status         what the host is doing
 *     GET  /api/events         recorded events, newest first: ?job= &type= &state= &limit= &before=
 *     GET  /api/events/SEQ     one event with its bytes, runs, steps and errors
 *     POST /api/reload         reads the scripts again
 *
 * A page in a browser must not be able to reach it: every call needs a Host that names this machine's loopback, and
 * a call that changes something the header `X-Switchhook: 1`, which no form can send. JSON members are camelCase.
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
    uint16_t delivery_port; /* shown in the status */
};

struct admin *admin_start(const struct admin_options *options, struct error *error);
uint16_t admin_port(const struct admin *admin);
/* Waits for what it is answering. */
void admin_stop(struct admin *admin);

#endif
