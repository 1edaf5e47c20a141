/* The keys of a configuration: what each may hold, and where it goes. Private to this room. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "base/error.h"
#include "base/slice.h"
#include "config/config.h"
#include <lua.h>

/* What the readers of values share. */
struct reading {
    struct config *config;
    const char *file;   /* for messages */
    const char *folder; /* absolute: what relative paths start from */
    struct slice text;  /* the file, to find the line of a key in */
    lua_State *lua;
    struct error *error;
};

struct key {
    const char *path; /* limits.slice_ms */
    /* Reads the value on top of the stack, and leaves it there; NULL: a table of keys. */
    int (*read)(struct reading *reading, const struct key *key);
    size_t offset;      /* of where it goes in struct config; or KEY_NOWHERE */
    double least, most; /* of numbers */
};

enum { KEY_NOWHERE = 1 << 20, KEY_TEXT_LIMIT = 4096 };

/* For evaluate(): `reading` but for `lua` and `error`. Reads every key and refuses what is none. */
int check_all(lua_State *lua, void *reading, struct error *error);

/* "FILE:LINE: PATH WORDS" into the error, the line being that of the key, as far as it can be known. Always -1. */
int check_fail(struct reading *reading, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For tables whose members are not in the list of keys: every member of the one on top of the stack must be one of
 * `known` (NULL ends it); else "PATH.NAME is no key of the configuration; did you mean ...". */
int check_members(struct reading *reading, const char *path, const char *const *known);

#endif
