#include "worker/moment.h"
#include "base/clock.h"
#include <lauxlib.h>
#include <string.h>

void moment_push_seconds(lua_State *L, int64_t wall_us) {
    if (wall_us % CLOCK_US_PER_S == 0) {
        lua_pushinteger(L, wall_us / CLOCK_US_PER_S);
    } else {
        lua_pushnumber(L, (lua_Number)wall_us / 1e6);
    }
}

/* One conversion at a time: strftime is given none that C99 does not have, whose outcome would not be defined. */
void moment_push(lua_State *L, const char *function, const char *pattern, const struct tm *time) {
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '%') {
            luaL_addchar(&out, *pattern);
            continue;
        }
        char conversion[3] = {'%', *++pattern, '\0'};
        if (conversion[1] == '\0' || strchr("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%", conversion[1]) == NULL) {
            luaL_error(L, "bad argument 'format' to %s: there is no conversion '%s'", function, conversion);
        }
        char text[128];
        luaL_addlstring(&out, text, strftime(text, sizeof text, conversion, time));
    }
    luaL_pushresult(&out);
}
