/* From an operation and its arguments to the request. The arguments come from a worker, which is not trusted:
 * whatever does not fit the table is refused by name. Values are raw slices of the arguments, so that a number
 * goes out as it was written. */
#include "base/clock.h"
#include "base/text.h"
#include "router/table.h"
#include "json/json.h"

enum { TEXT_LIMIT = 1024 }; /* of an id, a query value or a header: what a target can hold without being refused */
enum { TARGET_LIMIT = 64 * 1024 };

struct build {
    const struct router_operation *operation;
    struct router_request *request;
    struct slice ids[ROUTER_MOST_IDS];
    struct slice options;                     /* unset: none */
    struct slice page;                        /* of a list: {"nextLink": ...}; unset: the first page */
    struct slice values[ROUTER_MOST_MEMBERS]; /* raw, in the order of the table; unset: not given */
    struct buffer text;                       /* the decoded string at hand */
    struct error error;
};

static int read_arguments(struct build *build, struct slice arguments);
static int on_argument(void *context, size_t index, struct slice raw);
static int on_option(void *context, struct slice name, struct slice raw);
static int on_page(void *context, struct slice name, struct slice raw);
static int refuse_unknown(struct build *build, struct slice name);
static int check_options(struct build *build);
static bool has_kind(struct slice raw, enum router_kind kind);
static const char *kind_words(enum router_kind kind);
static int append_target(struct build *build);
static int append_page(struct build *build);
static int append_path(struct build *build);
static int append_id(struct build *build, size_t i);
static int append_query(struct build *build);
static int set_headers(struct build *build);
static int set_header(struct build *build, const struct router_member *member);
static int append_body(struct build *build);
static int decode(struct build *build, struct slice raw, const char *name);
static int check_time(struct build *build, const struct router_member *member, int64_t *wall_us);
static int refuse(struct build *build, const char *name, const char *words);

void router_request_init(struct router_request *request) {
    *request = (struct router_request){.method = NULL};
    buffer_init(&request->target, TARGET_LIMIT);
    buffer_init(&request->origin, TARGET_LIMIT);
    buffer_init(&request->body, SIZE_MAX / 2);
    buffer_init(&request->if_match, TEXT_LIMIT);
    buffer_init(&request->if_unmodified_since, TEXT_LIMIT);
}

void router_request_reset(struct router_request *request) {
    buffer_reset(&request->target);
    buffer_reset(&request->origin);
    buffer_reset(&request->body);
    buffer_reset(&request->if_match);
    buffer_reset(&request->if_unmodified_since);
    request->method = request->content_type = NULL;
}

int router_request_build(struct router_request *request, const struct router_operation *operation,
                         struct slice arguments, struct error *error) {
    int result = -1;
    struct build build = {.operation = operation, .request = request};
    buffer_init(&build.text, arguments.length);
    router_request_reset(request);
    request->method = operation->method;
    request->content_type = operation->content_type;

    if (read_arguments(&build, arguments) == 0 && check_options(&build) == 0 && append_target(&build) == 0 &&
        set_headers(&build) == 0 && append_body(&build) == 0) {
        result = 0;
    } else if (error != NULL) {
        *error = build.error;
    }
    buffer_reset(&build.text);
    return result;
}

static int read_arguments(struct build *build, struct slice arguments) {
    struct json_error where = {.offset = 0};
    if (json_each_element(arguments.bytes, arguments.length, on_argument, build, &where) < 0 ||
        (slice_is_set(build->options) &&
         json_each_member(build->options.bytes, build->options.length, on_option, build, &where) < 0)) {
        if (where.offset == SIZE_MAX) {
            error_memory(&build->error);
        } else if (build->error.code == ERROR_NONE) {
            error_set(&build->error, ERROR_INVALID, "%s: the arguments are not the JSON they should be: %s",
                      build->operation->name, where.message);
        }
        return -1;
    }
    return 0;
}

static int on_argument(void *context, size_t index, struct slice raw) {
    struct build *build = context;
    size_t ids = router_id_count(build->operation);
    if (index < ids) {
        build->ids[index] = raw;
        return 0;
    }
    if (index == ids + 1 && build->operation->is_list && raw.bytes[0] == '{') {
        build->page = raw;
        return 0;
    }
    if (index > ids) {
        return error_set(&build->error, ERROR_INVALID, "%s: takes %zu ids and a table of options, not more",
                         build->operation->name, ids);
    }
    if (raw.bytes[0] != '{') {
        return error_set(&build->error, ERROR_INVALID, "%s: argument %zu (the options) must be a table of names",
                         build->operation->name, index + 1);
    }
    build->options = raw;
    return 0;
}

static int on_option(void *context, struct slice name, struct slice raw) {
    struct build *build = context;
    const struct router_member *member = router_find_member(build->operation, name);
    if (member == NULL) {
        return refuse_unknown(build, name);
    }
    struct slice *value = &build->values[member - build->operation->members];
    if (slice_is_set(*value)) {
        return refuse(build, member->name, "is given twice");
    }
    *value = raw;
    return 0;
}

static int refuse_unknown(struct build *build, struct slice name) {
    const char *names[ROUTER_MOST_MEMBERS + 1] = {NULL};
    for (size_t i = 0; build->operation->members[i].name != NULL; i++) {
        names[i] = build->operation->members[i].name;
    }
    const char *nearest = text_nearest(name, names);
    struct buffer shown;
    buffer_init(&shown, 256);
    text_append_visible(&shown, slice_make(name.bytes, name.length < 60 ? name.length : 60));
    error_set(&build->error, ERROR_INVALID, "%s: there is no option \"%s\"%s%s%s", build->operation->name,
              shown.bytes == NULL ? "" : shown.bytes, nearest == NULL ? "" : "; is it \"",
              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    buffer_reset(&shown);
    return -1;
}

static int check_options(struct build *build) {
    bool is_merge = strcmp(build->operation->method, "PATCH") == 0;
    for (size_t i = 0; build->operation->members[i].name != NULL; i++) {
        const struct router_member *member = &build->operation->members[i];
        struct slice raw = build->values[i];
        if (!slice_is_set(raw)) {
            if (member->is_required) {
                return refuse(build, member->name, "is missing");
            }
            continue;
        }
        /* A merge patch clears a member by null. */
        if (is_merge && member->place == ROUTER_BODY && slice_is(raw, "null")) {
            continue;
        }
        if (!has_kind(raw, member->kind)) {
            return refuse(build, member->name, kind_words(member->kind));
        }
        int64_t ignored = 0;
        if (member->kind == ROUTER_TIME &&
            (decode(build, raw, member->name) < 0 || check_time(build, member, &ignored) < 0)) {
            return -1;
        }
    }
    return 0;
}

/* `raw` is strict JSON already: its first byte tells its kind. */
static bool has_kind(struct slice raw, enum router_kind kind) {
    char first = raw.bytes[0];
    switch (kind) {
    case ROUTER_STRING:
    case ROUTER_TIME: return first == '"';
    case ROUTER_BOOLEAN: return first == 't' || first == 'f';
    case ROUTER_LIST: return first == '[';
    case ROUTER_MAP: return first == '{';
    case ROUTER_NUMBER: return first == '-' || (first >= '0' && first <= '9');
    case ROUTER_INTEGER:
        for (size_t i = first == '-' ? 1 : 0; i < raw.length; i++) {
            if (raw.bytes[i] < '0' || raw.bytes[i] > '9') {
                return false;
            }
        }
        return true;
    }
    return false;
}

static const char *kind_words(enum router_kind kind) {
    static const char *const words[] = {
        [ROUTER_STRING] = "must be a string",
        [ROUTER_INTEGER] = "must be a whole number",
        [ROUTER_NUMBER] = "must be a number",
        [ROUTER_BOOLEAN] = "must be true or false",
        [ROUTER_TIME] = "must be a time such as \"2026-03-01T09:30:00Z\"",
        [ROUTER_LIST] = "must be a list",
        [ROUTER_MAP] = "must be a table of names",
    };
    return words[kind];
}

static int append_target(struct build *build) {
    if (slice_is_set(build->page)) {
        return append_page(build);
    }
    return append_path(build) < 0 ? -1 : append_query(build);
}

/* The link that the page before this one gave has all of the query in it. */
static int append_page(struct build *build) {
    struct json_error where = {.offset = 0};
    buffer_clear(&build->text);
    if (json_each_member(build->page.bytes, build->page.length, on_page, build, &where) < 0) {
        return where.offset == SIZE_MAX ? error_memory(&build->error) : -1;
    }
    return router_page_target(build->request, build->operation, buffer_slice(&build->text), &build->error);
}

static int on_page(void *context, struct slice name, struct slice raw) {
    struct build *build = context;
    if (!slice_is(name, "nextLink") || raw.bytes[0] != '"') {
        return error_set(&build->error, ERROR_INVALID, "%s: argument %zu is {\"nextLink\": the link as it came}",
                         build->operation->name, router_id_count(build->operation) + 2);
    }
    buffer_clear(&build->text);
    return json_append_decoded(&build->text, raw) < 0 ? error_memory(&build->error) : 0;
}

static int append_path(struct build *build) {
    struct buffer *target = &build->request->target;
    const char *rest = build->operation->path;
    for (size_t i = 0; i < router_id_count(build->operation); i++) {
        const char *open = strchr(rest, '{');
        buffer_append(target, rest, (size_t)(open - rest));
        if (append_id(build, i) < 0) {
            return -1;
        }
        rest = strchr(open, '}') + 1;
    }
    buffer_append_text(target, rest);
    return target->is_broken ? error_memory(&build->error) : 0;
}

static int append_id(struct build *build, size_t i) {
    struct slice name = router_id_name(build->operation, i);
    struct slice raw = build->ids[i];
    const char *words = NULL;
    if (!slice_is_set(raw)) {
        words = "is missing";
    } else if (raw.bytes[0] != '"') {
        words = "must be a string";
    } else {
        buffer_clear(&build->text);
        if (json_append_decoded(&build->text, raw) < 0) {
            return error_memory(&build->error);
        }
        struct slice id = buffer_slice(&build->text);
        if (id.length == 0) {
            words = "is empty";
        } else if (slice_is(id, ".") || slice_is(id, "..")) {
            words = "must not be a path's \".\" or \"..\"";
        } else if (id.length > TEXT_LIMIT) {
            words = "is longer than 1024 bytes";
        } else if (memchr(id.bytes, '\0', id.length) != NULL) {
            words = "holds a NUL";
        }
    }
    if (words != NULL) {
        return error_set(&build->error, ERROR_INVALID, "%s: argument %zu (%.*s) %s", build->operation->name, i + 1,
                         SLICE_ARG(name), words);
    }
    return text_append_percent(&build->request->target, buffer_slice(&build->text)) < 0
               ? error_memory(&build->error)
               : 0;
}

static int append_query(struct build *build) {
    struct buffer *target = &build->request->target;
    buffer_append_text(target, "?api-version=" ROUTER_API_VERSION);
    for (size_t i = 0; build->operation->members[i].name != NULL; i++) {
        const struct router_member *member = &build->operation->members[i];
        struct slice raw = build->values[i];
        if (member->place != ROUTER_QUERY || !slice_is_set(raw)) {
            continue;
        }
        buffer_append_char(target, '&');
        buffer_append_text(target, member->name);
        buffer_append_char(target, '=');
        if (raw.bytes[0] != '"') {
            if (raw.length > TEXT_LIMIT) {
                return refuse(build, member->name, "is longer than 1024 bytes");
            }
            buffer_append_slice(target, raw);
            continue;
        }
        if (decode(build, raw, member->name) < 0) {
            return -1;
        }
        text_append_percent(target, buffer_slice(&build->text));
    }
    return target->is_broken ? error_memory(&build->error) : 0;
}

static int set_headers(struct build *build) {
    for (size_t i = 0; build->operation->members[i].name != NULL; i++) {
        const struct router_member *member = &build->operation->members[i];
        if (member->place == ROUTER_HEADER && slice_is_set(build->values[i])) {
            if (decode(build, build->values[i], member->name) < 0 || set_header(build, member) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int set_header(struct build *build, const struct router_member *member) {
    struct slice text = buffer_slice(&build->text);
    if (member->kind == ROUTER_TIME) {
        int64_t wall_us = 0;
        char date[CLOCK_TEXT_SIZE];
        if (check_time(build, member, &wall_us) < 0) {
            return -1;
        }
        return buffer_append_text(&build->request->if_unmodified_since, clock_format_http(wall_us, date)) < 0
                   ? error_memory(&build->error)
                   : 0;
    }
    if (text.length == 0) {
        return refuse(build, member->name, "is empty");
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < ' ' || text.bytes[i] > '~') {
            return refuse(build, member->name, "may hold only printable ASCII");
        }
    }
    return buffer_append_slice(&build->request->if_match, text) < 0 ? error_memory(&build->error) : 0;
}

static int append_body(struct build *build) {
    const struct router_operation *operation = build->operation;
    struct buffer *body = &build->request->body;
    if (operation->content_type == NULL || (operation->is_body_optional && !slice_is_set(build->options))) {
        build->request->content_type = NULL;
        return 0;
    }
    buffer_append_char(body, '{');
    for (const char *c = operation->fixed == NULL ? "" : operation->fixed; *c != '\0'; c++) {
        if (*c != '@') {
            buffer_append_char(body, *c);
            continue;
        }
        for (size_t i = 0; operation->members[i].name != NULL; i++) {
            if (operation->members[i].place == ROUTER_HOLE) {
                buffer_append_slice(body, build->values[i]);
            }
        }
    }
    for (size_t i = 0; operation->members[i].name != NULL; i++) {
        if (operation->members[i].place == ROUTER_BODY && slice_is_set(build->values[i])) {
            buffer_append_text(body, body->length == 1 ? "\"" : ",\"");
            buffer_append_text(body, operation->members[i].name);
            buffer_append_text(body, "\":");
            buffer_append_slice(body, build->values[i]);
        }
    }
    buffer_append_char(body, '}');
    return body->is_broken ? error_memory(&build->error) : 0;
}

/* The string that goes into a target or a header, into build->text. */
static int decode(struct build *build, struct slice raw, const char *name) {
    buffer_clear(&build->text);
    if (json_append_decoded(&build->text, raw) < 0) {
        return error_memory(&build->error);
    }
    return build->text.length > TEXT_LIMIT ? refuse(build, name, "is longer than 1024 bytes") : 0;
}

/* Of build->text. */
static int check_time(struct build *build, const struct router_member *member, int64_t *wall_us) {
    struct slice text = buffer_slice(&build->text);
    if (clock_parse(text.bytes, text.length, wall_us) == 0 ||
        (member->place == ROUTER_HEADER && clock_parse_http(text.bytes, text.length, wall_us) == 0)) {
        return 0;
    }
    return refuse(build, member->name, kind_words(ROUTER_TIME));
}

static int refuse(struct build *build, const char *name, const char *words) {
    return error_set(&build->error, ERROR_INVALID, "%s: option \"%s\" %s", build->operation->name, name, words);
}
