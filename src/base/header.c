#include "base/header.h"

bool header_is_token(struct slice text) {
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < text.length; i++) {
        if (memchr(allowed, text.bytes[i], sizeof allowed - 1) == NULL) {
            return false;
        }
    }
    return text.length > 0;
}

bool header_is_value(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool header_is_framing(struct slice name) {
    static const char *const names[] = {"Connection",        "Content-Length",   "Expect", "Host",
                                        "Keep-Alive",        "Proxy-Connection", "TE",     "Trailer",
                                        "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_equal_ignoring_case(name, slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}
