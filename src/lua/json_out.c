#include "lua/json_out.h"
#include "base/text.h"
#include "json/json.h"
#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mark_key;

/* Where the writer is, for messages: a chain up to the root. */
struct place {
    const struct place *above;
    const char *name; /* of a member or the root; NULL: an element */
    size_t index;
    const void *table; /* at this place, once it is open */
    size_t depth;
};

struct writer {
    lua_State *L;
    struct buffer *out;
    int (*handle)(lua_State *L, int index, struct buffer *out); /* NULL: none */
    struct json_out_error *error;
};

struct member {
    struct slice name;
    int index; /* of the key on the Lua stack */
};

static int write_value(struct writer *writer, int index, const struct place *place);
static int write_number(struct writer *writer, int index, const struct place *place);
static int write_text(struct writer *writer, struct slice text, const struct place *place);
static int write_table(struct writer *writer, int index, struct place *place);
static int write_array(struct writer *writer, int index, const struct place *place);
static int write_object(struct writer *writer, int index, const struct place *place);
static int write_members(struct writer *writer, int index, const struct place *place, int first_key, size_t count);
static int compare_members(const void *left, const void *right);
static int check_buffer(struct writer *writer, const struct place *place);
static int refuse(struct writer *writer, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void name_place(struct buffer *out, const struct place *place);

int json_out_append(lua_State *L, int index, struct buffer *out, const char *root, struct json_out_error *error) {
    return json_out_append_with(L, index, out, root, NULL, error);
}

int json_out_append_with(lua_State *L, int index, struct buffer *out, const char *root,
                         int (*handle)(lua_State *L, int index, struct buffer *out),
                         struct json_out_error *error) {
    struct writer writer = {L, out, handle, error};
    int top = lua_gettop(L);
    struct place place = {.name = root};
    int result = lua_checkstack(L, LUA_MINSTACK) ? write_value(&writer, lua_absindex(L, index), &place)
                                                 : refuse(&writer, &place, "not enough memory");
    lua_settop(L, top);
    return result;
}

enum json_out_shape json_out_shape(lua_State *L, int index) {
    index = lua_absindex(L, index);
    lua_Integer count = 0;
    lua_Integer most = 0;
    bool has_names = false;
    bool has_others = false;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        count++;
        if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1) {
            most = lua_tointeger(L, -1) > most ? lua_tointeger(L, -1) : most;
        } else if (lua_type(L, -1) == LUA_TSTRING) {
            has_names = true;
        } else {
            has_others = true;
        }
    }
    if (count == 0) {
        return json_out_is_marked(L, index) ? JSON_OUT_LIST : JSON_OUT_EMPTY;
    }
    if (has_others || (has_names && most > 0) || (!has_names && most != count)) {
        return JSON_OUT_MIXED;
    }
    return has_names ? JSON_OUT_MAP : JSON_OUT_LIST;
}

void json_out_mark(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_key);
    lua_setmetatable(L, -2);
}

bool json_out_is_marked(lua_State *L, int index) {
    if (!lua_getmetatable(L, index)) {
        return false;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_key);
    bool is_marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_marked;
}

static int name_null(lua_State *L) {
    lua_pushliteral(L, "null");
    return 1;
}

void json_out_open_mark(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "array");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &mark_key);
}

void json_out_open(lua_State *L) {
    json_out_open_mark(L);
    lua_pushlightuserdata(L, NULL);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, name_null);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "json.null");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "null");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

static int write_value(struct writer *writer, int index, const struct place *place) {
    lua_State *L = writer->L;
    struct place inner = *place;
    size_t length;
    switch (lua_type(L, index)) {
    case LUA_TNIL: (void)buffer_append_text(writer->out, "null"); break;
    case LUA_TBOOLEAN: (void)buffer_append_text(writer->out, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TNUMBER: return write_number(writer, index, place);
    case LUA_TSTRING: {
        const char *bytes = lua_tolstring(L, index, &length);
        return write_text(writer, slice_make(bytes, length), place);
    }
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) != NULL) {
            return refuse(writer, place, "this value cannot be written as JSON");
        }
        (void)buffer_append_text(writer->out, "null");
        break;
    case LUA_TTABLE: return write_table(writer, index, &inner);
    case LUA_TUSERDATA:
        if (writer->handle == NULL || writer->handle(L, index, writer->out) < 0) {
            return refuse(writer, place, "a handle such as secret \"NAME\" cannot be written as JSON here");
        }
        break;
    default: return refuse(writer, place, "a %s cannot be written as JSON", lua_typename(L, lua_type(L, index)));
    }
    return check_buffer(writer, place);
}

static int write_number(struct writer *writer, int index, const struct place *place) {
    if (lua_isinteger(writer->L, index)) {
        (void)json_append_integer(writer->out, lua_tointeger(writer->L, index));
        return check_buffer(writer, place);
    }
    double value = lua_tonumber(writer->L, index);
    if (!isfinite(value)) {
        return refuse(writer, place, "%s cannot be written as JSON", isnan(value) ? "NaN" : "an infinite number");
    }
    (void)json_append_number(writer->out, value);
    return check_buffer(writer, place);
}

static int write_text(struct writer *writer, struct slice text, const struct place *place) {
    if (json_append_string(writer->out, text) == 0) {
        return 0;
    }
    if (!text_is_utf8(text)) {
        return refuse(writer, place, "this text is not UTF-8 and cannot be written as JSON");
    }
    return check_buffer(writer, place);
}

static int write_table(struct writer *writer, int index, struct place *place) {
    place->table = lua_topointer(writer->L, index);
    if (place->depth >= JSON_DEPTH) {
        for (const struct place *above = place->above; above != NULL; above = above->above) {
            if (above->table == place->table) {
                return refuse(writer, place, "the table contains itself");
            }
        }
        return refuse(writer, place, "tables are nested more than %d deep", JSON_DEPTH);
    }
    if (!lua_checkstack(writer->L, LUA_MINSTACK)) {
        return refuse(writer, place, "not enough memory");
    }
    switch (json_out_shape(writer->L, index)) {
    case JSON_OUT_LIST: return write_array(writer, index, place);
    case JSON_OUT_EMPTY:
    case JSON_OUT_MAP: return write_object(writer, index, place);
    default: break;
    }
    return refuse(writer, place, "keys must be all strings, or 1 to n without holes");
}

static int write_array(struct writer *writer, int index, const struct place *place) {
    size_t count = lua_rawlen(writer->L, index);
    (void)buffer_append_char(writer->out, '[');
    for (size_t i = 1; i <= count; i++) {
        if (i > 1) {
            (void)buffer_append_char(writer->out, ',');
        }
        struct place element = {.above = place, .index = i, .depth = place->depth + 1};
        lua_rawgeti(writer->L, index, (lua_Integer)i);
        if (write_value(writer, lua_gettop(writer->L), &element) < 0) {
            return -1;
        }
        lua_pop(writer->L, 1);
    }
    (void)buffer_append_char(writer->out, ']');
    return check_buffer(writer, place);
}

/* The keys stay on the Lua stack while they are sorted: pushing copies of them could raise. */
static int write_object(struct writer *writer, int index, const struct place *place) {
    lua_State *L = writer->L;
    int first_key = lua_gettop(L) + 1;
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        if (!lua_checkstack(L, 4)) {
            return refuse(writer, place, "too many members");
        }
        lua_pushvalue(L, -1);
        count++;
    }
    int result = write_members(writer, index, place, first_key, count);
    lua_settop(L, first_key - 1);
    return result;
}

static int write_members(struct writer *writer, int index, const struct place *place, int first_key,
                         size_t count) {
    lua_State *L = writer->L;
    struct member few[32];
    struct member *members = count <= sizeof few / sizeof few[0] ? few : malloc(count * sizeof *members);
    int result = -1;
    if (members == NULL) {
        return refuse(writer, place, "not enough memory");
    }
    for (size_t i = 0; i < count; i++) {
        members[i].index = first_key + (int)i;
        members[i].name.bytes = lua_tolstring(L, members[i].index, &members[i].name.length);
    }
    qsort(members, count, sizeof *members, compare_members);
    (void)buffer_append_char(writer->out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            (void)buffer_append_char(writer->out, ',');
        }
        struct place member = {.above = place, .name = members[i].name.bytes, .depth = place->depth + 1};
        if (write_text(writer, members[i].name, &member) < 0) {
            goto out;
        }
        (void)buffer_append_char(writer->out, ':');
        lua_pushvalue(L, members[i].index);
        (void)lua_rawget(L, index);
        if (write_value(writer, lua_gettop(L), &member) < 0) {
            goto out;
        }
        lua_pop(L, 1);
    }
    (void)buffer_append_char(writer->out, '}');
    result = check_buffer(writer, place);
out:
    if (members != few) {
        free(members);
    }
    return result;
}

static int compare_members(const void *left, const void *right) {
    const struct member *a = left;
    const struct member *b = right;
    size_t shorter = a->name.length < b->name.length ? a->name.length : b->name.length;
    int order = shorter == 0 ? 0 : memcmp(a->name.bytes, b->name.bytes, shorter);
    return order != 0 ? order : (a->name.length > b->name.length) - (a->name.length < b->name.length);
}

static int check_buffer(struct writer *writer, const struct place *place) {
    if (!writer->out->is_broken) {
        return 0;
    }
    return refuse(writer, place, "the value is too large (over %zu bytes as JSON)", writer->out->limit);
}

static int refuse(struct writer *writer, const struct place *place, const char *format, ...) {
    char *message = writer->error->message;
    size_t size = sizeof writer->error->message;
    struct buffer path;
    buffer_init(&path, 120);
    name_place(&path, place);
    int used = snprintf(message, size, "%s%s: ", path.bytes == NULL ? "the value" : path.bytes,
                        path.is_broken ? "..." : "");
    buffer_reset(&path);
    if (used < 0 || (size_t)used >= size) {
        used = 0;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message + used, size - (size_t)used, format, arguments);
    va_end(arguments);
    return -1;
}

static void name_place(struct buffer *out, const struct place *place) {
    if (place->above != NULL) {
        name_place(out, place->above);
    }
    if (place->name == NULL) {
        (void)buffer_append_format(out, "[%zu]", place->index);
    } else {
        (void)buffer_append_format(out, "%s%s", place->above == NULL ? "" : ".", place->name);
    }
}
