#include "inspect/inspect.h"
#include "inspect/walk.h"
#include <stdlib.h>

static int walk_once(struct walk *walk, struct slice text, enum walk_pass pass);
static void reset(struct walk *walk);
static void forget(struct inspect_writes *writes);

int inspect_script(struct slice text, const struct inspect_options *options) {
    struct inspect_writes own = {.is_any = false};
    struct walk walk = {.options = options, .writes = &own};
    int result = -1;
    if (walk_once(&walk, text, WALK_NOTE) == 0 && walk_once(&walk, text, WALK_FOLLOW) == 0) {
        result = walk_once(&walk, text, WALK_TELL);
    }
    reset(&walk);
    forget(&own);
    return result;
}

unsigned inspect_find_name(struct slice text, const char *name) {
    struct lexer lexer = lexer_start(text);
    for (;;) {
        struct lexer_token token = lexer_next(&lexer);
        if (token.kind == LEX_END || token.kind == LEX_BAD) {
            return 0;
        }
        if (token.kind == LEX_NAME && slice_is(token.text, name)) {
            return token.line;
        }
    }
}

struct inspect_writes *inspect_writes_new(void) {
    return calloc(1, sizeof(struct inspect_writes));
}

void inspect_writes_free(struct inspect_writes *writes) {
    if (writes != NULL) {
        forget(writes);
        free(writes);
    }
}

int inspect_collect(struct inspect_writes *writes, struct slice text) {
    static const char *const no_names[] = {NULL};
    static const struct inspect_options options = {.names = no_names};
    struct walk walk = {.options = &options, .writes = writes};
    int result = walk_once(&walk, text, WALK_NOTE);
    if (result == 0) {
        result = walk_once(&walk, text, WALK_FOLLOW);
    }
    if (result < 0) {
        writes->is_any = writes->is_any_global = true;
    }
    reset(&walk);
    return result;
}

static int walk_once(struct walk *walk, struct slice text, enum walk_pass pass) {
    walk->pass = pass;
    walk->lexer = lexer_start(text);
    walk->has_ahead = false;
    walk->depth = walk->functions = 0;
    walk->effort = 0;
    walk->variable_count = walk->name_count = 0;
    while (walk->options->names[walk->name_count] != NULL) {
        walk->name_count++;
    }
    walk_advance(walk);
    walk_chunk(walk);
    return walk->is_broken ? -1 : 0;
}

static void reset(struct walk *walk) {
    map_reset(&walk->assigned);
    map_reset(&walk->handlers);
    free(walk->variables);
}

static void forget(struct inspect_writes *writes) {
    map_reset(&writes->members);
    map_reset(&writes->globals);
}
