#include "base/text.h"
#include "httpd/private.h"
#include <limits.h>
#include <string.h>

/* What the library lets through and another program on the way may read otherwise: with two readings of one
 * request, one sender can slip a request into another's connection (RFC 9112, sections 3.2, 5.1, 6.1 and 6.3). */
struct findings {
    unsigned hosts, lengths, codings;
    struct slice length, coding;
    bool has_bad_name, has_bad_value;
};

struct verdict {
    unsigned status;
    const char *code, *message;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                               const char *value, size_t value_length);
static struct verdict judge(struct httpd_request *request, const struct findings *found, const char *version);
static bool is_token(struct slice text);
static bool is_target(const char *text);
static bool has_control(struct slice text);
static size_t head_size(struct MHD_Connection *connection);

bool httpd_check(struct httpd_request *request, const char *version) {
    struct findings found = {0};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, look_at, &found);
    struct verdict verdict = judge(request, &found, version);
    if (verdict.status == 0) {
        return true;
    }
    /* How long the request is cannot be known: nothing that follows on this connection is to be read. */
    request->is_chunked = true;
    httpd_answer_error(request, verdict.status, verdict.code, "%s", verdict.message);
    return false;
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                               const char *value, size_t value_length) {
    (void)kind;
    struct findings *found = context;
    struct slice header = slice_make(name, name_length);
    struct slice content = slice_make(value, value_length);
    if (slice_equal_ignoring_case(header, slice_of("host"))) {
        found->hosts++;
    } else if (slice_equal_ignoring_case(header, slice_of("content-length"))) {
        found->lengths++;
        found->length = content;
    } else if (slice_equal_ignoring_case(header, slice_of("transfer-encoding"))) {
        found->codings++;
        found->coding = content;
    }
    found->has_bad_name |= !is_token(header);
    found->has_bad_value |= has_control(content);
    return MHD_YES;
}

static struct verdict judge(struct httpd_request *request, const struct findings *found, const char *version) {
    if (!slice_starts_with(slice_of(version), "HTTP/1.")) {
        return (struct verdict){505, "bad_version", "this server speaks HTTP/1.1"};
    }
    if (head_size(request->connection) > HTTPD_HEAD_LIMIT) {
        return (struct verdict){431, "headers_too_large", "the request's target and headers are over 48 KiB"};
    }
    if (!is_token(request->method)) {
        return (struct verdict){400, "bad_method", "the method is no token"};
    }
    if (!is_target(request->target)) {
        return (struct verdict){400, "bad_target", "the target must begin with / and hold visible ASCII only"};
    }
    if (found->has_bad_name || found->has_bad_value) {
        return (struct verdict){400, "bad_header",
                                "a header's name is no token, or its value has control characters"};
    }
    if (found->hosts > 1 || (found->hosts == 0 && strcmp(version, "HTTP/1.0") != 0)) {
        return (struct verdict){400, "bad_host", "the request needs one Host header"};
    }
    if (found->lengths + found->codings > 1) {
        return (struct verdict){400, "bad_length",
                                "the request says more than once how long its body is (Content-Length, "
                                "Transfer-Encoding)"};
    }
    if (found->lengths == 1 && text_to_uint64(found->length, &request->declared) < 0) {
        return (struct verdict){400, "bad_length", "the Content-Length is no number"};
    }
    if (found->codings == 1 && !slice_equal_ignoring_case(found->coding, slice_of("chunked"))) {
        return (struct verdict){501, "bad_coding", "the only Transfer-Encoding that is understood is chunked"};
    }
    request->is_chunked = found->codings == 1;
    return (struct verdict){0};
}

static bool is_token(struct slice text) {
    static const bool is_good[UCHAR_MAX + 1] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
        ['%'] = true,         ['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true, ['-'] = true,
        ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true, ['|'] = true, ['~'] = true,
    };
    for (size_t i = 0; i < text.length; i++) {
        if (!is_good[(unsigned char)text.bytes[i]]) {
            return false;
        }
    }
    return text.length > 0;
}

static bool is_target(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    return text[0] == '/';
}

static bool has_control(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

static size_t head_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? SIZE_MAX : info->header_size;
}
