/* math.random and math.randomseed, from the branch's own stream. */
#include "lua/sandbox.h"
#include "worker/bindings.h"
#include <lauxlib.h>

/* As Lua's own: random(), random(m), random(m, n); random(0) gives all bits. */
static int random_number(lua_State *L) {
    struct random *random = &sandbox_branch_of(L)->random;
    lua_Integer low = 1;
    lua_Integer high;
    switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, random_fraction(random)); return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)random_next(random));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default: return luaL_error(L, "wrong number of arguments");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t above = random_up_to(random, (uint64_t)high - (uint64_t)low);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + above));
    return 1;
}

/* Without an argument the stream goes on from itself: chance stays the run's. */
static int seed(lua_State *L) {
    struct random *random = &sandbox_branch_of(L)->random;
    uint64_t value;
    if (lua_isnone(L, 1)) {
        value = random_next(random);
    } else if (lua_isinteger(L, 1)) {
        value = (uint64_t)lua_tointeger(L, 1);
    } else {
        double number = luaL_checknumber(L, 1);
        value = number >= -0x1p63 && number < 0x1p63 ? (uint64_t)(int64_t)number : 0;
    }
    random_seed(random, value);
    return 0;
}

void bind_random(lua_State *L) {
    static const luaL_Reg functions[] = {{"random", random_number}, {"randomseed", seed}, {NULL, NULL}};
    lua_getfield(L, 1, "math");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
