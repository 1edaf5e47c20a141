/* From arguments to requests: encoding, exact numbers, options into body, query and headers, hostile arguments;
 * and connection strings. */
#include "crypto/crypto.h"
#include "router/router.h"
#include "json/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define V "?api-version=2023-11-01"

static int build(struct router_request *request, const char *operation, const char *arguments,
                 struct error *error) {
    const struct router_operation *found = router_find(slice_of(operation));
    assert_non_null(found);
    return router_request_build(request, found, slice_of(arguments), error);
}

static void check(const char *operation, const char *arguments, const char *method, const char *target,
                  const char *body) {
    struct router_request request;
    struct error error = {.code = ERROR_NONE};
    router_request_init(&request);
    if (build(&request, operation, arguments, &error) < 0) {
        fail_msg("%s %s: %s", operation, arguments, error.message);
    }
    assert_string_equal(request.method, method);
    assert_string_equal(request.target.bytes, target);
    assert_string_equal(request.body.length == 0 ? "" : request.body.bytes, body);
    assert_int_equal(request.content_type != NULL, request.body.length > 0);
    router_request_reset(&request);
}

static void refused(const char *operation, const char *arguments, const char *words) {
    struct router_request request;
    struct error error = {.code = ERROR_NONE};
    router_request_init(&request);
    if (build(&request, operation, arguments, &error) == 0) {
        fail_msg("%s %s was not refused", operation, arguments);
    }
    assert_int_equal(error.code, ERROR_INVALID);
    if (strstr(error.message, words) == NULL || strstr(error.message, operation) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    router_request_reset(&request);
}

static void the_short_forms_are_upserts(void **state) {
    (void)state;
    check("router.jobs.activate", "[\"j1\",{\"priority\":10}]", "PATCH", "/routing/jobs/j1" V,
          "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":10}");
    check("router.jobs.activate", "[\"j1\"]", "PATCH", "/routing/jobs/j1" V,
          "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    check("router.jobs.suspend", "[\"j1\",{}]", "PATCH", "/routing/jobs/j1" V,
          "{\"matchingMode\":{\"kind\":\"suspend\"}}");
    check("router.jobs.schedule", "[\"j1\",{\"scheduleAt\":\"2026-03-01T09:30:00Z\",\"queueId\":\"q\"}]", "PATCH",
          "/routing/jobs/j1" V,
          "{\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-01T09:30:00Z\"},"
          "\"queueId\":\"q\"}");
    check("router.workers.register", "[\"w\",{\"capacity\":2}]", "PATCH", "/routing/workers/w" V,
          "{\"availableForOffers\":true,\"capacity\":2}");
    check("router.workers.deregister", "[\"w\"]", "PATCH", "/routing/workers/w" V,
          "{\"availableForOffers\":false}");
}

static void bodies_are_as_the_contract_wants_them(void **state) {
    (void)state;
    check("router.jobs.update", "[\"j\"]", "PATCH", "/routing/jobs/j" V, "{}");
    check("router.jobs.update", "[\"j\",{\"labels\":{\"a\":null},\"queueId\":null}]", "PATCH", "/routing/jobs/j" V,
          "{\"queueId\":null,\"labels\":{\"a\":null}}");
    check("router.offers.accept", "[\"w\",\"o\"]", "POST", "/routing/workers/w/offers/o:accept" V, "");
    check("router.offers.decline", "[\"w\",\"o\",{\"retryOfferAt\":\"2026-03-01T09:30:00.5+01:00\"}]", "POST",
          "/routing/workers/w/offers/o:decline" V, "{\"retryOfferAt\":\"2026-03-01T09:30:00.5+01:00\"}");
    check("router.jobs.close", "[\"j\",\"a\"]", "POST", "/routing/jobs/j/assignments/a:close" V, "");
    check("router.jobs.close", "[\"j\",\"a\",{}]", "POST", "/routing/jobs/j/assignments/a:close" V, "{}");
    check("router.jobs.reclassify", "[\"j\",{}]", "POST", "/routing/jobs/j:reclassify" V, "{}");
    check("router.jobs.get", "[\"j\"]", "GET", "/routing/jobs/j" V, "");
    check("router.queues.delete", "[\"q\"]", "DELETE", "/routing/queues/q" V, "");
    check("router.distribution_policies.create",
          "[\"d\",{\"mode\":{\"kind\":\"longestIdle\"},\"offerExpiresAfterSeconds\":30.5}]", "PATCH",
          "/routing/distributionPolicies/d" V,
          "{\"offerExpiresAfterSeconds\":30.5,\"mode\":{\"kind\":\"longestIdle\"}}");
}

static void ids_are_percent_encoded(void **state) {
    (void)state;
    check("router.jobs.get", "[\"a/b?c%d:e \\u00fc#&=+\"]", "GET",
          "/routing/jobs/a%2Fb%3Fc%25d%3Ae%20%C3%BC%23%26%3D%2B" V, "");
    check("router.jobs.get", "[\"../../queues\"]", "GET", "/routing/jobs/..%2F..%2Fqueues" V, "");
    check("router.jobs.get", "[\"...\"]", "GET", "/routing/jobs/..." V, "");
    check("router.jobs.get", "[\"\\r\\nHost: evil\"]", "GET", "/routing/jobs/%0D%0AHost%3A%20evil" V, "");
    check("router.jobs.complete", "[\"{assignmentId}\",\"a\"]", "POST",
          "/routing/jobs/%7BassignmentId%7D/assignments/a:complete" V, "");
}

static void numbers_go_out_as_they_came(void **state) {
    (void)state;
    check("router.jobs.update",
          "[\"j\",{\"priority\":9223372036854775807,\"labels\":{\"a\":9007199254740993,\"b\":1.10,\"c\":-0.0}}]",
          "PATCH", "/routing/jobs/j" V,
          "{\"priority\":9223372036854775807,\"labels\":{\"a\":9007199254740993,\"b\":1.10,\"c\":-0.0}}");
    check("router.jobs.update", "[\"j\",{\"priority\":-5,\"tags\":{\"s\":\"\\u0000\\ud83d\\ude00\"}}]", "PATCH",
          "/routing/jobs/j" V, "{\"priority\":-5,\"tags\":{\"s\":\"\\u0000\\ud83d\\ude00\"}}");
}

static void query_options_go_into_the_query(void **state) {
    (void)state;
    check("router.jobs.list", "[]", "GET", "/routing/jobs" V, "");
    check("router.jobs.list",
          "[{\"status\":\"active\",\"queueId\":\"a b&c\",\"maxpagesize\":2,"
          "\"scheduledBefore\":\"2026-03-01T09:30:00+01:00\"}]",
          "GET",
          "/routing/jobs" V "&maxpagesize=2&status=active&queueId=a%20b%26c"
          "&scheduledBefore=2026-03-01T09%3A30%3A00%2B01%3A00",
          "");
    check("router.workers.list", "[{\"hasCapacity\":true}]", "GET", "/routing/workers" V "&hasCapacity=true", "");
}

static void conditions_go_into_headers(void **state) {
    (void)state;
    struct router_request request;
    router_request_init(&request);
    assert_int_equal(
        build(&request, "router.jobs.activate",
              "[\"j\",{\"ifMatch\":\"\\\"5f-1\\\"\",\"ifUnmodifiedSince\":\"2024-02-06T11:00:00+01:00\"}]", NULL),
        0);
    assert_string_equal(request.if_match.bytes, "\"5f-1\"");
    assert_string_equal(request.if_unmodified_since.bytes, "Tue, 06 Feb 2024 10:00:00 GMT");
    assert_string_equal(request.body.bytes, "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    assert_string_equal(request.content_type, "application/merge-patch+json");

    /* The same struct serves again, and nothing of the first request is left. */
    assert_int_equal(build(&request, "router.queues.update",
                           "[\"q\",{\"ifUnmodifiedSince\":\"Tue, 06 Feb 2024 10:00:00 GMT\",\"name\":\"Q\"}]",
                           NULL),
                     0);
    assert_int_equal(request.if_match.length, 0);
    assert_string_equal(request.if_unmodified_since.bytes, "Tue, 06 Feb 2024 10:00:00 GMT");
    assert_string_equal(request.body.bytes, "{\"name\":\"Q\"}");
    router_request_reset(&request);

    refused("router.jobs.update", "[\"j\",{\"ifMatch\":\"a\\r\\nX: y\"}]", "ifMatch");
    refused("router.jobs.update", "[\"j\",{\"ifMatch\":\"\"}]", "ifMatch");
    refused("router.jobs.update", "[\"j\",{\"ifMatch\":null}]", "ifMatch");
    refused("router.jobs.update", "[\"j\",{\"ifUnmodifiedSince\":\"yesterday\"}]", "ifUnmodifiedSince");
}

static void ids_that_cannot_be_are_refused(void **state) {
    (void)state;
    char arguments[2048];
    refused("router.jobs.get", "[]", "argument 1 (jobId) is missing");
    refused("router.jobs.get", "[\"\"]", "argument 1 (jobId) is empty");
    refused("router.jobs.get", "[17]", "argument 1 (jobId) must be a string");
    refused("router.jobs.get", "[null]", "argument 1 (jobId) must be a string");
    refused("router.jobs.get", "[{\"a\":1}]", "argument 1 (jobId) must be a string");
    refused("router.jobs.get", "[\"a\\u0000b\"]", "argument 1 (jobId) holds a NUL");
    refused("router.jobs.get", "[\".\"]", "argument 1 (jobId)");
    refused("router.jobs.get", "[\"..\"]", "argument 1 (jobId)");
    refused("router.offers.accept", "[\"w\"]", "argument 2 (offerId) is missing");
    refused("router.jobs.complete", "[\"j\",\"\"]", "argument 2 (assignmentId) is empty");
    snprintf(arguments, sizeof arguments, "[\"%01025d\"]", 0);
    refused("router.jobs.get", arguments, "longer than 1024");
    snprintf(arguments, sizeof arguments, "[{\"queueId\":\"%01025d\"}]", 0);
    refused("router.jobs.list", arguments, "queueId");
}

static void options_that_cannot_be_are_refused(void **state) {
    (void)state;
    refused("router.jobs.activate", "[\"j\",{\"prioritty\":1}]", "no option \"prioritty\"; is it \"priority\"?");
    refused("router.jobs.activate", "[\"j\",{\"matchingMode\":{\"kind\":\"suspend\"}}]", "matchingMode");
    refused("router.workers.register", "[\"w\",{\"availableForOffers\":false}]", "availableForOffers");
    refused("router.jobs.activate", "[\"j\",{\"priority\":\"10\"}]", "\"priority\" must be a whole number");
    refused("router.jobs.activate", "[\"j\",{\"priority\":10.5}]", "\"priority\" must be a whole number");
    refused("router.jobs.activate", "[\"j\",{\"priority\":1e3}]", "\"priority\" must be a whole number");
    refused("router.jobs.activate", "[\"j\",{\"priority\":1,\"priority\":2}]", "\"priority\" is given twice");
    refused("router.jobs.update", "[\"j\",{\"labels\":[]}]", "\"labels\" must be a table of names");
    refused("router.jobs.update", "[\"j\",{\"notes\":{}}]", "\"notes\" must be a list");
    refused("router.jobs.update", "[\"j\",{\"queueId\":5}]", "\"queueId\" must be a string");
    refused("router.workers.update", "[\"w\",{\"availableForOffers\":\"yes\"}]", "must be true or false");
    refused("router.jobs.close", "[\"j\",\"a\",{\"closeAt\":\"soon\"}]", "\"closeAt\" must be a time");
    refused("router.jobs.close", "[\"j\",\"a\",{\"note\":null}]", "\"note\" must be a string");
    refused("router.jobs.schedule", "[\"j\"]", "\"scheduleAt\" is missing");
    refused("router.jobs.schedule", "[\"j\",{\"scheduleAt\":null}]", "\"scheduleAt\" must be a time");
    refused("router.jobs.schedule",
            "[\"j\",{\"scheduleAt\":\"2026-03-01T09:30:00Z\\\"},\\\"x\\\":{\\\"y\\\":\\\"\"}]",
            "\"scheduleAt\" must be a time");
    refused("router.jobs.list", "[{\"queueId\":null}]", "\"queueId\" must be a string");
    refused("router.offers.accept", "[\"w\",\"o\",{\"note\":\"x\"}]", "no option \"note\"");
    refused("router.jobs.update", "[\"j\",{\"a\\u0000\\u001b[31m\":1}]", "no option \"a\\x00\\x1b[31m\"");
    refused("router.jobs.update", "[\"j\",{\"\":1}]", "no option \"\"");
}

static void arguments_that_are_no_such_array_are_refused(void **state) {
    (void)state;
    const char *const hostile[] = {"",
                                   "{}",
                                   "null",
                                   "\"j\"",
                                   "[\"j\"",
                                   "[\"j\",]",
                                   "[\"j\"]x",
                                   "[\"j\",{\"priority\":1]",
                                   "[\"j\",{\"priority\":01}]",
                                   "[\"j\",{\"priority\":--1}]",
                                   "[\"j\",{\"labels\":{\"a\":tru}}]",
                                   "[\"\xff\"]",
                                   "[\"\\ud800\"]"};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        refused("router.jobs.update", hostile[i], "router.jobs.update");
    }
    refused("router.jobs.update", "[\"j\",[]]", "argument 2 (the options)");
    refused("router.jobs.update", "[\"j\",\"k\"]", "argument 2 (the options)");
    refused("router.jobs.update", "[\"j\",{},{}]", "not more");
    refused("router.jobs.update", "[\"j\",null]", "argument 2 (the options)");
}

/* --- the connection string */

static void connection_strings_are_read(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"endpoint=https://contoso.communication.azure.com/;accesskey=AAEC",
         "https://contoso.communication.azure.com", "contoso.communication.azure.com"},
        {"AccessKey=AAEC;Endpoint=https://contoso.Communication.azure.com;",
         "https://contoso.communication.azure.com", "contoso.communication.azure.com"},
        {"endpoint=HTTPS://contoso.emea.communication.azure.com:443/;accesskey=AAEC",
         "https://contoso.emea.communication.azure.com", "contoso.emea.communication.azure.com"},
        {"endpoint=https://contoso.example:8443/;;accesskey=AAEC;later=x", "https://contoso.example:8443",
         "contoso.example:8443"},
        {"endpoint=http://127.0.0.1:8081;accesskey=AAEC", "http://127.0.0.1:8081", "127.0.0.1:8081"},
        {"endpoint=http://localhost/;accesskey=AAEC", "http://localhost", "localhost"},
        {"endpoint=http://[::1]:8081/;accesskey=AAEC", "http://[::1]:8081", "[::1]:8081"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct router_access access;
        struct error error = {.code = ERROR_NONE};
        if (router_access_init(&access, cases[i][0], &error) < 0) {
            fail_msg("%s: %s", cases[i][0], error.message);
        }
        assert_string_equal(access.endpoint, cases[i][1]);
        assert_string_equal(access.host, cases[i][2]);
        assert_int_equal(access.key.length, 3);
        assert_memory_equal(access.key.bytes, "\0\1\2", 3);
        router_access_reset(&access);
        assert_null(access.endpoint);
        assert_null(access.key.bytes);
    }
}

static void other_connection_strings_are_refused_without_the_key(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "endpoint=https://contoso.example/",
        "accesskey=c2VjcmV0",
        "endpoint=https://contoso.example/;accesskey=",
        "endpoint=https://contoso.example/;accesskey=c2VjcmV",
        "endpoint=https://contoso.example/;accesskey=c2Vj cmV0",
        "endpoint=https://contoso.example/;c2VjcmV0",
        "endpoint=https://contoso.example/;accesskey=c2VjcmV0;accesskey=c2VjcmV0",
        "endpoint=http://contoso.example/;accesskey=c2VjcmV0",
        "endpoint=http://127.0.0.1.example/;accesskey=c2VjcmV0",
        "endpoint=ftp://contoso.example/;accesskey=c2VjcmV0",
        "endpoint=contoso.example;accesskey=c2VjcmV0",
        "endpoint=https://;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example/path;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example?x;accesskey=c2VjcmV0",
        "endpoint=https://user@contoso.example;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example:0;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example:65536;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example:80x;accesskey=c2VjcmV0",
        "endpoint=https://[::1;accesskey=c2VjcmV0",
        "endpoint=https://conto so.example;accesskey=c2VjcmV0",
        "endpoint=https://contoso.example\r\n;accesskey=c2VjcmV0",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct router_access access;
        struct error error = {.code = ERROR_NONE};
        if (router_access_init(&access, cases[i], &error) == 0) {
            fail_msg("\"%s\" was not refused", cases[i]);
        }
        assert_int_equal(error.code, ERROR_INVALID);
        assert_non_null(strstr(error.message, "connection string"));
        assert_null(strstr(error.message, "c2Vj"));
        assert_null(access.endpoint);
        assert_null(access.host);
        assert_null(access.key.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_forms_are_upserts),
        cmocka_unit_test(bodies_are_as_the_contract_wants_them),
        cmocka_unit_test(ids_are_percent_encoded),
        cmocka_unit_test(numbers_go_out_as_they_came),
        cmocka_unit_test(query_options_go_into_the_query),
        cmocka_unit_test(conditions_go_into_headers),
        cmocka_unit_test(ids_that_cannot_be_are_refused),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(arguments_that_are_no_such_array_are_refused),
        cmocka_unit_test(connection_strings_are_read),
        cmocka_unit_test(other_connection_strings_are_refused_without_the_key),
    };
    return crypto_start(NULL) == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : EXIT_FAILURE;
}
