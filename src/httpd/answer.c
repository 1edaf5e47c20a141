#include "base/log.h"
#include "base/text.h"
#include "httpd/private.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_LIMIT = 512 };

static bool is_brief(const struct httpd_answer *answer);
static struct MHD_Response *usual_response(struct httpd *httpd, struct slice body);
static void post(struct httpd_request *request);
static struct MHD_Response *make_response(const struct httpd *httpd, const struct httpd_answer *answer);
static int append_quoted(struct buffer *out, const char *text);

void httpd_answer(struct httpd_request *request, const struct httpd_answer *answer) {
    if (!httpd_claim(request)) {
        return;
    }
    if (is_brief(answer)) {
        memcpy(request->brief, answer->body.bytes, answer->body.length);
        request->brief_length = answer->body.length;
        httpd_give_answer(request, answer->status, NULL);
    } else {
        httpd_give_answer(request, answer->status, make_response(request->httpd, answer));
    }
}

bool httpd_claim(struct httpd_request *request) {
    if (!atomic_exchange(&request->is_claimed, true)) {
        return true;
    }
    log_error("httpd", "a request was answered twice", LOG_TEXT("listener", request->httpd->name), LOG_END);
    return false;
}

struct MHD_Response *httpd_response(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    bool must_close = httpd->is_quiesced || request->is_unread;
    if (request->brief_length > 0 && !must_close) {
        return usual_response(httpd, slice_make(request->brief, request->brief_length));
    }
    if (request->brief_length > 0 && request->response == NULL) {
        request->response = make_response(
            httpd, &(struct httpd_answer){.body = slice_make(request->brief, request->brief_length)});
    }
    if (must_close && request->response != NULL) {
        /* No harm when it is there already: the library keeps one. */
        (void)MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return request->response;
}

void httpd_give_answer(struct httpd_request *request, unsigned status, struct MHD_Response *response) {
    request->status = status;
    request->response = response;
    if (httpd_at_hand == request) {
        request->is_answered = true;
    } else {
        post(request);
    }
}

void httpd_call(struct httpd_request *request, void (*call)(struct httpd_request *request, void *context)) {
    request->call = call;
    post(request);
}

void httpd_answer_error(struct httpd_request *request, unsigned status, const char *code, const char *format,
                        ...) {
    char message[MESSAGE_LIMIT];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        message[0] = '\0';
    }
    struct buffer body;
    buffer_init(&body, 8 * MESSAGE_LIMIT);
    buffer_append_text(&body, "{\"error\":{\"code\":");
    append_quoted(&body, code);
    buffer_append_text(&body, ",\"message\":");
    append_quoted(&body, message);
    buffer_append_text(&body, "}}");
    struct httpd_header headers[2];
    size_t count = 0;
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        headers[count++] = (struct httpd_header){"Retry-After", "30"};
    }
    if (request->httpd->options.error_header != NULL) {
        headers[count++] = (struct httpd_header){request->httpd->options.error_header, code};
    }
    httpd_answer(request, &(struct httpd_answer){.status = status,
                                                 .body = body.is_broken ? slice_of("{}") : buffer_slice(&body),
                                                 .headers = headers,
                                                 .header_count = count});
    buffer_reset(&body);
}

static bool is_brief(const struct httpd_answer *answer) {
    return answer->type == NULL && answer->header_count == 0 && !answer->must_close && answer->body.length > 0 &&
           answer->body.length <= HTTPD_BRIEF_SIZE;
}

/* Most deliveries get the same answer. The library counts who still sends it. */
static struct MHD_Response *usual_response(struct httpd *httpd, struct slice body) {
    if (httpd->usual != NULL && slice_equal(body, slice_make(httpd->usual_text, httpd->usual_length))) {
        return httpd->usual;
    }
    if (httpd->usual != NULL) {
        MHD_destroy_response(httpd->usual);
    }
    httpd->usual = make_response(httpd, &(struct httpd_answer){.body = body});
    memcpy(httpd->usual_text, body.bytes, body.length);
    httpd->usual_length = body.length;
    return httpd->usual;
}

/* Once it is posted the request may be over, and the listener with it: whoever frees that takes the lock first. */
static void post(struct httpd_request *request) {
    struct httpd *httpd = request->httpd;
    pthread_mutex_lock(&httpd->lock);
    loop_post(httpd->loop, &request->task, httpd_go_on);
    pthread_mutex_unlock(&httpd->lock);
}

static struct MHD_Response *make_response(const struct httpd *httpd, const struct httpd_answer *answer) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.length, (void *)(uintptr_t)answer->body.bytes, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    enum MHD_Result result = MHD_YES;
    if (answer->body.length > 0 || answer->type != NULL) {
        const char *type = answer->type == NULL ? "application/json" : answer->type;
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    for (size_t i = 0; i < answer->header_count && result == MHD_YES; i++) {
        result = MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    }
    if (result == MHD_YES && answer->must_close) {
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    if (result != MHD_YES) {
        log_error("httpd", "an answer has a header that cannot be sent; its connection is closed",
                  LOG_TEXT("listener", httpd->name), LOG_END);
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

/* A JSON string. This room knows no JSON, and needs no more of it: control characters become question marks,
 * and so does all that is not ASCII when a stranger's bytes made the text no UTF-8. */
static int append_quoted(struct buffer *out, const char *text) {
    bool is_utf8 = text_is_utf8(slice_of(text));
    buffer_append_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\') {
            buffer_append_char(out, '\\');
            buffer_append_char(out, *c);
        } else if (byte < 0x20 || (byte >= 0x80 && !is_utf8)) {
            buffer_append_char(out, '?');
        } else {
            buffer_append_char(out, *c);
        }
    }
    return buffer_append_char(out, '"');
}
