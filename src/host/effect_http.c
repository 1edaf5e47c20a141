/* http.*: what scripts send to others than the Job Router. Any status is an answer, { body, headers, status };
 * without one the step is an error. */
#include "base/fault.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "host/request.h"
#include "json/json.h"
#include "json/out.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A request under way. */
struct http_step {
    struct http_call call;
    struct step *step;
    struct request *request;
};

static void send(struct step *step, struct request *request);
static void on_answered(struct http_call *call, const struct http_answer *answer);
static void note(const struct http_step *sent, const struct http_answer *answer);
static void take_answer(struct step *step, const struct http_answer *answer);
static void write_body(struct step *step, struct json_out *out, struct slice body);
static void write_headers(struct step *step, struct json_out *out, const struct http_answer *answer);
static void append_values(const struct http_answer *answer, size_t first, struct buffer *value);
static bool is_first(const struct http_answer *answer, size_t i);
static void append_text(struct json_out *out, struct slice text);
static void take_failure(struct step *step, const struct error *error);
static void free_sent(struct http_step *sent);

void effect_call_http(struct step *step) {
    struct request *request = request_new();
    struct error error = {0};
    if (request == NULL) {
        effect_refuse(step, "OutOfMemory", "the host has no memory for the request");
        return;
    }
    if (request_read(request, buffer_slice(&step->operation), buffer_slice(&step->arguments),
                     step->run->work->host->config->secrets, &error) < 0) {
        request_free(request);
        effect_refuse(step, error.code == ERROR_MEMORY ? "OutOfMemory" : "BadRequest", error.message);
        return;
    }
    send(step, request);
}

void effect_cancel_http(struct step *step) {
    if (step->http != NULL) {
        http_cancel(step->run->work->host->http, &step->http->call);
        free_sent(step->http);
        step->http = NULL;
    }
}

struct breaker *effect_http_breaker(struct host *host, struct slice operation, struct slice arguments) {
    char origin[HTTP_ORIGIN_SIZE];
    return request_origin(operation, arguments, origin) ? upstreams_find(&host->upstreams, origin) : NULL;
}

bool effect_is_http(const struct step *step) {
    return slice_starts_with(buffer_slice(&step->operation), "http.");
}

static void send(struct step *step, struct request *request) {
    struct host *host = step->run->work->host;
    struct http_step *sent = calloc(1, sizeof *sent);
    if (sent == NULL) {
        request_free(request);
        effect_refuse(step, "OutOfMemory", "the host has no memory for the request");
        return;
    }
    double seconds =
        request->timeout > 0 ? fmin(request->timeout, REQUEST_TIMEOUT_MAX) : host->config->http.timeout_seconds;
    sent->step = step;
    sent->request = request;
    sent->call = (struct http_call){.method = request->method,
                                    .url = request->url.bytes,
                                    .headers = request->headers,
                                    .header_count = request->header_count,
                                    .timeout_ms = (unsigned)fmax(seconds * 1000, 1),
                                    .answer_limit = (size_t)host->config->limits.answer_mib * 1024 * 1024,
                                    .is_guarded = true,
                                    .done = on_answered};
    if (request->has_body) {
        sent->call.body = request->body.bytes == NULL ? slice_of("") : buffer_slice(&request->body);
    }
    step->http = sent;
    http_send(host->http, &sent->call);
    fault_point("host.sent");
}

static void on_answered(struct http_call *call, const struct http_answer *answer) {
    struct http_step *sent = CONTAINER_OF(call, struct http_step, call);
    struct step *step = sent->step;
    fault_point("host.answered");
    step->is_repeated = step->is_repeated || answer->sends > 1; /* a kept connection that was dead: sent again */
    step->is_unsent = answer->sends == 0;
    note(sent, answer);
    buffer_clear(&step->answer);
    if (answer->error.code == ERROR_NONE) {
        take_answer(step, answer);
    } else {
        take_failure(step, &answer->error);
    }
    step->http = NULL;
    free_sent(sent);
    effect_note(step, answer->seconds);
    journal_answer(step);
}

/* A failure of the upstream, not of the request: no answer, 5xx; and, where a secret went along, one that is not
 * taken any more. What never left says nothing. */
static void note(const struct http_step *sent, const struct http_answer *answer) {
    const struct run *run = sent->step->run;
    struct breaker *breaker = upstreams_find(&run->work->host->upstreams, sent->request->target.origin);
    bool is_refused = sent->request->secrets.count > 0 && (answer->status == 401 || answer->status == 403);
    bool is_ours = answer->error.code == ERROR_INVALID || answer->error.code == ERROR_MEMORY ||
                   answer->error.code == ERROR_LIMIT;
    if (breaker != NULL && !is_ours) {
        breaker_note(breaker, run->id, answer->error.code != ERROR_NONE || answer->status >= 500 || is_refused);
    } else if (breaker != NULL) {
        breaker_forget(breaker, run->id);
    }
}

/* Members in the order of their names, as everything in the journal. */
static void take_answer(struct step *step, const struct http_answer *answer) {
    struct json_out out = json_out(&step->answer);
    const char *etag = http_answer_header(answer, "etag");
    json_out_begin(&out, '{');
    write_body(step, &out, answer->body);
    json_out_name(&out, "headers");
    json_out_begin(&out, '{');
    write_headers(step, &out, answer);
    json_out_end(&out, '}');
    json_out_name(&out, "status");
    json_out_integer(&out, answer->status);
    json_out_end(&out, '}');
    step->status = answer->status;
    step->retry_after_s = answer->retry_after_s;
    if (etag != NULL && strlen(etag) < sizeof step->etag && text_is_utf8(slice_of(etag))) {
        memcpy(step->etag, etag, strlen(etag) + 1);
    }
    step->is_error = step->answer.is_broken;
    if (step->is_error) {
        struct error error = {0};
        error_set(&error, ERROR_LIMIT,
                  "the answer is larger than limits.answer_mib, as the journal would hold it");
        buffer_clear(&step->answer);
        take_failure(step, &error);
    }
}

/* Bytes that are no UTF-8 are kept as base64: JSON cannot hold them. */
static void write_body(struct step *step, struct json_out *out, struct slice body) {
    struct buffer masked, text;
    buffer_init(&masked, 2 * step->answer.limit);
    buffer_init(&text, 2 * step->answer.limit);
    if (secrets_mask(step->run->work->host->config->secrets, body, &masked) < 0) {
        out->buffer->is_broken = true;
    } else if (text_is_utf8(buffer_slice(&masked))) {
        json_out_name(out, "body");
        json_out_text(out, masked.bytes == NULL ? slice_of("") : buffer_slice(&masked));
    } else {
        json_out_name(out, "body_base64");
        crypto_append_base64(&text, buffer_slice(&masked));
        json_out_text(out, buffer_slice(&text));
        out->buffer->is_broken = out->buffer->is_broken || text.is_broken;
    }
    buffer_reset(&masked);
    buffer_reset(&text);
}

/* Those of one name in one value, as RFC 9110 (5.3) has it. */
static void write_headers(struct step *step, struct json_out *out, const struct http_answer *answer) {
    const struct config_secret *secrets = step->run->work->host->config->secrets;
    for (size_t i = 0; i < answer->header_count; i++) {
        struct buffer value, masked;
        if (!is_first(answer, i) || !text_is_utf8(slice_of(answer->headers[i].name))) {
            continue;
        }
        buffer_init(&value, step->answer.limit);
        buffer_init(&masked, step->answer.limit);
        append_values(answer, i, &value);
        if (value.is_broken || secrets_mask(secrets, buffer_slice(&value), &masked) < 0) {
            out->buffer->is_broken = true;
        } else {
            json_out_name(out, answer->headers[i].name);
            append_text(out, buffer_slice(&masked));
        }
        buffer_reset(&value);
        buffer_reset(&masked);
    }
}

static void append_values(const struct http_answer *answer, size_t first, struct buffer *value) {
    for (size_t i = first; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, answer->headers[first].name) == 0) {
            buffer_append_text(value, i == first ? "" : ", ");
            buffer_append_text(value, answer->headers[i].value);
        }
    }
}

static bool is_first(const struct http_answer *answer, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (strcmp(answer->headers[k].name, answer->headers[i].name) == 0) {
            return false;
        }
    }
    return true;
}

/* What is no UTF-8 is taken as ISO 8859-1, in which header values once were. */
static void append_text(struct json_out *out, struct slice text) {
    struct buffer converted;
    if (text_is_utf8(text)) {
        json_out_text(out, text.bytes == NULL ? slice_of("") : text);
        return;
    }
    buffer_init(&converted, 2 * text.length);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        if (c < 0x80) {
            buffer_append_char(&converted, (char)c);
        } else {
            buffer_append_char(&converted, (char)(0xC0 | c >> 6));
            buffer_append_char(&converted, (char)(0x80 | (c & 0x3F)));
        }
    }
    out->buffer->is_broken = out->buffer->is_broken || converted.is_broken;
    json_out_text(out, buffer_slice(&converted));
    buffer_reset(&converted);
}

/* No answer. What can never be sent, or is too large, is not worth another try. */
static void take_failure(struct step *step, const struct error *error) {
    bool is_final = error->code == ERROR_INVALID || error->code == ERROR_LIMIT;
    const char *code = error->code == ERROR_INVALID   ? "BadRequest"
                       : error->code == ERROR_LIMIT   ? "AnswerTooLarge"
                       : error->code == ERROR_MEMORY  ? "OutOfMemory"
                       : error->code == ERROR_TIMEOUT ? "Timeout"
                                                      : "TransportFailed";
    struct json_out out = json_out(&step->answer);
    struct buffer visible, masked;
    buffer_init(&visible, 4 * ERROR_MESSAGE_SIZE);
    buffer_init(&masked, 16 * ERROR_MESSAGE_SIZE);
    text_append_visible(&visible, slice_of(error->message));
    if (secrets_mask(step->run->work->host->config->secrets, buffer_slice(&visible), &masked) < 0) {
        buffer_clear(&masked);
    }
    step->is_error = true;
    step->status = 0;
    json_out_begin(&out, '{');
    json_out_name(&out, "code");
    json_out_text(&out, slice_of(code));
    json_out_name(&out, "message");
    json_out_text(&out, masked.length == 0 ? slice_of("there was no answer") : buffer_slice(&masked));
    json_out_name(&out, "operation");
    json_out_text(&out, buffer_slice(&step->operation));
    json_out_name(&out, "retryable");
    json_out_bool(&out, !is_final);
    json_out_name(&out, "status");
    json_out_integer(&out, 0);
    json_out_end(&out, '}');
    buffer_reset(&visible);
    buffer_reset(&masked);
}

static void free_sent(struct http_step *sent) {
    request_free(sent->request);
    free(sent);
}
