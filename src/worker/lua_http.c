/* http.request{...}, http.get(url [, options]), post, put, patch, delete, head: requests that the host makes. */
#include "base/header.h"
#include "base/text.h"
#include "lua/json_in.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/arguments.h"
#include "worker/bindings.h"
#include "worker/bytes.h"
#include "worker/raised.h"
#include "worker/request.h"
#include "worker/task.h"
#include "worker/want.h"
#include "json/json.h"
#include <lauxlib.h>

struct verb {
    const char *operation;
    const char *method; /* NULL: an option says it */
};

static const struct verb verbs[] = {
    {"http.request", NULL},  {"http.get", "GET"},       {"http.post", "POST"}, {"http.put", "PUT"},
    {"http.patch", "PATCH"}, {"http.delete", "DELETE"}, {"http.head", "HEAD"},
};

static int give(lua_State *L, int status, lua_KContext context);
static void decode_body(lua_State *L, const struct verb *verb, int answer);
static int read_json(lua_State *L);
static int refuse_json(lua_State *L, const struct verb *verb, const struct json_error *why);

static int call(lua_State *L) {
    const struct verb *verb = lua_touserdata(L, lua_upvalueindex(1));
    bool is_request = verb->method == NULL;
    want_begin(L, verb->operation, 1);
    if (lua_gettop(L) > (is_request ? 1 : 2)) {
        return luaL_error(L, "%s takes %s, got %d arguments", verb->operation,
                          is_request ? "a table with method and url" : "a URL and a table of options",
                          lua_gettop(L));
    }
    lua_settop(L, 2);
    if (is_request) {
        lua_insert(L, 1); /* the URL's place stays empty: the options have it */
    }
    return want_then(L, verb->operation, request_write(L, verb->operation, verb->method), give);
}

void bind_http(lua_State *L) {
    lua_createtable(L, 0, sizeof verbs / sizeof verbs[0] + 1);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)&verbs[i]);
        lua_pushcclosure(L, call, 1);
        lua_setfield(L, -2, verbs[i].operation + strlen("http."));
    }
    lua_setfield(L, 1, "http");
}

/* The answer { status, headers, body }, and with it json(). */
static int give(lua_State *L, int status, lua_KContext context) {
    const struct verb *verb = lua_touserdata(L, lua_upvalueindex(1));
    (void)status;
    (void)context;
    int count = want_give(L, verb->operation);
    int answer = lua_gettop(L) - count + 1;
    if (!lua_istable(L, answer)) {
        return count;
    }
    decode_body(L, verb, answer);
    lua_pushlightuserdata(L, (void *)(uintptr_t)verb);
    lua_getfield(L, answer, "body");
    lua_getfield(L, answer, "status");
    lua_pushcclosure(L, read_json, 3);
    lua_setfield(L, answer, "json");
    return count;
}

/* Bytes that are no UTF-8 come as base64. */
static void decode_body(lua_State *L, const struct verb *verb, int answer) {
    struct slice text;
    if (lua_getfield(L, answer, "body_base64") == LUA_TSTRING) {
        text.bytes = lua_tolstring(L, -1, &text.length);
        struct buffer *bytes = sandbox_scratch(L, WIRE_PAYLOAD_MAX);
        if (bytes_append_unbase64(bytes, text) < 0) {
            luaL_error(L, "the answer to %s cannot be read", verb->operation);
        }
        lua_pushlstring(L, bytes->bytes == NULL ? "" : bytes->bytes, bytes->length);
        lua_setfield(L, answer, "body");
        lua_pushnil(L);
        lua_setfield(L, answer, "body_base64");
    }
    lua_pop(L, 1);
    if (lua_getfield(L, answer, "body") != LUA_TSTRING) {
        lua_pushliteral(L, "");
        lua_setfield(L, answer, "body");
    }
    lua_pop(L, 1);
}

/* answer.json() */
static int read_json(lua_State *L) {
    const struct verb *verb = lua_touserdata(L, lua_upvalueindex(1));
    struct json_error why = {0};
    struct slice body;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(2));
    body.bytes = lua_tolstring(L, 1, &body.length);
    if (json_in_push(L, body, &why) < 0) {
        return refuse_json(L, verb, &why);
    }
    return 1;
}

/* An error value like those of answers, with the status: what came instead of JSON is an upstream's affair, and is
 * worth another try when its status says so. */
static int refuse_json(lua_State *L, const struct verb *verb, const struct json_error *why) {
    lua_Integer status = lua_tointeger(L, lua_upvalueindex(3));
    bool is_empty = lua_rawlen(L, 1) == 0;
    lua_createtable(L, 0, 6);
    lua_pushstring(L, verb->operation);
    lua_setfield(L, -2, "operation");
    lua_pushinteger(L, status);
    lua_setfield(L, -2, "status");
    lua_pushliteral(L, "NoJson");
    lua_setfield(L, -2, "code");
    if (is_empty) {
        lua_pushliteral(L, "the answer has no body: there is nothing that json() could read");
    } else {
        lua_pushfstring(L, "the answer's body is no JSON: %s at byte %I", why->message, (LUAI_UACINT)why->offset);
    }
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, status == 408 || status == 429 || status >= 500);
    lua_setfield(L, -2, "retryable");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "repeated");
    raised_mark(L);
    return lua_error(L);
}
