#include "lua/json_in.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>

/* Room that an object is given at once: most have more than one member, and a table that grows is built anew each
 * time. */
enum { FEW_MEMBERS = 4 };

/* Of Lua's stack, for an open container: itself, a name, a value, and a mark. */
enum { SLOTS = 4 };

/* The open containers lie on the Lua stack, each object's pending name above it. */
struct builder {
    lua_State *L;
    struct memory *memory; /* NULL: without a limit */
    size_t depth;
    struct {
        bool is_array;
        lua_Integer count;
    } open[JSON_DEPTH];
    bool is_out_of_memory;
};

static int build(struct builder *builder, struct slice text, struct json_error *error);
static int begin(struct builder *builder, bool is_array);
static int end(struct builder *builder);
static int keep(struct builder *builder);
static int has_room(struct builder *builder);

static int on_object_begin(void *context) {
    return begin(context, false);
}

static int on_array_begin(void *context) {
    return begin(context, true);
}

static int on_end(void *context) {
    return end(context);
}

static int on_name(void *context, struct slice name) {
    struct builder *builder = context;
    lua_pushlstring(builder->L, name.bytes, name.length);
    return has_room(builder);
}

static int on_string(void *context, struct slice value) {
    struct builder *builder = context;
    lua_pushlstring(builder->L, value.bytes, value.length);
    return keep(builder);
}

static int on_integer(void *context, int64_t value) {
    struct builder *builder = context;
    lua_pushinteger(builder->L, (lua_Integer)value);
    return keep(builder);
}

static int on_number(void *context, double value) {
    struct builder *builder = context;
    lua_pushnumber(builder->L, value);
    return keep(builder);
}

static int on_boolean(void *context, bool value) {
    struct builder *builder = context;
    lua_pushboolean(builder->L, value);
    return keep(builder);
}

static int on_null(void *context) {
    struct builder *builder = context;
    if (builder->depth > 0 && !builder->open[builder->depth - 1].is_array) {
        lua_pushnil(builder->L);
    } else {
        lua_pushlightuserdata(builder->L, NULL);
    }
    return keep(builder);
}

/* The reader holds memory of its own while it calls the listener, and must return: so memory is relaxed meanwhile,
 * and what goes over stops the reader instead of jumping out of it. */
int json_in_push(lua_State *L, struct slice text, struct json_error *error) {
    struct builder builder = {.L = L, .memory = &sandbox_of(L)->memory};
    luaL_checkstack(L, LUA_MINSTACK, "reading JSON");
    memory_relax(builder.memory, true);
    int result = build(&builder, text, error);
    memory_relax(builder.memory, false);
    if (builder.is_out_of_memory) {
        (void)lua_newuserdatauv(L, builder.memory->limit, 0);
    }
    return result;
}

int json_in_push_unlimited(lua_State *L, struct slice text, struct json_error *error) {
    struct builder builder = {.L = L};
    luaL_checkstack(L, 2 * JSON_DEPTH + LUA_MINSTACK, "reading JSON");
    return build(&builder, text, error);
}

static int build(struct builder *builder, struct slice text, struct json_error *error) {
    static const struct json_listener listener = {
        .object_begin = on_object_begin,
        .object_end = on_end,
        .array_begin = on_array_begin,
        .array_end = on_end,
        .name = on_name,
        .string = on_string,
        .integer = on_integer,
        .number = on_number,
        .boolean = on_boolean,
        .null = on_null,
    };
    int top = lua_gettop(builder->L);
    int result = json_read(text.bytes, text.length, NULL, &listener, builder, error);
    if (result < 0) {
        lua_settop(builder->L, top);
    }
    return result;
}

/* The stack grows with the text's depth: room for the deepest, each time, would be 4 KiB for every run. */
static int begin(struct builder *builder, bool is_array) {
    if (!lua_checkstack(builder->L, SLOTS)) {
        builder->is_out_of_memory = true;
        return -1;
    }
    lua_createtable(builder->L, 0, is_array ? 0 : FEW_MEMBERS);
    if (is_array) {
        json_out_mark(builder->L);
    }
    builder->open[builder->depth].is_array = is_array;
    builder->open[builder->depth].count = 0;
    builder->depth++;
    return has_room(builder);
}

static int end(struct builder *builder) {
    builder->depth--;
    return keep(builder);
}

/* Puts the value on the top where it belongs. */
static int keep(struct builder *builder) {
    if (builder->depth > 0) {
        size_t inner = builder->depth - 1;
        if (builder->open[inner].is_array) {
            lua_rawseti(builder->L, -2, ++builder->open[inner].count);
        } else {
            lua_rawset(builder->L, -3);
        }
    }
    return has_room(builder);
}

static int has_room(struct builder *builder) {
    if (builder->memory == NULL || !memory_is_over(builder->memory)) {
        return 0;
    }
    lua_gc(builder->L, LUA_GCCOLLECT);
    builder->is_out_of_memory = memory_is_over(builder->memory);
    return builder->is_out_of_memory ? -1 : 0;
}
