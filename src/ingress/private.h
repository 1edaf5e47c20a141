/* What the files of this room share. */
#ifndef INGRESS_PRIVATE_H
#define INGRESS_PRIVATE_H

#include "event/event.h"
#include "httpd/httpd.h"
#include "ingress/ingress.h"
#include <stdatomic.h>

/* Event Grid waits this long after a 503 anyway ("Event Grid message delivery and retry", learn.microsoft.com). */
#define INGRESS_RETRY_AFTER "30"
/* Such events are raised by scripts only: from outside they would run handlers that nobody guards. */
#define INGRESS_LOCAL_PREFIX "Switchhook.Local."

struct ingress {
    struct ingress_options options;
    char *path;
    struct httpd *httpd;
    atomic_bool is_quiesced;
};

/* head.c: whether a request may send its body; if not, it has been answered. */
enum httpd_verdict ingress_on_head(struct httpd_request *request, void *context);

/* delivery.c: a whole request. */
void ingress_on_request(struct httpd_request *request, void *context);

/* handshake.c: whether the body is a validation event that asks for its code back; if so, it has been answered. */
bool ingress_handshake(struct ingress *ingress, struct httpd_request *request, const struct envelope *envelope,
                       int64_t began_ns);

/* answer.c */
struct ingress_refusal {
    unsigned status;
    const char *code;
    const char *message;
    size_t offset;    /* of the byte in the body, or INGRESS_NO_OFFSET */
    int64_t began_ns; /* as ingress_answer's */
};
#define INGRESS_NO_OFFSET SIZE_MAX
/* A 405 gets its Allow, a 503 its Retry-After. */
void ingress_refuse(struct ingress *ingress, struct httpd_request *request, const struct ingress_refusal *refusal);
/* `outcome` has its counts; `began_ns` is the moment at which the body was whole (monotonic), 0: never. */
void ingress_answer(struct ingress *ingress, struct httpd_request *request, struct ingress_outcome *outcome,
                    int64_t began_ns, struct slice body);

#endif
