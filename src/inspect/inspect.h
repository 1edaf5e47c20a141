/* Reads a Lua script without running it, and says what is surely a mistake in it: members that the event does not
 * have, globals and functions that no script has. It follows what a handler does with its event through locals,
 * blocks and functions; where it cannot be sure (a variable that is assigned again, an event that was handed to a
 * function which may have added members) it says nothing. The handler is the function that the script returns, or
 * `handle` of the table that it returns.
 *
 * Any bytes will do: time and memory are bounded, and a text that is no Lua gives no findings (whoever loads it
 * says what is wrong). Any thread; nothing is kept between calls.
 *
 *     struct inspect_writes *modules = inspect_writes_new();
 *     inspect_collect(modules, text_of_a_module);
 *     struct inspect_options options = {.type = type, .is_handler = true, .names = names, .modules = modules,
 *                                       .found = on_finding, .context = &report};
 *     inspect_script(text, &options);
 *     inspect_writes_free(modules);
 */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

#include "base/slice.h"
#include "event/catalogue.h"
#include <stdbool.h>
#include <stddef.h>

enum inspect_kind {
    INSPECT_WARNING,      /* `words`: "event.data.queuId: RouterJobQueued has no such field; ..." */
    INSPECT_REQUIRES,     /* `words`: the name of a module that is required here */
    INSPECT_RAISES,       /* `words`: the name in after(seconds, "name"): of a script in local/ */
    INSPECT_REQUIRES_ANY, /* here a module is required whose name is not written in the script */
};

struct inspect_finding {
    enum inspect_kind kind;
    unsigned line;
    const char *words; /* valid during the call */
};

/* What scripts assign: the globals, and the members of tables that may be the event. */
struct inspect_writes;

struct inspect_options {
    const struct event_type *type; /* NULL: not known; then only the members of the event itself are */
    bool is_handler;               /* false: a module */
    const char *const *names; /* what scripts are offered ("log", "log.info"), sorted by bytes; NULL ends it */
    const struct inspect_writes *modules; /* of all modules together; NULL: there are none */
    void (*found)(void *context, const struct inspect_finding *finding);
    void *context;
};

enum { INSPECT_FINDINGS_MAX = 200 };

/* In order of lines; INSPECT_FINDINGS_MAX at most. -1 when the text cannot be followed (no Lua, nested too deeply,
 * no memory): then nothing was found. */
int inspect_script(struct slice text, const struct inspect_options *options);

/* The line where the name stands first, outside of comments and texts; 0: nowhere. */
unsigned inspect_find_name(struct slice text, const char *name);

/* NULL without memory. The caller frees it. */
struct inspect_writes *inspect_writes_new(void);
void inspect_writes_free(struct inspect_writes *writes);
/* Adds what this script assigns. -1 as inspect_script: then it counts as one that may assign anything. */
int inspect_collect(struct inspect_writes *writes, struct slice text);

#endif
