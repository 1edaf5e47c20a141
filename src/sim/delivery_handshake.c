/* The target is asked whether it wants the events, until it says so: with a validation event, or, for CloudEvents,
 * with OPTIONS ("HTTP 1.1 Web Hooks for Event Delivery", section 4, github.com/cloudevents/spec). */
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "sim/delivery_parts.h"
#include "sim/state.h"
#include "json/tree.h"
#include <stdio.h>

enum { TIMEOUT_MS = 30 * 1000, ANSWER_LIMIT = 1024 * 1024 };

/* Unscaled: with the default scale a second at first and ten at most. */
static const double WAIT_S = 10, WAIT_MOST_S = 100;

static int write_validation(struct target *target);
static void ask_for_consent(struct target *target);
static void on_answer(struct http_call *call, const struct http_answer *answer);
static bool has_code(const struct target *target, const struct http_answer *answer);
static bool has_consent(const struct http_answer *answer);

void delivery_shake_hands(struct target *target) {
    snprintf(target->count, sizeof target->count, "0");
    if (target->delivery->options.is_cloud) {
        ask_for_consent(target);
    } else if (write_validation(target) == 0) {
        delivery_post(target, "SubscriptionValidation", "application/json; charset=utf-8", NULL, on_answer);
    } else {
        delivery_wait_until(target, loop_now(target->delivery->options.loop) + CLOCK_NS_PER_S);
    }
}

static int write_validation(struct target *target) {
    char id[CRYPTO_UUID_SIZE], now[SIM_TIME_SIZE];
    struct buffer *out = &target->body;
    buffer_reset(out);
    buffer_append_format(out, "[{\"id\":\"%s\",\"topic\":\"" SIM_TOPIC "\",\"subject\":\"\",", crypto_uuid(id));
    buffer_append_format(out, "\"eventType\":\"" EVENT_TYPE_VALIDATION "\",\"eventTime\":\"%s\",",
                         sim_time(sim_clock_at(&target->delivery->options.clock, clock_wall_us()), now));
    buffer_append_format(out,
                         "\"data\":{\"validationCode\":\"%s\"},\"metadataVersion\":\"1\",\"dataVersion\":\"2\"}]",
                         target->code);
    return out->is_broken ? -1 : 0;
}

static void ask_for_consent(struct target *target) {
    target->headers[0] = (struct http_header){"WebHook-Request-Origin", DELIVERY_ORIGIN};
    target->headers[1] = (struct http_header){"aeg-subscription-name", target->delivery->subscription};
    target->call = (struct http_call){.method = "OPTIONS",
                                      .url = target->url,
                                      .headers = target->headers,
                                      .header_count = 2,
                                      .timeout_ms = TIMEOUT_MS,
                                      .answer_limit = ANSWER_LIMIT,
                                      .done = on_answer};
    http_send(target->delivery->options.client, &target->call);
}

static void on_answer(struct http_call *call, const struct http_answer *answer) {
    struct target *target = CONTAINER_OF(call, struct target, call);
    struct delivery *delivery = target->delivery;
    bool is_cloud = delivery->options.is_cloud;
    if (answer->error.code == ERROR_NONE && (is_cloud ? has_consent(answer) : has_code(target, answer))) {
        target->is_validated = true;
        log_info("sim", "the target takes events now", LOG_TEXT("target", target->shown),
                 LOG_TEXT("subscription", delivery->subscription), LOG_END);
        delivery_proceed(target);
        return;
    }
    if (target->handshake_wait == 0) {
        log_warn("sim",
                 is_cloud
                     ? "the target did not consent (OPTIONS, WebHook-Allowed-Origin); asked again until it does"
                     : "the target did not answer the validation event; tried again until it does",
                 LOG_TEXT("target", target->shown), LOG_NUMBER("status", answer->status),
                 LOG_TEXT("reason", answer->error.message), LOG_END);
    }
    double wait = target->handshake_wait == 0 ? WAIT_S : target->handshake_wait * 1.5;
    target->handshake_wait = wait > WAIT_MOST_S ? WAIT_MOST_S : wait;
    double scaled = target->handshake_wait * delivery->options.retry_scale;
    delivery_wait_until(target, loop_now(delivery->options.loop) + (int64_t)(scaled * (double)CLOCK_NS_PER_S));
}

/* 200 and nothing else, with the code. */
static bool has_code(const struct target *target, const struct http_answer *answer) {
    if (answer->status != 200) {
        return false;
    }
    struct json *body = json_parse(answer->body.bytes, answer->body.length, NULL);
    const char *response = json_get_string(body, "validationResponse");
    bool is_right = response != NULL && strcmp(response, target->code) == 0;
    json_free(body);
    return is_right;
}

/* Consent does not hang on the status. */
static bool has_consent(const struct http_answer *answer) {
    const char *allowed = http_answer_header(answer, "webhook-allowed-origin");
    return allowed != NULL &&
           (strcmp(allowed, "*") == 0 || slice_equal_ignoring_case(slice_of(allowed), slice_of(DELIVERY_ORIGIN)));
}
