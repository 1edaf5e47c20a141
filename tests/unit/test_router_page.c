/* Links of next pages: which are followed, as what, and which lead elsewhere. */
#include "router/router.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define V    "api-version=2023-11-01"
#define HOST "https://contoso.communication.azure.com"

static int build(struct router_request *request, const char *link, struct error *error) {
    char arguments[512];
    struct router_access access;
    snprintf(arguments, sizeof arguments, "[{\"queueId\":\"q\"},{\"nextLink\":\"%s\"}]", link);
    router_request_init(request);
    assert_int_equal(router_access_init(&access, "endpoint=" HOST "/;accesskey=c2VjcmV0", error), 0);
    int result =
        router_request_build(request, router_find(slice_of("router.jobs.list")), slice_of(arguments), error);
    if (result == 0) {
        result = router_request_check_origin(request, &access, error);
    }
    router_access_reset(&access);
    return result;
}

static void followed(const char *link, const char *target) {
    struct router_request request;
    struct error error = {.code = ERROR_NONE};
    if (build(&request, link, &error) < 0) {
        fail_msg("%s: %s", link, error.message);
    }
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.target.bytes, target);
    assert_null(request.content_type);
    assert_int_equal(request.body.length, 0);
    router_request_reset(&request);
}

static void refused(const char *link, const char *words) {
    struct router_request request;
    struct error error = {.code = ERROR_NONE};
    if (build(&request, link, &error) == 0) {
        fail_msg("%s was not refused", link);
    }
    assert_int_equal(error.code, ERROR_INVALID);
    if (strstr(error.message, words) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", link, error.message, words);
    }
    router_request_reset(&request);
}

static void the_job_routers_own_links_are_followed(void **state) {
    (void)state;
    followed(HOST "/routing/jobs?" V "&skip=2&maxpagesize=2", "/routing/jobs?" V "&skip=2&maxpagesize=2");
    followed("HTTPS://Contoso.Communication.Azure.COM:443/routing/jobs?a=%2F&" V, "/routing/jobs?a=%2F&" V);
    followed("/routing/jobs?" V "&skip=2", "/routing/jobs?" V "&skip=2");
    followed(HOST "/routing/jobs?skip=2", "/routing/jobs?skip=2&" V);
    followed(HOST "/routing/jobs?skip=2&", "/routing/jobs?skip=2&" V);
    followed(HOST "/routing/jobs?", "/routing/jobs?" V);
    followed(HOST "/routing/jobs", "/routing/jobs?" V);
}

static void other_places_are_not(void **state) {
    (void)state;
    refused("https://evil.example/routing/jobs?" V,
            "leads to https://evil.example, not to the Job Router (" HOST ")");
    refused("http://contoso.communication.azure.com/routing/jobs?" V, "not to the Job Router");
    refused(HOST ":8443/routing/jobs?" V, "not to the Job Router");
    refused(HOST ".evil.example/routing/jobs?" V, "not to the Job Router");
    refused("https://contoso.communication.azure.com@evil.example/routing/jobs?" V, "not to the Job Router");
    refused("https://me@contoso.communication.azure.com/routing/jobs?" V, "not to the Job Router");
    refused("//evil.example/routing/jobs?" V, "not to the Job Router");
    refused("//contoso.communication.azure.com/routing/jobs?" V, "not to the Job Router");
    refused("https:///routing/jobs?" V, "not to the Job Router");
    refused("ftp://contoso.communication.azure.com/routing/jobs?" V, "is no address");
}

static void other_paths_are_not(void **state) {
    (void)state;
    static const char *const links[] = {
        HOST "/routing/queues?" V,         HOST "/routing/jobs/j1?" V,
        HOST "/routing/jobs/../queues?" V, HOST "/routing/jobs%2F..%2Fqueues?" V,
        HOST "/routing/jobs:cancel?" V,    HOST "/Routing/Jobs?" V,
        HOST "//routing/jobs?" V,          HOST "?" V,
        HOST "/routing/jobsandmore?" V,    "/",
        "/routing/workers/w/offers/o?" V,  HOST "/routing/job",
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        refused(links[i], "leads to another path");
    }
}

static void what_is_no_link_is_not(void **state) {
    (void)state;
    refused("", "is no address");
    refused("skip=2", "is no address");
    refused("routing/jobs", "is no address");
    refused(HOST "/routing/jobs?a b", "holds what no address holds");
    refused(HOST "/routing/jobs?" V "\\r\\nHost: evil", "holds what no address holds");
    refused(HOST "/routing/jobs?" V "\\u0000", "holds what no address holds");
    refused(HOST "/routing/jobs?" V "#x", "holds what no address holds");
    refused(HOST "\\\\routing\\\\jobs", "holds what no address holds");
    refused(HOST "/routing/jobs?\\u00fc", "holds what no address holds");
}

static void other_versions_are_not(void **state) {
    (void)state;
    refused(HOST "/routing/jobs?api-version=2022-07-18-preview", "another api-version");
    refused(HOST "/routing/jobs?" V "&" V, "another api-version");
    refused(HOST "/routing/jobs?" V "&api-version=", "another api-version");
}

static void refused_arguments(const char *operation, const char *arguments, const char *words) {
    struct router_request request;
    struct error error = {.code = ERROR_NONE};
    router_request_init(&request);
    assert_int_equal(router_request_build(&request, router_find(slice_of(operation)), slice_of(arguments), &error),
                     -1);
    assert_int_equal(error.code, ERROR_INVALID);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    router_request_reset(&request);
}

static void a_link_stands_where_it_belongs(void **state) {
    (void)state;
    refused_arguments("router.jobs.list", "[{},{}]", "is no address");
    refused_arguments("router.jobs.list", "[{},{\"nextLink\":5}]", "argument 2 is {\"nextLink\"");
    refused_arguments("router.jobs.list", "[{},{\"link\":\"x\"}]", "argument 2 is {\"nextLink\"");
    refused_arguments("router.jobs.list", "[{},\"x\"]", "not more");
    refused_arguments("router.jobs.list", "[{},{},{}]", "not more");
    refused_arguments("router.jobs.get", "[\"j\",{},{\"nextLink\":\"/routing/jobs\"}]", "not more");
    refused_arguments("router.jobs.list", "[{\"nextLink\":\"/routing/jobs\"}]", "there is no option \"nextLink\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_job_routers_own_links_are_followed),
        cmocka_unit_test(other_places_are_not),
        cmocka_unit_test(other_paths_are_not),
        cmocka_unit_test(what_is_no_link_is_not),
        cmocka_unit_test(other_versions_are_not),
        cmocka_unit_test(a_link_stands_where_it_belongs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
