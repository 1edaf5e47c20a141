#include "lua/pairs.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum rank { RANK_NUMBER, RANK_STRING, RANK_BOOLEAN, RANK_OTHER };

struct key {
    enum rank rank;
    bool is_float;
    lua_Integer place; /* in the table of keys */
    union {
        lua_Integer integer;
        lua_Number number;
        bool boolean;
        struct {
            const char *bytes; /* alive through the table of keys */
            size_t length;
        } string;
    } value;
};

static lua_Integer collect(lua_State *L);
static bool is_in_order(lua_State *L, int keys, lua_Integer count);
static struct key *describe(lua_State *L, int keys, lua_Integer count);
static struct key describe_key(lua_State *L, lua_Integer place);
static int compare(const void *a, const void *b);
static int compare_numbers(const struct key *a, const struct key *b);
static int step(lua_State *L);

static int give_three(lua_State *L, int status, lua_KContext context) {
    (void)L;
    (void)status;
    (void)context;
    return 3;
}

int pairs_lua(lua_State *L) {
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, give_three);
        return 3;
    }
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "bad argument #1 to 'pairs' (table expected, got %s)", luaL_typename(L, 1));
    }
    pairs_push_iterator(L);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

int pairs_push_iterator(lua_State *L) {
    lua_settop(L, 1);
    lua_newtable(L);
    lua_Integer count = collect(L);
    if (!is_in_order(L, 2, count)) {
        struct key *sorted = describe(L, 2, count);
        qsort(sorted, (size_t)count, sizeof *sorted, compare);
        lua_createtable(L, count > INT32_MAX ? 0 : (int)count, 0);
        for (lua_Integer i = 0; i < count; i++) {
            lua_rawgeti(L, 2, sorted[i].place);
            lua_rawseti(L, -2, i + 1);
        }
        lua_replace(L, 2);
        lua_settop(L, 2);
    }
    lua_pushinteger(L, 0);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, step, 3);
    return 1;
}

/* The keys of the table at 1 into the one at 2. */
static lua_Integer collect(lua_State *L) {
    lua_Integer count = 0;
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 2, ++count);
    }
    return count;
}

/* Spares sequences, and tables of one key, the sorting. */
static bool is_in_order(lua_State *L, int keys, lua_Integer count) {
    if (count < 2) {
        return true;
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        bool is_next = lua_isinteger(L, -1) && lua_tointeger(L, -1) == i;
        lua_pop(L, 1);
        if (!is_next) {
            return false;
        }
    }
    return true;
}

/* On the stack, and so the collector's. */
static struct key *describe(lua_State *L, int keys, lua_Integer count) {
    struct key *all = lua_newuserdatauv(L, (size_t)count * sizeof *all, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        all[i - 1] = describe_key(L, i);
        lua_pop(L, 1);
    }
    return all;
}

static struct key describe_key(lua_State *L, lua_Integer place) {
    struct key key = {.rank = RANK_OTHER, .place = place};
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        key.rank = RANK_NUMBER;
        key.is_float = !lua_isinteger(L, -1);
        if (key.is_float) {
            key.value.number = lua_tonumber(L, -1);
        } else {
            key.value.integer = lua_tointeger(L, -1);
        }
        break;
    case LUA_TSTRING:
        key.rank = RANK_STRING;
        key.value.string.bytes = lua_tolstring(L, -1, &key.value.string.length);
        break;
    case LUA_TBOOLEAN:
        key.rank = RANK_BOOLEAN;
        key.value.boolean = lua_toboolean(L, -1);
        break;
    default: break;
    }
    return key;
}

static int compare(const void *left, const void *right) {
    const struct key *a = left;
    const struct key *b = right;
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    int order = 0;
    if (a->rank == RANK_NUMBER) {
        order = compare_numbers(a, b);
    } else if (a->rank == RANK_STRING) {
        size_t shorter =
            a->value.string.length < b->value.string.length ? a->value.string.length : b->value.string.length;
        order = memcmp(a->value.string.bytes, b->value.string.bytes, shorter);
        if (order == 0) {
            order = (a->value.string.length > b->value.string.length) -
                    (a->value.string.length < b->value.string.length);
        }
    } else if (a->rank == RANK_BOOLEAN) {
        order = (int)a->value.boolean - (int)b->value.boolean;
    }
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Floats among keys have a fraction or are out of an integer's range: no two are equal. */
static int compare_numbers(const struct key *a, const struct key *b) {
    if (!a->is_float && !b->is_float) {
        return (a->value.integer > b->value.integer) - (a->value.integer < b->value.integer);
    }
    if (a->is_float && b->is_float) {
        return (a->value.number > b->value.number) - (a->value.number < b->value.number);
    }
    if (!a->is_float) {
        return -compare_numbers(b, a);
    }
    if (a->value.number >= 0x1p63) {
        return 1;
    }
    if (a->value.number < -0x1p63) {
        return -1;
    }
    lua_Integer whole = (lua_Integer)a->value.number;
    if (whole != b->value.integer) {
        return whole > b->value.integer ? 1 : -1;
    }
    return a->value.number > (lua_Number)whole ? 1 : -1;
}

/* The iterator: upvalues are the keys, how many were given, and the table. What a loop passes back is not
 * needed. */
static int step(lua_State *L) {
    lua_settop(L, 0);
    lua_Integer given = lua_tointeger(L, lua_upvalueindex(2));
    for (;;) {
        int type = lua_rawgeti(L, lua_upvalueindex(1), ++given);
        if (type == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(L, 1);
        if (lua_rawget(L, lua_upvalueindex(3)) != LUA_TNIL) {
            break;
        }
        lua_settop(L, 0);
    }
    lua_pushinteger(L, given);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}
