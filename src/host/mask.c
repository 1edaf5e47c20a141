/* Finds the values of secrets in what an upstream answered. This is against echoes, not against an upstream that
 * wants to hand a value on: it has it, and can write it in a thousand ways. */
#include "base/text.h"
#include "crypto/crypto.h"
#include "host/secrets.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ENCODED_LEAST = 6, SHIFTS = 3 };

/* What of a value's base64 does not depend on its neighbours, for each way that it can lie in the groups of
 * three. */
struct encoded {
    struct buffer texts[SHIFTS];
    bool may_begin[256]; /* by the first byte: most of a text is passed over so */
};

static int encode(const char *value, struct encoded *encoded);
static size_t match(const char *value, const struct encoded *encoded, struct slice text);
static size_t match_loosely(const char *value, struct slice text);
static size_t match_byte(unsigned char byte, struct slice text);
static size_t match_escape(unsigned char byte, struct slice text);
static size_t match_entity(unsigned char byte, struct slice text);
static size_t match_base64(const struct buffer *encoded, struct slice text);
static int hex(const char *digits, int count);
static int mask_one(const struct config_secret *secret, struct slice text, struct buffer *out);

int secrets_mask(const struct config_secret *secrets, struct slice text, struct buffer *out) {
    struct buffer current, next;
    int result = 0;
    buffer_init(&current, out->limit);
    for (const struct config_secret *secret = secrets; result == 0 && secret != NULL && secret->name != NULL;
         secret++) {
        buffer_init(&next, out->limit);
        result = mask_one(secret, text, &next);
        secrets_wipe(&current);
        current = next;
        text = buffer_slice(&current);
    }
    if (result == 0) {
        result = buffer_append_slice(out, text);
    }
    secrets_wipe(&current);
    return result;
}

static int mask_one(const struct config_secret *secret, struct slice text, struct buffer *out) {
    struct encoded encoded;
    int result = encode(secret->value, &encoded);
    size_t start = 0;
    for (size_t at = 0; result == 0 && at < text.length;) {
        size_t length = !encoded.may_begin[(unsigned char)text.bytes[at]]
                            ? 0
                            : match(secret->value, &encoded, slice_make(text.bytes + at, text.length - at));
        if (length == 0) {
            at++;
            continue;
        }
        buffer_append(out, text.bytes + start, at - start);
        result = buffer_append_format(out, "secret(%s)", secret->name);
        at += length;
        start = at;
    }
    if (result == 0 && text.length > start) {
        result = buffer_append(out, text.bytes + start, text.length - start);
    }
    for (size_t i = 0; i < SHIFTS; i++) {
        secrets_wipe(&encoded.texts[i]);
    }
    return result;
}

static int encode(const char *value, struct encoded *encoded) {
    static const size_t first[SHIFTS] = {0, 2, 3};
    static const size_t cut[3] = {0, 3, 2}; /* by what is left over of the last group */
    size_t length = strlen(value);
    int result = 0;
    memset(encoded->may_begin, 0, sizeof encoded->may_begin);
    for (const char *c = "%\\&+-_"; *c != '\0'; c++) {
        encoded->may_begin[(unsigned char)*c] = true;
    }
    encoded->may_begin[(unsigned char)value[0]] = true;
    for (size_t shift = 0; shift < SHIFTS; shift++) {
        struct buffer plain, *text = &encoded->texts[shift];
        buffer_init(&plain, length + SHIFTS);
        buffer_init(text, 2 * length + 16);
        buffer_append(&plain, "\0\0", shift);
        buffer_append(&plain, value, length);
        if (crypto_append_base64(text, buffer_slice(&plain)) < 0) {
            result = -1;
        } else {
            buffer_truncate(text, text->length - cut[(length + shift) % 3]);
            buffer_consume(text, first[shift]);
            encoded->may_begin[(unsigned char)text->bytes[0]] = true;
        }
        secrets_wipe(&plain);
    }
    return result;
}

/* The length of what stands for the value at the beginning of the text; 0: nothing. */
static size_t match(const char *value, const struct encoded *encoded, struct slice text) {
    size_t length = match_loosely(value, text);
    for (size_t i = 0; length == 0 && i < SHIFTS; i++) {
        length = match_base64(&encoded->texts[i], text);
    }
    return length;
}

/* Each byte of the value in any of its spellings. */
static size_t match_loosely(const char *value, struct slice text) {
    size_t at = 0;
    for (const char *c = value; *c != '\0'; c++) {
        size_t length = match_byte((unsigned char)*c, slice_make(text.bytes + at, text.length - at));
        if (length == 0) {
            return 0;
        }
        at += length;
    }
    return at;
}

static size_t match_byte(unsigned char byte, struct slice text) {
    if (text.length == 0) {
        return 0;
    }
    unsigned char first = (unsigned char)text.bytes[0];
    if (first == '%' && text.length >= 3 && hex(text.bytes + 1, 2) == byte) {
        return 3;
    }
    if (first == '\\') {
        size_t length = match_escape(byte, text);
        if (length > 0) {
            return length;
        }
    }
    if (first == '&') {
        size_t length = match_entity(byte, text);
        if (length > 0) {
            return length;
        }
    }
    return first == byte || (first == '+' && byte == ' ') ? 1 : 0;
}

/* JSON's. */
static size_t match_escape(unsigned char byte, struct slice text) {
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    if (text.length >= 6 && text.bytes[1] == 'u') {
        return hex(text.bytes + 2, 4) == byte ? 6 : 0;
    }
    if (text.length < 2) {
        return 0;
    }
    const char *letter = memchr(letters, text.bytes[1], sizeof letters - 1);
    unsigned char meant = letter == NULL ? (unsigned char)text.bytes[1] : (unsigned char)bytes[letter - letters];
    return meant == byte && (letter != NULL || strchr("\"\\/", byte) != NULL) ? 2 : 0;
}

/* HTML's. */
static size_t match_entity(unsigned char byte, struct slice text) {
    static const struct {
        unsigned char byte;
        const char *entity;
    } entities[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},    {'"', "&quot;"},  {'"', "&#34;"},
                    {'"', "&#x22;"}, {'\'', "&#39;"}, {'\'', "&#x27;"}, {'\'', "&apos;"}, {'+', "&#43;"}};
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        if (entities[i].byte == byte && slice_starts_with(text, entities[i].entity)) {
            return strlen(entities[i].entity);
        }
    }
    return 0;
}

/* In either alphabet, and percent-encoded. */
static size_t match_base64(const struct buffer *encoded, struct slice text) {
    size_t at = 0;
    if (encoded->length < ENCODED_LEAST) {
        return 0;
    }
    for (size_t i = 0; i < encoded->length; i++) {
        unsigned char c = (unsigned char)encoded->bytes[i];
        struct slice rest = slice_make(text.bytes + at, text.length - at);
        size_t length = match_byte(c, rest);
        if (length == 0 && (c == '+' || c == '/')) {
            length = match_byte(c == '+' ? '-' : '_', rest);
        }
        if (length == 0) {
            return 0;
        }
        at += length;
    }
    return at;
}

static int hex(const char *digits, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        unsigned char c = (unsigned char)digits[i];
        if (!isxdigit(c)) {
            return -1;
        }
        value = value * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return value;
}
