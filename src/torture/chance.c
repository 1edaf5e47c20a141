#include "torture/private.h"

/* splitmix64: short, and the same everywhere. */
uint64_t chance_next(struct chance *chance) {
    chance->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = chance->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

int64_t chance_between(struct chance *chance, int64_t least, int64_t most) {
    return least + (int64_t)(chance_next(chance) % (uint64_t)(most - least + 1));
}

bool chance_is(struct chance *chance, unsigned of_a_thousand) {
    return chance_next(chance) % 1000 < of_a_thousand;
}
