/* Things by their ids, in the order in which they were made. The things live in their owners' structs, which begin
 * with or hold a struct sim_entry; the collection owns nothing but the map, an entry its id and body.
 */
#ifndef SIM_COLLECTION_H
#define SIM_COLLECTION_H

#include "base/list.h"
#include "base/map.h"
#include "json/tree.h"
#include <stdint.h>

/* What every resource has. */
struct sim_entry {
    char *id;
    struct json *body; /* NULL for offers */
    uint64_t
        revision;    /* behind the etag: one count for the whole core, so that a resource made anew has another */
    uint64_t serial; /* rises with each one that is made in the collection; never 0 */
    int64_t modified_us;
    struct sim_entry *next_same; /* whose id has the same hash */
    struct list_node in_order;   /* of making */
};

struct sim_collection {
    struct map by_id;
    struct list in_order;
    size_t count;
    uint64_t serial; /* of the last that was made */
};

void sim_collection_init(struct sim_collection *collection);
void sim_collection_reset(struct sim_collection *collection);
struct sim_entry *sim_find(const struct sim_collection *collection, const char *id);
/* Takes a copy of `id`; -1 without memory. */
int sim_entry_add(struct sim_collection *collection, struct sim_entry *entry, const char *id);
/* Takes it out and frees id and body, not the entry itself. */
void sim_entry_remove(struct sim_collection *collection, struct sim_entry *entry);

#endif
