/* The connection string: where the Job Router is, and the key to it. Facts: learn.microsoft.com, "Access your
 * connection strings and service endpoints" of Azure Communication Services. */
#include "base/text.h"
#include "crypto/crypto.h"
#include "router/router.h"
#include <stdio.h>
#include <stdlib.h>

enum { KEY_LIMIT = 4096 }; /* Azure's are 64 bytes or so */

struct parts {
    struct slice endpoint, key;
};

static int split(struct slice text, struct parts *parts, struct error *error);
static int take_part(struct slice part, struct parts *parts, struct error *error);
static int set_endpoint(struct router_access *access, struct slice endpoint, struct error *error);
static bool is_scheme(struct slice endpoint, const char *scheme);
static struct slice host_name(struct slice rest);
static int read_port(struct slice text, uint64_t usual, char *port, size_t size);
static bool is_loopback(struct slice name);
static int set_key(struct router_access *access, struct slice text, struct error *error);

int router_access_init(struct router_access *access, const char *connection_string, struct error *error) {
    struct parts parts = {{NULL, 0}, {NULL, 0}};
    *access = (struct router_access){.endpoint = NULL};
    buffer_init(&access->key, KEY_LIMIT + 1);
    if (split(slice_of(connection_string), &parts, error) < 0 || set_endpoint(access, parts.endpoint, error) < 0 ||
        set_key(access, parts.key, error) < 0) {
        router_access_reset(access);
        return error_prefix(error, "the Job Router's connection string");
    }
    return 0;
}

int router_access_init_endpoint(struct router_access *access, const char *endpoint, struct error *error) {
    *access = (struct router_access){.endpoint = NULL};
    buffer_init(&access->key, KEY_LIMIT + 1);
    if (set_endpoint(access, slice_of(endpoint), error) < 0) {
        router_access_reset(access);
        return -1;
    }
    return 0;
}

void router_access_reset(struct router_access *access) {
    free(access->endpoint);
    free(access->host);
    access->endpoint = access->host = NULL;
    if (access->key.bytes != NULL) {
        crypto_wipe(access->key.bytes, access->key.capacity);
    }
    buffer_reset(&access->key);
}

static int split(struct slice text, struct parts *parts, struct error *error) {
    while (text.length > 0) {
        const char *end = memchr(text.bytes, ';', text.length);
        size_t length = end == NULL ? text.length : (size_t)(end - text.bytes);
        if (length > 0 && take_part(slice_make(text.bytes, length), parts, error) < 0) {
            return -1;
        }
        size_t taken = end == NULL ? length : length + 1;
        text = slice_make(text.bytes + taken, text.length - taken);
    }
    if (!slice_is_set(parts->endpoint) || !slice_is_set(parts->key)) {
        return error_set(error, ERROR_INVALID, "%s= is missing; it is \"endpoint=https://...;accesskey=...\"",
                         slice_is_set(parts->endpoint) ? "accesskey" : "endpoint");
    }
    return 0;
}

/* Names that are unknown are left alone: Azure may add some. A key holds '=' itself: only the first one splits. */
static int take_part(struct slice part, struct parts *parts, struct error *error) {
    const char *equals = memchr(part.bytes, '=', part.length);
    if (equals == NULL) {
        return error_set(error, ERROR_INVALID, "a part has no '='; it is \"endpoint=https://...;accesskey=...\"");
    }
    struct slice name = slice_make(part.bytes, (size_t)(equals - part.bytes));
    struct slice value = slice_make(equals + 1, part.length - name.length - 1);
    struct slice *place = NULL;
    if (slice_equal_ignoring_case(name, slice_of("endpoint"))) {
        place = &parts->endpoint;
    } else if (slice_equal_ignoring_case(name, slice_of("accesskey"))) {
        place = &parts->key;
    } else {
        return 0;
    }
    if (slice_is_set(*place)) {
        return error_set(error, ERROR_INVALID, "%s= stands in it twice",
                         place == &parts->key ? "accesskey" : "endpoint");
    }
    *place = value;
    return 0;
}

/* The signature covers the Host header, so the host is brought into the form in which it goes out: lower case,
 * without the scheme's own port. */
static int set_endpoint(struct router_access *access, struct slice endpoint, struct error *error) {
    bool is_https = is_scheme(endpoint, "https://");
    if (!is_https && !is_scheme(endpoint, "http://")) {
        return error_set(error, ERROR_INVALID, "the endpoint must begin with https://");
    }
    size_t skip = strlen(is_https ? "https://" : "http://");
    struct slice rest = slice_make(endpoint.bytes + skip, endpoint.length - skip);
    while (slice_ends_with(rest, "/")) {
        rest.length--;
    }
    struct slice name = host_name(rest);
    char port[8] = "";
    if (name.length == 0 || read_port(slice_make(rest.bytes + name.length, rest.length - name.length),
                                      is_https ? 443 : 80, port, sizeof port) < 0) {
        return error_set(error, ERROR_INVALID,
                         "the endpoint must be https://HOST/ or https://HOST:PORT/ and nothing more");
    }
    if (asprintf(&access->host, "%.*s%s", SLICE_ARG(name), port) < 0) {
        access->host = NULL;
        return error_memory(error);
    }
    for (char *c = access->host; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    if (!is_https && !is_loopback(name)) {
        return error_set(error, ERROR_INVALID,
                         "http:// is for loopback addresses only; the endpoint must be https://");
    }
    if (asprintf(&access->endpoint, "%s%s", is_https ? "https://" : "http://", access->host) < 0) {
        access->endpoint = NULL;
        return error_memory(error);
    }
    return 0;
}

static bool is_scheme(struct slice endpoint, const char *scheme) {
    size_t length = strlen(scheme);
    return endpoint.length >= length &&
           slice_equal_ignoring_case(slice_make(endpoint.bytes, length), slice_of(scheme));
}

/* The name or address at the beginning, brackets included; empty when it holds what no host holds. */
static struct slice host_name(struct slice rest) {
    static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    bool is_bracketed = rest.length > 0 && rest.bytes[0] == '[';
    const char *allowed = is_bracketed ? "0123456789abcdefABCDEF:." : name_bytes;
    size_t length = is_bracketed;
    while (length < rest.length && strchr(allowed, rest.bytes[length]) != NULL && rest.bytes[length] != '\0') {
        length++;
    }
    if (is_bracketed) {
        length = length < rest.length && rest.bytes[length] == ']' ? length + 1 : 0;
    }
    return slice_make(rest.bytes, length);
}

/* ":8081" as it is, "" for none or for the scheme's own. */
static int read_port(struct slice text, uint64_t usual, char *port, size_t size) {
    uint64_t number = usual;
    if (text.length > 0 &&
        (text.bytes[0] != ':' || text_to_uint64(slice_make(text.bytes + 1, text.length - 1), &number) < 0 ||
         number == 0 || number > UINT16_MAX)) {
        return -1;
    }
    if (number != usual) {
        snprintf(port, size, ":%u", (unsigned)number);
    }
    return 0;
}

static bool is_loopback(struct slice name) {
    char host[TEXT_HOST_SIZE];
    bool is_bracketed = name.bytes[0] == '[';
    int length = (int)name.length - (is_bracketed ? 2 : 0);
    if (length < 0 || (size_t)length >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", length, name.bytes + (is_bracketed ? 1 : 0));
    return text_is_loopback(host);
}

static int set_key(struct router_access *access, struct slice text, struct error *error) {
    /* One block of memory: none that grew leaves a piece of the key behind. */
    if (text.length > KEY_LIMIT) {
        return error_set(error, ERROR_INVALID, "the accesskey is too long to be one");
    }
    if (buffer_reserve(&access->key, text.length + 1) == NULL) {
        return error_memory(error);
    }
    if (crypto_append_unbase64(&access->key, text) < 0 || access->key.length == 0) {
        return error_set(error, ERROR_INVALID, "the accesskey is no base64; copy it whole, with its last '='");
    }
    return 0;
}
