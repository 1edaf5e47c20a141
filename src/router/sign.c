/* HMAC-SHA256 over method, target, date, host and the body's hash, both sides of it. Facts:
 * learn.microsoft.com, "Sign an HTTP request" (Azure Communication Services). */
#include "base/clock.h"
#include "crypto/crypto.h"
#include "router/router.h"
#include <stdio.h>

#define SIGNED "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="

enum { BASE64_SIZE = 44 + 1 }; /* of 32 bytes, with a terminator */

struct signed_parts {
    struct slice method, target, date, host, content_hash;
};

static int hash(struct slice bytes, char text[BASE64_SIZE]);
static int sign(struct slice key, const struct signed_parts *parts, char text[BASE64_SIZE]);
static int to_base64(const uint8_t digest[CRYPTO_SHA256_SIZE], char text[BASE64_SIZE]);

int router_sign(const struct router_access *access, const char *method, struct slice target, struct slice body,
                int64_t wall_us, struct router_signature *signature) {
    char signed_text[BASE64_SIZE];
    clock_format_http(wall_us, signature->date);
    if (hash(body, signature->content_hash) < 0) {
        return -1;
    }
    struct signed_parts parts = {slice_of(method), target, slice_of(signature->date), slice_of(access->host),
                                 slice_of(signature->content_hash)};
    if (sign(buffer_slice(&access->key), &parts, signed_text) < 0) {
        return -1;
    }
    snprintf(signature->authorization, sizeof signature->authorization, SIGNED "%s", signed_text);
    return 0;
}

const char *router_verify(struct slice key, struct slice method, struct slice target, struct slice host,
                          struct slice date, struct slice content_hash, struct slice authorization,
                          struct slice body, int64_t wall_us, int64_t skew_us) {
    char expected[BASE64_SIZE];
    int64_t signed_at = 0;
    if (!slice_is_set(date) || clock_parse_http(date.bytes, date.length, &signed_at) < 0) {
        return "x-ms-date is missing or no HTTP date";
    }
    if (signed_at < wall_us - skew_us || signed_at > wall_us + skew_us) {
        return "x-ms-date is too far from the present time";
    }
    if (hash(body, expected) < 0) {
        return "there is no memory to check the signature";
    }
    if (!crypto_equal(content_hash, slice_of(expected))) {
        return "x-ms-content-sha256 is not the hash of the body";
    }
    if (!slice_starts_with(authorization, SIGNED)) {
        return "Authorization is not \"" SIGNED "...\"";
    }
    struct signed_parts parts = {method, target, date, host, content_hash};
    if (sign(key, &parts, expected) < 0) {
        return "there is no memory to check the signature";
    }
    size_t skip = strlen(SIGNED);
    if (!crypto_equal(slice_make(authorization.bytes + skip, authorization.length - skip), slice_of(expected))) {
        return "the signature is not the one of this request with this key";
    }
    return NULL;
}

static int hash(struct slice bytes, char text[BASE64_SIZE]) {
    uint8_t digest[CRYPTO_SHA256_SIZE];
    crypto_sha256(bytes, digest);
    return to_base64(digest, text);
}

static int sign(struct slice key, const struct signed_parts *parts, char text[BASE64_SIZE]) {
    uint8_t digest[CRYPTO_SHA256_SIZE];
    struct buffer line;
    buffer_init(&line, parts->method.length + parts->target.length + parts->date.length + parts->host.length +
                           parts->content_hash.length + 4);
    buffer_append_slice(&line, parts->method);
    buffer_append_char(&line, '\n');
    buffer_append_slice(&line, parts->target);
    buffer_append_char(&line, '\n');
    buffer_append_slice(&line, parts->date);
    buffer_append_char(&line, ';');
    buffer_append_slice(&line, parts->host);
    buffer_append_char(&line, ';');
    buffer_append_slice(&line, parts->content_hash);
    bool is_whole = !line.is_broken;
    if (is_whole) {
        crypto_hmac_sha256(key, buffer_slice(&line), digest);
    }
    buffer_reset(&line);
    return is_whole ? to_base64(digest, text) : -1;
}

static int to_base64(const uint8_t digest[CRYPTO_SHA256_SIZE], char text[BASE64_SIZE]) {
    struct buffer out;
    buffer_init(&out, BASE64_SIZE);
    int result = crypto_append_base64(&out, slice_make((const char *)digest, CRYPTO_SHA256_SIZE));
    if (result == 0) {
        memcpy(text, out.bytes, out.length + 1);
    }
    buffer_reset(&out);
    return result;
}
