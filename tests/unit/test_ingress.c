/* Deliveries over real sockets into a real store: every row of the status table, the handshake, and what is
 * kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress_bench.h"
#include <pthread.h>

#define EVENT_NAMED(id, type)                                                                                     \
    "{\"id\":\"" id "\",\"topic\":\"/t\",\"subject\":\"s\",\"eventType\":\"" type                                 \
    "\",\"eventTime\":\"2026-03-01T09:00:00Z\",\"dataVersion\":\"1\",\"metadataVersion\":\"1\","                  \
    "\"data\":{\"jobId\":\"j-" id "\"}}"
#define EVENT(id) EVENT_NAMED(id, "Microsoft.Communication.RouterJobQueued")
#define VALIDATION(code)                                                                                          \
    "{\"id\":\"v\",\"topic\":\"/t\",\"subject\":\"\",\"eventType\":"                                              \
    "\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"eventTime\":\"2026-03-01T09:00:00Z\","                 \
    "\"dataVersion\":\"1\",\"data\":{" code "}}"
#define JSON_TYPE "Content-Type: application/json; charset=utf-8\r\n"

static char *const no_names[] = {NULL};

static void test_statuses_without_a_body(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){.secrets = {"open sesame"}, .header = "x-switchhook-secret"});
    static const struct {
        const char *request;
        int status;
        const char *code;
    } rows[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"},
        {"POST /events/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"},
        {"POST /EVENTS HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"},
        {"GET /events HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"},
        {"PUT /events?code=open+sesame HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"},
        {"OPTIONS /events HTTP/1.1\r\nHost: a\r\n\r\n", 401, "not_verified"},
        {"OPTIONS /events?code=open+sesame HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_handshake"},
        {"BREW /events HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\r\n", 415, "unsupported_type"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/jsonx\r\n\r\n", 415, "unsupported_type"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/cloudevents+xml\r\n\r\n", 415,
         "unsupported_type"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x+json\r\n\r\n", 415, "unsupported_type"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nce-id: 1\r\n\r\n", 415,
         "unsupported_type"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nce-id: 1\r\n\r\n", 401, "not_verified"},
        {"POST /events?code=open+sesame HTTP/1.1\r\nHost: a\r\nce-id: 1\r\n\r\n", 400, "bad_attribute"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n", 415, "unsupported_encoding"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n\r\n", 415, "unsupported_encoding"},
        {"POST /events HTTP/1.1\r\nHost: a\r\n\r\n", 401, "not_verified"},
        {"POST /events?code= HTTP/1.1\r\nHost: a\r\n\r\n", 401, "not_verified"},
        {"POST /events?code=Open+sesame HTTP/1.1\r\nHost: a\r\n\r\n", 401, "not_verified"},
        {"POST /events?Code=open+sesame HTTP/1.1\r\nHost: a\r\n\r\n", 401, "not_verified"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nx-switchhook-secret: open\r\n\r\n", 401, "not_verified"},
        {"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 401, "not_verified"},
        {"POST /events?code=open%20sesame HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413,
         "body_too_large"},
        {"POST /events?code=open%20sesame HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 400,
         "unreadable_body"},
        {"POST /events?code=open%20sesame HTTP/1.1\r\nHost: a\r\n\r\n", 400, "unreadable_body"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw_answer answer;
        char value[256];
        if (raw_ask(bench.port, rows[i].request, &answer) != rows[i].status ||
            strstr(answer.body, rows[i].code) == NULL) {
            fail_msg("row %zu, %s, is answered %d %s", i, rows[i].request, answer.status, answer.body);
        }
        assert_null(strstr(answer.body, "sesame"));
        assert_string_equal(raw_header(&answer, "Content-Type", value), "application/json");
        if (answer.status == 405) {
            assert_string_equal(raw_header(&answer, "Allow", value), "POST");
        }
    }
    assert_int_equal(bench_count(&bench, -1), 0);
    bench_stop(&bench);
}

static void test_secret_in_either_place(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){.secrets = {"new", "old"}, .header = "X-Switchhook-Secret"});
    struct raw_answer answer;
    const struct slice body = slice_of("[" EVENT("1") "]");
    assert_int_equal(bench_post_slice(&bench, "/events?x=1&code=new", "", body, &answer), 200);
    assert_int_equal(bench_post_slice(&bench, "/events?code=old", "", body, &answer), 200);
    assert_int_equal(bench_post_slice(&bench, "/events", "x-switchhook-secret: new\r\n", body, &answer), 200);
    assert_int_equal(bench_post_slice(&bench, "/events", "X-SWITCHHOOK-SECRET: old\r\n", body, &answer), 200);
    assert_int_equal(bench_post_slice(&bench, "/events?code=ne", "", body, &answer), 401);
    /* With a secret, a proxy in between is welcome. */
    assert_int_equal(bench_post_slice(&bench, "/events?code=new", "X-Forwarded-For: 1.2.3.4\r\n", body, &answer),
                     200);
    bench_stop(&bench);
}

static void test_without_a_secret_nothing_from_a_proxy(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct raw_answer answer;
    static const char *const headers[] = {"Forwarded: for=1.2.3.4\r\n", "x-forwarded-for: 1.2.3.4\r\n",
                                          "Via: 1.1 proxy\r\n", "Sec-Fetch-Site: cross-site\r\n", "Via:\r\n"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_int_equal(bench_post(&bench, headers[i], "[" EVENT("1") "]", &answer), 401);
    }
    assert_int_equal(bench_count(&bench, -1), 0);
    assert_int_equal(bench_post(&bench, "", "[" EVENT("1") "]", &answer), 200);
    bench_stop(&bench);
}

static void test_stored_duplicates_quarantined(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    static const struct {
        const char *headers, *body, *answer;
    } rows[] = {
        {JSON_TYPE, "[" EVENT("1") "]", "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}"},
        {"", " [\n" EVENT("1") "] ", "{\"stored\":0,\"duplicates\":1,\"quarantined\":0}"},
        {"Content-Type: APPLICATION/JSON\r\n", EVENT("2"), "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}"},
        {"", "[" EVENT("3") "," EVENT("3") "]", "{\"stored\":1,\"duplicates\":1,\"quarantined\":0}"},
        {"", "[" EVENT("4") ",7," EVENT("5") ",{\"id\":\"6\"}]",
         "{\"stored\":2,\"duplicates\":0,\"quarantined\":2}"},
        {"", "[" EVENT_NAMED("1", "Microsoft.Communication.RouterJobClosed") "]",
         "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}"},
        {"", "[" EVENT_NAMED("8", "Switchhook.Local.callback") "," EVENT_NAMED("9", "SWITCHHOOK.LOCAL.") "]",
         "{\"stored\":0,\"duplicates\":0,\"quarantined\":2}"},
        {"", "[" EVENT_NAMED("10", "Microsoft.EventGrid.SubscriptionDeletedEvent") "]",
         "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}"},
        {"", "[]", "{\"stored\":0,\"duplicates\":0,\"quarantined\":0}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw_answer answer;
        char value[256];
        if (bench_post(&bench, rows[i].headers, rows[i].body, &answer) != 200 ||
            strcmp(answer.body, rows[i].answer) != 0) {
            fail_msg("row %zu is answered %d %s", i, answer.status, answer.body);
        }
        assert_string_equal(raw_header(&answer, "Content-Type", value), "application/json");
    }
    assert_int_equal(bench_count(&bench, -1), 7 + 4);
    assert_int_equal(bench_count(&bench, STORE_QUARANTINED), 4);
    assert_int_equal(bench.outcomes, sizeof rows / sizeof rows[0]);
    bench_stop(&bench);
}

/* The same name with other content is no duplicate. */
static void test_namesakes_are_both_kept(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct raw_answer answer;
    bench_post(&bench, "", "{\"id\":\"1\",\"eventType\":\"T\",\"data\":{\"n\":1}}", &answer);
    assert_int_equal(bench_post(&bench, "", "{\"id\":\"1\",\"eventType\":\"T\",\"data\":{\"n\":2}}", &answer),
                     200);
    assert_string_equal(answer.body, "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}");
    assert_int_equal(bench.last.stored, 1);
    assert_int_equal(bench.last.status, 200);
    assert_true(bench.last.seconds > 0);
    bench_stop(&bench);
}

static void test_unreadable_bodies(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    static const struct {
        const char *body;
        const char *offset; /* as it stands in the answer; NULL: any */
    } rows[] = {
        {"", NULL},
        {" ", NULL},
        {"not json", "\"offset\":0"},
        {"[" EVENT("1"), NULL},
        {"[" EVENT("1") "] x", NULL},
        {"[1,]", "\"offset\":3"},
        {"7", "\"offset\":0"},
        {"\"text\"", "\"offset\":0"},
        {"null", "\"offset\":0"},
        {"{}", "\"offset\":0"},
        {"{\"id\":\"1\"}", NULL},
        {"[{\"id\":\"\xff\"}]", "\"offset\":8"},
        {"[{\"id\":\"\\ud800\"}]", NULL},
        {"[1e999]", NULL},
        {"{\"id\":1,\"eventType\":\"T\"}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw_answer answer;
        if (bench_post(&bench, "", rows[i].body, &answer) != 400 || strstr(answer.body, "\"message\":") == NULL ||
            strstr(answer.body, rows[i].offset == NULL ? "\"offset\":" : rows[i].offset) == NULL) {
            fail_msg("%s is answered %d %s", rows[i].body, answer.status, answer.body);
        }
        assert_int_equal(bench.last.status, 400);
    }
    char deep[300];
    memset(deep, '[', 150);
    memset(deep + 150, ']', 150);
    struct raw_answer answer;
    assert_int_equal(bench_post_slice(&bench, "/events", "", slice_make(deep, sizeof deep), &answer), 400);
    assert_int_equal(bench_count(&bench, -1), 0);
    bench_stop(&bench);
}

static void test_handshake(void **state) {
    (void)state;
    struct bench bench;
    char name[] = "RouterEvents";
    char *names[] = {name, NULL};
    bench_start(&bench, (struct verify_options){.subscriptions = names});
    static const char allowed[] =
        "aeg-event-type: SubscriptionValidation\r\naeg-subscription-name: ROUTEREVENTS\r\n";
    static const char body[] =
        "[" VALIDATION("\"validationCode\":\"a\\\"b\\u00e4\",\"validationUrl\":\"https://u\"") "]";
    struct raw_answer answer;
    assert_int_equal(bench_post(&bench, allowed, body, &answer), 200);
    assert_string_equal(answer.body, "{\"validationResponse\":\"a\\\"b\xc3\xa4\"}");
    /* The type alone says it as well; names of headers and their values ignore case. */
    assert_int_equal(bench_post(&bench, "AEG-Subscription-Name: routerevents\r\n", body, &answer), 200);
    assert_int_equal(bench_post(&bench, "aeg-subscription-name: stranger\r\n", body, &answer), 403);
    assert_null(strstr(answer.body, "a\\\"b"));
    assert_int_equal(bench_post(&bench, "", body, &answer), 403);
    assert_int_equal(bench_post(&bench, allowed, "[" VALIDATION("\"validationCode\":\"\"") "]", &answer), 400);
    assert_int_equal(bench_post(&bench, allowed, "[" VALIDATION("\"validationCode\":7") "]", &answer), 400);
    assert_int_equal(bench_post(&bench, allowed, "[" EVENT("1") "]", &answer), 400);
    assert_int_equal(bench_count(&bench, -1), 0);

    /* Beside other events it is an event like any other. */
    static const char batch[] = "[" VALIDATION("\"validationCode\":\"abc\"") "," EVENT("2") "]";
    assert_int_equal(bench_post(&bench, allowed, batch, &answer), 200);
    assert_string_equal(answer.body, "{\"stored\":2,\"duplicates\":0,\"quarantined\":0}");
    bench_stop(&bench);
}

static void test_handshake_needs_the_secret(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){.secrets = {"s"}, .subscriptions = no_names});
    struct raw_answer answer;
    const struct slice body = slice_of("[" VALIDATION("\"validationCode\":\"abc\"") "]");
    assert_int_equal(bench_post_slice(&bench, "/events", "", body, &answer), 401);
    assert_null(strstr(answer.body, "abc"));
    assert_int_equal(bench_post_slice(&bench, "/events?code=s", "", body, &answer), 200);
    assert_string_equal(answer.body, "{\"validationResponse\":\"abc\"}");
    bench_stop(&bench);
}

static void test_overload_is_503(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct raw_answer answer;
    char value[256];
    atomic_store(&bench.is_full, true);
    assert_int_equal(bench_post(&bench, "", "[" EVENT("1") "]", &answer), 503);
    assert_string_equal(raw_header(&answer, "Retry-After", value), "30");
    assert_int_equal(bench.last.status, 503);
    atomic_store(&bench.is_full, false);
    assert_int_equal(bench_post(&bench, "", "[" EVENT("1") "]", &answer), 200);
    assert_int_equal(bench_count(&bench, -1), 1);
    bench_stop(&bench);
}

static void test_body_limit(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct buffer body;
    buffer_init(&body, BENCH_BODY_LIMIT + 1);
    buffer_append_text(&body, "[" EVENT("1") "]");
    size_t blanks = BENCH_BODY_LIMIT - body.length;
    memset(buffer_reserve(&body, blanks + 1), ' ', blanks + 1);
    buffer_grew(&body, blanks);
    struct raw_answer answer;
    assert_int_equal(bench_post_slice(&bench, "/events", "", buffer_slice(&body), &answer), 200);
    buffer_grew(&body, 1);
    assert_int_equal(bench_post_slice(&bench, "/events", "", buffer_slice(&body), &answer), 413);
    buffer_reset(&body);
    bench_stop(&bench);
}

struct sender {
    struct bench *bench;
    pthread_t thread;
    int number;
    int answered; /* how many 200 */
};

/* On one connection, as Event Grid does: its own events, and between them one that all send. */
static void *send_many(void *context) {
    struct sender *sender = context;
    struct raw raw;
    raw_open(&raw, sender->bench->port);
    for (int i = 0; i < 20; i++) {
        char body[512];
        int length =
            snprintf(body, sizeof body, "[{\"id\":\"%d-%d\",\"eventType\":\"T\",\"data\":{}}," EVENT("all") "]",
                     sender->number, i);
        struct buffer request;
        buffer_init(&request, 4096);
        bench_request(&request, "/events", "", slice_make(body, (size_t)length));
        raw_send_bytes(&raw, request.bytes, request.length);
        buffer_reset(&request);
        struct raw_answer answer;
        raw_read(&raw, &answer);
        sender->answered += answer.status == 200;
    }
    raw_close(&raw);
    return NULL;
}

/* Each of them waits for its commit; the one that all send is stored once, whoever came first. */
static void test_many_senders(void **state) {
    (void)state;
    enum { SENDERS = 16 };
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.bench = &bench, .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].answered, 20);
    }
    assert_int_equal(bench_count(&bench, -1), SENDERS * 20 + 1);
    bench_stop(&bench);
}

/* What came in as the listener stopped is either stored and answered, or neither. */
static void test_stop_answers_what_is_in_flight(void **state) {
    (void)state;
    enum { COUNT = 30 };
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct raw raws[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char body[128];
        int length = snprintf(body, sizeof body, "{\"id\":\"%d\",\"eventType\":\"T\"}", i);
        struct buffer request;
        buffer_init(&request, 4096);
        bench_request(&request, "/events", "", slice_make(body, (size_t)length));
        raw_open(&raws[i], bench.port);
        raw_send_bytes(&raws[i], request.bytes, request.length);
        buffer_reset(&request);
    }
    ingress_stop(bench.ingress);
    bench.ingress = NULL;
    size_t stored = 0;
    for (int i = 0; i < COUNT; i++) {
        struct raw_answer answer;
        raw_read(&raws[i], &answer);
        assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
        stored += answer.status == 200;
        raw_close(&raws[i]);
    }
    assert_int_equal(bench_count(&bench, -1), stored);
    bench_stop(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses_without_a_body),
        cmocka_unit_test(test_secret_in_either_place),
        cmocka_unit_test(test_without_a_secret_nothing_from_a_proxy),
        cmocka_unit_test(test_stored_duplicates_quarantined),
        cmocka_unit_test(test_namesakes_are_both_kept),
        cmocka_unit_test(test_unreadable_bodies),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_handshake_needs_the_secret),
        cmocka_unit_test(test_overload_is_503),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_many_senders),
        cmocka_unit_test(test_stop_answers_what_is_in_flight),
    };
    return cmocka_run_group_tests_name("ingress", tests, NULL, NULL);
}
