/* Secrets in what goes out and in what comes back: parts, forms, hosts, and every way to meet a value again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "host/request.h"
#include "host/secrets.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define VALUE "tok+/=&\"<x y"

static char *crm_hosts[] = {"crm.example.com", "127.0.0.1:9000", "[::1]:9000", "erp.example.com:8443", NULL};
static struct config_secret secrets[] = {
    {"CRM", VALUE, crm_hosts}, {"LINES", "one\r\ntwo", crm_hosts}, {NULL, NULL, NULL}};

static int fill(const char *raw, enum secrets_form form, struct buffer *out, struct error *error) {
    struct secrets_use use = {.secrets = secrets};
    buffer_init(out, 65536);
    return secrets_fill(&use, slice_of(raw), form, out, error);
}

static void assert_filled(const char *raw, enum secrets_form form, const char *wanted) {
    struct buffer out;
    struct error error;
    if (fill(raw, form, &out, &error) < 0) {
        fail_msg("%s: %s", raw, error.message);
    }
    assert_string_equal(out.bytes, wanted);
    secrets_wipe(&out);
    assert_null(out.bytes);
}

static void values_take_the_form_of_their_place(void **state) {
    (void)state;
    assert_filled("\"plain \\u00fc\"", SECRETS_HEADER, "plain \xC3\xBC");
    assert_filled("[\"Bearer \",{\"secret\":\"CRM\"}]", SECRETS_HEADER, "Bearer " VALUE);
    assert_filled("[{\"secret\":\"CRM\"}]", SECRETS_BODY, VALUE);
    assert_filled("[\"https://h/?k=\",{\"secret\":\"CRM\"}]", SECRETS_URL,
                  "https://h/?k=tok%2B%2F%3D%26%22%3Cx%20y");
    assert_filled("[\"{\\\"a\\\":\\\"\",{\"secret\":\"CRM\"},\"\\\"}\"]", SECRETS_JSON,
                  "{\"a\":\"tok+/=&\\\"<x y\"}");
    assert_filled("[{\"basic\":\"bob\",\"secret\":\"CRM\"}]", SECRETS_HEADER, "Ym9iOnRvaysvPSYiPHggeQ==");
}

static void what_is_no_part_is_refused(void **state) {
    static const char *const bad[] = {"",
                                      "5",
                                      "null",
                                      "{\"secret\":\"CRM\"}x",
                                      "[5]",
                                      "[[]]",
                                      "[{}]",
                                      "[{\"secret\":5}]",
                                      "[{\"secret\":\"CRM\",\"x\":\"y\"}]",
                                      "[{\"basic\":\"bob\"}]",
                                      "[{\"secret\":\"crm\"}]",
                                      "[{\"secret\":\"CRM\\u0000\"}]",
                                      "[\"a\""};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer out;
        struct error error;
        if (fill(bad[i], SECRETS_HEADER, &out, &error) == 0) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_int_not_equal(error.code, ERROR_NONE);
        assert_null(strstr(error.message, VALUE));
        secrets_wipe(&out);
    }
}

static struct request *read_it(const char *operation, const char *arguments, struct error *error) {
    struct request *request = request_new();
    if (request_read(request, slice_of(operation), slice_of(arguments), secrets, error) < 0) {
        request_free(request);
        return NULL;
    }
    return request;
}

static void values_go_only_where_they_may(void **state) {
    static const struct {
        const char *url;
        bool may;
    } cases[] = {
        {"https://crm.example.com/", true},
        {"https://CRM.example.com:444/x", true},
        {"http://crm.example.com/", false},
        {"https://crm.example.com.evil.example/", false},
        {"https://evil.example/crm.example.com", false},
        {"https://crm.example.com@evil.example/", false},
        {"https://evil.example?crm.example.com", false},
        {"https://evil.example#@crm.example.com/", false},
        {"https://a.crm.example.com/", false},
        {"https://crm.example.com./", false},
        {"http://127.0.0.1:9000/", true},
        {"http://127.1:9000/", true},
        {"http://127.0.0.1:9001/", false},
        {"http://[::1]:9000/", true},
        {"https://erp.example.com:8443/", true},
        {"https://erp.example.com/", false},
        {"https://evil.example\\\\@crm.example.com/", false},
        {"https:///crm.example.com/", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char arguments[512];
        struct error error = {0};
        snprintf(arguments, sizeof arguments, "[\"%s\",{\"headers\":{\"A\":[{\"secret\":\"CRM\"}]}}]",
                 cases[i].url);
        struct request *request = read_it("http.get", arguments, &error);
        if ((request != NULL) != cases[i].may) {
            fail_msg("%s: %s", cases[i].url, request == NULL ? error.message : "was taken");
        }
        assert_null(strstr(error.message, VALUE));
        request_free(request);
    }
}

/* A worker is not trusted: it may send what no binding writes. */
static void no_value_becomes_a_host(void **state) {
    static const char *const bad[] = {
        "[[{\"secret\":\"CRM\"}]]",
        "[[\"https://\",{\"secret\":\"CRM\"},\"/\"]]",
        "[[\"https:///\",{\"secret\":\"CRM\"}]]",
        "[[\"https://crm.example.com\",{\"secret\":\"CRM\"}]]",
        "[[\"https://crm.example.com:\",{\"secret\":\"CRM\"},\"/\"]]",
        "[[\"\",\"https://crm.example.com/\",{\"secret\":\"CRM\"}]]",
        "[[\"https://crm.example.com#/\",{\"secret\":\"CRM\"}]]",
        "[[\"https://crm.example.com\\u002f\",{\"secret\":\"CRM\"}]]",
        "[]",
        "[5]",
        "[{}]",
        "[\"https://crm.example.com/\",5]",
        "[\"https://crm.example.com/\",{},{}]",
        "[\"https://crm.example.com/\",{\"else\":1}]",
        "[\"https://crm.example.com/\\u0000\"]",
        "[\"https://crm.example.com/\",{\"headers\":{\"A\":\"b\\u0000\"}}]",
        "[\"https://crm.example.com/\",{\"headers\":{\"A\\u0000\":\"b\"}}]",
        "[\"https://crm.example.com/\",{\"headers\":[]}]",
        "[\"https://crm.example.com/\",{\"body_base64\":\"%\"}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {0};
        struct request *request = read_it("http.get", bad[i], &error);
        if (request != NULL) {
            fail_msg("%s was taken: %s", bad[i], request->url.bytes);
        }
        assert_int_equal(error.code, ERROR_INVALID);
        request_free(request);
    }
}

static void assert_masked(const char *text, const char *wanted) {
    struct buffer out;
    buffer_init(&out, 65536);
    assert_int_equal(secrets_mask(secrets, slice_of(text), &out), 0);
    assert_string_equal(out.bytes == NULL ? "" : out.bytes, wanted);
    buffer_reset(&out);
}

static void echoes_are_masked_in_every_spelling(void **state) {
    (void)state;
    assert_masked("", "");
    assert_masked("nothing here", "nothing here");
    assert_masked("a" VALUE "b" VALUE, "asecret(CRM)bsecret(CRM)");
    assert_masked("{\"k\":\"tok+\\/=\\u0026\\\"\\u003cx y\"}", "{\"k\":\"secret(CRM)\"}");
    assert_masked("k=tok%2B%2f%3D%26%22%3Cx+y&z", "k=secret(CRM)&z");
    assert_masked("<b>tok+/=&amp;&quot;&lt;x y</b>", "<b>secret(CRM)</b>");
    assert_masked("one\\r\\ntwo one%0D%0Atwo", "secret(LINES) secret(LINES)");
    assert_masked(VALUE "!" /* cut */ "tok+/=&\"<x ", "secret(CRM)!tok+/=&\"<x ");
}

static void base64_is_masked_wherever_it_begins(void **state) {
    static const char *const before[] = {"", "a", "ab", "bob:", "alice:"}, *const after[] = {"", "z", "zz", "zzz"};
    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        for (size_t k = 0; k < sizeof after / sizeof after[0]; k++) {
            struct buffer plain, text, out;
            buffer_init(&plain, 256);
            buffer_init(&text, 256);
            buffer_init(&out, 256);
            buffer_append_format(&plain, "%s%s%s", before[i], VALUE, after[k]);
            crypto_append_base64(&text, buffer_slice(&plain));
            assert_int_equal(secrets_mask(secrets, buffer_slice(&text), &out), 0);
            assert_non_null(strstr(out.bytes, "secret(CRM)"));
            assert_true(out.length <= text.length);
            for (char *c = text.bytes; *c != '\0'; c++) {
                *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
            }
            buffer_clear(&out);
            assert_int_equal(secrets_mask(secrets, buffer_slice(&text), &out), 0);
            assert_non_null(strstr(out.bytes, "secret(CRM)"));
            buffer_reset(&plain);
            buffer_reset(&text);
            buffer_reset(&out);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_take_the_form_of_their_place),
        cmocka_unit_test(what_is_no_part_is_refused),
        cmocka_unit_test(values_go_only_where_they_may),
        cmocka_unit_test(no_value_becomes_a_host),
        cmocka_unit_test(echoes_are_masked_in_every_spelling),
        cmocka_unit_test(base64_is_masked_wherever_it_begins),
    };
    return crypto_start(NULL) < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
