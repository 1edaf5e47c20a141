#include "base/file.h"
#include "base/text.h"
#include "lua/json_out.h"
#include "lua/memory.h"
#include "lua/pairs.h"
#include "sim/scenario_parts.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_LIMIT = 1 << 20 };

static int run(lua_State *lua);
static void load_chunk(struct reading *reading);
static void push_environment(struct reading *reading);
static int on_read(lua_State *lua);
static int on_write(lua_State *lua);
static int on_kind(lua_State *lua);
static int on_body(lua_State *lua);
static int on_workers(lua_State *lua);
static int on_customers(lua_State *lua);
static int on_between(lua_State *lua);
static int on_exponential(lua_State *lua);
static int on_normal(lua_State *lua);
static struct reading *begin_statement(lua_State *lua);
static void check_pending(struct reading *reading);
static void check_table(struct reading *reading, const char *path, int index);
static void set_default(struct scenario *scenario);
static int find_line(const struct reading *reading, const char *path);
static void on_count(lua_State *lua, lua_Debug *where);
static int tell(struct reading *reading, int status, const struct memory *memory, struct error *error);

struct scenario *scenario_load(const char *file, struct error *error) {
    struct scenario *scenario = NULL;
    struct buffer text;
    buffer_init(&text, SCENARIO_FILE_LIMIT);
    if (file_read(file, &text, error) == 0) {
        scenario = scenario_read(text.bytes == NULL ? "" : text.bytes, text.length, file, error);
    }
    buffer_reset(&text);
    return scenario;
}

struct scenario *scenario_read(const char *text, size_t length, const char *name, struct error *error) {
    struct scenario_file *file = calloc(1, sizeof *file);
    struct reading reading = {.file = file, .name = name, .text = slice_make(text, length)};
    struct memory memory;
    memory_init(&memory, SCENARIO_MEMORY);
    buffer_init(&reading.words, BODY_LIMIT);
    reading.lua = file == NULL ? NULL : lua_newstate(memory_allocate, &memory);
    int result = -1;
    /* The room is taken at once: what does not fit later is too long, and no lack of memory. */
    if (reading.lua == NULL || buffer_reserve(&reading.words, BODY_LIMIT) == NULL) {
        error_memory(error);
        goto out;
    }
    set_default(&file->scenario);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->scenario.file = file->name;
    lua_pushcfunction(reading.lua, run);
    lua_pushlightuserdata(reading.lua, &reading);
    int status = lua_pcall(reading.lua, 1, 0, 0);
    result = status == LUA_OK ? 0 : tell(&reading, status, &memory, error);
out:
    if (reading.lua != NULL) {
        lua_close(reading.lua);
    }
    memory_reset(&memory);
    buffer_reset(&reading.words);
    if (result < 0) {
        scenario_free(file == NULL ? NULL : &file->scenario);
        return NULL;
    }
    return &file->scenario;
}

void scenario_free(struct scenario *scenario) {
    if (scenario == NULL) {
        return;
    }
    struct scenario_file *file = (struct scenario_file *)(void *)scenario;
    while (file->blocks != NULL) {
        struct scenario_block *block = file->blocks;
        file->blocks = block->next;
        free(block);
    }
    free(file);
}

void *scenario_allocate(struct reading *reading, size_t size) {
    struct scenario_file *file = reading->file;
    if (size > SCENARIO_MEMORY || file->used + size > SCENARIO_MEMORY) {
        luaL_error(reading->lua, "%s:%d: the scenario holds more than 16 MiB", reading->name, reading->line);
    }
    struct scenario_block *block = calloc(1, sizeof *block + size);
    if (block == NULL) {
        reading->is_out_of_memory = true;
        luaL_error(reading->lua, "out of memory");
        return NULL;
    }
    file->used += size + sizeof *block;
    block->next = file->blocks;
    file->blocks = block;
    return block + 1;
}

char *scenario_keep(struct reading *reading, const char *text, size_t length) {
    char *kept = scenario_allocate(reading, length + 1);
    if (length > 0) {
        memcpy(kept, text, length);
    }
    return kept;
}

/* Arrays double; what they leave behind goes with the arena. */
void *scenario_grow(struct reading *reading, void *array, size_t count, size_t size) {
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0)) {
        return array;
    }
    void *larger = scenario_allocate(reading, (count == 0 ? 8 : 2 * count) * size);
    if (count > 0) {
        memcpy(larger, array, count * size);
    }
    return larger;
}

void scenario_fail(struct reading *reading, const char *path, const char *format, ...) {
    char words[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    lua_pushfstring(reading->lua, "%s:%d: %s %s", reading->name, find_line(reading, path), path, words);
    lua_error(reading->lua);
    abort(); /* not reached: lua_error does not come back, and its header does not say so */
}

static int run(lua_State *lua) {
    struct reading *reading = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    json_out_open_mark(lua);
    load_chunk(reading);
    push_environment(reading);
    lua_setupvalue(lua, 1, 1);
    lua_sethook(lua, on_count, LUA_MASKCOUNT, SCENARIO_STEPS);
    lua_call(lua, 0, LUA_MULTRET);
    lua_sethook(lua, NULL, 0, 0);
    if (lua_gettop(lua) > 0) {
        luaL_error(lua, "%s: it returns a value, which nothing reads", reading->name);
    }
    check_pending(reading);
    scenario_finish(reading);
    return 0;
}

static void load_chunk(struct reading *reading) {
    struct slice text = reading->text;
    if (slice_starts_with(text, "\xEF\xBB\xBF")) {
        text = slice_make(text.bytes + 3, text.length - 3);
    }
    if (slice_starts_with(text, LUA_SIGNATURE)) {
        luaL_error(reading->lua, "%s: it is compiled Lua; only text is read", reading->name);
    }
    const char *name = lua_pushfstring(reading->lua, "@%s", reading->name);
    if (luaL_loadbufferx(reading->lua, text.bytes, text.length, name, "t") != LUA_OK) {
        lua_error(reading->lua);
    }
    lua_remove(reading->lua, -2);
}

/* The environment itself stays empty, so that each read and each write comes through on_read and on_write. */
static void push_environment(struct reading *reading) {
    static const char *const kinds[] = {"distribution_policy", "queue", "classification_policy",
                                        "exception_policy", NULL};
    static const luaL_Reg functions[] = {{"workers", on_workers}, {"customers", on_customers},
                                         {"between", on_between}, {"exponential", on_exponential},
                                         {"normal", on_normal},   {NULL, NULL}};
    lua_State *lua = reading->lua;
    lua_newtable(lua);
    lua_newtable(lua);
    lua_newtable(lua);
    for (const char *const *kind = kinds; *kind != NULL; kind++) {
        lua_pushlightuserdata(lua, reading);
        lua_pushstring(lua, *kind);
        lua_pushcclosure(lua, on_kind, 2);
        lua_setfield(lua, -2, *kind);
    }
    lua_pushlightuserdata(lua, reading);
    luaL_setfuncs(lua, functions, 1);
    lua_pushcfunction(lua, pairs_lua);
    lua_setfield(lua, -2, "pairs");
    lua_pushcclosure(lua, on_read, 1);
    lua_setfield(lua, -2, "__index");
    lua_pushlightuserdata(lua, reading);
    lua_pushcclosure(lua, on_write, 1);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
}

static int on_read(lua_State *lua) {
    static const char *const names[] = {"distribution_policy",
                                        "queue",
                                        "classification_policy",
                                        "exception_policy",
                                        "workers",
                                        "customers",
                                        "between",
                                        "normal",
                                        "exponential",
                                        "pairs",
                                        NULL};
    lua_settop(lua, 2);
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TNIL) {
        return 1;
    }
    const char *name = luaL_tolstring(lua, 2, NULL);
    const char *near = text_nearest(slice_of(name), names);
    return near != NULL
               ? luaL_error(lua, "there is no '%s' here; did you mean %s?", name, near)
               : luaL_error(lua, "there is no '%s' here: docs/simulator.md lists what a scenario has", name);
}

/* What a scenario sets itself: seed, date, start, length. */
static int on_write(lua_State *lua) {
    static const char *const names[] = {"seed", "date", "start", "length", NULL};
    struct reading *reading = begin_statement(lua);
    check_pending(reading);
    struct scenario *scenario = &reading->file->scenario;
    lua_settop(lua, 3);
    const char *name = luaL_tolstring(lua, 2, NULL);
    lua_insert(lua, 3);
    if (strcmp(name, "seed") == 0) {
        scenario->seed = (uint64_t)scenario_number(reading, name, 0, 9007199254740992.0);
    } else if (strcmp(name, "date") == 0) {
        scenario->day_us = scenario_date(reading, name);
    } else if (strcmp(name, "start") == 0) {
        scenario->start_s = scenario_time_of_day(reading, name) % SCENARIO_DAY_S;
    } else if (strcmp(name, "length") == 0) {
        double seconds = scenario_seconds(reading, name);
        if (seconds <= 0) {
            scenario_fail(reading, name, "must be longer than nothing");
        }
        scenario->length_us = (int64_t)(seconds * 1e6);
    } else {
        const char *near = text_nearest(slice_of(name), names);
        scenario_fail(reading, name, "is nothing that a scenario sets%s%s%s",
                      near == NULL ? " (a variable of your own is declared with local)" : "; did you mean ",
                      near == NULL ? "" : near, near == NULL ? "" : "?");
    }
    return 0;
}

/* queue "support" { ... }: the first call keeps the name for the second. */
static int on_kind(lua_State *lua) {
    struct reading *reading = begin_statement(lua);
    check_pending(reading);
    const char *kind = lua_tostring(lua, lua_upvalueindex(2));
    if (lua_type(lua, 1) != LUA_TSTRING || lua_rawlen(lua, 1) == 0) {
        scenario_fail(reading, kind, "needs its id first, as in  %s \"support\" { ... }", kind);
    }
    lua_pushvalue(lua, 1);
    char *id = scenario_text(reading, kind);
    lua_pop(lua, 1);
    if (lua_gettop(lua) >= 2) {
        lua_settop(lua, 2);
        check_table(reading, kind, 2);
        scenario_read_body(reading, kind, id);
        return 0;
    }
    reading->pending = scenario_keep(reading, kind, strlen(kind));
    reading->pending_line = reading->line;
    lua_pushlightuserdata(lua, reading);
    lua_pushvalue(lua, lua_upvalueindex(2));
    lua_pushlightuserdata(lua, id);
    lua_pushcclosure(lua, on_body, 3);
    return 1;
}

static int on_body(lua_State *lua) {
    struct reading *reading = begin_statement(lua);
    const char *kind = lua_tostring(lua, lua_upvalueindex(2));
    reading->pending = NULL;
    lua_settop(lua, 1);
    check_table(reading, kind, 1);
    scenario_read_body(reading, kind, lua_touserdata(lua, lua_upvalueindex(3)));
    return 0;
}

static int on_workers(lua_State *lua) {
    struct reading *reading = begin_statement(lua);
    check_pending(reading);
    lua_settop(lua, 1);
    check_table(reading, "workers", 1);
    scenario_read_workers(reading);
    return 0;
}

static int on_customers(lua_State *lua) {
    struct reading *reading = begin_statement(lua);
    check_pending(reading);
    lua_settop(lua, 1);
    check_table(reading, "customers", 1);
    scenario_read_customers(reading);
    return 0;
}

static int on_between(lua_State *lua) {
    lua_settop(lua, 2);
    lua_createtable(lua, 2, 0);
    lua_insert(lua, 1);
    lua_rawseti(lua, 1, 2);
    lua_rawseti(lua, 1, 1);
    return 1;
}

static int on_exponential(lua_State *lua) {
    lua_settop(lua, 1);
    lua_createtable(lua, 0, 1);
    lua_insert(lua, 1);
    lua_setfield(lua, 1, "exponential");
    return 1;
}

static int on_normal(lua_State *lua) {
    lua_settop(lua, 2);
    lua_createtable(lua, 0, 2);
    lua_insert(lua, 1);
    lua_setfield(lua, 1, "deviation");
    lua_setfield(lua, 1, "normal");
    return 1;
}

static struct reading *begin_statement(lua_State *lua) {
    struct reading *reading = lua_touserdata(lua, lua_upvalueindex(SCENARIO_SAVED_READING));
    lua_Debug where;
    if (lua_getstack(lua, 1, &where) != 0 && lua_getinfo(lua, "l", &where) != 0 && where.currentline > 0) {
        reading->line = where.currentline;
    }
    return reading;
}

/* An id without its body: the next statement, or the end, is there too early. */
static void check_pending(struct reading *reading) {
    if (reading->pending != NULL) {
        reading->line = reading->pending_line;
        scenario_fail(reading, reading->pending, "is not followed by a table { ... }");
    }
}

static void check_table(struct reading *reading, const char *path, int index) {
    if (lua_type(reading->lua, index) != LUA_TTABLE) {
        scenario_fail(reading, path, "must be followed by a table { ... }, not a %s",
                      luaL_typename(reading->lua, index));
    }
}

static void set_default(struct scenario *scenario) {
    *scenario = (struct scenario){
        .seed = 1,
        .day_us = INT64_C(1772409600000000), /* 2026-03-02, a Monday */
        .start_s = 8 * 3600,
        .length_us = INT64_C(8) * 3600 * 1000000,
    };
}

/* Where the path's last name stands as a word, from the statement on: at most some lines below, since a later
 * statement may have the same name. */
static int find_line(const struct reading *reading, const char *path) {
    enum { LINES_MOST = 60 };
    const char *dot = strrchr(path, '.');
    const char *name = dot == NULL ? NULL : dot + 1;
    const char *at = reading->text.bytes, *end = at + reading->text.length;
    int line = 1;
    for (; at != NULL && name != NULL && at < end && line < reading->line + LINES_MOST; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop == NULL ? end : stop) - at);
        const char *found = line < reading->line ? NULL : memmem(at, length, name, strlen(name));
        if (found != NULL) {
            return line;
        }
        at = stop == NULL ? end : stop + 1;
    }
    return reading->line;
}

static void on_count(lua_State *lua, lua_Debug *where) {
    lua_getinfo(lua, "Sl", where);
    luaL_error(lua, "%s:%d: the scenario has not ended after a million instructions: does a loop run for ever?",
               where->short_src, where->currentline);
}

/* What Lua says may quote the file: its control characters are shown, not passed on. */
static int tell(struct reading *reading, int status, const struct memory *memory, struct error *error) {
    const char *message =
        lua_type(reading->lua, -1) == LUA_TSTRING ? lua_tostring(reading->lua, -1) : "an error without words";
    struct buffer visible;
    if (reading->is_out_of_memory) {
        return error_memory(error);
    }
    if (status == LUA_ERRMEM) {
        return memory->refusal == MEMORY_SYSTEM
                   ? error_memory(error)
                   : error_set(error, ERROR_LIMIT, "%s: it needs more than 16 MiB of memory", reading->name);
    }
    buffer_init(&visible, 16 * ERROR_MESSAGE_SIZE);
    const char *slash = strrchr(reading->name, '/');
    if (strstr(message, slash == NULL ? reading->name : slash + 1) == NULL) {
        buffer_append_format(&visible, "%.200s: ", reading->name);
    }
    text_append_visible(&visible, slice_make(message, strnlen(message, 2 * ERROR_MESSAGE_SIZE)));
    int result = visible.is_broken ? error_memory(error) : error_set(error, ERROR_INVALID, "%s", visible.bytes);
    buffer_reset(&visible);
    return result;
}
