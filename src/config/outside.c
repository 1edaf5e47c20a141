/* What scripts may reach and send, and how the Job Router's tokens are got: `secrets`, `http.allow`,
 * `router.endpoint` and `router.entra`. */
#include "base/text.h"
#include "config/path.h"
#include "config/values.h"
#include <arpa/inet.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_NAME_MAX = 64 };

static int read_url(struct reading *reading, const char *path, char **to);
static bool is_loopback_url(const char *rest);
static int read_secret(struct reading *reading, struct config_secret *secret);
static int read_secret_value(struct reading *reading, const char *path, struct config_secret *secret);
static int read_hosts(struct reading *reading, const char *path, char ***hosts);
static bool is_host(const char *text);
static bool is_target(const char *text);
static bool is_named(const char *text);
static int check_each(struct reading *reading, const char *path, char **texts, bool (*is_good)(const char *),
                      const char *what);
static int by_name(const void *a, const void *b);
static int read_member(struct reading *reading, const char *group, const char *name, char **to);
static int check_entra(struct reading *reading, const char *path, const struct config_entra *entra);

int value_url(struct reading *reading, const struct key *key) {
    return read_url(reading, key->path, (char **)(void *)((char *)reading->config + key->offset));
}

int value_allow(struct reading *reading, const struct key *key) {
    if (value_texts(reading, key) < 0) {
        return -1;
    }
    return check_each(reading, key->path, reading->config->http.allow, is_target,
                      "is no private target; write ADDRESS, ADDRESS:PORT, ADDRESS/BITS, NAME or NAME:PORT, as in "
                      "\"127.0.0.1:9000\" or \"10.1.0.0/16\"");
}

int value_named_secrets(struct reading *reading, const struct key *key) {
    lua_State *lua = reading->lua;
    size_t count = 0;

    if (!lua_istable(lua, -1)) {
        return check_fail(reading, key->path, "must be a table of secrets by name, not a %s",
                          luaL_typename(lua, -1));
    }
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        count++;
        if (lua_type(lua, -2) != LUA_TSTRING) {
            return check_fail(reading, key->path,
                              "has an entry without a name; write  NAME = { value = ..., hosts = "
                              "{ ... } }");
        }
    }
    struct config_secret *secrets = calloc(count + 1, sizeof *secrets);
    if (secrets == NULL) {
        return error_memory(reading->error);
    }
    reading->config->secrets = secrets;
    lua_pushnil(lua);
    for (size_t i = 0; lua_next(lua, -2) != 0; i++) {
        int top = lua_gettop(lua);
        secrets[i].name = slice_copy(slice_of(lua_tostring(lua, -2)));
        if (secrets[i].name == NULL) {
            return error_memory(reading->error);
        }
        if (read_secret(reading, &secrets[i]) < 0) {
            return -1;
        }
        lua_settop(lua, top - 1);
    }
    qsort(secrets, count, sizeof *secrets, by_name);
    return 0;
}

int value_entra(struct reading *reading, const struct key *key) {
    static const char *const known[] = {"tenant", "client_id", "client_secret", "token_file", "authority",
                                        "scope",  NULL};
    struct config_entra *entra = &reading->config->entra;

    if (!lua_istable(reading->lua, -1)) {
        return check_fail(reading, key->path, "must be a table of keys, not a %s",
                          luaL_typename(reading->lua, -1));
    }
    if (check_members(reading, key->path, known) < 0 ||
        read_member(reading, key->path, "tenant", &entra->tenant) < 0 ||
        read_member(reading, key->path, "client_id", &entra->client_id) < 0 ||
        read_member(reading, key->path, "client_secret", &entra->client_secret) < 0 ||
        read_member(reading, key->path, "token_file", &entra->token_file) < 0 ||
        read_member(reading, key->path, "authority", &entra->authority) < 0 ||
        read_member(reading, key->path, "scope", &entra->scope) < 0) {
        return -1;
    }
    return check_entra(reading, key->path, entra);
}

static int read_url(struct reading *reading, const char *path, char **to) {
    const char *text = value_read_text(reading, path);

    if (text == NULL) {
        return -1;
    }
    bool is_https = strncasecmp(text, "https://", 8) == 0;
    const char *rest = text + (is_https ? 8 : 7);
    if (!is_https && strncasecmp(text, "http://", 7) != 0) {
        return check_fail(reading, path, "must begin with https://");
    }
    for (const char *c = rest; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7F || strchr("?#@\\", *c) != NULL) {
            return check_fail(reading, path, "may hold only visible ASCII, and neither '?', '#', '@' nor '\\'");
        }
    }
    if (*rest == '\0' || *rest == '/') {
        return check_fail(reading, path, "names no host");
    }
    if (!is_https && !is_loopback_url(rest)) {
        return check_fail(reading, path, "must begin with https://; http:// is for loopback addresses only");
    }
    size_t length = strlen(text);
    while (text[length - 1] == '/') {
        length--;
    }
    *to = slice_copy(slice_make(text, length));
    return *to == NULL ? error_memory(reading->error) : 0;
}

/* HOST, HOST:PORT or [v6]:PORT, and a path. */
static bool is_loopback_url(const char *rest) {
    char host[TEXT_HOST_SIZE];
    bool is_bracketed = rest[0] == '[';
    size_t length = strcspn(rest + is_bracketed, is_bracketed ? "]" : ":/");

    if (length >= sizeof host) {
        return false;
    }
    memcpy(host, rest + is_bracketed, length);
    host[length] = '\0';
    return text_is_loopback(host);
}

/* { value = ..., hosts = { ... } } on top of the stack; leaves more there. */
static int read_secret(struct reading *reading, struct config_secret *secret) {
    static const char *const known[] = {"value", "hosts", NULL};
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    lua_State *lua = reading->lua;
    int table = lua_gettop(lua);
    const char *path = lua_pushfstring(lua, "secrets.%s", secret->name);
    size_t length = strspn(secret->name, word);

    if (length == 0 || secret->name[length] != '\0' || length > SECRET_NAME_MAX) {
        return check_fail(reading, path, "is no name for a secret: letters, digits and _, %d at most",
                          SECRET_NAME_MAX);
    }
    lua_pushvalue(lua, table);
    if (!lua_istable(lua, -1)) {
        return check_fail(reading, path,
                          "must be a table as in  { value = env \"NAME\", hosts = { \"crm.example.com\" } }");
    }
    if (check_members(reading, path, known) < 0) {
        return -1;
    }
    path = lua_pushfstring(lua, "secrets.%s.value", secret->name);
    lua_getfield(lua, table, "value");
    if (read_secret_value(reading, path, secret) < 0) {
        return -1;
    }
    path = lua_pushfstring(lua, "secrets.%s.hosts", secret->name);
    lua_getfield(lua, table, "hosts");
    return read_hosts(reading, path, &secret->hosts);
}

static int read_secret_value(struct reading *reading, const char *path, struct config_secret *secret) {
    const char *value = value_read_text(reading, path);

    if (value == NULL) {
        return -1;
    }
    if (strlen(value) < CONFIG_SECRET_LEAST) {
        return check_fail(reading, path,
                          "has fewer than %d bytes: it could not be told from other text where it must be masked",
                          CONFIG_SECRET_LEAST);
    }
    secret->value = slice_copy(slice_of(value));
    return secret->value == NULL ? error_memory(reading->error) : 0;
}

static int read_hosts(struct reading *reading, const char *path, char ***hosts) {
    if (!lua_istable(reading->lua, -1) || lua_rawlen(reading->lua, -1) == 0) {
        return check_fail(reading, path, "must be a list of the hosts that the secret may be sent to");
    }
    if (value_read_texts(reading, path, hosts) < 0) {
        return -1;
    }
    return check_each(reading, path, *hosts, is_host,
                      "is no host; write \"crm.example.com\" or \"crm.example.com:8443\", without https:// and "
                      "without wildcards");
}

/* NAME or NAME:PORT, [v6] or [v6]:PORT. */
static bool is_host(const char *text) {
    static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t length = text[0] == '[' ? strspn(text + 1, "0123456789abcdefABCDEF:.") + 1 : strspn(text, name_bytes);
    uint64_t port = 0;

    if (text[0] == '[' && text[length++] != ']') {
        return false;
    }
    if (length == 0 || length >= TEXT_HOST_SIZE) {
        return false;
    }
    return text[length] == '\0' ||
           (text[length] == ':' && text_to_uint64(slice_of(text + length + 1), &port) == 0 && port >= 1 &&
            port <= UINT16_MAX);
}

/* Also ADDRESS/BITS, and an IPv6 address without brackets. */
static bool is_target(const char *text) {
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    uint64_t bits = 0;
    size_t length = strcspn(text, "/");

    if (length >= sizeof address) {
        return is_host(text) && is_named(text);
    }
    memcpy(address, text, length);
    address[length] = '\0';
    bool is_v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, bytes) != 1) {
        return is_host(text) && is_named(text);
    }
    return text[length] == '\0' ||
           (text_to_uint64(slice_of(text + length + 1), &bits) == 0 && bits <= (is_v4 ? 32 : 128));
}

/* Of what is a host: 300.1.1.1 and 127.1 were meant as addresses, and are none. */
static bool is_named(const char *text) {
    struct in_addr address;
    char host[TEXT_HOST_SIZE];
    size_t length = strcspn(text, ":");

    memcpy(host, text, length);
    host[length] = '\0';
    return inet_pton(AF_INET, host, &address) == 1 || !text_looks_like_v4(slice_of(host));
}

static int check_each(struct reading *reading, const char *path, char **texts, bool (*is_good)(const char *),
                      const char *what) {
    for (int i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (!is_good(texts[i])) {
            return check_fail(reading, lua_pushfstring(reading->lua, "%s[%d]", path, i + 1), "%s", what);
        }
    }
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct config_secret *)a)->name, ((const struct config_secret *)b)->name);
}

/* A member that is absent stays NULL. */
static int read_member(struct reading *reading, const char *group, const char *name, char **to) {
    lua_State *lua = reading->lua;
    int top = lua_gettop(lua);
    const char *path = lua_pushfstring(lua, "%s.%s", group, name);
    int result = 0;

    if (lua_getfield(lua, top, name) != LUA_TNIL) {
        const char *text = value_read_text(reading, path);
        if (text == NULL) {
            return -1;
        }
        if (strcmp(name, "authority") == 0) {
            result = read_url(reading, path, to);
        } else {
            *to = strcmp(name, "token_file") == 0 ? path_absolute(reading->folder, text)
                                                  : slice_copy(slice_of(text));
            result = *to == NULL ? error_memory(reading->error) : 0;
        }
    }
    lua_settop(lua, top);
    return result;
}

static int check_entra(struct reading *reading, const char *path, const struct config_entra *entra) {
    bool has_all = entra->tenant != NULL && entra->client_id != NULL && entra->client_secret != NULL;
    bool has_any = entra->tenant != NULL || entra->client_id != NULL || entra->client_secret != NULL;

    if (entra->token_file != NULL && has_any) {
        return check_fail(reading, path,
                          "takes its tokens from token_file, or asks for them with tenant, client_id and "
                          "client_secret: keep one of the two");
    }
    if (entra->token_file == NULL && !has_all) {
        return check_fail(reading, path, "needs tenant, client_id and client_secret, or token_file");
    }
    return 0;
}
