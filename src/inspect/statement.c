#include "inspect/walk.h"

enum { VALUES_MAX = 8, NAMES_MAX = 60 };

static void walk_block(struct walk *walk);
static bool is_block_end(const struct walk *walk);
static void walk_statement(struct walk *walk);
static void walk_scoped_block(struct walk *walk);
static void walk_if(struct walk *walk);
static void walk_while(struct walk *walk);
static void walk_repeat(struct walk *walk);
static void walk_for(struct walk *walk);
static void walk_function_statement(struct walk *walk);
static void walk_local(struct walk *walk);
static size_t take_names(struct walk *walk, struct lexer_token names[NAMES_MAX]);
static void walk_local_function(struct walk *walk);
static void walk_return(struct walk *walk);
static void note_handler(struct walk *walk, const struct value *value);
static void walk_assignment_or_call(struct walk *walk);

static const struct value unknown = {.kind = VALUE_UNKNOWN};

void walk_chunk(struct walk *walk) {
    walk_block(walk);
    if (walk->token.kind != LEX_END) {
        walk_break(walk);
    }
}

struct value walk_function(struct walk *walk, bool is_method) {
    struct value function = {.kind = VALUE_FUNCTION, .place = walk->token.offset};
    bool is_handler = !is_method && walk->options->is_handler && walk_has(&walk->handlers, function.place);
    size_t outside = walk->variable_count;
    if (is_method) {
        walk_declare(walk, &(struct lexer_token){.text = slice_of("self"), .offset = function.place}, &unknown);
    }
    walk_expect(walk, "(");
    while (walk->token.kind == LEX_NAME) {
        struct lexer_token name = walk_take_name(walk);
        struct value value = {.kind = is_handler ? VALUE_EVENT : VALUE_UNKNOWN, .path = "event"};
        walk_declare(walk, &name, &value);
        is_handler = false;
        if (!walk_take(walk, ",")) {
            break;
        }
    }
    (void)walk_take(walk, "...");
    walk_expect(walk, ")");
    walk->functions++;
    walk_block(walk);
    walk->functions--;
    walk_expect(walk, "end");
    walk->variable_count = outside;
    return function;
}

static void walk_block(struct walk *walk) {
    while (!is_block_end(walk)) {
        if (walk_is(walk, "return")) {
            walk_return(walk);
            return;
        }
        if (walk_enter(walk)) {
            walk_statement(walk);
            walk_leave(walk);
        }
    }
}

static bool is_block_end(const struct walk *walk) {
    return walk->token.kind == LEX_END || walk_is(walk, "end") || walk_is(walk, "else") ||
           walk_is(walk, "elseif") || walk_is(walk, "until");
}

static void walk_statement(struct walk *walk) {
    static const struct {
        const char *word;
        void (*walk)(struct walk *walk);
    } statements[] = {
        {"if", walk_if},
        {"while", walk_while},
        {"repeat", walk_repeat},
        {"for", walk_for},
        {"function", walk_function_statement},
        {"local", walk_local},
    };
    if (walk->token.kind == LEX_WORD) {
        for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
            if (walk_take(walk, statements[i].word)) {
                statements[i].walk(walk);
                return;
            }
        }
    }
    if (walk_take(walk, ";") || walk_take(walk, "break")) {
        return;
    }
    if (walk_take(walk, "do")) {
        walk_scoped_block(walk);
        walk_expect(walk, "end");
    } else if (walk_take(walk, "goto")) {
        (void)walk_take_name(walk);
    } else if (walk_take(walk, "::")) {
        (void)walk_take_name(walk);
        walk_expect(walk, "::");
    } else {
        walk_assignment_or_call(walk);
    }
}

static void walk_scoped_block(struct walk *walk) {
    size_t outside = walk->variable_count;
    walk_block(walk);
    walk->variable_count = outside;
}

static void walk_if(struct walk *walk) {
    do {
        (void)walk_expression(walk);
        walk_expect(walk, "then");
        walk_scoped_block(walk);
    } while (walk_take(walk, "elseif"));
    if (walk_take(walk, "else")) {
        walk_scoped_block(walk);
    }
    walk_expect(walk, "end");
}

static void walk_while(struct walk *walk) {
    (void)walk_expression(walk);
    walk_expect(walk, "do");
    walk_scoped_block(walk);
    walk_expect(walk, "end");
}

/* What the block declares is known to its condition. */
static void walk_repeat(struct walk *walk) {
    size_t outside = walk->variable_count;
    walk_block(walk);
    walk_expect(walk, "until");
    (void)walk_expression(walk);
    walk->variable_count = outside;
}

static void walk_for(struct walk *walk) {
    struct lexer_token names[NAMES_MAX];
    struct value values[VALUES_MAX];
    size_t outside = walk->variable_count;
    size_t count = take_names(walk, names);
    if (!walk_take(walk, "=")) {
        walk_expect(walk, "in");
    }
    (void)walk_expressions(walk, values, VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct value value = unknown;
        if (i == 1 && values[0].kind == VALUE_ELEMENTS) {
            value = walk_element(&values[0]);
        }
        walk_declare(walk, &names[i], &value);
    }
    walk_expect(walk, "do");
    walk_scoped_block(walk);
    walk_expect(walk, "end");
    walk->variable_count = outside;
}

/* function a.b.c:d() */
static void walk_function_statement(struct walk *walk) {
    struct lexer_token name = walk_take_name(walk);
    struct reference target = {
        .kind = REFERENCE_NAME, .name = name.text, .variable = walk_find(walk, name.text), .line = name.line};
    bool is_method = false;
    while (!is_method && (walk_is(walk, ".") || walk_is(walk, ":"))) {
        is_method = walk_is(walk, ":");
        walk_advance(walk);
        struct value table = walk_read(walk, &target);
        struct lexer_token member = walk_take_name(walk);
        target =
            (struct reference){.kind = REFERENCE_MEMBER, .value = table, .name = member.text, .line = member.line};
    }
    struct value function = {.kind = VALUE_FUNCTION, .place = walk->token.offset};
    if (is_method) { /* its first parameter is `self` */
        function = unknown;
    }
    walk_write(walk, &target, &function);
    (void)walk_function(walk, is_method);
}

static void walk_local(struct walk *walk) {
    if (walk_take(walk, "function")) {
        walk_local_function(walk);
        return;
    }
    struct lexer_token names[NAMES_MAX];
    struct value values[VALUES_MAX] = {unknown};
    size_t count = take_names(walk, names);
    if (walk_take(walk, "=")) {
        (void)walk_expressions(walk, values, VALUES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const struct value *value = i < VALUES_MAX ? &values[i] : &unknown;
        walk_declare(walk, &names[i], value);
        if (value->holds_event) {
            walk_lose(walk, value);
        }
    }
}

/* One at least; with or without <const> and <close>. */
static size_t take_names(struct walk *walk, struct lexer_token names[NAMES_MAX]) {
    size_t count = 0;
    do {
        if (count == NAMES_MAX) {
            walk_break(walk);
            break;
        }
        names[count++] = walk_take_name(walk);
        if (walk_take(walk, "<")) {
            (void)walk_take_name(walk);
            walk_expect(walk, ">");
        }
    } while (walk_take(walk, ","));
    return count;
}

static void walk_local_function(struct walk *walk) {
    struct lexer_token name = walk_take_name(walk);
    struct value function = {.kind = VALUE_FUNCTION, .place = walk->token.offset};
    walk_declare(walk, &name, &function);
    (void)walk_function(walk, false);
}

static void walk_return(struct walk *walk) {
    struct value values[VALUES_MAX] = {unknown};
    size_t count = 0;
    walk_advance(walk);
    if (!is_block_end(walk) && !walk_is(walk, ";")) {
        count = walk_expressions(walk, values, VALUES_MAX);
    }
    (void)walk_take(walk, ";");
    if (!is_block_end(walk)) {
        walk_break(walk);
    }
    for (size_t i = 0; i < count && i < VALUES_MAX; i++) {
        walk_lose(walk, &values[i]);
    }
    if (walk->functions == 0 && walk->pass == WALK_NOTE) {
        note_handler(walk, &values[0]);
    }
}

static void note_handler(struct walk *walk, const struct value *value) {
    if (value->kind == VALUE_FUNCTION) {
        walk_note(walk, &walk->handlers, value->place);
    } else if (value->kind == VALUE_TABLE && value->handle != 0) {
        walk_note(walk, &walk->handlers, value->handle);
    }
}

static void walk_assignment_or_call(struct walk *walk) {
    struct reference targets[VALUES_MAX];
    struct value values[VALUES_MAX] = {unknown};
    size_t count = 0;
    targets[count++] = walk_suffixed(walk);
    if (targets[0].kind == REFERENCE_VALUE) {
        if (!targets[0].is_call) {
            walk_break(walk);
        }
        return;
    }
    while (walk_take(walk, ",")) {
        if (count == VALUES_MAX) {
            walk_break(walk);
            return;
        }
        targets[count++] = walk_suffixed(walk);
    }
    walk_expect(walk, "=");
    (void)walk_expressions(walk, values, VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (targets[i].kind == REFERENCE_VALUE) {
            walk_break(walk);
        }
        walk_write(walk, &targets[i], &values[i]);
    }
}
