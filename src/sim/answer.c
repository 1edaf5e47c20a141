#include "base/clock.h"
#include "base/text.h"
#include "sim/state.h"
#include "json/json.h"
#include <stdarg.h>
#include <stdio.h>

void sim_answer_init(struct sim_answer *answer) {
    *answer = (struct sim_answer){.status = 0};
    buffer_init(&answer->body, SIM_ANSWER_LIMIT);
}

void sim_answer_reset(struct sim_answer *answer) {
    buffer_reset(&answer->body);
}

int sim_fail(struct sim_answer *answer, unsigned status, const char *code, const char *format, ...) {
    char message[ERROR_MESSAGE_SIZE + 2 * SIM_ID_LIMIT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = strlen(message);
    while (length > 0 && !text_is_utf8(slice_make(message, length))) {
        length--; /* the cut went through a character */
    }
    message[length] = '\0';
    answer->status = status;
    snprintf(answer->code, sizeof answer->code, "%s", code);
    buffer_clear(&answer->body);
    buffer_append_text(&answer->body, "{\"error\":{\"code\":");
    json_append_string(&answer->body, slice_of(code));
    buffer_append_text(&answer->body, ",\"message\":");
    json_append_string(&answer->body, slice_of(message));
    buffer_append_text(&answer->body, "}}");
    if (answer->body.is_broken) {
        buffer_clear(&answer->body);
    }
    return -1;
}

int sim_fail_memory(struct sim_core *core, struct sim_answer *answer) {
    return sim_fail(answer, 500, "OutOfMemory",
                    core->is_broken
                        ? "the local Job Router ran out of memory in the middle of a change; restart it"
                        : "the local Job Router has no memory to answer this");
}

int sim_fail_unknown(struct sim_answer *answer, const char *what, const char *id) {
    return sim_fail(answer, 404, "NotFound", "there is no %s with the id \"%s\"", what, id);
}

void sim_succeed(struct sim_core *core, struct sim_answer *answer, unsigned status, struct json *value) {
    answer->status = status;
    if (value == NULL || json_print(value, &answer->body) < 0) {
        sim_fail_memory(core, answer);
    }
    json_free(value);
}

const char *sim_etag(const struct sim_entry *entry, char text[SIM_ETAG_SIZE]) {
    snprintf(text, SIM_ETAG_SIZE, "\"%llx\"", (unsigned long long)entry->revision);
    return text;
}

const char *sim_time(int64_t us, char text[SIM_TIME_SIZE]) {
    clock_format(us, text);
    size_t length = strlen(text);
    if (length > 0 && length + 2 <= SIM_TIME_SIZE) {
        memcpy(text + length - 1, "0Z", 3);
    }
    return text;
}
