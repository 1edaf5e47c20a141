/* A hash map from 64-bit keys to pointers: open addressing, grows by itself. The map owns nothing that it points
 * to. Keys are expected to be hashes already or small counters: they are mixed, not trusted. Key 0 is a key like
 * any.
 *
 *     struct map lanes;
 *     map_init(&lanes);
 *     struct lane *lane = map_get(&lanes, key);
 *     if (lane == NULL && map_put(&lanes, key, lane = lane_new()) < 0) ...
 *     map_reset(&lanes);
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots;
    size_t count;
    size_t capacity; /* 0 or a power of two */
};

void map_init(struct map *map);
void map_reset(struct map *map);
/* NULL when it is not there. */
void *map_get(const struct map *map, uint64_t key);
/* Adds or replaces; `value` must not be NULL. 0, or -1 without memory (nothing changed). */
int map_put(struct map *map, uint64_t key, void *value);
/* What was there, or NULL. */
void *map_remove(struct map *map, uint64_t key);
/* Calls `visit` for each entry, in no order; it must not change the map. */
void map_each(const struct map *map, void (*visit)(uint64_t key, void *value, void *context), void *context);

#endif
