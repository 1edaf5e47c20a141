/* What a delivery over a network does to events: most come at once and in order, some come twice, late, or after
 * their successors. */
#include "torture/private.h"
#include <stdlib.h>
#include <string.h>

enum { LATE_PER_MILLE = 40, TWICE_PER_MILLE = 120, SWAP_PER_MILLE = 120 };
static const int64_t second_us = 1000000;

static int add(struct mail *mail, const struct letter *letter);

int mail_add(struct torture *torture, struct sim_event *event) {
    struct mail *mail = &torture->mail;
    struct letter letter = {.event = event, .due_us = torture->now_us};
    if (chance_is(&mail->chance, LATE_PER_MILLE)) {
        letter.due_us += chance_between(&mail->chance, 1, 120) * second_us;
        torture->totals.late++;
    }
    if (add(mail, &letter) < 0) {
        sim_event_release(event);
        return -1;
    }
    if (!chance_is(&mail->chance, TWICE_PER_MILLE)) {
        return 0;
    }
    int64_t later_s = chance_is(&mail->chance, 500) ? 0 : chance_between(&mail->chance, 1, 300);
    letter = (struct letter){
        .event = sim_event_hold(event), .due_us = letter.due_us + later_s * second_us, .is_copy = true};
    if (add(mail, &letter) < 0) {
        sim_event_release(event);
        return -1;
    }
    return 0;
}

/* A copy never overtakes what it is a copy of: which of the two is the copy would be another one then. */
bool mail_take(struct torture *torture, struct letter *letter) {
    struct mail *mail = &torture->mail;
    size_t due[4], count = 0;
    for (size_t i = 0; i < mail->count && count < sizeof due / sizeof *due; i++) {
        if (mail->letters[i].due_us <= torture->now_us) {
            due[count++] = i;
        }
    }
    if (count == 0) {
        return false;
    }
    size_t chosen = due[0];
    if (count > 1 && chance_is(&mail->chance, SWAP_PER_MILLE)) {
        size_t other = due[chance_between(&mail->chance, 1, (int64_t)count - 1)];
        if (!mail->letters[other].is_copy) {
            chosen = other;
            torture->totals.reordered++;
        }
    }
    *letter = mail->letters[chosen];
    mail->count--;
    memmove(&mail->letters[chosen], &mail->letters[chosen + 1], (mail->count - chosen) * sizeof *mail->letters);
    return true;
}

int64_t mail_next(const struct mail *mail) {
    int64_t next = SIM_NEVER;
    for (size_t i = 0; i < mail->count; i++) {
        next = mail->letters[i].due_us < next ? mail->letters[i].due_us : next;
    }
    return next;
}

void mail_reset(struct mail *mail) {
    for (size_t i = 0; i < mail->count; i++) {
        sim_event_release(mail->letters[i].event);
    }
    free(mail->letters);
    *mail = (struct mail){.count = 0};
}

static int add(struct mail *mail, const struct letter *letter) {
    if (mail->count == mail->capacity) {
        size_t capacity = mail->capacity == 0 ? 64 : mail->capacity * 2;
        struct letter *letters = realloc(mail->letters, capacity * sizeof *letters);
        if (letters == NULL) {
            return -1;
        }
        mail->letters = letters;
        mail->capacity = capacity;
    }
    mail->letters[mail->count++] = *letter;
    return 0;
}
