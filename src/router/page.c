/* The link of a list's next page. It came in an answer, went through a worker, and would be signed with our key:
 * only a link to the operation's own path is followed, and only to where the Job Router is. */
#include "base/text.h"
#include "router/table.h"

#define VERSION_NAME "api-version="

enum { LINK_LIMIT = 16 * 1024 };

static struct slice take_origin(struct slice *link);
static int append_origin(struct buffer *out, struct slice origin);
static bool is_plain(struct slice link);
static int append_query(struct buffer *target, struct slice query, bool *is_other_version);
static int refuse(const struct router_operation *operation, const char *words, struct error *error);

int router_page_target(struct router_request *request, const struct router_operation *operation, struct slice link,
                       struct error *error) {
    if (link.length > LINK_LIMIT) {
        return refuse(operation, "is longer than 16 KiB", error);
    }
    if (!is_plain(link)) {
        return refuse(operation, "holds what no address holds", error);
    }
    struct slice rest = link;
    struct slice origin = take_origin(&rest);
    size_t length = strlen(operation->path);
    if (origin.length == 0 && !slice_starts_with(rest, "/")) {
        return refuse(operation, "is no address: it begins neither with https:// nor with /", error);
    }
    if (!slice_starts_with(rest, operation->path) || (rest.length > length && rest.bytes[length] != '?')) {
        return refuse(operation, "leads to another path than the list's own: nothing was sent", error);
    }
    size_t skip = length + (rest.length > length);
    struct slice query = slice_make(rest.bytes + skip, rest.length - skip);
    bool is_other_version = false;
    if (append_origin(&request->origin, origin) < 0 || buffer_append_text(&request->target, operation->path) < 0 ||
        append_query(&request->target, query, &is_other_version) < 0) {
        return error_memory(error);
    }
    return is_other_version ? refuse(operation, "asks for another api-version: nothing was sent", error) : 0;
}

int router_request_check_origin(const struct router_request *request, const struct router_access *access,
                                struct error *error) {
    struct slice origin = buffer_slice(&request->origin);
    if (origin.length == 0 || slice_is(origin, access->endpoint)) {
        return 0;
    }
    return error_set(error, ERROR_INVALID,
                     "the next page's link leads to %.*s, not to the Job Router (%s): nothing was sent",
                     (int)(origin.length < 200 ? origin.length : 200), origin.bytes, access->endpoint);
}

/* "https://HOST" off the beginning; empty when the link has none. "//HOST" is a host without a scheme. */
static struct slice take_origin(struct slice *link) {
    static const char *const beginnings[] = {"https://", "http://", "//"};
    size_t length = 0;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && length == 0; i++) {
        size_t skip = strlen(beginnings[i]);
        if (link->length >= skip &&
            slice_equal_ignoring_case(slice_make(link->bytes, skip), slice_of(beginnings[i]))) {
            length = skip;
        }
    }
    while (length > 0 && length < link->length && link->bytes[length] != '/' && link->bytes[length] != '?') {
        length++;
    }
    struct slice origin = slice_make(link->bytes, length);
    *link = slice_make(link->bytes + length, link->length - length);
    return origin;
}

/* In the form that an access has its endpoint in: lower case, without the scheme's own port. */
static int append_origin(struct buffer *out, struct slice origin) {
    bool is_https =
        origin.length >= 6 && slice_equal_ignoring_case(slice_make(origin.bytes, 6), slice_of("https:"));
    if (slice_ends_with(origin, is_https ? ":443" : ":80")) {
        origin.length -= strlen(is_https ? ":443" : ":80");
    }
    for (size_t i = 0; i < origin.length; i++) {
        char c = origin.bytes[i];
        buffer_append_char(out, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    return out->is_broken ? -1 : 0;
}

static bool is_plain(struct slice link) {
    for (size_t i = 0; i < link.length; i++) {
        char c = link.bytes[i];
        if (c <= ' ' || c > '~' || strchr("#\\\"<>^`{|}", c) != NULL) {
            return false;
        }
    }
    return true;
}

/* As it is; the version is added if it does not say one. */
static int append_query(struct buffer *target, struct slice query, bool *is_other_version) {
    size_t versions = 0;
    buffer_append_char(target, '?');
    buffer_append_slice(target, query);
    while (query.length > 0) {
        const char *end = memchr(query.bytes, '&', query.length);
        struct slice part = slice_make(query.bytes, end == NULL ? query.length : (size_t)(end - query.bytes));
        if (slice_starts_with(part, VERSION_NAME)) {
            versions++;
            *is_other_version =
                *is_other_version || versions > 1 || !slice_is(part, VERSION_NAME ROUTER_API_VERSION);
        }
        size_t taken = part.length + (end != NULL);
        query = slice_make(query.bytes + taken, query.length - taken);
    }
    if (versions == 0) {
        const char *last = target->bytes == NULL ? "" : target->bytes + target->length - 1;
        buffer_append_text(target, *last == '?' || *last == '&' ? "" : "&");
        buffer_append_text(target, VERSION_NAME ROUTER_API_VERSION);
    }
    return target->is_broken ? -1 : 0;
}

static int refuse(const struct router_operation *operation, const char *words, struct error *error) {
    return error_set(error, ERROR_INVALID, "%s: the next page's link %s", operation->name, words);
}
