#include "worker/returned.h"
#include "lua/missing.h"
#include <ctype.h>
#include <string.h>

static struct slice returned_name(struct slice text);
static void push_locals(lua_State *L, struct slice text);
static struct slice take_word(struct slice *text);
static struct slice take_names(lua_State *L, struct slice text);
static struct slice skip(struct slice text, size_t count);
static size_t blanks(struct slice text);
static bool is_word(char c);

bool returned_push_missing(lua_State *L, struct slice text) {
    struct slice name = returned_name(text);
    int top = lua_gettop(L);
    if (name.length == 0 || !missing_push(L, name)) {
        return false;
    }
    bool is_global = lua_rawlen(L, -2) == 0; /* the table's name */
    lua_pushlstring(L, name.bytes, name.length);
    lua_insert(L, top + 1);
    push_locals(L, text);
    missing_push_nearest(L, -1, name);
    bool is_own = lua_rawequal(L, -1, top + 1); /* it was missed elsewhere: here it is a local */
    lua_pushvalue(L, lua_isnil(L, -1) ? top + 3 : -1);
    lua_replace(L, top + 2);
    lua_settop(L, is_global && !is_own ? top + 2 : top);
    return is_global && !is_own;
}

/* In "... return handel" at the end of the text, and not in a comment; else empty. */
static struct slice returned_name(struct slice text) {
    static const struct slice none = {NULL, 0};
    size_t end = text.length;
    while (end > 0 && (isspace((unsigned char)text.bytes[end - 1]) || text.bytes[end - 1] == ';')) {
        end--;
    }
    size_t start = end;
    while (start > 0 && is_word(text.bytes[start - 1])) {
        start--;
    }
    size_t before = start;
    while (before > 0 && isspace((unsigned char)text.bytes[before - 1])) {
        before--;
    }
    size_t length = strlen("return");
    struct slice head = slice_make(text.bytes, before);
    bool is_returned = start < end && before < start && slice_ends_with(head, "return") &&
                       (before == length || !is_word(text.bytes[before - length - 1]));
    if (!is_returned) {
        return none;
    }
    size_t line = before - length;
    while (line > 0 && text.bytes[line - 1] != '\n') {
        line--;
    }
    bool is_comment = memmem(text.bytes + line, before - line, "--", 2) != NULL;
    return is_comment ? none : slice_make(text.bytes + start, end - start);
}

/* A table that has, as keys, all names that stand after the words local and function. */
static void push_locals(lua_State *L, struct slice text) {
    lua_newtable(L);
    while (text.length > 0) {
        struct slice word = take_word(&text);
        if (slice_is(word, "local") || slice_is(word, "function")) {
            text = take_names(L, text);
        } else if (word.length == 0) {
            text = skip(text, 1);
        }
    }
}

/* "function handle" or "one, two". */
static struct slice take_names(lua_State *L, struct slice text) {
    bool is_more = true;
    while (is_more) {
        text = skip(text, blanks(text));
        struct slice word = take_word(&text);
        bool is_function = slice_is(word, "function");
        if (word.length > 0 && !is_function) {
            lua_pushlstring(L, word.bytes, word.length);
            lua_pushboolean(L, 1);
            lua_rawset(L, -3);
        }
        size_t gap = blanks(text);
        is_more = is_function || (gap < text.length && text.bytes[gap] == ',');
        text = is_more && !is_function ? skip(text, gap + 1) : text;
    }
    return text;
}

static struct slice take_word(struct slice *text) {
    size_t length = 0;
    while (length < text->length && is_word(text->bytes[length])) {
        length++;
    }
    struct slice word = slice_make(text->bytes, length);
    *text = skip(*text, length);
    return word;
}

static size_t blanks(struct slice text) {
    size_t count = 0;
    while (count < text.length && isspace((unsigned char)text.bytes[count])) {
        count++;
    }
    return count;
}

static struct slice skip(struct slice text, size_t count) {
    return slice_make(text.bytes + count, text.length - count);
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}
