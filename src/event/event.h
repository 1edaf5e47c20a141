/* Envelopes: a delivery's body into events, by one strict pass over the bytes.
 *
 * A struct event holds slices into the body (they live as long as it does) or, for text with escapes, into the
 * envelope's own memory. The raw bytes are what is stored: nothing is rewritten. Facts of Event Grid: the event
 * schema and CloudEvents 1.0 as Azure delivers them (learn.microsoft.com, "Azure Event Grid event schema",
 * "CloudEvents v1.0 schema"); of the Job Router's events: "Azure Communication Services - Job Router events".
 *
 *     struct envelope envelope;
 *     envelope_init(&envelope);
 *     struct json_error where;
 *     if (envelope_read(&envelope, body, length, &where) < 0) -> 400 with where.message and where.offset
 *     for (size_t i = 0; i < envelope.count; i++) ... envelope.events[i] ...
 *     envelope_reset(&envelope);
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/buffer.h"
#include "base/slice.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
    struct slice raw;     /* the element's bytes, verbatim */
    struct slice id;      /* required: non-empty */
    struct slice type;    /* eventType, or type of a CloudEvent; required: non-empty */
    struct slice source;  /* topic, may be empty; or source, which may not */
    struct slice subject; /* may be empty */
    struct slice time;    /* eventTime, or time, as sent; may be empty */
    struct slice job;     /* data.jobId when it is a non-empty string */
    struct slice worker;  /* data.workerId likewise */
    /* data.expiresOn, or data.expiryTimeUtc of the 2021 set, as sent; of a type that the catalogue knows only when
     * it says that this is its deadline */
    struct slice expires;
    struct slice validation_code; /* of Microsoft.EventGrid.SubscriptionValidationEvent: data.validationCode */
    struct slice validation_url;
    struct slice subscription;            /* of EVENT_TYPE_DELETION: data.eventSubscriptionId */
    bool is_cloud;                        /* it has a specversion: CloudEvents 1.0 and not Event Grid's schema */
    uint8_t identity[CRYPTO_DIGEST_SIZE]; /* of source, type and id */
    uint8_t content[CRYPTO_DIGEST_SIZE];  /* of the JSON tokens: white space between them does not count */
    /* job, else worker, else source + subject; of a type that the catalogue has in the workers' lanes never the
     * job */
    uint64_t lane;
    /* NULL, or why it cannot be an event (it is quarantined): then only `raw`, `is_cloud` and the digests are set,
     * and the identity is made of the content. */
    const char *malformed;
};

struct envelope {
    struct event *events;
    size_t count;
    size_t capacity;
    struct buffer *texts; /* decoded strings that had escapes */
    size_t text_count;
    size_t text_capacity;
};

/* Event Grid sends 5000 at most; this leaves room for other senders and bounds the memory that a body of tiny
 * elements can take. */
enum { ENVELOPE_EVENTS = 50 * 1000 };

void envelope_init(struct envelope *envelope);
void envelope_reset(struct envelope *envelope);

/* An array of events, or one object (taken as an array of one); each is a CloudEvent when it has a member
 * `specversion`, whatever that is, and of Event Grid's schema otherwise, whatever else it has. -1 when the body
 * can never be understood: not JSON, bad UTF-8, too deep, neither array nor object, a single object that is no
 * event, or more than ENVELOPE_EVENTS elements; or without memory (then error->message says so and
 * error->offset is SIZE_MAX). The envelope is empty then. A malformed element of an array only marks itself; so
 * does one that has a member of the envelope twice (of two members of one name in `data`, the later counts).
 * What the envelope held before is forgotten first. */
int envelope_read(struct envelope *envelope, const char *body, size_t length, struct json_error *error);

/* Such events are raised by scripts only: from outside they would run handlers that nobody guards. Case does not
 * count. */
#define EVENT_LOCAL_PREFIX "Switchhook.Local."
#define EVENT_LOCAL_WORDS  "types that begin with " EVENT_LOCAL_PREFIX " are raised by scripts, not delivered"
bool event_is_local(struct slice type);

#define EVENT_TYPE_PREFIX     "Microsoft.Communication."
#define EVENT_TYPE_VALIDATION "Microsoft.EventGrid.SubscriptionValidationEvent"
#define EVENT_TYPE_DELETION   "Microsoft.EventGrid.SubscriptionDeletedEvent"

/* RouterJobQueued for Microsoft.Communication.RouterJobQueued; other types as they are. */
struct slice event_short_name(struct slice type);

#endif
