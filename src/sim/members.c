/* Who belongs to which queue, and who of them is free. */
#include "sim/state.h"
#include <stdlib.h>

static size_t place_of(const struct sim_members *members, const char *id);

int sim_members_add(struct sim_members *members, struct sim_worker *worker) {
    size_t place = place_of(members, worker->entry.id);
    if (place < members->count && members->items[place] == worker) {
        return 0;
    }
    if (members->count == members->capacity) {
        size_t capacity = members->capacity == 0 ? 16 : members->capacity * 2;
        struct sim_worker **items = realloc(members->items, capacity * sizeof(struct sim_worker *));
        if (items == NULL) {
            return -1;
        }
        members->items = items;
        members->capacity = capacity;
    }
    memmove(members->items + place + 1, members->items + place,
            (members->count - place) * sizeof(struct sim_worker *));
    members->items[place] = worker;
    members->count++;
    return 0;
}

void sim_members_remove(struct sim_members *members, const struct sim_worker *worker) {
    size_t place = place_of(members, worker->entry.id);
    if (place < members->count && members->items[place] == worker) {
        members->count--;
        memmove(members->items + place, members->items + place + 1,
                (members->count - place) * sizeof(struct sim_worker *));
    }
}

bool sim_members_have(const struct sim_members *members, const struct sim_worker *worker) {
    size_t place = place_of(members, worker->entry.id);
    return place < members->count && members->items[place] == worker;
}

size_t sim_members_after(const struct sim_members *members, const char *id) {
    size_t place = place_of(members, id);
    bool is_there = place < members->count && strcmp(members->items[place]->entry.id, id) == 0;
    return place + (is_there ? 1 : 0);
}

void sim_members_reset(struct sim_members *members) {
    free(members->items);
    *members = (struct sim_members){0};
}

void sim_worker_join(struct sim_core *core, struct sim_worker *worker) {
    const struct json *names = json_get(worker->entry.body, "queues");
    worker->queues = calloc(json_count(names) + 1, sizeof(struct sim_queue *));
    if (worker->queues == NULL) {
        core->is_broken = true;
        return;
    }
    for (const struct json *name = json_first(names); name != NULL; name = json_next(name)) {
        struct sim_queue *queue = sim_queue_find(core, json_string_of(name));
        if (queue == NULL || sim_members_have(&queue->members, worker)) {
            continue; /* it was deleted, or is named twice */
        }
        worker->queues[worker->queue_count++] = queue;
        if (sim_members_add(&queue->members, worker) < 0 ||
            (worker->is_free && sim_members_add(&queue->free, worker) < 0)) {
            core->is_broken = true;
            return;
        }
    }
}

void sim_worker_part(struct sim_worker *worker) {
    for (size_t i = 0; i < worker->queue_count; i++) {
        sim_members_remove(&worker->queues[i]->members, worker);
        sim_members_remove(&worker->queues[i]->free, worker);
    }
    free(worker->queues);
    worker->queues = NULL;
    worker->queue_count = 0;
}

/* Workers may still name a queue that was deleted. All of the worker's queues again, for their order. */
void sim_queue_gather(struct sim_core *core, struct sim_queue *queue) {
    LIST_EACH (&core->workers.in_order, node) {
        struct sim_worker *worker = CONTAINER_OF(node, struct sim_worker, entry.in_order);
        const struct json *name = json_first(json_get(worker->entry.body, "queues"));
        while (name != NULL && strcmp(json_string_of(name), queue->entry.id) != 0) {
            name = json_next(name);
        }
        if (name != NULL) {
            sim_worker_part(worker);
            sim_worker_join(core, worker);
        }
    }
}

void sim_queue_disband(struct sim_queue *queue) {
    for (size_t i = 0; i < queue->members.count; i++) {
        struct sim_worker *worker = queue->members.items[i];
        size_t kept = 0;
        for (size_t k = 0; k < worker->queue_count; k++) {
            if (worker->queues[k] != queue) {
                worker->queues[kept++] = worker->queues[k];
            }
        }
        worker->queue_count = kept;
    }
    queue->members.count = queue->free.count = 0;
}

/* Where the id is, or belongs. */
static size_t place_of(const struct sim_members *members, const char *id) {
    size_t low = 0, high = members->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(members->items[middle]->entry.id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
