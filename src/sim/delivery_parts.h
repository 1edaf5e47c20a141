/* What the files of delivery share. */
#ifndef SIM_DELIVERY_PARTS_H
#define SIM_DELIVERY_PARTS_H

#include "base/list.h"
#include "crypto/crypto.h"
#include "sim/dead_letters.h"
#include "sim/delivery.h"
#include "sim/letter.h"

/* Letters that go, and are tried again, together. */
struct parcel {
    struct list_node node; /* in the target's retries, by `due_ns` */
    unsigned attempts;
    int64_t first_ns, due_ns;
    int64_t sent_us;     /* the router's time of the last attempt */
    const char *outcome; /* of it */
    size_t count;
    struct letter *letters[];
};

struct waiting {
    struct list_node node;
    struct letter *letter;
    unsigned others; /* held back: how many have to overtake it */
    int64_t due_ns;  /* but no longer than until then */
};

enum { TARGET_HEADERS = 8 };

struct target {
    struct delivery *delivery;
    size_t index;
    char *url;
    char *shown; /* without its query, which may hold a secret: for the log */
    bool is_validated;
    char code[CRYPTO_UUID_SIZE]; /* that the handshake wants back */
    double handshake_wait;       /* before the next one */
    struct list fresh;           /* never tried */
    struct list late;            /* neither, and held back on purpose: in the order of `due_ns` */
    struct list retries;
    size_t held; /* letters in all of these, and in `sending` */
    bool is_full;
    size_t refused;         /* that came while it was full */
    struct parcel *sending; /* NULL during a handshake */
    struct http_call call;
    struct http_header headers[TARGET_HEADERS];
    char count[16];
    struct buffer body;
    struct loop_timer timer;
};

struct delivery {
    struct delivery_options options; /* `targets` is not used after the start, `subscription` is the next one */
    char *subscription;
    struct dead_letters *dead;                    /* NULL: none are kept */
    uint64_t repeated, overtaken, unheard, ended; /* on purpose; and those that could not be delivered */
    size_t target_count;
    struct target targets[];
};

/* delivery.c */
void delivery_proceed(struct target *target); /* sends what is next, unless something is on its way already */
void delivery_wait_until(struct target *target, int64_t at_ns);
void delivery_free_parcel(struct target *target, struct parcel *parcel);

/* delivery_handshake.c */
#define DELIVERY_ORIGIN "eventgrid.azure.net"
void delivery_shake_hands(struct target *target);

/* delivery_queue.c: what waits. -1 without memory. */
int delivery_enqueue(struct target *target, struct letter *letter);
void delivery_empty(struct target *target);
/* NULL when there is nothing to send now; the timer is set if there will be. */
struct parcel *delivery_next(struct target *target);

/* delivery_send.c */
void delivery_send(struct target *target, struct parcel *parcel);
/* The target's body, with the headers of a message of that kind. */
void delivery_post(struct target *target, const char *kind, const char *content_type, const char *event_id,
                   void (*done)(struct http_call *call, const struct http_answer *answer));

/* delivery_outcome.c */
void delivery_on_answer(struct http_call *call, const struct http_answer *answer);
/* No attempt is left, or its time is over. Takes the parcel over. */
void delivery_give_up(struct target *target, struct parcel *parcel, const char *reason);
bool delivery_is_over_age(const struct target *target, const struct parcel *parcel);

#endif
