/* What the Job Router's answer means. An error's body is {"error":{"code","message",...}}; whoever stands in
 * between may answer otherwise, so every part has something to fall back on. */
#include "base/text.h"
#include "router/router.h"
#include "json/json.h"

/* In bytes. What is shown with its control characters spelt out can become four times as long. */
enum { CODE_LENGTH = 128, MESSAGE_LENGTH = 2048 };

struct reading {
    struct buffer code, message;
    bool has_no_memory;
};

static int write_error(const struct router_operation *operation, unsigned status, struct reading *reading,
                       struct router_outcome *outcome);
static void read_error_body(struct slice body, struct reading *reading);
static int on_outer_member(void *context, struct slice name, struct slice raw);
static int on_error_member(void *context, struct slice name, struct slice raw);
static void take_text(struct buffer *out, struct slice raw, size_t limit);
static void append_visible(struct buffer *out, const char *text, size_t most);
static void fall_back(struct reading *reading, unsigned status, const char *error_code_header);
static const char *status_text(unsigned status);

int router_read_answer(const struct router_operation *operation, unsigned status, struct slice body,
                       const char *error_code_header, const char *transport, struct router_outcome *outcome) {
    struct reading reading = {.has_no_memory = false};
    struct json_error where = {.offset = 0};
    buffer_init(&reading.code, CODE_LENGTH * 4);
    buffer_init(&reading.message, MESSAGE_LENGTH * 4);
    buffer_clear(&outcome->value);
    outcome->is_error = true;
    outcome->is_retryable = status == 0 || status == 408 || status == 429 || (status >= 500 && status <= 599);

    if (status == 0) {
        buffer_append_text(&reading.code, "TransportFailed");
        append_visible(&reading.message, transport == NULL ? "there was no answer" : transport, MESSAGE_LENGTH);
    } else if (status < 200 || status > 299) {
        read_error_body(body, &reading);
        fall_back(&reading, status, error_code_header);
    } else if (body.length == 0 || json_check(body.bytes, body.length, &where) == 0) {
        outcome->is_error = false;
    } else {
        reading.has_no_memory = where.offset == SIZE_MAX;
        buffer_append_text(&reading.code, "AnswerUnreadable");
        buffer_append_format(&reading.message, "the answer is no JSON: %s at byte %zu", where.message,
                             where.offset);
    }
    int result = outcome->is_error ? write_error(operation, status, &reading, outcome)
                                   : buffer_append_slice(&outcome->value, body);
    buffer_reset(&reading.code);
    buffer_reset(&reading.message);
    return result;
}

static int write_error(const struct router_operation *operation, unsigned status, struct reading *reading,
                       struct router_outcome *outcome) {
    struct buffer *out = &outcome->value;
    if (reading->has_no_memory || reading->code.is_broken || reading->message.is_broken) {
        return -1;
    }
    buffer_append_text(out, "{\"code\":");
    json_append_string(out, buffer_slice(&reading->code));
    buffer_append_text(out, ",\"message\":");
    json_append_string(out, buffer_slice(&reading->message));
    buffer_append_text(out, ",\"operation\":");
    json_append_string(out, slice_of(operation->name));
    buffer_append_format(out, ",\"retryable\":%s,\"status\":%u}", outcome->is_retryable ? "true" : "false",
                         status);
    return out->is_broken ? -1 : 0;
}

/* What is not there, or is no string, stays empty. */
static void read_error_body(struct slice body, struct reading *reading) {
    struct json_error where = {.offset = 0};
    if (json_each_member(body.bytes, body.length, on_outer_member, reading, &where) < 0) {
        buffer_clear(&reading->code);
        buffer_clear(&reading->message);
        reading->has_no_memory = reading->has_no_memory || where.offset == SIZE_MAX;
    }
}

static int on_outer_member(void *context, struct slice name, struct slice raw) {
    struct reading *reading = context;
    struct json_error where = {.offset = 0};
    if (!slice_is(name, "error") || raw.bytes[0] != '{') {
        return 0;
    }
    int result = json_each_member(raw.bytes, raw.length, on_error_member, reading, &where);
    reading->has_no_memory = result < 0 && where.offset == SIZE_MAX;
    return result;
}

static int on_error_member(void *context, struct slice name, struct slice raw) {
    struct reading *reading = context;
    if (slice_is(name, "code")) {
        take_text(&reading->code, raw, CODE_LENGTH);
    } else if (slice_is(name, "message")) {
        take_text(&reading->message, raw, MESSAGE_LENGTH);
    }
    return 0;
}

/* At most `most` bytes of a raw JSON string, cut between characters. */
static void take_text(struct buffer *out, struct slice raw, size_t most) {
    struct buffer text;
    if (raw.bytes[0] != '"') {
        return;
    }
    buffer_init(&text, raw.length);
    buffer_clear(out);
    if (json_append_decoded(&text, raw) < 0) {
        out->is_broken = true; /* it is a string, so there was no memory */
    } else {
        size_t length = text.length < most ? text.length : most;
        while (length > 0 && length < text.length && ((unsigned char)text.bytes[length] & 0xC0) == 0x80) {
            length--;
        }
        buffer_append(out, text.bytes, length);
    }
    buffer_reset(&text);
}

/* Of text that may be no UTF-8. */
static void append_visible(struct buffer *out, const char *text, size_t most) {
    text_append_visible(out, slice_make(text, strnlen(text, most)));
}

static void fall_back(struct reading *reading, unsigned status, const char *error_code_header) {
    const char *words = status_text(status);
    if (reading->message.length == 0) {
        buffer_append_format(&reading->message, "%u%s%s", status, words == NULL ? "" : " ",
                             words == NULL ? "" : words);
    }
    if (reading->code.length > 0) {
        return;
    }
    if (error_code_header != NULL && error_code_header[0] != '\0') {
        append_visible(&reading->code, error_code_header, CODE_LENGTH);
        return;
    }
    for (const char *c = words == NULL ? "Status" : words; *c != '\0'; c++) {
        if (*c != ' ') {
            buffer_append_char(&reading->code, *c);
        }
    }
    if (words == NULL) {
        buffer_append_format(&reading->code, "%u", status);
    }
}

static const char *status_text(unsigned status) {
    static const struct {
        unsigned status;
        const char *words;
    } texts[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].status == status) {
            return texts[i].words;
        }
    }
    return NULL;
}
