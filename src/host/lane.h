/* Lanes: who is next, and that there is one at a time per lane.
 *
 * A lane holds the numbers of its queued events in the order of arrival. It is ready when it has one and none of
 * its events is being handled; ready lanes take turns. Taking the head makes the lane busy until lane_release. A
 * lane without events goes away by itself. All on the loop's thread.
 *
 *     lanes_push(&lanes, key, seq, NULL);
 *     while (has_room && (lane = lanes_take(&lanes, &seq)) != NULL) ...
 *     lanes_release(&lanes, lane); // when it is over
 */
#ifndef HOST_LANE_H
#define HOST_LANE_H

#include "base/list.h"
#include "base/map.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct copy;

struct lane_entry {
    uint64_t seq;
    struct lane_entry *next;
    struct copy *copy; /* of the event, freed with the entry; NULL: it is in the store only */
};

struct lane {
    uint64_t key;
    struct lane_entry *first, *last;
    struct lane_entry *taken; /* its event is being handled; NULL: none is */
    struct list_node in_ready;
};

struct lanes {
    struct map by_key;
    struct list ready;
    size_t queued; /* entries in all lanes */
};

void lanes_init(struct lanes *lanes);
void lanes_reset(struct lanes *lanes);

/* 0, or -1 without memory; the copy (or NULL) is the lanes' only with 0. */
int lanes_push(struct lanes *lanes, uint64_t key, uint64_t seq, struct copy *copy);
/* NULL when no lane is ready. */
struct lane *lanes_take(struct lanes *lanes, uint64_t *seq);
/* The event that was taken goes back to the head (it was not begun), its copy with it. */
void lanes_put_back(struct lanes *lanes, struct lane *lane);
/* The event that was taken is over, or lets others pass. */
void lanes_release(struct lanes *lanes, struct lane *lane);

size_t lanes_count(const struct lanes *lanes);

#endif
