/* A delivery and the disk: what was answered 200 is there afterwards, byte for byte; what could not be stored is
 * answered 503, leaves nothing behind, and is taken when it comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress_bench.h"

static void test_failed_commit_is_503_and_comes_again(void **state) {
    (void)state;
#ifndef SWITCHHOOK_FAULTS
    skip();
#else
    /* Read once, at the first point that is passed: no other test of this program may commit before. */
    assert_int_equal(setenv("SWITCHHOOK_FAULT", "store.commit:1:fail", 1), 0);
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    static const char body[] = "[{\"id\":\"1\",\"eventType\":\"T\"},{\"id\":\"2\",\"eventType\":\"T\"}]";
    struct raw_answer answer;
    char value[256];
    assert_int_equal(bench_post(&bench, "", body, &answer), 503);
    assert_string_equal(raw_header(&answer, "Retry-After", value), "30");
    assert_non_null(strstr(answer.body, "\"code\":\"disk_full\""));
    assert_null(strstr(answer.body, bench.folder));
    assert_int_equal(bench_count(&bench, -1), 0);
    assert_int_equal(bench_post(&bench, "", body, &answer), 200);
    assert_string_equal(answer.body, "{\"stored\":2,\"duplicates\":0,\"quarantined\":0}");
    assert_int_equal(bench_count(&bench, -1), 2);
    bench_stop(&bench);
#endif
}

static char *read_fixture(const char *name, size_t *length) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/fixtures/%s", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = calloc(1, 64 * 1024);
    assert_non_null(bytes);
    *length = fread(bytes, 1, 64 * 1024 - 1, file);
    fclose(file);
    return bytes;
}

/* The only element of an Event Grid array, with its white space. */
static struct slice element_of(const char *bytes) {
    const char *begin = strchr(bytes, '{');
    const char *end = strrchr(bytes, '}');
    return slice_make(begin, (size_t)(end - begin) + 1);
}

static void test_fixtures_are_kept_byte_for_byte(void **state) {
    (void)state;
    static const char *const names[] = {"RouterJobWaitingForActivation.json", "RouterWorkerOfferIssued.json",
                                        "RouterWorkerOfferIssued2021.json"};
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct error error = {0};
    struct store_reader *reader = store_reader_new(bench.store, &error);
    assert_non_null(reader);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = 0;
        char *bytes = read_fixture(names[i], &length);
        struct raw_answer answer;
        const struct slice body = slice_make(bytes, length);
        assert_int_equal(bench_post_slice(&bench, "/events", "aeg-event-type: Notification\r\n", body, &answer),
                         200);
        assert_string_equal(answer.body, "{\"stored\":1,\"duplicates\":0,\"quarantined\":0}");
        struct store_totals totals = {0};
        assert_int_equal(store_totals(reader, &totals, &error), 0);
        struct store_record record = {0};
        assert_int_equal(store_read_event(reader, totals.last_seq, &record, &error), 0);
        assert_true(slice_equal(record.raw, element_of(bytes)));
        assert_int_equal(record.state, STORE_QUEUED);
        assert_true(record.received_us > 0);
        assert_true(slice_starts_with(record.type, "Microsoft.Communication.Router"));
        free(bytes);
    }
    store_reader_free(reader);
    bench_stop(&bench);
}

static void test_validation_fixture_is_answered(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    size_t length = 0;
    char *bytes = read_fixture("SubscriptionValidation.json", &length);
    const char *code = strstr(bytes, "\"validationCode\": \"");
    assert_non_null(code);
    code += strlen("\"validationCode\": \"");
    char expected[128];
    snprintf(expected, sizeof expected, "{\"validationResponse\":\"%.*s\"}", (int)strcspn(code, "\""), code);
    struct raw_answer answer;
    assert_int_equal(bench_post_slice(&bench, "/events", "", slice_make(bytes, length), &answer), 200);
    assert_string_equal(answer.body, expected);
    free(bytes);
    assert_int_equal(bench_count(&bench, -1), 0);
    bench_stop(&bench);
}

static void test_what_was_answered_is_there_after_reopening(void **state) {
    (void)state;
    struct bench bench;
    bench_start(&bench, (struct verify_options){0});
    struct raw_answer answer;
    assert_int_equal(bench_post(&bench, "", "[{\"id\":\"1\",\"eventType\":\"T\"},7]", &answer), 200);
    ingress_stop(bench.ingress);
    bench.ingress = NULL;
    store_close(bench.store);
    char location[128];
    snprintf(location, sizeof location, "sqlite:%s/switchhook.db", bench.folder);
    struct error error = {0};
    bench.store = store_open(location, &error);
    assert_non_null(bench.store);
    assert_int_equal(bench_count(&bench, STORE_QUEUED), 1);
    assert_int_equal(bench_count(&bench, STORE_QUARANTINED), 1);
    bench_stop(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_commit_is_503_and_comes_again),
        cmocka_unit_test(test_fixtures_are_kept_byte_for_byte),
        cmocka_unit_test(test_validation_fixture_is_answered),
        cmocka_unit_test(test_what_was_answered_is_there_after_reopening),
    };
    return cmocka_run_group_tests_name("ingress and the store", tests, NULL, NULL);
}
