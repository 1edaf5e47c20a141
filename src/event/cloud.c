#include "event/cloud.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_MOST = 64, ROOM = 512 * 1024 /* for attributes: heads are far smaller */ };

static const char *const required[] = {"specversion", "id", "source", "type", NULL};

static int check_header(const struct cloud_event *cloud, size_t i, struct buffer *value, struct error *error);
static bool is_name(struct slice name);
static const struct cloud_header *find(const struct cloud_event *cloud, struct slice name, size_t before);
static int append_value(struct buffer *out, struct slice value);
static bool is_text(struct slice text);
static int check_body(struct slice body, struct json_error *where);
static int rank(struct slice name);
static int by_rank_and_name(const void *a, const void *b);
static int append_attribute(struct buffer *out, const struct cloud_header *header, struct buffer *scratch);

void cloud_take(struct cloud_event *cloud, struct slice name, struct slice value) {
    if (name.length < 3 || !slice_equal_ignoring_case(slice_make(name.bytes, 3), slice_of("ce-"))) {
        return;
    }
    if (cloud->count == CLOUD_ATTRIBUTES) {
        cloud->has_too_many = true;
        return;
    }
    while (value.length > 0 && (value.bytes[value.length - 1] == ' ' || value.bytes[value.length - 1] == '\t')) {
        value.length--;
    }
    cloud->headers[cloud->count++] = (struct cloud_header){slice_make(name.bytes + 3, name.length - 3), value};
}

bool cloud_is_binary(const struct cloud_event *cloud) {
    for (const char *const *name = required; *name != NULL; name++) {
        if (find(cloud, slice_of(*name), cloud->count) != NULL) {
            return true;
        }
    }
    return false;
}

int cloud_check(const struct cloud_event *cloud, struct error *error) {
    if (cloud->has_too_many) {
        return error_set(error, ERROR_INVALID, "more than %d ce- headers", CLOUD_ATTRIBUTES);
    }
    for (const char *const *name = required; *name != NULL; name++) {
        const struct cloud_header *header = find(cloud, slice_of(*name), cloud->count);
        if (header == NULL || header->value.length == 0) {
            return error_set(error, ERROR_INVALID, "the header ce-%s is %s: a CloudEvent needs it", *name,
                             header == NULL ? "missing" : "empty");
        }
    }
    struct buffer value;
    int result = 0;
    buffer_init(&value, ROOM);
    for (size_t i = 0; i < cloud->count && result == 0; i++) {
        result = check_header(cloud, i, &value, error);
    }
    buffer_reset(&value);
    return result;
}

int cloud_compose(struct cloud_event *cloud, struct slice content_type, struct slice body, struct buffer *out,
                  struct json_error *where) {
    if (body.length > 0 && check_body(body, where) < 0) {
        return -1;
    }
    struct buffer scratch;
    buffer_init(&scratch, ROOM);
    qsort(cloud->headers, cloud->count, sizeof *cloud->headers, by_rank_and_name);
    buffer_append_char(out, '{');
    for (size_t i = 0; i < cloud->count; i++) {
        append_attribute(out, &cloud->headers[i], &scratch);
    }
    if (content_type.length > 0 && is_text(content_type)) {
        buffer_append_text(out, "\"datacontenttype\":");
        json_append_string(out, content_type);
        buffer_append_char(out, ',');
    }
    if (body.length > 0) {
        buffer_append_text(out, "\"data\":");
        buffer_append_slice(out, body);
    } else if (!out->is_broken) {
        buffer_truncate(out, out->length - 1);
    }
    buffer_append_char(out, '}');
    bool is_broken = out->is_broken || scratch.is_broken;
    buffer_reset(&scratch);
    if (is_broken) {
        where->offset = SIZE_MAX;
        (void)snprintf(where->message, sizeof where->message, "no memory for an event in binary mode");
    }
    return is_broken ? -1 : 0;
}

/* A name that is no attribute's is not quoted: a stranger chose it. */
static int check_header(const struct cloud_event *cloud, size_t i, struct buffer *value, struct error *error) {
    const struct cloud_header *header = &cloud->headers[i];
    if (!is_name(header->name) || slice_equal_ignoring_case(header->name, slice_of("data"))) {
        return error_set(error, ERROR_INVALID,
                         "a ce- header names no attribute: names have letters and digits, and data is the body");
    }
    if (find(cloud, header->name, i) != NULL) {
        return error_set(error, ERROR_INVALID, "the header ce-%.*s is there twice", SLICE_ARG(header->name));
    }
    buffer_clear(value);
    if (append_value(value, header->value) < 0) {
        return value->is_broken
                   ? error_memory(error)
                   : error_set(error, ERROR_INVALID,
                               "the header ce-%.*s is no text: a %% must begin a code of two hexadecimal "
                               "digits, and quotes must close",
                               SLICE_ARG(header->name));
    }
    if (!is_text(buffer_slice(value))) {
        return error_set(error, ERROR_INVALID, "the header ce-%.*s is no UTF-8, or has control characters",
                         SLICE_ARG(header->name));
    }
    if (slice_equal_ignoring_case(header->name, slice_of("specversion")) &&
        !slice_is(buffer_slice(value), "1.0")) {
        return error_set(error, ERROR_INVALID, "the header ce-specversion is not 1.0");
    }
    return 0;
}

static bool is_name(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return name.length > 0 && name.length <= NAME_MOST;
}

/* Among the first `before` headers. */
static const struct cloud_header *find(const struct cloud_event *cloud, struct slice name, size_t before) {
    for (size_t i = 0; i < before; i++) {
        if (slice_equal_ignoring_case(cloud->headers[i].name, name)) {
            return &cloud->headers[i];
        }
    }
    return NULL;
}

/* First the quotes, then the percents. -1 for bad ones; also without memory: then `out` is broken. */
static int append_value(struct buffer *out, struct slice value) {
    if (value.length == 0 || value.bytes[0] != '"') {
        return text_append_unpercent(out, value, false);
    }
    struct buffer inner;
    int result = value.length >= 2 && value.bytes[value.length - 1] == '"' ? 0 : -1;
    buffer_init(&inner, value.length);
    for (size_t i = 1; i + 1 < value.length && result == 0; i++) {
        if (value.bytes[i] == '\\') {
            i++;
        } else if (value.bytes[i] == '"') {
            result = -1;
        }
        if (i + 1 >= value.length) {
            result = -1; /* the last quote belongs to a backslash */
        } else if (result == 0 && buffer_append_char(&inner, value.bytes[i]) < 0) {
            out->is_broken = true;
            result = -1;
        }
    }
    if (result == 0) {
        result = text_append_unpercent(out, buffer_slice(&inner), false);
    }
    buffer_reset(&inner);
    return result;
}

/* What CloudEvents allows in a string: no control characters, C1 neither. */
static bool is_text(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        bool is_c1 = byte == 0xC2 && i + 1 < text.length && (unsigned char)text.bytes[i + 1] < 0xA0;
        if (byte < 0x20 || byte == 0x7F || is_c1) {
            return false;
        }
    }
    return text_is_utf8(text);
}

/* By itself: `1,"id":"another"` would be JSON inside of the event. The event around it takes a level and some
 * values. */
static int check_body(struct slice body, struct json_error *where) {
    static const struct json_limits limits = {JSON_DEPTH - 1, JSON_VALUES - 4 * CLOUD_ATTRIBUTES};
    static const struct json_listener nobody = {.begin = NULL};
    return json_read(body.bytes, body.length, &limits, &nobody, NULL, where);
}

static int rank(struct slice name) {
    int place = 0;
    while (required[place] != NULL && !slice_equal_ignoring_case(name, slice_of(required[place]))) {
        place++;
    }
    return place;
}

static int by_rank_and_name(const void *a, const void *b) {
    const struct cloud_header *one = a;
    const struct cloud_header *other = b;
    int difference = rank(one->name) - rank(other->name);
    if (difference != 0) {
        return difference;
    }
    size_t length = one->name.length < other->name.length ? one->name.length : other->name.length;
    difference = strncasecmp(one->name.bytes, other->name.bytes, length);
    return difference != 0 ? difference : (int)one->name.length - (int)other->name.length;
}

/* The Content-Type says what the data is, and not the header of that name (section 3.1.1). */
static int append_attribute(struct buffer *out, const struct cloud_header *header, struct buffer *scratch) {
    char name[NAME_MOST + 1] = {0};
    for (size_t i = 0; i < header->name.length && i < NAME_MOST; i++) {
        char c = header->name.bytes[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    if (slice_is(slice_of(name), "datacontenttype")) {
        return 0;
    }
    buffer_clear(scratch);
    if (append_value(scratch, header->value) < 0) {
        scratch->is_broken = true;
        out->is_broken = true;
        return -1;
    }
    buffer_append_format(out, "\"%s\":", name);
    json_append_string(out, buffer_slice(scratch));
    return buffer_append_char(out, ',');
}
