/* What makes two events the same, and what puts them into one lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"
#include <stdlib.h>
#include <string.h>

#define TYPE "Microsoft.Communication."

static struct event read_one(const char *body) {
    struct envelope envelope;
    struct json_error error;
    envelope_init(&envelope);
    if (envelope_read(&envelope, body, strlen(body), &error) < 0) {
        fail_msg("%s: %s at %zu", body, error.message, error.offset);
    }
    assert_int_equal(envelope.count, 1);
    struct event event = envelope.events[0];
    envelope_reset(&envelope);
    return event; /* for its digests: slices may be gone */
}

static bool has_same_content(const char *a, const char *b) {
    struct event left = read_one(a);
    struct event right = read_one(b);
    return memcmp(left.content, right.content, CRYPTO_DIGEST_SIZE) == 0;
}

static bool has_same_identity(const char *a, const char *b) {
    struct event left = read_one(a);
    struct event right = read_one(b);
    return memcmp(left.identity, right.identity, CRYPTO_DIGEST_SIZE) == 0;
}

static void test_white_space_does_not_count(void **state) {
    (void)state;
    static const char plain[] = "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"x y\"],\"b\":{}}}]";
    static const char *const same[] = {
        "{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"x y\"],\"b\":{}}}",
        " [ {\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"x y\"],\"b\":{}}} ] ",
        "[{ \"id\" : \"1\" ,\n\t\"eventType\":\"t\",\r\n\"data\":{\"a\":[ 1, 2.50 ,\"x y\" ],\"b\":{ } } }]",
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"x y\"],\"b\":{} }}]",
    };
    static const char *const other[] = {
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"xy\"],\"b\":{}}}]",
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"x  y\"],\"b\":{}}}]",
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.5,\"x y\"],\"b\":{}}}]",
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[12.50,\"x y\"],\"b\":{}}}]",
        "[{\"eventType\":\"t\",\"id\":\"1\",\"data\":{\"a\":[1,2.50,\"x y\"],\"b\":{}}}]",
        "[{\"id\":\"1\",\"eventType\":\"t\",\"data\":{\"a\":[1,2.50,\"\\u0078 y\"],\"b\":{}}}]",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(has_same_content(plain, same[i]));
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        assert_false(has_same_content(plain, other[i]));
        assert_true(has_same_identity(plain, other[i]));
    }
}

/* In one body: what stands around an element, or in its neighbour, does not count for it. */
static void test_white_space_in_a_batch(void **state) {
    (void)state;
    static const char body[] = "[ {\"id\":\"1\",\"eventType\":\"t\"},{\"id\":\"1\", \"eventType\":\"t\"} "
                               ",\n{\"id\":\"1\",\"eventType\":\"t\"}]";
    struct envelope envelope;
    envelope_init(&envelope);
    assert_int_equal(envelope_read(&envelope, body, sizeof body - 1, NULL), 0);
    assert_int_equal(envelope.count, 3);
    for (size_t i = 1; i < 3; i++) {
        assert_memory_equal(envelope.events[i].content, envelope.events[0].content, CRYPTO_DIGEST_SIZE);
        assert_memory_equal(envelope.events[i].identity, envelope.events[0].identity, CRYPTO_DIGEST_SIZE);
    }
    envelope_reset(&envelope);
}

static void test_identity(void **state) {
    (void)state;
    static const char plain[] = "{\"id\":\"1\",\"topic\":\"s\",\"eventType\":\"t\",\"subject\":\"u\"}";
    assert_true(has_same_identity(
        plain, "{\"subject\":\"v\",\"i\\u0064\":\"\\u0031\",\"eventType\":\"t\",\"topic\":\"s\",\"data\":{}}"));
    assert_false(has_same_identity(plain, "{\"id\":\"2\",\"topic\":\"s\",\"eventType\":\"t\"}"));
    assert_false(has_same_identity(plain, "{\"id\":\"1\",\"topic\":\"x\",\"eventType\":\"t\"}"));
    assert_false(has_same_identity(plain, "{\"id\":\"1\",\"topic\":\"s\",\"eventType\":\"x\"}"));
    /* the parts do not run into each other */
    assert_false(has_same_identity("{\"id\":\"1\",\"topic\":\"st\",\"eventType\":\"t\"}",
                                   "{\"id\":\"1\",\"topic\":\"s\",\"eventType\":\"tt\"}"));
}

static void test_identity_of_malformed(void **state) {
    (void)state;
    assert_true(has_same_identity("[{\"id\":1, \"a\":2}]", "[{\"id\":1,\"a\":2}]"));
    assert_false(has_same_identity("[{\"id\":1,\"a\":2}]", "[{\"id\":1,\"a\":3}]"));
    assert_false(has_same_identity("[1]", "[2]"));
    assert_false(has_same_identity("[1]", "[\"1\"]"));
}

static uint64_t lane_of(const char *members) {
    struct buffer body;
    buffer_init(&body, 4096);
    assert_int_equal(buffer_append_format(&body, "{\"id\":\"1\",%s}", members), 0);
    uint64_t lane = read_one(body.bytes).lane;
    buffer_reset(&body);
    return lane;
}

static void test_lanes(void **state) {
    (void)state;
    uint64_t job = lane_of("\"eventType\":\"a\",\"topic\":\"s\",\"subject\":\"u\",\"data\":{\"jobId\":\"j1\"}");
    uint64_t worker = lane_of("\"eventType\":\"a\",\"data\":{\"workerId\":\"w1\"}");
    /* a job's events are in its lane, offers too, whatever else they say */
    assert_int_equal(
        job, lane_of("\"eventType\":\"b\",\"topic\":\"x\",\"data\":{\"workerId\":\"w1\",\"jobId\":\"j1\"}"));
    assert_int_equal(job, lane_of("\"eventType\":\"b\",\"data\":{\"jobId\":\"\\u006a1\"}"));
    assert_int_not_equal(job, lane_of("\"eventType\":\"a\",\"data\":{\"jobId\":\"j2\"}"));
    /* else the worker; an empty or wrong jobId is none */
    assert_int_equal(
        worker, lane_of("\"eventType\":\"b\",\"subject\":\"z\",\"data\":{\"workerId\":\"w1\",\"jobId\":\"\"}"));
    assert_int_equal(worker, lane_of("\"eventType\":\"b\",\"data\":{\"jobId\":5,\"workerId\":\"w1\"}"));
    assert_int_not_equal(lane_of("\"eventType\":\"a\",\"data\":{\"jobId\":\"x\"}"),
                         lane_of("\"eventType\":\"a\",\"data\":{\"workerId\":\"x\"}"));
    /* else source and subject */
    uint64_t subject = lane_of("\"eventType\":\"a\",\"topic\":\"s\",\"subject\":\"u\"");
    assert_int_equal(subject, lane_of("\"eventType\":\"b\",\"topic\":\"s\",\"subject\":\"u\",\"data\":{\"a\":1}"));
    assert_int_equal(
        subject,
        lane_of(
            "\"eventType\":\"b\",\"topic\":\"s\",\"subject\":\"u\",\"data\":{\"jobId\":\"\",\"workerId\":\"\"}"));
    assert_int_not_equal(subject, lane_of("\"eventType\":\"a\",\"topic\":\"su\",\"subject\":\"\""));
    assert_int_not_equal(subject, lane_of("\"eventType\":\"a\",\"topic\":\"s\",\"subject\":\"v\""));
}

static void test_lane_of_a_deleted_worker(void **state) {
    (void)state;
    uint64_t worker = lane_of("\"eventType\":\"a\",\"data\":{\"workerId\":\"w1\"}");
    assert_int_equal(worker, lane_of("\"eventType\":\"" TYPE
                                     "RouterWorkerDeleted\",\"data\":{\"workerId\":\"w1\",\"labels\":{}}"));
    assert_int_equal(worker, lane_of("\"eventType\":\"" TYPE
                                     "RouterWorkerDeleted\",\"data\":{\"jobId\":\"j1\",\"workerId\":\"w1\"}"));
    assert_int_equal(lane_of("\"eventType\":\"" TYPE
                             "RouterWorkerDeleted\",\"subject\":\"worker/w1\",\"data\":{\"jobId\":\"j1\"}"),
                     lane_of("\"eventType\":\"a\",\"subject\":\"worker/w1\""));
    assert_int_equal(worker, lane_of("\"eventType\":\"" TYPE
                                     "RouterWorkerUpdated\",\"data\":{\"jobId\":\"j1\",\"workerId\":\"w1\"}"));
    /* an offer is the job's */
    assert_int_not_equal(worker,
                         lane_of("\"eventType\":\"" TYPE
                                 "RouterWorkerOfferIssued\",\"data\":{\"jobId\":\"j1\",\"workerId\":\"w1\"}"));
}

static int start(void **state) {
    (void)state;
    return crypto_start(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_white_space_does_not_count),
        cmocka_unit_test(test_white_space_in_a_batch),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_identity_of_malformed),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_lane_of_a_deleted_worker),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
