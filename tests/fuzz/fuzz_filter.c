/* Up to the first line's end any bytes as a filter, the rest as an event. A filter that is refused has a reason
 * that says where; one that is taken says the same of an event with and without white space, and cannot read
 * exactly what is no JSON object. */
#include "event/filter.h"
#include "fuzz/require.h"
#include "json/json.h"
#include <string.h>

static struct filter *make(struct slice json) {
    struct error error = {0};
    struct filter *filter = filter_new(json, &error);
    if (filter == NULL) {
        REQUIRE(error.code == ERROR_INVALID && strncmp(error.message, "filter", strlen("filter")) == 0);
    }
    return filter;
}

static void check_never(const struct filter *filter) {
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        char words[256];
        memset(words, 'x', sizeof words);
        if (filter_never_passes(filter, type, words, sizeof words)) {
            REQUIRE(memchr(words, '\0', sizeof words) != NULL && words[0] != '\0');
        }
    }
}

static void check_compact(const struct filter *filter, struct slice filter_json, struct slice event,
                          enum filter_verdict verdict) {
    struct buffer text;
    buffer_init(&text, filter_json.length + event.length);
    REQUIRE(json_append_compact(&text, event.bytes, event.length) == 0);
    REQUIRE(filter_ask(filter, buffer_slice(&text)) == verdict);
    buffer_clear(&text);
    REQUIRE(json_append_compact(&text, filter_json.bytes, filter_json.length) == 0);
    struct filter *again = make(buffer_slice(&text));
    REQUIRE(again != NULL && filter_ask(again, event) == verdict);
    filter_free(again);
    buffer_reset(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *text = (const char *)bytes;
    const char *end = length == 0 ? NULL : memchr(text, '\n', length);
    struct slice json = slice_make(text, end == NULL ? length : (size_t)(end - text));
    struct slice event = end == NULL ? slice_of("{}") : slice_make(end + 1, length - json.length - 1);
    struct filter *filter = make(json);
    if (filter == NULL) {
        return 0;
    }
    struct json_error error;
    bool is_json = json_check(event.bytes, event.length, &error) == 0;
    bool is_object = is_json && event.bytes[strspn(event.bytes, " \t\r\n")] == '{';
    enum filter_verdict verdict = filter_ask(filter, event);
    REQUIRE((verdict == FILTER_UNREADABLE) == !is_object);
    check_never(filter);
    if (is_object) {
        check_compact(filter, json, event, verdict);
    }
    filter_free(filter);
    return 0;
}
