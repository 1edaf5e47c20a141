/* Up to the first line's end any bytes as a formula, the rest as the labels of a job and a worker. A formula comes
 * to a value that is JSON, the same each time, or to words in UTF-8 that say where it went wrong. */
#include "base/text.h"
#include "fuzz/require.h"
#include "sim/powerfx.h"
#include "json/tree.h"
#include <stdlib.h>
#include <string.h>

enum { VALUE_LIMIT = 64 * 1024 * 1024 };

static struct json *evaluate(const char *formula, const struct json *labels, char words[SIM_WORDS_SIZE]) {
    struct sim_rule_input input = {.job = labels, .worker = labels, .has_worker = true};
    memset(words, 'x', SIM_WORDS_SIZE);
    return sim_powerfx_value(formula, &input, words, SIM_WORDS_SIZE);
}

static void check_value(const char *formula, const struct json *labels, const struct json *value) {
    char words[SIM_WORDS_SIZE];
    struct json *again = evaluate(formula, labels, words);
    struct buffer texts[2];
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&texts[i], VALUE_LIMIT);
        REQUIRE(json_print(i == 0 ? value : again, &texts[i]) == 0);
    }
    REQUIRE(slice_equal(buffer_slice(&texts[0]), buffer_slice(&texts[1])));
    buffer_reset(&texts[0]);
    buffer_reset(&texts[1]);
    json_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *text = (const char *)bytes;
    const char *end = length == 0 ? NULL : memchr(text, '\n', length);
    struct slice line = slice_make(text, end == NULL ? length : (size_t)(end - text));
    if (memchr(line.bytes == NULL ? "" : line.bytes, '\0', line.length) != NULL || !text_is_utf8(line)) {
        return 0; /* no formula comes so out of JSON */
    }
    char *formula = slice_copy(line);
    struct json *labels = end == NULL ? NULL : json_parse(end + 1, length - line.length - 1, NULL);
    char words[SIM_WORDS_SIZE];
    REQUIRE(formula != NULL);
    struct json *value = evaluate(formula, labels, words);
    if (value != NULL) {
        check_value(formula, labels, value);
    } else {
        REQUIRE(memchr(words, '\0', sizeof words) != NULL && words[0] != '\0');
        REQUIRE(text_is_utf8(slice_of(words)));
        REQUIRE(strstr(words, "(at character ") != NULL || strlen(formula) > POWERFX_LENGTH);
    }
    json_free(value);
    json_free(labels);
    free(formula);
    return 0;
}
