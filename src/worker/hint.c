#include "worker/hint.h"
#include "lua/missing.h"
#include <lauxlib.h>
#include <string.h>

struct hint {
    lua_State *dead;
    struct buffer *message;
    struct slice name;
    bool is_argument; /* of a function of ours, which got nil */
};

static bool find_name(struct slice message, struct slice *name);
static bool find_argument(struct slice message, struct slice *name);
static int append_hint(lua_State *L);
static void append_argument(lua_State *L, const struct hint *hint);
static void append_missing(lua_State *L, const struct hint *hint);
static const char *push_local(lua_State *L, const struct hint *hint);
static const char *withheld(struct slice name);
static void append_member(lua_State *L, const struct hint *hint);
static bool append_event_name(lua_State *L, const struct hint *hint, int table, const char *path);
static bool push_event(lua_State *L, lua_State *dead);

void hint_append(struct task *task, lua_State *dead, struct buffer *message) {
    struct slice name;
    char copy[64];
    bool is_argument = find_argument(buffer_slice(message), &name);
    if ((!is_argument && !find_name(buffer_slice(message), &name)) || name.length >= sizeof copy) {
        return;
    }
    memcpy(copy, name.bytes, name.length); /* the message may move while it grows */
    struct hint hint = {dead, message, slice_make(copy, name.length), is_argument};
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

/* In "bad argument 'jobId' to router.jobs.get: expected a string, got nil". */
static bool find_argument(struct slice message, struct slice *name) {
    static const char beginning[] = "bad argument '";
    if (!slice_ends_with(message, ", got nil")) {
        return false;
    }
    const char *start = memmem(message.bytes, message.length, beginning, strlen(beginning));
    if (start == NULL) {
        return false;
    }
    start += strlen(beginning);
    const char *end = memchr(start, '\'', (size_t)(message.bytes + message.length - start));
    *name = slice_make(start, end == NULL ? 0 : (size_t)(end - start));
    return end != NULL;
}

static int append_hint(lua_State *L) {
    const struct hint *hint = lua_touserdata(L, 1);
    if (hint->is_argument) {
        append_argument(L, hint);
    } else if (missing_push(L, hint->name)) {
        append_missing(L, hint);
    } else if (push_event(L, hint->dead)) {
        append_member(L, hint);
    }
    return 0;
}

/* What the argument is called, the event may have. */
static void append_argument(lua_State *L, const struct hint *hint) {
    if (push_event(L, hint->dead) && (lua_getfield(L, -1, "data"), lua_istable(L, -1))) {
        lua_pushlstring(L, hint->name.bytes, hint->name.length);
        if (lua_rawget(L, -2) != LUA_TNIL) {
            (void)buffer_append_format(hint->message, " (did you mean event.data.%.*s?)", SLICE_ARG(hint->name));
        }
    }
}

/* The table's name and the nearest of its names are on the top. */
static void append_missing(lua_State *L, const struct hint *hint) {
    const char *owner = lua_tostring(L, -2);
    const char *nearest = lua_tostring(L, -1);
    bool is_global = owner[0] == '\0';
    const char *instead = is_global ? withheld(hint->name) : NULL;
    if (instead != NULL) {
        (void)buffer_append_format(hint->message, ": '%.*s' is not offered: %s", SLICE_ARG(hint->name), instead);
        return;
    }
    if (is_global && nearest == NULL) {
        nearest = push_local(L, hint);
    }
    if (!is_global) {
        (void)buffer_append_format(hint->message, ": %s has no '%.*s'", owner, SLICE_ARG(hint->name));
    } else if (nearest != NULL) {
        (void)buffer_append_format(hint->message, ": there is no '%.*s'", SLICE_ARG(hint->name));
    }
    if (nearest != NULL) {
        (void)buffer_append_format(hint->message, " (did you mean '%s'?)", nearest);
    }
}

/* The nearest of the names that the script's innermost function has for its own values. */
static const char *push_local(lua_State *L, const struct hint *hint) {
    lua_Debug frame;
    lua_newtable(L);
    for (int level = 0; lua_getstack(hint->dead, level, &frame); level++) {
        if (!lua_getinfo(hint->dead, "S", &frame) || strcmp(frame.what, "C") == 0) {
            continue;
        }
        const char *name;
        for (int i = 1; lua_checkstack(hint->dead, 1) && (name = lua_getlocal(hint->dead, &frame, i)) != NULL;
             i++) {
            lua_pop(hint->dead, 1);
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, name);
        }
        break;
    }
    missing_push_nearest(L, -1, hint->name);
    return lua_tostring(L, -1);
}

/* What plain Lua has and scripts have not: what to do instead. */
static const char *withheld(struct slice name) {
    static const struct {
        const char *name, *instead;
    } names[] = {
        {"collectgarbage", "memory is the host's business"},
        {"coroutine", "all{f, g} does several things at the same time"},
        {"debug", "an error's traceback is in the timeline of its event"},
        {"dofile", "require reads modules from the scripts' lib folder"},
        {"io", "scripts have no files; state keeps values"},
        {"loadfile", "require reads modules from the scripts' lib folder"},
        {"next", "pairs walks through a table, in a fixed order"},
        {"package", "require reads modules from the scripts' lib folder"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (slice_is(name, names[i].name)) {
            return names[i].instead;
        }
    }
    return NULL;
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
