/* A worker on a stage: what it tells its port is noted, and taken by the spec's side between calls. Nothing of the
 * spec's Lua is entered from inside the worker. */
#include "kit/core.h"
#include "scripts/scripts.h"
#include "worker/worker.h"
#include "worker/zone.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_TYPE "switchhook.kit.worker"

/* Of notes that nobody has taken yet: a script that logs in a loop must not fill the memory. */
enum { NOTE_TEXTS = 3, NOTES_MAX = 100 * 1000, NOTES_BYTES_MAX = 64 * 1024 * 1024 };

struct note {
    struct note *next;
    const char *what;
    const char *kind;
    uint64_t run;
    uint32_t wait, branch;
    const char *names[NOTE_TEXTS]; /* of the texts; NULL: no more */
    char *texts[NOTE_TEXTS];
    size_t lengths[NOTE_TEXTS];
};

struct stage {
    struct worker *worker;
    struct note *first, **last;
    size_t count, bytes;
    bool is_broken; /* a note was lost */
    char *zone;
};

static struct stage *check_stage(lua_State *L);
static void enter_zone(lua_State *L, const struct stage *stage);
static const char *const *push_names(lua_State *L, int table, const char *name);
static size_t read_size(lua_State *L, int table, const char *name);
static lua_Integer read_integer(lua_State *L, int table, const char *name);
static struct slice read_slice(lua_State *L, int table, const char *name);
static struct note *add_note(struct stage *stage, const char *what, uint64_t run);
static void add_text(struct stage *stage, struct note *note, const char *name, struct slice text);
static void push_note(lua_State *L, const struct note *note);
static void drop_note(struct stage *stage);
static void drop_notes(struct stage *stage);

static void on_want(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                    struct slice arguments) {
    struct note *note = add_note(context, "want", run);
    if (note != NULL) {
        note->wait = wait;
        note->branch = branch;
        add_text(context, note, "operation", operation);
        add_text(context, note, "arguments", arguments);
    }
}

static void on_log(void *context, uint64_t run, enum log_level level, struct slice message, struct slice fields) {
    static const char *const levels[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    struct note *note = add_note(context, "log", run);
    if (note != NULL) {
        note->kind = levels[level];
        add_text(context, note, "message", message);
        add_text(context, note, "fields", fields);
    }
}

static void on_done(void *context, uint64_t run, enum wire_result result, struct slice value) {
    struct note *note = add_note(context, "done", run);
    if (note != NULL) {
        note->kind = result == WIRE_RESULT_FILTERED ? "filtered" : "done";
        add_text(context, note, "value", value);
    }
}

static void on_failed(void *context, uint64_t run, const struct worker_failure *failure) {
    static const char *const kinds[] = {[WIRE_FAILURE_ERROR] = "error",
                                        [WIRE_FAILURE_ANSWER] = "answer",
                                        [WIRE_FAILURE_MEMORY] = "memory",
                                        [WIRE_FAILURE_MISSING] = "handler removed"};
    struct note *note = add_note(context, "failed", run);
    if (note != NULL) {
        note->kind = kinds[failure->kind];
        add_text(context, note, "message", failure->message);
        add_text(context, note, "traceback", failure->traceback);
        add_text(context, note, "error", failure->error);
    }
}

/* One note for each handler. */
static void on_loaded(void *context, const struct worker_handler *handlers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct note *note = add_note(context, "loaded", 0);
        if (note != NULL) {
            add_text(context, note, "path", slice_of(handlers[i].path));
            add_text(context, note, "options", handlers[i].options);
        }
    }
}

static void on_refused(void *context, struct slice message, struct slice traceback) {
    struct note *note = add_note(context, "refused", 0);
    if (note != NULL) {
        add_text(context, note, "message", message);
        add_text(context, note, "traceback", traceback);
    }
}

/* read(folder) -> { { path =, text = }, ... } */
static int read_folder(lua_State *L) {
    struct error error = {0};
    const char *folder = luaL_checkstring(L, 1);
    struct script_set *set = scripts_read(folder, &error);
    if (set == NULL) {
        return core_raise(L, &error);
    }
    lua_createtable(L, (int)set->count, 0);
    for (size_t i = 0; i < set->count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, set->files[i].path);
        lua_setfield(L, -2, "path");
        lua_pushlstring(L, set->files[i].bytes, set->files[i].length);
        lua_setfield(L, -2, "text");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    scripts_free(set);
    return 1;
}

/* worker { timezone =, run_memory =, all_memory =, answer =, instructions =, operations = {}, secrets = {} } */
static int new_worker(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const struct worker_options options = {.run_memory = read_size(L, 1, "run_memory"),
                                           .all_memory = read_size(L, 1, "all_memory"),
                                           .answer = read_size(L, 1, "answer"),
                                           .instructions = read_size(L, 1, "instructions"),
                                           .operations = push_names(L, 1, "operations"),
                                           .secrets = push_names(L, 1, "secrets")};
    struct slice zone = read_slice(L, 1, "timezone");
    struct stage *stage = lua_newuserdatauv(L, sizeof *stage, 0);
    *stage = (struct stage){.last = NULL};
    stage->last = &stage->first;
    luaL_setmetatable(L, STAGE_TYPE);
    const struct worker_port port = {on_want, on_log, on_done, on_failed, on_loaded, on_refused, stage};
    struct error error = {0};
    stage->zone = slice_copy(zone);
    stage->worker = stage->zone == NULL ? NULL : worker_new(&options, &port, NULL, &error);
    return stage->worker == NULL ? luaL_error(L, "no worker: %s", error.message) : 1;
}

/* worker:load(files): notes "loaded" for each handler, or "refused". */
static int load(lua_State *L) {
    struct stage *stage = check_stage(L);
    struct error error = {0};
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        struct slice path = read_slice(L, lua_gettop(L), "path");
        struct slice text = read_slice(L, lua_gettop(L), "text");
        if (worker_add_file(stage->worker, path, text, &error) < 0) {
            return core_raise(L, &error);
        }
        lua_pop(L, 1);
    }
    enter_zone(L, stage);
    return worker_load(stage->worker, &error) < 0 ? core_raise(L, &error) : 0;
}

/* worker:run { run =, handler =, seq =, attempt =, received =, now = (microseconds), seed =, event = JSON } */
static int run(lua_State *L) {
    struct stage *stage = check_stage(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    const struct worker_request request = {.run = (uint64_t)read_integer(L, 2, "run"),
                                           .handler = read_slice(L, 2, "handler"),
                                           .seq = (uint64_t)read_integer(L, 2, "seq"),
                                           .attempt = (uint32_t)read_integer(L, 2, "attempt"),
                                           .received_us = read_integer(L, 2, "received"),
                                           .now_us = read_integer(L, 2, "now"),
                                           .seed = (uint64_t)read_integer(L, 2, "seed"),
                                           .event = read_slice(L, 2, "event")};
    enter_zone(L, stage);
    return worker_run(stage->worker, &request) < 0 ? luaL_error(L, "the run cannot be started") : 0;
}

/* worker:answer(run, { wait =, outcome = "value", "error" or "not yet", status =, repeated =, now =, etag =,
 * value = JSON or "" }) */
static int answer(lua_State *L) {
    static const char *const outcomes[] = {
        [WIRE_OUTCOME_VALUE] = "value", [WIRE_OUTCOME_ERROR] = "error", [WIRE_OUTCOME_NOT_YET] = "not yet", NULL};
    struct stage *stage = check_stage(L);
    uint64_t number = (uint64_t)luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    struct worker_answer given = {.wait = (uint32_t)read_integer(L, 3, "wait"),
                                  .status = (uint32_t)read_integer(L, 3, "status"),
                                  .now_us = read_integer(L, 3, "now"),
                                  .etag = read_slice(L, 3, "etag"),
                                  .value = read_slice(L, 3, "value")};
    lua_getfield(L, 3, "outcome");
    given.outcome = (enum wire_outcome)luaL_checkoption(L, -1, NULL, outcomes);
    lua_getfield(L, 3, "repeated");
    given.is_repeated = lua_toboolean(L, -1);
    enter_zone(L, stage);
    worker_answer(stage->worker, number, &given);
    return 0;
}

static int cancel(lua_State *L) {
    worker_cancel(check_stage(L)->worker, (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

/* worker:take() -> the notes since the last call, in order; nil: there were too many, and all are lost. */
static int take(lua_State *L) {
    struct stage *stage = check_stage(L);
    if (stage->is_broken) {
        drop_notes(stage);
        return 0;
    }
    lua_newtable(L);
    for (lua_Integer i = 1; stage->first != NULL; i++) {
        push_note(L, stage->first);
        lua_rawseti(L, -2, i);
        drop_note(stage);
    }
    return 1;
}

/* worker:overruns() -> how often a script used up its instructions. */
static int overruns(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)worker_count(check_stage(L)->worker).overruns);
    return 1;
}

static int close_stage(lua_State *L) {
    struct stage *stage = luaL_checkudata(L, 1, STAGE_TYPE);
    worker_free(stage->worker);
    stage->worker = NULL;
    drop_notes(stage);
    free(stage->zone);
    stage->zone = NULL;
    return 0;
}

void stage_open(lua_State *L) {
    static const luaL_Reg methods[] = {{"load", load},     {"run", run},   {"answer", answer},
                                       {"cancel", cancel}, {"take", take}, {"overruns", overruns},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"read", read_folder}, {"worker", new_worker}, {NULL, NULL}};
    luaL_newmetatable(L, STAGE_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, close_stage);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}

static struct stage *check_stage(lua_State *L) {
    struct stage *stage = luaL_checkudata(L, 1, STAGE_TYPE);
    luaL_argcheck(L, stage->worker != NULL, 1, "a worker that is gone");
    return stage;
}

/* The zone is the process's, and another host of the spec's may have another. */
static void enter_zone(lua_State *L, const struct stage *stage) {
    const char *now = getenv("TZ");
    if ((now == NULL || stage->zone[0] == '\0' || strcmp(now, stage->zone) != 0) &&
        zone_enter(slice_of(stage->zone)) < 0) {
        luaL_error(L, "not enough memory");
    }
}

/* The list stays on the stack; its texts are the table's. */
static const char *const *push_names(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    luaL_checktype(L, -1, LUA_TTABLE);
    size_t count = lua_rawlen(L, -1);
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        names[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    names[count] = NULL;
    return names;
}

static size_t read_size(lua_State *L, int table, const char *name) {
    return (size_t)read_integer(L, table, name);
}

/* 0 when it is not there. */
static lua_Integer read_integer(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    lua_Integer value = luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    return value;
}

/* The table keeps it. */
static struct slice read_slice(lua_State *L, int table, const char *name) {
    struct slice text;
    lua_getfield(L, table, name);
    text.bytes = luaL_optlstring(L, -1, "", &text.length);
    lua_pop(L, 1);
    return text;
}

static struct note *add_note(struct stage *stage, const char *what, uint64_t number) {
    bool has_room = stage->count < NOTES_MAX && stage->bytes < NOTES_BYTES_MAX;
    struct note *note = has_room ? calloc(1, sizeof *note) : NULL;
    if (note == NULL) {
        stage->is_broken = true;
        return NULL;
    }
    note->what = what;
    note->run = number;
    *stage->last = note;
    stage->last = &note->next;
    stage->count++;
    return note;
}

static void add_text(struct stage *stage, struct note *note, const char *name, struct slice text) {
    size_t i = 0;
    while (note->names[i] != NULL) {
        i++;
    }
    note->texts[i] = slice_copy(text);
    note->lengths[i] = text.length;
    stage->bytes += text.length;
    note->names[i] = name;
    stage->is_broken = stage->is_broken || note->texts[i] == NULL;
}

static void push_note(lua_State *L, const struct note *note) {
    lua_createtable(L, 0, 8);
    lua_pushstring(L, note->what);
    lua_setfield(L, -2, "what");
    lua_pushstring(L, note->kind);
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, (lua_Integer)note->run);
    lua_setfield(L, -2, "run");
    lua_pushinteger(L, note->wait);
    lua_setfield(L, -2, "wait");
    lua_pushinteger(L, note->branch);
    lua_setfield(L, -2, "branch");
    for (size_t i = 0; i < NOTE_TEXTS && note->names[i] != NULL; i++) {
        lua_pushlstring(L, note->texts[i], note->lengths[i]);
        lua_setfield(L, -2, note->names[i]);
    }
}

static void drop_note(struct stage *stage) {
    struct note *note = stage->first;
    stage->first = note->next;
    if (stage->first == NULL) {
        stage->last = &stage->first;
    }
    stage->count--;
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        stage->bytes -= note->lengths[i];
        free(note->texts[i]);
    }
    free(note);
}

static void drop_notes(struct stage *stage) {
    while (stage->first != NULL) {
        drop_note(stage);
    }
    stage->is_broken = false;
}
