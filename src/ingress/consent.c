/* The handshake of CloudEvents: OPTIONS, consent by headers ("HTTP 1.1 Web Hooks for Event Delivery", section 4,
 * github.com/cloudevents/spec; "Endpoint validation with CloudEvents schema", learn.microsoft.com). Whoever is
 * to be refused gets an answer without them. */
#include "base/log.h"
#include "base/text.h"
#include "ingress/private.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ORIGIN_SIZE = 256, URL_MOST = 2048 };

/* What the request asks for. */
struct asking {
    struct slice origin, rate, callback, subscription;
    unsigned origins, rates;
};

static void take_header(void *context, struct slice name, struct slice value);
static const char *why_unreadable(const struct asking *asking, uint64_t *rate);
static bool is_origin(struct slice origin);
static bool is_url(struct slice url);
static enum httpd_verdict refuse(struct ingress *ingress, struct httpd_request *request,
                                 const struct asking *asking, const char *code, const char *message);
static void consent(struct ingress *ingress, struct httpd_request *request, const struct asking *asking,
                    uint64_t rate);

enum httpd_verdict ingress_consent(struct ingress *ingress, struct httpd_request *request) {
    struct asking asking = {.subscription = httpd_header(request, "aeg-subscription-name")};
    uint64_t rate = 0;
    httpd_each_header(request, take_header, &asking);
    const char *unreadable = why_unreadable(&asking, &rate);
    if (unreadable != NULL) {
        ingress_refuse(
            ingress, request,
            &(struct ingress_refusal){
                .status = 400, .code = "bad_handshake", .message = unreadable, .offset = INGRESS_NO_OFFSET});
        return HTTPD_ANSWERED;
    }
    const struct verify *verify = ingress->options.verify;
    if (!verify_origin(verify, asking.origin)) {
        return refuse(ingress, request, &asking, "origin_not_allowed", "this origin is not among verify.origins");
    }
    if (slice_is_set(asking.subscription) && !verify_subscription(verify, asking.subscription)) {
        return refuse(ingress, request, &asking, "subscription_not_allowed",
                      "this subscription's name is not among those that may shake hands");
    }
    consent(ingress, request, &asking, rate);
    return HTTPD_ANSWERED;
}

static void take_header(void *context, struct slice name, struct slice value) {
    struct asking *asking = context;
    if (slice_equal_ignoring_case(name, slice_of("WebHook-Request-Origin"))) {
        asking->origin = value;
        asking->origins++;
    } else if (slice_equal_ignoring_case(name, slice_of("WebHook-Request-Rate"))) {
        asking->rate = value;
        asking->rates++;
    } else if (slice_equal_ignoring_case(name, slice_of("WebHook-Request-Callback")) && is_url(value)) {
        asking->callback = value;
    }
}

/* NULL: it can be read. */
static const char *why_unreadable(const struct asking *asking, uint64_t *rate) {
    if (asking->origins != 1) {
        return asking->origins == 0 ? "the header WebHook-Request-Origin is missing: OPTIONS is for the handshake "
                                      "of CloudEvents"
                                    : "the header WebHook-Request-Origin is there twice";
    }
    if (!is_origin(asking->origin)) {
        return "the WebHook-Request-Origin is no name of a host";
    }
    if (asking->rates > 1 || (asking->rates == 1 && (text_to_uint64(asking->rate, rate) < 0 || *rate == 0))) {
        return "the WebHook-Request-Rate is no positive whole number";
    }
    return NULL;
}

/* It is sent back in a header, and `*` there would be a consent to everybody. */
static bool is_origin(struct slice origin) {
    static const char marks[] = ".-_:/[]";
    for (size_t i = 0; i < origin.length; i++) {
        char c = origin.bytes[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return origin.length > 0 && origin.length < ORIGIN_SIZE;
}

static bool is_url(struct slice url) {
    for (size_t i = 0; i < url.length; i++) {
        if (url.bytes[i] <= ' ' || url.bytes[i] > '~') {
            return false;
        }
    }
    return url.length > 0 && url.length <= URL_MOST;
}

static enum httpd_verdict refuse(struct ingress *ingress, struct httpd_request *request,
                                 const struct asking *asking, const char *code, const char *message) {
    ingress_note(ingress, &(struct ingress_handshake){.what = INGRESS_REFUSED,
                                                      .is_cloud = true,
                                                      .subscription = asking->subscription,
                                                      .origin = asking->origin,
                                                      .url = asking->callback,
                                                      .reason = slice_of(message)});
    log_warn("ingress", "a CloudEvents handshake is refused", LOG_SLICE("origin", asking->origin),
             LOG_SLICE("subscription", asking->subscription), LOG_TEXT("reason", message), LOG_END);
    ingress_refuse(
        ingress, request,
        &(struct ingress_refusal){.status = 403, .code = code, .message = message, .offset = INGRESS_NO_OFFSET});
    return HTTPD_ANSWERED;
}

/* The rate that was asked for: what is too much for the host is told by its 503, and not here. */
static void consent(struct ingress *ingress, struct httpd_request *request, const struct asking *asking,
                    uint64_t rate) {
    char origin[ORIGIN_SIZE], allowed[24] = "*";
    snprintf(origin, sizeof origin, "%.*s", SLICE_ARG(asking->origin));
    if (rate != 0) {
        snprintf(allowed, sizeof allowed, "%" PRIu64, rate);
    }
    const struct httpd_header headers[] = {
        {"WebHook-Allowed-Origin", origin}, {"WebHook-Allowed-Rate", allowed}, {"Allow", "POST"}};
    ingress_note(ingress, &(struct ingress_handshake){.what = INGRESS_SHOOK,
                                                      .is_cloud = true,
                                                      .subscription = asking->subscription,
                                                      .origin = asking->origin,
                                                      .url = asking->callback});
    log_info("ingress", "a sender of CloudEvents shook hands", LOG_SLICE("origin", asking->origin),
             LOG_SLICE("subscription", asking->subscription), LOG_END);
    if (ingress->options.on_outcome != NULL) {
        ingress->options.on_outcome(&(struct ingress_outcome){.status = 200}, ingress->options.context);
    }
    httpd_answer(request, &(struct httpd_answer){.status = 200,
                                                 .headers = headers,
                                                 .header_count = sizeof headers / sizeof *headers});
}
