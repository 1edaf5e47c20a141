/* Workers: what they are, where they belong, when they take offers. */
#include "sim/state.h"
#include <stdlib.h>

static int worker_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body);
static int check_queues(struct sim_core *core, const struct json *body, struct sim_answer *answer);
static void worker_init(struct sim_entry *entry);
static void worker_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old);
static void read_channels(struct sim_core *core, struct sim_worker *worker);
static void register_worker(struct sim_core *core, struct sim_worker *worker);
static void tell_update(struct sim_core *core, struct sim_worker *worker, const struct json *old);
static struct json *worker_json(const struct sim_entry *entry);
static struct json *offers_json(const struct sim_worker *worker);
static struct json *assignments_json(const struct sim_worker *worker);
static bool worker_is_listed(const struct sim_entry *entry, const struct sim_filter *filter);
static void worker_leave(struct sim_core *core, struct sim_entry *entry);
static void worker_destroy(struct sim_core *core, struct sim_entry *entry);

const struct sim_kind sim_worker_kind = {.what = "worker",
                                         .size = sizeof(struct sim_worker),
                                         .collection = offsetof(struct sim_core, workers),
                                         .prepare = worker_prepare,
                                         .init = worker_init,
                                         .apply = worker_apply,
                                         .to_json = worker_json,
                                         .is_listed = worker_is_listed,
                                         .leave = worker_leave,
                                         .destroy = worker_destroy};

struct sim_worker *sim_worker_find(struct sim_core *core, const char *id) {
    struct sim_entry *entry = sim_find(&core->workers, id);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct sim_worker, entry);
}

void sim_worker_stir(struct sim_core *core, struct sim_worker *worker) {
    if (worker->state != SIM_WORKER_ACTIVE) {
        return;
    }
    if (!list_is_linked(&worker->in_stirred)) {
        list_append(&core->stirred_workers, &worker->in_stirred);
    }
    for (size_t i = 0; i < worker->queue_count; i++) {
        if (!list_is_linked(&worker->queues[i]->in_stirred)) {
            list_append(&core->stirred_queues, &worker->queues[i]->in_stirred);
        }
    }
}

void sim_worker_recount(struct sim_core *core, struct sim_worker *worker) {
    bool is_free = worker->state == SIM_WORKER_ACTIVE && worker->used < worker->capacity;
    if (is_free == worker->is_free) {
        return;
    }
    worker->is_free = is_free;
    for (size_t i = 0; i < worker->queue_count; i++) {
        if (!is_free) {
            sim_members_remove(&worker->queues[i]->free, worker);
        } else if (sim_members_add(&worker->queues[i]->free, worker) < 0) {
            core->is_broken = true;
        }
    }
}

void sim_worker_deregister(struct sim_core *core, struct sim_worker *worker) {
    worker->state = SIM_WORKER_DRAINING;
    sim_worker_recount(core, worker);
    sim_timer_cancel(&core->timers, &worker->idle_timer);
    list_append(&core->draining, &worker->in_draining);
    if (json_put(worker->entry.body, "availableForOffers", json_bool(false)) < 0) {
        core->is_broken = true;
    }
    sim_entry_touch(core, &worker->entry);
    sim_emit_worker(core, worker, SIM_WORKER_DEREGISTERED);
    sim_say(core, worker->entry.id, "deregistered");
    while (!list_is_empty(&worker->offers)) {
        sim_offer_end(core, CONTAINER_OF(list_first(&worker->offers), struct sim_offer, in_worker),
                      SIM_OFFER_REVOKED);
    }
}

void sim_assignment_release(struct sim_core *core, struct sim_assignment *assignment) {
    struct sim_worker *worker = assignment->worker;
    if (worker != NULL) {
        worker->used -= assignment->cost;
        list_remove(&assignment->in_worker);
        assignment->worker = NULL;
        sim_worker_recount(core, worker);
        sim_worker_idle(core, worker);
        sim_worker_stir(core, worker);
    }
}

static int worker_prepare(struct sim_core *core, const struct sim_call *call, const struct sim_entry *entry,
                          struct json *body) {
    bool is_moved = entry == NULL || sim_differs(entry->body, body, "queues");
    if (is_moved && check_queues(core, body, call->answer) < 0) {
        return -1;
    }
    double capacity = json_get_double(body, "capacity", 1);
    if (capacity < 1) {
        return sim_fail(call->answer, 400, "InvalidMember", "\"capacity\" must be 1 or more");
    }
    if (json_put(body, "capacity", json_double(capacity)) < 0 ||
        json_put(body, "availableForOffers", json_bool(json_get_bool(body, "availableForOffers", false))) < 0) {
        return sim_fail_memory(core, call->answer);
    }
    return 0;
}

static int check_queues(struct sim_core *core, const struct json *body, struct sim_answer *answer) {
    const struct json *name = json_first(json_get(body, "queues"));
    for (; name != NULL; name = json_next(name)) {
        if (sim_queue_find(core, json_string_of(name)) == NULL) {
            return sim_fail(answer, 400, "InvalidReference",
                            "\"queues\": there is no queue \"%.200s\"; create it first", json_string_of(name));
        }
    }
    return 0;
}

static void worker_init(struct sim_entry *entry) {
    struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    list_init(&worker->offers);
    list_init(&worker->past_offers);
    list_init(&worker->assignments);
}

static void worker_apply(struct sim_core *core, struct sim_entry *entry, const struct json *old) {
    struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    worker->capacity = (int32_t)json_get_double(entry->body, "capacity", 1);
    read_channels(core, worker);
    if (sim_differs(old, entry->body, "queues")) {
        sim_worker_part(worker);
        sim_worker_join(core, worker);
    }
    if (old == NULL) {
        sim_say(core, entry->id, "worker created");
    } else {
        tell_update(core, worker, old);
    }
    bool is_available = json_get_bool(entry->body, "availableForOffers", false);
    if (is_available && worker->state != SIM_WORKER_ACTIVE) {
        register_worker(core, worker);
    } else if (!is_available && worker->state == SIM_WORKER_ACTIVE) {
        sim_worker_deregister(core, worker);
    }
    sim_worker_recount(core, worker);
    sim_worker_stir(core, worker);
}

static void read_channels(struct sim_core *core, struct sim_worker *worker) {
    const struct json *channels = json_get(worker->entry.body, "channels");
    size_t count = json_count(channels);
    free(worker->channels);
    worker->channels = calloc(count + 1, sizeof *worker->channels);
    worker->channel_count = worker->channels == NULL ? 0 : count;
    core->is_broken |= worker->channels == NULL;
    const struct json *channel = json_first(channels);
    for (size_t i = 0; i < worker->channel_count; i++, channel = json_next(channel)) {
        worker->channels[i] = (struct sim_channel){
            .id = json_get_string(channel, "channelId"),
            .cost = (int32_t)json_get_double(channel, "capacityCostPerJob", 1),
            .most = (int32_t)json_get_double(channel, "maxNumberOfJobs", INT32_MAX),
        };
    }
}

static void register_worker(struct sim_core *core, struct sim_worker *worker) {
    list_remove(&worker->in_draining);
    worker->state = SIM_WORKER_ACTIVE;
    worker->registration = ++core->registration;
    sim_worker_idle(core, worker);
    sim_emit_worker(core, worker, SIM_WORKER_REGISTERED);
    sim_say(core, worker->entry.id, "registered");
}

static void tell_update(struct sim_core *core, struct sim_worker *worker, const struct json *old) {
    static const struct {
        const char *member, *property;
    } properties[] = {{"capacity", "TotalCapacity"},
                      {"queues", "QueueAssignments"},
                      {"labels", "Labels"},
                      {"tags", "Tags"},
                      {"channels", "ChannelConfigurations"}};
    const struct json *body = worker->entry.body;
    struct json *names = json_array();
    int failed = names == NULL ? -1 : 0;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (sim_differs(old, body, properties[i].member)) {
            failed |= json_push(names, json_text(properties[i].property));
        }
    }
    if (failed == 0 && json_count(names) > 0) {
        if (sim_differs(old, body, "availableForOffers")) {
            failed |= json_push(names, json_text("AvailableForOffers"));
        }
        sim_emit_worker_updated(core, worker, names);
        sim_say(core, worker->entry.id, "worker updated");
    }
    core->is_broken |= failed != 0;
    json_free(names);
}

static struct json *worker_json(const struct sim_entry *entry) {
    static const char *const lists[] = {"queues", "channels", NULL};
    static const char *const maps[] = {"labels", "tags", NULL};
    static const char *const rest[] = {"capacity", "availableForOffers", NULL};
    static const char *const states[] = {"inactive", "draining", "active"};
    const struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    struct json *value = sim_entry_json(entry);
    int failed = json_put(value, "state", json_text(states[worker->state]));
    for (size_t i = 0; lists[i] != NULL; i++) {
        failed |= json_put(value, lists[i], json_array());
        failed |= json_put(value, maps[i], json_object());
    }
    failed |= sim_put_copies(value, entry->body, lists);
    failed |= sim_put_copies(value, entry->body, maps);
    failed |= sim_put_copies(value, entry->body, rest);
    failed |= json_put(value, "offers", offers_json(worker));
    failed |= json_put(value, "assignedJobs", assignments_json(worker));
    failed |= json_put(value, "loadRatio", json_double((double)worker->used / worker->capacity));
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static struct json *offers_json(const struct sim_worker *worker) {
    struct json *offers = json_array();
    int failed = 0;
    LIST_EACH (&worker->offers, node) {
        const struct sim_offer *offer = CONTAINER_OF(node, struct sim_offer, in_worker);
        struct json *value = json_object();
        failed |= json_put(value, "offerId", json_text(offer->entry.id));
        failed |= json_put(value, "jobId", json_text(offer->job->entry.id));
        failed |= json_put(value, "capacityCost", json_double(offer->cost));
        failed |= sim_put_time(value, "offeredAt", offer->offered_us);
        failed |= sim_put_time(value, "expiresAt", offer->expires_us);
        failed |= json_push(offers, value);
    }
    if (failed) {
        json_free(offers);
        return NULL;
    }
    return offers;
}

static struct json *assignments_json(const struct sim_worker *worker) {
    struct json *assignments = json_array();
    int failed = 0;
    LIST_EACH (&worker->assignments, node) {
        const struct sim_assignment *assignment = CONTAINER_OF(node, struct sim_assignment, in_worker);
        struct json *value = json_object();
        failed |= json_put(value, "assignmentId", json_text(assignment->id));
        failed |= json_put(value, "jobId", json_text(assignment->job->entry.id));
        failed |= json_put(value, "capacityCost", json_double(assignment->cost));
        failed |= sim_put_time(value, "assignedAt", assignment->assigned_us);
        failed |= json_push(assignments, value);
    }
    if (failed) {
        json_free(assignments);
        return NULL;
    }
    return assignments;
}

static bool worker_is_listed(const struct sim_entry *entry, const struct sim_filter *filter) {
    static const char *const states[] = {"inactive", "draining", "active"};
    const struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    bool is_any = filter->state[0] == '\0' || strcmp(filter->state, "all") == 0;
    if ((!is_any && strcmp(filter->state, states[worker->state]) != 0) ||
        (filter->channel_id[0] != '\0' && sim_worker_channel(worker, filter->channel_id) == NULL) ||
        (filter->has_capacity && worker->used >= worker->capacity)) {
        return false;
    }
    if (filter->queue_id[0] == '\0') {
        return true;
    }
    const struct json *name = json_first(json_get(entry->body, "queues"));
    while (name != NULL && strcmp(json_string_of(name), filter->queue_id) != 0) {
        name = json_next(name);
    }
    return name != NULL;
}

/* What the worker works on stays with its jobs, which can still be completed and closed. */
static void worker_leave(struct sim_core *core, struct sim_entry *entry) {
    struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    worker->state = SIM_WORKER_INACTIVE;
    sim_worker_part(worker);
    sim_timer_cancel(&core->timers, &worker->idle_timer);
    while (!list_is_empty(&worker->offers)) {
        sim_offer_end(core, CONTAINER_OF(list_first(&worker->offers), struct sim_offer, in_worker),
                      SIM_OFFER_REVOKED);
    }
    sim_emit_worker(core, worker, SIM_WORKER_DELETED);
}

static void worker_destroy(struct sim_core *core, struct sim_entry *entry) {
    struct sim_worker *worker = CONTAINER_OF(entry, struct sim_worker, entry);
    struct list *const offers[] = {&worker->offers, &worker->past_offers};
    for (size_t i = 0; i < 2; i++) {
        LIST_EACH (offers[i], node) {
            sim_offer_free(core, CONTAINER_OF(node, struct sim_offer, in_worker));
        }
    }
    LIST_EACH (&worker->assignments, node) {
        list_remove(node);
        CONTAINER_OF(node, struct sim_assignment, in_worker)->worker = NULL;
    }
    sim_timer_cancel(&core->timers, &worker->idle_timer);
    sim_worker_part(worker);
    list_remove(&worker->in_draining);
    list_remove(&worker->in_stirred);
    sim_entry_remove(&core->workers, entry);
    free(worker->channels);
    free(worker);
}
