#include "lua/trace.h"
#include "lua/sandbox.h"
#include <lauxlib.h>
#include <string.h>

/* As many frames are shown from each end of a long traceback. */
enum { SHOWN_INNER = 12, SHOWN_OUTER = 8 };

static int count_frames(lua_State *L);
static void append_frame(lua_State *L, lua_Debug *frame, struct buffer *out);
static void append_branch(lua_State *L, lua_Debug *frame, struct buffer *out);
static void append_function(const lua_Debug *frame, struct buffer *out);
static bool find_script(lua_State *L, lua_Debug *frame);

void trace_append(lua_State *L, struct buffer *out) {
    if (!lua_checkstack(L, LUA_MINSTACK)) {
        return;
    }
    int count = count_frames(L);
    lua_Debug frame;
    for (int level = 0; lua_getstack(L, level, &frame); level++) {
        if (level == SHOWN_INNER && count > SHOWN_INNER + SHOWN_OUTER) {
            level = count - SHOWN_OUTER;
            (void)buffer_append_format(out, "\t... (%d more)\n", level - SHOWN_INNER);
            (void)lua_getstack(L, level, &frame);
        }
        append_frame(L, &frame, out);
    }
}

bool trace_append_place(lua_State *L, struct buffer *out) {
    lua_Debug frame;
    if (!find_script(L, &frame)) {
        return false;
    }
    (void)buffer_append_format(out, "%s:%d: in ", frame.source + 1, frame.currentline);
    append_function(&frame, out);
    return true;
}

void trace_append_line(lua_State *L, struct buffer *out) {
    lua_Debug frame;
    if (find_script(L, &frame)) {
        (void)buffer_append_format(out, "%s:%d: ", frame.source + 1, frame.currentline);
    }
}

int trace_misuse(lua_State *L, const char *function, const char *name, const char *wanted, int index) {
    const char *got = lua_isnone(L, index) ? "nothing" : luaL_typename(L, index);
    if (lua_islightuserdata(L, index)) {
        got = "json.null";
    } else if (lua_type(L, index) == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
        got = lua_tostring(L, -1);
    }
    return luaL_error(L, "bad argument '%s' to %s: expected %s, got %s", name, function, wanted, got);
}

void trace_check_dot(lua_State *L, const char *function, int index) {
    const char *owner = sandbox_locked_name(L, index);
    const char *dot = strrchr(function, '.');
    if (owner != NULL && dot != NULL && slice_is(slice_make(function, (size_t)(dot - function)), owner)) {
        luaL_error(L, "%s is called with a dot, not a colon: %s(...)", function, function);
    }
}

/* By halving: a stack that has overflowed holds two hundred thousand frames. */
static int count_frames(lua_State *L) {
    lua_Debug frame;
    int known = 0;
    int unknown = 1;
    while (lua_getstack(L, unknown, &frame)) {
        known = unknown;
        unknown *= 2;
    }
    while (unknown - known > 1) {
        int middle = known + (unknown - known) / 2;
        if (lua_getstack(L, middle, &frame)) {
            known = middle;
        } else {
            unknown = middle;
        }
    }
    return known + 1;
}

static void append_frame(lua_State *L, lua_Debug *frame, struct buffer *out) {
    if (!lua_getinfo(L, "Slntf", frame)) {
        return;
    }
    const char *shared = sandbox_function_name(L, -1);
    lua_pop(L, 1);
    if (strcmp(frame->what, "C") == 0) {
        append_branch(L, frame, out);
        if (shared != NULL) {
            (void)buffer_append_format(out, "\tin %s\n", shared);
        }
        return;
    }
    (void)buffer_append_format(out, "\t%s:%d: in ", frame->source[0] == '@' ? frame->source + 1 : frame->short_src,
                               frame->currentline);
    append_function(frame, out);
    (void)buffer_append_char(out, '\n');
}

/* An error that came out of a branch: the function that raised it again has the branch as its first value. */
static void append_branch(lua_State *L, lua_Debug *frame, struct buffer *out) {
    int top = lua_gettop(L);
    if (lua_getlocal(L, frame, 1) != NULL && lua_isuserdata(L, -1) && !lua_islightuserdata(L, -1) &&
        lua_getiuservalue(L, -1, SANDBOX_BRANCH_TRACE) == LUA_TSTRING) {
        struct slice trace;
        trace.bytes = lua_tolstring(L, -1, &trace.length);
        (void)buffer_append_slice(out, trace);
    }
    lua_settop(L, top);
}

static void append_function(const lua_Debug *frame, struct buffer *out) {
    if (strcmp(frame->what, "main") == 0) {
        (void)buffer_append_text(out, "the script's top level");
    } else if (frame->name != NULL) {
        (void)buffer_append_format(out, "%s '%s'", frame->namewhat[0] == 'm' ? frame->namewhat : "function",
                                   frame->name);
    } else {
        (void)buffer_append_format(out, "the function of line %d", frame->linedefined);
    }
}

/* The innermost frame that is a file's, not a C function's and not that of a loaded text. */
static bool find_script(lua_State *L, lua_Debug *frame) {
    for (int level = 0; lua_getstack(L, level, frame); level++) {
        if (lua_getinfo(L, "Sln", frame) && strcmp(frame->what, "C") != 0 && frame->source[0] == '@') {
            return true;
        }
    }
    return false;
}
