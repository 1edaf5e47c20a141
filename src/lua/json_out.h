/* Lua values into canonical JSON: the members of an object sorted by their bytes, integers exact, no white space.
 *
 * A table is an array when its keys are 1..n, or when it carries the mark (json.array, or an array that was read);
 * an empty table without the mark is an object. Metamethods are not asked. Refused: functions, NaN and infinities,
 * texts that are no UTF-8, keys that are no strings, lists with holes, tables deeper than JSON_DEPTH or inside
 * themselves. */
#ifndef LUA_JSON_OUT_H
#define LUA_JSON_OUT_H

#include "base/buffer.h"
#include <lua.h>
#include <stdbool.h>

struct json_out_error {
    char message[256]; /* "options.labels.x: a function cannot be written as JSON" */
};

/* As json_out_append; a userdata in the value is written by `handle`, which appends JSON and neither raises nor
 * enters Lua; -1: it is none of its own, or there is no memory. */
int json_out_append_with(lua_State *L, int index, struct buffer *out, const char *root,
                         int (*handle)(lua_State *L, int index, struct buffer *out), struct json_out_error *error);

/* What a table is, as seen from outside. */
enum json_out_shape { JSON_OUT_EMPTY, JSON_OUT_LIST, JSON_OUT_MAP, JSON_OUT_MIXED };

/* Appends the value at `index`; 0, or -1 with the error, which calls the value `root`. Never raises and never
 * enters Lua, so that it may be used outside protected calls. */
int json_out_append(lua_State *L, int index, struct buffer *out, const char *root, struct json_out_error *error);

/* Of the table at `index`; a marked empty table is a list. */
enum json_out_shape json_out_shape(lua_State *L, int index);

/* The mark of arrays: for the table on the top. */
void json_out_mark(lua_State *L);
bool json_out_is_marked(lua_State *L, int index);

/* Once per state: prepares the mark, and locks json.null. */
void json_out_open(lua_State *L);
/* Only the mark: for a state that is not the sandbox's, where other light userdata may be about. */
void json_out_open_mark(lua_State *L);

#endif
