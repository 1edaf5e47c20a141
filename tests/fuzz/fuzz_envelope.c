/* Any bytes as a delivery. What is taken is JSON, its events lie in the body and are what each of them alone would
 * be; what is refused leaves nothing. */
#include "event/event.h"
#include "fuzz/require.h"
#include <string.h>

static bool is_same(const struct event *a, const struct event *b) {
    return slice_equal(a->id, b->id) && slice_equal(a->type, b->type) && slice_equal(a->source, b->source) &&
           slice_equal(a->subject, b->subject) && slice_equal(a->time, b->time) && slice_equal(a->job, b->job) &&
           slice_equal(a->worker, b->worker) && slice_equal(a->expires, b->expires) &&
           slice_equal(a->validation_code, b->validation_code) &&
           slice_equal(a->validation_url, b->validation_url) &&
           memcmp(a->identity, b->identity, sizeof a->identity) == 0 &&
           memcmp(a->content, b->content, sizeof a->content) == 0 && a->lane == b->lane;
}

static void check_event(const struct event *event, const char *body, size_t length) {
    REQUIRE(event->raw.length > 0 && event->raw.bytes >= body);
    REQUIRE(event->raw.bytes + event->raw.length <= body + length);
    REQUIRE(json_check(event->raw.bytes, event->raw.length, NULL) == 0);
    if (event->malformed != NULL) {
        REQUIRE(!slice_is_set(event->id) && !slice_is_set(event->type) && !slice_is_set(event->expires));
    } else {
        REQUIRE(event->id.length > 0 && event->type.length > 0);
    }
    if (event->raw.bytes[0] != '{') {
        REQUIRE(event->malformed != NULL);
        return;
    }
    struct envelope alone;
    struct json_error error;
    envelope_init(&alone);
    int result = envelope_read(&alone, event->raw.bytes, event->raw.length, &error);
    REQUIRE((result == 0) == (event->malformed == NULL));
    REQUIRE(result < 0 || (alone.count == 1 && is_same(event, &alone.events[0])));
    envelope_reset(&alone);
}

/* White space makes no difference. */
static void check_compact(const struct envelope *envelope, const char *body, size_t length) {
    struct buffer compact;
    struct envelope other;
    buffer_init(&compact, length);
    envelope_init(&other);
    REQUIRE(json_append_compact(&compact, body, length) == 0);
    REQUIRE(envelope_read(&other, compact.bytes, compact.length, NULL) == 0);
    REQUIRE(other.count == envelope->count);
    for (size_t i = 0; i < other.count; i++) {
        REQUIRE(is_same(&other.events[i], &envelope->events[i]));
    }
    envelope_reset(&other);
    buffer_reset(&compact);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static bool is_started = false;
    if (!is_started) {
        REQUIRE(crypto_start(NULL) == 0);
        is_started = true;
    }
    const char *body = (const char *)bytes;
    struct envelope envelope;
    struct json_error error;
    envelope_init(&envelope);
    if (envelope_read(&envelope, body, length, &error) < 0) {
        REQUIRE(error.offset <= length && error.message[0] != '\0');
        REQUIRE(envelope.count == 0 && envelope.events == NULL);
        return 0;
    }
    REQUIRE(json_check(body, length, NULL) == 0);
    for (size_t i = 0; i < envelope.count; i++) {
        check_event(&envelope.events[i], body, length);
    }
    check_compact(&envelope, body, length);
    envelope_reset(&envelope);
    return 0;
}
