/* What the host needs of an event to handle it, as one block of memory: free() frees it. Made of what was
 * appended, on a thread of the store, or of what the store has, on the loop's; never changed afterwards.
 *
 *     struct copy *copy = copy_of_event(event, received_us);
 *     wire_put_text(out, copy->raw);
 *     free(copy);
 */
#ifndef HOST_COPY_H
#define HOST_COPY_H

#include "store/store.h"
#include <stddef.h>
#include <stdint.h>

struct copy {
    uint64_t lane;
    int64_t received_us; /* wall */
    struct slice raw, type;
    const char *short_type; /* the end of `type` */
    const char *subject;    /* job, else worker, else subject: for people */
    size_t size;            /* of the block */
    char bytes[];
};

/* NULL without memory. */
struct copy *copy_of_event(const struct store_event *event, int64_t received_us);
struct copy *copy_of_record(const struct store_record *record);

#endif
