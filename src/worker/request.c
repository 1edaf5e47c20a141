#include "worker/request.h"
#include "base/header.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bytes.h"
#include "worker/secret.h"
#include "worker/task.h"
#include "json/json.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

enum { METHOD_LENGTH_MAX = 32, TIMEOUT_MAX = 3600 };

/* Where things lie on the stack. */
enum { URL = 1, OPTIONS, HEADERS, BODY, JSON, METHOD, TIMEOUT, FIELDS = TIMEOUT };

static const char *const names[] = {"body", "headers", "json", "timeout", NULL};
static const char *const all_names[] = {"body", "headers", "json", "method", "timeout", "url", NULL};

static void check_names(lua_State *L, const char *operation, const char *const *known);
static void check_method(lua_State *L, const char *operation);
static void check_url(lua_State *L, const char *operation);
static int check_part(void *context, size_t index, struct slice raw);
static bool is_url_start(struct slice text, bool must_end);
static void check_body(lua_State *L, const char *operation, bool is_head);
static void check_headers(lua_State *L, const char *operation);
static void check_header(lua_State *L, const char *operation, int seen);
static bool has_good_texts(lua_State *L, int index);
static int check_text(void *context, size_t index, struct slice raw);
static void check_timeout(lua_State *L, const char *operation);
static void add(lua_State *L, struct buffer *out, const char *operation, const char *name, int index);
static void add_name(struct buffer *out, const char *name);
static void add_body(lua_State *L, struct buffer *out, const char *operation);
static void add_json(lua_State *L, struct buffer *out, const char *operation);

struct slice request_write(lua_State *L, const char *operation, const char *method) {
    bool is_whole = method == NULL;
    if (!lua_istable(L, OPTIONS) && (is_whole || !lua_isnil(L, OPTIONS))) {
        trace_misuse(L, operation, "options",
                     is_whole ? "a table with method and url" : "a table such as { json = ... }", OPTIONS);
    }
    check_names(L, operation, is_whole ? all_names : names);
    static const char *const fields[] = {"headers", "body", "json", "method", "timeout"};
    for (int i = 0; i < FIELDS - OPTIONS; i++) {
        lua_pushstring(L, fields[i]);
        if (!lua_istable(L, OPTIONS)) {
            lua_pushnil(L);
            lua_replace(L, -2);
        } else {
            lua_rawget(L, OPTIONS);
        }
    }
    if (is_whole) {
        lua_pushliteral(L, "url");
        lua_rawget(L, OPTIONS);
        lua_replace(L, URL);
        check_method(L, operation);
        method = lua_tostring(L, METHOD);
    }
    check_url(L, operation);
    check_headers(L, operation);
    check_body(L, operation, strcmp(method, "HEAD") == 0);
    check_timeout(L, operation);
    struct buffer *out = arguments_begin(L);
    if (!is_whole) {
        add(L, out, operation, "url", URL);
        buffer_append_char(out, ',');
    }
    buffer_append_char(out, '{');
    add_body(L, out, operation);
    if (!lua_isnil(L, HEADERS)) {
        add_name(out, "headers");
        add(L, out, operation, "headers", HEADERS);
    }
    add_json(L, out, operation);
    if (is_whole) {
        add_name(out, "method");
        add(L, out, operation, "method", METHOD);
    }
    if (!lua_isnil(L, TIMEOUT)) {
        add_name(out, "timeout");
        add(L, out, operation, "timeout", TIMEOUT);
    }
    if (is_whole) {
        add_name(out, "url");
        add(L, out, operation, "url", URL);
    }
    if (out->length > 2 && out->bytes[out->length - 1] == '{') {
        buffer_truncate(out, out->length - 2); /* no options: no table of them */
    } else {
        buffer_append_char(out, '}');
    }
    return arguments_end(L, out, operation);
}

static void check_names(lua_State *L, const char *operation, const char *const *known) {
    if (!lua_istable(L, OPTIONS)) {
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, OPTIONS) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "bad argument 'options' to %s: its keys must be names of options", operation);
        }
        const char *name = lua_tostring(L, -1);
        const char *const *at = known;
        while (*at != NULL && strcmp(*at, name) != 0) {
            at++;
        }
        if (*at == NULL) {
            const char *nearest = text_nearest(slice_of(name), known);
            luaL_error(L, "%s has no option '%s'%s%s%s", operation, name,
                       nearest == NULL ? "" : " (did you mean '", nearest == NULL ? "" : nearest,
                       nearest == NULL ? "" : "'?)");
        }
    }
}

/* Methods are in capitals. */
static void check_method(lua_State *L, const char *operation) {
    if (lua_type(L, METHOD) != LUA_TSTRING) {
        trace_misuse(L, operation, "method", "a string such as \"GET\"", METHOD);
    }
    char method[METHOD_LENGTH_MAX + 1];
    size_t length;
    const char *text = lua_tolstring(L, METHOD, &length);
    if (length > METHOD_LENGTH_MAX || !header_is_token(slice_make(text, length)) ||
        slice_equal_ignoring_case(slice_make(text, length), slice_of("CONNECT"))) {
        luaL_error(L, "bad argument 'method' to %s: it must be a word such as GET or POST", operation);
    }
    for (size_t i = 0; i <= length; i++) {
        method[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    }
    lua_pushlstring(L, method, length);
    lua_replace(L, METHOD);
}

static void check_url(lua_State *L, const char *operation) {
    bool is_secret = secret_is(L, URL);
    if (!is_secret && lua_type(L, URL) != LUA_TSTRING) {
        trace_misuse(L, operation, "url", "a string", URL);
    }
    struct slice text;
    bool is_good;
    if (is_secret) {
        struct slice parts = secret_parts(L, URL);
        is_good = json_each_element(parts.bytes, parts.length, check_part, NULL, NULL) == 0;
    } else {
        text.bytes = lua_tolstring(L, URL, &text.length);
        is_good = is_url_start(text, false);
        for (size_t i = 0; i < text.length; i++) {
            if (text.bytes[i] <= ' ' || text.bytes[i] > '~') {
                luaL_error(L,
                           "bad argument 'url' to %s: it holds a blank, a control character or a byte over 126 at "
                           "%I; percent-encode it",
                           operation, (LUAI_UACINT)i);
            }
        }
    }
    if (!is_good) {
        luaL_error(L, "bad argument 'url' to %s: it must begin with https://HOST or http://HOST%s", operation,
                   is_secret ? "/, and secrets may stand only behind that" : "");
    }
}

static int check_part(void *context, size_t index, struct slice raw) {
    (void)context;
    if (index == 0) {
        return raw.bytes[0] == '"' && is_url_start(slice_make(raw.bytes + 1, raw.length - 2), true) ? 0 : -1;
    }
    return 0;
}

/* With `must_end` also the end of the host, so that nothing that follows can be a part of it. */
static bool is_url_start(struct slice text, bool must_end) {
    size_t start = slice_starts_with(text, "https://") ? 8 : slice_starts_with(text, "http://") ? 7 : 0;
    size_t at = start;
    while (at < text.length && strchr("/?#\\", text.bytes[at]) == NULL) {
        at++;
    }
    return start > 0 && at > start &&
           (!must_end || (at < text.length && (text.bytes[at] == '/' || text.bytes[at] == '?')));
}

static void check_body(lua_State *L, const char *operation, bool is_head) {
    bool has_body = !lua_isnil(L, BODY);
    bool has_json = !lua_isnil(L, JSON);
    if (has_body && lua_type(L, BODY) != LUA_TSTRING && !secret_is(L, BODY)) {
        trace_misuse(L, operation, "body", "a string (for a table use json = ...)", BODY);
    }
    if (has_body && has_json) {
        luaL_error(L, "%s takes `body` or `json`, not both", operation);
    }
    if (is_head && (has_body || has_json)) {
        luaL_error(L, "%s: a HEAD request has no body; leave it out", operation);
    }
}

/* Puts a table of checked and converted values in the place of the given one. */
static void check_headers(lua_State *L, const char *operation) {
    if (lua_isnil(L, HEADERS)) {
        return;
    }
    if (!lua_istable(L, HEADERS)) {
        trace_misuse(L, operation, "headers", "a table of names and values", HEADERS);
    }
    lua_newtable(L);
    lua_newtable(L); /* names in lower case */
    int seen = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, HEADERS) != 0) {
        check_header(L, operation, seen);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, seen - 1);
    }
    lua_pop(L, 1);
    lua_replace(L, HEADERS);
}

/* The name and the value on the top. */
static void check_header(lua_State *L, const char *operation, int seen) {
    struct slice name;
    if (lua_type(L, -2) != LUA_TSTRING) {
        luaL_error(L, "bad argument 'headers' to %s: its keys must be names of headers", operation);
    }
    name.bytes = lua_tolstring(L, -2, &name.length);
    if (!header_is_token(name)) {
        luaL_error(L, "bad argument 'headers' to %s: a header's name must be letters, digits and dashes",
                   operation);
    }
    if (header_is_framing(name)) {
        luaL_error(L, "bad argument 'headers' to %s: the header %s is set by the host; leave it out", operation,
                   name.bytes);
    }
    if (lua_type(L, -1) == LUA_TNUMBER) {
        lua_tolstring(L, -1, NULL);
    }
    if (lua_type(L, -1) != LUA_TSTRING && !secret_is(L, -1)) {
        luaL_error(L, "bad argument 'headers' to %s: the value of %s must be a string, got %s", operation,
                   name.bytes, luaL_typename(L, -1));
    }
    if (!has_good_texts(L, -1)) {
        luaL_error(L, "bad argument 'headers' to %s: the value of %s holds a line end or control character",
                   operation, name.bytes);
    }
    struct buffer *lower = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    for (size_t i = 0; i < name.length; i++) {
        char c = name.bytes[i];
        buffer_append_char(lower, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    lua_pushlstring(L, lower->bytes, lower->length);
    if (lua_rawget(L, seen) != LUA_TNIL) {
        luaL_error(L, "bad argument 'headers' to %s: %s stands in it twice", operation, name.bytes);
    }
    lua_pop(L, 1);
    lua_pushlstring(L, lower->bytes, lower->length);
    lua_pushboolean(L, true);
    lua_rawset(L, seen);
}

static bool has_good_texts(lua_State *L, int index) {
    struct slice text;
    if (secret_is(L, index)) {
        text = secret_parts(L, index);
        return json_each_element(text.bytes, text.length, check_text, NULL, NULL) == 0;
    }
    text.bytes = lua_tolstring(L, index, &text.length);
    return header_is_value(text);
}

/* Control characters are escaped there. */
static int check_text(void *context, size_t index, struct slice raw) {
    struct buffer text;
    (void)context;
    (void)index;
    if (raw.bytes[0] != '"') {
        return 0;
    }
    buffer_init(&text, raw.length);
    bool is_good = json_append_decoded(&text, raw) == 0 && header_is_value(buffer_slice(&text));
    buffer_reset(&text);
    return is_good ? 0 : -1;
}

static void check_timeout(lua_State *L, const char *operation) {
    if (lua_isnil(L, TIMEOUT)) {
        return;
    }
    double seconds = lua_type(L, TIMEOUT) == LUA_TNUMBER ? lua_tonumber(L, TIMEOUT) : -1;
    if (!(seconds > 0 && seconds <= TIMEOUT_MAX)) {
        trace_misuse(L, operation, "timeout", "seconds above 0, 3600 at most", TIMEOUT);
    }
}

static void add(lua_State *L, struct buffer *out, const char *operation, const char *name, int index) {
    struct json_out_error error;
    if (json_out_append_with(L, index, out, name, secret_append_parts, &error) < 0) {
        luaL_error(L, "bad argument to %s: %s", operation, error.message);
    }
}

static void add_name(struct buffer *out, const char *name) {
    if (out->length > 0 && out->bytes[out->length - 1] != '{') {
        buffer_append_char(out, ',');
    }
    json_append_string(out, slice_of(name));
    buffer_append_char(out, ':');
}

static void add_body(lua_State *L, struct buffer *out, const char *operation) {
    if (lua_isnil(L, BODY)) {
        return;
    }
    struct slice text = {NULL, 0};
    if (!secret_is(L, BODY)) {
        text.bytes = lua_tolstring(L, BODY, &text.length);
    }
    if (text_is_utf8(text)) {
        add_name(out, "body");
        add(L, out, operation, "body", BODY);
    } else {
        add_name(out, "body_base64");
        buffer_append_char(out, '"');
        bytes_append_base64(out, text);
        buffer_append_char(out, '"');
    }
}

/* Without secrets the value stays a value, which the timeline shows as such. */
static void add_json(lua_State *L, struct buffer *out, const char *operation) {
    struct json_out_error error;
    if (lua_isnil(L, JSON)) {
        return;
    }
    size_t before = out->length;
    add_name(out, "json");
    if (json_out_append(L, JSON, out, "json", &error) == 0) {
        return;
    }
    buffer_truncate(out, before);
    struct buffer marked;
    buffer_init(&marked, out->limit);
    int result =
        out->is_broken ? -1 : json_out_append_with(L, JSON, &marked, "json", secret_append_marked, &error);
    if (result == 0) {
        add_name(out, "json_parts");
        result = secret_split_marked(buffer_slice(&marked), out);
    }
    buffer_reset(&marked);
    if (result < 0) {
        luaL_error(L, "bad argument to %s: %s", operation, error.message);
    }
}
