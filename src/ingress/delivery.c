#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "ingress/private.h"
#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)STORE_DIGEST_SIZE == (int)CRYPTO_DIGEST_SIZE, "the store keeps the events' digests");

enum { COMPOSED_ROOM = 1024 * 1024 }; /* for the attributes of an event in binary mode */

/* Deliveries that are handed to the store together, at most: it begins with them while the next are read. */
enum { GATHERED_MOST = 16 };

/* One delivery on its way through the store. The slices look into the request's body, which lives until the
 * answer, or into `composed`. */
struct delivery {
    struct store_work work;
    struct ingress *ingress;
    struct httpd_request *request;
    struct envelope envelope;
    struct buffer composed; /* of one in binary mode: the event that it is */
    struct store_event *events;
    int64_t began_ns;
};

static void gather(struct ingress *ingress, struct store_work *work);
static int read_body(struct delivery *delivery);
static int compose(struct delivery *delivery, struct slice *body, struct json_error *where);
static int make_events(struct delivery *delivery);
static void on_stored(struct store_work *work);
static void on_told(struct httpd_request *request, void *context);
static void answer_stored(struct delivery *delivery, struct ingress_outcome *outcome);
static void refuse_unstored(struct delivery *delivery, const struct error *error);
static void refuse(struct delivery *delivery, unsigned status, const char *code, const char *message,
                   size_t offset);
static void free_delivery(struct delivery *delivery);

void ingress_on_request(struct httpd_request *request, void *context) {
    struct ingress *ingress = context;
    int64_t began_ns = clock_monotonic_ns();
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL) {
        ingress_refuse(ingress, request,
                       &(struct ingress_refusal){.status = 503,
                                                 .code = "out_of_memory",
                                                 .message = "no memory for the delivery",
                                                 .offset = INGRESS_NO_OFFSET,
                                                 .began_ns = began_ns});
        return;
    }
    delivery->ingress = ingress;
    delivery->request = request;
    delivery->began_ns = began_ns;
    envelope_init(&delivery->envelope);
    buffer_init(&delivery->composed, httpd_body(request).length + COMPOSED_ROOM);

    if (read_body(delivery) < 0 || ingress_handshake(ingress, request, &delivery->envelope, began_ns)) {
        free_delivery(delivery);
        return;
    }
    /* An empty array asks for nothing, and nothing of it is lost: 200, without a commit. */
    if (delivery->envelope.count == 0) {
        answer_stored(delivery, &(struct ingress_outcome){.status = 200});
        free_delivery(delivery);
        return;
    }
    if (make_events(delivery) < 0) {
        free_delivery(delivery);
        return;
    }
    delivery->work = (struct store_work){
        .verb = STORE_APPEND,
        .append = {.events = delivery->events, .count = delivery->envelope.count, .received_us = clock_wall_us()},
        .done = on_stored,
    };
    httpd_set_context(request, delivery);
    gather(ingress, &delivery->work);
}

void ingress_after_requests(void *context) {
    struct ingress *ingress = context;
    struct store_work *first = ingress->gathered;
    ingress->gathered = NULL;
    ingress->gathered_count = 0;
    if (first != NULL) {
        store_submit_all(ingress->options.store, first);
    }
}

/* What came together shares a commit: handed over one by one, the first would go alone. */
static void gather(struct ingress *ingress, struct store_work *work) {
    if (ingress->gathered == NULL) {
        ingress->gathered = work;
    } else {
        ingress->gathered_last->next = work;
    }
    ingress->gathered_last = work;
    if (++ingress->gathered_count == GATHERED_MOST) {
        ingress_after_requests(ingress);
    }
}

/* -1: answered. */
static int read_body(struct delivery *delivery) {
    struct slice body = httpd_body(delivery->request);
    struct json_error where = {0};
    if (compose(delivery, &body, &where) == 0 &&
        envelope_read(&delivery->envelope, body.bytes, body.length, &where) == 0) {
        return 0;
    }
    if (where.offset == SIZE_MAX) {
        refuse(delivery, 503, "out_of_memory", "no memory to read the body", INGRESS_NO_OFFSET);
    } else {
        refuse(delivery, 400, "unreadable_body", where.message, where.offset);
    }
    return -1;
}

/* Of an event in binary mode the body is made here; its headers were checked before it was read. */
static int compose(struct delivery *delivery, struct slice *body, struct json_error *where) {
    if (httpd_context(delivery->request) != &ingress_binary) {
        return 0;
    }
    struct cloud_event cloud;
    (void)ingress_form(delivery->request, &cloud);
    struct slice type = httpd_header(delivery->request, "Content-Type");
    if (cloud_compose(&cloud, type, *body, &delivery->composed, where) < 0) {
        return -1;
    }
    *body = buffer_slice(&delivery->composed);
    return 0;
}

/* -1: answered. */
static int make_events(struct delivery *delivery) {
    const struct envelope *envelope = &delivery->envelope;
    delivery->events = calloc(envelope->count, sizeof *delivery->events);
    if (delivery->events == NULL) {
        refuse(delivery, 503, "out_of_memory", "no memory for the delivery's events", INGRESS_NO_OFFSET);
        return -1;
    }
    for (size_t i = 0; i < envelope->count; i++) {
        delivery->events[i] = ingress_store_event(&envelope->events[i]);
    }
    return 0;
}

struct store_event ingress_store_event(const struct event *event) {
    struct store_event stored = {
        .identity = event->identity,
        .content = event->content,
        .raw = event->raw,
        .id = event->id,
        .type = event->type,
        .source = event->source,
        .subject = event->subject,
        .time = event->time,
        .job = event->job,
        .worker = event->worker,
        .lane = event->lane,
        .malformed = event->malformed,
    };
    if (stored.malformed == NULL && event_is_local(event->type)) {
        stored.malformed = EVENT_LOCAL_WORDS;
    }
    return stored;
}

/* A thread of the store, after the commit: it has better things to do than to answer. */
static void on_stored(struct store_work *work) {
    httpd_call(CONTAINER_OF(work, struct delivery, work)->request, on_told);
}

static void on_told(struct httpd_request *request, void *context) {
    (void)context;
    struct delivery *delivery = httpd_context(request);
    struct store_work *work = &delivery->work;
    if (work->error.code != ERROR_NONE) {
        refuse_unstored(delivery, &work->error);
    } else {
        struct ingress_outcome outcome = {
            .status = 200, .events = delivery->events, .count = delivery->envelope.count};
        ingress_count(&outcome);
        ingress_note_deletions(delivery->ingress, request, &delivery->envelope);
        answer_stored(delivery, &outcome);
    }
    free_delivery(delivery);
}

/* A line for the first of each kind: a batch has thousands of elements, and a stranger may have made it. */
void ingress_count(struct ingress_outcome *outcome) {
    const struct store_event *quarantined = NULL, *namesake = NULL;
    size_t namesakes = 0;
    for (size_t i = 0; i < outcome->count; i++) {
        const struct store_event *event = &outcome->events[i];
        if (event->is_duplicate) {
            outcome->duplicates++;
        } else if (event->malformed != NULL) {
            outcome->quarantined++;
            quarantined = quarantined == NULL ? event : quarantined;
        } else {
            outcome->stored++;
        }
        if (event->is_namesake) {
            namesakes++;
            namesake = namesake == NULL ? event : namesake;
        }
    }
    if (quarantined != NULL) {
        log_warn("ingress", "elements of a delivery are no events: they are kept and not run",
                 LOG_NUMBER("count", outcome->quarantined), LOG_NUMBER("seq", quarantined->seq),
                 LOG_TEXT("reason", quarantined->malformed), LOG_END);
    }
    if (namesake != NULL) {
        log_warn("ingress",
                 "events have the source, type and id of earlier ones and differ from them: both are kept",
                 LOG_NUMBER("count", namesakes), LOG_NUMBER("seq", namesake->seq),
                 LOG_SLICE("type", namesake->type), LOG_SLICE("id", namesake->id), LOG_END);
    }
}

static void answer_stored(struct delivery *delivery, struct ingress_outcome *outcome) {
    static const char one[] = "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}";
    char text[128];
    struct slice body = {one, sizeof one - 1};
    /* Most deliveries are one new event. */
    if (outcome->stored != 1 || outcome->duplicates + outcome->quarantined > 0) {
        int length = snprintf(text, sizeof text, "{\"stored\":%zu,\"duplicates\":%zu,\"quarantined\":%zu}",
                              outcome->stored, outcome->duplicates, outcome->quarantined);
        body = slice_make(text, (size_t)length);
    }
    ingress_answer(delivery->ingress, delivery->request, outcome, delivery->began_ns, body);
}

/* Why is the operator's affair, and in the log: the sender hears only that it should come again. */
static void refuse_unstored(struct delivery *delivery, const struct error *error) {
    log_error("ingress", "a delivery could not be stored", LOG_NUMBER("events", delivery->envelope.count),
              LOG_TEXT("reason", error->message), LOG_END);
    const char *code = "not_stored";
    if (error->code == ERROR_FULL) {
        code = "disk_full";
    } else if (error->code == ERROR_CLOSED) {
        code = "stopping";
    }
    refuse(delivery, 503, code, "the delivery could not be stored; nothing of it was kept", INGRESS_NO_OFFSET);
}

static void refuse(struct delivery *delivery, unsigned status, const char *code, const char *message,
                   size_t offset) {
    ingress_refuse(
        delivery->ingress, delivery->request,
        &(struct ingress_refusal){
            .status = status, .code = code, .message = message, .offset = offset, .began_ns = delivery->began_ns});
}

/* After the answer: the request is gone, and with it the body that the slices look into. */
static void free_delivery(struct delivery *delivery) {
    free(delivery->events);
    envelope_reset(&delivery->envelope);
    buffer_reset(&delivery->composed);
    free(delivery);
}
