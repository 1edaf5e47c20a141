#include "json/scan.h"
#include <string.h>

static const char *scan_escape(const char *from, const char *end, struct json_fault *fault);
static const char *scan_unicode_escape(const char *from, const char *end, struct json_fault *fault);
static const char *decode_escape(const char *from, char **out);
static char *put_utf8(char *out, uint32_t code);
static int read_hex4(const char *from, const char *end, uint32_t *code);
static const char *refuse(struct json_fault *fault, const char *where, const char *why);

const char *json_scan_string(const char *from, const char *end, bool *has_escapes, struct json_fault *fault) {
    *has_escapes = false;
    while (from != NULL) {
        from += json_plain_run(from, end);
        if (from == end) {
            return refuse(fault, end, "the text ends inside a string");
        }
        unsigned char c = (unsigned char)*from;
        if (c == '"') {
            return from;
        }
        if (c == '\\') {
            *has_escapes = true;
            from = scan_escape(from, end, fault);
        } else if (c < 0x20) {
            return refuse(fault, from, "a control character in a string: it must be escaped");
        } else {
            size_t length = json_utf8_length(from, end);
            if (length == 0) {
                return refuse(fault, from, "bytes in a string that are no UTF-8");
            }
            from += length;
        }
    }
    return NULL;
}

size_t json_decode_string(const char *from, const char *end, char *out) {
    char *start = out;
    while (from < end) {
        const char *escape = memchr(from, '\\', (size_t)(end - from));
        size_t plain = (size_t)((escape == NULL ? end : escape) - from);
        memcpy(out, from, plain);
        out += plain;
        from += plain;
        if (escape != NULL) {
            from = decode_escape(from, &out);
        }
    }
    return (size_t)(out - start);
}

size_t json_utf8_length(const char *from, const char *end) {
    const unsigned char *byte = (const unsigned char *)from;
    size_t left = (size_t)(end - from);
    /* The second byte's range is what excludes overlong forms, surrogates and codes past U+10FFFF. */
    unsigned char least = 0x80;
    unsigned char most = 0xBF;
    size_t length;
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF) {
        length = 2;
    } else if (byte[0] >= 0xE0 && byte[0] <= 0xEF) {
        length = 3;
        least = byte[0] == 0xE0 ? 0xA0 : least;
        most = byte[0] == 0xED ? 0x9F : most;
    } else if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        length = 4;
        least = byte[0] == 0xF0 ? 0x90 : least;
        most = byte[0] == 0xF4 ? 0x8F : most;
    } else {
        return 0;
    }
    if (left < length || byte[1] < least || byte[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

/* From the backslash to the byte after the escape. */
static const char *scan_escape(const char *from, const char *end, struct json_fault *fault) {
    if (end - from < 2) {
        return refuse(fault, end, "the text ends inside a string");
    }
    switch (from[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return from + 2;
    case 'u': return scan_unicode_escape(from, end, fault);
    default: return refuse(fault, from, "an unknown escape in a string");
    }
}

static const char *scan_unicode_escape(const char *from, const char *end, struct json_fault *fault) {
    uint32_t code;
    if (read_hex4(from + 2, end, &code) < 0) {
        return refuse(fault, from, "\\u in a string without four hexadecimal digits");
    }
    if (code < 0xD800 || code > 0xDFFF) {
        return from + 6;
    }
    uint32_t low;
    if (code > 0xDBFF || end - from < 12 || from[6] != '\\' || from[7] != 'u' ||
        read_hex4(from + 8, end, &low) < 0 || low < 0xDC00 || low > 0xDFFF) {
        return refuse(fault, from, "\\u in a string with half of a surrogate pair");
    }
    return from + 12;
}

/* The escape was accepted before: only its meaning is left. */
static const char *decode_escape(const char *from, char **out) {
    switch (from[1]) {
    case 'b': *(*out)++ = '\b'; return from + 2;
    case 'f': *(*out)++ = '\f'; return from + 2;
    case 'n': *(*out)++ = '\n'; return from + 2;
    case 'r': *(*out)++ = '\r'; return from + 2;
    case 't': *(*out)++ = '\t'; return from + 2;
    case 'u': break;
    default: *(*out)++ = from[1]; return from + 2;
    }
    uint32_t code = 0;
    (void)read_hex4(from + 2, from + 6, &code);
    from += 6;
    if (code >= 0xD800 && code <= 0xDBFF) {
        uint32_t low = 0;
        (void)read_hex4(from + 2, from + 6, &low);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        from += 6;
    }
    *out = put_utf8(*out, code);
    return from;
}

static char *put_utf8(char *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xC0 | (code >> 6));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | (code >> 12));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
    } else {
        *out++ = (char)(0xF0 | (code >> 18));
        *out++ = (char)(0x80 | ((code >> 12) & 0x3F));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
    }
    *out++ = (char)(0x80 | (code & 0x3F));
    return out;
}

static int read_hex4(const char *from, const char *end, uint32_t *code) {
    if (end - from < 4) {
        return -1;
    }
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)from[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = c - (unsigned)'0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20U) - (unsigned)'a' + 10;
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    *code = value;
    return 0;
}

static const char *refuse(struct json_fault *fault, const char *where, const char *why) {
    *fault = (struct json_fault){.where = where, .why = why};
    return NULL;
}
