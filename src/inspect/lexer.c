#include "inspect/lexer.h"
#include <string.h>

static bool skip_blanks(struct lexer *lexer);
static bool skip_comment(struct lexer *lexer);
static struct lexer_token take(struct lexer *lexer, enum lexer_kind kind, size_t length);
static struct lexer_token refuse(struct lexer *lexer);
static struct lexer_token take_name(struct lexer *lexer);
static struct lexer_token take_number(struct lexer *lexer);
static struct lexer_token take_quoted(struct lexer *lexer, char quote);
static void skip_escape(struct lexer *lexer);
static struct lexer_token take_long(struct lexer *lexer, size_t opening);
static struct lexer_token take_symbol(struct lexer *lexer);
static size_t long_opening(const struct lexer *lexer);
static bool find_long_end(struct lexer *lexer, size_t opening, struct slice *inner);
static char look(const struct lexer *lexer, size_t ahead);
static bool is_blank(char c);
static bool is_digit(char c);
static bool is_letter(char c);

struct lexer lexer_start(struct slice text) {
    struct lexer lexer = {.text = text, .line = 1};
    if (slice_starts_with(text, "\xEF\xBB\xBF")) {
        lexer.at = 3;
    }
    if (look(&lexer, 0) == '#') {
        const char *newline = memchr(text.bytes + lexer.at, '\n', text.length - lexer.at);
        lexer.at = newline == NULL ? text.length : (size_t)(newline - text.bytes);
    }
    return lexer;
}

struct lexer_token lexer_next(struct lexer *lexer) {
    if (lexer->is_broken || !skip_blanks(lexer)) {
        return refuse(lexer);
    }
    if (lexer->at == lexer->text.length) {
        return take(lexer, LEX_END, 0);
    }
    char c = look(lexer, 0);
    if (is_letter(c)) {
        return take_name(lexer);
    }
    if (is_digit(c) || (c == '.' && is_digit(look(lexer, 1)))) {
        return take_number(lexer);
    }
    if (c == '"' || c == '\'') {
        return take_quoted(lexer, c);
    }
    size_t opening = c == '[' ? long_opening(lexer) : 0;
    return opening > 0 ? take_long(lexer, opening) : take_symbol(lexer);
}

/* And comments. False: one of them does not end. */
static bool skip_blanks(struct lexer *lexer) {
    while (lexer->at < lexer->text.length) {
        char c = look(lexer, 0);
        if (c == '\n') {
            lexer->line++;
            lexer->at++;
        } else if (is_blank(c)) {
            lexer->at++;
        } else if (c == '-' && look(lexer, 1) == '-') {
            if (!skip_comment(lexer)) {
                return false;
            }
        } else {
            break;
        }
    }
    return true;
}

static bool skip_comment(struct lexer *lexer) {
    lexer->at += 2;
    size_t opening = look(lexer, 0) == '[' ? long_opening(lexer) : 0;
    if (opening > 0) {
        struct slice inner;
        return find_long_end(lexer, opening, &inner);
    }
    const char *from = lexer->text.bytes + lexer->at;
    const char *newline =
        lexer->at == lexer->text.length ? NULL : memchr(from, '\n', lexer->text.length - lexer->at);
    lexer->at = newline == NULL ? lexer->text.length : (size_t)(newline - lexer->text.bytes);
    return true;
}

static struct lexer_token take(struct lexer *lexer, enum lexer_kind kind, size_t length) {
    struct lexer_token token = {.kind = kind, .line = lexer->line, .offset = lexer->at};
    token.text = slice_make(lexer->text.bytes + lexer->at, length);
    lexer->at += length;
    return token;
}

static struct lexer_token refuse(struct lexer *lexer) {
    lexer->is_broken = true;
    return (struct lexer_token){.kind = LEX_BAD, .line = lexer->line, .offset = lexer->at};
}

static struct lexer_token take_name(struct lexer *lexer) {
    static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
                                        "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
                                        "repeat",   "return", "then", "true", "until",  "while", NULL};
    size_t length = 1;
    while (is_letter(look(lexer, length)) || is_digit(look(lexer, length))) {
        length++;
    }
    struct lexer_token token = take(lexer, LEX_NAME, length);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (slice_is(token.text, words[i])) {
            token.kind = LEX_WORD;
        }
    }
    return token;
}

/* As Lua reads them: more than is a number, and then looks. Here nobody asks what it is worth. */
static struct lexer_token take_number(struct lexer *lexer) {
    bool is_hexadecimal = look(lexer, 0) == '0' && (look(lexer, 1) | 0x20) == 'x';
    char exponent = is_hexadecimal ? 'p' : 'e';
    size_t length = is_hexadecimal ? 2 : 0;
    for (char c; (c = look(lexer, length)) == '.' || is_digit(c) || is_letter(c);) {
        char next = look(lexer, length + 1);
        length += (c | 0x20) == exponent && (next == '+' || next == '-') ? 2 : 1;
    }
    return take(lexer, LEX_NUMBER, length);
}

static struct lexer_token take_quoted(struct lexer *lexer, char quote) {
    struct lexer_token token = take(lexer, LEX_STRING, 1);
    size_t begin = lexer->at;
    while (lexer->at < lexer->text.length && look(lexer, 0) != quote) {
        char c = look(lexer, 0);
        if (c == '\n') {
            return refuse(lexer);
        }
        if (c == '\\') {
            token.has_escapes = true;
            skip_escape(lexer);
        } else {
            lexer->at++;
        }
    }
    if (lexer->at == lexer->text.length) {
        return refuse(lexer);
    }
    token.text = slice_make(lexer->text.bytes + begin, lexer->at - begin);
    lexer->at++;
    return token;
}

/* What may be more than the backslash and one character: a line's end, and \z with the white space after it. */
static void skip_escape(struct lexer *lexer) {
    lexer->at++;
    if (look(lexer, 0) == 'z') {
        do {
            lexer->line += look(lexer, 0) == '\n';
            lexer->at++;
        } while (is_blank(look(lexer, 0)));
        return;
    }
    lexer->at += look(lexer, 0) == '\r' && look(lexer, 1) == '\n';
    lexer->line += look(lexer, 0) == '\n';
    lexer->at += lexer->at < lexer->text.length;
}

static struct lexer_token take_long(struct lexer *lexer, size_t opening) {
    struct lexer_token token = take(lexer, LEX_STRING, 0);
    if (!find_long_end(lexer, opening, &token.text)) {
        return refuse(lexer);
    }
    if (slice_starts_with(token.text, "\n")) {
        token.text = slice_make(token.text.bytes + 1, token.text.length - 1);
    }
    token.has_escapes = token.text.length > 0 && memchr(token.text.bytes, '\r', token.text.length) != NULL;
    return token;
}

static struct lexer_token take_symbol(struct lexer *lexer) {
    static const char *const longer[] = {"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>", NULL};
    struct slice rest = slice_make(lexer->text.bytes + lexer->at, lexer->text.length - lexer->at);
    for (size_t i = 0; longer[i] != NULL; i++) {
        if (slice_starts_with(rest, longer[i])) {
            return take(lexer, LEX_SYMBOL, strlen(longer[i]));
        }
    }
    char c = look(lexer, 0);
    return c != '\0' && strchr("+-*/%^#&~|<>=(){}[];:,.", c) != NULL ? take(lexer, LEX_SYMBOL, 1) : refuse(lexer);
}

/* The length of "[[" or "[==[" here; 0: there is none. */
static size_t long_opening(const struct lexer *lexer) {
    size_t length = 1;
    while (look(lexer, length) == '=') {
        length++;
    }
    return look(lexer, length) == '[' ? length + 1 : 0;
}

static bool find_long_end(struct lexer *lexer, size_t opening, struct slice *inner) {
    lexer->at += opening;
    size_t begin = lexer->at;
    for (; lexer->at < lexer->text.length; lexer->at++) {
        if (look(lexer, 0) == '\n') {
            lexer->line++;
        } else if (look(lexer, 0) == ']') {
            size_t length = 1;
            while (length < opening - 1 && look(lexer, length) == '=') {
                length++;
            }
            if (length == opening - 1 && look(lexer, length) == ']') {
                *inner = slice_make(lexer->text.bytes + begin, lexer->at - begin);
                lexer->at += opening;
                return true;
            }
        }
    }
    return false;
}

/* '\0' past the end. */
static char look(const struct lexer *lexer, size_t ahead) {
    return ahead < lexer->text.length - lexer->at ? lexer->text.bytes[lexer->at + ahead] : '\0';
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
