/* What the program needs of cryptography, all of it libsodium's. crypto_start comes first, once, before threads;
 * the rest may be called from any thread. Nothing here allocates. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_SHA256_SIZE = 32, CRYPTO_DIGEST_SIZE = 16 };

int crypto_start(struct error *error);

void crypto_sha256(struct slice bytes, uint8_t digest[CRYPTO_SHA256_SIZE]);
void crypto_hmac_sha256(struct slice key, struct slice bytes, uint8_t digest[CRYPTO_SHA256_SIZE]);

/* A 128-bit BLAKE2b in pieces: identities, contents, generations, step keys. Each part is fed with its length
 * first, so that ("ab","c") and ("a","bc") differ. */
struct crypto_digest {
    _Alignas(64) unsigned char state[384];
};
void crypto_digest_begin(struct crypto_digest *digest);
void crypto_digest_part(struct crypto_digest *digest, struct slice bytes);
void crypto_digest_end(struct crypto_digest *digest, uint8_t out[CRYPTO_DIGEST_SIZE]);

/* In constant time for equal lengths; a different length is found out at once (lengths are no secret). */
bool crypto_equal(struct slice a, struct slice b);

/* Standard alphabet with padding. */
int crypto_append_base64(struct buffer *out, struct slice bytes);
/* Strict; -1 for anything that is no base64. */
int crypto_append_unbase64(struct buffer *out, struct slice text);

void crypto_random(void *bytes, size_t length);
/* Overwrites memory that held a secret. */
void crypto_wipe(void *bytes, size_t length);

/* 32 lower-case hexadecimal characters and a terminator. */
enum { CRYPTO_DIGEST_TEXT_SIZE = 2 * CRYPTO_DIGEST_SIZE + 1 };
const char *crypto_digest_text(const uint8_t digest[CRYPTO_DIGEST_SIZE], char text[CRYPTO_DIGEST_TEXT_SIZE]);

/* A random (version 4) UUID in its 36-character form, with a terminator. */
enum { CRYPTO_UUID_SIZE = 37 };
const char *crypto_uuid(char text[CRYPTO_UUID_SIZE]);

#endif
