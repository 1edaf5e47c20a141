/* What waits for a target: in order, but for what is held back or comes twice on purpose. */
#include "base/clock.h"
#include "sim/chance.h"
#include "sim/delivery_parts.h"
#include <stdlib.h>

enum { OTHERS_MOST = 8 };        /* that overtake one which is held back */
static const double LATE_S = 10; /* unscaled: that long at most, when nothing comes to overtake it */

static uint64_t draw(const struct target *target, const char *what, const struct letter *letter);
static int put(struct target *target, struct letter *letter, unsigned others);
static void let_overtake(struct target *target);
static void take_late(struct target *target, int64_t now_ns);
static struct parcel *pack(struct target *target);

int delivery_enqueue(struct target *target, struct letter *letter) {
    struct delivery *delivery = target->delivery;
    const struct delivery_chances *chances = &delivery->options.chances;
    uint64_t late = draw(target, "reorder", letter), again = draw(target, "duplicate", letter);
    bool is_late = chance_is_within(late, chances->reorder);
    /* One more than others have to come: it counts itself. */
    if (put(target, letter, is_late ? 2 + (unsigned)(late % OTHERS_MOST) : 0) < 0) {
        return -1;
    }
    delivery->overtaken += is_late;
    let_overtake(target);
    if (chance_is_within(again, chances->duplicate)) {
        delivery->repeated += put(target, letter, (unsigned)(again % (OTHERS_MOST + 1))) == 0;
    }
    return 0;
}

void delivery_empty(struct target *target) {
    struct list_node *node;
    while ((node = list_take_first(&target->fresh)) != NULL || (node = list_take_first(&target->late)) != NULL) {
        struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
        letter_release(waiting->letter);
        free(waiting);
    }
}

/* What is due again goes first, if its time is not over. */
struct parcel *delivery_next(struct target *target) {
    int64_t now_ns = loop_now(target->delivery->options.loop), next_ns = INT64_MAX;
    struct list_node *node;
    while ((node = list_first(&target->retries)) != NULL) {
        struct parcel *due = CONTAINER_OF(node, struct parcel, node);
        if (due->due_ns > now_ns) {
            next_ns = due->due_ns;
            break;
        }
        list_remove(&due->node);
        if (!delivery_is_over_age(target, due)) {
            return due;
        }
        delivery_give_up(target, due, "TimeToLiveExceeded");
    }
    take_late(target, now_ns);
    if (!list_is_empty(&target->fresh)) {
        return pack(target);
    }
    if ((node = list_first(&target->late)) != NULL) {
        int64_t late_ns = CONTAINER_OF(node, struct waiting, node)->due_ns;
        next_ns = late_ns < next_ns ? late_ns : next_ns;
    }
    if (next_ns != INT64_MAX) {
        delivery_wait_until(target, next_ns);
    }
    return NULL;
}

static uint64_t draw(const struct target *target, const char *what, const struct letter *letter) {
    return chance_draw(target->delivery->options.seed, what, letter->event->id, target->index);
}

static int put(struct target *target, struct letter *letter, unsigned others) {
    const struct delivery_options *options = &target->delivery->options;
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL) {
        return -1;
    }
    waiting->letter = letter_hold(letter);
    waiting->others = others;
    waiting->due_ns = loop_now(options->loop) + (int64_t)(LATE_S * options->retry_scale * (double)CLOCK_NS_PER_S);
    list_append(others == 0 ? &target->fresh : &target->late, &waiting->node);
    target->held++;
    return 0;
}

/* One more has come: those that were held back for it follow. */
static void let_overtake(struct target *target) {
    LIST_EACH (&target->late, node) {
        if (--CONTAINER_OF(node, struct waiting, node)->others == 0) {
            list_remove(node);
            list_append(&target->fresh, node);
        }
    }
}

/* Those that were held back for long enough. */
static void take_late(struct target *target, int64_t now_ns) {
    struct list_node *node;
    while ((node = list_first(&target->late)) != NULL &&
           CONTAINER_OF(node, struct waiting, node)->due_ns <= now_ns) {
        list_remove(node);
        list_append(&target->fresh, node);
    }
}

static struct parcel *pack(struct target *target) {
    size_t most = target->delivery->options.batch;
    int64_t now_ns = loop_now(target->delivery->options.loop);
    struct parcel *parcel = calloc(1, sizeof *parcel + most * sizeof(struct letter *));
    if (parcel == NULL) {
        delivery_wait_until(target, now_ns + CLOCK_NS_PER_S);
        return NULL;
    }
    struct list_node *node;
    while (parcel->count < most && (node = list_take_first(&target->fresh)) != NULL) {
        struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
        parcel->letters[parcel->count++] = waiting->letter;
        free(waiting);
    }
    parcel->first_ns = now_ns;
    return parcel;
}
