/* Lua 5.4's tokens, one at a time, from bytes that lie in memory. Nothing is copied and nothing allocated; any
 * bytes will do, and each call gets on by one token at least. What Lua would refuse is LEX_BAD, and stays so.
 * Private to the room.
 */
#ifndef INSPECT_LEXER_H
#define INSPECT_LEXER_H

#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum lexer_kind {
    LEX_END,
    LEX_BAD,
    LEX_NAME,
    LEX_WORD,   /* reserved: while, nil */
    LEX_SYMBOL, /* an operator or a bracket: .. */
    LEX_NUMBER,
    LEX_STRING,
};

struct lexer_token {
    enum lexer_kind kind;
    unsigned line;     /* where it begins, from 1 */
    size_t offset;     /* in the bytes: tells one token from all others */
    struct slice text; /* into the bytes; of a string what is between its quotes or brackets */
    bool has_escapes;  /* of a string: its text is not what it stands for */
};

struct lexer {
    struct slice text;
    size_t at;
    unsigned line;
    bool is_broken;
};

/* A byte order mark and a first line that begins with '#' are passed over, as the worker does. */
struct lexer lexer_start(struct slice text);
struct lexer_token lexer_next(struct lexer *lexer);

#endif
