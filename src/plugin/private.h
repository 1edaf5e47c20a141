/* What the files of this room share. */
#ifndef PLUGIN_PRIVATE_H
#define PLUGIN_PRIVATE_H

#include "base/buffer.h"
#include "plugin/plugin.h"
#include "switchhook.h"
#include <stdint.h>

/* One shared object. */
struct plugin {
    struct switchhook_registry registry; /* what its switchhook_plugin was given */
    struct plugins *all;
    char *path;
    void *handle; /* of dlopen; NULL: not open */
    void (*unload)(void *context);
    void *unload_context;
    bool has_turn;      /* under the pool's lock: one of its functions that go one at a time is running */
    struct error error; /* of its registration */
};

struct operation {
    char *name;
    struct plugin *plugin;
    void (*function)(void *context, const char *arguments, size_t length, struct switchhook_answer *answer);
    void *context;
    uint32_t flags;
};

struct plugins {
    struct plugin *list;
    size_t count;
    struct operation *operations;
    const char **names; /* of the operations, and NULL */
    size_t operation_count;
    bool is_held; /* a function is still running and may go on for ever: nothing can be closed or freed */
};

/* names.c: whether scripts could call it so. */
int plugin_check_name(const char *name, struct error *error);
/* Whether the module is one of the host's or of Lua's. */
bool plugin_is_reserved(struct slice module);

/* plugin.c; NULL: there is none */
const struct operation *plugins_find(const struct plugins *plugins, struct slice name);

/* answer.c: what a function says, and what becomes of it. */
struct given {
    struct switchhook_answer answer;
    struct buffer json, code, message;
    bool is_error, is_retryable, is_too_large;
};
void given_init(struct given *given, const char *step, bool is_repeated, size_t limit);
/* Appends the answer's JSON; true: it is an error's. `out` is broken without memory. */
bool given_finish(struct given *given, const struct operation *operation, struct buffer *out);
void given_reset(struct given *given);

#endif
