#include "base/clock.h"
#include "torture/private.h"

/* A Monday morning: scripts may ask what time it is. */
static const int64_t start_us = INT64_C(1772442000000000); /* 2026-03-02T09:00:00Z */

static int start_crowd(struct torture *torture, const struct scenario *scenario, struct error *error);
static void take_events(struct torture *torture);
static void on_event(void *context, struct sim_event *event);
static void set_time(struct torture *torture, int64_t now_us);

int world_start(struct torture *torture, struct error *error) {
    torture->core = sim_core_new(torture->options.seed, error);
    if (torture->core == NULL) {
        return -1;
    }
    const struct scenario *scenario = torture->options.scenario;
    if (scenario != NULL) {
        return start_crowd(torture, scenario, error);
    }
    set_time(torture, start_us);
    int result = people_start(torture, error);
    take_events(torture);
    return result;
}

void world_reset(struct torture *torture) {
    people_reset(&torture->people);
    crowd_free(torture->crowd);
    mail_reset(&torture->mail);
    sim_core_free(torture->core);
    clock_hold_wall(0);
}

int64_t world_next(const struct torture *torture) {
    int64_t next = torture->crowd != NULL ? crowd_next(torture->crowd) : sim_core_next(torture->core);
    int64_t act = people_next(&torture->people);
    return act < next ? act : next;
}

void world_advance(struct torture *torture, int64_t until_us) {
    for (int64_t next; (next = world_next(torture)) <= until_us;) {
        set_time(torture, next);
        if (torture->crowd == NULL) {
            sim_core_advance(torture->core, torture->now_us);
            take_events(torture);
            people_act(torture);
        }
        take_events(torture);
    }
    set_time(torture, until_us);
}

void world_request(struct torture *torture, const struct sim_request *request, struct sim_answer *answer) {
    sim_core_request(torture->core, torture->now_us, request, answer);
    take_events(torture);
    if (answer->body.is_broken) {
        atomic_store(&torture->is_broken, true);
    }
}

/* At the scenario's own time of the day. */
static int start_crowd(struct torture *torture, const struct scenario *scenario, struct error *error) {
    set_time(torture, scenario->day_us + scenario->start_s * CLOCK_US_PER_S);
    torture->crowd = crowd_new(torture->core, scenario, torture->options.seed, error);
    if (torture->crowd == NULL || crowd_start(torture->crowd, torture->now_us, error) < 0) {
        return -1;
    }
    take_events(torture);
    return 0;
}

/* A crowd sees them, and acts, by itself. */
static void take_events(struct torture *torture) {
    struct sim_event *event;
    if (torture->crowd != NULL) {
        crowd_run(torture->crowd, torture->now_us, on_event, torture);
        if (crowd_is_broken(torture->crowd)) {
            atomic_store(&torture->is_broken, true);
        }
        return;
    }
    while ((event = sim_core_take_event(torture->core)) != NULL) {
        people_see(torture, event);
        on_event(torture, event);
        sim_event_release(event);
    }
}

static void on_event(void *context, struct sim_event *event) {
    struct torture *torture = context;
    if (torture->options.events != NULL) {
        fprintf(torture->options.events, "%.*s\n", (int)event->length, event->json);
    }
    if (mail_add(torture, sim_event_hold(event)) < 0) {
        atomic_store(&torture->is_broken, true);
    }
}

static void set_time(struct torture *torture, int64_t now_us) {
    if (now_us > torture->now_us) {
        torture->now_us = now_us;
        clock_hold_wall(now_us);
    }
}
