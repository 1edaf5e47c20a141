/* What scripts are offered, one file a module. Each adds its functions to the table of globals at index 1, while
 * the sandbox is being built. Private to the room. */
#ifndef WORKER_BINDINGS_H
#define WORKER_BINDINGS_H

#include <lua.h>

void bind_router(lua_State *L);  /* router.*, from the table of operations */
void bind_log(lua_State *L);     /* log.*, print */
void bind_json(lua_State *L);    /* json.* */
void bind_os(lua_State *L);      /* os.time, date, difftime, clock */
void bind_random(lua_State *L);  /* math.random, math.randomseed */
void bind_require(lua_State *L); /* require */
void bind_plain(lua_State *L);   /* now, uuid, fail */
void bind_wait(lua_State *L);    /* sleep, after, cancel */
void bind_state(lua_State *L);   /* state.* */
void bind_step(lua_State *L);    /* step */
void bind_all(lua_State *L);     /* all */
void bind_time(lua_State *L);    /* time.* */
void bind_plugins(lua_State *L); /* the operations of C helpers, by the worker's options */
void bind_http(lua_State *L);    /* http.* */
void bind_secret(lua_State *L);  /* secret; after bind_http: http.basic */

#endif
