/* Single values of a scenario: times, texts, numbers, hours of the day, labels. */
#include "base/clock.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/pairs.h"
#include "sim/scenario_parts.h"
#include "json/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 160, DAYS_MOST = 400 };

static double read_duration(struct reading *reading, const char *path, const char *text);
static double unit_of(const char **at);
static double seconds_at(struct reading *reading, const char *path, int index);
static bool push_member(struct reading *reading, const char *name);
static bool read_clock(const char **at, int32_t *seconds);
static struct scenario_span read_span(struct reading *reading, const char *path);
static void add_span(struct reading *reading, const char *path, struct scenario_spans *spans,
                     struct scenario_span span);
static int compare_spans(const void *left, const void *right);
static void set_hours(struct reading *reading, const char *path, double per_hour[24], bool is_set[24]);
static void begin_walk(lua_State *lua, int table);
static bool next_in_walk(lua_State *lua, int table);
static void read_label(struct reading *reading, const char *path, struct scenario_label *label);
static const char *keep_json(struct reading *reading, const char *path);

void scenario_check_keys(struct reading *reading, const char *path, const char *const *known) {
    lua_State *lua = reading->lua;
    char whole[PATH_SIZE];
    const char *first = NULL;
    for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TSTRING) {
            scenario_fail(reading, path, "has an entry without a name; its members are written  name = value");
        }
        const char *name = lua_tostring(lua, -1);
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0) {
            i++;
        }
        if (known[i] == NULL && (first == NULL || strcmp(name, first) < 0)) {
            first = name; /* of several, the first in the alphabet: Lua's own order differs from run to run */
        }
    }
    if (first != NULL) {
        const char *near = text_nearest(slice_of(first), known);
        snprintf(whole, sizeof whole, "%s.%.100s", path, first);
        scenario_fail(reading, whole, "is no key of %s%s%s%s", path, near == NULL ? "" : "; did you mean ",
                      near == NULL ? "" : near, near == NULL ? "" : "?");
    }
}

char *scenario_text(struct reading *reading, const char *path) {
    size_t length = 0;
    const char *text = lua_type(reading->lua, -1) == LUA_TSTRING ? lua_tolstring(reading->lua, -1, &length) : NULL;
    if (text == NULL || length == 0) {
        scenario_fail(reading, path, "must be a text%s%s", text == NULL ? ", not a " : " that is not empty",
                      text == NULL ? lua_typename(reading->lua, lua_type(reading->lua, -1)) : "");
    }
    if (strlen(text) != length || length > 200 || !text_is_utf8(slice_make(text, length))) {
        scenario_fail(reading, path, "must be at most 200 bytes of UTF-8");
    }
    return scenario_keep(reading, text, length);
}

double scenario_number(struct reading *reading, const char *path, double least, double most) {
    if (lua_type(reading->lua, -1) != LUA_TNUMBER) {
        scenario_fail(reading, path, "must be a number, not a %s",
                      lua_typename(reading->lua, lua_type(reading->lua, -1)));
    }
    double value = lua_tonumber(reading->lua, -1);
    if (!(value >= least && value <= most)) {
        scenario_fail(reading, path, "must be a number from %.15g to %.15g", least, most);
    }
    return value;
}

double scenario_seconds(struct reading *reading, const char *path) {
    static const double most = (double)DAYS_MOST * SCENARIO_DAY_S;
    double seconds = 0;
    if (lua_type(reading->lua, -1) == LUA_TNUMBER) {
        seconds = lua_tonumber(reading->lua, -1);
    } else if (lua_type(reading->lua, -1) == LUA_TSTRING) {
        seconds = read_duration(reading, path, lua_tostring(reading->lua, -1));
    } else {
        scenario_fail(reading, path,
                      "must be a time: a number of seconds, or a text such as \"90s\", \"5m\", \"2h\"");
    }
    if (!(seconds >= 0 && seconds <= most)) {
        scenario_fail(reading, path, "must be a time from 0 to %d days", DAYS_MOST);
    }
    return seconds;
}

struct scenario_time scenario_time(struct reading *reading, const char *path) {
    lua_State *lua = reading->lua;
    struct scenario_time time = {.spread = SCENARIO_BETWEEN};
    if (lua_type(lua, -1) != LUA_TTABLE) {
        time.a = time.b = scenario_seconds(reading, path);
        return time;
    }
    static const char *const known[] = {"exponential", "normal", "deviation", NULL};
    if (lua_rawlen(lua, -1) == 2) {
        time.a = seconds_at(reading, path, 1);
        time.b = seconds_at(reading, path, 2);
        if (time.a > time.b) {
            scenario_fail(reading, path, "must be { least, most }: the first is greater than the second");
        }
        return time;
    }
    if (lua_rawlen(lua, -1) != 0) {
        scenario_fail(reading, path,
                      "must be one time, or { least, most }, exponential(mean) or "
                      "normal(mean, deviation)");
    }
    scenario_check_keys(reading, path, known);
    bool is_exponential = push_member(reading, "exponential");
    time.spread = is_exponential ? SCENARIO_EXPONENTIAL : SCENARIO_NORMAL;
    if (!is_exponential && !push_member(reading, "normal")) {
        scenario_fail(reading, path,
                      "must be one time, or { least, most }, exponential(mean) or "
                      "normal(mean, deviation)");
    }
    time.a = scenario_seconds(reading, path);
    lua_pop(lua, 1);
    if (!is_exponential && push_member(reading, "deviation")) {
        time.b = scenario_seconds(reading, path);
        lua_pop(lua, 1);
    }
    return time;
}

int32_t scenario_time_of_day(struct reading *reading, const char *path) {
    const char *text = lua_type(reading->lua, -1) == LUA_TSTRING ? lua_tostring(reading->lua, -1) : "";
    int32_t seconds = 0;
    if (!read_clock(&text, &seconds) || *text != '\0') {
        scenario_fail(reading, path, "must be a time of the day such as \"08:00\"");
    }
    return seconds;
}

struct scenario_spans scenario_spans(struct reading *reading, const char *path) {
    lua_State *lua = reading->lua;
    struct scenario_spans spans = {0};
    if (lua_type(lua, -1) == LUA_TSTRING) {
        add_span(reading, path, &spans, read_span(reading, path));
    } else if (lua_type(lua, -1) == LUA_TTABLE && lua_rawlen(lua, -1) <= SCENARIO_LIST_MOST) {
        for (lua_Integer i = 1; lua_rawgeti(lua, -1, i) != LUA_TNIL; i++) {
            add_span(reading, path, &spans, read_span(reading, path));
            lua_pop(lua, 1);
        }
        lua_pop(lua, 1);
    }
    if (spans.count == 0) {
        scenario_fail(reading, path,
                      "must be a list of parts of the day, as in  { \"08:00-12:00\", \"13:00-17:00\" }");
    }
    qsort((void *)(uintptr_t)spans.list, spans.count, sizeof spans.list[0], compare_spans);
    for (size_t i = 1; i < spans.count; i++) {
        if (spans.list[i].from_s <= spans.list[i - 1].to_s) {
            scenario_fail(reading, path, "has two parts of the day that overlap or meet: write them as one");
        }
    }
    return spans;
}

/* A number: the same in each hour. A table: [8] = 40 or ["8-12"] = 40; the other hours have none. */
void scenario_per_hour(struct reading *reading, const char *path, double per_hour[24]) {
    lua_State *lua = reading->lua;
    bool is_set[24] = {false};
    if (lua_type(lua, -1) != LUA_TTABLE) {
        double same = scenario_number(reading, path, 0, 1e6);
        for (size_t hour = 0; hour < 24; hour++) {
            per_hour[hour] = same;
        }
        return;
    }
    for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
        set_hours(reading, path, per_hour, is_set);
        lua_pop(lua, 1);
    }
}

void scenario_json(struct reading *reading, const char *path, struct buffer *out, bool is_map) {
    lua_State *lua = reading->lua;
    struct json_out_error error = {{0}};
    enum json_out_shape shape = lua_type(lua, -1) == LUA_TTABLE ? json_out_shape(lua, -1) : JSON_OUT_MIXED;
    if (is_map && shape != JSON_OUT_MAP && shape != JSON_OUT_EMPTY) {
        scenario_fail(reading, path, "must be a table of names and values");
    }
    if (is_map) {
        for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
            if (lua_type(lua, -1) == LUA_TTABLE) {
                scenario_fail(reading, path, "has a table in it: labels and tags are numbers, texts and booleans");
            }
        }
    }
    if (json_out_append(lua, lua_gettop(lua), out, path, &error) < 0) {
        lua_pushfstring(lua, "%s:%d: %s", reading->name, reading->line,
                        error.message[0] == '\0' ? "a body is longer than 1 MiB" : error.message);
        lua_error(lua);
    }
}

/* Each a value, or values and their weights: Language = { en = 8, de = 2 }. In the order of their names. */
const struct scenario_label *scenario_labels(struct reading *reading, const char *path, size_t *count) {
    lua_State *lua = reading->lua;
    struct scenario_label *labels = NULL;
    *count = 0;
    if (lua_type(lua, -1) != LUA_TTABLE) {
        scenario_fail(reading, path, "must be a table of names and values");
    }
    int table = lua_gettop(lua);
    begin_walk(lua, table);
    while (next_in_walk(lua, table)) {
        if (lua_type(lua, -2) != LUA_TSTRING || *count == SCENARIO_LIST_MOST) {
            scenario_fail(reading, path, "must be a table of names and values, at most %d", SCENARIO_LIST_MOST);
        }
        labels = scenario_grow(reading, labels, *count, sizeof *labels);
        read_label(reading, path, &labels[(*count)++]);
        lua_pop(lua, 1);
        lua_replace(lua, table + 3);
    }
    lua_settop(lua, table);
    return labels;
}

/* Over the table in a fixed order, as scripts' pairs does; what it needs lies above the table. */
static void begin_walk(lua_State *lua, int table) {
    lua_pushcfunction(lua, pairs_lua);
    lua_pushvalue(lua, table);
    lua_call(lua, 1, 3);
}

/* With the next name and its value on the top; whoever is done with them leaves the name at table + 3. */
static bool next_in_walk(lua_State *lua, int table) {
    lua_pushvalue(lua, table + 1);
    lua_pushvalue(lua, table + 2);
    lua_pushvalue(lua, table + 3);
    lua_call(lua, 2, 2);
    return !lua_isnil(lua, -2);
}

int64_t scenario_date(struct reading *reading, const char *path) {
    char whole[64];
    int64_t us = 0;
    const char *text = lua_type(reading->lua, -1) == LUA_TSTRING ? lua_tostring(reading->lua, -1) : "";
    snprintf(whole, sizeof whole, "%.20sT00:00:00Z", text);
    if (strlen(text) != 10 || clock_parse(whole, strlen(whole), &us) < 0 || us < 0) {
        scenario_fail(reading, path, "must be a date such as \"2026-03-02\"");
    }
    return us;
}

/* "90s", "1h30m", "1.5h"; a number alone is seconds. */
static double read_duration(struct reading *reading, const char *path, const char *text) {
    const char *at = text;
    double seconds = 0;
    do {
        char digits[32] = "", *end = digits;
        size_t length = strspn(at, "0123456789.");
        memcpy(digits, at, length < sizeof digits ? length : 0); /* of strtod's forms only the plain one */
        double amount = strtod(digits, &end);
        at += length;
        double unit = end == digits || *end != '\0' ? 0 : unit_of(&at);
        if (unit <= 0) {
            scenario_fail(
                reading, path,
                "must be a time such as \"90s\", \"5m\", \"2h\" or \"1h30m\" (ms, s, m, h, d), not \"%.40s\"",
                text);
        }
        seconds += amount * unit;
    } while (*at != '\0');
    return seconds;
}

static double unit_of(const char **at) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", SCENARIO_DAY_S}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t length = strlen(units[i].name);
        if (strncmp(*at, units[i].name, length) == 0) {
            *at += length;
            return units[i].seconds;
        }
    }
    return 0;
}

static double seconds_at(struct reading *reading, const char *path, int index) {
    lua_rawgeti(reading->lua, -1, index);
    double seconds = scenario_seconds(reading, path);
    lua_pop(reading->lua, 1);
    return seconds;
}

/* Pushes it when it is there. */
static bool push_member(struct reading *reading, const char *name) {
    lua_pushstring(reading->lua, name);
    if (lua_rawget(reading->lua, -2) == LUA_TNIL) {
        lua_pop(reading->lua, 1);
        return false;
    }
    return true;
}

static bool read_clock(const char **at, int32_t *seconds) {
    int32_t hour = 0, minute = 0;
    int digits = 0;
    const char *text = *at;
    for (; digits < 2 && *text >= '0' && *text <= '9'; digits++) {
        hour = hour * 10 + *text++ - '0';
    }
    if (digits == 0 || *text++ != ':') {
        return false;
    }
    for (digits = 0; digits < 2 && *text >= '0' && *text <= '9'; digits++) {
        minute = minute * 10 + *text++ - '0';
    }
    *seconds = (hour * 60 + minute) * 60;
    *at = text;
    return digits == 2 && minute < 60 && *seconds <= SCENARIO_DAY_S;
}

static struct scenario_span read_span(struct reading *reading, const char *path) {
    const char *text = lua_type(reading->lua, -1) == LUA_TSTRING ? lua_tostring(reading->lua, -1) : "";
    struct scenario_span span = {0};
    if (!read_clock(&text, &span.from_s) || *text++ != '-' || !read_clock(&text, &span.to_s) || *text != '\0' ||
        span.from_s == span.to_s || span.from_s == SCENARIO_DAY_S) {
        scenario_fail(reading, path, "must be parts of the day such as \"08:00-16:30\"");
    }
    return span;
}

/* One over midnight is two. */
static void add_span(struct reading *reading, const char *path, struct scenario_spans *spans,
                     struct scenario_span span) {
    struct scenario_span *list =
        scenario_grow(reading, (void *)(uintptr_t)spans->list, spans->count, sizeof *list);
    spans->list = list;
    if (span.to_s < span.from_s && span.to_s > 0) {
        list[spans->count++] = (struct scenario_span){.from_s = 0, .to_s = span.to_s};
        add_span(reading, path, spans, (struct scenario_span){.from_s = span.from_s, .to_s = SCENARIO_DAY_S});
        return;
    }
    span.to_s = span.to_s == 0 ? SCENARIO_DAY_S : span.to_s;
    list[spans->count++] = span;
}

static int compare_spans(const void *left, const void *right) {
    const struct scenario_span *a = left, *b = right;
    return (a->from_s > b->from_s) - (a->from_s < b->from_s);
}

/* The key below the value on the top. */
static void set_hours(struct reading *reading, const char *path, double per_hour[24], bool is_set[24]) {
    lua_State *lua = reading->lua;
    unsigned from = 24, to = 24;
    int length = 0;
    if (lua_isinteger(lua, -2)) {
        lua_Integer hour = lua_tointeger(lua, -2);
        from = hour >= 0 && hour < 24 ? (unsigned)hour : 24;
        to = from + 1;
    } else if (lua_type(lua, -2) == LUA_TSTRING) {
        const char *text = lua_tostring(lua, -2);
        bool is_span = sscanf(text, "%2u-%2u%n", &from, &to, &length) == 2 && text[length] == '\0';
        from = is_span && text[0] >= '0' && text[0] <= '9' ? from : 24;
    }
    if (from >= to || to > 24) {
        scenario_fail(reading, path, "must be a number, or hours and numbers: { [8] = 40, [\"9-12\"] = 60 }");
    }
    double rate = scenario_number(reading, path, 0, 1e6);
    for (unsigned hour = from; hour < to; hour++) {
        if (is_set[hour]) {
            scenario_fail(reading, path, "names the hour %u twice", hour);
        }
        is_set[hour] = true;
        per_hour[hour] = rate;
    }
}

/* The name below the value on the top; leaves both. */
static void read_label(struct reading *reading, const char *path, struct scenario_label *label) {
    lua_State *lua = reading->lua;
    struct scenario_value *values = NULL;
    lua_pushvalue(lua, -2);
    label->name = keep_json(reading, path);
    lua_pop(lua, 1);
    if (lua_type(lua, -1) != LUA_TTABLE) {
        values = scenario_allocate(reading, sizeof *values);
        *values = (struct scenario_value){.json = keep_json(reading, path), .weight = 1};
        label->values = values;
        label->count = 1;
        return;
    }
    double total = 0;
    int table = lua_gettop(lua);
    begin_walk(lua, table);
    while (next_in_walk(lua, table)) {
        values = scenario_grow(reading, values, label->count, sizeof *values);
        values[label->count].weight = scenario_number(reading, path, 0, 1e9);
        total += values[label->count].weight;
        lua_pop(lua, 1);
        values[label->count++].json = keep_json(reading, path);
        lua_replace(lua, table + 3);
    }
    lua_settop(lua, table);
    label->values = values;
    if (total <= 0) {
        scenario_fail(reading, path,
                      "has a label without a value: name = value, or name = { value = weight, ... }");
    }
}

/* The primitive on the top as JSON. */
static const char *keep_json(struct reading *reading, const char *path) {
    int type = lua_type(reading->lua, -1);
    if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN) {
        scenario_fail(reading, path, "must have numbers, texts and booleans, not a %s",
                      lua_typename(reading->lua, type));
    }
    buffer_clear(&reading->words);
    scenario_json(reading, path, &reading->words, false);
    return scenario_keep(reading, reading->words.bytes, reading->words.length);
}
