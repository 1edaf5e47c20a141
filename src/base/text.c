#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

/* Longer texts are no names. */
enum { DISTANCE_LENGTH_MAX = 256 };

static size_t utf8_size(struct slice rest);
static bool is_visible(const char *character, size_t size);
static size_t fill_distances(struct slice a, struct slice b);
static size_t smaller(size_t a, size_t b);
static char lower(char c);
static int hex_digit(char c);
static bool is_host(struct slice host, bool is_v6);

int text_to_uint64(struct slice text, uint64_t *value) {
    uint64_t number = 0;
    if (text.length == 0) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return -1;
        }
        uint64_t digit = (uint64_t)(text.bytes[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return -1;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return 0;
}

int text_append_visible(struct buffer *out, struct slice text) {
    static const char digits[] = "0123456789abcdef";
    int result = 0;
    while (text.length > 0 && result == 0) {
        size_t size = utf8_size(text);
        if (size > 0 && is_visible(text.bytes, size)) {
            result = buffer_append(out, text.bytes, size);
        } else {
            size = 1;
            unsigned char byte = (unsigned char)text.bytes[0];
            result = buffer_append(out, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
        }
        text = slice_make(text.bytes + size, text.length - size);
    }
    return result;
}

const char *text_nearest(struct slice name, const char *const *names) {
    const char *nearest = NULL;
    size_t most = smaller(name.length / 3, 3);
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t distance = text_distance(name, slice_of(names[i]), most);
        if (distance == 0) {
            return names[i];
        }
        if (distance <= most) {
            nearest = names[i];
            most = distance - 1;
        }
    }
    return nearest;
}

size_t text_distance(struct slice a, struct slice b, size_t most) {
    size_t difference = a.length > b.length ? a.length - b.length : b.length - a.length;
    if (difference > most || a.length > DISTANCE_LENGTH_MAX || b.length > DISTANCE_LENGTH_MAX) {
        return slice_equal_ignoring_case(a, b) ? 0 : most + 1;
    }
    return smaller(fill_distances(a, b), most + 1);
}

int text_append_percent(struct buffer *out, struct slice text) {
    static const char digits[] = "0123456789ABCDEF";
    static const char marks[] = "-._~";
    size_t start = out->length;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        unsigned char byte = (unsigned char)c;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        memchr(marks, c, sizeof marks - 1) != NULL;
        int result = is_plain ? buffer_append_char(out, c)
                              : buffer_append(out, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
        if (result < 0) {
            buffer_truncate(out, start);
            return -1;
        }
    }
    return 0;
}

int text_append_unpercent(struct buffer *out, struct slice text, bool is_query) {
    size_t start = out->length;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.bytes[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_digit(text.bytes[i + 2]) : -1;
            c = high < 0 || low < 0 ? '\0' : (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c == '\0' || buffer_append_char(out, c) < 0) {
            buffer_truncate(out, start);
            return -1;
        }
    }
    return 0;
}

bool text_is_utf8(struct slice text) {
    while (text.length > 0) {
        size_t size = utf8_size(text);
        if (size == 0) {
            return false;
        }
        text = slice_make(text.bytes + size, text.length - size);
    }
    return true;
}

int text_parse_address(const char *text, char host[TEXT_HOST_SIZE], uint16_t *port, struct error *error) {
    bool is_v6 = text[0] == '[';
    const char *name = is_v6 ? text + 1 : text;
    const char *end = is_v6 ? strstr(name, "]:") : strrchr(name, ':');
    const char *digits = end == NULL ? NULL : end + (is_v6 ? 2 : 1);
    uint64_t number = 0;
    struct slice found = slice_make(name, end == NULL ? 0 : (size_t)(end - name));
    if (end == NULL || !is_host(found, is_v6)) {
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is not an address: write HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080", text);
    }
    if (strlen(digits) > 5 || text_to_uint64(slice_of(digits), &number) < 0 || number > UINT16_MAX) {
        return error_set(
            error, ERROR_INVALID,
            "\"%s\" has no port: write a number from 0 to 65535 after the last colon (0 takes a free one)", text);
    }
    memcpy(host, found.bytes, found.length);
    host[found.length] = '\0';
    *port = (uint16_t)number;
    return 0;
}

bool text_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return slice_equal_ignoring_case(slice_of(host), slice_of("localhost"));
}

bool text_looks_like_v4(struct slice host) {
    while (slice_ends_with(host, ".")) {
        host.length--;
    }
    size_t digits = 0;
    while (digits < host.length && isdigit((unsigned char)host.bytes[host.length - 1 - digits])) {
        digits++;
    }
    return digits > 0 && (digits == host.length || host.bytes[host.length - 1 - digits] == '.');
}

/* The size of the character at the start (RFC 3629), or 0 when there is none. */
static size_t utf8_size(struct slice rest) {
    const unsigned char *bytes = (const unsigned char *)rest.bytes;
    unsigned char first = bytes[0];
    if (first < 0x80) {
        return 1;
    }
    size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size == 0 || size > rest.length) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (first == 0xE0 && bytes[1] < 0xA0) || (first == 0xF0 && bytes[1] < 0x90);
    bool is_surrogate = first == 0xED && bytes[1] > 0x9F;
    bool is_past_the_end = first == 0xF4 && bytes[1] > 0x8F;
    return is_overlong || is_surrogate || is_past_the_end ? 0 : size;
}

static bool is_visible(const char *character, size_t size) {
    unsigned char first = (unsigned char)character[0];
    if (size == 1) {
        return first >= 0x20 && first != 0x7F;
    }
    unsigned char second = (unsigned char)character[1];
    if (size == 2) {
        return first != 0xC2 || second >= 0xA0; /* C1 */
    }
    unsigned char third = (unsigned char)character[2];
    bool is_separator = second == 0x80 && third >= 0xA8 && third <= 0xAE; /* U+2028 to U+202E */
    bool is_isolate = second == 0x81 && third >= 0xA6 && third <= 0xA9;   /* U+2066 to U+2069 */
    return first != 0xE2 || !(is_separator || is_isolate);
}

/* The usual table, of which three rows are kept: swapped neighbours look two rows back. */
static size_t fill_distances(struct slice a, struct slice b) {
    size_t rows[3][DISTANCE_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b.length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            char x = lower(a.bytes[i - 1]);
            char y = lower(b.bytes[j - 1]);
            row[j] = smaller(above[j - 1] + (x == y ? 0 : 1), smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b.bytes[j - 2]) && y == lower(a.bytes[i - 2])) {
                row[j] = smaller(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a.length % 3][b.length];
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_host(struct slice host, bool is_v6) {
    char text[TEXT_HOST_SIZE];
    struct in6_addr address;
    if (host.length == 0 || host.length >= sizeof text) {
        return false;
    }
    memcpy(text, host.bytes, host.length);
    text[host.length] = '\0';
    if (is_v6) {
        return inet_pton(AF_INET6, text, &address) == 1;
    }
    return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._") == host.length;
}
