/* Where events end that cannot be delivered: a folder with a file ID.json (ID-2.json, ... if there is one) for
 * each, the event with the members that Event Grid adds in its storage container. A file appears whole or not at
 * all. Facts: learn.microsoft.com, "Event Grid message delivery and retry", "Dead-letter events".
 *
 *     struct dead_letters *dead = dead_letters_open("dead", &error);     // made when it is missing
 *     dead_letters_add(dead, &(struct dead_letter){.letter = letter, ...}, &error);
 *     dead_letters_close(dead);
 */
#ifndef SIM_DEAD_LETTERS_H
#define SIM_DEAD_LETTERS_H

#include "base/error.h"
#include "sim/letter.h"
#include <stdint.h>

struct dead_letters;

struct dead_letter {
    const struct letter *letter;
    const char *reason;  /* MaxDeliveryAttemptsExceeded, TimeToLiveExceeded */
    const char *outcome; /* of the last attempt: BadRequest, Busy, TimedOut, ... */
    unsigned attempts;
    int64_t last_us; /* when the last attempt was made */
};

/* NULL with the error. */
struct dead_letters *dead_letters_open(const char *path, struct error *error);
void dead_letters_close(struct dead_letters *dead);
int dead_letters_add(struct dead_letters *dead, const struct dead_letter *one, struct error *error);

/* The text alone, appended: for tests. -1 when the buffer is broken. */
int dead_letter_write(const struct dead_letter *one, struct buffer *out);

#endif
