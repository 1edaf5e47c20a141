#include "inspect/walk.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void walk_advance(struct walk *walk) {
    walk->line = walk->token.line;
    if (walk->has_ahead) {
        walk->token = walk->ahead;
        walk->has_ahead = false;
    } else {
        walk->token = lexer_next(&walk->lexer);
    }
    if (walk->token.kind == LEX_BAD) {
        walk_break(walk);
    }
    if (walk->is_broken) { /* everything that reads on ends at the end */
        walk->token.kind = LEX_END;
    }
}

const struct lexer_token *walk_look_ahead(struct walk *walk) {
    if (!walk->has_ahead) {
        walk->ahead = lexer_next(&walk->lexer);
        walk->has_ahead = true;
    }
    return &walk->ahead;
}

bool walk_is(const struct walk *walk, const char *text) {
    return (walk->token.kind == LEX_WORD || walk->token.kind == LEX_SYMBOL) && slice_is(walk->token.text, text);
}

bool walk_take(struct walk *walk, const char *text) {
    if (!walk_is(walk, text)) {
        return false;
    }
    walk_advance(walk);
    return true;
}

void walk_expect(struct walk *walk, const char *text) {
    if (!walk_take(walk, text)) {
        walk_break(walk);
    }
}

struct lexer_token walk_take_name(struct walk *walk) {
    struct lexer_token name = walk->token;
    if (name.kind != LEX_NAME) {
        walk_break(walk);
    }
    walk_advance(walk);
    return name;
}

void walk_break(struct walk *walk) {
    walk->is_broken = true;
    walk->token.kind = LEX_END;
}

bool walk_enter(struct walk *walk) {
    if (walk->depth == WALK_DEPTH) {
        walk_break(walk);
        return false;
    }
    walk->depth++;
    return true;
}

void walk_leave(struct walk *walk) {
    walk->depth--;
}

void walk_declare(struct walk *walk, const struct lexer_token *name, const struct value *value) {
    if (walk->variable_count == walk->variable_capacity) {
        size_t capacity = walk->variable_capacity == 0 ? 32 : 2 * walk->variable_capacity;
        struct variable *variables =
            capacity > WALK_VARIABLES ? NULL : realloc(walk->variables, capacity * sizeof *variables);
        if (variables == NULL) {
            walk_break(walk);
            return;
        }
        walk->variables = variables;
        walk->variable_capacity = capacity;
    }
    struct variable *variable = &walk->variables[walk->variable_count++];
    walk->writes->is_any_global |= slice_is(name->text, "_ENV"); /* all globals are its members, then */
    *variable = (struct variable){.name = name->text, .declared = name->offset, .value = *value};
    if (walk_is_assigned(walk, variable)) {
        walk_lose(walk, value);
    }
}

size_t walk_find(struct walk *walk, struct slice name) {
    for (size_t i = walk->variable_count; i > 0; i--) {
        if (++walk->effort > WALK_EFFORT) {
            walk_break(walk);
            return 0;
        }
        if (slice_equal(walk->variables[i - 1].name, name)) {
            return i;
        }
    }
    return 0;
}

void walk_assign(struct walk *walk, size_t variable) {
    walk_note(walk, &walk->assigned, walk->variables[variable - 1].declared + 1);
}

bool walk_is_assigned(const struct walk *walk, const struct variable *variable) {
    return walk_has(&walk->assigned, variable->declared + 1);
}

/* FNV-1a. Two names with one key make us silent about one of them. */
uint64_t walk_key(struct slice name) {
    uint64_t key = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.length; i++) {
        key = (key ^ (unsigned char)name.bytes[i]) * UINT64_C(0x100000001b3);
    }
    return key;
}

void walk_note(struct walk *walk, struct map *map, uint64_t key) {
    static char there;
    if (map_put(map, key, &there) < 0) {
        walk_break(walk);
    }
}

bool walk_has(const struct map *map, uint64_t key) {
    return map_get(map, key) != NULL;
}

void walk_tell(struct walk *walk, enum inspect_kind kind, unsigned line, const char *format, ...) {
    if (walk->pass != WALK_TELL || walk->is_broken || walk->found == INSPECT_FINDINGS_MAX) {
        return;
    }
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    walk->found++;
    walk->options->found(walk->options->context,
                         &(struct inspect_finding){.kind = kind, .line = line, .words = words});
}
