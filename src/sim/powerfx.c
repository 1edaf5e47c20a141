/* The grammar of formulas, evaluated while it is read. */
#include "sim/powerfx.h"
#include "sim/powerfx_parts.h"
#include <stdio.h>
#include <stdlib.h>

enum precedence {
    PRECEDENCE_NONE,
    PRECEDENCE_OR,
    PRECEDENCE_AND,
    PRECEDENCE_IN,
    PRECEDENCE_COMPARE,
    PRECEDENCE_JOIN,
    PRECEDENCE_ADD,
    PRECEDENCE_MULTIPLY,
    PRECEDENCE_PREFIX,
    PRECEDENCE_POWER
};

typedef struct json *fx_lazy(struct fx *fx, bool is_live);
static struct json *expression(struct fx *fx, bool is_live);
static struct json *binary(struct fx *fx, enum precedence least, bool is_live);
static enum precedence precedence_of(int kind);
static struct json *combine(struct fx *fx, struct fx_token sign, struct json *left, struct json *right,
                            bool is_live);
static struct json *prefix(struct fx *fx, bool is_live);
static struct json *primary(struct fx *fx, bool is_live);
static struct json *text_literal(struct fx *fx, bool is_live);
static struct json *record(struct fx *fx, bool is_live);
static struct json *table(struct fx *fx, bool is_live);
static struct json *name(struct fx *fx, bool is_live);
static struct json *label(struct fx *fx, struct slice scope, bool is_live);
static struct json *label_value(struct fx *fx, struct slice scope, const char *key);
static struct json *call(struct fx *fx, struct slice name, bool is_live);
static struct json *call_eager(struct fx *fx, struct slice name, bool is_live);
static bool expect(struct fx *fx, int kind, const char *what);
static bool has_more(struct fx *fx, int end);
static fx_lazy lazy_if, lazy_switch, lazy_coalesce, lazy_and, lazy_or;
static struct json *all_or_any(struct fx *fx, bool is_live, bool is_all);

struct json *sim_powerfx_value(const char *formula, const struct sim_rule_input *input, char *words, size_t size) {
    struct fx fx = {.formula = formula, .next = formula, .input = input, .words = words, .size = size};
    if (strlen(formula) > POWERFX_LENGTH) {
        snprintf(words, size, "the expression is longer than %d bytes", POWERFX_LENGTH);
        return NULL;
    }
    fx_next(&fx);
    struct json *value = expression(&fx, true);
    if (!fx.is_failed && fx.token.kind != FX_END) {
        fx_fail(&fx, "\"%.*s\" is one too many", SLICE_ARG(fx_shown(fx.token.text)));
    }
    if (fx.is_failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

static struct json *expression(struct fx *fx, bool is_live) {
    return binary(fx, PRECEDENCE_OR, is_live);
}

static struct json *binary(struct fx *fx, enum precedence least, bool is_live) {
    if (++fx->depth > POWERFX_DEPTH) {
        fx_fail(fx, "it is nested deeper than %d times", POWERFX_DEPTH);
    }
    struct json *left = fx->is_failed ? NULL : prefix(fx, is_live);
    while (!fx->is_failed && precedence_of(fx->token.kind) >= least) {
        struct fx_token sign = fx->token;
        enum precedence precedence = precedence_of(sign.kind);
        bool truth = false;
        bool is_logical = sign.kind == FX_AND || sign.kind == FX_OR;
        if (is_logical && is_live && fx_truth(fx, left, &truth) < 0) {
            break;
        }
        bool is_decided = is_logical && is_live && truth == (sign.kind == FX_OR);
        fx_next(fx);
        /* `a ^ b ^ c` is `a ^ (b ^ c)`, and the exponent may have a sign. */
        enum precedence right = sign.kind == '^' ? PRECEDENCE_PREFIX : precedence + 1;
        left = combine(fx, sign, left, binary(fx, right, is_live && !is_decided), is_live);
    }
    fx->depth--;
    return left;
}

static enum precedence precedence_of(int kind) {
    switch (kind) {
    case FX_OR: return PRECEDENCE_OR;
    case FX_AND: return PRECEDENCE_AND;
    case FX_IN:
    case FX_EXACT_IN: return PRECEDENCE_IN;
    case '=':
    case '<':
    case '>':
    case FX_NOT_EQUAL:
    case FX_LESS_EQUAL:
    case FX_GREATER_EQUAL: return PRECEDENCE_COMPARE;
    case '&': return PRECEDENCE_JOIN;
    case '+':
    case '-': return PRECEDENCE_ADD;
    case '*':
    case '/': return PRECEDENCE_MULTIPLY;
    case '^': return PRECEDENCE_POWER;
    default: return PRECEDENCE_NONE;
    }
}

/* Frees both. Of && and || the right side is there only if it decides. What goes wrong is at the sign. */
static struct json *combine(struct fx *fx, struct fx_token sign, struct json *left, struct json *right,
                            bool is_live) {
    struct json *value = NULL;
    bool truth = sign.kind == FX_OR;
    struct fx_token next = fx->token;
    if (!is_live || fx->is_failed) {
        goto out;
    }
    fx->token = sign;
    if (sign.kind != FX_AND && sign.kind != FX_OR) {
        value = fx_apply(fx, sign.kind, left, right);
    } else if (right == NULL || fx_truth(fx, right, &truth) == 0) {
        value = fx_keep(fx, json_bool(truth));
    }
    fx->token = next;
out:
    json_free(left);
    json_free(right);
    return value;
}

static struct json *prefix(struct fx *fx, bool is_live) {
    int sign = fx->token.kind;
    struct json *value;
    if (sign == '-' || sign == FX_NOT) {
        fx_next(fx);
        value = binary(fx, PRECEDENCE_PREFIX, is_live);
        struct json *operand = value;
        double number = 0;
        bool truth = false;
        value = NULL;
        if (is_live && !fx->is_failed && sign == '-' && fx_number(fx, operand, &number) == 0) {
            value = fx_make_number(fx, -number);
        } else if (is_live && !fx->is_failed && sign == FX_NOT && fx_truth(fx, operand, &truth) == 0) {
            value = fx_keep(fx, json_bool(!truth));
        }
        json_free(operand);
        return value;
    }
    value = primary(fx, is_live);
    while (!fx->is_failed && fx->token.kind == '%') {
        double number = 0;
        if (is_live && fx_number(fx, value, &number) == 0) {
            json_free(value);
            value = fx_make_number(fx, number / 100);
        }
        fx_next(fx);
    }
    return value;
}

static struct json *primary(struct fx *fx, bool is_live) {
    struct fx_token token = fx->token;
    struct json *value = NULL;
    if (token.kind == FX_NAME || ((token.kind == FX_AND || token.kind == FX_OR) && token.is_word)) {
        return name(fx, is_live);
    }
    switch (token.kind) {
    case FX_TEXT: return text_literal(fx, is_live);
    case '{': return record(fx, is_live);
    case '[': return table(fx, is_live);
    case FX_NUMBER: value = is_live ? fx_make_number(fx, strtod(token.text.bytes, NULL)) : NULL; break;
    case FX_TRUE:
    case FX_FALSE: value = is_live ? fx_keep(fx, json_bool(token.kind == FX_TRUE)) : NULL; break;
    case '(':
        fx_next(fx);
        value = expression(fx, is_live);
        expect(fx, ')', "\")\"");
        return value;
    case FX_END: return fx_fail(fx, "it ends where a value should be");
    default: return fx_fail(fx, "\"%.*s\" stands where a value should be", SLICE_ARG(fx_shown(token.text)));
    }
    fx_next(fx);
    return value;
}

static struct json *text_literal(struct fx *fx, bool is_live) {
    char *text = is_live ? fx_unquote(fx, fx->token.text) : NULL;
    struct json *value = text == NULL ? NULL : fx_keep(fx, json_text(text));
    free(text);
    fx_next(fx);
    return value;
}

/* {key: value, ...} */
static struct json *record(struct fx *fx, bool is_live) {
    struct json *value = is_live ? fx_keep(fx, json_object()) : NULL;
    fx_next(fx);
    if (fx->token.kind == '}') {
        fx_next(fx);
        return value;
    }
    do {
        struct fx_token key = fx->token;
        if (!expect(fx, FX_NAME, "a name") || !expect(fx, ':', "\":\"")) {
            break;
        }
        char *key_text = is_live ? fx_unquote(fx, key.text) : NULL;
        struct json *member = expression(fx, is_live);
        if (member != NULL && key_text != NULL && value != NULL) {
            if (json_put(value, key_text, member) < 0) {
                fx_keep(fx, NULL);
            }
        } else {
            json_free(member);
        }
        free(key_text);
    } while (has_more(fx, '}'));
    return value;
}

/* [value, ...] */
static struct json *table(struct fx *fx, bool is_live) {
    struct json *value = is_live ? fx_keep(fx, json_array()) : NULL;
    fx_next(fx);
    if (fx->token.kind == ']') {
        fx_next(fx);
        return value;
    }
    do {
        struct json *element = expression(fx, is_live);
        if (element != NULL && json_push(value, element) < 0) {
            fx_keep(fx, NULL);
        }
    } while (has_more(fx, ']'));
    return value;
}

/* A label, or a call. */
static struct json *name(struct fx *fx, bool is_live) {
    struct slice text = fx->token.text;
    fx_next(fx);
    if (fx->token.kind == '(') {
        fx_next(fx);
        return call(fx, text, is_live);
    }
    if (fx->token.kind != '.') {
        return fx_fail(fx, "\"%.*s\" means nothing here: labels are job.Name, texts stand in \"\"",
                       SLICE_ARG(fx_shown(text)));
    }
    fx_next(fx);
    return label(fx, text, is_live);
}

static struct json *label(struct fx *fx, struct slice scope, bool is_live) {
    struct fx_token token = fx->token;
    bool is_name = token.kind == FX_NAME || token.is_word || token.kind == FX_IN || token.kind == FX_EXACT_IN ||
                   token.kind == FX_TRUE || token.kind == FX_FALSE;
    if (!is_name) {
        return fx_fail(fx, "the name of a label is missing after the dot");
    }
    if (!slice_is(scope, "job") && !slice_is(scope, "worker")) {
        return fx_fail(fx, "\"%.*s\" is not known: labels are job.Name or worker.Name",
                       SLICE_ARG(fx_shown(scope)));
    }
    char *key = fx_unquote(fx, token.text);
    struct json *value = is_live && key != NULL ? label_value(fx, scope, key) : NULL;
    free(key);
    fx_next(fx);
    return value;
}

static struct json *label_value(struct fx *fx, struct slice scope, const char *key) {
    bool is_worker = slice_is(scope, "worker");
    if (is_worker && !fx->input->has_worker) {
        return fx_fail(fx, "worker.%.*s has no meaning here: no worker is judged",
                       SLICE_ARG(fx_shown(slice_of(key))));
    }
    const struct json *value = json_get(is_worker ? fx->input->worker : fx->input->job, key);
    const char *text = json_string_of(value);
    if (text != NULL && strlen(text) > POWERFX_TEXT) {
        return fx_fail(fx, "the label \"%.*s\" is longer than %d bytes", SLICE_ARG(fx_shown(slice_of(key))),
                       POWERFX_TEXT);
    }
    return fx_keep(fx, value == NULL ? json_none() : json_copy(value));
}

/* After the opening bracket. */
static struct json *call(struct fx *fx, struct slice name, bool is_live) {
    static const struct {
        const char *name;
        fx_lazy *function;
    } lazy[] = {
        {"If", lazy_if}, {"Switch", lazy_switch}, {"Coalesce", lazy_coalesce}, {"And", lazy_and}, {"Or", lazy_or}};
    for (size_t i = 0; i < sizeof lazy / sizeof lazy[0]; i++) {
        if (slice_is(name, lazy[i].name)) {
            return lazy[i].function(fx, is_live);
        }
    }
    return call_eager(fx, name, is_live);
}

static struct json *call_eager(struct fx *fx, struct slice name, bool is_live) {
    const struct fx_function *function = fx_find_function(name);
    struct json *arguments[POWERFX_ARGUMENTS];
    struct json *value = NULL;
    size_t count = 0;
    if (function == NULL) {
        fx_fail_function(fx, name);
        return NULL;
    }
    bool is_more = fx->token.kind != ')';
    if (!is_more) {
        fx_next(fx);
    }
    while (is_more && count < POWERFX_ARGUMENTS) {
        arguments[count++] = expression(fx, is_live);
        is_more = has_more(fx, ')');
    }
    if (!fx->is_failed && (is_more || count < function->least || count > function->most)) {
        fx_fail(fx, "%s wants %zu%s argument(s)", function->name, function->least,
                function->most > function->least ? " or more" : "");
    }
    if (is_live && !fx->is_failed) {
        struct fx_token next = fx->token;
        fx->token.text = name; /* what goes wrong is the function's */
        value = function->call(fx, arguments, count);
        fx->token = next;
    }
    while (count > 0) {
        json_free(arguments[--count]);
    }
    return value;
}

static bool expect(struct fx *fx, int kind, const char *what) {
    if (!fx->is_failed && fx->token.kind != kind) {
        fx_fail(fx, "%s is missing", what);
    }
    if (fx->is_failed) {
        return false;
    }
    fx_next(fx);
    return true;
}

/* Past the comma, or, with false, past the end. */
static bool has_more(struct fx *fx, int end) {
    if (!fx->is_failed && fx->token.kind == ',') {
        fx_next(fx);
        return !fx->is_failed;
    }
    expect(fx, end, end == ')' ? "\",\" or \")\"" : end == ']' ? "\",\" or \"]\"" : "\",\" or \"}\"");
    return false;
}

/* If(condition, value, ..., otherwise) */
static struct json *lazy_if(struct fx *fx, bool is_live) {
    struct json *result = NULL;
    bool is_found = !is_live;
    for (size_t count = 0;; count++) {
        struct json *value = expression(fx, !is_found);
        bool truth = false;
        if (!has_more(fx, ')')) {
            if (count == 0) {
                fx_fail(fx, "If wants a condition and a value");
            }
            if (is_found) {
                return result;
            }
            return value;
        }
        if (!is_found && fx_truth(fx, value, &truth) < 0) {
            json_free(value);
            return NULL;
        }
        json_free(value);
        value = expression(fx, truth);
        if (truth) {
            result = value;
            is_found = true;
        }
        if (!has_more(fx, ')')) {
            return is_found ? result : fx_keep(fx, json_none());
        }
    }
}

/* Switch(value, match, result, ..., otherwise) */
static struct json *lazy_switch(struct fx *fx, bool is_live) {
    struct json *subject = expression(fx, is_live);
    struct json *result = NULL;
    bool is_found = !is_live;
    for (bool is_more = has_more(fx, ')'); is_more;) {
        struct json *value = expression(fx, !is_found);
        is_more = has_more(fx, ')');
        if (!is_more) {
            result = is_found ? result : value;
            is_found = true;
            break;
        }
        bool is_it = !is_found && !fx->is_failed && fx_is_equal(subject, value);
        json_free(value);
        value = expression(fx, is_it);
        if (is_it) {
            result = value;
            is_found = true;
        }
        is_more = has_more(fx, ')');
    }
    json_free(subject);
    return is_found ? result : fx_keep(fx, json_none());
}

static struct json *lazy_coalesce(struct fx *fx, bool is_live) {
    struct json *result = NULL;
    do {
        bool is_open = is_live && result == NULL;
        struct json *value = expression(fx, is_open);
        if (is_open && !fx->is_failed && !fx_is_blank(value)) {
            result = value;
        } else {
            json_free(value);
        }
    } while (has_more(fx, ')'));
    return result != NULL || !is_live ? result : fx_keep(fx, json_none());
}

static struct json *lazy_and(struct fx *fx, bool is_live) {
    return all_or_any(fx, is_live, true);
}

static struct json *lazy_or(struct fx *fx, bool is_live) {
    return all_or_any(fx, is_live, false);
}

static struct json *all_or_any(struct fx *fx, bool is_live, bool is_all) {
    bool truth = is_all;
    do {
        bool is_open = is_live && truth == is_all;
        struct json *value = expression(fx, is_open);
        if (is_open && !fx->is_failed) {
            fx_truth(fx, value, &truth);
        }
        json_free(value);
    } while (has_more(fx, ')'));
    return is_live && !fx->is_failed ? fx_keep(fx, json_bool(truth)) : NULL;
}
