/* Deliveries that come from inside the process: the same envelopes and the same commit, without a request. */
#include "base/clock.h"
#include "base/list.h"
#include "ingress/private.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A thread of the store tells the one that waits. */
struct waiting {
    struct store_work work;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_done;
};

static unsigned deliver(struct ingress *ingress, struct slice body, struct slice type,
                        struct ingress_outcome *outcome, struct error *error);
static bool is_taken(struct slice type);
static unsigned store(struct ingress *ingress, const struct envelope *envelope, struct ingress_outcome *outcome,
                      struct error *error);
static int append(struct ingress *ingress, struct store_event *events, size_t count, struct error *error);
static void on_stored(struct store_work *work);
static unsigned refuse(struct error *error, unsigned status, enum error_code code, const char *message);

unsigned ingress_deliver(struct ingress *ingress, struct slice body, struct slice type,
                         struct ingress_outcome *outcome, struct error *error) {
    int64_t began_ns = clock_monotonic_ns();
    *outcome = (struct ingress_outcome){0};
    outcome->status = deliver(ingress, body, type, outcome, error);
    outcome->seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
    if (outcome->status != 200 && ingress->options.on_outcome != NULL) {
        ingress->options.on_outcome(outcome, ingress->options.context);
    }
    return outcome->status;
}

static unsigned deliver(struct ingress *ingress, struct slice body, struct slice type,
                        struct ingress_outcome *outcome, struct error *error) {
    struct envelope envelope;
    struct json_error where = {0};
    if (slice_is_set(type) && !is_taken(type)) {
        return refuse(error, 415, ERROR_INVALID,
                      "the content type is none of application/json, application/cloudevents+json and "
                      "application/cloudevents-batch+json");
    }
    if (body.length > ingress->options.body_limit) {
        return refuse(error, 413, ERROR_LIMIT, "the body is larger than limits.body_mib allows");
    }
    if (atomic_load(&ingress->is_quiesced) ||
        (ingress->options.may_accept != NULL && !ingress->options.may_accept(ingress->options.context))) {
        return refuse(error, 503, ERROR_BUSY,
                      "no deliveries are taken at the moment: the backlog is full, or the host is stopping");
    }
    envelope_init(&envelope);
    unsigned status = 200;
    if (envelope_read(&envelope, body.bytes, body.length, &where) < 0) {
        bool has_no_memory = where.offset == SIZE_MAX;
        status = has_no_memory ? 503 : 400;
        if (has_no_memory) {
            error_memory(error);
        } else {
            error_set(error, ERROR_INVALID, "%s at byte %zu", where.message, where.offset);
        }
    } else if (envelope.count > 0) {
        status = store(ingress, &envelope, outcome, error);
    }
    envelope_reset(&envelope);
    return status;
}

/* Parameters do not matter. */
static bool is_taken(struct slice type) {
    static const char *const taken[] = {"application/json", "application/cloudevents+json",
                                        "application/cloudevents-batch+json"};
    size_t length = 0;
    while (length < type.length && strchr("; \t", type.bytes[length]) == NULL) {
        length++;
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (slice_equal_ignoring_case(slice_make(type.bytes, length), slice_of(taken[i]))) {
            return true;
        }
    }
    return false;
}

static unsigned store(struct ingress *ingress, const struct envelope *envelope, struct ingress_outcome *outcome,
                      struct error *error) {
    struct store_event *events = calloc(envelope->count, sizeof *events);
    if (events == NULL) {
        return refuse(error, 503, ERROR_MEMORY, "no memory for the delivery's events");
    }
    for (size_t i = 0; i < envelope->count; i++) {
        events[i] = ingress_store_event(&envelope->events[i]);
    }
    unsigned status = 503;
    if (append(ingress, events, envelope->count, error) == 0) {
        status = outcome->status = 200;
        outcome->events = events;
        outcome->count = envelope->count;
        ingress_count(outcome);
        if (ingress->options.on_outcome != NULL) {
            ingress->options.on_outcome(outcome, ingress->options.context);
        }
        outcome->events = NULL;
        outcome->count = 0;
    }
    free(events);
    return status;
}

static int append(struct ingress *ingress, struct store_event *events, size_t count, struct error *error) {
    struct waiting waiting = {
        .work = {.verb = STORE_APPEND,
                 .append = {.events = events, .count = count, .received_us = clock_wall_us()},
                 .done = on_stored}};
    pthread_mutex_init(&waiting.lock, NULL);
    pthread_cond_init(&waiting.told, NULL);
    store_submit(ingress->options.store, &waiting.work);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_done) {
        pthread_cond_wait(&waiting.told, &waiting.lock);
    }
    pthread_mutex_unlock(&waiting.lock);
    pthread_cond_destroy(&waiting.told);
    pthread_mutex_destroy(&waiting.lock);
    if (waiting.work.error.code == ERROR_NONE) {
        return 0;
    }
    return error_set(error, waiting.work.error.code, "it could not be stored, and nothing of it was kept: %s",
                     waiting.work.error.message);
}

static void on_stored(struct store_work *work) {
    struct waiting *waiting = CONTAINER_OF(work, struct waiting, work);
    pthread_mutex_lock(&waiting->lock);
    waiting->is_done = true;
    pthread_cond_signal(&waiting->told);
    pthread_mutex_unlock(&waiting->lock);
}

static unsigned refuse(struct error *error, unsigned status, enum error_code code, const char *message) {
    error_set(error, code, "%s", message);
    return status;
}
