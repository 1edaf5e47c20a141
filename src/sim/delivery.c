#include "sim/delivery.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "event/event.h"
#include "sim/state.h"
#include "json/json.h"
#include "json/tree.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    ATTEMPTS_MOST = 30,
    LIVE_SECONDS = 24 * 3600,
    TIMEOUT_MS = 30 * 1000,
    ANSWER_LIMIT = 1024 * 1024,
    BODY_LIMIT = 64 * 1024 * 1024,
};

/* Of the handshake, unscaled: with the default scale a second at first and ten at most. */
static const double HANDSHAKE_WAIT_S = 10, HANDSHAKE_WAIT_MOST_S = 100;

/* Events that go, and are tried again, together. */
struct parcel {
    struct list_node node; /* in the target's retries, by `due_ns` */
    unsigned attempts;
    int64_t first_ns, due_ns;
    size_t count;
    struct sim_event *events[];
};

struct waiting {
    struct list_node node;
    struct sim_event *event;
};

struct target {
    struct delivery *delivery;
    char *url;
    char *shown; /* without its query, which may hold a secret: for the log */
    bool is_validated;
    char code[CRYPTO_UUID_SIZE]; /* that the handshake wants back */
    double handshake_wait;       /* before the next one */
    struct list fresh;           /* never tried */
    struct list retries;
    size_t held; /* events in all of these */
    bool is_full;
    struct parcel *sending; /* NULL during a handshake */
    struct http_call call;
    struct http_header headers[8];
    char count[16];
    struct buffer body;
    struct loop_timer timer;
};

struct delivery {
    struct loop *loop;
    struct http_client *client;
    char *subscription;
    size_t batch;
    double retry_scale;
    size_t target_count;
    struct target targets[];
};

static int start_target(struct delivery *delivery, struct target *target, const char *url);
static void stop_target(struct target *target);
static void on_timer(struct loop_timer *timer);
static void proceed(struct target *target);
static void shake_hands(struct target *target);
static int write_handshake(struct target *target);
static void on_handshake(struct http_call *call, const struct http_answer *answer);
static bool is_validated(const struct target *target, const struct http_answer *answer);
static struct parcel *next_parcel(struct target *target);
static struct parcel *pack(struct target *target);
static void send_parcel(struct target *target, struct parcel *parcel);
static void send_body(struct target *target, const char *kind, const char *event_id,
                      void (*done)(struct http_call *call, const struct http_answer *answer));
static void on_delivered(struct http_call *call, const struct http_answer *answer);
static void retry(struct target *target, struct parcel *parcel, unsigned status);
static void drop(struct target *target, struct parcel *parcel, const char *why, unsigned status);
static void free_parcel(struct target *target, struct parcel *parcel);
static void wait_until(struct target *target, int64_t at_ns);

struct delivery *delivery_new(const struct delivery_options *options, struct error *error) {
    struct delivery *delivery = calloc(1, sizeof *delivery + options->target_count * sizeof(struct target));
    if (delivery == NULL || (delivery->subscription = strdup(options->subscription)) == NULL) {
        free(delivery);
        error_memory(error);
        return NULL;
    }
    delivery->loop = options->loop;
    delivery->client = options->client;
    delivery->batch = options->batch;
    delivery->retry_scale = options->retry_scale;
    for (size_t i = 0; i < options->target_count; i++) {
        delivery->target_count++;
        if (start_target(delivery, &delivery->targets[i], options->targets[i]) < 0) {
            delivery_free(delivery);
            error_memory(error);
            return NULL;
        }
    }
    return delivery;
}

void delivery_free(struct delivery *delivery) {
    if (delivery == NULL) {
        return;
    }
    for (size_t i = 0; i < delivery->target_count; i++) {
        stop_target(&delivery->targets[i]);
    }
    free(delivery->subscription);
    free(delivery);
}

void delivery_push(struct delivery *delivery, struct sim_event *event) {
    for (size_t i = 0; i < delivery->target_count; i++) {
        struct target *target = &delivery->targets[i];
        struct waiting *waiting = target->held < DELIVERY_WAITING_MOST ? calloc(1, sizeof *waiting) : NULL;
        if (waiting == NULL) {
            if (!target->is_full) {
                log_warn("sim", "too many events wait for this target: new ones are dropped until it takes some",
                         LOG_TEXT("target", target->shown), LOG_NUMBER("waiting", target->held), LOG_END);
            }
            target->is_full = true;
            continue;
        }
        target->is_full = false;
        waiting->event = sim_event_hold(event);
        list_append(&target->fresh, &waiting->node);
        target->held++;
        proceed(target);
    }
}

double delivery_delay(unsigned attempts, unsigned status) {
    static const double steps[] = {10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600};
    size_t last = sizeof steps / sizeof steps[0] - 1;
    size_t step = attempts == 0 ? 0 : attempts - 1;
    double least = status == 408 ? 120 : status == 503 ? 30 : 10;
    double delay = steps[step < last ? step : last];
    return delay > least ? delay : least;
}

static int start_target(struct delivery *delivery, struct target *target, const char *url) {
    target->delivery = delivery;
    list_init(&target->fresh);
    list_init(&target->retries);
    buffer_init(&target->body, BODY_LIMIT);
    crypto_uuid(target->code);
    target->handshake_wait = HANDSHAKE_WAIT_S;
    target->url = strdup(url);
    target->shown = strndup(url, strcspn(url, "?#"));
    /* The first handshake waits for the loop: the target may be this very process's, not listening yet. */
    if (target->url == NULL || target->shown == NULL) {
        return -1;
    }
    return loop_timer_set(delivery->loop, &target->timer, loop_now(delivery->loop), on_timer);
}

static void stop_target(struct target *target) {
    http_cancel(target->delivery->client, &target->call);
    loop_timer_cancel(target->delivery->loop, &target->timer);
    if (target->held > 0) {
        log_warn("sim", "events that were not delivered are lost", LOG_TEXT("target", target->shown),
                 LOG_NUMBER("events", target->held), LOG_END);
    }
    free_parcel(target, target->sending);
    LIST_EACH (&target->retries, node) {
        free_parcel(target, CONTAINER_OF(node, struct parcel, node));
    }
    LIST_EACH (&target->fresh, node) {
        struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
        sim_event_release(waiting->event);
        free(waiting);
    }
    buffer_reset(&target->body);
    free(target->shown);
    free(target->url);
}

static void on_timer(struct loop_timer *timer) {
    struct target *target = CONTAINER_OF(timer, struct target, timer);
    if (target->is_validated) {
        proceed(target);
    } else {
        shake_hands(target);
    }
}

/* Sends what is next, unless something is on its way already. */
static void proceed(struct target *target) {
    if (!target->is_validated || target->call.transfer != NULL || target->sending != NULL) {
        return;
    }
    struct parcel *parcel = next_parcel(target);
    if (parcel != NULL) {
        send_parcel(target, parcel);
    }
}

static void shake_hands(struct target *target) {
    if (write_handshake(target) < 0) {
        wait_until(target, loop_now(target->delivery->loop) + CLOCK_NS_PER_S);
        return;
    }
    snprintf(target->count, sizeof target->count, "0");
    send_body(target, "SubscriptionValidation", NULL, on_handshake);
}

static int write_handshake(struct target *target) {
    char id[CRYPTO_UUID_SIZE], now[SIM_TIME_SIZE];
    struct buffer *out = &target->body;
    buffer_reset(out);
    buffer_append_format(out, "[{\"id\":\"%s\",\"topic\":\"" SIM_TOPIC "\",\"subject\":\"\",", crypto_uuid(id));
    buffer_append_format(out, "\"eventType\":\"" EVENT_TYPE_VALIDATION "\",\"eventTime\":\"%s\",",
                         sim_time(clock_wall_us(), now));
    buffer_append_format(out,
                         "\"data\":{\"validationCode\":\"%s\"},\"metadataVersion\":\"1\",\"dataVersion\":\"2\"}]",
                         target->code);
    return out->is_broken ? -1 : 0;
}

static void on_handshake(struct http_call *call, const struct http_answer *answer) {
    struct target *target = CONTAINER_OF(call, struct target, call);
    struct delivery *delivery = target->delivery;
    if (is_validated(target, answer)) {
        target->is_validated = true;
        log_info("sim", "the target takes events now", LOG_TEXT("target", target->shown),
                 LOG_TEXT("subscription", delivery->subscription), LOG_END);
        proceed(target);
        return;
    }
    if (target->handshake_wait <= HANDSHAKE_WAIT_S) {
        log_warn("sim", "the target did not answer the validation event; tried again until it does",
                 LOG_TEXT("target", target->shown), LOG_NUMBER("status", answer->status),
                 LOG_TEXT("reason", answer->error.message), LOG_END);
    }
    double wait = target->handshake_wait * delivery->retry_scale;
    wait_until(target, loop_now(delivery->loop) + (int64_t)(wait * (double)CLOCK_NS_PER_S));
    target->handshake_wait *= 1.5;
    if (target->handshake_wait > HANDSHAKE_WAIT_MOST_S) {
        target->handshake_wait = HANDSHAKE_WAIT_MOST_S;
    }
}

/* 200 and nothing else, with the code. */
static bool is_validated(const struct target *target, const struct http_answer *answer) {
    if (answer->error.code != ERROR_NONE || answer->status != 200) {
        return false;
    }
    struct json *body = json_parse(answer->body.bytes, answer->body.length, NULL);
    const char *response = json_get_string(body, "validationResponse");
    bool is_right = response != NULL && strcmp(response, target->code) == 0;
    json_free(body);
    return is_right;
}

/* What is due again goes first. NULL when there is nothing to send now; the timer is set if there will be. */
static struct parcel *next_parcel(struct target *target) {
    struct list_node *node = list_first(&target->retries);
    struct parcel *due = node == NULL ? NULL : CONTAINER_OF(node, struct parcel, node);
    if (due != NULL && due->due_ns <= loop_now(target->delivery->loop)) {
        list_remove(&due->node);
        return due;
    }
    struct parcel *parcel = list_is_empty(&target->fresh) ? NULL : pack(target);
    if (parcel == NULL && due != NULL) {
        wait_until(target, due->due_ns);
    }
    return parcel;
}

static struct parcel *pack(struct target *target) {
    size_t most = target->delivery->batch;
    struct parcel *parcel = calloc(1, sizeof *parcel + most * sizeof(struct sim_event *));
    if (parcel == NULL) {
        wait_until(target, loop_now(target->delivery->loop) + CLOCK_NS_PER_S);
        return NULL;
    }
    struct list_node *node;
    while (parcel->count < most && (node = list_take_first(&target->fresh)) != NULL) {
        struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
        parcel->events[parcel->count++] = waiting->event;
        free(waiting);
    }
    parcel->first_ns = loop_now(target->delivery->loop);
    return parcel;
}

static void send_parcel(struct target *target, struct parcel *parcel) {
    struct buffer *out = &target->body;
    target->sending = parcel;
    buffer_reset(out);
    for (size_t i = 0; i < parcel->count; i++) {
        buffer_append_char(out, i == 0 ? '[' : ',');
        buffer_append(out, parcel->events[i]->json, parcel->events[i]->length);
    }
    buffer_append_char(out, ']');
    if (out->is_broken) {
        target->sending = NULL;
        drop(target, parcel, "there is no memory for the delivery", 0);
        return;
    }
    snprintf(target->count, sizeof target->count, "%u", parcel->attempts++);
    send_body(target, "Notification", parcel->events[0]->id, on_delivered);
}

static void send_body(struct target *target, const char *kind, const char *event_id,
                      void (*done)(struct http_call *call, const struct http_answer *answer)) {
    struct http_header *header = target->headers;
    *header++ = (struct http_header){"Content-Type", "application/json; charset=utf-8"};
    *header++ = (struct http_header){"aeg-event-type", kind};
    *header++ = (struct http_header){"aeg-subscription-name", target->delivery->subscription};
    *header++ = (struct http_header){"aeg-delivery-count", target->count};
    *header++ = (struct http_header){"aeg-metadata-version", "1"};
    *header++ = (struct http_header){"aeg-data-version", "1.0"};
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
    http_send(target->delivery->client, &target->call);
}

static void on_delivered(struct http_call *call, const struct http_answer *answer) {
    struct target *target = CONTAINER_OF(call, struct target, call);
    struct parcel *parcel = target->sending;
    unsigned status = answer->error.code == ERROR_NONE ? answer->status : 0;
    target->sending = NULL;
    if (status >= 200 && status <= 204) {
        free_parcel(target, parcel);
    } else if (status == 400 || status == 401 || status == 403 || status == 413) {
        drop(target, parcel, "the target answered a status that is not tried again", status);
    } else {
        retry(target, parcel, status);
    }
    proceed(target);
}

static void retry(struct target *target, struct parcel *parcel, unsigned status) {
    int64_t now = loop_now(target->delivery->loop);
    double scale = target->delivery->retry_scale;
    double age = (double)(now - parcel->first_ns) / (double)CLOCK_NS_PER_S;
    if (parcel->attempts >= ATTEMPTS_MOST || age > LIVE_SECONDS * scale) {
        drop(target, parcel, "the last attempt failed", status);
        return;
    }
    double delay = delivery_delay(parcel->attempts, status) * scale;
    parcel->due_ns = now + (int64_t)(delay * (double)CLOCK_NS_PER_S);
    struct list_node *place = &target->retries.head;
    while (place->previous != &target->retries.head &&
           CONTAINER_OF(place->previous, struct parcel, node)->due_ns > parcel->due_ns) {
        place = place->previous;
    }
    list_insert_before(place, &parcel->node);
    log_info("sim", "a delivery failed and will be tried again", LOG_TEXT("target", target->shown),
             LOG_NUMBER("status", status), LOG_NUMBER("events", parcel->count),
             LOG_NUMBER("attempt", parcel->attempts), LOG_MS("again_in", delay * 1000), LOG_END);
}

static void drop(struct target *target, struct parcel *parcel, const char *why, unsigned status) {
    log_warn("sim", "events are dropped", LOG_TEXT("target", target->shown), LOG_TEXT("reason", why),
             LOG_NUMBER("status", status), LOG_NUMBER("events", parcel->count),
             LOG_TEXT("first", parcel->events[0]->id), LOG_END);
    free_parcel(target, parcel);
}

static void free_parcel(struct target *target, struct parcel *parcel) {
    if (parcel == NULL) {
        return;
    }
    list_remove(&parcel->node);
    target->held -= parcel->count;
    for (size_t i = 0; i < parcel->count; i++) {
        sim_event_release(parcel->events[i]);
    }
    free(parcel);
}

/* The timers of the targets are few and were set before: moving one needs no memory. */
static void wait_until(struct target *target, int64_t at_ns) {
    if (loop_timer_set(target->delivery->loop, &target->timer, at_ns, on_timer) < 0) {
        log_error("sim", "no memory for a timer: the target gets nothing more", LOG_TEXT("target", target->shown),
                  LOG_END);
    }
}
