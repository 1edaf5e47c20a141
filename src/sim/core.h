/* The local Job Router, without a clock, threads, sockets or chance: requests and the time go in, answers and
 * events come out. Whoever owns a core says what time it is; the same calls with the same times and the same seed
 * give the same bytes, so a day of a contact centre can be run in a second, and a test can move the time by hand.
 *
 * What it does stands in docs/simulator.md. Facts: the REST contract of api-version 2023-11-01
 * (Azure/azure-rest-api-specs, communication/data-plane/JobRouter/stable/2023-11-01), its event schemas
 * (eventgrid/data-plane/Microsoft.Communication) and learn.microsoft.com, "Job Router key concepts".
 *
 *     struct sim_core *core = sim_core_new(1, &error);
 *     sim_core_request(core, now_us, &(struct sim_request){.method = ..., .path = ..., .query = ...}, &answer);
 *     while ((event = sim_core_take_event(core)) != NULL) { deliver(event); sim_event_release(event); }
 *     sim_core_advance(core, sim_core_next(core));   // an offer expires, a scheduled job is due
 *
 * One thread at a time. The time never goes backwards: an earlier one than the last is taken as the last. A core
 * that ran out of memory may have lost half of a change: it says so to every later request (500) instead of going
 * on.
 */
#ifndef SIM_CORE_H
#define SIM_CORE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct sim_core;

#define SIM_NEVER INT64_MAX

/* The topic of every event: what a resource of this name would have. */
#define SIM_TOPIC                                                                                                 \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/"                         \
    "Microsoft.Communication/communicationServices/switchhook-sim"

struct sim_core *sim_core_new(uint64_t seed, struct error *error);
void sim_core_free(struct sim_core *core);

/* A call as it comes over HTTP, already authenticated. Unset slices: the header is absent. */
struct sim_request {
    struct slice method;
    struct slice path;  /* as sent: percent-encoded, without the query */
    struct slice query; /* as sent, without '?' */
    /* Where the caller found the router: "http://127.0.0.1:8081". Links begin with it; unset: with the path. */
    struct slice origin;
    struct slice content_type;
    struct slice if_match;
    struct slice if_unmodified_since;
    struct slice body;
};

enum { SIM_ETAG_SIZE = 40, SIM_DATE_SIZE = 40, SIM_CODE_SIZE = 64, SIM_ANSWER_LIMIT = 256 * 1024 * 1024 };

struct sim_answer {
    unsigned status;
    struct buffer body;                /* JSON; empty for 204 */
    char etag[SIM_ETAG_SIZE];          /* of the ETag header; "": none */
    char last_modified[SIM_DATE_SIZE]; /* of the Last-Modified header; "": none */
    char code[SIM_CODE_SIZE];          /* of x-ms-error-code; "": no error */
};
void sim_answer_init(struct sim_answer *answer);
void sim_answer_reset(struct sim_answer *answer);

/* What is due before `now_us` happens first. Always leaves an answer. */
void sim_core_request(struct sim_core *core, int64_t now_us, const struct sim_request *request,
                      struct sim_answer *answer);

/* The moment at which something happens by itself, or SIM_NEVER. */
int64_t sim_core_next(const struct sim_core *core);
/* Lets happen, each at its own moment, what is due up to `now_us`. */
void sim_core_advance(struct sim_core *core, int64_t now_us);

/* One event, as one element of a delivery. Shared: an event that goes to several targets is held by each. */
struct sim_event {
    const char *type; /* RouterJobQueued; constant */
    char id[37];
    int64_t time_us;
    char *json;
    size_t length;
    unsigned holders;
};
/* The oldest that was not taken yet, with one hold for the caller; NULL when there is none. */
struct sim_event *sim_core_take_event(struct sim_core *core);
struct sim_event *sim_event_hold(struct sim_event *event);
void sim_event_release(struct sim_event *event);

/* Told of each happening, in order, also of those that raise no event ("scheduled", "activated"): `id` is the job
 * or worker that it is about. Called from inside the functions above; must not call them. */
typedef void sim_trace(void *context, int64_t now_us, const char *id, const char *what);
void sim_core_set_trace(struct sim_core *core, sim_trace *trace, void *context);

#endif
