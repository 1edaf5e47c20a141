#include "lua/random.h"

static uint64_t rotate_left(uint64_t value, unsigned by) {
    return (value << by) | (value >> (64 - by));
}

void random_seed(struct random *random, uint64_t seed) {
    for (unsigned i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = mixed ^ (mixed >> 31);
    }
}

/* Adding the part to the seed would give streams that are shifts of each other. */
void random_seed_part(struct random *random, uint64_t seed, uint32_t part) {
    random_seed(random, part);
    random_seed(random, seed ^ random_next(random));
}

uint64_t random_next(struct random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double random_fraction(struct random *random) {
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

uint64_t random_up_to(struct random *random, uint64_t most) {
    uint64_t mask = most;
    for (unsigned by = 1; by < 64; by *= 2) {
        mask |= mask >> by;
    }
    uint64_t value;
    do {
        value = random_next(random) & mask;
    } while (value > most);
    return value;
}
