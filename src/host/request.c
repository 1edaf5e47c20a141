#include "host/request.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "wire/wire.h"
#include "json/json.h"
#include <stdlib.h>
#include <string.h>

enum { BODY_LIMIT = 2 * WIRE_PAYLOAD_MAX };

/* The arguments, raw. */
struct arguments {
    struct slice url, options, method, headers, body, body_base64, json, json_parts, timeout;
    size_t count;
};

struct reading {
    struct request *request;
    struct error *error;
};

static int split(struct slice operation, struct slice arguments, struct arguments *parts);
static int take_argument(void *context, size_t index, struct slice raw);
static int take_option(void *context, struct slice name, struct slice raw);
static int read_method(struct reading *reading, struct slice operation, struct slice raw);
static int read_url(struct reading *reading, struct slice raw);
static struct slice text_before_secrets(struct slice raw);
static int take_first(void *context, size_t index, struct slice raw);
static bool has_whole_host(struct slice raw);
static int take_header(void *context, struct slice name, struct slice raw);
static int add_header(struct reading *reading, struct slice name, struct slice raw);
static bool has_header(const struct request *request, const char *name);
static int read_body(struct reading *reading, const struct arguments *parts);
static int read_bytes(struct reading *reading, struct slice raw);

struct request *request_new(void) {
    struct request *request = calloc(1, sizeof *request);
    if (request != NULL) {
        buffer_init(&request->url, WIRE_PAYLOAD_MAX);
        buffer_init(&request->body, BODY_LIMIT);
    }
    return request;
}

void request_free(struct request *request) {
    if (request == NULL) {
        return;
    }
    secrets_wipe(&request->url);
    secrets_wipe(&request->body);
    for (size_t i = 0; i < request->header_count; i++) {
        secrets_wipe(&request->texts[i]);
    }
    free(request);
}

int request_read(struct request *request, struct slice operation, struct slice arguments,
                 const struct config_secret *secrets, struct error *error) {
    struct reading reading = {request, error};
    struct arguments parts = {.count = 0};
    *error = (struct error){.code = ERROR_NONE};
    request->secrets.secrets = secrets;
    int result = split(operation, arguments, &parts);
    if (result == 0 && read_method(&reading, operation, parts.method) == 0 && read_url(&reading, parts.url) == 0 &&
        read_body(&reading, &parts) == 0 &&
        (!slice_is_set(parts.headers) ||
         json_each_member(parts.headers.bytes, parts.headers.length, take_header, &reading, NULL) == 0) &&
        (!slice_is_set(parts.json) && !slice_is_set(parts.json_parts)
             ? true
             : has_header(request, "Content-Type") ||
                   add_header(&reading, slice_of("Content-Type"), slice_of("\"application/json\"")) == 0)) {
        request->timeout = slice_is_set(parts.timeout) ? strtod(parts.timeout.bytes, NULL) : 0;
        return secrets_check(&request->secrets, &request->target, error);
    }
    return error->code == ERROR_NONE
               ? error_set(error, ERROR_INVALID, "the arguments are not those of an http request")
               : -1;
}

bool request_origin(struct slice operation, struct slice arguments, char origin[HTTP_ORIGIN_SIZE]) {
    struct secrets_use none = {.secrets = NULL};
    struct arguments parts = {.count = 0};
    struct http_target target;
    struct buffer url;
    if (!slice_starts_with(operation, "http.") || split(operation, arguments, &parts) < 0) {
        return false;
    }
    buffer_init(&url, WIRE_PAYLOAD_MAX);
    bool is_known = secrets_fill(&none, text_before_secrets(parts.url), SECRETS_URL, &url, NULL) == 0 &&
                    url.length > 0 && http_read_target(url.bytes, &target, NULL) == 0;
    buffer_reset(&url);
    if (is_known) {
        memcpy(origin, target.origin, sizeof target.origin);
    }
    return is_known;
}

/* [options] of http.request; of all others [url] or [url, options]. */
static int split(struct slice operation, struct slice arguments, struct arguments *parts) {
    bool is_whole = slice_is(operation, "http.request");
    if (json_each_element(arguments.bytes, arguments.length, take_argument, parts, NULL) < 0 || parts->count < 1 ||
        parts->count > (is_whole ? 1 : 2)) {
        return -1;
    }
    if (is_whole) {
        parts->options = parts->url;
        parts->url = (struct slice){NULL, 0};
    }
    if (slice_is_set(parts->options) &&
        json_each_member(parts->options.bytes, parts->options.length, take_option, parts, NULL) < 0) {
        return -1;
    }
    return slice_is_set(parts->url) ? 0 : -1;
}

static int take_argument(void *context, size_t index, struct slice raw) {
    struct arguments *parts = context;
    parts->count = index + 1;
    *(index == 0 ? &parts->url : &parts->options) = raw;
    return 0;
}

static int take_option(void *context, struct slice name, struct slice raw) {
    struct arguments *parts = context;
    const struct {
        const char *name;
        struct slice *place;
    } options[] = {{"url", &parts->url},         {"method", &parts->method},
                   {"headers", &parts->headers}, {"body", &parts->body},
                   {"json", &parts->json},       {"json_parts", &parts->json_parts},
                   {"timeout", &parts->timeout}, {"body_base64", &parts->body_base64}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (slice_is(name, options[i].name)) {
            *options[i].place = raw;
            return 0;
        }
    }
    return -1;
}

/* The operation's own, in capitals, but for http.request. */
static int read_method(struct reading *reading, struct slice operation, struct slice raw) {
    struct buffer method;
    buffer_init(&method, REQUEST_METHOD_SIZE - 1);
    if (slice_is_set(raw)) {
        json_append_decoded(&method, raw);
    } else {
        size_t skip = strlen("http.");
        buffer_append(&method, operation.bytes + skip, operation.length - skip);
    }
    bool is_good = !method.is_broken && method.length > 0;
    for (size_t i = 0; is_good && i <= method.length; i++) {
        char c = method.bytes[i];
        reading->request->method[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    buffer_reset(&method);
    return is_good ? 0 : -1;
}

static int read_url(struct reading *reading, struct slice raw) {
    struct request *request = reading->request;
    if (slice_starts_with(raw, "[") && !has_whole_host(text_before_secrets(raw))) {
        return error_set(reading->error, ERROR_INVALID,
                         "a secret may stand in a URL only behind its host: https://HOST/...");
    }
    if (secrets_fill(&request->secrets, raw, SECRETS_URL, &request->url, reading->error) < 0) {
        return -1;
    }
    if (memchr(request->url.bytes == NULL ? "" : request->url.bytes, '\0', request->url.length + 1) !=
        (request->url.bytes == NULL ? NULL : request->url.bytes + request->url.length)) {
        return error_set(reading->error, ERROR_INVALID, "the URL holds a NUL byte");
    }
    return http_read_target(request->url.bytes, &request->target, reading->error);
}

/* The first text of a list of parts, or the text itself. */
static struct slice text_before_secrets(struct slice raw) {
    struct slice first = raw;
    if (slice_starts_with(raw, "[")) {
        first = (struct slice){NULL, 0};
        json_each_element(raw.bytes, raw.length, take_first, &first, NULL);
    }
    return slice_starts_with(first, "\"") ? first : slice_of("\"\"");
}

static int take_first(void *context, size_t index, struct slice raw) {
    if (index == 0) {
        *(struct slice *)context = raw;
    }
    return 0;
}

/* https://HOST and the slash or question mark that ends it: what is put in behind cannot change where it leads. */
static bool has_whole_host(struct slice raw) {
    bool is_https = slice_starts_with(raw, "\"https://");
    size_t at = is_https ? strlen("\"https://") : strlen("\"http://");
    if (!is_https && !slice_starts_with(raw, "\"http://")) {
        return false;
    }
    size_t start = at;
    while (at < raw.length && strchr("/?#\\\"", raw.bytes[at]) == NULL) {
        at++;
    }
    return at > start && at < raw.length && (raw.bytes[at] == '/' || raw.bytes[at] == '?');
}

static int take_header(void *context, struct slice name, struct slice raw) {
    return add_header(context, name, raw);
}

static int add_header(struct reading *reading, struct slice name, struct slice raw) {
    struct request *request = reading->request;
    if (request->header_count == REQUEST_HEADERS_MAX) {
        return error_set(reading->error, ERROR_INVALID, "a request has at most %d headers", REQUEST_HEADERS_MAX);
    }
    struct buffer *text = &request->texts[request->header_count++];
    buffer_init(text, WIRE_PAYLOAD_MAX);
    buffer_append_slice(text, name);
    buffer_append_char(text, '\0');
    if (secrets_fill(&request->secrets, raw, SECRETS_HEADER, text, reading->error) < 0) {
        return -1;
    }
    if (memchr(text->bytes, '\0', text->length) != text->bytes + name.length ||
        memchr(text->bytes + name.length + 1, '\0', text->length - name.length - 1) != NULL) {
        return error_set(reading->error, ERROR_INVALID, "a header holds a NUL byte");
    }
    request->headers[request->header_count - 1] = (struct http_header){text->bytes, text->bytes + name.length + 1};
    return 0;
}

static bool has_header(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int read_body(struct reading *reading, const struct arguments *parts) {
    struct request *request = reading->request;
    request->has_body = true;
    if (slice_is_set(parts->json)) {
        return buffer_append_slice(&request->body, parts->json) < 0 ? error_memory(reading->error) : 0;
    }
    if (slice_is_set(parts->json_parts)) {
        return secrets_fill(&request->secrets, parts->json_parts, SECRETS_JSON, &request->body, reading->error);
    }
    if (slice_is_set(parts->body)) {
        return secrets_fill(&request->secrets, parts->body, SECRETS_BODY, &request->body, reading->error);
    }
    if (slice_is_set(parts->body_base64)) {
        return read_bytes(reading, parts->body_base64);
    }
    request->has_body = false;
    return 0;
}

static int read_bytes(struct reading *reading, struct slice raw) {
    struct buffer text;
    buffer_init(&text, WIRE_PAYLOAD_MAX);
    int result = json_append_decoded(&text, raw) == 0 &&
                         crypto_append_unbase64(&reading->request->body, buffer_slice(&text)) == 0
                     ? 0
                     : error_set(reading->error, ERROR_INVALID, "the body cannot be read");
    buffer_reset(&text);
    return result;
}
