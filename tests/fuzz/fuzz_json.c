/* Any bytes through the strict reader. What it takes is UTF-8, is written again to a text that is taken and told
 * the same, and makes a tree; what it refuses has a reason and a place. */
#include "base/text.h"
#include "fuzz/require.h"
#include "json/json.h"
#include "json/tree.h"
#include <string.h>

/* Writes again what it is told, compact. */
struct rewriting {
    struct buffer text;
    bool needs_comma;
    bool has_nul; /* in a string or name: the tree refuses those */
};

static int put(struct rewriting *rewriting, int (*append)(struct buffer *text, const void *value),
               const void *value) {
    if (rewriting->needs_comma && buffer_append_char(&rewriting->text, ',') < 0) {
        return -1;
    }
    rewriting->needs_comma = true;
    return append(&rewriting->text, value);
}

static int append_words(struct buffer *text, const void *value) {
    return buffer_append_text(text, value);
}

static int append_string(struct buffer *text, const void *value) {
    return json_append_string(text, *(const struct slice *)value);
}

static int append_integer(struct buffer *text, const void *value) {
    return json_append_integer(text, *(const int64_t *)value);
}

static int append_number(struct buffer *text, const void *value) {
    return json_append_number(text, *(const double *)value);
}

static int on_object_begin(void *context) {
    int result = put(context, append_words, "{");
    ((struct rewriting *)context)->needs_comma = false;
    return result;
}

static int on_array_begin(void *context) {
    int result = put(context, append_words, "[");
    ((struct rewriting *)context)->needs_comma = false;
    return result;
}

static int on_object_end(void *context) {
    ((struct rewriting *)context)->needs_comma = true;
    return buffer_append_char(&((struct rewriting *)context)->text, '}');
}

static int on_array_end(void *context) {
    ((struct rewriting *)context)->needs_comma = true;
    return buffer_append_char(&((struct rewriting *)context)->text, ']');
}

static int on_string(void *context, struct slice value) {
    struct rewriting *rewriting = context;
    rewriting->has_nul |= value.length > 0 && memchr(value.bytes, '\0', value.length) != NULL;
    return put(rewriting, append_string, &value);
}

static int on_name(void *context, struct slice name) {
    struct rewriting *rewriting = context;
    int result = on_string(rewriting, name);
    rewriting->needs_comma = false;
    return result < 0 ? -1 : buffer_append_char(&rewriting->text, ':');
}

static int on_integer(void *context, int64_t value) {
    return put(context, append_integer, &value);
}

static int on_number(void *context, double value) {
    return put(context, append_number, &value);
}

static int on_boolean(void *context, bool value) {
    return put(context, append_words, value ? "true" : "false");
}

static int on_null(void *context) {
    return put(context, append_words, "null");
}

static const struct json_listener listener = {
    .object_begin = on_object_begin,
    .object_end = on_object_end,
    .array_begin = on_array_begin,
    .array_end = on_array_end,
    .name = on_name,
    .string = on_string,
    .integer = on_integer,
    .number = on_number,
    .boolean = on_boolean,
    .null = on_null,
};

static void rewrite(struct rewriting *rewriting, const char *text, size_t length) {
    struct json_error error;
    *rewriting = (struct rewriting){.needs_comma = false};
    /* A number may grow (1e9 becomes 1000000000), nothing else does. */
    buffer_init(&rewriting->text, 16 * length + 64);
    REQUIRE(json_read(text, length, NULL, &listener, rewriting, &error) == 0);
}

static int check_raw(struct slice raw) {
    REQUIRE(json_check(raw.bytes, raw.length, NULL) == 0);
    return 0;
}

static int visit_member(void *context, struct slice name, struct slice raw) {
    (void)context;
    REQUIRE(text_is_utf8(name));
    return check_raw(raw);
}

static int visit_element(void *context, size_t index, struct slice raw) {
    REQUIRE(index == (*(size_t *)context)++);
    return check_raw(raw);
}

static void check_members(const char *text, size_t length, char first) {
    size_t count = 0;
    REQUIRE((json_each_member(text, length, visit_member, NULL, NULL) == 0) == (first == '{'));
    REQUIRE((json_each_element(text, length, visit_element, &count, NULL) == 0) == (first == '['));
}

/* `again` is the same, written by the listener. */
static void check_tree(const char *text, size_t length, const struct rewriting *again) {
    struct error error = {0};
    struct json *tree = json_parse(text, length, &error);
    REQUIRE((tree == NULL) == again->has_nul);
    if (tree == NULL) {
        REQUIRE(error.code == ERROR_INVALID && strstr(error.message, "u0000") != NULL);
        return;
    }
    struct json *other = json_parse(again->text.bytes, again->text.length, &error);
    REQUIRE(other != NULL && json_equal(tree, other) && json_equal(other, tree));
    struct json *copy = json_copy(tree);
    REQUIRE(copy != NULL && json_equal(tree, copy));
    struct buffer printed;
    buffer_init(&printed, 16 * length + 64);
    REQUIRE(json_print(tree, &printed) == 0);
    REQUIRE(json_check(printed.bytes, printed.length, NULL) == 0);
    buffer_reset(&printed);
    json_free(copy);
    json_free(other);
    json_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *text = (const char *)bytes;
    struct json_error error;
    if (json_check(text, length, &error) < 0) {
        REQUIRE(error.offset <= length && error.message[0] != '\0');
        REQUIRE(json_parse(text, length, NULL) == NULL);
        return 0;
    }
    REQUIRE(text_is_utf8(slice_make(text, length)));
    struct rewriting once;
    struct rewriting twice;
    struct rewriting squeezed;
    rewrite(&once, text, length);
    rewrite(&twice, once.text.bytes, once.text.length);
    REQUIRE(slice_equal(buffer_slice(&once.text), buffer_slice(&twice.text)));
    struct buffer compact;
    buffer_init(&compact, length);
    REQUIRE(json_append_compact(&compact, text, length) == 0);
    rewrite(&squeezed, compact.bytes, compact.length);
    REQUIRE(slice_equal(buffer_slice(&once.text), buffer_slice(&squeezed.text)));
    check_members(text, length, compact.bytes[0]);
    check_tree(text, length, &once);
    buffer_reset(&compact);
    buffer_reset(&once.text);
    buffer_reset(&twice.text);
    buffer_reset(&squeezed.text);
    return 0;
}
