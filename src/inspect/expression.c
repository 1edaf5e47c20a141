#include "inspect/walk.h"

enum { ARGUMENTS_MAX = 4 };

static bool take_binary(struct walk *walk, const char **operation);
static struct value walk_operand(struct walk *walk);
static struct value walk_simple(struct walk *walk);
static void combine(struct walk *walk, struct value *value, const char *operation, const struct value *other,
                    bool *has_or);
static struct value take_string(struct walk *walk);
static struct value walk_table(struct walk *walk);
static void walk_table_member(struct walk *walk, struct value *table);
static struct reference walk_primary(struct walk *walk);
static bool walk_suffix(struct walk *walk, struct reference *reference);
static void walk_index(struct walk *walk, struct reference *reference);
static bool is_arguments(const struct walk *walk);
static void walk_arguments(struct walk *walk, struct reference *reference);
static struct reference value_reference(const struct value *value, unsigned line);

static const struct value unknown = {.kind = VALUE_UNKNOWN};
static const struct value plain = {.kind = VALUE_PLAIN};

/* Precedence does not matter to what is known of it: that is only kept through `and` and `or`. */
struct value walk_expression(struct walk *walk) {
    if (!walk_enter(walk)) {
        return unknown;
    }
    struct value value = walk_operand(walk);
    const char *operation;
    bool has_or = false;
    while (take_binary(walk, &operation)) {
        struct value other = walk_operand(walk);
        combine(walk, &value, operation, &other, &has_or);
    }
    walk_leave(walk);
    return value;
}

size_t walk_expressions(struct walk *walk, struct value *values, size_t most) {
    size_t count = 0;
    do {
        struct value value = walk_expression(walk);
        if (count < most) {
            values[count] = value;
        } else {
            walk_lose(walk, &value);
        }
        count++;
    } while (walk_take(walk, ","));
    for (size_t i = count; i < most; i++) {
        values[i] = unknown;
    }
    return count;
}

struct reference walk_suffixed(struct walk *walk) {
    struct reference reference = walk_primary(walk);
    while (walk_suffix(walk, &reference)) {
    }
    return reference;
}

static bool take_binary(struct walk *walk, const char **operation) {
    static const char *const operations[] = {"and", "or", "==", "~=", "<=", ">=", "<", ">", "..", "+", "-",
                                             "*",   "//", "/",  "%",  "^",  "&",  "|", "~", "<<", ">>"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (walk_take(walk, operations[i])) {
            *operation = operations[i];
            return true;
        }
    }
    return false;
}

static struct value walk_operand(struct walk *walk) {
    bool is_changed = false;
    while (walk_take(walk, "not") || walk_take(walk, "-") || walk_take(walk, "#") || walk_take(walk, "~")) {
        is_changed = true;
    }
    struct value value = walk_simple(walk);
    return is_changed ? plain : value;
}

static struct value walk_simple(struct walk *walk) {
    if (walk->token.kind == LEX_STRING) {
        return take_string(walk);
    }
    if (walk->token.kind == LEX_NUMBER) {
        walk_advance(walk);
        return plain;
    }
    if (walk_take(walk, "nil") || walk_take(walk, "true") || walk_take(walk, "false")) {
        return plain;
    }
    if (walk_take(walk, "...")) {
        return unknown;
    }
    if (walk_is(walk, "{")) {
        return walk_table(walk);
    }
    if (walk_take(walk, "function")) {
        return walk_function(walk, false);
    }
    struct reference reference = walk_suffixed(walk);
    return walk_read(walk, &reference);
}

/* `a or {}` has no members that `a` has not; of `a and b` members are read of `b`. */
static void combine(struct walk *walk, struct value *value, const char *operation, const struct value *other,
                    bool *has_or) {
    bool is_and = slice_is(slice_of(operation), "and");
    bool is_or = slice_is(slice_of(operation), "or");
    if (is_and && !*has_or) {
        *value = *other;
        return;
    }
    if (is_or && walk_is_event(value) && other->kind == VALUE_TABLE && other->is_empty) {
        *has_or = true;
        return;
    }
    if (is_and || is_or) {
        walk_lose(walk, value);
        walk_lose(walk, other);
    }
    *has_or |= is_or;
    *value = is_and || is_or ? unknown : plain;
}

static struct value take_string(struct walk *walk) {
    struct value value = {.kind = VALUE_STRING, .text = walk->token.text};
    if (walk->token.has_escapes) {
        value = plain;
    }
    walk_advance(walk);
    return value;
}

static struct value walk_table(struct walk *walk) {
    struct value table = {.kind = VALUE_TABLE, .place = walk->token.offset, .is_empty = true};
    walk_advance(walk);
    while (walk->token.kind != LEX_END && !walk_is(walk, "}")) {
        table.is_empty = false;
        walk_table_member(walk, &table);
        if (!walk_take(walk, ",") && !walk_take(walk, ";")) {
            break;
        }
    }
    walk_expect(walk, "}");
    return table;
}

static void walk_table_member(struct walk *walk, struct value *table) {
    struct slice name = {NULL, 0};
    if (walk_take(walk, "[")) {
        struct value key = walk_expression(walk);
        walk_expect(walk, "]");
        walk_expect(walk, "=");
        name = key.kind == VALUE_STRING ? key.text : name;
    } else if (walk->token.kind == LEX_NAME && walk_look_ahead(walk)->kind == LEX_SYMBOL &&
               slice_is(walk_look_ahead(walk)->text, "=")) {
        name = walk->token.text;
        walk_advance(walk);
        walk_advance(walk);
    }
    struct value value = walk_expression(walk);
    table->holds_event |= walk_is_event(&value) || value.holds_event;
    if (slice_is(name, "handle") && value.kind == VALUE_FUNCTION) {
        table->handle = value.place;
    }
}

static struct reference walk_primary(struct walk *walk) {
    unsigned line = walk->token.line;
    if (walk_take(walk, "(")) {
        struct value value = walk_expression(walk);
        walk_expect(walk, ")");
        return value_reference(&value, line);
    }
    struct lexer_token name = walk_take_name(walk);
    if (walk->is_broken) {
        return value_reference(&unknown, line);
    }
    return (struct reference){
        .kind = REFERENCE_NAME, .name = name.text, .variable = walk_find(walk, name.text), .line = name.line};
}

/* False: there is none more. */
static bool walk_suffix(struct walk *walk, struct reference *reference) {
    if (walk_is(walk, ".") || walk_is(walk, "[")) {
        walk_index(walk, reference);
        return true;
    }
    if (walk_take(walk, ":")) {
        struct value object = walk_read(walk, reference);
        struct lexer_token name = walk_take_name(walk);
        *reference =
            (struct reference){.kind = REFERENCE_MEMBER, .value = object, .name = name.text, .line = name.line};
        walk_lose(walk, &object); /* it is handed to its method */
        walk_arguments(walk, reference);
        return true;
    }
    if (is_arguments(walk)) {
        walk_arguments(walk, reference);
        return true;
    }
    return false;
}

static void walk_index(struct walk *walk, struct reference *reference) {
    struct value object = walk_read(walk, reference);
    struct reference member = {.kind = REFERENCE_MEMBER, .value = object};
    if (walk_take(walk, ".")) {
        struct lexer_token name = walk_take_name(walk);
        member.name = name.text;
        member.line = name.line;
    } else {
        walk_advance(walk);
        member.line = walk->token.line;
        struct value key = walk_expression(walk);
        walk_expect(walk, "]");
        if (key.kind == VALUE_STRING) {
            member.name = key.text;
        }
    }
    *reference = member;
}

static bool is_arguments(const struct walk *walk) {
    return walk_is(walk, "(") || walk_is(walk, "{") || walk->token.kind == LEX_STRING;
}

static void walk_arguments(struct walk *walk, struct reference *reference) {
    struct value arguments[ARGUMENTS_MAX] = {unknown};
    size_t count = 1;
    struct value callee = walk_read(walk, reference);
    unsigned line = walk->token.line;
    if (!walk_enter(walk)) {
        return;
    }
    if (walk->token.kind == LEX_STRING) {
        arguments[0] = take_string(walk);
    } else if (walk_is(walk, "{")) {
        arguments[0] = walk_table(walk);
    } else {
        walk_expect(walk, "(");
        count = walk_is(walk, ")") ? 0 : walk_expressions(walk, arguments, ARGUMENTS_MAX);
        walk_expect(walk, ")");
    }
    walk_leave(walk);
    count = count > ARGUMENTS_MAX ? ARGUMENTS_MAX : count;
    struct value answer = walk_call(walk, &callee, arguments, count, line);
    *reference = value_reference(&answer, line);
    reference->is_call = true;
}

static struct reference value_reference(const struct value *value, unsigned line) {
    return (struct reference){.kind = REFERENCE_VALUE, .value = *value, .line = line};
}
