#include "cli/catalog.h"
#include "event/event.h"
#include "event/sample.h"
#include <string.h>

enum { KIND_MAX = 64, EVENT_MAX = 256 * 1024 };

/* How wide the columns are: the same in all tables of a page. */
struct widths {
    int name, kind, sources;
};

static const char *set_of(const struct event_type *type);
static void widen(struct widths *widths, const struct event_field *fields);
static void put_fields(struct buffer *out, const struct widths *widths, const struct event_field *fields,
                       const struct event_alias *aliases);
static void put_more(struct buffer *out, int indent, const char *words, const struct buffer *list);
static void put_sample(struct buffer *out, const struct event_type *type);
static void put_indented(struct buffer *out, struct slice json);
static void new_line(struct buffer *out, int depth);

void catalog_put_types(struct buffer *out) {
    int width = (int)strlen("TYPE");
    int words = (int)strlen("SENT WHEN");
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        width = (int)strlen(type->name) > width ? (int)strlen(type->name) : width;
        words = (int)strlen(type->words) > words ? (int)strlen(type->words) : words;
    }
    buffer_append_format(out, "%-*s  %-*s  SET\n", width, "TYPE", words, "SENT WHEN");
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        buffer_append_format(out, "%-*s  %-*s  %s\n", width, type->name, words, type->words, set_of(type));
    }
}

void catalog_put_type(struct buffer *out, const struct event_type *type) {
    const struct event_model *models[CATALOG_MODELS];
    size_t count = catalog_models(type->fields, models);
    struct widths widths = {0};
    widen(&widths, type->fields);
    for (size_t i = 0; i < count; i++) {
        widen(&widths, models[i]->fields);
    }
    buffer_append_format(out, EVENT_TYPE_PREFIX "%s: %s\n\n", type->name, type->words);
    buffer_append_format(out, "subject    %s\nlane       %s\n", type->subject, catalog_lane(type));
    if (type->deadline != NULL) {
        buffer_append_format(out, "deadline   data.%s: a run that failed is not tried again later than that\n",
                             type->deadline);
    }
    buffer_append_text(out, "known from ");
    catalog_put_sources(out, type->sources);
    buffer_append_text(out, "\n\n");
    put_fields(out, &widths, type->fields, type->aliases);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "\n%s: %s\n\n", models[i]->name, models[i]->words);
        put_fields(out, &widths, models[i]->fields, models[i]->aliases);
    }
    put_sample(out, type);
}

static const char *set_of(const struct event_type *type) {
    if (type->sources == EVENT_FROM_PREVIEW) {
        return "2021 only";
    }
    return (type->sources & EVENT_FROM_PAGE) == 0 ? "schema only" : "present";
}

static void widen(struct widths *widths, const struct event_field *fields) {
    char kind[KIND_MAX];
    struct buffer sources;
    buffer_init(&sources, KIND_MAX);
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        int name = (int)strlen(field->name);
        int length = (int)strlen(catalog_kind(field, kind, sizeof kind));
        buffer_clear(&sources);
        catalog_put_sources(&sources, field->sources);
        widths->name = name > widths->name ? name : widths->name;
        widths->kind = length > widths->kind ? length : widths->kind;
        widths->sources = (int)sources.length > widths->sources ? (int)sources.length : widths->sources;
    }
    buffer_reset(&sources);
}

static void put_fields(struct buffer *out, const struct widths *widths, const struct event_field *fields,
                       const struct event_alias *aliases) {
    struct buffer list;
    buffer_init(&list, EVENT_MAX);
    buffer_append_format(out, "%-*s  %-*s  NULL  %-*s  WHAT\n", widths->name, "FIELD", widths->kind, "TYPE",
                         widths->sources, "KNOWN FROM");
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        char kind[KIND_MAX];
        buffer_clear(&list);
        catalog_put_sources(&list, field->sources);
        buffer_append_format(out, "%-*s  %-*s  %-4s  %-*s  %s\n", widths->name, field->name, widths->kind,
                             catalog_kind(field, kind, sizeof kind), field->is_nullable ? "yes" : "no",
                             widths->sources, list.bytes == NULL ? "" : list.bytes, field->words);
        buffer_clear(&list);
        catalog_put_values(&list, field->values);
        put_more(out, widths->name, "known values: ", &list);
        buffer_clear(&list);
        catalog_put_spellings(&list, aliases, field->name);
        put_more(out, widths->name, "also sent as: ", &list);
    }
    out->is_broken |= list.is_broken;
    buffer_reset(&list);
}

static void put_more(struct buffer *out, int indent, const char *words, const struct buffer *list) {
    if (list->length > 0) {
        buffer_append_format(out, "%*s  %s%s\n", indent, "", words, list->bytes);
    }
}

static void put_sample(struct buffer *out, const struct event_type *type) {
    const struct event_sample sample = {
        .type = type, .id = "5d0c6f7e-21b4-4c8a-9a53-3f7be0d1a642", .time = EVENT_SAMPLE_TIME};
    struct buffer event;
    buffer_init(&event, EVENT_MAX);
    out->is_broken |= event_sample_append(&event, &sample) < 0;
    buffer_append_text(out, "\nA sample:\n\n");
    put_indented(out, buffer_slice(&event));
    buffer_append_char(out, '\n');
    buffer_reset(&event);
}

/* JSON without white space, a member a line. */
static void put_indented(struct buffer *out, struct slice json) {
    int depth = 0;
    bool is_in_text = false;
    for (size_t i = 0; i < json.length; i++) {
        char c = json.bytes[i];
        bool is_empty = i + 1 < json.length && (json.bytes[i + 1] == '}' || json.bytes[i + 1] == ']');
        if (!is_in_text && (c == '}' || c == ']') && json.bytes[i - 1] != '{' && json.bytes[i - 1] != '[') {
            new_line(out, --depth);
        }
        buffer_append_char(out, c);
        if (is_in_text) {
            if (c == '\\') {
                buffer_append_char(out, json.bytes[++i]);
            }
            is_in_text = c != '"';
        } else if (c == '"') {
            is_in_text = true;
        } else if ((c == '{' || c == '[') && !is_empty) {
            new_line(out, ++depth);
        } else if (c == ',') {
            new_line(out, depth);
        } else if (c == ':') {
            buffer_append_char(out, ' ');
        }
    }
}

static void new_line(struct buffer *out, int depth) {
    buffer_append_format(out, "\n%*s", 2 * depth, "");
}
