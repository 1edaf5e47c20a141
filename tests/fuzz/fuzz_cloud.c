/* Any headers ("name: value" lines up to an empty one) and any body as an event in binary mode. What is taken
 * is one JSON object with the body as it came, and one event or malformed by itself; the order of headers is no
 * matter. */
#include "event/cloud.h"
#include "event/event.h"
#include "fuzz/require.h"
#include <string.h>

/* Returns what follows the headers. */
static struct slice take_headers(struct cloud_event *cloud, struct slice text) {
    while (text.length > 0) {
        const char *newline = memchr(text.bytes, '\n', text.length);
        size_t length = newline == NULL ? text.length : (size_t)(newline - text.bytes);
        const char *colon = memchr(text.bytes, ':', length);
        struct slice line = slice_make(text.bytes, length);
        size_t step = length + (newline != NULL);
        text = slice_make(text.bytes + step, text.length - step);
        if (line.length == 0) {
            break;
        }
        if (colon != NULL) {
            size_t name = (size_t)(colon - line.bytes);
            size_t skip = name + 1 < length && colon[1] == ' ' ? 2 : 1;
            cloud_take(cloud, slice_make(line.bytes, name),
                       slice_make(line.bytes + name + skip, length - name - skip));
        }
    }
    return text;
}

static void check_composed(struct slice composed, struct slice body) {
    REQUIRE(json_check(composed.bytes, composed.length, NULL) == 0);
    REQUIRE(composed.length > body.length + 1);
    REQUIRE(memcmp(composed.bytes + composed.length - 1 - body.length, body.bytes, body.length) == 0 ||
            body.length == 0);
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    if (envelope_read(&envelope, composed.bytes, composed.length, &where) < 0) {
        REQUIRE(where.offset == 0); /* no event by itself, as with an empty id in quotes */
    } else {
        REQUIRE(envelope.count == 1 && envelope.events[0].is_cloud);
        REQUIRE(slice_equal(envelope.events[0].raw, composed));
    }
    envelope_reset(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static bool is_started = false;
    if (!is_started) {
        REQUIRE(crypto_start(NULL) == 0);
        is_started = true;
    }
    struct cloud_event cloud = {.count = 0}, turned = {.count = 0};
    struct error error = {0};
    struct json_error where;
    struct slice body = take_headers(&cloud, slice_make((const char *)bytes, length));
    if (cloud_check(&cloud, &error) < 0) {
        REQUIRE(error.code == ERROR_INVALID && error.message[0] != '\0');
        return 0;
    }
    REQUIRE(cloud_is_binary(&cloud));
    for (size_t i = 0; i < cloud.count; i++) {
        turned.headers[turned.count++] = cloud.headers[cloud.count - 1 - i];
    }
    struct buffer out, other;
    buffer_init(&out, length * 8 + 4096);
    buffer_init(&other, length * 8 + 4096);
    if (cloud_compose(&cloud, slice_of("application/json"), body, &out, &where) == 0) {
        check_composed(buffer_slice(&out), body);
        REQUIRE(cloud_compose(&turned, slice_of("application/json"), body, &other, &where) == 0);
        REQUIRE(slice_equal(buffer_slice(&out), buffer_slice(&other)));
    } else {
        REQUIRE(where.offset <= body.length && out.length == 0);
    }
    buffer_reset(&out);
    buffer_reset(&other);
    return 0;
}
