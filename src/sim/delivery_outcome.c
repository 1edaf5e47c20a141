/* What an answer means, and what follows: nothing more, another attempt, or the end. */
#include "base/clock.h"
#include "base/log.h"
#include "sim/chance.h"
#include "sim/delivery_parts.h"

static bool is_dropped(const struct target *target, const struct parcel *parcel);
static const char *name_of(unsigned status, enum error_code error);
static void try_again(struct target *target, struct parcel *parcel, unsigned status);
static void bury(struct target *target, const struct parcel *parcel, const char *reason);

void delivery_on_answer(struct http_call *call, const struct http_answer *answer) {
    struct target *target = CONTAINER_OF(call, struct target, call);
    struct parcel *parcel = target->sending;
    unsigned status = answer->error.code == ERROR_NONE ? answer->status : 0;
    enum error_code error = answer->error.code;
    target->sending = NULL;
    if (status != 0 && is_dropped(target, parcel)) {
        target->delivery->unheard++;
        status = 0;
        error = ERROR_TIMEOUT;
    }
    parcel->outcome = name_of(status, error);
    if (status >= 200 && status <= 204) {
        delivery_free_parcel(target, parcel);
    } else if (status == 400 || status == 401 || status == 403 || status == 413 ||
               parcel->attempts >= target->delivery->options.attempts) {
        delivery_give_up(target, parcel, "MaxDeliveryAttemptsExceeded");
    } else {
        try_again(target, parcel, status);
    }
    delivery_proceed(target);
}

void delivery_give_up(struct target *target, struct parcel *parcel, const char *reason) {
    bool is_kept = target->delivery->dead != NULL;
    log_warn("sim", is_kept ? "events go to the dead letters" : "events are dropped",
             LOG_TEXT("target", target->shown), LOG_TEXT("reason", reason), LOG_TEXT("outcome", parcel->outcome),
             LOG_NUMBER("attempts", parcel->attempts), LOG_NUMBER("events", parcel->count),
             LOG_TEXT("first", parcel->letters[0]->event->id), LOG_END);
    target->delivery->ended += parcel->count;
    if (is_kept) {
        bury(target, parcel, reason);
    }
    delivery_free_parcel(target, parcel);
}

bool delivery_is_over_age(const struct target *target, const struct parcel *parcel) {
    const struct delivery_options *options = &target->delivery->options;
    double age = (double)(loop_now(options->loop) - parcel->first_ns) / (double)CLOCK_NS_PER_S;
    return age > options->live_seconds * options->retry_scale;
}

double delivery_delay(unsigned attempts, unsigned status) {
    static const double steps[] = {10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600};
    size_t last = sizeof steps / sizeof steps[0] - 1;
    size_t step = attempts == 0 ? 0 : attempts - 1;
    double least = status == 408 ? 120 : status == 503 ? 30 : 10;
    double delay = steps[step < last ? step : last];
    return delay > least ? delay : least;
}

/* Taken as lost on purpose: the target has the events, and gets them again. */
static bool is_dropped(const struct target *target, const struct parcel *parcel) {
    const struct delivery_options *options = &target->delivery->options;
    uint64_t number = (uint64_t)target->index << 32 | parcel->attempts;
    return chance_is_within(chance_draw(options->seed, "answer", parcel->letters[0]->event->id, number),
                            options->chances.drop_answer);
}

/* Of the names that lastDeliveryOutcome has. */
static const char *name_of(unsigned status, enum error_code error) {
    switch (status) {
    case 0: return error == ERROR_TIMEOUT ? "TimedOut" : "SocketError";
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 408: return "TimedOut";
    case 413: return "PayloadTooLarge";
    case 429:
    case 503: return "Busy";
    default: return "Aborted";
    }
}

static void try_again(struct target *target, struct parcel *parcel, unsigned status) {
    const struct delivery_options *options = &target->delivery->options;
    double delay = delivery_delay(parcel->attempts, status) * options->retry_scale;
    parcel->due_ns = loop_now(options->loop) + (int64_t)(delay * (double)CLOCK_NS_PER_S);
    struct list_node *place = &target->retries.head;
    while (place->previous != &target->retries.head &&
           CONTAINER_OF(place->previous, struct parcel, node)->due_ns > parcel->due_ns) {
        place = place->previous;
    }
    list_insert_before(place, &parcel->node);
    log_info("sim", "a delivery failed and will be tried again", LOG_TEXT("target", target->shown),
             LOG_NUMBER("status", status), LOG_TEXT("outcome", parcel->outcome),
             LOG_NUMBER("events", parcel->count), LOG_NUMBER("attempt", parcel->attempts),
             LOG_MS("again_in", delay * 1000), LOG_END);
}

static void bury(struct target *target, const struct parcel *parcel, const char *reason) {
    for (size_t i = 0; i < parcel->count; i++) {
        struct error error = {0};
        const struct dead_letter one = {.letter = parcel->letters[i],
                                        .reason = reason,
                                        .outcome = parcel->outcome,
                                        .attempts = parcel->attempts,
                                        .last_us = parcel->sent_us};
        if (dead_letters_add(target->delivery->dead, &one, &error) < 0) {
            log_error("sim", "an event is lost: its dead letter was not kept", LOG_TEXT("reason", error.message),
                      LOG_END);
        }
    }
}
