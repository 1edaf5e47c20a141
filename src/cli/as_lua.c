#include "cli/as_lua.h"
#include "base/text.h"
#include <ctype.h>
#include <stdbool.h>

enum { SCALAR_MAX = 16 * 1024 * 1024 };

static void append_members(struct buffer *out, const struct json *value);
static void append_scalar(struct buffer *out, const struct json *value);
static bool is_name(const char *text);

void as_lua_append(struct buffer *out, const struct json *value) {
    switch (json_kind(value)) {
    case JSON_NULL: buffer_append_text(out, "json.null"); break;
    case JSON_OBJECT:
    case JSON_ARRAY: append_members(out, value); break;
    default: append_scalar(out, value); break;
    }
}

void as_lua_append_text(struct buffer *out, struct slice json) {
    if (json.length == 0) {
        buffer_append_text(out, "nil");
        return;
    }
    struct json *value = json_parse(json.bytes, json.length, NULL);
    if (value == NULL) {
        text_append_visible(out, json);
    } else {
        as_lua_append(out, value);
    }
    json_free(value);
}

void as_lua_append_arguments(struct buffer *out, struct slice json) {
    struct json *list = json_parse(json.bytes, json.length, NULL);
    size_t count = json_count(list);
    while (count > 0 && json_kind(json_at(list, count - 1)) == JSON_NULL) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(out, i == 0 ? "" : ", ");
        if (json_kind(json_at(list, i)) == JSON_NULL) {
            buffer_append_text(out, "nil");
        } else {
            as_lua_append(out, json_at(list, i));
        }
    }
    json_free(list);
}

static void append_members(struct buffer *out, const struct json *value) {
    bool is_object = json_kind(value) == JSON_OBJECT;
    const char *between = "{ ";
    for (const struct json *member = json_first(value); member != NULL; member = json_next(member)) {
        buffer_append_text(out, between);
        between = ", ";
        if (is_object && is_name(json_name(member))) {
            buffer_append_format(out, "%s = ", json_name(member));
        } else if (is_object) {
            buffer_append_text(out, "[\"");
            text_append_visible(out, slice_of(json_name(member)));
            buffer_append_text(out, "\"] = ");
        }
        as_lua_append(out, member);
    }
    buffer_append_text(out, json_count(value) == 0 ? "{}" : " }");
}

static void append_scalar(struct buffer *out, const struct json *value) {
    struct buffer text;
    buffer_init(&text, SCALAR_MAX);
    if (json_print(value, &text) == 0) {
        text_append_visible(out, buffer_slice(&text));
    }
    buffer_reset(&text);
}

/* What can stand before an = in a table. */
static bool is_name(const char *text) {
    static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
                                        "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
                                        "repeat",   "return", "then", "true", "until",  "while", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            return false;
        }
    }
    bool is_good = isalpha((unsigned char)text[0]) || text[0] == '_';
    for (const char *c = text; *c != '\0'; c++) {
        is_good = is_good && (isalnum((unsigned char)*c) || *c == '_');
    }
    return is_good;
}
