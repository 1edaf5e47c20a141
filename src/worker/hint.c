#include "worker/hint.h"
#include "lua/missing.h"
#include <lauxlib.h>
#include <string.h>

struct hint {
    lua_State *dead;
    struct buffer *message;
    struct slice name; /* a part of the message */
};

static bool find_name(struct slice message, struct slice *name);
static int append_hint(lua_State *L);
static void append_missing(lua_State *L, const struct hint *hint);
static void append_member(lua_State *L, const struct hint *hint);
static bool append_event_name(lua_State *L, const struct hint *hint, int table, const char *path);
static bool push_event(lua_State *L, lua_State *dead);

void hint_append(struct task *task, lua_State *dead, struct buffer *message) {
    struct slice name;
    char copy[64];
    if (!find_name(buffer_slice(message), &name) || name.length >= sizeof copy) {
        return;
    }
    memcpy(copy, name.bytes, name.length); /* the message may move while it grows */
    struct hint hint = {dead, message, slice_make(copy, name.length)};
    (void)task_call(task, append_hint, &hint);
}

/* In "... (global 'rooter')", as Lua itself names what was nil; the name is the last thing that it says. */
static bool find_name(struct slice message, struct slice *name) {
    static const char *const kinds[] = {"(global '", "(field '", "(method '"};
    if (!slice_ends_with(message, "')")) {
        return false;
    }
    size_t end = message.length - 2;
    size_t start = end;
    while (start > 0 && message.bytes[start - 1] != '\'') {
        start--;
    }
    *name = slice_make(message.bytes + start, end - start);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (slice_ends_with(slice_make(message.bytes, start), kinds[i])) {
            return end > start;
        }
    }
    return false;
}

static int append_hint(lua_State *L) {
    const struct hint *hint = lua_touserdata(L, 1);
    if (missing_push(L, hint->name)) {
        append_missing(L, hint);
    } else if (push_event(L, hint->dead)) {
        append_member(L, hint);
    }
    return 0;
}

/* The table's name and the nearest of its names are on the top. */
static void append_missing(lua_State *L, const struct hint *hint) {
    const char *owner = lua_tostring(L, -2);
    const char *nearest = lua_tostring(L, -1);
    if (owner[0] != '\0') {
        (void)buffer_append_format(hint->message, ": %s has no '%.*s'", owner, SLICE_ARG(hint->name));
    } else if (nearest != NULL) {
        (void)buffer_append_format(hint->message, ": there is no '%.*s'", SLICE_ARG(hint->name));
    }
    if (nearest != NULL) {
        (void)buffer_append_format(hint->message, " (did you mean '%s'?)", nearest);
    }
}

/* The event is on the top. What stands in the other of the two tables was looked for in the wrong one. */
static void append_member(lua_State *L, const struct hint *hint) {
    int event = lua_gettop(L);
    lua_pushliteral(L, "data");
    if (lua_rawget(L, event) == LUA_TTABLE && append_event_name(L, hint, event + 1, "event.data.")) {
        return;
    }
    (void)append_event_name(L, hint, event, "event.");
}

static bool append_event_name(lua_State *L, const struct hint *hint, int table, const char *path) {
    missing_push_nearest(L, table, hint->name);
    const char *nearest = lua_tostring(L, -1);
    if (nearest != NULL) {
        (void)buffer_append_format(hint->message, " (did you mean %s%s?)", path, nearest);
    }
    return nearest != NULL;
}

/* The first argument of the outermost function of a script, if it is a table: the handler's event. */
static bool push_event(lua_State *L, lua_State *dead) {
    lua_Debug frame, outermost;
    bool has_frame = false;
    for (int level = 0; lua_getstack(dead, level, &frame); level++) {
        if (lua_getinfo(dead, "S", &frame) && strcmp(frame.what, "Lua") == 0) {
            outermost = frame;
            has_frame = true;
        }
    }
    if (!has_frame || !lua_checkstack(dead, 1) || lua_getlocal(dead, &outermost, 1) == NULL) {
        return false;
    }
    lua_xmove(dead, L, 1);
    return lua_istable(L, -1);
}
