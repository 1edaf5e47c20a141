/* What the files of the formula evaluator share. Private to them.
 *
 * A value is a JSON tree that its holder frees; NULL stands for "none": the formula failed, or this part of it is
 * only read and not evaluated (the branch of If that is not taken). What is not evaluated must still be well
 * written. */
#ifndef SIM_POWERFX_PARTS_H
#define SIM_POWERFX_PARTS_H

#include "base/buffer.h"
#include "base/slice.h"
#include "sim/powerfx.h"
#include <stdbool.h>

/* Operators and punctuation of one character stand for themselves. */
enum fx_kind {
    FX_END = 256,
    FX_NUMBER,
    FX_TEXT,
    FX_NAME,
    FX_TRUE,
    FX_FALSE,
    FX_AND, /* && And */
    FX_OR,  /* || Or */
    FX_NOT, /* ! Not */
    FX_IN,
    FX_EXACT_IN,
    FX_NOT_EQUAL,
    FX_LESS_EQUAL,
    FX_GREATER_EQUAL
};

struct fx_token {
    int kind;
    struct slice text; /* as written, with quotes */
    bool is_word;      /* And, Or, Not: may also name a function */
};

struct fx {
    const char *formula;
    const char *next; /* behind the token */
    struct fx_token token;
    const struct sim_rule_input *input;
    unsigned depth;
    bool is_failed;
    char *words;
    size_t size;
};

/* powerfx_token.c */
/* Reads the next token; at the end FX_END, again and again. */
void fx_next(struct fx *fx);
/* The text in a quoted token, without the quotes; NULL when that failed. The caller frees it. */
char *fx_unquote(struct fx *fx, struct slice quoted);
/* Fails with the words, and the place of the token. Only the first failure counts. NULL, for those that hand it
 * on. */
struct json *fx_fail(struct fx *fx, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The beginning of what was written, short enough for such words. */
struct slice fx_shown(struct slice text);
/* The value, or, when there was no memory for one, a failure without words. */
struct json *fx_keep(struct fx *fx, struct json *value);

/* powerfx_values.c: what a value counts as where another kind is wanted. -1 when it is none, with the failure. */
int fx_truth(struct fx *fx, const struct json *value, bool *truth);
int fx_number(struct fx *fx, const struct json *value, double *number);
/* Appended to `out`; bounded by it. */
int fx_text(struct fx *fx, const struct json *value, struct buffer *out);
struct json *fx_make_number(struct fx *fx, double number);
/* Takes what the buffer holds. */
struct json *fx_make_text(struct fx *fx, struct buffer *text);
bool fx_is_equal(const struct json *a, const struct json *b);
bool fx_is_blank(const struct json *value); /* or an empty text */
/* `left operator right`, without && and ||, which are no matter of values. */
struct json *fx_apply(struct fx *fx, int sign, const struct json *left, const struct json *right);

/* powerfx_functions.c: those that want all their arguments. */
struct fx_function {
    const char *name;
    size_t least, most; /* arguments */
    struct json *(*call)(struct fx *fx, struct json *const *arguments, size_t count);
};
/* NULL: there is none of that name. */
const struct fx_function *fx_find_function(struct slice name);
/* Says so, with the nearest name that there is. */
void fx_fail_function(struct fx *fx, struct slice name);

#endif
