/* What the kit knows of the world: types of events and operations, from their tables. */
#include "base/clock.h"
#include "base/text.h"
#include "event/catalogue.h"
#include "event/parsed.h"
#include "event/sample.h"
#include "kit/core.h"
#include "router/router.h"
#include "wire/wire.h"
#include "json/json.h"
#include <lauxlib.h>
#include <math.h>

static void push_types(lua_State *L);
static void push_operations(lua_State *L);
static struct slice read_text(lua_State *L, int index);

/* sample(type, id, time, data or nil, is_cloud) -> the JSON of an event; `type` is a short name. */
static int sample(lua_State *L) {
    struct event_sample about = {.type = event_find_type(read_text(L, 1)),
                                 .id = luaL_checkstring(L, 2),
                                 .time = luaL_checkstring(L, 3),
                                 .is_cloud = lua_toboolean(L, 5)};
    luaL_argcheck(L, about.type != NULL, 1, "no type of the catalogue");
    if (!lua_isnoneornil(L, 4)) {
        about.data = read_text(L, 4);
    }
    struct buffer out;
    buffer_init(&out, WIRE_PAYLOAD_MAX);
    int result = event_sample_append(&out, &about);
    lua_pushlstring(L, out.bytes == NULL ? "" : out.bytes, out.length);
    buffer_reset(&out);
    return result < 0 ? luaL_error(L, "no event can be made of it: the data must be a table of names and values")
                      : 1;
}

/* failure(operation, status, code or nil, message or nil) -> the JSON of the error that the host makes of such an
 * answer of the Job Router; status 0: there was none. */
static int failure(lua_State *L) {
    struct router_operation operation = {.name = luaL_checkstring(L, 1)};
    unsigned status = (unsigned)luaL_checkinteger(L, 2);
    struct slice code = lua_isnoneornil(L, 3) ? slice_of("") : read_text(L, 3);
    struct slice message = lua_isnoneornil(L, 4) ? slice_of("") : read_text(L, 4);
    struct router_outcome outcome = {0};
    struct buffer body;
    buffer_init(&body, WIRE_PAYLOAD_MAX);
    buffer_init(&outcome.value, WIRE_PAYLOAD_MAX);
    buffer_append_text(&body, "{\"error\":{\"code\":");
    json_append_string(&body, code);
    buffer_append_text(&body, ",\"message\":");
    json_append_string(&body, message);
    buffer_append_text(&body, "}}");
    int result = body.is_broken ? -1
                                : router_read_answer(&operation, status, buffer_slice(&body), NULL,
                                                     message.length == 0 ? NULL : message.bytes, &outcome);
    lua_pushlstring(L, outcome.value.bytes == NULL ? "" : outcome.value.bytes, outcome.value.length);
    buffer_reset(&body);
    buffer_reset(&outcome.value);
    return result < 0 ? luaL_error(L, "the code or the message is no UTF-8") : 1;
}

/* nearest(name, list) -> the entry of the list that was meant, or nil. */
static int nearest(lua_State *L) {
    struct slice name = read_text(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        names[i] = luaL_checkstring(L, -1); /* the list holds it */
        lua_pop(L, 1);
    }
    names[count] = NULL;
    lua_pushstring(L, text_nearest(name, names));
    return 1;
}

/* parse_time(text) -> microseconds since 1970, or nil. */
static int parse_time(lua_State *L) {
    int64_t wall_us;
    if (event_parse_time(read_text(L, 1), &wall_us) < 0) {
        return 0;
    }
    lua_pushinteger(L, wall_us);
    return 1;
}

static int format_time(lua_State *L) {
    char text[CLOCK_TEXT_SIZE];
    lua_pushstring(L, clock_format(luaL_checkinteger(L, 1), text));
    return 1;
}

void facts_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"sample", sample},           {"failure", failure},
                                         {"nearest", nearest},         {"parse_time", parse_time},
                                         {"format_time", format_time}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    push_types(L);
    lua_setfield(L, -2, "types");
    push_operations(L);
    lua_setfield(L, -2, "operations");
}

/* name -> { lane = "job" or "worker" } */
static void push_types(lua_State *L) {
    lua_newtable(L);
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        lua_newtable(L);
        lua_pushstring(L, type->lane == EVENT_LANE_WORKER ? "worker" : "job");
        lua_setfield(L, -2, "lane");
        lua_setfield(L, -2, type->name);
    }
}

/* name -> { sample = JSON or "", is_list = } */
static void push_operations(lua_State *L) {
    lua_newtable(L);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        lua_newtable(L);
        lua_pushstring(L, operation->sample);
        lua_setfield(L, -2, "sample");
        lua_pushboolean(L, operation->is_list);
        lua_setfield(L, -2, "is_list");
        lua_setfield(L, -2, operation->name);
    }
}

static struct slice read_text(lua_State *L, int index) {
    struct slice text;
    text.bytes = luaL_checklstring(L, index, &text.length);
    return text;
}
