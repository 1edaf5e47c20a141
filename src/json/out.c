#include "json/out.h"
#include "json/json.h"

static void separate(struct json_out *out);

void json_out_begin(struct json_out *out, char bracket) {
    separate(out);
    buffer_append_char(out->buffer, bracket);
    out->needs_comma = false;
}

void json_out_end(struct json_out *out, char bracket) {
    buffer_append_char(out->buffer, bracket);
    out->needs_comma = true;
}

void json_out_name(struct json_out *out, const char *name) {
    separate(out);
    json_append_string(out->buffer, slice_of(name));
    buffer_append_char(out->buffer, ':');
    out->needs_comma = false;
}

void json_out_text(struct json_out *out, struct slice text) {
    if (!slice_is_set(text)) {
        json_out_null(out);
        return;
    }
    separate(out);
    if (json_append_string(out->buffer, text) < 0) {
        out->buffer->is_broken = true;
    }
}

void json_out_integer(struct json_out *out, int64_t value) {
    separate(out);
    json_append_integer(out->buffer, value);
}

void json_out_number(struct json_out *out, double value) {
    separate(out);
    if (json_append_number(out->buffer, value) < 0) {
        out->buffer->is_broken = true;
    }
}

void json_out_bool(struct json_out *out, bool value) {
    json_out_raw(out, slice_of(value ? "true" : "false"));
}

void json_out_null(struct json_out *out) {
    json_out_raw(out, slice_of("null"));
}

void json_out_raw(struct json_out *out, struct slice json) {
    separate(out);
    buffer_append_slice(out->buffer, json.length > 0 ? json : slice_of("null"));
}

static void separate(struct json_out *out) {
    if (out->needs_comma) {
        buffer_append_char(out->buffer, ',');
    }
    out->needs_comma = true;
}
