/* What a plugin's function says, checked: it comes from outside. */
#include "base/text.h"
#include "plugin/private.h"
#include "json/json.h"
#include <stdio.h>
#include <string.h>

enum { CODE_MAX = 256, MESSAGE_MAX = 64 * 1024 };

static int take_json(struct switchhook_answer *answer, const char *json, size_t length);
static int take_error(struct switchhook_answer *answer, const char *code, const char *message, bool is_retryable);
static void put_error(struct buffer *out, const struct operation *operation, struct slice code,
                      struct slice message, bool is_retryable);
static void put_text(struct buffer *out, const char *name, struct slice text);

void given_init(struct given *given, const char *step, bool is_repeated, size_t limit) {
    static const struct switchhook_answer_calls calls = {take_json, take_error};
    *given = (struct given){.answer = {.calls = &calls, .step = step, .is_repeated = is_repeated}};
    buffer_init(&given->json, limit);
    buffer_init(&given->code, CODE_MAX);
    buffer_init(&given->message, MESSAGE_MAX);
}

bool given_finish(struct given *given, const struct operation *operation, struct buffer *out) {
    char words[400];
    struct json_error where = {0};
    if (given->is_error) {
        put_error(out, operation, buffer_slice(&given->code), buffer_slice(&given->message), given->is_retryable);
        return true;
    }
    if (given->is_too_large) {
        snprintf(words, sizeof words, "the answer of %s (%s) is larger than limits.answer_mib allows",
                 operation->name, operation->plugin->path);
        put_error(out, operation, slice_of("AnswerTooLarge"), slice_of(words), false);
        return true;
    }
    if (given->json.length == 0) {
        return false;
    }
    if (json_check(given->json.bytes, given->json.length, &where) < 0) {
        snprintf(words, sizeof words, "the answer of %s (%s) is no JSON: %s at byte %zu", operation->name,
                 operation->plugin->path, where.message, where.offset);
        put_error(out, operation, slice_of("BadAnswer"), slice_of(words), false);
        return true;
    }
    json_append_compact(out, given->json.bytes, given->json.length);
    return false;
}

void given_reset(struct given *given) {
    buffer_reset(&given->json);
    buffer_reset(&given->code);
    buffer_reset(&given->message);
}

static int take_json(struct switchhook_answer *answer, const char *json, size_t length) {
    struct given *given = (struct given *)(void *)answer; /* its first member */
    given->is_error = given->is_too_large = false;
    buffer_clear(&given->json);
    length = json == NULL ? 0 : length;
    if (length > given->json.limit) {
        given->is_too_large = true;
        return -1;
    }
    if (buffer_append(&given->json, json, length) == 0 && length > 0) {
        return 0;
    }
    take_error(answer, length == 0 ? "BadAnswer" : "OutOfMemory",
               length == 0 ? "the answer is empty, which is no JSON" : "the host has no memory for the answer",
               length != 0);
    return -1;
}

static int take_error(struct switchhook_answer *answer, const char *code, const char *message, bool is_retryable) {
    struct given *given = (struct given *)(void *)answer;
    given->is_error = true;
    given->is_retryable = is_retryable;
    buffer_clear(&given->code);
    buffer_clear(&given->message);
    struct slice texts[] = {slice_of(code == NULL || *code == '\0' ? "Error" : code),
                            slice_of(message == NULL || *message == '\0' ? "it failed" : message)};
    struct buffer *out[] = {&given->code, &given->message};
    for (size_t i = 0; i < 2; i++) {
        size_t length = texts[i].length < out[i]->limit ? texts[i].length : out[i]->limit;
        if (buffer_append(out[i], texts[i].bytes, length) < 0) {
            return -1;
        }
    }
    return 0;
}

static void put_error(struct buffer *out, const struct operation *operation, struct slice code,
                      struct slice message, bool is_retryable) {
    buffer_clear(out);
    put_text(out, "{\"code\":", code);
    put_text(out, ",\"message\":", message);
    put_text(out, ",\"operation\":", slice_of(operation->name));
    buffer_append_format(out, ",\"retryable\":%s,\"status\":0}", is_retryable ? "true" : "false");
}

/* Texts that are no UTF-8 are shown: an error must come through. */
static void put_text(struct buffer *out, const char *name, struct slice text) {
    struct buffer visible;
    buffer_init(&visible, 4 * text.length + 1);
    buffer_append_text(out, name);
    if (!text_is_utf8(text)) {
        text_append_visible(&visible, text);
        text = buffer_slice(&visible);
    }
    json_append_string(out, text);
    buffer_reset(&visible);
}
