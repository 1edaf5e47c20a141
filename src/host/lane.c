#include "host/lane.h"
#include <stdlib.h>

static void make_ready(struct lanes *lanes, struct lane *lane);
static void free_lane(uint64_t key, void *value, void *context);
static void free_entry(struct lane_entry *entry);

void lanes_init(struct lanes *lanes) {
    map_init(&lanes->by_key);
    list_init(&lanes->ready);
    lanes->queued = 0;
}

void lanes_reset(struct lanes *lanes) {
    map_each(&lanes->by_key, free_lane, NULL);
    map_reset(&lanes->by_key);
    lanes_init(lanes);
}

int lanes_push(struct lanes *lanes, uint64_t key, uint64_t seq, struct copy *copy) {
    struct lane_entry *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        return -1;
    }
    *entry = (struct lane_entry){.seq = seq, .copy = copy};
    struct lane *lane = map_get(&lanes->by_key, key);
    if (lane == NULL) {
        lane = calloc(1, sizeof *lane);
        if (lane == NULL || map_put(&lanes->by_key, key, lane) < 0) {
            free(lane);
            free(entry);
            return -1;
        }
        lane->key = key;
    }
    if (lane->last == NULL) {
        lane->first = entry;
    } else {
        lane->last->next = entry;
    }
    lane->last = entry;
    lanes->queued++;
    make_ready(lanes, lane);
    return 0;
}

struct lane *lanes_take(struct lanes *lanes, uint64_t *seq) {
    struct list_node *node = list_take_first(&lanes->ready);
    if (node == NULL) {
        return NULL;
    }
    struct lane *lane = CONTAINER_OF(node, struct lane, in_ready);
    lane->taken = lane->first;
    lane->first = lane->taken->next;
    if (lane->first == NULL) {
        lane->last = NULL;
    }
    lanes->queued--;
    *seq = lane->taken->seq;
    return lane;
}

void lanes_put_back(struct lanes *lanes, struct lane *lane) {
    lane->taken->next = lane->first;
    lane->first = lane->taken;
    if (lane->last == NULL) {
        lane->last = lane->taken;
    }
    lane->taken = NULL;
    lanes->queued++;
    make_ready(lanes, lane);
}

void lanes_release(struct lanes *lanes, struct lane *lane) {
    free_entry(lane->taken);
    lane->taken = NULL;
    if (lane->first != NULL) {
        make_ready(lanes, lane);
        return;
    }
    map_remove(&lanes->by_key, lane->key);
    free(lane);
}

size_t lanes_count(const struct lanes *lanes) {
    return lanes->by_key.count;
}

static void make_ready(struct lanes *lanes, struct lane *lane) {
    if (lane->taken == NULL && !list_is_linked(&lane->in_ready)) {
        list_append(&lanes->ready, &lane->in_ready);
    }
}

static void free_lane(uint64_t key, void *value, void *context) {
    (void)key;
    (void)context;
    struct lane *lane = value;
    while (lane->first != NULL) {
        struct lane_entry *entry = lane->first;
        lane->first = entry->next;
        free_entry(entry);
    }
    free_entry(lane->taken);
    free(lane);
}

static void free_entry(struct lane_entry *entry) {
    if (entry != NULL) {
        free(entry->copy);
        free(entry);
    }
}
