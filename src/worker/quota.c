#include "worker/quota.h"
#include <lauxlib.h>

enum { LOOK_EACH = 1000 }; /* instructions */

static void on_count(lua_State *L, lua_Debug *frame);

void quota_open(struct worker *worker) {
    if (worker->options.instructions > 0) {
        lua_sethook(worker->sandbox->L, on_count, LUA_MASKCOUNT, LOOK_EACH);
    }
}

void quota_refill(struct worker *worker) {
    worker->instructions = worker->options.instructions;
}

static void on_count(lua_State *L, lua_Debug *frame) {
    (void)frame;
    struct worker *worker = worker_of(L);
    uint64_t taken = (uint64_t)lua_gethookcount(L);
    if (worker->instructions > taken) {
        worker->instructions -= taken;
        if (taken != LOOK_EACH) { /* of a slice that is over */
            lua_sethook(L, on_count, LUA_MASKCOUNT, LOOK_EACH);
        }
        return;
    }
    worker->overruns += worker->instructions > 0;
    worker->instructions = 0;
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    luaL_where(L, 0);
    lua_pushfstring(L, "the script goes on and on: %I instructions without a step that waits. Does it loop?",
                    (LUAI_UACINT)worker->options.instructions);
    lua_concat(L, 2);
    lua_error(L);
}
