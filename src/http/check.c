/* Whether a call can be made at all. libcurl lets line ends through in header values and methods: whatever
 * would end or bend a line of the request is refused here. */
#include "base/header.h"
#include "http/client.h"
#include <string.h>

static int check_method(const char *method, struct error *error);
static int check_header(const struct http_header *header, struct error *error);

int http_check_call(const struct http_call *call, struct error *error) {
    if (check_method(call->method, error) < 0 || http_check_url(call->url, error) < 0) {
        return -1;
    }
    if (slice_is_set(call->body) && strcmp(call->method, "HEAD") == 0) {
        return error_set(error, ERROR_INVALID, "a HEAD request has no body; leave it out");
    }
    for (size_t i = 0; i < call->header_count; i++) {
        if (check_header(&call->headers[i], error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_method(const char *method, struct error *error) {
    if (!header_is_token(slice_of(method)) || strlen(method) > 32 || strcasecmp(method, "CONNECT") == 0) {
        return error_set(error, ERROR_INVALID, "the method must be a word such as GET or POST");
    }
    return 0;
}

int http_check_url(const char *url, struct error *error) {
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return error_set(
                error, ERROR_INVALID,
                "the URL holds a blank, a control character or a byte over 126 at %zu; percent-encode it",
                (size_t)(c - url));
        }
    }
    bool is_https = strncasecmp(url, "https://", 8) == 0;
    if (!is_https && strncasecmp(url, "http://", 7) != 0) {
        return error_set(error, ERROR_INVALID, "the URL must begin with https:// or http://");
    }
    /* libcurl would pass over a third slash and look for the host behind it. */
    if (url[is_https ? 8 : 7] == '/' || url[is_https ? 8 : 7] == '\\') {
        return error_set(error, ERROR_INVALID, "the URL names no host");
    }
    return 0;
}

static int check_header(const struct http_header *header, struct error *error) {
    if (!header_is_token(slice_of(header->name))) {
        return error_set(error, ERROR_INVALID, "a header's name must be letters, digits and dashes");
    }
    if (header_is_framing(slice_of(header->name))) {
        return error_set(error, ERROR_INVALID, "the header %s is set by the client; leave it out", header->name);
    }
    if (!header_is_value(slice_of(header->value))) {
        return error_set(error, ERROR_INVALID, "the value of header %s holds a line end or control character",
                         header->name);
    }
    return 0;
}
