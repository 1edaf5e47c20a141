#include "config/check.h"
#include "base/text.h"
#include "config/evaluate.h"
#include "config/values.h"
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)

enum {
    HOUR = 3600,
    DAY = 24 * HOUR,
    MIB_MAX = 1 << 20,
    ANSWER_MIB_MAX = 15, /* a frame to a worker has 16 MiB */
    DAYS_MAX = 36500
};

/* A table of keys stands before its members. */
static const struct key keys[] = {
    {"listen", value_address, AT(listen), 0, 0},
    {"tls", value_tls, KEY_NOWHERE, 0, 0},
    {"path", value_route, AT(path), 0, 0},
    {"admin", value_address, AT(admin), 0, 0},
    {"timezone", value_timezone, AT(timezone), 0, 0},
    {"scripts", value_path, AT(scripts), 0, 0},
    {"store", value_store, AT(store), 0, 0},
    {"router", NULL, KEY_NOWHERE, 0, 0},
    {"router.connection_string", value_text, AT(router_connection_string), 0, 0},
    {"router.endpoint", value_url, AT(router_endpoint), 0, 0},
    {"router.entra", value_entra, AT(entra), 0, 0},
    {"verify", NULL, KEY_NOWHERE, 0, 0},
    {"verify.secret", value_secrets, AT(verify.secrets), 0, 0},
    {"verify.header", value_header, AT(verify.header), 0, 0},
    {"verify.subscriptions", value_texts, AT(verify.subscriptions), 0, 0},
    {"verify.origins", value_texts, AT(verify.origins), 0, 0},
    {"secrets", value_named_secrets, AT(secrets), 0, 0},
    {"http", NULL, KEY_NOWHERE, 0, 0},
    {"http.allow", value_allow, AT(http.allow), 0, 0},
    {"http.ca", value_path, AT(http.ca), 0, 0},
    {"http.timeout_seconds", value_unsigned, AT(http.timeout_seconds), 1, HOUR},
    {"limits", NULL, KEY_NOWHERE, 0, 0},
    {"limits.run_seconds", value_unsigned, AT(limits.run_seconds), 1, DAY},
    {"limits.slice_ms", value_unsigned, AT(limits.slice_ms), 10, 600000},
    {"limits.run_memory_mib", value_unsigned, AT(limits.run_memory_mib), 1, MIB_MAX},
    {"limits.worker_memory_mib", value_unsigned, AT(limits.worker_memory_mib), 1, MIB_MAX},
    {"limits.run_steps", value_unsigned, AT(limits.run_steps), 1, 65000},
    {"limits.answer_mib", value_unsigned, AT(limits.answer_mib), 1, ANSWER_MIB_MAX},
    {"limits.in_flight", value_unsigned, AT(limits.in_flight), 1, 65536},
    {"limits.body_mib", value_unsigned, AT(limits.body_mib), 1, 1024},
    {"limits.drain_seconds", value_unsigned, AT(limits.drain_seconds), 0, DAY},
    {"limits.backlog", value_uint64, AT(limits.backlog), 1, 1e12},
    {"workers", value_unsigned, AT(workers), 1, 256},
    {"retry", NULL, KEY_NOWHERE, 0, 0},
    {"retry.attempts", value_unsigned, AT(retry.attempts), 1, 1000},
    {"retry.first_seconds", value_double, AT(retry.first_seconds), 0.001, DAY},
    {"retry.factor", value_double, AT(retry.factor), 1, 100},
    {"retry.max_seconds", value_double, AT(retry.max_seconds), 0.001, 7.0 * DAY},
    {"retry.hold", value_bool, AT(retry.hold), 0, 0},
    {"keep", NULL, KEY_NOWHERE, 0, 0},
    {"keep.done_days", value_double, AT(keep.done_days), 0, DAYS_MAX},
    {"keep.parked_days", value_double, AT(keep.parked_days), 0, DAYS_MAX},
    {"keep.unhandled_days", value_double, AT(keep.unhandled_days), 0, DAYS_MAX},
    {"keep.quarantined_days", value_double, AT(keep.quarantined_days), 0, DAYS_MAX},
    {"keep.duplicate_hours", value_double, AT(keep.duplicate_hours), 0, 24.0 * DAYS_MAX},
    {"plugins", value_paths, AT(plugins), 0, 0},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static int check_key(struct reading *reading, const struct key *key);
static int pass_over(struct reading *reading, const struct key *key);
static int check_names(struct reading *reading, const char *group);
static int refuse_name(struct reading *reading, const char *group, const char *name);
static const char *name_in_group(const struct key *key, const char *group);
static const char *suggest(const char *group, const char *name);
static int find_line(struct reading *reading, const char *path);
static bool is_assigned_on(struct slice line, struct slice name);
static struct slice last_line(struct slice *text);

int check_all(lua_State *lua, void *context, struct error *error) {
    struct reading *reading = context;

    reading->lua = lua;
    reading->error = error;
    lua_pushvalue(lua, EVALUATE_VALUES);
    int result = check_names(reading, "");
    lua_pop(lua, 1);
    for (size_t i = 0; i < KEYS && result == 0; i++) {
        result = check_key(reading, &keys[i]);
    }
    return result;
}

int check_fail(struct reading *reading, const char *path, const char *format, ...) {
    char words[ERROR_MESSAGE_SIZE];
    struct buffer visible;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    int line = find_line(reading, path); /* may raise, so it comes before the buffer */
    buffer_init(&visible, 4 * ERROR_MESSAGE_SIZE);
    text_append_visible(&visible, slice_of(path));
    buffer_append_char(&visible, ' ');
    text_append_visible(&visible, slice_of(words));
    const char *said = visible.bytes == NULL ? "" : visible.bytes;
    if (line > 0) {
        error_set(reading->error, ERROR_INVALID, "%s:%d: %s", reading->file, line, said);
    } else {
        error_set(reading->error, ERROR_INVALID, "%s: %s", reading->file, said);
    }
    buffer_reset(&visible);
    return -1;
}

int check_members(struct reading *reading, const char *path, const char *const *known) {
    lua_State *lua = reading->lua;
    const char *first = NULL;

    for (lua_pushnil(lua); lua_next(lua, -2) != 0;) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TSTRING) {
            return check_fail(reading, path, "has an entry without a name; its members are written  name = value");
        }
        const char *name = lua_tostring(lua, -1);
        bool is_known = false;
        for (size_t i = 0; known[i] != NULL && !is_known; i++) {
            is_known = strcmp(known[i], name) == 0;
        }
        if (!is_known && (first == NULL || strcmp(name, first) < 0)) {
            first = name;
        }
    }
    if (first == NULL) {
        return 0;
    }
    const char *near = text_nearest(slice_of(first), known);
    const char *whole = lua_pushfstring(lua, "%s.%s", path, first);
    return near == NULL
               ? check_fail(reading, whole, "is no key of the configuration")
               : check_fail(reading, whole, "is no key of the configuration; did you mean %s.%s?", path, near);
}

/* A key that was not set keeps its default. */
static int check_key(struct reading *reading, const struct key *key) {
    lua_State *lua = reading->lua;
    const char *dot = strchr(key->path, '.');
    int top = lua_gettop(lua);
    int result = 0;

    lua_pushvalue(lua, EVALUATE_VALUES);
    if (dot != NULL) {
        lua_pushlstring(lua, key->path, (size_t)(dot - key->path));
        if (lua_rawget(lua, -2) == LUA_TNIL) {
            goto out;
        }
    }
    lua_pushstring(lua, dot == NULL ? key->path : dot + 1);
    if (lua_rawget(lua, -2) == LUA_TNIL) {
        goto out;
    }
    const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "";
    if (reading->config->missing != NULL && strstr(text, EVALUATE_MISSING) != NULL) {
        result = pass_over(reading, key);
    } else if (key->read != NULL) {
        result = key->read(reading, key);
    } else if (!lua_istable(lua, -1)) {
        result = check_fail(reading, key->path, "must be a table of keys, not a %s", luaL_typename(lua, -1));
    } else {
        result = check_names(reading, key->path);
    }
out:
    lua_settop(lua, top);
    return result;
}

/* The default will do, but not as the place of something. */
static int pass_over(struct reading *reading, const struct key *key) {
    bool is_place = strcmp(key->path, "admin") == 0 || strcmp(key->path, "scripts") == 0;
    return !is_place ? 0
                     : check_fail(reading, key->path, "needs the environment variable %s, which is not set",
                                  reading->config->missing);
}

/* Of several unknown names in the table on top of the stack, the first in the alphabet is told: Lua's own order
 * differs from run to run. */
static int check_names(struct reading *reading, const char *group) {
    lua_State *lua = reading->lua;
    const char *first = NULL;

    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) != LUA_TSTRING) {
            return check_fail(reading, group,
                              "has an entry without a name; its members are written  name = value");
        }
        size_t length = 0;
        const char *name = lua_tolstring(lua, -1, &length);
        bool is_known = false;
        for (size_t i = 0; i < KEYS && !is_known; i++) {
            const char *known = name_in_group(&keys[i], group);
            is_known = known != NULL && slice_is(slice_make(name, length), known);
        }
        if (!is_known && (first == NULL || strcmp(name, first) < 0)) {
            first = name;
        }
    }
    return first == NULL ? 0 : refuse_name(reading, group, first);
}

static int refuse_name(struct reading *reading, const char *group, const char *name) {
    char path[ERROR_MESSAGE_SIZE];
    const char *near = suggest(group, name);

    snprintf(path, sizeof path, "%s%s%s", group, group[0] == '\0' ? "" : ".", name);
    if (near != NULL) {
        return check_fail(reading, path, "is no key of the configuration; did you mean %s?", near);
    }
    return check_fail(reading, path, "is no key of the configuration%s",
                      group[0] == '\0' ? " (a variable of your own is declared with local)" : "");
}

/* The key's name when it belongs directly to the group ("" is the top), else NULL. */
static const char *name_in_group(const struct key *key, const char *group) {
    const char *dot = strchr(key->path, '.');
    size_t length = dot == NULL ? 0 : (size_t)(dot - key->path);

    if (strlen(group) != length || strncmp(key->path, group, length) != 0) {
        return NULL;
    }
    return dot == NULL ? key->path : dot + 1;
}

/* The whole path of the nearest key of the same group, of one that goes on after the name (body for body_mib), or
 * of one of that very name in another group. */
static const char *suggest(const char *group, const char *name) {
    const char *names[KEYS + 1];
    const struct key *of[KEYS];
    size_t count = 0;

    for (size_t i = 0; i < KEYS; i++) {
        const char *own = name_in_group(&keys[i], group);
        if (own != NULL) {
            of[count] = &keys[i];
            names[count++] = own;
        }
    }
    names[count] = NULL;
    const char *nearest = text_nearest(slice_of(name), names);
    for (size_t i = 0; i < count; i++) {
        if (names[i] == nearest) {
            return of[i]->path;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(name) >= 3 && strncmp(names[i], name, strlen(name)) == 0) {
            return of[i]->path;
        }
    }
    for (size_t i = 0; i < KEYS; i++) {
        const char *dot = strchr(keys[i].path, '.');
        if (strcmp(dot == NULL ? keys[i].path : dot + 1, name) == 0) {
            return keys[i].path;
        }
    }
    return NULL;
}

/* Lua knows the line on which a top-level key was assigned, for a table that of its end. From there the text is
 * searched upwards for the member's own line, as far as the line that opens the table. 0: not known. */
static int find_line(struct reading *reading, const char *path) {
    lua_State *lua = reading->lua;
    const char *dot = strchr(path, '.');
    struct slice group = slice_make(path, dot == NULL ? strlen(path) : (size_t)(dot - path));
    struct slice member = dot == NULL ? group : slice_make(dot + 1, strcspn(dot + 1, ".["));
    struct slice text = reading->text;

    lua_pushlstring(lua, group.bytes, group.length);
    lua_rawget(lua, EVALUATE_LINES);
    int end = (int)lua_tointeger(lua, -1);
    lua_pop(lua, 1);

    for (int line = 1; line <= end && text.length > 0; line++) {
        const char *newline = memchr(text.bytes, '\n', text.length);
        size_t length = newline == NULL ? text.length : (size_t)(newline - text.bytes) + 1;
        text = slice_make(text.bytes + length, text.length - length);
    }
    struct slice above = slice_make(reading->text.bytes, reading->text.length - text.length);
    for (int line = end; line > 0; line--) {
        struct slice here = last_line(&above);
        if (is_assigned_on(here, member)) {
            return line;
        }
        if (is_assigned_on(here, group)) {
            break;
        }
    }
    return end;
}

/* Takes the last line off the end of the text. */
static struct slice last_line(struct slice *text) {
    size_t start = text->length > 0 ? text->length - 1 : 0;

    while (start > 0 && text->bytes[start - 1] != '\n') {
        start--;
    }
    struct slice line = slice_make(text->bytes + start, text->length - start);
    text->length = start;
    return line;
}

/* Whether the line has `name =` (and not `name ==`), the name as a whole word. */
static bool is_assigned_on(struct slice line, struct slice name) {
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

    for (size_t i = 0; name.length > 0 && i + name.length < line.length; i++) {
        if (memcmp(line.bytes + i, name.bytes, name.length) != 0 ||
            (i > 0 && memchr(word, line.bytes[i - 1], sizeof word - 1) != NULL)) {
            continue;
        }
        size_t after = i + name.length;
        while (after < line.length && (line.bytes[after] == ' ' || line.bytes[after] == '\t')) {
            after++;
        }
        if (after < line.length && line.bytes[after] == '=' &&
            (after + 1 == line.length || line.bytes[after + 1] != '=')) {
            return true;
        }
    }
    return false;
}
