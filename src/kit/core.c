#include "kit/core.h"
#include "lua/json_out.h"

int luaopen_switchhook_kit_core(lua_State *L) {
    json_out_open_mark(L);
    lua_newtable(L);
    values_open(L);
    facts_open(L);
    stage_open(L);
    return 1;
}

int core_raise(lua_State *L, const struct error *error) {
    lua_pushstring(L, error->message);
    return lua_error(L);
}
