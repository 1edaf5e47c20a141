/* Tokens of Entra: the request that asks for one, and the answers that come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "router/token.h"
#include <cmocka.h>
#include <string.h>

static void asks_as_the_flow_has_it(void **state) {
    struct buffer url, body;
    (void)state;
    buffer_init(&url, 4096);
    buffer_init(&body, 4096);
    struct router_token_request request = {NULL, NULL, "contoso/x", "id", "s&e=c+r t\xC3\xBC"};
    assert_int_equal(router_token_build(&request, &url, &body), 0);
    assert_string_equal(url.bytes, "https://login.microsoftonline.com/contoso%2Fx/oauth2/v2.0/token");
    assert_string_equal(body.bytes,
                        "client_id=id&client_secret=s%26e%3Dc%2Br%20t%C3%BC&grant_type=client_credentials"
                        "&scope=https%3A%2F%2Fcommunication.azure.com%2F.default");
    buffer_reset(&url);
    buffer_reset(&body);
}

static int read_answer(unsigned status, const char *answer, char *token, int64_t *seconds, struct error *error) {
    struct buffer out;
    buffer_init(&out, ROUTER_TOKEN_MOST);
    *error = (struct error){.code = ERROR_NONE};
    int result = router_token_read(status, slice_of(answer), "hunter2", &out, seconds, error);
    token[0] = '\0';
    if (result == 0) {
        memcpy(token, out.bytes, out.length + 1);
    }
    buffer_reset(&out);
    return result;
}

static void reads_what_comes(void **state) {
    static const struct {
        const char *answer, *token;
        int64_t seconds;
    } good[] = {
        {"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"abc.d-_~+/=\"}", "abc.d-_~+/=", 3599},
        {"{\"expires_in\":\"60\",\"access_token\":\"a\\u0062\"}", "ab", 60},
        {"{\"access_token\":\"a\"}", "a", 300},
        {"{\"expires_in\":-1,\"access_token\":\"a\"}", "a", 300},
        {"{\"expires_in\":99999999999999,\"access_token\":\"a\"}", "a", 86400},
    };
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"access_token\":5}",
                                      "{\"access_token\":\"\"}",
                                      "{\"access_token\":\"a b\"}",
                                      "{\"access_token\":\"a\\r\\nX: y\"}",
                                      "{\"access_token\":\"a\\u0000\"}",
                                      "{\"access_token\":\"\xC3\xBC\"}"};
    char token[256];
    int64_t seconds = 0;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(read_answer(200, good[i].answer, token, &seconds, &error), 0);
        assert_string_equal(token, good[i].token);
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_answer(200, bad[i], token, &seconds, &error), -1);
        assert_int_not_equal(error.code, ERROR_NONE);
    }
    assert_int_equal(read_answer(500, good[0].answer, token, &seconds, &error), -1);
    assert_null(strstr(error.message, "abc"));
}

static void says_why_there_is_none(void **state) {
    char token[256];
    int64_t seconds = 0;
    struct error error;
    (void)state;
    read_answer(
        401,
        "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret\\r\\nTrace"
        " ID: 1\"}",
        token, &seconds, &error);
    assert_string_equal(error.message,
                        "the authority gave no token: 401 invalid_client: AADSTS7000215: Invalid client secret");
    read_answer(400, "{\"error\":\"bad\",\"error_description\":\"you sent hunter2\"}", token, &seconds, &error);
    assert_null(strstr(error.message, "hunter2"));
    read_answer(502, "<html>", token, &seconds, &error);
    assert_string_equal(error.message, "the authority gave no token: 502");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_as_the_flow_has_it),
        cmocka_unit_test(reads_what_comes),
        cmocka_unit_test(says_why_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
