#include "worker/event_parsed.h"
#include "event/parsed.h"
#include "lua/json_out.h"
#include "worker/moment.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Above it not every whole double is an integer of its own. */
static const double whole_end = 9007199254740992.0;

/* The upvalues of index_event: the type; the table, or nil. */
enum { INDEX_TYPE = 1, INDEX_TABLE };

static int index_event(lua_State *L);
static void push_parsed(lua_State *L, const struct event_type *type);
static void add_field(lua_State *L, int data, const struct event_type *type, const struct event_field *field);
static void add_other_names(lua_State *L, int data, const struct event_type *type,
                            const struct event_field *field);
static bool has_canonical(const struct event_field *field);
static bool convert(lua_State *L, const struct event_field *field);
static bool convert_time(lua_State *L);
static bool convert_lifetime(lua_State *L);
static bool convert_word(lua_State *L, const struct event_field *field);
static bool convert_list(lua_State *L, const struct event_field *field);
static bool convert_model(lua_State *L, const struct event_model *model);
static void push_member(lua_State *L, const struct event_model *model, const struct event_field *field);
static bool drop(lua_State *L);

void event_parsed_add(lua_State *L, const struct event_type *type) {
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, (void *)(uintptr_t)type);
    lua_pushnil(L);
    lua_pushcclosure(L, index_event, INDEX_TABLE);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

/* Of the event, the name. */
static int index_event(lua_State *L) {
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "parsed") != 0) {
        return 0;
    }
    if (lua_isnil(L, lua_upvalueindex(INDEX_TABLE))) {
        push_parsed(L, lua_touserdata(L, lua_upvalueindex(INDEX_TYPE)));
        lua_copy(L, -1, lua_upvalueindex(INDEX_TABLE));
    }
    lua_pushvalue(L, lua_upvalueindex(INDEX_TABLE));
    return 1;
}

/* For the event at index 1, which a script may have changed. */
static void push_parsed(lua_State *L, const struct event_type *type) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, "time");
    lua_rawget(L, 1);
    if (convert_time(L)) {
        lua_setfield(L, -2, "time");
    }
    lua_pushstring(L, "data");
    if (lua_rawget(L, 1) != LUA_TTABLE || type == NULL) {
        lua_pop(L, 1);
        return;
    }
    int data = lua_gettop(L);
    lua_pushvalue(L, -2);
    for (const struct event_field *field = type->fields; field->name != NULL; field++) {
        if (has_canonical(field)) {
            add_field(L, data, type, field);
        }
    }
    lua_pop(L, 2);
}

/* To the table on the top. */
static void add_field(lua_State *L, int data, const struct event_type *type, const struct event_field *field) {
    lua_pushstring(L, field->name);
    lua_pushvalue(L, -1);
    lua_rawget(L, data);
    if (!convert(L, field)) {
        lua_pop(L, 1);
    } else {
        lua_rawset(L, -3);
    }
    add_other_names(L, data, type, field);
}

/* The other present spellings: mostly they have the same value, which then is not made twice. */
static void add_other_names(lua_State *L, int data, const struct event_type *type,
                            const struct event_field *field) {
    for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
        if (!alias->is_present || strcmp(alias->name, field->name) != 0) {
            continue;
        }
        lua_pushstring(L, alias->other);
        lua_pushvalue(L, -1);
        lua_rawget(L, data);
        lua_pushstring(L, field->name);
        lua_rawget(L, data);
        bool is_same = lua_rawequal(L, -1, -2) != 0;
        lua_pop(L, 1);
        bool is_readable = true;
        if (is_same) {
            lua_pop(L, 1);
            lua_pushstring(L, field->name);
            lua_rawget(L, -3);
        } else {
            is_readable = convert(L, field);
        }
        if (is_readable) {
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 1);
        }
    }
}

static bool has_canonical(const struct event_field *field) {
    return field->kind == EVENT_TIME || field->kind == EVENT_LIFETIME || field->canonical != NULL ||
           (field->model != NULL && field->model->has_canonical);
}

/* The value on the top becomes its canonical form; false: it has none and is popped. What comes in one form only
 * stays as it is. */
static bool convert(lua_State *L, const struct event_field *field) {
    if (lua_isnil(L, -1)) {
        return drop(L);
    }
    switch (field->kind) {
    case EVENT_TIME: return convert_time(L);
    case EVENT_LIFETIME: return convert_lifetime(L);
    case EVENT_TEXT: return field->canonical == NULL || convert_word(L, field);
    case EVENT_TEXTS:
    case EVENT_MODELS: return convert_list(L, field);
    case EVENT_MODEL: return convert_model(L, field->model);
    default: return true;
    }
}

static bool convert_time(lua_State *L) {
    struct slice text;
    int64_t wall_us;
    if (lua_type(L, -1) != LUA_TSTRING) {
        return drop(L);
    }
    text.bytes = lua_tolstring(L, -1, &text.length);
    if (event_parse_time(text, &wall_us) < 0) {
        return drop(L);
    }
    lua_pop(L, 1);
    moment_push_seconds(L, wall_us);
    return true;
}

static bool convert_lifetime(lua_State *L) {
    double seconds = -1;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        seconds = lua_tonumber(L, -1);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        struct slice text;
        text.bytes = lua_tolstring(L, -1, &text.length);
        if (event_parse_lifetime(text, &seconds) < 0) {
            return drop(L);
        }
    }
    if (!(seconds >= 0)) {
        return drop(L);
    }
    lua_pop(L, 1);
    if (seconds < whole_end && seconds == floor(seconds)) {
        lua_pushinteger(L, (lua_Integer)seconds);
    } else {
        lua_pushnumber(L, seconds);
    }
    return true;
}

/* A number is read as its digits: a state may come as 0 or 1. */
static bool convert_word(lua_State *L, const struct event_field *field) {
    struct slice text;
    if (!lua_isstring(L, -1)) {
        return drop(L);
    }
    text.bytes = lua_tolstring(L, -1, &text.length);
    const char *word = field->canonical(text);
    if (word == NULL) {
        return drop(L);
    }
    lua_pop(L, 1);
    lua_pushstring(L, word);
    return true;
}

/* What is no model, or no known word, is left out: the list has no holes. */
static bool convert_list(lua_State *L, const struct event_field *field) {
    if (!lua_istable(L, -1)) {
        return drop(L);
    }
    luaL_checkstack(L, LUA_MINSTACK, "reading an event");
    lua_Integer length = (lua_Integer)lua_rawlen(L, -1);
    lua_Integer count = 0;
    lua_newtable(L);
    json_out_mark(L);
    for (lua_Integer i = 1; i <= length; i++) {
        lua_rawgeti(L, -2, i);
        if (field->kind == EVENT_MODELS ? convert_model(L, field->model) : convert_word(L, field)) {
            lua_rawseti(L, -2, ++count);
        }
    }
    lua_remove(L, -2);
    return true;
}

static bool convert_model(lua_State *L, const struct event_model *model) {
    if (!lua_istable(L, -1)) {
        return drop(L);
    }
    luaL_checkstack(L, LUA_MINSTACK, "reading an event");
    lua_createtable(L, 0, 6);
    for (const struct event_field *field = model->fields; field->name != NULL; field++) {
        push_member(L, model, field);
        if (convert(L, field)) {
            lua_setfield(L, -2, field->name);
        }
    }
    lua_remove(L, -2);
    return true;
}

/* Of the model below the table on the top: under the field's name, else under another spelling, else nil. */
static void push_member(lua_State *L, const struct event_model *model, const struct event_field *field) {
    lua_pushstring(L, field->name);
    lua_rawget(L, -3);
    for (const struct event_alias *alias = model->aliases; alias->other != NULL && lua_isnil(L, -1); alias++) {
        if (strcmp(alias->name, field->name) == 0) {
            lua_pop(L, 1);
            lua_pushstring(L, alias->other);
            lua_rawget(L, -3);
        }
    }
}

static bool drop(lua_State *L) {
    lua_pop(L, 1);
    return false;
}
