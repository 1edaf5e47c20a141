/* A quarantined element, read again: what the reader of today makes of the bytes that it could not take when they
 * came. The loop's thread. */
#ifndef HOST_UNDERSTOOD_H
#define HOST_UNDERSTOOD_H

#include "event/event.h"
#include "store/store.h"

struct understood {
    char *raw;
    struct envelope envelope;
    struct store_event event; /* looks into both */
};

/* NULL with ERROR_INVALID when it still is no event, with the reason. Copies the record's bytes. */
struct understood *understood_new(const struct store_record *record, struct error *error);
/* NULL is fine. */
void understood_free(struct understood *understood);

#endif
