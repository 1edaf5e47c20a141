/* Letters, where they end, and the chance that befalls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "sim/chance.h"
#include "sim/dead_letters.h"
#include "json/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON                                                                                                      \
    "{\"id\":\"e1\",\"topic\":\"/t\",\"subject\":\"a\\\"b\",\"eventType\":\"T.x\",\"eventTime\":\"2026\","        \
    "\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\",\"data\":{\"topic\":[1,{\"a\":null}]}}"
#define CLOUD                                                                                                     \
    "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/t\",\"subject\":\"a\\\"b\",\"type\":\"T.x\","           \
    "\"time\":\"2026\",\"data\":{\"topic\":[1,{\"a\":null}]}}"

static char json[] = JSON;

/* Held once more than it is released: it is no core's. */
static struct sim_event event = {.type = "x", .id = "e1", .json = json, .length = sizeof JSON - 1, .holders = 1};

static struct letter *new_letter(bool is_cloud) {
    struct letter *letter = letter_new(&event, is_cloud);
    assert_non_null(letter);
    return letter;
}

static void a_letter_has_the_schema_that_was_asked_for(void **state) {
    (void)state;
    struct letter *grid = new_letter(false), *cloud = new_letter(true);
    assert_true(slice_is(grid->json, JSON));
    assert_true(slice_is(cloud->json, CLOUD));
    letter_release(letter_hold(cloud));
    letter_release(cloud);
    letter_release(grid);
    assert_int_equal(event.holders, 1);
}

static struct json *read_json(const char *folder, const char *name) {
    struct buffer text;
    char path[1024];
    buffer_init(&text, 1 << 16);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_read(path, &text, NULL), 0);
    struct json *value = json_parse(text.bytes, text.length, NULL);
    assert_non_null(value);
    buffer_reset(&text);
    return value;
}

static void a_dead_letter_is_a_file_of_its_own(void **state) {
    (void)state;
    static const char *const names[] = {"e1.json", "e1-2.json", "e1-3.json"};
    char folder[] = "/tmp/dead-letters-XXXXXX", path[256], left[512];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/new", folder);
    snprintf(left, sizeof left, "%s/.e1.part", path);
    struct dead_letters *dead = dead_letters_open(path, NULL);
    assert_non_null(dead);
    struct letter *letter = new_letter(false);
    FILE *rest = fopen(left, "w"); /* of a run that was killed: longer than what is to come */
    assert_non_null(rest);
    fprintf(rest, "%4000s", "");
    fclose(rest);
    for (unsigned i = 0; i < 3; i++) {
        const struct dead_letter one = {
            .letter = letter, .reason = "TimeToLiveExceeded", .outcome = "Busy", .attempts = i, .last_us = 1};
        assert_int_equal(dead_letters_add(dead, &one, NULL), 0);
        struct json *value = read_json(path, names[i]);
        assert_true(json_get_double(value, "deliveryAttempts", -1) == i);
        assert_string_equal(json_get_string(value, "eventType"), "T.x");
        assert_string_equal(json_get_string(value, "publishTime"), "1970-01-01T00:00:00.0000000Z");
        assert_string_equal(json_get_string(value, "lastDeliveryAttemptTime"), "1970-01-01T00:00:00.0000010Z");
        json_free(value);
    }
    for (unsigned i = 0; i < 3; i++) {
        snprintf(left, sizeof left, "%s/%s", path, names[i]);
        assert_int_equal(unlink(left), 0);
    }
    assert_int_equal(rmdir(path), 0); /* nothing else is left there */
    struct error error = {0};
    assert_int_equal(
        dead_letters_add(
            dead, &(struct dead_letter){.letter = letter, .reason = "r", .outcome = "o", .attempts = 1}, &error),
        -1);
    assert_non_null(strstr(error.message, "e1.json"));
    letter_release(letter);
    dead_letters_close(dead);
    rmdir(folder);
}

static void chance_hangs_on_what_it_is_about(void **state) {
    (void)state;
    uint64_t draw = chance_draw(1, "duplicate", "e1", 0);
    assert_true(draw == chance_draw(1, "duplicate", "e1", 0));
    assert_true(draw != chance_draw(2, "duplicate", "e1", 0));
    assert_true(draw != chance_draw(1, "reorder", "e1", 0));
    assert_true(draw != chance_draw(1, "duplicate", "e2", 0));
    assert_true(draw != chance_draw(1, "duplicate", "e1", 1));
    assert_true(chance_draw(1, "ab", "c", 0) != chance_draw(1, "a", "bc", 0));
}

static void chance_keeps_to_its_share(void **state) {
    (void)state;
    unsigned hits = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t draw = chance_draw(7, "fail", "", i);
        assert_false(chance_is_within(draw, 0));
        assert_true(chance_is_within(draw, 1));
        hits += chance_is_within(draw, 0.1);
    }
    assert_in_range(hits, 900, 1100); /* the seed is fixed: always the same number */
    assert_true(chance_is_within(UINT64_MAX, 1));
    assert_false(chance_is_within(0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_has_the_schema_that_was_asked_for),
        cmocka_unit_test(a_dead_letter_is_a_file_of_its_own),
        cmocka_unit_test(chance_hangs_on_what_it_is_about),
        cmocka_unit_test(chance_keeps_to_its_share),
    };
    return cmocka_run_group_tests_name("sim letters", tests, NULL, NULL);
}
