/* Which events were seen: 64-bit keys that lead to event numbers, in memory, 8 bytes a slot.
 *
 * An event is kept under the key of its name (source, type, id) or, when that name was there with other content,
 * under the key of name and content: so every look-up probes two places, however often one name is used. A key
 * only leads to a row: two events are the same when the row says so. Events below `oldest` have left the window;
 * they are dropped when the table is made anew.
 *
 *     struct fingerprints seen;
 *     if (fingerprints_init(&seen) < 0) ...
 *     if (fingerprints_make_room(&seen, 1, oldest) < 0) ...
 *     fingerprints_add(&seen, key, seq);
 *     size_t at = 0;
 *     for (uint64_t seq; (seq = fingerprints_next(&seen, key, &at)) != 0;) ...
 *     fingerprints_reset(&seen);
 */
#ifndef STORE_SQLITE_FINGERPRINTS_H
#define STORE_SQLITE_FINGERPRINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fingerprint {
    uint64_t key;
    uint64_t seq;
};

struct fingerprint_slot {
    uint32_t tag;    /* of the key; its low bits say where the slot should stand */
    uint32_t number; /* seq - base; 0: free */
};

struct fingerprints {
    struct fingerprint_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
    uint64_t base;   /* below every seq in the table */
    uint64_t newest; /* the largest seq that was added */
    uint64_t seed;   /* of this process: nobody outside can choose keys that meet */
};

/* 3/4 of the slots are used at most. 2^25 slots are 256 MiB, and enough for 145 events a second during 48 hours. */
enum { FINGERPRINTS_MOST = 1 << 25 };

int fingerprints_init(struct fingerprints *table);
void fingerprints_reset(struct fingerprints *table);

uint64_t fingerprint_of_name(const uint8_t *identity);
uint64_t fingerprint_of_both(const uint8_t *identity, const uint8_t *content);

bool fingerprints_has_room(const struct fingerprints *table, size_t more);
/* Room for the next `more` numbers, dropping what is older than `oldest`; 0, or -1 without memory or past FINGERPRINTS_MOST
 * (nothing changed). */
int fingerprints_make_room(struct fingerprints *table, size_t more, uint64_t oldest);
/* Needs room. What is older than the table's last `oldest` is not added. */
void fingerprints_add(struct fingerprints *table, uint64_t key, uint64_t seq);
void fingerprints_remove(struct fingerprints *table, uint64_t key, uint64_t seq);
/* The next event with this key; `*at` starts as 0. 0: no more. */
uint64_t fingerprints_next(const struct fingerprints *table, uint64_t key, size_t *at);

#endif
