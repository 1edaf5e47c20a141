/* What the tests need and plain Lua does not have, as the Lua module `native`: processes, temporary folders, and
 * the four functions of a signed request. The latter come straight from libsodium, so that the program's own
 * signing is held against a second opinion.
 *
 *     local native = require "native"
 *     local pid = native.spawn({ "/bin/true" }, { stdout = "/tmp/out", env = { NAME = "value", GONE = false } })
 *     native.signal(pid, native.SIGTERM)
 *     local how, number = native.wait(pid)     -- nil while it runs; then "exit", status or "signal", number
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64, CHILD_FAILED = 127 };

int luaopen_native(lua_State *lua);

static int fail(lua_State *lua, const char *what) {
    return luaL_error(lua, "%s: %s", what, strerror(errno));
}

static void redirect(int fd, const char *path) {
    int file = open(path == NULL ? "/dev/null" : path,
                    fd == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (file < 0 || dup2(file, fd) < 0) {
        _exit(CHILD_FAILED);
    }
}

/* The child of a test dies with it, so that a test that is killed leaves nothing behind. */
static void become(lua_State *lua, char *const *arguments, const char *out, const char *err, const char *folder,
                   pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || (folder != NULL && chdir(folder) < 0)) {
        _exit(CHILD_FAILED);
    }
    redirect(STDIN_FILENO, NULL);
    redirect(STDOUT_FILENO, out);
    redirect(STDERR_FILENO, err);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    if (lua_getfield(lua, 2, "env") == LUA_TTABLE) {
        lua_pushnil(lua);
        while (lua_next(lua, -2) != 0) {
            if (lua_toboolean(lua, -1)) {
                setenv(lua_tostring(lua, -2), lua_tostring(lua, -1), 1);
            } else {
                unsetenv(lua_tostring(lua, -2));
            }
            lua_pop(lua, 1);
        }
    }
    execvp(arguments[0], arguments);
    _exit(CHILD_FAILED);
}

/* spawn({ program, arguments... }, { stdout =, stderr = (paths), folder =, env = }) -> pid */
static int native_spawn(lua_State *lua) {
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};

    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checktype(lua, 2, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(lua, 1);
    luaL_argcheck(lua, count > 0 && count <= ARGUMENTS_MAX, 1, "from 1 to 64 strings");
    luaL_checkstack(lua, ARGUMENTS_MAX + LUA_MINSTACK, NULL);
    lua_getfield(lua, 2, "stdout");
    const char *out = luaL_optstring(lua, -1, NULL);
    lua_getfield(lua, 2, "stderr");
    const char *err = luaL_optstring(lua, -1, NULL);
    lua_getfield(lua, 2, "folder");
    const char *folder = luaL_optstring(lua, -1, NULL);
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(lua, 1, (lua_Integer)i + 1);
        arguments[i] = (char *)(uintptr_t)luaL_checkstring(lua, -1);
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return fail(lua, "fork");
    }
    if (pid == 0) {
        become(lua, arguments, out, err, folder, parent);
    }
    lua_pushinteger(lua, pid);
    return 1;
}

static int native_signal(lua_State *lua) {
    pid_t pid = (pid_t)luaL_checkinteger(lua, 1);

    luaL_argcheck(lua, pid > 1, 1, "a process id");
    lua_pushboolean(lua, kill(pid, (int)luaL_checkinteger(lua, 2)) == 0);
    return 1;
}

static int native_wait(lua_State *lua) {
    int status = 0;
    pid_t pid = waitpid((pid_t)luaL_checkinteger(lua, 1), &status, WNOHANG);

    if (pid < 0) {
        return fail(lua, "waitpid");
    }
    if (pid == 0) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushstring(lua, WIFSIGNALED(status) ? "signal" : "exit");
    lua_pushinteger(lua, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 2;
}

/* A new folder below $TMPDIR or /tmp. */
static int native_make_folder(lua_State *lua) {
    char path[256];
    const char *base = getenv("TMPDIR");
    const char *name =
        lua_pushfstring(lua, "%s/switchhook-test-XXXXXX", base == NULL || base[0] == '\0' ? "/tmp" : base);

    if (strlen(name) >= sizeof path) {
        return luaL_error(lua, "TMPDIR is too long");
    }
    memcpy(path, name, strlen(name) + 1);
    if (mkdtemp(path) == NULL) {
        return fail(lua, path);
    }
    lua_pushstring(lua, path);
    return 1;
}

/* Seconds on a clock that nobody sets. */
static int native_now(lua_State *lua) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(lua, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

static int native_sha256(lua_State *lua) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    size_t length = 0;
    const char *bytes = luaL_checklstring(lua, 1, &length);

    crypto_hash_sha256(digest, (const unsigned char *)bytes, length);
    lua_pushlstring(lua, (const char *)digest, sizeof digest);
    return 1;
}

static int native_hmac_sha256(lua_State *lua) {
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t key_length = 0;
    size_t length = 0;
    const char *key = luaL_checklstring(lua, 1, &key_length);
    const char *bytes = luaL_checklstring(lua, 2, &length);

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, key_length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)bytes, length);
    crypto_auth_hmacsha256_final(&state, digest);
    lua_pushlstring(lua, (const char *)digest, sizeof digest);
    return 1;
}

static int native_base64(lua_State *lua) {
    luaL_Buffer text;
    size_t length = 0;
    const char *bytes = luaL_checklstring(lua, 1, &length);
    size_t size = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL);
    char *room = luaL_buffinitsize(lua, &text, size);

    sodium_bin2base64(room, size, (const unsigned char *)bytes, length, sodium_base64_VARIANT_ORIGINAL);
    luaL_pushresultsize(&text, size - 1);
    return 1;
}

static int native_unbase64(lua_State *lua) {
    luaL_Buffer bytes;
    size_t length = 0;
    size_t got = 0;
    const char *text = luaL_checklstring(lua, 1, &length);
    char *room = luaL_buffinitsize(lua, &bytes, length + 1);

    if (sodium_base642bin((unsigned char *)room, length + 1, text, length, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return luaL_argerror(lua, 1, "no base64");
    }
    luaL_pushresultsize(&bytes, got);
    return 1;
}

int luaopen_native(lua_State *lua) {
    static const luaL_Reg functions[] = {
        {"spawn", native_spawn},
        {"signal", native_signal},
        {"wait", native_wait},
        {"make_folder", native_make_folder},
        {"now", native_now},
        {"sha256", native_sha256},
        {"hmac_sha256", native_hmac_sha256},
        {"base64", native_base64},
        {"unbase64", native_unbase64},
        {NULL, NULL},
    };
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"SIGHUP", SIGHUP},   {"SIGINT", SIGINT},   {"SIGKILL", SIGKILL},
                   {"SIGTERM", SIGTERM}, {"SIGSTOP", SIGSTOP}, {"SIGCONT", SIGCONT}};

    luaL_newlib(lua, functions);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        lua_pushinteger(lua, signals[i].number);
        lua_setfield(lua, -2, signals[i].name);
    }
    return 1;
}
