#include "store/sqlite/fingerprints.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { LEAST_CAPACITY = 1024 };

static bool is_live(const struct fingerprints *table, const struct fingerprint_slot *slot, uint64_t base);
static void put(struct fingerprints *table, uint32_t tag, uint64_t seq);
static uint64_t mix(uint64_t x);
static uint32_t tag_of(const struct fingerprints *table, uint64_t key);
static size_t most_of(size_t capacity);

int fingerprints_init(struct fingerprints *table) {
    *table = (struct fingerprints){0};
    ssize_t got;
    do {
        got = getrandom(&table->seed, sizeof table->seed, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof table->seed ? 0 : -1;
}

void fingerprints_reset(struct fingerprints *table) {
    free(table->slots);
    *table = (struct fingerprints){.seed = table->seed};
}

uint64_t fingerprint_of_name(const uint8_t *identity) {
    uint64_t key;
    memcpy(&key, identity, sizeof key);
    return key;
}

uint64_t fingerprint_of_both(const uint8_t *identity, const uint8_t *content) {
    return mix(fingerprint_of_name(identity)) ^ fingerprint_of_name(content);
}

bool fingerprints_has_room(const struct fingerprints *table, size_t more) {
    return table->count + more <= most_of(table->capacity) && table->newest - table->base + more <= UINT32_MAX;
}

int fingerprints_make_room(struct fingerprints *table, size_t more, uint64_t oldest) {
    if (fingerprints_has_room(table, more)) {
        return 0;
    }
    struct fingerprints larger = {.base = oldest > table->base ? oldest - 1 : table->base, .seed = table->seed};
    larger.newest = table->newest > larger.base ? table->newest : larger.base;
    size_t live = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        live += is_live(table, &table->slots[i], larger.base);
    }
    larger.capacity = LEAST_CAPACITY;
    while (most_of(larger.capacity) < live + more) {
        if (larger.capacity >= FINGERPRINTS_MOST) {
            return -1;
        }
        larger.capacity *= 2;
    }
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (is_live(table, &table->slots[i], larger.base)) {
            put(&larger, table->slots[i].tag, table->base + table->slots[i].number);
        }
    }
    free(table->slots);
    *table = larger;
    return 0;
}

void fingerprints_add(struct fingerprints *table, uint64_t key, uint64_t seq) {
    if (seq > table->base) {
        put(table, tag_of(table, key), seq);
    }
}

void fingerprints_remove(struct fingerprints *table, uint64_t key, uint64_t seq) {
    if (table->capacity == 0 || seq <= table->base) {
        return;
    }
    size_t mask = table->capacity - 1;
    uint32_t tag = tag_of(table, key);
    size_t hole = tag & mask;
    while (table->slots[hole].number != seq - table->base || table->slots[hole].tag != tag) {
        if (table->slots[hole].number == 0) {
            return;
        }
        hole = (hole + 1) & mask;
    }
    /* What stands behind the hole moves up, unless it would pass its home. */
    for (size_t i = (hole + 1) & mask; table->slots[i].number != 0; i = (i + 1) & mask) {
        size_t home = table->slots[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct fingerprint_slot){0};
    table->count--;
}

uint64_t fingerprints_next(const struct fingerprints *table, uint64_t key, size_t *at) {
    if (table->capacity == 0) {
        return 0;
    }
    size_t mask = table->capacity - 1;
    uint32_t tag = tag_of(table, key);
    while (*at < table->capacity) {
        const struct fingerprint_slot *slot = &table->slots[(tag + *at) & mask];
        if (slot->number == 0) {
            return 0;
        }
        (*at)++;
        if (slot->tag == tag) {
            return table->base + slot->number;
        }
    }
    return 0;
}

static bool is_live(const struct fingerprints *table, const struct fingerprint_slot *slot, uint64_t base) {
    return slot->number != 0 && table->base + slot->number > base;
}

static void put(struct fingerprints *table, uint32_t tag, uint64_t seq) {
    size_t i = tag & (table->capacity - 1);
    while (table->slots[i].number != 0) {
        i = (i + 1) & (table->capacity - 1);
    }
    table->slots[i] = (struct fingerprint_slot){tag, (uint32_t)(seq - table->base)};
    table->count++;
    table->newest = seq > table->newest ? seq : table->newest;
}

/* Every bit of the result depends on every bit of x (the finisher of splitmix64). */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint32_t tag_of(const struct fingerprints *table, uint64_t key) {
    return (uint32_t)mix(key ^ table->seed);
}

static size_t most_of(size_t capacity) {
    return capacity / 4 * 3;
}
