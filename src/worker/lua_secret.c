/* secret(name), http.basic(user, secret): handles, and texts made with them. */
#include "base/text.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/secret.h"
#include "worker/task.h"
#include "json/json.h"
#include <lauxlib.h>
#include <string.h>

static const char metatable_key;

static bool is_known(const struct worker *worker, const char *name);
static int refuse_name(lua_State *L, const char *name);
static void push_handle(lua_State *L, const struct buffer *parts);
static void add_operand(lua_State *L, struct buffer *parts, int index);
static void join(struct buffer *parts, size_t place);
static int show_part(void *context, size_t index, struct slice raw);
static int show_member(void *context, struct slice name, struct slice raw);
static int mark_part(void *context, size_t index, struct slice raw);

static int secret(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "secret", "name", "a string", 1);
    }
    if (lua_gettop(L) > 1) {
        return luaL_error(L, "secret takes a name, got %d arguments", lua_gettop(L));
    }
    const char *name = lua_tostring(L, 1);
    if (strlen(name) != lua_rawlen(L, 1) || !is_known(worker_of(L), name)) {
        return refuse_name(L, name);
    }
    struct buffer *parts = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    buffer_append_text(parts, "[{\"secret\":");
    json_append_string(parts, slice_of(name));
    buffer_append_text(parts, "}]");
    push_handle(L, parts);
    return 1;
}

/* RFC 7617: for the header Authorization. */
static int basic(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "http.basic", "user", "a string", 1);
    }
    struct slice user;
    user.bytes = lua_tolstring(L, 1, &user.length);
    struct slice parts = secret_is(L, 2) ? secret_parts(L, 2) : slice_of("");
    if (!slice_starts_with(parts, "[{\"secret\":") || memchr(parts.bytes, ',', parts.length) != NULL) {
        return trace_misuse(L, "http.basic", "secret",
                            "secret \"NAME\" (a password in a script would be kept with it)", 2);
    }
    if (!text_is_utf8(user) || memchr(user.bytes, ':', user.length) != NULL) {
        return luaL_error(L, "bad argument 'user' to http.basic: it must be UTF-8 without a colon");
    }
    struct buffer *out = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    buffer_append_text(out, "[\"Basic \",{\"basic\":");
    json_append_string(out, user);
    buffer_append_char(out, ',');
    buffer_append(out, parts.bytes + 2, parts.length - 2);
    push_handle(L, out);
    return 1;
}

static int concat(lua_State *L) {
    struct buffer *parts = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    buffer_append_char(parts, '[');
    add_operand(L, parts, 1);
    add_operand(L, parts, 2);
    buffer_append_char(parts, ']');
    push_handle(L, parts);
    return 1;
}

/* The value is not in this process: there is nothing that could slip out. */
static int show(lua_State *L) {
    struct slice parts = secret_is(L, 1) ? secret_parts(L, 1) : slice_of("[]");
    struct buffer *text = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
    if (json_each_element(parts.bytes, parts.length, show_part, text, NULL) < 0) {
        return luaL_error(L, "not enough memory to show a secret's name");
    }
    lua_pushlstring(L, text->bytes == NULL ? "" : text->bytes, text->length);
    return 1;
}

void bind_secret(lua_State *L) {
    static const luaL_Reg events[] = {{"__concat", concat}, {"__tostring", show}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, events, 0);
    lua_pushliteral(L, "secret");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "secret");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
    lua_pushcfunction(L, secret);
    lua_setfield(L, 1, "secret");
    lua_getfield(L, 1, "http");
    lua_pushcfunction(L, basic);
    lua_setfield(L, -2, "basic");
    lua_pop(L, 1);
}

bool secret_is(lua_State *L, int index) {
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) {
        return false;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    bool is_secret = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_secret;
}

struct slice secret_parts(lua_State *L, int index) {
    return slice_make(lua_touserdata(L, index), lua_rawlen(L, index));
}

int secret_append_parts(lua_State *L, int index, struct buffer *out) {
    return secret_is(L, index) ? buffer_append_slice(out, secret_parts(L, index)) : -1;
}

int secret_append_marked(lua_State *L, int index, struct buffer *out) {
    if (!secret_is(L, index)) {
        return -1;
    }
    struct slice parts = secret_parts(L, index);
    buffer_append_char(out, '"');
    if (json_each_element(parts.bytes, parts.length, mark_part, out, NULL) < 0) {
        return -1;
    }
    return buffer_append_char(out, '"');
}

int secret_split_marked(struct slice marked, struct buffer *out) {
    bool is_part = false;
    buffer_append_char(out, '[');
    while (marked.length > 0) {
        const char *end = memchr(marked.bytes, SECRET_MARK, marked.length);
        size_t length = end == NULL ? marked.length : (size_t)(end - marked.bytes);
        struct slice piece = slice_make(marked.bytes, length);
        size_t taken = end == NULL ? length : length + 1;
        marked = slice_make(marked.bytes + taken, marked.length - taken);
        if (is_part) {
            buffer_append_slice(out, piece);
        } else {
            json_append_string(out, piece);
        }
        if (marked.length > 0) {
            buffer_append_char(out, ',');
        }
        is_part = !is_part;
    }
    return buffer_append_char(out, ']');
}

static bool is_known(const struct worker *worker, const char *name) {
    for (char **known = worker->secrets; *known != NULL; known++) {
        if (strcmp(*known, name) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_name(lua_State *L, const char *name) {
    char **secrets = worker_of(L)->secrets;
    const char *nearest = text_nearest(slice_of(name), (const char *const *)secrets);
    if (secrets[0] == NULL) {
        return luaL_error(
            L, "there is no secret '%s': the configuration has none (secrets = { ... } in switchhook.lua)", name);
    }
    return luaL_error(L, "there is no secret '%s' in the configuration%s%s%s", name,
                      nearest == NULL ? "" : " (did you mean '", nearest == NULL ? "" : nearest,
                      nearest == NULL ? "" : "'?)");
}

/* The JSON array of parts; the buffer is the sandbox's scratch. */
static void push_handle(lua_State *L, const struct buffer *parts) {
    if (parts->is_broken) {
        luaL_error(L, "a text with a secret in it is too large");
    }
    void *handle = lua_newuserdatauv(L, parts->length, 0);
    memcpy(handle, parts->bytes, parts->length);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    lua_setmetatable(L, -2);
}

/* A text as a part, or the parts of another handle. A number becomes a text in its place on the stack. */
static void add_operand(lua_State *L, struct buffer *parts, int index) {
    struct slice text;
    size_t place = parts->length;
    if (secret_is(L, index)) {
        text = secret_parts(L, index);
        buffer_append(parts, text.bytes + 1, text.length - 2);
    } else {
        text.bytes = lua_tolstring(L, index, &text.length);
        if (text.bytes == NULL) {
            trace_misuse(L, "..", index == 1 ? "left" : "right", "a string or a secret", index);
        } else if (!text_is_utf8(text)) {
            luaL_error(L, "only UTF-8 can be joined with a secret");
        }
        json_append_string(parts, text);
    }
    join(parts, place);
}

/* A text behind a text becomes one with it: where a URL's host ends must be seen in the first. */
static void join(struct buffer *parts, size_t place) {
    if (parts->is_broken || place < 2) {
        return;
    }
    bool is_text = parts->bytes[place - 1] == '"' && parts->bytes[place] == '"';
    size_t length = parts->length - place;
    if (is_text) {
        memmove(parts->bytes + place - 1, parts->bytes + place + 1, length - 1);
        buffer_truncate(parts, parts->length - 2);
    } else if (buffer_append_char(parts, ',') == 0) {
        memmove(parts->bytes + place + 1, parts->bytes + place, length);
        parts->bytes[place] = ',';
    }
}

static int show_part(void *context, size_t index, struct slice raw) {
    (void)index;
    return raw.bytes[0] == '"' ? json_append_decoded(context, raw)
                               : json_each_member(raw.bytes, raw.length, show_member, context, NULL);
}

static int show_member(void *context, struct slice name, struct slice raw) {
    struct buffer *text = context;
    if (slice_is(name, "basic")) {
        json_append_decoded(text, raw);
        return buffer_append_char(text, ':');
    }
    buffer_append_text(text, "secret(");
    json_append_decoded(text, raw);
    return buffer_append_char(text, ')');
}

/* Texts lose their quotes: they are inside of others now. */
static int mark_part(void *context, size_t index, struct slice raw) {
    struct buffer *out = context;
    (void)index;
    if (raw.bytes[0] == '"') {
        return buffer_append(out, raw.bytes + 1, raw.length - 2);
    }
    buffer_append_char(out, SECRET_MARK);
    buffer_append_slice(out, raw);
    return buffer_append_char(out, SECRET_MARK);
}
