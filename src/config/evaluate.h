/* Runs the text of a configuration as Lua and shows what it set. Private to this room.
 *
 * The Lua state is closed: only env, env.optional and file. It is bounded: EVALUATE_MEMORY bytes, EVALUATE_STEPS
 * instructions, text only. What Lua frees is overwritten first, since it may be a secret.
 */
#ifndef CONFIG_EVALUATE_H
#define CONFIG_EVALUATE_H

#include "base/error.h"
#include "base/slice.h"
#include <lua.h>

enum { EVALUATE_MEMORY = 16 << 20, EVALUATE_STEPS = 1000000 };

/* Where `visit` finds them on the stack: what was set, by name; and the line of each assignment, by name. */
enum { EVALUATE_VALUES = 1, EVALUATE_LINES = 2 };

/* Begins what env() gives for a variable that is not set, when that is allowed: a host's name that no one has. */
#define EVALUATE_MISSING "not-set."

struct evaluation {
    const char *file;   /* for messages */
    const char *folder; /* absolute: what file() starts from */
    struct slice text;
    /* Called in protected mode, so it may use all of Lua's interface; it owns nothing on the heap. */
    int (*visit)(lua_State *lua, void *context, struct error *error);
    void *context;
    char **missing; /* takes the name of the first variable that is not set; NULL: such a one is an error */
};

/* 0, or -1 with an error that names the file and, where Lua knows it, the line. */
int evaluate(const struct evaluation *evaluation, struct error *error);

#endif
