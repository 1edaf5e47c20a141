/* A run's own stream of chance: xoshiro256** (Blackman and Vigna, public domain), seeded through splitmix64. The
 * same seed gives the same stream on every machine, so that a run that is done again meets the same chance. */
#ifndef LUA_RANDOM_H
#define LUA_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
/* Another stream from the same seed: one for each `part`. */
void random_seed_part(struct random *random, uint64_t seed, uint32_t part);
uint64_t random_next(struct random *random);
/* 0 <= result < 1, 53 bits of it. */
double random_fraction(struct random *random);
/* 0 <= result <= most, each as likely. */
uint64_t random_up_to(struct random *random, uint64_t most);

#endif
