/* now(), uuid(), fail(reason). */
#include "lua/sandbox.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/raised.h"
#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>

static int now(lua_State *L) {
    lua_pushnumber(L, (lua_Number)sandbox_branch_of(L)->now_us / 1e6);
    return 1;
}

/* Version 4 of RFC 9562, from the branch's chance: done again, a run makes the same. */
static int uuid(lua_State *L) {
    struct random *random = &sandbox_branch_of(L)->random;
    uint64_t high = (random_next(random) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (random_next(random) & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63);
    char text[40];
    (void)snprintf(text, sizeof text, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
    lua_pushstring(L, text);
    return 1;
}

/* An error value like those of answers: uncaught, the host parks the run; pcall may catch it, and then the run
 * goes on. */
static int fail(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "fail", "reason", "a string", 1);
    }
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, "fail");
    lua_setfield(L, -2, "operation");
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "retryable");
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "park");
    raised_mark(L);
    return lua_error(L);
}

void bind_plain(lua_State *L) {
    static const luaL_Reg functions[] = {{"now", now}, {"uuid", uuid}, {"fail", fail}, {NULL, NULL}};
    lua_pushvalue(L, 1);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
