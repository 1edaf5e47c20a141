/* The words of a formula. */
#include "sim/powerfx_parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_LENGTH = 100 };

static const char *skip_blanks(struct fx *fx, const char *at);
static void take(struct fx *fx, const char *at, int kind, size_t length);
static void take_quoted(struct fx *fx, const char *at, int kind);
static void take_number(struct fx *fx, const char *at);
static void take_name(struct fx *fx, const char *at);
static void take_sign(struct fx *fx, const char *at);
static bool is_name_byte(char c);
static bool is_digit(char c);

void fx_next(struct fx *fx) {
    const char *at = skip_blanks(fx, fx->next);
    if (*at == '\0') {
        take(fx, at, FX_END, 0);
    } else if (*at == '"') {
        take_quoted(fx, at, FX_TEXT);
    } else if (*at == '\'') {
        take_quoted(fx, at, FX_NAME);
    } else if (is_digit(*at) || (*at == '.' && is_digit(at[1]))) {
        take_number(fx, at);
    } else if (is_name_byte(*at)) {
        take_name(fx, at);
    } else {
        take_sign(fx, at);
    }
}

char *fx_unquote(struct fx *fx, struct slice quoted) {
    char *text = malloc(quoted.length + 1);
    if (text == NULL) {
        fx_keep(fx, NULL);
        return NULL;
    }
    char quote = quoted.length == 0 ? '\0' : quoted.bytes[0];
    bool is_quoted = quote == '"' || quote == '\'';
    size_t length = 0;
    size_t end = is_quoted ? quoted.length - 1 : quoted.length;
    for (size_t i = is_quoted; i < end; i++) {
        text[length++] = quoted.bytes[i];
        i += is_quoted && quoted.bytes[i] == quote; /* it stands twice */
    }
    text[length] = '\0';
    return text;
}

struct json *fx_fail(struct fx *fx, const char *format, ...) {
    if (fx->is_failed) {
        return NULL;
    }
    fx->is_failed = true;
    char what[SIM_WORDS_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(fx->words, fx->size, "the expression cannot be evaluated: %s (at character %zu)", what,
             (size_t)(fx->token.text.bytes - fx->formula) + 1);
    return NULL;
}

struct slice fx_shown(struct slice text) {
    size_t length = text.length;
    if (length > SHOWN_LENGTH) {
        length = SHOWN_LENGTH;
        while (length > 0 && ((unsigned char)text.bytes[length] & 0xc0) == 0x80) {
            length--; /* not through a character */
        }
    }
    return slice_make(text.bytes, length);
}

struct json *fx_keep(struct fx *fx, struct json *value) {
    if (value == NULL && !fx->is_failed) {
        fx->is_failed = true;
        snprintf(fx->words, fx->size, "%s", "");
    }
    return value;
}

/* And comments. */
static const char *skip_blanks(struct fx *fx, const char *at) {
    for (;;) {
        at += strspn(at, " \t\n\v\f\r");
        if (at[0] == '/' && at[1] == '/') {
            at += strcspn(at, "\r\n");
        } else if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            if (end == NULL) {
                take(fx, at, FX_END, 0);
                fx_fail(fx, "the comment has no end");
                return at + strlen(at);
            }
            at = end + 2;
        } else {
            return at;
        }
    }
}

static void take(struct fx *fx, const char *at, int kind, size_t length) {
    fx->token = (struct fx_token){.kind = kind, .text = slice_make(at, length)};
    fx->next = at + length;
}

static void take_quoted(struct fx *fx, const char *at, int kind) {
    const char *end = at + 1;
    while (*end != '\0' && (*end != *at || end[1] == *at)) {
        end += *end == *at ? 2 : 1;
    }
    if (*end == '\0') {
        take(fx, at, FX_END, 0);
        fx_fail(fx, "the quotation mark has no partner");
        return;
    }
    take(fx, at, kind, (size_t)(end + 1 - at));
}

static void take_number(struct fx *fx, const char *at) {
    size_t length = strspn(at, "0123456789");
    length += at[length] == '.';
    length += strspn(at + length, "0123456789");
    if (at[length] == 'e' || at[length] == 'E') {
        size_t sign = at[length + 1] == '+' || at[length + 1] == '-';
        size_t digits = strspn(at + length + 1 + sign, "0123456789");
        length += digits > 0 ? 1 + sign + digits : 0;
    }
    take(fx, at, FX_NUMBER, length);
}

static void take_name(struct fx *fx, const char *at) {
    static const struct {
        const char *word;
        int kind;
        bool is_word;
    } words[] = {
        {"true", FX_TRUE, false}, {"false", FX_FALSE, false}, {"And", FX_AND, true},          {"Or", FX_OR, true},
        {"Not", FX_NOT, true},    {"in", FX_IN, false},       {"exactin", FX_EXACT_IN, false}};
    size_t length = 0;
    while (is_name_byte(at[length]) || is_digit(at[length])) {
        length++;
    }
    take(fx, at, FX_NAME, length);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_is(fx->token.text, words[i].word)) {
            fx->token.kind = words[i].kind;
            fx->token.is_word = words[i].is_word;
        }
    }
}

static void take_sign(struct fx *fx, const char *at) {
    static const struct {
        const char *sign;
        int kind;
    } pairs[] = {
        {"&&", FX_AND}, {"||", FX_OR}, {"<>", FX_NOT_EQUAL}, {"<=", FX_LESS_EQUAL}, {">=", FX_GREATER_EQUAL}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strncmp(at, pairs[i].sign, 2) == 0) {
            take(fx, at, pairs[i].kind, 2);
            return;
        }
    }
    take(fx, at, *at == '!' ? FX_NOT : (unsigned char)*at, 1);
    if (strchr("+-*/^%&=<>!(){}[],.:", *at) == NULL) {
        fx_fail(fx, "the sign \"%c\" has no meaning here", (unsigned char)*at < ' ' ? '?' : *at);
    }
}

/* Letters beyond ASCII belong to names. */
static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
