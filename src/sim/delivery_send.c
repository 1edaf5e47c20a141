#include "base/clock.h"
#include "event/event.h"
#include "sim/delivery_parts.h"
#include <stdio.h>

enum { TIMEOUT_MS = 30 * 1000, ANSWER_LIMIT = 1024 * 1024 };

static void write_body(struct target *target, const struct parcel *parcel, bool is_alone);

void delivery_send(struct target *target, struct parcel *parcel) {
    const struct delivery_options *options = &target->delivery->options;
    bool is_alone = options->is_cloud && parcel->count == 1;
    const char *type = is_alone            ? "application/cloudevents+json; charset=utf-8"
                       : options->is_cloud ? "application/cloudevents-batch+json; charset=utf-8"
                                           : "application/json; charset=utf-8";
    target->sending = parcel;
    write_body(target, parcel, is_alone);
    if (target->body.is_broken) {
        parcel->outcome = "PayloadTooLarge";
        target->sending = NULL;
        delivery_give_up(target, parcel, "MaxDeliveryAttemptsExceeded");
        delivery_wait_until(target, loop_now(options->loop));
        return;
    }
    snprintf(target->count, sizeof target->count, "%u", parcel->attempts++);
    parcel->sent_us = sim_clock_at(&options->clock, clock_wall_us());
    delivery_post(target, "Notification", type, parcel->letters[0]->event->id, delivery_on_answer);
}

void delivery_post(struct target *target, const char *kind, const char *content_type, const char *event_id,
                   void (*done)(struct http_call *call, const struct http_answer *answer)) {
    struct http_header *header = target->headers;
    bool is_cloud = target->delivery->options.is_cloud;
    *header++ = (struct http_header){"Content-Type", content_type};
    *header++ = (struct http_header){"aeg-event-type", kind};
    *header++ = (struct http_header){"aeg-subscription-name", target->delivery->subscription};
    *header++ = (struct http_header){"aeg-delivery-count", target->count};
    *header++ = (struct http_header){"aeg-metadata-version", is_cloud ? "1.0" : "1"};
    if (is_cloud) {
        *header++ = (struct http_header){"WebHook-Request-Origin", DELIVERY_ORIGIN};
    } else {
        *header++ = (struct http_header){"aeg-data-version", "1.0"};
    }
    if (event_id != NULL) {
        *header++ = (struct http_header){"aeg-output-event-id", event_id};
    }
    target->call = (struct http_call){.method = "POST",
                                      .url = target->url,
                                      .headers = target->headers,
                                      .header_count = (size_t)(header - target->headers),
                                      .body = buffer_slice(&target->body),
                                      .timeout_ms = TIMEOUT_MS,
                                      .answer_limit = ANSWER_LIMIT,
                                      .done = done};
    http_send(target->delivery->options.client, &target->call);
}

static void write_body(struct target *target, const struct parcel *parcel, bool is_alone) {
    struct buffer *out = &target->body;
    buffer_reset(out);
    for (size_t i = 0; i < parcel->count; i++) {
        if (!is_alone) {
            buffer_append_char(out, i == 0 ? '[' : ',');
        }
        buffer_append_slice(out, parcel->letters[i]->json);
    }
    if (!is_alone) {
        buffer_append_char(out, ']');
    }
}
