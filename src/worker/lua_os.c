/* os.time, os.date, os.difftime, os.clock: Lua's own, but the time is the branch's (the host's time of its latest
 * answer), and the zone the configuration's. os.clock counts from the run's start. */
#include "base/clock.h"
#include "lua/sandbox.h"
#include "worker/bindings.h"
#include "worker/moment.h"
#include <lauxlib.h>
#include <limits.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    size_t place;
    int less;     /* what struct tm counts from */
    int fallback; /* INT_MIN: required */
} parts[] = {
    {"year", offsetof(struct tm, tm_year), 1900, INT_MIN},
    {"month", offsetof(struct tm, tm_mon), 1, INT_MIN},
    {"day", offsetof(struct tm, tm_mday), 0, INT_MIN},
    {"hour", offsetof(struct tm, tm_hour), 0, 12},
    {"min", offsetof(struct tm, tm_min), 0, 0},
    {"sec", offsetof(struct tm, tm_sec), 0, 0},
    {"wday", offsetof(struct tm, tm_wday), 1, 0},
    {"yday", offsetof(struct tm, tm_yday), 1, 0},
};
enum { PARTS = sizeof parts / sizeof parts[0], GIVEN_PARTS = 6 };

static void write_parts(lua_State *L, int table, const struct tm *time);
static int is_summer_time(lua_State *L, int table);
static int part_of(lua_State *L, int table, size_t i);

static time_t now_seconds(lua_State *L) {
    return (time_t)(sandbox_branch_of(L)->now_us / CLOCK_US_PER_S);
}

static int os_time(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        lua_pushinteger(L, now_seconds(L));
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct tm time = {0};
    for (size_t i = 0; i < GIVEN_PARTS; i++) {
        *(int *)(void *)((char *)&time + parts[i].place) = part_of(L, 1, i);
    }
    time.tm_isdst = is_summer_time(L, 1);
    time.tm_wday = -1; /* mktime fills it in, unless it cannot show the time */
    time_t seconds = mktime(&time);
    if (time.tm_wday == -1) {
        return luaL_error(L, "time result cannot be represented in this installation");
    }
    write_parts(L, 1, &time);
    lua_pushinteger(L, seconds);
    return 1;
}

static int os_date(lua_State *L) {
    const char *format = luaL_optstring(L, 1, "%c");
    time_t seconds = lua_isnoneornil(L, 2) ? now_seconds(L) : (time_t)luaL_checkinteger(L, 2);
    bool is_utc = *format == '!';
    format += is_utc;
    struct tm time;
    if ((is_utc ? gmtime_r(&seconds, &time) : localtime_r(&seconds, &time)) == NULL) {
        return luaL_error(L, "bad argument 'time' to os.date: no date can show it");
    }
    if (strncmp(format, "*t", 2) == 0) {
        lua_createtable(L, 0, 9);
        write_parts(L, lua_gettop(L), &time);
        return 1;
    }
    moment_push(L, "os.date", format, &time);
    return 1;
}

static int os_difftime(lua_State *L) {
    lua_pushnumber(L, luaL_checknumber(L, 1) - luaL_checknumber(L, 2));
    return 1;
}

static int os_clock(lua_State *L) {
    const struct sandbox_branch *branch = sandbox_branch_of(L);
    lua_pushnumber(L, (lua_Number)(branch->now_us - branch->run->started_us) / 1e6);
    return 1;
}

void bind_os(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"time", os_time}, {"date", os_date}, {"difftime", os_difftime}, {"clock", os_clock}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, 1, "os");
}

static void write_parts(lua_State *L, int table, const struct tm *time) {
    for (size_t i = 0; i < PARTS; i++) {
        int value = *(const int *)(const void *)((const char *)time + parts[i].place);
        lua_pushinteger(L, (lua_Integer)value + parts[i].less);
        lua_setfield(L, table, parts[i].name);
    }
    if (time->tm_isdst >= 0) {
        lua_pushboolean(L, time->tm_isdst);
        lua_setfield(L, table, "isdst");
    }
}

/* Not said: as the zone has it at that time. */
static int is_summer_time(lua_State *L, int table) {
    int result = lua_getfield(L, table, "isdst") == LUA_TNIL ? -1 : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return result;
}

static int part_of(lua_State *L, int table, size_t i) {
    int type = lua_getfield(L, table, parts[i].name);
    int is_whole;
    lua_Integer value = lua_tointegerx(L, -1, &is_whole);
    lua_pop(L, 1);
    if (!is_whole) {
        if (type != LUA_TNIL) {
            luaL_error(L, "field '%s' is not an integer", parts[i].name);
        } else if (parts[i].fallback == INT_MIN) {
            luaL_error(L, "field '%s' missing in date table", parts[i].name);
        }
        value = parts[i].fallback;
    }
    if (value < INT_MIN / 2 || value > INT_MAX / 2) {
        luaL_error(L, "field '%s' is out-of-bound", parts[i].name);
    }
    return (int)value - parts[i].less;
}
