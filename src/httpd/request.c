#include "base/text.h"
#include "httpd/private.h"
#include <stdlib.h>
#include <string.h>

struct visiting {
    void (*visit)(void *context, struct slice name, struct slice value);
    void *context;
};

static enum MHD_Result visit_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                                    const char *value, size_t value_length);
static const char *keep_decoded(struct httpd_request *request, struct slice encoded, size_t *length);

struct slice httpd_method(const struct httpd_request *request) {
    return request->method;
}

struct slice httpd_path(const struct httpd_request *request) {
    return slice_make(request->target, request->path_length);
}

struct slice httpd_query(const struct httpd_request *request) {
    const char *mark = request->target + request->path_length;
    return slice_of(*mark == '\0' ? NULL : mark + 1);
}

struct slice httpd_target(const struct httpd_request *request) {
    return slice_of(request->target);
}

struct slice httpd_header(const struct httpd_request *request, const char *name) {
    const char *value = NULL;
    size_t length = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND, name, strlen(name), &value, &length) !=
            MHD_YES ||
        value == NULL) {
        return (struct slice){NULL, 0};
    }
    return slice_make(value, length);
}

void httpd_each_header(const struct httpd_request *request,
                       void (*visit)(void *context, struct slice name, struct slice value), void *context) {
    struct visiting visiting = {visit, context};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, visit_header, &visiting);
}

struct slice httpd_parameter(struct httpd_request *request, const char *name) {
    struct slice rest = httpd_query(request);
    while (rest.length > 0) {
        const char *ampersand = memchr(rest.bytes, '&', rest.length);
        size_t length = ampersand == NULL ? rest.length : (size_t)(ampersand - rest.bytes);
        const char *equals = memchr(rest.bytes, '=', length);
        size_t name_length = equals == NULL ? length : (size_t)(equals - rest.bytes);
        if (slice_is(slice_make(rest.bytes, name_length), name)) {
            size_t begin = equals == NULL ? length : name_length + 1;
            size_t decoded_length = 0;
            const char *decoded =
                keep_decoded(request, slice_make(rest.bytes + begin, length - begin), &decoded_length);
            return slice_make(decoded, decoded_length);
        }
        size_t step = length + (ampersand == NULL ? 0 : 1);
        rest = slice_make(rest.bytes + step, rest.length - step);
    }
    return (struct slice){NULL, 0};
}

struct slice httpd_body(const struct httpd_request *request) {
    return buffer_slice(&request->body);
}

char *httpd_take_body(struct httpd_request *request, size_t *length) {
    *length = request->body.length;
    return buffer_take(&request->body);
}

void httpd_set_context(struct httpd_request *request, void *context) {
    request->context = context;
}

void *httpd_context(const struct httpd_request *request) {
    return request->context;
}

static enum MHD_Result visit_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                                    const char *value, size_t value_length) {
    (void)kind;
    const struct visiting *visiting = context;
    visiting->visit(visiting->context, slice_make(name, name_length),
                    slice_make(value == NULL ? "" : value, value_length));
    return MHD_YES;
}

/* NULL when it is no good encoding, or without memory. */
static const char *keep_decoded(struct httpd_request *request, struct slice encoded, size_t *length) {
    if (encoded.length == 0) {
        *length = 0;
        return "";
    }
    struct httpd_text *text = calloc(1, sizeof *text);
    if (text == NULL) {
        return NULL;
    }
    buffer_init(&text->bytes, encoded.length);
    if (text_append_unpercent(&text->bytes, encoded, true) < 0) {
        buffer_reset(&text->bytes);
        free(text);
        return NULL;
    }
    text->next = request->texts;
    request->texts = text;
    *length = text->bytes.length;
    return text->bytes.bytes;
}
