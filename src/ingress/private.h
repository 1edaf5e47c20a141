/* What the files of this room share. */
#ifndef INGRESS_PRIVATE_H
#define INGRESS_PRIVATE_H

#include "event/cloud.h"
#include "event/event.h"
#include "httpd/httpd.h"
#include "ingress/ingress.h"
#include <stdatomic.h>

/* Event Grid waits this long after a 503 anyway ("Event Grid message delivery and retry", learn.microsoft.com). */
#define INGRESS_RETRY_AFTER "30"

struct ingress {
    struct ingress_options options;
    char *path;
    struct httpd *httpd;
    atomic_bool is_quiesced;
    /* The listener's thread's: deliveries that are submitted together. */
    struct store_work *gathered, *gathered_last;
    size_t gathered_count;
};

/* head.c: whether a request may send its body; if not, it has been answered. */
enum httpd_verdict ingress_on_head(struct httpd_request *request, void *context);
/* Its address is the context of a request in binary mode while its body comes. */
extern char ingress_binary;

/* form.c: in which form a request's events come, by its headers. */
enum ingress_form {
    INGRESS_BODY,   /* they are in the body: Event Grid's schema, or CloudEvents in structured mode, or both */
    INGRESS_BINARY, /* one CloudEvent in binary mode */
    INGRESS_UNKNOWN,
};
/* Fills in the ce- headers; they live until the request is answered. */
enum ingress_form ingress_form(struct httpd_request *request, struct cloud_event *cloud);

/* delivery.c: a whole request; and those that came together are handed to the store. */
void ingress_on_request(struct httpd_request *request, void *context);
void ingress_after_requests(void *context);

/* Counts what became of outcome->events, and logs the first of each kind that is not as it should be. */
void ingress_count(struct ingress_outcome *outcome);

/* handshake.c: whether the body is a validation event that asks for its code back; if so, it has been answered. */
bool ingress_handshake(struct ingress *ingress, struct httpd_request *request, const struct envelope *envelope,
                       int64_t began_ns);

/* consent.c: OPTIONS of a verified sender. */
enum httpd_verdict ingress_consent(struct ingress *ingress, struct httpd_request *request);

/* handshake.c */
void ingress_note(struct ingress *ingress, const struct ingress_handshake *handshake);
/* Subscriptions that a stored delivery says are deleted. */
void ingress_note_deletions(struct ingress *ingress, struct httpd_request *request,
                            const struct envelope *envelope);

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
