#include "cli/catalog.h"
#include "event/event.h"
#include "event/sample.h"
#include "json/out.h"
#include <stdio.h>

static void put_type(struct json_out *out, const struct event_type *type);
static void put_model(struct json_out *out, const struct event_model *model);
static void put_fields(struct json_out *out, const struct event_field *fields);
static void put_aliases(struct json_out *out, const struct event_alias *aliases);
static void put_sources(struct json_out *out, unsigned mask);
static void put_text(struct json_out *out, const char *name, const char *text);

void catalog_put_json(struct buffer *buffer, const struct event_type *type) {
    struct json_out out = json_out(buffer);
    if (type != NULL) {
        put_type(&out, type);
        buffer_append_char(buffer, '\n');
        return;
    }
    json_out_begin(&out, '{');
    json_out_name(&out, "types");
    json_out_begin(&out, '[');
    for (const struct event_type *each = event_types; each->name != NULL; each++) {
        put_type(&out, each);
    }
    json_out_end(&out, ']');
    json_out_name(&out, "models");
    json_out_begin(&out, '[');
    for (size_t i = 0; event_models[i] != NULL; i++) {
        put_model(&out, event_models[i]);
    }
    json_out_end(&out, ']');
    json_out_end(&out, '}');
    buffer_append_char(buffer, '\n');
}

static void put_type(struct json_out *out, const struct event_type *type) {
    char full[128];
    const struct event_model *models[CATALOG_MODELS];
    (void)snprintf(full, sizeof full, EVENT_TYPE_PREFIX "%s", type->name);
    json_out_begin(out, '{');
    put_text(out, "name", type->name);
    put_text(out, "type", full);
    put_text(out, "words", type->words);
    put_text(out, "subject", type->subject);
    put_text(out, "lane", type->lane == EVENT_LANE_JOB ? "job" : "worker");
    put_text(out, "deadline", type->deadline);
    put_sources(out, type->sources);
    put_fields(out, type->fields);
    put_aliases(out, type->aliases);
    json_out_name(out, "models");
    json_out_begin(out, '[');
    size_t count = catalog_models(type->fields, models);
    for (size_t i = 0; i < count; i++) {
        put_model(out, models[i]);
    }
    json_out_end(out, ']');
    json_out_name(out, "sample");
    (void)event_sample_data(out->buffer, type); /* the buffer says whether it could be */
    out->needs_comma = true;
    json_out_end(out, '}');
}

static void put_model(struct json_out *out, const struct event_model *model) {
    json_out_begin(out, '{');
    put_text(out, "name", model->name);
    put_text(out, "words", model->words);
    put_fields(out, model->fields);
    put_aliases(out, model->aliases);
    json_out_end(out, '}');
}

static void put_fields(struct json_out *out, const struct event_field *fields) {
    static const char *const kinds[] = {
        [EVENT_TEXT] = "text",       [EVENT_INTEGER] = "integer",     [EVENT_NUMBER] = "number",
        [EVENT_BOOLEAN] = "boolean", [EVENT_TIME] = "time",           [EVENT_LIFETIME] = "lifetime",
        [EVENT_MAP] = "map",         [EVENT_PRIMITIVE] = "primitive", [EVENT_TEXTS] = "texts",
        [EVENT_MODEL] = "model",     [EVENT_MODELS] = "models",
    };
    json_out_name(out, "fields");
    json_out_begin(out, '[');
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        json_out_begin(out, '{');
        put_text(out, "name", field->name);
        put_text(out, "kind", kinds[field->kind]);
        put_text(out, "model", field->model == NULL ? NULL : field->model->name);
        json_out_name(out, "nullable");
        json_out_bool(out, field->is_nullable);
        json_out_name(out, "values");
        json_out_begin(out, '[');
        for (const char *const *value = field->values; value != NULL && *value != NULL; value++) {
            json_out_text(out, slice_of(*value));
        }
        json_out_end(out, ']');
        put_sources(out, field->sources);
        put_text(out, "words", field->words);
        json_out_name(out, "sample");
        json_out_raw(out, slice_of(field->sample));
        json_out_end(out, '}');
    }
    json_out_end(out, ']');
}

static void put_aliases(struct json_out *out, const struct event_alias *aliases) {
    json_out_name(out, "aliases");
    json_out_begin(out, '[');
    for (const struct event_alias *alias = aliases; alias->other != NULL; alias++) {
        json_out_begin(out, '{');
        put_text(out, "other", alias->other);
        put_text(out, "name", alias->name);
        json_out_name(out, "present");
        json_out_bool(out, alias->is_present);
        json_out_end(out, '}');
    }
    json_out_end(out, ']');
}

static void put_sources(struct json_out *out, unsigned mask) {
    json_out_name(out, "sources");
    json_out_begin(out, '[');
    for (unsigned source = EVENT_FROM_SCHEMA; source <= EVENT_FROM_PREVIEW; source <<= 1) {
        if ((mask & source) != 0) {
            json_out_text(out, slice_of(catalog_source(source)));
        }
    }
    json_out_end(out, ']');
}

static void put_text(struct json_out *out, const char *name, const char *text) {
    json_out_name(out, name);
    json_out_text(out, slice_of(text));
}
