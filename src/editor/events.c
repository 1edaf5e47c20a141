#include "editor/editor.h"
#include "event/catalogue.h"
#include <string.h>

static void put_model(struct buffer *out, const struct event_model *model);
static void put_type(struct buffer *out, const struct event_type *type);
static void put_data(struct buffer *out, const struct event_type *type);
static void put_parsed(struct buffer *out, const struct event_type *type);
static void put_field(struct buffer *out, const char *name, const struct event_field *field, bool is_parsed);
static void put_kind(struct buffer *out, const struct event_field *field, bool is_parsed);
static void put_model_name(struct buffer *out, const struct event_model *model, bool is_parsed);
static bool has_canonical(const struct event_field *field);

void editor_events(struct buffer *out) {
    buffer_append_text(out,
                       "---@meta\n-- The events, for editors: made from the catalogue. `switchhook catalog TYPE` "
                       "says more of one.\n\n");
    for (size_t i = 0; event_models[i] != NULL; i++) {
        put_model(out, event_models[i]);
    }
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        put_type(out, type);
    }
}

static void put_model(struct buffer *out, const struct event_model *model) {
    buffer_append_format(out, "---%s\n---@class %s\n", model->words, model->name);
    for (const struct event_field *field = model->fields; field->name != NULL; field++) {
        put_field(out, field->name, field, false);
    }
    buffer_append_char(out, '\n');
    if (!model->has_canonical) {
        return;
    }
    buffer_append_format(out, "---%s, in its canonical form\n---@class %sParsed\n", model->words, model->name);
    for (const struct event_field *field = model->fields; field->name != NULL; field++) {
        put_field(out, field->name, field, true);
    }
    buffer_append_char(out, '\n');
}

static void put_type(struct buffer *out, const struct event_type *type) {
    put_data(out, type);
    put_parsed(out, type);
    buffer_append_format(out, "---%s\n---@class %sEvent: Event\n", type->words, type->name);
    buffer_append_format(out, "---@field data %sData\n---@field parsed %sParsed\n\n", type->name, type->name);
}

static void put_data(struct buffer *out, const struct event_type *type) {
    buffer_append_format(out, "---@class %sData\n", type->name);
    for (const struct event_field *field = type->fields; field->name != NULL; field++) {
        put_field(out, field->name, field, false);
    }
    for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
        if (alias->is_present) {
            put_field(out, alias->other, event_find_field(type->fields, slice_of(alias->name)), false);
        }
    }
    buffer_append_char(out, '\n');
}

static void put_parsed(struct buffer *out, const struct event_type *type) {
    buffer_append_format(out, "---@class %sParsed\n---@field time number seconds since 1970\n", type->name);
    for (const struct event_field *field = type->fields; field->name != NULL; field++) {
        if (has_canonical(field)) {
            put_field(out, field->name, field, true);
        }
    }
    for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
        const struct event_field *field = event_find_field(type->fields, slice_of(alias->name));
        if (alias->is_present && has_canonical(field)) {
            put_field(out, alias->other, field, true);
        }
    }
    buffer_append_char(out, '\n');
}

/* What cannot be read is not in `parsed`. */
static void put_field(struct buffer *out, const char *name, const struct event_field *field, bool is_parsed) {
    buffer_append_format(out, "---@field %s%s ", name, field->is_nullable || is_parsed ? "?" : "");
    put_kind(out, field, is_parsed);
    buffer_append_format(out, " %s", field->words);
    for (size_t i = 0; !is_parsed && field->values != NULL && field->values[i] != NULL; i++) {
        buffer_append_format(out, "%s%s", i == 0 ? ": " : ", ", field->values[i]);
    }
    buffer_append_char(out, '\n');
}

static void put_kind(struct buffer *out, const struct event_field *field, bool is_parsed) {
    switch (field->kind) {
    case EVENT_TEXT: buffer_append_text(out, "string"); break;
    case EVENT_INTEGER: buffer_append_text(out, "integer"); break;
    case EVENT_NUMBER: buffer_append_text(out, "number"); break;
    case EVENT_BOOLEAN: buffer_append_text(out, "boolean"); break;
    case EVENT_TIME: buffer_append_text(out, is_parsed ? "number" : "string"); break;
    case EVENT_LIFETIME: buffer_append_text(out, is_parsed ? "number" : "number|string"); break;
    case EVENT_PRIMITIVE: buffer_append_text(out, "string|number|boolean"); break;
    case EVENT_MAP: buffer_append_text(out, "table<string, string|number|boolean>"); break;
    case EVENT_TEXTS: buffer_append_text(out, "string[]"); break;
    case EVENT_MODEL: put_model_name(out, field->model, is_parsed); break;
    case EVENT_MODELS:
        put_model_name(out, field->model, is_parsed);
        buffer_append_text(out, "[]");
        break;
    }
}

static void put_model_name(struct buffer *out, const struct event_model *model, bool is_parsed) {
    buffer_append_format(out, "%s%s", model->name, is_parsed && model->has_canonical ? "Parsed" : "");
}

/* As the worker has it for event.parsed. */
static bool has_canonical(const struct event_field *field) {
    return field->kind == EVENT_TIME || field->kind == EVENT_LIFETIME || field->canonical != NULL ||
           (field->model != NULL && field->model->has_canonical);
}
