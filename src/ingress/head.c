#include "ingress/private.h"

static enum httpd_verdict on_options(struct ingress *ingress, struct httpd_request *request);
static enum verify_verdict check_sender(const struct ingress *ingress, struct httpd_request *request);
static bool may_accept(struct ingress *ingress);
static enum httpd_verdict refuse(struct ingress *ingress, struct httpd_request *request, unsigned status,
                                 const char *code, const char *message);

char ingress_binary;

/* What can be said without the body is said before it: the order is that of the table in
 * docs/internals/ingress.md. httpd adds the check of the length. */
enum httpd_verdict ingress_on_head(struct httpd_request *request, void *context) {
    struct ingress *ingress = context;
    if (!slice_is(httpd_path(request), ingress->path)) {
        return refuse(ingress, request, 404, "not_found",
                      "there is nothing here; deliveries go to the configured path");
    }
    if (slice_is(httpd_method(request), "OPTIONS")) {
        return on_options(ingress, request);
    }
    if (!slice_is(httpd_method(request), "POST")) {
        return refuse(ingress, request, 405, "method_not_allowed", "deliveries are POSTed");
    }
    struct cloud_event cloud;
    enum ingress_form form = ingress_form(request, &cloud);
    if (form == INGRESS_UNKNOWN) {
        return refuse(ingress, request, 415, "unsupported_type",
                      "the Content-Type must be application/json, application/cloudevents+json or "
                      "application/cloudevents-batch+json; in CloudEvents' binary mode JSON of any kind");
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
    struct error error = {0};
    if (form == INGRESS_BINARY && cloud_check(&cloud, &error) < 0) {
        bool is_theirs = error.code == ERROR_INVALID;
        return refuse(ingress, request, is_theirs ? 400 : 503, is_theirs ? "bad_attribute" : "out_of_memory",
                      error.message);
    }
    httpd_set_context(request, form == INGRESS_BINARY ? &ingress_binary : NULL);
    return HTTPD_GO_ON;
}

/* A handshake stores nothing: a full backlog is no reason against it. */
static enum httpd_verdict on_options(struct ingress *ingress, struct httpd_request *request) {
    enum verify_verdict verdict = check_sender(ingress, request);
    if (verdict != VERIFY_GOOD) {
        return refuse(ingress, request, 401, "not_verified", verify_reason(verdict));
    }
    if (atomic_load(&ingress->is_quiesced)) {
        return refuse(ingress, request, 503, "not_accepting", "the host is stopping");
    }
    return ingress_consent(ingress, request);
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
