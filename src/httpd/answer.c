#include "base/log.h"
#include "base/text.h"
#include "httpd/private.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_LIMIT = 512 };

static struct MHD_Response *make_response(const struct httpd *httpd, const struct httpd_answer *answer);
static int append_quoted(struct buffer *out, const char *text);

void httpd_answer(struct httpd_request *request, const struct httpd_answer *answer) {
    struct httpd *httpd = request->httpd;
    struct MHD_Response *response = make_response(httpd, answer);

    pthread_mutex_lock(&httpd->lock);
    if (request->is_answered) {
        pthread_mutex_unlock(&httpd->lock);
        if (response != NULL) {
            MHD_destroy_response(response);
        }
        log_error("httpd", "a request was answered twice", LOG_TEXT("listener", httpd->name), LOG_END);
        return;
    }
    httpd_give_answer(request, answer->status, response);
    pthread_mutex_unlock(&httpd->lock);
}

void httpd_give_answer(struct httpd_request *request, unsigned status, struct MHD_Response *response) {
    struct httpd *httpd = request->httpd;
    request->is_answered = true;
    request->status = status;
    request->response = response;
    if (request->is_counted) {
        httpd->unanswered--;
        pthread_cond_broadcast(&httpd->changed);
    }
    if (request->is_suspended) {
        request->is_suspended = false;
        MHD_resume_connection(request->connection);
    }
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
