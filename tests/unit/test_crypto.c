/* Published vectors (FIPS 180-4, RFC 4231, RFC 4648), and what base64 must not let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char *hex(const uint8_t digest[CRYPTO_SHA256_SIZE]) {
    static char text[2 * CRYPTO_SHA256_SIZE + 1];
    for (size_t i = 0; i < CRYPTO_SHA256_SIZE; i++) {
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
    return text;
}

static void sha256_is_sha256(void **state) {
    (void)state;
    uint8_t digest[CRYPTO_SHA256_SIZE];
    crypto_sha256(slice_of("abc"), digest);
    assert_string_equal(hex(digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(slice_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_string_equal(hex(digest), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    crypto_sha256(slice_make(NULL, 0), digest);
    assert_string_equal(hex(digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_is_hmac(void **state) {
    (void)state;
    uint8_t digest[CRYPTO_SHA256_SIZE];
    char key[131];
    char text[50];
    memset(key, 0x0b, 20);
    crypto_hmac_sha256(slice_make(key, 20), slice_of("Hi There"), digest);
    assert_string_equal(hex(digest), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_hmac_sha256(slice_of("Jefe"), slice_of("what do ya want for nothing?"), digest);
    assert_string_equal(hex(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(text, 0xdd, sizeof text);
    crypto_hmac_sha256(slice_make(key, 20), slice_make(text, 50), digest);
    assert_string_equal(hex(digest), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    crypto_hmac_sha256(slice_make(key, sizeof key),
                       slice_of("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    assert_string_equal(hex(digest), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256(slice_make(NULL, 0), slice_make(NULL, 0), digest);
    assert_string_equal(hex(digest), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static const char *digest_of(size_t count, const struct slice *parts) {
    static char texts[2][CRYPTO_DIGEST_TEXT_SIZE];
    static size_t turn;
    uint8_t out[CRYPTO_DIGEST_SIZE];
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    for (size_t i = 0; i < count; i++) {
        crypto_digest_part(&digest, parts[i]);
    }
    crypto_digest_end(&digest, out);
    return crypto_digest_text(out, texts[turn++ % 2]);
}

static void digests_keep_parts_apart(void **state) {
    (void)state;
    const struct slice early[] = {slice_of("ab"), slice_of("c")};
    const struct slice late[] = {slice_of("a"), slice_of("bc")};
    const struct slice whole[] = {slice_of("abc"), slice_of("")};
    assert_string_equal(digest_of(2, early), digest_of(2, early));
    assert_string_not_equal(digest_of(2, early), digest_of(2, late));
    assert_string_not_equal(digest_of(1, whole), digest_of(2, whole));
    assert_string_not_equal(digest_of(1, whole), digest_of(2, early));
    /* BLAKE2b-128 of the length (8 bytes, little-endian) and "abc". It stands in stores: it must never change. */
    assert_string_equal(digest_of(1, whole), "10366aba46518e2b9d040dde242bbc5a");
    assert_int_equal(strlen(digest_of(0, NULL)), CRYPTO_DIGEST_TEXT_SIZE - 1);
}

static void equal_is_equal(void **state) {
    (void)state;
    assert_true(crypto_equal(slice_of("secret"), slice_of("secret")));
    assert_false(crypto_equal(slice_of("secret"), slice_of("secreT")));
    assert_false(crypto_equal(slice_of("secret"), slice_of("secre")));
    assert_false(crypto_equal(slice_of("secret"), slice_of("")));
    assert_true(crypto_equal(slice_make(NULL, 0), slice_of("")));
    assert_false(crypto_equal(slice_make("a\0b", 3), slice_make("a\0c", 3)));
}

static void base64_goes_both_ways(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff\xfe", "+//+"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out;
        buffer_init(&out, 100);
        buffer_append_text(&out, "x:");
        assert_int_equal(crypto_append_base64(&out, slice_of(cases[i][0])), 0);
        assert_string_equal(out.bytes + 2, cases[i][1]);
        buffer_truncate(&out, 2);
        assert_int_equal(crypto_append_unbase64(&out, slice_of(cases[i][1])), 0);
        assert_string_equal(out.bytes + 2, cases[i][0]);
        assert_int_equal(out.length, 2 + strlen(cases[i][0]));
        buffer_reset(&out);
    }
    struct buffer out;
    buffer_init(&out, 7);
    assert_int_equal(crypto_append_base64(&out, slice_of("foob")), -1);
    assert_true(out.is_broken);
    buffer_reset(&out);
    assert_int_equal(crypto_append_base64(&out, slice_make(NULL, 0)), 0);
    assert_int_equal(crypto_append_unbase64(&out, slice_make(NULL, 0)), 0);
    assert_string_equal(out.bytes, "");
    buffer_reset(&out);
}

static void base64_is_strict(void **state) {
    (void)state;
    static const char *const bad[] = {
        "Z",      "Zg",    "Zg=",   "Zg===",    "Zg==Zg==", "Zh==",  "Zm9=",  "Zm8",      "=",    "====",
        "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v====", "-__-",     "Zm9v=", "Zm9vY", "Zm9vYg=a", "Z===", "\xC3\xA4Zm"};
    struct buffer out;
    buffer_init(&out, 100);
    buffer_append_text(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(crypto_append_unbase64(&out, slice_of(bad[i])), -1);
        assert_string_equal(out.bytes, "kept");
        assert_int_equal(out.length, 4);
        assert_false(out.is_broken);
    }
    /* Every byte in every place: only the alphabet's 64 are taken. */
    for (int place = 0; place < 4; place++) {
        int taken = 0;
        for (int byte = 0; byte < 256; byte++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            text[place] = (char)(unsigned char)byte;
            taken += crypto_append_unbase64(&out, slice_make(text, 4)) == 0 ? 1 : 0;
            buffer_truncate(&out, 4);
        }
        assert_int_equal(taken, place == 3 ? 65 : 64);
    }
    assert_int_equal(crypto_append_unbase64(&out, slice_make("Zm9v\0", 5)), -1);
    assert_int_equal(crypto_append_unbase64(&out, slice_make("Zm\0v", 4)), -1);
    buffer_reset(&out);
}

static void uuids_are_random_ones(void **state) {
    (void)state;
    char one[CRYPTO_UUID_SIZE];
    char two[CRYPTO_UUID_SIZE];
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(crypto_uuid(one), one);
        crypto_uuid(two);
        assert_string_not_equal(one, two);
        assert_int_equal(strlen(one), CRYPTO_UUID_SIZE - 1);
        for (size_t k = 0; k < CRYPTO_UUID_SIZE - 1; k++) {
            bool is_dash = k == 8 || k == 13 || k == 18 || k == 23;
            assert_non_null(strchr(is_dash ? "-" : "0123456789abcdef", one[k]));
        }
        assert_int_equal(one[14], '4');
        assert_non_null(strchr("89ab", one[19]));
    }
}

static void random_fills_and_wipe_clears(void **state) {
    (void)state;
    static const uint8_t zeros[64];
    uint8_t bytes[64] = {0};
    crypto_random(bytes, sizeof bytes);
    assert_memory_not_equal(bytes, zeros, sizeof bytes);
    crypto_wipe(bytes, sizeof bytes);
    assert_memory_equal(bytes, zeros, sizeof bytes);
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_sha256),         cmocka_unit_test(hmac_is_hmac),
        cmocka_unit_test(digests_keep_parts_apart), cmocka_unit_test(equal_is_equal),
        cmocka_unit_test(base64_goes_both_ways),    cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(uuids_are_random_ones),    cmocka_unit_test(random_fills_and_wipe_clears),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
