/* The last handshakes: who asked to be allowed to deliver, and what they were told. Kept in memory since the
 * start, a few; one that asks the same again moves up and is counted. Any thread. */
#ifndef ADMIN_HANDSHAKES_H
#define ADMIN_HANDSHAKES_H

#include "admin/admin.h"
#include "httpd/httpd.h"
#include <pthread.h>

enum {
    HANDSHAKES_KEPT = 16,
    HANDSHAKES_NAME_SIZE = 512, /* the resource id of a subscription fits */
    HANDSHAKES_URL_SIZE = 2048,
};

struct handshake {
    enum admin_handshake_kind what;
    bool is_cloud;
    int64_t at_us;  /* wall: of the last time */
    uint64_t count; /* how often */
    char subscription[HANDSHAKES_NAME_SIZE], origin[HANDSHAKES_NAME_SIZE], url[HANDSHAKES_URL_SIZE],
        reason[HANDSHAKES_NAME_SIZE]; /* empty: not known */
};

struct handshakes {
    pthread_mutex_t lock;
    struct handshake items[HANDSHAKES_KEPT]; /* the newest first */
    size_t count;
};

void handshakes_init(struct handshakes *handshakes);
void handshakes_reset(struct handshakes *handshakes);
void handshakes_note(struct handshakes *handshakes, const struct admin_handshake *handshake);
/* GET /api/handshakes */
void handshakes_list(struct handshakes *handshakes, struct httpd_request *request);

#endif
