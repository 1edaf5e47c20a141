#include "base/map.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

static size_t find(const struct map *map, uint64_t key);
static size_t home(const struct map *map, uint64_t key);
static int grow(struct map *map);

void map_init(struct map *map) {
    *map = (struct map){0};
}

void map_reset(struct map *map) {
    free(map->slots);
    map_init(map);
}

void *map_get(const struct map *map, uint64_t key) {
    return map->count == 0 ? NULL : map->slots[find(map, key)].value;
}

int map_put(struct map *map, uint64_t key, void *value) {
    if (map->count > 0) {
        struct map_slot *slot = &map->slots[find(map, key)];
        if (slot->value != NULL) {
            slot->value = value;
            return 0;
        }
    }
    /* A quarter stays free: linear probing then looks at a few slots that lie together. */
    if (map->count >= map->capacity / 4 * 3 && grow(map) < 0) {
        return -1;
    }
    map->slots[find(map, key)] = (struct map_slot){key, value};
    map->count++;
    return 0;
}

void *map_remove(struct map *map, uint64_t key) {
    if (map->count == 0) {
        return NULL;
    }
    size_t mask = map->capacity - 1;
    size_t hole = find(map, key);
    void *value = map->slots[hole].value;
    if (value == NULL) {
        return NULL;
    }
    /* Those that were pushed on by what is removed move back, so that no search ends at the hole too early. */
    for (size_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t pushed = (i - home(map, map->slots[i].key)) & mask;
        if (pushed >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}

void map_each(const struct map *map, void (*visit)(uint64_t key, void *value, void *context), void *context) {
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL) {
            visit(map->slots[i].key, map->slots[i].value, context);
        }
    }
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find(const struct map *map, uint64_t key) {
    size_t mask = map->capacity - 1;
    size_t i = home(map, key);
    while (map->slots[i].value != NULL && map->slots[i].key != key) {
        i = (i + 1) & mask;
    }
    return i;
}

/* Two rounds of folding and multiplying by large odd numbers bring every bit of the key into the low ones. */
static size_t home(const struct map *map, uint64_t key) {
    key = (key ^ (key >> 32)) * UINT64_C(0xD1342543DE82EF95);
    key = (key ^ (key >> 29)) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(key ^ (key >> 32)) & (map->capacity - 1);
}

static int grow(struct map *map) {
    struct map larger = {.count = map->count, .capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL) {
            larger.slots[find(&larger, map->slots[i].key)] = map->slots[i];
        }
    }
    free(map->slots);
    *map = larger;
    return 0;
}
