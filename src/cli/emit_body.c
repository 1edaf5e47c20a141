#include "cli/emit_body.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/sample_now.h"
#include "crypto/crypto.h"
#include "event/sample.h"
#include <stdio.h>
#include <stdlib.h>

enum { EVENT_MAX = 8 * 1024 * 1024, NAME_SIZE = 256 };

static int append_event(const struct emit_plan *plan, size_t number, struct buffer *out, struct error *error);
static int make_data(const struct emit_plan *plan, size_t number, struct buffer *out, struct error *error);
static int apply(const struct emit_plan *plan, struct json *root, bool is_data, size_t number,
                 struct error *error);
static int set(struct json *object, char *path, struct json *value, struct error *error);
static struct json *value_of(struct slice text, size_t number);
static const char *const *members(bool is_cloud);
static bool is_data_path(struct slice path);
static struct slice path_of(const char *setting);

int emit_check_setting(const struct emit_plan *plan, const char *setting, struct error *error) {
    struct slice path = path_of(setting);
    if (path.length == 0 || path.length >= NAME_SIZE) {
        return error_set(error, ERROR_INVALID, "--set takes PATH=VALUE, as in data.jobId=j1, not '%s'", setting);
    }
    if (is_data_path(path)) {
        return 0;
    }
    const char *const *names = members(plan->is_cloud);
    for (size_t i = 0; names[i] != NULL; i++) {
        if (slice_is(path, names[i])) {
            return 0;
        }
    }
    const char *near = text_nearest(path, names);
    return error_set(error, ERROR_INVALID, "--set %.*s: an event has no member of that name%s%s%s",
                     SLICE_ARG(path), near == NULL ? "; its data's are set as data.NAME" : " (did you mean ",
                     near == NULL ? "" : near, near == NULL ? "" : "?)");
}

int emit_body(const struct emit_plan *plan, size_t first, size_t count, struct buffer *out, struct error *error) {
    bool is_alone = plan->is_cloud && count == 1;
    buffer_clear(out);
    if (!is_alone) {
        buffer_append_char(out, '[');
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buffer_append_char(out, ',');
        }
        if (append_event(plan, first + i, out, error) < 0) {
            return -1;
        }
    }
    if (!is_alone) {
        buffer_append_char(out, ']');
    }
    return out->is_broken ? error_set(error, ERROR_LIMIT, "the delivery is too large: a smaller --batch helps")
                          : 0;
}

static int append_event(const struct emit_plan *plan, size_t number, struct buffer *out, struct error *error) {
    char id[CRYPTO_UUID_SIZE];
    char now[CLOCK_TEXT_SIZE];
    struct buffer data, text;
    struct json *event = NULL;
    int result = -1;
    buffer_init(&data, EVENT_MAX);
    buffer_init(&text, EVENT_MAX);
    if (make_data(plan, number, &data, error) < 0) {
        goto out;
    }
    const struct event_sample sample = {.type = plan->type,
                                        .id = crypto_uuid(id),
                                        .time = clock_format(clock_wall_us(), now),
                                        .data = buffer_slice(&data),
                                        .is_cloud = plan->is_cloud};
    if (event_sample_append(&text, &sample) < 0) {
        error_set(error, ERROR_LIMIT, "the event is larger than %d MiB", EVENT_MAX >> 20);
        goto out;
    }
    event = json_parse(text.bytes, text.length, error);
    if (event == NULL || apply(plan, event, false, number, error) < 0) {
        goto out;
    }
    result = json_print(event, out) < 0 ? error_memory(error) : 0;
out:
    json_free(event);
    buffer_reset(&text);
    buffer_reset(&data);
    return result;
}

/* First, because the subject is made of it. */
static int make_data(const struct emit_plan *plan, size_t number, struct buffer *out, struct error *error) {
    struct json *data = NULL;
    struct buffer sample;
    int result = -1;
    buffer_init(&sample, EVENT_MAX);
    if (plan->data != NULL) {
        data = json_copy(plan->data);
    } else if (event_sample_data(&sample, plan->type) == 0) {
        data = json_parse(sample.bytes, sample.length, NULL);
    }
    if (data != NULL && plan->data == NULL && cli_sample_now(data, plan->type, clock_wall_us()) < 0) {
        json_free(data);
        data = NULL;
    }
    if (data == NULL) {
        error_memory(error);
    } else if (apply(plan, data, true, number, error) == 0) {
        result = json_print(data, out) < 0 ? error_memory(error) : 0;
    }
    json_free(data);
    buffer_reset(&sample);
    return result;
}

/* The settings of the data, or those of the envelope, in order. */
static int apply(const struct emit_plan *plan, struct json *root, bool is_data, size_t number,
                 struct error *error) {
    for (size_t i = 0; i < plan->setting_count; i++) {
        struct slice path = path_of(plan->settings[i]);
        char name[NAME_SIZE];
        size_t skip = is_data ? sizeof "data." - 1 : 0;
        if (is_data_path(path) != is_data) {
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)(path.length - skip), path.bytes + skip);
        struct json *value = value_of(slice_of(path.bytes + path.length + 1), number);
        if (value == NULL) {
            return error_set(error, ERROR_INVALID, "--set %s: the value is no UTF-8", plan->settings[i]);
        }
        if (set(root, name, value, error) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Makes the objects on the way that are not there. Takes the value over. `path` is cut in pieces. */
static int set(struct json *object, char *path, struct json *value, struct error *error) {
    char *dot;
    while ((dot = strchr(path, '.')) != NULL) {
        *dot = '\0';
        struct json *next = json_get(object, path);
        if (next == NULL || json_kind(next) == JSON_NULL) {
            if (json_put(object, path, json_object()) < 0) {
                json_free(value);
                return error_memory(error);
            }
            next = json_get(object, path);
        }
        if (json_kind(next) != JSON_OBJECT) {
            json_free(value);
            return error_set(error, ERROR_INVALID,
                             "--set: %s is no object, so it has no member %s; a list is set whole, as JSON", path,
                             dot + 1);
        }
        object = next;
        path = dot + 1;
    }
    return json_put(object, path, value) < 0 ? error_memory(error) : 0;
}

/* JSON when it is that, else a text; {n} in it is the event's number. */
static struct json *value_of(struct slice text, size_t number) {
    static const char hole[] = "{n}";
    struct buffer filled;
    buffer_init(&filled, EVENT_MAX);
    for (size_t i = 0; i < text.length;) {
        struct slice rest = slice_make(text.bytes + i, text.length - i);
        if (slice_starts_with(rest, hole)) {
            buffer_append_format(&filled, "%zu", number);
            i += sizeof hole - 1;
        } else {
            buffer_append_char(&filled, text.bytes[i++]);
        }
    }
    struct json *value = NULL;
    if (!filled.is_broken) {
        value = json_parse(filled.bytes == NULL ? "" : filled.bytes, filled.length, NULL);
        if (value == NULL) {
            value = json_slice(slice_make(filled.bytes == NULL ? "" : filled.bytes, filled.length));
        }
    }
    buffer_reset(&filled);
    return value;
}

/* `data` as a whole is given in a file. */
static const char *const *members(bool is_cloud) {
    static const char *const grid[] = {"id",        "topic",       "subject",         "eventType",
                                       "eventTime", "dataVersion", "metadataVersion", NULL};
    static const char *const cloud[] = {"id",   "source",  "specversion",     "type",
                                        "time", "subject", "datacontenttype", NULL};
    return is_cloud ? cloud : grid;
}

static bool is_data_path(struct slice path) {
    return slice_starts_with(path, "data.") && path.length > sizeof "data." - 1;
}

/* Empty: there is no '='. */
static struct slice path_of(const char *setting) {
    const char *equals = strchr(setting, '=');
    return slice_make(setting, equals == NULL ? 0 : (size_t)(equals - setting));
}
