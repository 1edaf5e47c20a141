#include "worker/moment.h"
#include "base/clock.h"
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int parse_american(struct slice text, int64_t *wall_us);
static bool take_number(struct slice *rest, size_t least, size_t most, char end, int *number);

int moment_parse(struct slice text, int64_t *wall_us) {
    if (clock_parse(text.bytes, text.length, wall_us) == 0 ||
        clock_parse_http(text.bytes, text.length, wall_us) == 0) {
        return 0;
    }
    return parse_american(text, wall_us);
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

/* Month first, twelve hours: put into ISO 8601, which checks it. */
static int parse_american(struct slice text, int64_t *wall_us) {
    int month, day, year, hour, minute, second;
    if (!take_number(&text, 1, 2, '/', &month) || !take_number(&text, 1, 2, '/', &day) ||
        !take_number(&text, 4, 4, ' ', &year) || !take_number(&text, 1, 2, ':', &hour) ||
        !take_number(&text, 2, 2, ':', &minute) || !take_number(&text, 2, 2, ' ', &second)) {
        return -1;
    }
    bool is_afternoon = slice_starts_with(text, "PM ");
    if ((!is_afternoon && !slice_starts_with(text, "AM ")) || hour < 1 || hour > 12) {
        return -1;
    }
    struct slice offset = slice_make(text.bytes + 3, text.length - 3);
    hour = hour % 12 + (is_afternoon ? 12 : 0);
    char iso[64];
    int length = snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02d%.*s", year, month, day, hour, minute,
                          second, SLICE_ARG(offset));
    return length < (int)sizeof iso ? clock_parse(iso, (size_t)length, wall_us) : -1;
}

/* Digits, and what must follow them. */
static bool take_number(struct slice *rest, size_t least, size_t most, char end, int *number) {
    size_t digits = 0;
    *number = 0;
    while (digits < most && digits < rest->length && rest->bytes[digits] >= '0' && rest->bytes[digits] <= '9') {
        *number = *number * 10 + (rest->bytes[digits] - '0');
        digits++;
    }
    if (digits < least || digits >= rest->length || rest->bytes[digits] != end) {
        return false;
    }
    *rest = slice_make(rest->bytes + digits + 1, rest->length - digits - 1);
    return true;
}
