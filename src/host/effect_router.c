#include "base/clock.h"
#include "base/fault.h"
#include "host/conductor.h"
#include "host/effects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 8 };

/* A request to the Job Router and all that it consists of. */
struct call {
    struct http_call http;
    struct step *step;
    const struct router_operation *operation;
    struct router_request request;
    struct router_signature signature;
    struct token_wait token;
    char *bearer;         /* the header's value; NULL: signed with the key */
    bool has_other_token; /* the first one was refused */
    char *url;
    char request_id[EFFECT_ID_SIZE];
    struct http_header headers[HEADERS_MAX];
};

static void start_call(struct step *step, const struct router_operation *operation);
static const char *prepare(struct call *call, struct error *error);
static void authorize(struct call *call);
static void on_token(struct token_wait *wait, const struct error *error);
static void send(struct call *call);
static void fill_headers(struct call *call);
static void on_answered(struct http_call *http, const struct http_answer *answer);
static bool try_other_token(struct call *call);
static void drop_bearer(struct call *call);
static bool is_failure(const struct http_answer *answer);
static void free_call(struct call *call);

void effect_call_router(struct step *step) {
    const struct router_operation *operation = router_find(buffer_slice(&step->operation));
    if (operation == NULL) {
        effect_refuse(step, "UnknownOperation", "this version of the host does not know the operation");
    } else if (!step->run->work->host->has_access) {
        effect_refuse(step, "NotConfigured",
                      "no Job Router is configured: set router.connection_string (or router.endpoint and "
                      "router.entra) in switchhook.lua");
    } else {
        start_call(step, operation);
    }
}

void effect_cancel_call(struct step *step) {
    if (step->call != NULL) {
        tokens_cancel(&step->call->token);
        http_cancel(step->run->work->host->http, &step->call->http);
        free_call(step->call);
        step->call = NULL;
    }
}

static void start_call(struct step *step, const struct router_operation *operation) {
    struct error error = {0};
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        effect_refuse(step, "OutOfMemory", "the host has no memory for the request");
        return;
    }
    call->step = step;
    call->operation = operation;
    router_request_init(&call->request);
    const char *code = prepare(call, &error);
    if (code != NULL) {
        effect_refuse(step, code, error.message);
        free_call(call);
        return;
    }
    step->call = call;
    authorize(call);
}

/* By the key, or by a token, which may have to be waited for. */
static void authorize(struct call *call) {
    struct host *host = call->step->run->work->host;
    const char *token = host->tokens == NULL ? NULL : tokens_now(host->tokens);
    if (host->tokens != NULL && token == NULL) {
        call->token.done = on_token;
        tokens_await(host->tokens, &call->token);
        return;
    }
    if (token != NULL) {
        drop_bearer(call);
        if (asprintf(&call->bearer, "Bearer %s", token) < 0) {
            call->bearer = NULL;
            struct http_answer none = {.retry_after_s = -1};
            error_memory(&none.error);
            on_answered(&call->http, &none);
            return;
        }
    }
    send(call);
}

static void on_token(struct token_wait *wait, const struct error *error) {
    struct call *call = CONTAINER_OF(wait, struct call, token);
    if (error == NULL) {
        authorize(call);
        return;
    }
    struct http_answer none = {.error = *error, .retry_after_s = -1};
    on_answered(&call->http, &none);
}

static void send(struct call *call) {
    const struct host *host = call->step->run->work->host;
    fill_headers(call);
    call->http = (struct http_call){.method = call->request.method,
                                    .url = call->url,
                                    .headers = call->headers,
                                    .header_count = call->http.header_count,
                                    .body = buffer_slice(&call->request.body),
                                    .timeout_ms = host->config->http.timeout_seconds * 1000,
                                    .answer_limit = (size_t)host->config->limits.answer_mib * 1024 * 1024,
                                    .done = on_answered};
    http_send(host->http, &call->http);
    fault_point("host.sent");
}

/* Builds and signs the request; what is wrong with it, or NULL. */
static const char *prepare(struct call *call, struct error *error) {
    const struct host *host = call->step->run->work->host;
    if (router_request_build(&call->request, call->operation, buffer_slice(&call->step->arguments), error) < 0) {
        return "BadArguments";
    }
    if (router_request_check_origin(&call->request, &host->access, error) < 0) {
        return "ForeignNextLink";
    }
    if (asprintf(&call->url, "%s%s", host->access.endpoint, call->request.target.bytes) < 0) {
        call->url = NULL;
    }
    if (call->url == NULL ||
        (host->tokens == NULL &&
         router_sign(&host->access, call->request.method, buffer_slice(&call->request.target),
                     buffer_slice(&call->request.body), clock_wall_us(), &call->signature) < 0)) {
        error_set(error, ERROR_MEMORY, "the host has no memory for the request");
        return "OutOfMemory";
    }
    return NULL;
}

/* The request id lets the service's logs name the step. Source of the header: Azure REST guidelines,
 * "x-ms-client-request-id"; the Job Router's contract asks for no idempotency header. */
static void fill_headers(struct call *call) {
    effect_id(call->step, call->request_id);
    size_t count = 0;
    if (call->bearer == NULL) {
        call->headers[count++] = (struct http_header){"x-ms-date", call->signature.date};
        call->headers[count++] = (struct http_header){"x-ms-content-sha256", call->signature.content_hash};
    }
    call->headers[count++] =
        (struct http_header){"Authorization", call->bearer == NULL ? call->signature.authorization : call->bearer};
    call->headers[count++] = (struct http_header){"x-ms-client-request-id", call->request_id};
    call->headers[count++] = (struct http_header){"Accept", "application/json"};
    if (call->request.content_type != NULL) {
        call->headers[count++] = (struct http_header){"Content-Type", call->request.content_type};
    }
    if (call->request.if_match.length > 0) {
        call->headers[count++] = (struct http_header){"If-Match", call->request.if_match.bytes};
    }
    if (call->request.if_unmodified_since.length > 0) {
        call->headers[count++] =
            (struct http_header){"If-Unmodified-Since", call->request.if_unmodified_since.bytes};
    }
    call->http.header_count = count;
}

static void on_answered(struct http_call *http, const struct http_answer *answer) {
    struct call *call = CONTAINER_OF(http, struct call, http);
    struct step *step = call->step;
    bool has_answer = answer->error.code == ERROR_NONE;
    struct router_outcome outcome = {0};
    fault_point("host.answered");
    if (has_answer && answer->status == 401 && try_other_token(call)) {
        return;
    }
    buffer_init(&outcome.value, step->answer.limit);
    const char *code = has_answer ? http_answer_header(answer, "x-ms-error-code") : NULL;
    const char *etag = has_answer ? http_answer_header(answer, "etag") : NULL;
    int failed = router_read_answer(call->operation, has_answer ? answer->status : 0, answer->body, code,
                                    has_answer ? NULL : answer->error.message, &outcome);
    step->status = has_answer ? answer->status : 0;
    breaker_note(&step->run->work->host->breaker, step->run->id, is_failure(answer));
    step->is_repeated = step->is_repeated || answer->sends > 1; /* a kept connection that was dead: sent again */
    step->is_unsent = answer->sends == 0;
    step->retry_after_s = has_answer ? answer->retry_after_s : -1;
    if (etag != NULL && strlen(etag) < sizeof step->etag) { /* a part of one would never match */
        memcpy(step->etag, etag, strlen(etag) + 1);
    }
    step->is_error = outcome.is_error;
    step->call = NULL;
    buffer_clear(&step->answer);
    if (failed < 0 || buffer_append_slice(&step->answer, buffer_slice(&outcome.value)) < 0) {
        buffer_clear(&step->answer);
        step->answer.is_broken = false;
        step->is_error = true;
        buffer_append_text(&step->answer, "{\"code\":\"OutOfMemory\",\"message\":\"no memory for the answer\","
                                          "\"retryable\":true}");
    }
    effect_note(step, answer->seconds);
    buffer_reset(&outcome.value);
    free_call(call);
    journal_answer(step);
}

/* A token that was taken a moment ago and is refused now has ended early, or the one in the file was renewed:
 * nothing was done with the request, so it goes out once more with another one. */
static bool try_other_token(struct call *call) {
    struct host *host = call->step->run->work->host;
    if (host->tokens == NULL || call->has_other_token || call->bearer == NULL) {
        return false;
    }
    call->has_other_token = true;
    if (!tokens_reject(host->tokens, call->bearer + strlen("Bearer "))) {
        return false;
    }
    authorize(call);
    return true;
}

static void drop_bearer(struct call *call) {
    if (call->bearer != NULL) {
        explicit_bzero(call->bearer, strlen(call->bearer));
        free(call->bearer);
        call->bearer = NULL;
    }
}

/* Of the upstream, not of the request: no answer, 5xx, or a key that is not taken any more. */
static bool is_failure(const struct http_answer *answer) {
    return answer->error.code != ERROR_NONE || answer->status >= 500 || answer->status == 401 ||
           answer->status == 403;
}

static void free_call(struct call *call) {
    drop_bearer(call);
    router_request_reset(&call->request);
    free(call->url);
    free(call);
}
