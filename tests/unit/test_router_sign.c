/* Signatures against three worked examples, and the other side against forgeries. */
#include "base/clock.h"
#include "crypto/crypto.h"
#include "router/router.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATE         "Tue, 06 Feb 2024 10:00:00 GMT"
#define SIGNED       "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
#define EMPTY_HASH   "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define AT_US        (INT64_C(1707213600) * CLOCK_US_PER_S)
#define SKEW_US      (INT64_C(300) * CLOCK_US_PER_S)
#define PLAIN_ACCESS "endpoint=https://contoso.communication.azure.com/;accesskey=" KEY
#define LOCAL_ACCESS "endpoint=https://127.0.0.1:8443/;accesskey=" KEY
#define KEY          "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

struct example {
    const char *access, *method, *target, *body, *content_hash, *signature;
};

static const struct example examples[] = {
    {PLAIN_ACCESS, "PATCH", "/routing/jobs/job-1?api-version=2023-11-01",
     "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":100}",
     "ZrYS0hp9o4z5erxzqKNLHtpNlWavyztpnTB6/ul30Xg=", "iCgRRTvrk56EpLiwgZ0oDikde3NDMTI1jkpX/0AUOz8="},
    {PLAIN_ACCESS, "POST", "/routing/workers/w1/offers/o1:accept?api-version=2023-11-01", "", EMPTY_HASH,
     "iPDowTrc3YWbAX1T5/bkFVQHfDt+F/ls8SuR7UGaZDU="},
    {LOCAL_ACCESS, "GET", "/routing/jobs?api-version=2023-11-01&maxpagesize=2&status=active", "", EMPTY_HASH,
     "goB7EPTi9IrznItdWt0cTnJbLGf8Dk9h2Qw9RP5bH6M="},
};

enum { EXAMPLES = sizeof examples / sizeof examples[0] };

/* What a request carries, each part changeable. */
struct carried {
    char key[64], method[16], target[128], host[64], date[40], hash[64], authorization[160], body[128];
};

static void sign_example(const struct example *example, struct router_signature *signature,
                         struct carried *carried) {
    struct router_access access;
    assert_int_equal(router_access_init(&access, example->access, NULL), 0);
    assert_int_equal(router_sign(&access, example->method, slice_of(example->target), slice_of(example->body),
                                 AT_US, signature),
                     0);
    snprintf(carried->method, sizeof carried->method, "%s", example->method);
    snprintf(carried->target, sizeof carried->target, "%s", example->target);
    snprintf(carried->host, sizeof carried->host, "%s", access.host);
    snprintf(carried->date, sizeof carried->date, "%s", signature->date);
    snprintf(carried->hash, sizeof carried->hash, "%s", signature->content_hash);
    snprintf(carried->authorization, sizeof carried->authorization, "%s", signature->authorization);
    snprintf(carried->body, sizeof carried->body, "%s", example->body);
    assert_int_equal(access.key.length, 32);
    memcpy(carried->key, access.key.bytes, access.key.length);
    router_access_reset(&access);
}

static const char *verify(const struct carried *carried, int64_t wall_us) {
    return router_verify(slice_make(carried->key, 32), slice_of(carried->method), slice_of(carried->target),
                         slice_of(carried->host), slice_of(carried->date), slice_of(carried->hash),
                         slice_of(carried->authorization), slice_of(carried->body), wall_us, SKEW_US);
}

static void the_worked_examples_come_out(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct router_signature signature;
        struct carried carried;
        char authorization[160];
        sign_example(&examples[i], &signature, &carried);
        snprintf(authorization, sizeof authorization, SIGNED "%s", examples[i].signature);
        assert_string_equal(signature.date, DATE);
        assert_string_equal(signature.content_hash, examples[i].content_hash);
        assert_string_equal(signature.authorization, authorization);
    }
}

static void the_other_side_accepts_them(void **state) {
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct router_signature signature;
        struct carried carried;
        sign_example(&examples[i], &signature, &carried);
        assert_null(verify(&carried, AT_US));
        assert_null(verify(&carried, AT_US + SKEW_US));
        assert_null(verify(&carried, AT_US - SKEW_US));
    }
}

/* Every bit that could carry a forgery: one character changed, taken away or put on. */
static void no_character_may_differ(void **state) {
    (void)state;
    static const struct {
        size_t offset, size;
    } parts[] = {
#define PART(name) {offsetof(struct carried, name), sizeof((struct carried *)NULL)->name}
        PART(method), PART(target), PART(host), PART(date), PART(hash), PART(authorization), PART(body),
#undef PART
    };
    for (size_t e = 0; e < EXAMPLES; e++) {
        struct router_signature signature;
        struct carried carried, forged;
        sign_example(&examples[e], &signature, &carried);
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            const char *whole = (const char *)&carried + parts[p].offset;
            char *part = (char *)&forged + parts[p].offset;
            for (size_t i = 0; i <= strlen(whole); i++) {
                forged = carried;
                part[i] = (char)(whole[i] ^ 1);
                part[i + 1] = whole[i] == '\0' ? '\0' : part[i + 1];
                if (verify(&forged, AT_US) == NULL) {
                    fail_msg("example %zu, part %zu: a change at %zu was accepted", e, p, i);
                }
                if (whole[i] != '\0') {
                    forged = carried;
                    part[i] = '\0';
                    assert_non_null(verify(&forged, AT_US));
                }
            }
        }
        forged = carried;
        forged.key[31] ^= 1;
        assert_non_null(verify(&forged, AT_US));
    }
}

static void old_and_early_dates_are_refused(void **state) {
    (void)state;
    struct router_signature signature;
    struct carried carried;
    sign_example(&examples[0], &signature, &carried);
    assert_non_null(strstr(verify(&carried, AT_US + SKEW_US + 1), "x-ms-date"));
    assert_non_null(strstr(verify(&carried, AT_US - SKEW_US - 1), "x-ms-date"));
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    const struct slice none = {NULL, 0}, key = slice_of("key"), word = slice_of("GET"), date = slice_of(DATE);
    assert_non_null(
        strstr(router_verify(key, word, word, word, none, none, none, none, AT_US, SKEW_US), "x-ms-date"));
    assert_non_null(strstr(router_verify(key, word, word, word, date, none, none, none, AT_US, SKEW_US),
                           "x-ms-content-sha256"));
    assert_non_null(
        strstr(router_verify(key, word, word, word, date, slice_of(EMPTY_HASH), none, none, AT_US, SKEW_US),
               "Authorization"));
    assert_non_null(strstr(router_verify(key, word, word, word, date, slice_of(EMPTY_HASH), slice_of("Bearer x"),
                                         none, AT_US, SKEW_US),
                           "Authorization"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_examples_come_out), cmocka_unit_test(the_other_side_accepts_them),
        cmocka_unit_test(no_character_may_differ),      cmocka_unit_test(old_and_early_dates_are_refused),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return crypto_start(NULL) == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : EXIT_FAILURE;
}
