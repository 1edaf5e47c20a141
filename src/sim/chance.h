/* Chance for what goes wrong on purpose, made from the seed and from what it is about: the same thing meets the
 * same fate again, whatever came before it and however long that took. Pure; any thread. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Evenly spread over all values. `what` names the use, `id` and `number` say which one it is about. */
uint64_t chance_draw(uint64_t seed, const char *what, const char *id, uint64_t number);
/* Whether it is among that share of all draws: 0 never, 1 always. */
bool chance_is_within(uint64_t draw, double share);

#endif
