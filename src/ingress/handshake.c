#include "base/log.h"
#include "ingress/private.h"

static bool is_validation(struct httpd_request *request, const struct envelope *envelope);
static void note(struct ingress *ingress, const struct event *event, struct slice name, const char *refused);
static void echo(struct ingress *ingress, struct httpd_request *request, const struct event *event,
                 int64_t began_ns);
static void refuse(struct ingress *ingress, struct httpd_request *request, unsigned status, const char *code,
                   const char *message, int64_t began_ns);

/* The code goes back only to a delivery that holds this one event and nothing else: that is how Event Grid asks
 * ("Endpoint validation with Event Grid event schema", learn.microsoft.com), and an event that somebody slipped
 * into a batch gets no answer made from its content.
 *
 * Any status but 200 refuses. A subscription that is not allowed gets 403, which Event Grid does not try again:
 * it would not become allowed by asking again, and whoever creates it sees at once that it failed. */
bool ingress_handshake(struct ingress *ingress, struct httpd_request *request, const struct envelope *envelope,
                       int64_t began_ns) {
    if (!is_validation(request, envelope)) {
        return false;
    }
    const struct event *event = &envelope->events[0];
    struct slice name = httpd_header(request, "aeg-subscription-name");
    if (!verify_subscription(ingress->options.verify, name)) {
        note(ingress, event, name, "its name is not among verify.subscriptions");
        log_warn("ingress",
                 "an Event Grid subscription is not allowed to shake hands; to allow it, add its name to "
                 "verify.subscriptions, or confirm it with `switchhook handshakes confirm NAME`",
                 LOG_SLICE("subscription", name), LOG_SLICE("url", event->validation_url), LOG_END);
        refuse(ingress, request, 403, "subscription_not_allowed",
               "this subscription's name is not among those that may shake hands", began_ns);
    } else if (event->validation_code.length == 0) {
        note(ingress, event, name, "the validation event has no code");
        refuse(ingress, request, 400, "no_validation_code", "the validation event has no data.validationCode",
               began_ns);
    } else {
        note(ingress, event, name, NULL);
        log_info("ingress", "an Event Grid subscription shook hands", LOG_SLICE("subscription", name),
                 LOG_SLICE("url", event->validation_url), LOG_END);
        echo(ingress, request, event, began_ns);
    }
    return true;
}

void ingress_note(struct ingress *ingress, const struct ingress_handshake *handshake) {
    if (ingress->options.on_handshake != NULL) {
        ingress->options.on_handshake(handshake, ingress->options.context);
    }
}

/* One line, and one in the list: Event Grid sends it alone, and whoever sends thousands is not heard thousands of
 * times. */
void ingress_note_deletions(struct ingress *ingress, struct httpd_request *request,
                            const struct envelope *envelope) {
    bool is_deletion =
        slice_equal_ignoring_case(httpd_header(request, "aeg-event-type"), slice_of("SubscriptionDeletion"));
    const struct event *found = NULL;
    for (size_t i = 0; i < envelope->count && found == NULL; i++) {
        bool is_event = envelope->events[i].malformed == NULL;
        if (is_event && (is_deletion || slice_is(envelope->events[i].type, EVENT_TYPE_DELETION))) {
            found = &envelope->events[i];
        }
    }
    if (found == NULL) {
        return;
    }
    struct slice name = httpd_header(request, "aeg-subscription-name");
    log_warn("ingress", "an Event Grid subscription was deleted: nothing more will come by it",
             LOG_SLICE("subscription", name), LOG_SLICE("resource", found->subscription), LOG_END);
    ingress_note(ingress,
                 &(struct ingress_handshake){.what = INGRESS_DELETED,
                                             .is_cloud = found->is_cloud,
                                             .subscription = name.length > 0 ? name : found->subscription});
}

static bool is_validation(struct httpd_request *request, const struct envelope *envelope) {
    if (envelope->count != 1 || envelope->events[0].malformed != NULL) {
        return false;
    }
    return slice_is(envelope->events[0].type, EVENT_TYPE_VALIDATION) ||
           slice_equal_ignoring_case(httpd_header(request, "aeg-event-type"), slice_of("SubscriptionValidation"));
}

static void note(struct ingress *ingress, const struct event *event, struct slice name, const char *refused) {
    ingress_note(ingress, &(struct ingress_handshake){.what = refused == NULL ? INGRESS_SHOOK : INGRESS_REFUSED,
                                                      .is_cloud = event->is_cloud,
                                                      .subscription = name,
                                                      .url = event->validation_url,
                                                      .reason = slice_of(refused)});
}

static void echo(struct ingress *ingress, struct httpd_request *request, const struct event *event,
                 int64_t began_ns) {
    struct buffer body;
    buffer_init(&body, 6 * event->validation_code.length + 64); /* \u0000 is the longest form of a byte */
    buffer_append_text(&body, "{\"validationResponse\":");
    json_append_string(&body, event->validation_code);
    buffer_append_text(&body, "}");
    if (body.is_broken) {
        refuse(ingress, request, 503, "out_of_memory", "no memory for the answer", began_ns);
    } else {
        ingress_answer(ingress, request, &(struct ingress_outcome){.status = 200}, began_ns, buffer_slice(&body));
    }
    buffer_reset(&body);
}

static void refuse(struct ingress *ingress, struct httpd_request *request, unsigned status, const char *code,
                   const char *message, int64_t began_ns) {
    ingress_refuse(ingress, request,
                   &(struct ingress_refusal){.status = status,
                                             .code = code,
                                             .message = message,
                                             .offset = INGRESS_NO_OFFSET,
                                             .began_ns = began_ns});
}
