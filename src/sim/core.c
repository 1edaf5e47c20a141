#include "base/clock.h"
#include "sim/classify.h"
#include "sim/exception.h"
#include <stdio.h>
#include <stdlib.h>

/* As long as a job lives. */
static const int64_t SCHEDULE_MOST_US = 90 * 24 * 3600 * CLOCK_US_PER_S;

struct sim_pending {
    struct sim_event event;
    struct sim_pending *next;
};

static void destroy_all(struct sim_core *core, struct sim_collection *collection, const struct sim_kind *kind);
static void settle(struct sim_core *core);
static void finish_schedules(struct sim_core *core);
static void fail_schedule(struct sim_core *core, struct sim_job *job);
static uint64_t next_random(struct sim_core *core);
static uint64_t mix(uint64_t *state);

struct sim_core *sim_core_new(uint64_t seed, struct error *error) {
    struct sim_core *core = calloc(1, sizeof *core);
    if (core == NULL) {
        error_memory(error);
        return NULL;
    }
    core->random[0] = mix(&seed);
    core->random[1] = mix(&seed);
    sim_collection_init(&core->exception_policies);
    sim_route_prepare(core);
    sim_collection_init(&core->policies);
    sim_collection_init(&core->classifications);
    sim_collection_init(&core->queues);
    sim_collection_init(&core->workers);
    sim_collection_init(&core->jobs);
    sim_collection_init(&core->offers);
    list_init(&core->stirred_queues);
    list_init(&core->stirred_workers);
    list_init(&core->stirred_jobs);
    list_init(&core->excepting);
    list_init(&core->draining);
    list_init(&core->classifying);
    list_init(&core->scheduling);
    return core;
}

void sim_core_free(struct sim_core *core) {
    if (core == NULL) {
        return;
    }
    destroy_all(core, &core->jobs, &sim_job_kind); /* jobs first: they hold on to workers and queues */
    destroy_all(core, &core->workers, &sim_worker_kind);
    destroy_all(core, &core->queues, &sim_queue_kind);
    destroy_all(core, &core->policies, &sim_policy_kind);
    destroy_all(core, &core->exception_policies, &sim_exception_kind);
    destroy_all(core, &core->classifications, &sim_classification_kind);
    struct sim_event *event;
    while ((event = sim_core_take_event(core)) != NULL) {
        sim_event_release(event);
    }
    sim_collection_reset(&core->offers);
    sim_members_reset(&core->candidates);
    free(core->timers.heap);
    free(core);
}

void sim_core_request(struct sim_core *core, int64_t now_us, const struct sim_request *request,
                      struct sim_answer *answer) {
    sim_core_advance(core, now_us);
    struct sim_call call = {.answer = answer};
    sim_handler *handler = NULL;
    if (core->is_broken) {
        sim_fail_memory(core, answer);
    } else if (sim_route(core, request, &call, &handler) == 0) {
        handler(core, &call);
        settle(core);
    }
    json_free(call.body);
}

int64_t sim_core_next(const struct sim_core *core) {
    const struct sim_timer *timer = core->is_broken ? NULL : sim_timer_first(&core->timers);
    return timer == NULL ? SIM_NEVER : timer->at;
}

void sim_core_advance(struct sim_core *core, int64_t now_us) {
    struct sim_timer *timer;
    while (!core->is_broken && (timer = sim_timer_first(&core->timers)) != NULL && timer->at <= now_us) {
        sim_timer_cancel(&core->timers, timer);
        if (timer->at > core->now_us) {
            core->now_us = timer->at;
        }
        timer->fire(core, timer);
        settle(core);
    }
    if (now_us > core->now_us) {
        core->now_us = now_us;
    }
}

struct sim_event *sim_core_take_event(struct sim_core *core) {
    struct sim_pending *pending = core->first_event;
    if (pending == NULL) {
        return NULL;
    }
    core->first_event = pending->next;
    if (pending->next == NULL) {
        core->last_event = NULL;
    }
    return &pending->event;
}

struct sim_event *sim_event_hold(struct sim_event *event) {
    event->holders++;
    return event;
}

void sim_event_release(struct sim_event *event) {
    if (event != NULL && --event->holders == 0) {
        free(event->json);
        free(CONTAINER_OF(event, struct sim_pending, event));
    }
}

void sim_core_set_trace(struct sim_core *core, sim_trace *trace, void *context) {
    core->trace = trace;
    core->trace_context = context;
}

void sim_push_event(struct sim_core *core, const char *type, const char *id, char *json, size_t length) {
    struct sim_pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL) {
        free(json);
        core->is_broken = true;
        return;
    }
    pending->event =
        (struct sim_event){.type = type, .time_us = core->now_us, .json = json, .length = length, .holders = 1};
    memcpy(pending->event.id, id, SIM_UUID_SIZE);
    if (core->last_event == NULL) {
        core->first_event = pending;
    } else {
        core->last_event->next = pending;
    }
    core->last_event = pending;
}

void sim_uuid(struct sim_core *core, char text[SIM_UUID_SIZE]) {
    uint64_t high = (next_random(core) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (next_random(core) & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    uint64_t halves[] = {high, low};
    for (size_t i = 0, place = 0; i < 32; i++, place++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            text[place++] = '-';
        }
        text[place] = "0123456789abcdef"[halves[i / 16] >> (60 - 4 * (i % 16)) & 15];
    }
    text[SIM_UUID_SIZE - 1] = '\0';
}

double sim_random(struct sim_core *core) {
    return (double)(next_random(core) >> 11) * 0x1p-53;
}

void sim_say(struct sim_core *core, const char *id, const char *format, ...) {
    if (core->trace == NULL) {
        return;
    }
    char what[2 * SIM_ID_LIMIT + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    core->trace(core->trace_context, core->now_us, id, what);
}

static void destroy_all(struct sim_core *core, struct sim_collection *collection, const struct sim_kind *kind) {
    LIST_EACH (&collection->in_order, node) {
        kind->destroy(core, CONTAINER_OF(node, struct sim_entry, in_order));
    }
    sim_collection_reset(collection);
}

/* What follows from a change, once the answer is written: the caller sees a worker "draining" and a job
 * "pendingSchedule" in the answer to its own call, as with the service, and the next state from then on. */
static void settle(struct sim_core *core) {
    struct list_node *node;
    while ((node = list_take_first(&core->draining)) != NULL) {
        struct sim_worker *worker = CONTAINER_OF(node, struct sim_worker, in_draining);
        worker->state = SIM_WORKER_INACTIVE;
        sim_entry_touch(core, &worker->entry);
    }
    do {
        sim_classify_pending(core);
        finish_schedules(core);
    } while (sim_exceptions_settle(core)); /* before anybody is offered a job that they cancel or move */
    sim_match(core);
}

static void finish_schedules(struct sim_core *core) {
    struct list_node *node;
    while ((node = list_take_first(&core->scheduling)) != NULL) {
        struct sim_job *job = CONTAINER_OF(node, struct sim_job, in_scheduling);
        char when[SIM_TIME_SIZE];
        if (job->scheduled_us - core->now_us > SCHEDULE_MOST_US) {
            fail_schedule(core, job);
            continue;
        }
        sim_job_set_status(core, job, SIM_JOB_SCHEDULED);
        sim_say(core, job->entry.id, "scheduled for %s", sim_time(job->scheduled_us, when));
    }
}

static void fail_schedule(struct sim_core *core, struct sim_job *job) {
    sim_timer_cancel(&core->timers, &job->timer);
    sim_job_set_status(core, job, SIM_JOB_SCHEDULE_FAILED);
    sim_emit_scheduling_failed(core, job, "scheduleAt is more than 90 days away: jobs end before");
    sim_say(core, job->entry.id, "could not be scheduled: the time is more than 90 days away");
}

/* xoroshiro128+: small, quick, and good enough for ids that only have to differ. */
static uint64_t next_random(struct sim_core *core) {
    uint64_t a = core->random[0], b = core->random[1];
    uint64_t result = a + b;
    b ^= a;
    core->random[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    core->random[1] = b << 37 | b >> 27;
    return result;
}

/* splitmix64, to spread a small seed over the generator's state. */
static uint64_t mix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
