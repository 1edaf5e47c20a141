/* Who may deliver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verify/verify.h"
#include <string.h>

static struct verify *make(struct verify_options options) {
    struct error error = {0};
    struct verify *verify = verify_new(&options, &error);
    assert_non_null(verify);
    return verify;
}

static enum verify_verdict show(const struct verify *verify, const char *code, const char *header) {
    return verify_request(verify, &(struct verify_claims){.code = slice_of(code), .header = slice_of(header)});
}

static void test_either_secret_in_either_place(void **state) {
    (void)state;
    char first[] = "new secret", second[] = "old";
    struct verify *verify = make((struct verify_options){.secrets = {first, second}, .header = "x-secret"});
    memset(first, 0, sizeof first); /* it has its own copy */
    assert_true(verify_has_secret(verify));
    assert_string_equal(verify_header(verify), "x-secret");
    assert_int_equal(show(verify, "new secret", NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, "old", NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, NULL, "new secret"), VERIFY_GOOD);
    assert_int_equal(show(verify, NULL, "old"), VERIFY_GOOD);
    assert_int_equal(show(verify, "wrong", "old"), VERIFY_GOOD);
    assert_int_equal(show(verify, "old", "wrong"), VERIFY_GOOD);
    static const char *const wrong[] = {"", "o", "ol", "oldx", "Old", "new secre", "new secret ", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(show(verify, wrong[i], NULL), VERIFY_WRONG);
        assert_int_equal(show(verify, NULL, wrong[i]), VERIFY_WRONG);
    }
    assert_int_equal(verify_request(verify, &(struct verify_claims){.code = slice_make("old\0", 4)}),
                     VERIFY_WRONG);
    assert_int_equal(show(verify, NULL, NULL), VERIFY_MISSING);
    verify_free(verify);
}

static void test_second_secret_alone(void **state) {
    (void)state;
    struct verify *verify = make((struct verify_options){.secrets = {NULL, "only"}});
    assert_null(verify_header(verify));
    assert_int_equal(show(verify, "only", NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, "", NULL), VERIFY_WRONG);
    assert_int_equal(show(verify, NULL, NULL), VERIFY_MISSING);
    verify_free(verify);
}

/* In a query a '+' that was not escaped has become a blank; in a header nothing was decoded. */
static void test_base64_secret_put_into_the_url_as_it_is(void **state) {
    (void)state;
    struct verify *verify = make((struct verify_options){.secrets = {"ab+cd+/=="}, .header = "x-secret"});
    assert_int_equal(show(verify, "ab cd /==", NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, "ab+cd+/==", NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, NULL, "ab cd /=="), VERIFY_WRONG);
    static char longer[VERIFY_SECRET_LENGTH + 2];
    memset(longer, ' ', sizeof longer - 1);
    assert_int_equal(show(verify, longer, NULL), VERIFY_WRONG);
    verify_free(verify);
}

static void test_without_a_secret_only_what_is_near(void **state) {
    (void)state;
    struct verify *verify = make((struct verify_options){.header = "x-secret"});
    assert_false(verify_has_secret(verify));
    assert_int_equal(show(verify, NULL, NULL), VERIFY_GOOD);
    assert_int_equal(show(verify, "anything", "at all"), VERIFY_GOOD);
    assert_int_equal(verify_request(verify, &(struct verify_claims){.is_forwarded = true}), VERIFY_FORWARDED);
    assert_int_equal(verify_request(verify, &(struct verify_claims){.is_from_page = true}), VERIFY_FROM_PAGE);
    verify_free(verify);

    verify = make((struct verify_options){.secrets = {"s"}});
    const struct verify_claims claims = {.code = slice_of("s"), .is_forwarded = true, .is_from_page = true};
    assert_int_equal(verify_request(verify, &claims), VERIFY_GOOD);
    verify_free(verify);
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const near[] = {"127.0.0.1:8080", "127.9.9.9:1", "localhost:0", "[::1]:8080"};
    static const char *const far[] = {"0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "example.com:80",
                                      "128.0.0.1:80"};
    struct verify *open = make((struct verify_options){0});
    struct verify *closed = make((struct verify_options){.secrets = {"s"}});
    struct error error = {0};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        assert_int_equal(verify_allows_address(open, near[i], &error), 0);
        assert_int_equal(verify_allows_address(closed, near[i], &error), 0);
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        assert_int_equal(verify_allows_address(open, far[i], &error), -1);
        assert_non_null(strstr(error.message, far[i]));
        assert_non_null(strstr(error.message, "verify.secret"));
        assert_int_equal(verify_allows_address(closed, far[i], &error), 0);
    }
    assert_int_equal(verify_allows_address(closed, "nonsense", &error), -1);
    verify_free(open);
    verify_free(closed);
}

static void test_subscriptions(void **state) {
    (void)state;
    char first[] = "routerevents", second[] = "Other";
    char *names[] = {first, second, NULL};
    struct verify *verify = make((struct verify_options){.subscriptions = names});
    assert_true(verify_subscription(verify, slice_of("ROUTEREVENTS")));
    assert_true(verify_subscription(verify, slice_of("other")));
    assert_false(verify_subscription(verify, slice_of("routerevent")));
    assert_false(verify_subscription(verify, slice_of("")));
    assert_false(verify_subscription(verify, slice_of(NULL)));
    verify_free(verify);

    names[0] = NULL;
    verify = make((struct verify_options){.subscriptions = names});
    assert_true(verify_subscription(verify, slice_of("any")));
    assert_true(verify_subscription(verify, slice_of(NULL)));
    verify_free(verify);
}

/* The whole name: an origin may end or begin like one that is allowed. */
static void test_origins(void **state) {
    (void)state;
    char first[] = "eventgrid.azure.net", second[] = "[::1]:8081";
    char *names[] = {first, second, NULL};
    struct verify *verify = make((struct verify_options){.origins = names});
    assert_true(verify_origin(verify, slice_of("EventGrid.Azure.NET")));
    assert_true(verify_origin(verify, slice_of("[::1]:8081")));
    static const char *const others[] = {"eventgrid.azure.net.evil.example",
                                         "evileventgrid.azure.net",
                                         "azure.net",
                                         "eventgrid.azure.ne",
                                         "eventgrid.azure.net.",
                                         "*",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(verify_origin(verify, slice_of(others[i])));
    }
    assert_true(verify_subscription(verify, slice_of("any")));
    verify_free(verify);
    verify = make((struct verify_options){0});
    assert_true(verify_origin(verify, slice_of("any.example")));
    verify_free(verify);
}

static void test_impossible_secrets(void **state) {
    (void)state;
    struct error error = {0};
    assert_null(verify_new(&(struct verify_options){.secrets = {""}}, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_null(verify_new(&(struct verify_options){.secrets = {"good", ""}}, &error));
    assert_null(strstr(error.message, "good"));
    static char longer[VERIFY_SECRET_LENGTH + 2];
    memset(longer, 's', sizeof longer - 1);
    assert_null(verify_new(&(struct verify_options){.secrets = {longer}}, &error));
    verify_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_either_secret_in_either_place),
        cmocka_unit_test(test_second_secret_alone),
        cmocka_unit_test(test_base64_secret_put_into_the_url_as_it_is),
        cmocka_unit_test(test_without_a_secret_only_what_is_near),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_impossible_secrets),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
