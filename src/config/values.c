#include "config/values.h"
#include "base/text.h"
#include "config/path.h"
#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keep(struct reading *reading, const struct key *key, char *fresh);
static int read_secret(struct reading *reading, const char *path, char *secrets[CONFIG_SECRETS]);
static int read_list(struct reading *reading, const char *path, char **texts, lua_Unsigned count);
static void *place(struct reading *reading, const struct key *key);
static int read_number(struct reading *reading, const struct key *key, bool is_whole, double *number);

int value_text(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);

    return text == NULL ? -1 : keep(reading, key, slice_copy(slice_of(text)));
}

int value_address(struct reading *reading, const struct key *key) {
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;
    struct error why = {0};
    const char *text = value_read_text(reading, key->path);

    if (text == NULL) {
        return -1;
    }
    if (text_parse_address(text, host, &port, &why) < 0) {
        return check_fail(reading, key->path, "is no address: %s", why.message);
    }
    return keep(reading, key, slice_copy(slice_of(text)));
}

int value_route(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);

    if (text == NULL) {
        return -1;
    }
    if (text[0] != '/') {
        return check_fail(reading, key->path, "must start with a slash, as in \"/events\"");
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7F || *c == '?' || *c == '#') {
            return check_fail(reading, key->path, "may hold only visible ASCII, and neither '?' nor '#'");
        }
    }
    return keep(reading, key, slice_copy(slice_of(text)));
}

int value_path(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);

    return text == NULL ? -1 : keep(reading, key, path_absolute(reading->folder, text));
}

int value_paths(struct reading *reading, const struct key *key) {
    if (value_texts(reading, key) < 0) {
        return -1;
    }
    char **paths = *(char ***)place(reading, key);
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        char *absolute = path_absolute(reading->folder, paths[i]);
        if (absolute == NULL) {
            return error_memory(reading->error);
        }
        free(paths[i]);
        paths[i] = absolute;
    }
    return 0;
}

int value_store(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);

    if (text == NULL) {
        return -1;
    }
    if (slice_starts_with(slice_of(text), PATH_STORE_SCHEME)) {
        text += strlen(PATH_STORE_SCHEME);
    } else if (text[0] != '/' && text[0] != '.' && strchr(text, ':') != NULL) {
        return check_fail(
            reading, key->path,
            "names a kind of store, '%.*s', that this version does not have; use \"" PATH_STORE_SCHEME "PATH\"",
            (int)strcspn(text, ":"), text);
    }
    if (text[0] == '\0') {
        return check_fail(reading, key->path, "names no file; use \"" PATH_STORE_SCHEME "PATH\"");
    }
    return keep(reading, key, path_store(reading->folder, text));
}

int value_header(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);

    if (text == NULL) {
        return -1;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL) {
            return check_fail(reading, key->path,
                              "is no name of an HTTP header: only letters, digits and - _ . are "
                              "usual there");
        }
    }
    return keep(reading, key, slice_copy(slice_of(text)));
}

int value_timezone(struct reading *reading, const struct key *key) {
    const char *text = value_read_text(reading, key->path);
    char file[PATH_MAX];

    if (text == NULL) {
        return -1;
    }
    bool is_name = text[0] != '/' && text[0] != '\0' && strstr(text, "..") == NULL &&
                   snprintf(file, sizeof file, "/usr/share/zoneinfo/%s", text) < (int)sizeof file;
    if (strcmp(text, "UTC") != 0 && (!is_name || access(file, R_OK) != 0)) {
        return check_fail(reading, key->path,
                          "is no time zone that this machine knows, such as \"Europe/Berlin\" (the package tzdata "
                          "has them)");
    }
    return keep(reading, key, slice_copy(slice_of(text)));
}

int value_tls(struct reading *reading, const struct key *key) {
    return check_fail(reading, key->path,
                      "is not served by this version: remove it, put a proxy that terminates TLS in front of "
                      "`listen`, and set verify.secret");
}

int value_secrets(struct reading *reading, const struct key *key) {
    lua_State *lua = reading->lua;
    char **secrets = place(reading, key);

    if (!lua_istable(lua, -1)) {
        return read_secret(reading, key->path, secrets);
    }
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        int is_integer = 0;
        lua_Integer index = lua_tointegerx(lua, -1, &is_integer);
        if (lua_type(lua, -1) != LUA_TNUMBER || is_integer == 0 || index < 1 || index > CONFIG_SECRETS) {
            return check_fail(reading, key->path, "takes one secret, or a list of one or two");
        }
    }
    for (int i = 1; i <= CONFIG_SECRETS; i++) {
        const char *path = lua_pushfstring(lua, "%s[%d]", key->path, i);
        if (lua_rawgeti(lua, -2, i) != LUA_TNIL) {
            if (read_secret(reading, path, secrets) < 0) {
                return -1;
            }
            secrets++;
        }
        lua_pop(lua, 2);
    }
    if (secrets == place(reading, key)) { /* whoever wrote a list did not mean to let everybody in */
        return check_fail(reading, key->path, "lists no secret: each entry is nil. Set one, or remove the key");
    }
    return 0;
}

int value_texts(struct reading *reading, const struct key *key) {
    return value_read_texts(reading, key->path, place(reading, key));
}

int value_unsigned(struct reading *reading, const struct key *key) {
    double number = 0;

    if (read_number(reading, key, true, &number) < 0) {
        return -1;
    }
    *(unsigned *)place(reading, key) = (unsigned)number;
    return 0;
}

int value_uint64(struct reading *reading, const struct key *key) {
    double number = 0;

    if (read_number(reading, key, true, &number) < 0) {
        return -1;
    }
    *(uint64_t *)place(reading, key) = (uint64_t)number;
    return 0;
}

int value_double(struct reading *reading, const struct key *key) {
    double number = 0;

    if (read_number(reading, key, false, &number) < 0) {
        return -1;
    }
    if (key->offset != KEY_NOWHERE) {
        *(double *)place(reading, key) = number;
    }
    return 0;
}

int value_bool(struct reading *reading, const struct key *key) {
    lua_State *lua = reading->lua;

    if (!lua_isboolean(lua, -1)) {
        return check_fail(reading, key->path, "must be true or false, not a %s", luaL_typename(lua, -1));
    }
    *(bool *)place(reading, key) = lua_toboolean(lua, -1) != 0;
    return 0;
}

int value_read_texts(struct reading *reading, const char *path, char ***to) {
    lua_State *lua = reading->lua;

    if (!lua_istable(lua, -1)) {
        return check_fail(reading, path, "must be a list of strings, not a %s", luaL_typename(lua, -1));
    }
    lua_Unsigned count = lua_rawlen(lua, -1);
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        if (!lua_isinteger(lua, -1) || lua_tointeger(lua, -1) < 1 ||
            (lua_Unsigned)lua_tointeger(lua, -1) > count) {
            return check_fail(reading, path, "must be a list of strings, without names or holes");
        }
    }
    if (count == 0) {
        return 0;
    }
    char **texts = calloc(count + 1, sizeof *texts);
    if (texts == NULL) {
        return error_memory(reading->error);
    }
    *to = texts;
    return read_list(reading, path, texts, count);
}

/* The text lives as long as it stays on Lua's stack. Its value is never told: it may be a secret. */
const char *value_read_text(struct reading *reading, const char *path) {
    lua_State *lua = reading->lua;
    size_t length = 0;

    if (lua_type(lua, -1) != LUA_TSTRING) {
        check_fail(reading, path, "must be a string, not a %s", luaL_typename(lua, -1));
        return NULL;
    }
    const char *text = lua_tolstring(lua, -1, &length);
    if (length == 0) {
        check_fail(reading, path, "is empty");
    } else if (length > KEY_TEXT_LIMIT) {
        check_fail(reading, path, "is longer than %d bytes", KEY_TEXT_LIMIT);
    } else if (strlen(text) != length) {
        check_fail(reading, path, "holds a NUL byte");
    } else {
        return text;
    }
    return NULL;
}

/* Takes `fresh` (NULL: there was no memory) in place of the default. */
static int keep(struct reading *reading, const struct key *key, char *fresh) {
    if (fresh == NULL) {
        return error_memory(reading->error);
    }
    if (key->offset == KEY_NOWHERE) {
        free(fresh);
        return 0;
    }
    char **slot = place(reading, key);
    free(*slot);
    *slot = fresh;
    return 0;
}

static int read_secret(struct reading *reading, const char *path, char *secrets[CONFIG_SECRETS]) {
    const char *text = value_read_text(reading, path);

    if (text == NULL) {
        return -1;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            return check_fail(reading, path,
                              "holds a line break or another control character, which no request can "
                              "carry");
        }
    }
    secrets[0] = slice_copy(slice_of(text));
    return secrets[0] == NULL ? error_memory(reading->error) : 0;
}

static int read_list(struct reading *reading, const char *path, char **texts, lua_Unsigned count) {
    lua_State *lua = reading->lua;

    for (lua_Unsigned i = 0; i < count; i++) {
        const char *entry = lua_pushfstring(lua, "%s[%I]", path, (LUAI_UACINT)(i + 1));
        lua_rawgeti(lua, -2, (lua_Integer)(i + 1));
        const char *text = value_read_text(reading, entry);
        if (text == NULL) {
            return -1;
        }
        texts[i] = slice_copy(slice_of(text));
        if (texts[i] == NULL) {
            return error_memory(reading->error);
        }
        lua_pop(lua, 2);
    }
    return 0;
}

static void *place(struct reading *reading, const struct key *key) {
    return (char *)reading->config + key->offset;
}

static int read_number(struct reading *reading, const struct key *key, bool is_whole, double *number) {
    lua_State *lua = reading->lua;

    if (lua_type(lua, -1) != LUA_TNUMBER) {
        return check_fail(reading, key->path, "must be a number, not a %s", luaL_typename(lua, -1));
    }
    *number = lua_tonumber(lua, -1);
    int is_integer = 0;
    lua_tointegerx(lua, -1, &is_integer);
    if (is_whole && is_integer == 0) {
        return check_fail(reading, key->path, "must be a whole number, not %g", *number);
    }
    if (!(*number >= key->least && *number <= key->most)) {
        return check_fail(reading, key->path, "must be between %.15g and %.15g, not %.15g", key->least, key->most,
                          *number);
    }
    return 0;
}
