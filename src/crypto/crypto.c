#include "crypto/crypto.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct crypto_digest *)NULL)->state),
               "libsodium's state must fit");
_Static_assert(_Alignof(struct crypto_digest) % _Alignof(crypto_generichash_state) == 0,
               "libsodium's state must be aligned");
_Static_assert(CRYPTO_SHA256_SIZE == crypto_hash_sha256_BYTES &&
                   CRYPTO_SHA256_SIZE == crypto_auth_hmacsha256_BYTES,
               "SHA-256 has 32 bytes");
_Static_assert(CRYPTO_DIGEST_SIZE >= crypto_generichash_BYTES_MIN, "BLAKE2b has at least 16 bytes here");

static const unsigned char *bytes_of(struct slice bytes);
static crypto_generichash_state *state_of(struct crypto_digest *digest);
static bool is_ascii(struct slice text);

int crypto_start(struct error *error) {
    if (sodium_init() < 0) {
        return error_set(error, ERROR_SYSTEM, "libsodium cannot start: no source of random numbers");
    }
    return 0;
}

void crypto_sha256(struct slice bytes, uint8_t digest[CRYPTO_SHA256_SIZE]) {
    crypto_hash_sha256(digest, bytes_of(bytes), bytes.length);
}

void crypto_hmac_sha256(struct slice key, struct slice bytes, uint8_t digest[CRYPTO_SHA256_SIZE]) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.length);
    crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.length);
    crypto_auth_hmacsha256_final(&state, digest);
    sodium_memzero(&state, sizeof state);
}

void crypto_digest_begin(struct crypto_digest *digest) {
    crypto_generichash_init(state_of(digest), NULL, 0, CRYPTO_DIGEST_SIZE);
}

void crypto_digest_part(struct crypto_digest *digest, struct slice bytes) {
    unsigned char length[8];
    for (size_t i = 0; i < sizeof length; i++) {
        length[i] = (unsigned char)((uint64_t)bytes.length >> (8 * i));
    }
    crypto_generichash_update(state_of(digest), length, sizeof length);
    crypto_generichash_update(state_of(digest), bytes_of(bytes), bytes.length);
}

void crypto_digest_end(struct crypto_digest *digest, uint8_t out[CRYPTO_DIGEST_SIZE]) {
    crypto_generichash_final(state_of(digest), out, CRYPTO_DIGEST_SIZE);
}

bool crypto_equal(struct slice a, struct slice b) {
    return a.length == b.length && sodium_memcmp(bytes_of(a), bytes_of(b), a.length) == 0;
}

int crypto_append_base64(struct buffer *out, struct slice bytes) {
    size_t size = sodium_base64_ENCODED_LEN(bytes.length, sodium_base64_VARIANT_ORIGINAL); /* with a terminator */
    char *room = buffer_reserve(out, size - 1);
    if (room == NULL) {
        return -1;
    }
    sodium_bin2base64(room, size, bytes_of(bytes), bytes.length, sodium_base64_VARIANT_ORIGINAL);
    buffer_grew(out, size - 1);
    return 0;
}

int crypto_append_unbase64(struct buffer *out, struct slice text) {
    if (!is_ascii(text)) {
        return -1;
    }
    size_t most = text.length / 4 * 3;
    size_t length = 0;
    unsigned char *room = (unsigned char *)buffer_reserve(out, most);
    if (room == NULL) {
        return -1;
    }
    /* Without an end pointer, anything behind the base64 is an error as well. */
    int result = sodium_base642bin(room, most, (const char *)bytes_of(text), text.length, NULL, &length, NULL,
                                   sodium_base64_VARIANT_ORIGINAL);
    buffer_grew(out, result < 0 ? 0 : length);
    return result < 0 ? -1 : 0;
}

void crypto_random(void *bytes, size_t length) {
    randombytes_buf(bytes, length);
}

void crypto_wipe(void *bytes, size_t length) {
    sodium_memzero(bytes, length);
}

const char *crypto_digest_text(const uint8_t digest[CRYPTO_DIGEST_SIZE], char text[CRYPTO_DIGEST_TEXT_SIZE]) {
    return sodium_bin2hex(text, CRYPTO_DIGEST_TEXT_SIZE, digest, CRYPTO_DIGEST_SIZE);
}

const char *crypto_uuid(char text[CRYPTO_UUID_SIZE]) {
    uint8_t bytes[CRYPTO_DIGEST_SIZE];
    char digits[CRYPTO_DIGEST_TEXT_SIZE];
    randombytes_buf(bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* RFC 4122's variant */
    crypto_digest_text(bytes, digits);
    size_t place = 0;
    for (size_t i = 0; i < sizeof digits; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            text[place++] = '-';
        }
        text[place++] = digits[i];
    }
    return text;
}

/* libsodium wants a pointer even where there is nothing. */
static const unsigned char *bytes_of(struct slice bytes) {
    return (const unsigned char *)(bytes.bytes == NULL ? "" : bytes.bytes);
}

static crypto_generichash_state *state_of(struct crypto_digest *digest) {
    return (crypto_generichash_state *)(void *)digest->state;
}

/* libsodium 1.0.18 takes some bytes above 0x7F for base64 digits. */
static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.bytes[i] > 0x7F) {
            return false;
        }
    }
    return true;
}
