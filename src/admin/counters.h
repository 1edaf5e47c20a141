/* What /metrics counts, and from what. Any thread; a count is a short lock. */
#ifndef ADMIN_COUNTERS_H
#define ADMIN_COUNTERS_H

#include "admin/admin.h"
#include "admin/metric.h"
#include <pthread.h>

enum counter {
    COUNTER_EVENTS,
    COUNTER_RUNS,
    COUNTER_STEPS,
    COUNTER_RUN_SECONDS,
    COUNTER_ACK_SECONDS,
    COUNTER_ROUTER_SECONDS,
    COUNTER_DELIVERIES,
    COUNTER_RELOADS,
    COUNTER_KILLS,
};
enum { COUNTERS = COUNTER_KILLS + 1 };

struct counters {
    pthread_mutex_t lock;
    struct metric metrics[COUNTERS];
};

void counters_init(struct counters *counters);
void counters_reset(struct counters *counters);

void counters_note(struct counters *counters, const struct host_note *note);
void counters_delivery(struct counters *counters, const struct admin_delivery *delivery);

/* In the text format; the lock is not held while the text is made. */
void counters_render(struct counters *counters, struct buffer *out);

#endif
