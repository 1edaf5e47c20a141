#include "worker/bytes.h"
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int bytes_append_base64(struct buffer *out, struct slice bytes) {
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t count = bytes.length - i < 3 ? bytes.length - i : 3;
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < count ? (unsigned char)bytes.bytes[i + k] : 0);
        }
        char text[4];
        for (size_t k = 0; k < 4; k++) {
            text[k] = k <= count ? alphabet[group >> (18 - 6 * k) & 63] : '=';
        }
        if (buffer_append(out, text, sizeof text) < 0) {
            return -1;
        }
    }
    return 0;
}

int bytes_append_unbase64(struct buffer *out, struct slice text) {
    size_t before = out->length;
    if (text.length % 4 != 0) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i += 4) {
        bool is_last = i + 4 == text.length;
        size_t padding = !is_last || text.bytes[i + 3] != '=' ? 0 : text.bytes[i + 2] != '=' ? 1 : 2;
        uint32_t group = 0;
        for (size_t k = 0; k < 4 - padding; k++) {
            const char *place = memchr(alphabet, text.bytes[i + k], sizeof alphabet - 1);
            if (place == NULL) {
                buffer_truncate(out, before);
                return -1;
            }
            group |= (uint32_t)(place - alphabet) << (18 - 6 * k);
        }
        const char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        if (buffer_append(out, bytes, 3 - padding) < 0) {
            return -1;
        }
    }
    return 0;
}
