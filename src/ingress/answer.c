#include "base/clock.h"
#include "base/log.h"
#include "ingress/private.h"

static void log_refusal(struct httpd_request *request, const struct ingress_refusal *refusal);

void ingress_refuse(struct ingress *ingress, struct httpd_request *request,
                    const struct ingress_refusal *refusal) {
    log_refusal(request, refusal);
    struct buffer body;
    buffer_init(&body, 4096);
    buffer_append_text(&body, "{\"error\":{\"code\":");
    json_append_string(&body, slice_of(refusal->code));
    buffer_append_text(&body, ",\"message\":");
    json_append_string(&body, slice_of(refusal->message));
    if (refusal->offset != INGRESS_NO_OFFSET) {
        buffer_append_format(&body, ",\"offset\":%zu", refusal->offset);
    }
    buffer_append_text(&body, "}}");
    struct slice text = body.is_broken ? slice_of("{\"error\":{}}") : buffer_slice(&body);
    ingress_answer(ingress, request, &(struct ingress_outcome){.status = refusal->status}, refusal->began_ns,
                   text);
    buffer_reset(&body);
}

void ingress_answer(struct ingress *ingress, struct httpd_request *request, struct ingress_outcome *outcome,
                    int64_t began_ns, struct slice body) {
    const struct ingress_options *options = &ingress->options;
    if (began_ns != 0) {
        outcome->seconds = (double)(clock_monotonic_ns() - began_ns) / (double)CLOCK_NS_PER_S;
    }
    if (options->on_outcome != NULL) {
        options->on_outcome(outcome, options->context);
    }
    static const struct httpd_header retry = {"Retry-After", INGRESS_RETRY_AFTER};
    static const struct httpd_header allow = {"Allow", "POST"};
    const struct httpd_header *header = outcome->status == 503 ? &retry : outcome->status == 405 ? &allow : NULL;
    httpd_answer(request, &(struct httpd_answer){.status = outcome->status,
                                                 .body = body,
                                                 .headers = header,
                                                 .header_count = header == NULL ? 0 : 1});
}

/* Event Grid drops what it gets a 400, 401 or 415 for, sooner or later: somebody should hear of it. Strangers
 * who try other paths are no news. */
static void log_refusal(struct httpd_request *request, const struct ingress_refusal *refusal) {
    enum log_level level = refusal->status == 404 || refusal->status == 405 ? LOG_DEBUG : LOG_WARN;
    log_write(level, "ingress", "a request is refused",
              LOG_FIELDS(LOG_NUMBER("status", refusal->status), LOG_TEXT("code", refusal->code),
                         LOG_TEXT("reason", refusal->message), LOG_SLICE("path", httpd_path(request)),
                         LOG_SLICE("subscription", httpd_header(request, "aeg-subscription-name")), LOG_END));
}
