#include "crypto/crypto.h"
#include "sim/state.h"
#include <stdlib.h>

static uint64_t hash(const char *id);

void sim_collection_init(struct sim_collection *collection) {
    map_init(&collection->by_id);
    list_init(&collection->in_order);
    collection->count = 0;
    collection->serial = 0;
}

void sim_collection_reset(struct sim_collection *collection) {
    map_reset(&collection->by_id);
}

struct sim_entry *sim_find(const struct sim_collection *collection, const char *id) {
    struct sim_entry *entry = map_get(&collection->by_id, hash(id));
    while (entry != NULL && strcmp(entry->id, id) != 0) {
        entry = entry->next_same;
    }
    return entry;
}

int sim_entry_add(struct sim_collection *collection, struct sim_entry *entry, const char *id) {
    entry->id = strdup(id);
    if (entry->id == NULL) {
        return -1;
    }
    uint64_t key = hash(id);
    struct sim_entry *same = map_get(&collection->by_id, key);
    if (map_put(&collection->by_id, key, entry) < 0) {
        free(entry->id);
        entry->id = NULL;
        return -1;
    }
    entry->next_same = same;
    entry->serial = ++collection->serial;
    list_append(&collection->in_order, &entry->in_order);
    collection->count++;
    return 0;
}

void sim_entry_remove(struct sim_collection *collection, struct sim_entry *entry) {
    if (entry->id != NULL) {
        uint64_t key = hash(entry->id);
        struct sim_entry *first = map_get(&collection->by_id, key);
        if (first != entry) {
            while (first->next_same != entry) {
                first = first->next_same;
            }
            first->next_same = entry->next_same;
        } else if (entry->next_same == NULL) {
            map_remove(&collection->by_id, key);
        } else {
            map_put(&collection->by_id, key, entry->next_same); /* replaces: needs no memory */
        }
        list_remove(&entry->in_order);
        collection->count--;
    }
    free(entry->id);
    json_free(entry->body);
    entry->id = NULL;
    entry->body = NULL;
}

void sim_entry_touch(struct sim_core *core, struct sim_entry *entry) {
    entry->revision = ++core->revision;
    entry->modified_us = core->now_us;
}

/* Ids come from outside: a hash that nobody can aim at keeps look-ups short. */
static uint64_t hash(const char *id) {
    struct crypto_digest digest;
    uint8_t out[CRYPTO_DIGEST_SIZE];
    crypto_digest_begin(&digest);
    crypto_digest_part(&digest, slice_of(id));
    crypto_digest_end(&digest, out);
    uint64_t key;
    memcpy(&key, out, sizeof key);
    return key;
}
