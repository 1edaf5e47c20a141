#include "store/sqlite/fingerprints.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { LEAST_CAPACITY = 1024 };

static uint64_t mix(uint64_t x);
static size_t home_of(const struct fingerprints *table, uint64_t key);
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
    return table->count + more <= most_of(table->capacity);
}

int fingerprints_make_room(struct fingerprints *table, size_t more, uint64_t oldest) {
    if (fingerprints_has_room(table, more)) {
        return 0;
    }
    size_t live = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        live += table->slots[i].seq >= oldest && table->slots[i].seq != 0;
    }
    size_t capacity = LEAST_CAPACITY;
    while (most_of(capacity) < live + more) {
        if (capacity >= FINGERPRINTS_MOST) {
            return -1;
        }
        capacity *= 2;
    }
    struct fingerprints larger = {.capacity = capacity, .seed = table->seed};
    larger.slots = calloc(capacity, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].seq >= oldest && table->slots[i].seq != 0) {
            fingerprints_add(&larger, table->slots[i].key, table->slots[i].seq);
        }
    }
    free(table->slots);
    *table = larger;
    return 0;
}

void fingerprints_add(struct fingerprints *table, uint64_t key, uint64_t seq) {
    size_t i = home_of(table, key);
    while (table->slots[i].seq != 0) {
        i = (i + 1) & (table->capacity - 1);
    }
    table->slots[i] = (struct fingerprint){key, seq};
    table->count++;
}

void fingerprints_remove(struct fingerprints *table, uint64_t key, uint64_t seq) {
    if (table->capacity == 0) {
        return;
    }
    size_t mask = table->capacity - 1;
    size_t hole = home_of(table, key);
    while (table->slots[hole].seq != seq || table->slots[hole].key != key) {
        if (table->slots[hole].seq == 0) {
            return;
        }
        hole = (hole + 1) & mask;
    }
    /* What stands behind the hole moves up, unless it would pass its home. */
    for (size_t i = (hole + 1) & mask; table->slots[i].seq != 0; i = (i + 1) & mask) {
        size_t home = home_of(table, table->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct fingerprint){0};
    table->count--;
}

uint64_t fingerprints_next(const struct fingerprints *table, uint64_t key, size_t *at) {
    if (table->capacity == 0) {
        return 0;
    }
    size_t mask = table->capacity - 1;
    size_t home = home_of(table, key);
    while (*at < table->capacity) {
        const struct fingerprint *slot = &table->slots[(home + *at) & mask];
        if (slot->seq == 0) {
            return 0;
        }
        (*at)++;
        if (slot->key == key) {
            return slot->seq;
        }
    }
    return 0;
}

/* Every bit of the result depends on every bit of x (the finisher of splitmix64). */
static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static size_t home_of(const struct fingerprints *table, uint64_t key) {
    return (size_t)mix(key ^ table->seed) & (table->capacity - 1);
}

static size_t most_of(size_t capacity) {
    return capacity / 4 * 3;
}
