#include "sim/chance.h"

static uint64_t mix(uint64_t state, uint64_t value);

uint64_t chance_draw(uint64_t seed, const char *what, const char *id, uint64_t number) {
    uint64_t state = mix(UINT64_C(0x9e3779b97f4a7c15), seed);
    for (const char *c = what; *c != '\0'; c++) {
        state = mix(state, (unsigned char)*c);
    }
    state = mix(state, 256); /* no byte: ("ab", "c") and ("a", "bc") differ */
    for (const char *c = id; *c != '\0'; c++) {
        state = mix(state, (unsigned char)*c);
    }
    return mix(mix(state, 256), number);
}

bool chance_is_within(uint64_t draw, double share) {
    return (double)(draw >> 11) < share * (double)(UINT64_C(1) << 53);
}

/* splitmix64's step. */
static uint64_t mix(uint64_t state, uint64_t value) {
    uint64_t z = state ^ value;
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
