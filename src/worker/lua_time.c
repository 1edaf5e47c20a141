/* time.parse(text) and time.format(seconds [, pattern]), in the zone of the configuration. */
#include "base/clock.h"
#include "event/parsed.h"
#include "lua/trace.h"
#include "worker/bindings.h"
#include "worker/moment.h"
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the years 0 to 9999: what the forms can write. */
static const double seconds_first = -62167219200.0;
static const double seconds_end = 253402300800.0;

static void push_iso(lua_State *L, const struct tm *time, int microseconds);

static int parse(lua_State *L) {
    trace_check_dot(L, "time.parse", 1);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return trace_misuse(L, "time.parse", "text", "a string", 1);
    }
    struct slice text;
    int64_t wall_us;
    text.bytes = lua_tolstring(L, 1, &text.length);
    if (event_parse_time(text, &wall_us) < 0) {
        return luaL_error(L, "bad argument 'text' to time.parse: '%s' is no time, such as 2026-03-01T09:30:00Z",
                          text.bytes);
    }
    moment_push_seconds(L, wall_us);
    return 1;
}

static int format(lua_State *L) {
    trace_check_dot(L, "time.format", 1);
    double seconds = lua_type(L, 1) == LUA_TNUMBER ? lua_tonumber(L, 1) : NAN;
    if (lua_type(L, 1) != LUA_TNUMBER) {
        return trace_misuse(L, "time.format", "seconds", "a number", 1);
    }
    if (!lua_isnoneornil(L, 2) && lua_type(L, 2) != LUA_TSTRING) {
        return trace_misuse(L, "time.format", "pattern", "a string", 2);
    }
    if (!(seconds >= seconds_first && seconds < seconds_end)) {
        return luaL_error(L, "bad argument 'seconds' to time.format: only the years 0 to 9999 can be shown");
    }
    int64_t wall_us = llround(seconds * 1e6);
    int64_t microseconds = (wall_us % CLOCK_US_PER_S + CLOCK_US_PER_S) % CLOCK_US_PER_S;
    time_t whole = (time_t)((wall_us - microseconds) / CLOCK_US_PER_S);
    struct tm time;
    if (localtime_r(&whole, &time) == NULL) {
        return luaL_error(L, "bad argument 'seconds' to time.format: no date can show it");
    }
    if (lua_isnoneornil(L, 2)) {
        push_iso(L, &time, (int)microseconds);
    } else {
        moment_push(L, "time.format", lua_tostring(L, 2), &time);
    }
    return 1;
}

void bind_time(lua_State *L) {
    static const luaL_Reg functions[] = {{"parse", parse}, {"format", format}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, 1, "time");
}

/* 2026-03-01T10:30:00.25+01:00, as many digits of the fraction as there are. */
static void push_iso(lua_State *L, const struct tm *time, int microseconds) {
    char date[64];
    char fraction[16] = "";
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", time);
    if (microseconds > 0) {
        (void)snprintf(fraction, sizeof fraction, ".%06d", microseconds);
        for (size_t last = strlen(fraction); last > 1 && fraction[last - 1] == '0'; last--) {
            fraction[last - 1] = '\0';
        }
    }
    int minutes = abs((int)time->tm_gmtoff) / 60;
    char offset[32];
    (void)snprintf(offset, sizeof offset, "%c%02d:%02d", time->tm_gmtoff < 0 ? '-' : '+', minutes / 60,
                   minutes % 60);
    lua_pushfstring(L, "%s%s%s", date, fraction, offset);
}
