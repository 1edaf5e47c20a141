#include "base/log.h"
#include "sim/delivery_parts.h"
#include <stdlib.h>

enum { BODY_LIMIT = 64 * 1024 * 1024 };

static int start(struct delivery *delivery, const struct delivery_options *options, struct error *error);
static int start_target(struct delivery *delivery, struct target *target, const char *url);
static void stop_target(struct target *target);
static void on_timer(struct loop_timer *timer);
static void push(struct target *target, struct letter *letter);
static void tell_totals(const struct delivery *delivery);

struct delivery *delivery_new(const struct delivery_options *options, struct error *error) {
    struct delivery *delivery = calloc(1, sizeof *delivery + options->target_count * sizeof(struct target));
    if (delivery == NULL) {
        error_memory(error);
        return NULL;
    }
    if (start(delivery, options, error) < 0) {
        delivery_free(delivery);
        return NULL;
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
    tell_totals(delivery);
    dead_letters_close(delivery->dead);
    free(delivery->subscription);
    free(delivery);
}

void delivery_push(struct delivery *delivery, struct sim_event *event) {
    if (delivery->target_count == 0) {
        return;
    }
    struct letter *letter = letter_new(event, delivery->options.is_cloud);
    if (letter == NULL) {
        log_warn("sim", "no memory: an event is dropped", LOG_TEXT("id", event->id), LOG_END);
        return;
    }
    const struct filter *filter = delivery->options.filter;
    if (filter == NULL || filter_ask(filter, letter->json) == FILTER_PASSES) {
        for (size_t i = 0; i < delivery->target_count; i++) {
            push(&delivery->targets[i], letter);
        }
    }
    letter_release(letter);
}

void delivery_proceed(struct target *target) {
    if (!target->is_validated || target->call.transfer != NULL || target->sending != NULL) {
        return;
    }
    struct parcel *parcel = delivery_next(target);
    if (parcel != NULL) {
        delivery_send(target, parcel);
    }
}

/* The timers of the targets are few and were set before: moving one needs no memory. */
void delivery_wait_until(struct target *target, int64_t at_ns) {
    if (loop_timer_set(target->delivery->options.loop, &target->timer, at_ns, on_timer) < 0) {
        log_error("sim", "no memory for a timer: the target gets nothing more", LOG_TEXT("target", target->shown),
                  LOG_END);
    }
}

void delivery_free_parcel(struct target *target, struct parcel *parcel) {
    if (parcel == NULL) {
        return;
    }
    list_remove(&parcel->node);
    target->held -= parcel->count;
    for (size_t i = 0; i < parcel->count; i++) {
        letter_release(parcel->letters[i]);
    }
    free(parcel);
}

static int start(struct delivery *delivery, const struct delivery_options *options, struct error *error) {
    delivery->options = *options;
    delivery->options.attempts = options->attempts == 0 ? DELIVERY_ATTEMPTS : options->attempts;
    delivery->options.live_seconds = options->live_seconds > 0 ? options->live_seconds : DELIVERY_LIVE_SECONDS;
    delivery->subscription = strdup(options->subscription);
    if (delivery->subscription == NULL) {
        return error_memory(error);
    }
    if (options->dead_letters != NULL) {
        delivery->dead = dead_letters_open(options->dead_letters, error);
        if (delivery->dead == NULL) {
            return -1;
        }
    }
    for (size_t i = 0; i < options->target_count; i++) {
        struct target *target = &delivery->targets[delivery->target_count++];
        target->index = i;
        if (start_target(delivery, target, options->targets[i]) < 0) {
            return error_memory(error);
        }
    }
    return 0;
}

static int start_target(struct delivery *delivery, struct target *target, const char *url) {
    target->delivery = delivery;
    list_init(&target->fresh);
    list_init(&target->late);
    list_init(&target->retries);
    buffer_init(&target->body, BODY_LIMIT);
    crypto_uuid(target->code);
    target->url = strdup(url);
    target->shown = strndup(url, strcspn(url, "?#"));
    /* The first handshake waits for the loop: the target may be this very process's, not listening yet. */
    if (target->url == NULL || target->shown == NULL) {
        return -1;
    }
    return loop_timer_set(delivery->options.loop, &target->timer, loop_now(delivery->options.loop), on_timer);
}

static void stop_target(struct target *target) {
    http_cancel(target->delivery->options.client, &target->call);
    loop_timer_cancel(target->delivery->options.loop, &target->timer);
    if (target->held + target->refused > 0) {
        log_warn("sim", "events that were not delivered are lost", LOG_TEXT("target", target->shown),
                 LOG_NUMBER("events", target->held + target->refused), LOG_END);
    }
    delivery_free_parcel(target, target->sending);
    LIST_EACH (&target->retries, node) {
        delivery_free_parcel(target, CONTAINER_OF(node, struct parcel, node));
    }
    delivery_empty(target);
    buffer_reset(&target->body);
    free(target->shown);
    free(target->url);
}

static void on_timer(struct loop_timer *timer) {
    struct target *target = CONTAINER_OF(timer, struct target, timer);
    if (target->is_validated) {
        delivery_proceed(target);
    } else {
        delivery_shake_hands(target);
    }
}

static void push(struct target *target, struct letter *letter) {
    if (target->held < DELIVERY_WAITING_MOST && delivery_enqueue(target, letter) == 0) {
        target->is_full = false;
        delivery_proceed(target);
        return;
    }
    target->refused++;
    if (!target->is_full) {
        log_warn("sim", "too many events wait for this target: new ones are dropped until it takes some",
                 LOG_TEXT("target", target->shown), LOG_NUMBER("waiting", target->held), LOG_END);
    }
    target->is_full = true;
}

static void tell_totals(const struct delivery *delivery) {
    if (delivery->repeated + delivery->overtaken + delivery->unheard > 0) {
        log_info("sim", "what went wrong with deliveries on purpose", LOG_NUMBER("duplicates", delivery->repeated),
                 LOG_NUMBER("reordered", delivery->overtaken), LOG_NUMBER("answers_dropped", delivery->unheard),
                 LOG_END);
    }
    if (delivery->ended > 0) {
        log_info("sim", "events that could not be delivered",
                 LOG_NUMBER(delivery->dead == NULL ? "dropped" : "dead_letters", delivery->ended), LOG_END);
    }
}
