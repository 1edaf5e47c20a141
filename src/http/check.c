/* Whether a call can be made at all. libcurl lets line ends through in header values and methods: whatever
 * would end or bend a line of the request is refused here. */
#include "http/client.h"
#include <string.h>

static int check_method(const char *method, struct error *error);
static int check_url(const char *url, struct error *error);
static int check_header(const struct http_header *header, struct error *error);
static bool is_token(const char *text);
static bool is_ours(const char *name);

int http_check_call(const struct http_call *call, struct error *error) {
    if (check_method(call->method, error) < 0 || check_url(call->url, error) < 0) {
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
    if (!is_token(method) || strlen(method) > 32 || strcasecmp(method, "CONNECT") == 0) {
        return error_set(error, ERROR_INVALID, "the method must be a word such as GET or POST");
    }
    return 0;
}

static int check_url(const char *url, struct error *error) {
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return error_set(
                error, ERROR_INVALID,
                "the URL holds a blank, a control character or a byte over 126 at %zu; percent-encode it",
                (size_t)(c - url));
        }
    }
    if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0) {
        return error_set(error, ERROR_INVALID, "the URL must begin with https:// or http://");
    }
    return 0;
}

static int check_header(const struct http_header *header, struct error *error) {
    if (!is_token(header->name)) {
        return error_set(error, ERROR_INVALID, "a header's name must be letters, digits and dashes");
    }
    if (is_ours(header->name)) {
        return error_set(error, ERROR_INVALID, "the header %s is set by the client; leave it out", header->name);
    }
    for (const char *c = header->value; *c != '\0'; c++) {
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f) {
            return error_set(error, ERROR_INVALID, "the value of header %s holds a line end or control character",
                             header->name);
        }
    }
    return 0;
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text) {
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

/* Those that frame the message, or say whose connection and which host it is. */
static bool is_ours(const char *name) {
    static const char *const names[] = {"Connection",        "Content-Length",   "Expect", "Host",
                                        "Keep-Alive",        "Proxy-Connection", "TE",     "Trailer",
                                        "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}
