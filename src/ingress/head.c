#include "ingress/private.h"
#include <string.h>

static bool is_json(struct slice type);
static struct slice trim(struct slice text);
static enum verify_verdict check_sender(const struct ingress *ingress, struct httpd_request *request);
static bool may_accept(struct ingress *ingress);
static enum httpd_verdict refuse(struct ingress *ingress, struct httpd_request *request, unsigned status,
                                 const char *code, const char *message);

/* What can be said without the body is said before it: the order is that of the table in
 * docs/internals/ingress.md. httpd adds the check of the length. */
enum httpd_verdict ingress_on_head(struct httpd_request *request, void *context) {
    struct ingress *ingress = context;
    if (!slice_is(httpd_path(request), ingress->path)) {
        return refuse(ingress, request, 404, "not_found",
                      "there is nothing here; deliveries go to the configured path");
    }
    /* The place of the OPTIONS handshake of CloudEvents. */
    if (!slice_is(httpd_method(request), "POST")) {
        return refuse(ingress, request, 405, "method_not_allowed", "deliveries are POSTed");
    }
    if (!is_json(httpd_header(request, "Content-Type"))) {
        return refuse(
            ingress, request, 415, "unsupported_type",
            "the Content-Type must be application/json: create the subscription with the Event Grid schema");
    }
    if (slice_is_set(httpd_header(request, "Content-Encoding"))) {
        return refuse(ingress, request, 415, "unsupported_encoding", "no Content-Encoding is understood");
    }
    enum verify_verdict verdict = check_sender(ingress, request);
    if (verdict != VERIFY_GOOD) {
        return refuse(ingress, request, 401, "not_verified", verify_reason(verdict));
    }
    if (!may_accept(ingress)) {
        return refuse(ingress, request, 503, "not_accepting",
                      "no deliveries are taken at the moment: the backlog is full, or the host is stopping");
    }
    return HTTPD_GO_ON;
}

/* Absent means JSON: Event Grid sends it always, people with curl do not. Parameters do not matter. */
static bool is_json(struct slice type) {
    if (!slice_is_set(type)) {
        return true;
    }
    const char *semicolon = type.length == 0 ? NULL : memchr(type.bytes, ';', type.length);
    if (semicolon != NULL) {
        type.length = (size_t)(semicolon - type.bytes);
    }
    return slice_equal_ignoring_case(trim(type), slice_of("application/json"));
}

static struct slice trim(struct slice text) {
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text = slice_make(text.bytes + 1, text.length - 1);
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

static enum verify_verdict check_sender(const struct ingress *ingress, struct httpd_request *request) {
    const struct verify *verify = ingress->options.verify;
    const char *header = verify_header(verify);
    const struct verify_claims claims = {
        .code = httpd_parameter(request, "code"),
        .header = header == NULL ? slice_of(NULL) : httpd_header(request, header),
        .is_forwarded = slice_is_set(httpd_header(request, "Forwarded")) ||
                        slice_is_set(httpd_header(request, "X-Forwarded-For")) ||
                        slice_is_set(httpd_header(request, "Via")),
        .is_from_page = slice_is_set(httpd_header(request, "Sec-Fetch-Site")),
    };
    return verify_request(verify, &claims);
}

static bool may_accept(struct ingress *ingress) {
    const struct ingress_options *options = &ingress->options;
    return !atomic_load(&ingress->is_quiesced) &&
           (options->may_accept == NULL || options->may_accept(options->context));
}

static enum httpd_verdict refuse(struct ingress *ingress, struct httpd_request *request, unsigned status,
                                 const char *code, const char *message) {
    ingress_refuse(ingress, request,
                   &(struct ingress_refusal){
                       .status = status, .code = code, .message = message, .offset = INGRESS_NO_OFFSET});
    return HTTPD_ANSWERED;
}
