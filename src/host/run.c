#include "base/clock.h"
#include "base/log.h"
#include "host/conductor.h"
#include "json/json.h"
#include "json/tree.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double seconds_max = 366.0 * 24 * 3600; /* of a handler's own timeout */

static void send_run(struct run *run, const struct handler *handler);
static uint64_t seed_of(const struct run *run);
static void on_place(struct run *run, const struct wire_frame *frame);
static void on_want(struct run *run, const struct wire_frame *frame);
static void take_new(struct run *run, uint32_t wait, uint32_t branch, struct slice operation,
                     struct slice arguments, uint64_t hash);
static void await(struct step *step, uint32_t wait);
static void answer_not_yet(struct run *run, uint32_t wait);
static void put_answer(const struct step *step, enum wire_outcome outcome);
static void on_log(const struct run *run, const struct wire_frame *frame);
static void on_done(struct run *run, const struct wire_frame *frame);
static void on_failed(struct run *run, const struct wire_frame *frame);
static bool is_raised_retryable(struct run *run, struct slice error, struct verdict *verdict);
static void on_overtime(struct loop_timer *timer);
static void on_due(struct loop_timer *timer);
static void leave(struct run *run);
static void tell_death(struct host *host, const struct process_death *death);

int run_dispatch(struct run *run, struct worker_slot *slot) {
    struct host *host = run->work->host;
    const struct generation *generation = slot->generation;
    const struct handler *handler = generation_handler(generation, slice_of(run->handler));
    run->attempt_us = clock_wall_us();
    if (run->started_us == 0) {
        run->started_us = run->attempt_us;
    }
    memcpy(run->generation, generation->scripts->digest, sizeof run->generation);
    run->has_generation = true;
    run->has_rested = run->is_resting;
    run->is_resting = false;
    run->dispatch = ++host->dispatches;
    if (handler == NULL) {
        run_fail(run, &(struct verdict){.result = "handler removed",
                                        .reason = slice_of("handler removed: the script is no longer there"),
                                        .retry_after_s = -1});
        return 0;
    }
    if (map_put(&host->on_workers, run->dispatch, run) < 0) {
        run_hand_back(run);
        return -1;
    }
    run->retry = handler->retry;
    memcpy(run->script, handler->script, sizeof run->script);
    run->state = RUN_ON;
    run->slot = slot;
    list_append(&slot->runs, &run->in_slot);
    slot->run_count++;
    run->is_muted = journal_has_more(run);
    send_run(run, handler);
    return 0;
}

void run_on_frame(struct worker_slot *slot, const struct wire_frame *frame) {
    struct host *host = slot->generation->context;
    struct run *run = map_get(&host->on_workers, frame->run);
    if (run == NULL || run->slot != slot || run->state != RUN_ON) {
        return; /* it was taken off this worker, and may be there again: what comes now is late */
    }
    switch (frame->type) {
    case WIRE_PLACE: on_place(run, frame); break;
    case WIRE_WANT: on_want(run, frame); break;
    case WIRE_LOG: on_log(run, frame); break;
    case WIRE_DONE: on_done(run, frame); break;
    default: on_failed(run, frame); break;
    }
}

/* Only the run that was on the processor is charged, and not even that one when the death came from outside. */
void run_on_death(struct worker_slot *slot, const struct process_death *death) {
    struct host *host = slot->generation->context;
    if (!death->is_stopped) {
        host->totals.kills++;
        log_warn("worker", "a worker ended and is replaced", LOG_TEXT("reason", death->words),
                 LOG_NUMBER("runs", slot->run_count), LOG_END);
    }
    tell_death(host, death);
    for (struct list_node *node; (node = list_first(&slot->runs)) != NULL;) {
        struct run *run = CONTAINER_OF(node, struct run, in_slot);
        if (run->dispatch == death->run && !death->is_outside && (death->is_ours || !death->is_stopped)) {
            leave(run);
            run_fail(run, &(struct verdict){.result = "killed",
                                            .reason = slice_of(death->words),
                                            .is_retryable = true,
                                            .is_kill = true,
                                            .retry_after_s = -1});
        } else {
            run_hand_back(run);
        }
    }
    host_pump(host);
}

void run_hand_back(struct run *run) {
    struct host *host = run->work->host;
    if (run->slot != NULL) {
        leave(run);
    }
    run->state = RUN_READY;
    list_prepend(&host->ready_runs, &run->in_ready);
    host_check_drained(host);
}

void run_cancel_timer(struct run *run) {
    loop_timer_cancel(run->work->host->loop, &run->timer);
}

void run_wait(struct run *run) {
    struct host *host = run->work->host;
    run->state = RUN_WAITING;
    int64_t pause_us = run->due_us - clock_wall_us();
    int64_t at = clock_monotonic_ns() + (pause_us > 0 ? pause_us * 1000 : 0);
    loop_timer_set(host->loop, &run->timer, at, on_due);
}

void run_on_answer(struct step *step) {
    struct run *run = step->run;
    if (step->wait != 0 && run->state == RUN_ON && step->asked_in == run->dispatch && !sleep_begin(step)) {
        run_send_answer(step);
    }
}

void run_postpone(struct run *run, struct breaker *breaker) {
    struct host *host = run->work->host;
    run_cancel(run);
    run->state = RUN_WAITING;
    run->is_postponed = true;
    run->held_by = breaker;
    list_append(&host->postponed, &run->in_ready);
    work_check(run->work);
}

void run_set_aside(struct run *run) {
    struct host *host = run->work->host;
    run->state = RUN_WAITING;
    run->is_set_aside = true;
    list_append(&host->paused_runs, &run->in_ready);
    breaker_forget(&host->breaker, run->id);
    upstreams_forget(&host->upstreams, run->id);
    work_check(run->work);
}

void run_go_on(struct run *run) {
    struct host *host = run->work->host;
    run->is_postponed = run->is_set_aside = false;
    run->state = RUN_READY;
    list_remove(&run->in_ready);
    list_append(&host->ready_runs, &run->in_ready);
    host_pump(host);
}

static void send_run(struct run *run, const struct handler *handler) {
    struct work *work = run->work;
    struct host *host = work->host;
    struct buffer *out = &run->slot->process->out;
    size_t place = wire_begin(out, WIRE_RUN, run->dispatch);
    wire_put_text(out, slice_of(run->handler));
    wire_put_u64(out, work->seq);
    wire_put_u32(out, run->attempt + 1);
    wire_put_i64(out, work->copy->received_us);
    wire_put_i64(out, run->is_muted ? run->started_us : run->attempt_us);
    wire_put_u64(out, seed_of(run));
    wire_put_text(out, work->copy->raw);
    process_put(run->slot->process, place);
    double seconds = handler->timeout_seconds > 0 ? handler->timeout_seconds : host->config->limits.run_seconds;
    int64_t time_ns = (int64_t)(fmin(seconds, seconds_max) * 1e9);
    loop_timer_set(host->loop, &run->timer, clock_monotonic_ns() + time_ns, on_overtime);
}

/* The event's own, and another for each of its handlers: the same again when the run is done again. An event is
 * known by its number, and among those of other stores by the microsecond of its receipt and its lane: its bytes
 * would be a kilobyte to hash for each run. */
static uint64_t seed_of(const struct run *run) {
    const struct work *work = run->work;
    const uint64_t event[] = {work->seq, (uint64_t)work->copy->received_us, work->copy->lane};
    uint8_t out[CRYPTO_DIGEST_SIZE];
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    crypto_digest_part(&digest, slice_make((const char *)event, sizeof event));
    crypto_digest_part(&digest, slice_of(run->handler));
    crypto_digest_end(&digest, out);
    uint64_t seed;
    memcpy(&seed, out, sizeof seed);
    return seed;
}

static void tell_death(struct host *host, const struct process_death *death) {
    const char *result = death->is_ours      ? "slice"
                         : death->is_stopped ? "host"
                         : death->is_outside ? "outside"
                                             : "crash";
    host_note(host, &(struct host_note){.what = HOST_KILLED,
                                        .at_us = clock_wall_us(),
                                        .result = slice_of(result),
                                        .reason = slice_of(death->words)});
}

static void on_place(struct run *run, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    struct slice place = wire_get_text(&reader);
    if (!wire_is_whole(&reader)) {
        process_kill(run->slot->process);
        return;
    }
    snprintf(run->place, sizeof run->place, "%.*s", SLICE_ARG(place));
}

static void on_want(struct run *run, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    uint32_t wait = wire_get_u32(&reader);
    uint32_t branch = wire_get_u32(&reader);
    struct slice operation = wire_get_text(&reader);
    struct slice arguments = wire_get_text(&reader);
    if (!wire_is_whole(&reader) || wait == 0 || !slice_starts_with(arguments, "[") ||
        json_check(arguments.bytes, arguments.length, NULL) < 0) {
        process_kill(run->slot->process);
        return;
    }
    uint64_t hash = journal_hash(branch, operation, arguments);
    struct step *step = journal_find(run, branch, operation, arguments, hash);
    if (step != NULL) {
        await(step, wait);
        if (step->state == STEP_ANSWERED) {
            run_on_answer(step);
        }
        return;
    }
    run->is_muted = false;
    if (slice_is(operation, "step")) {
        answer_not_yet(run, wait);
        return;
    }
    struct breaker *breaker = effect_breaker(run->work->host, operation, arguments);
    if (breaker != NULL && !breaker_allows(breaker, run->id)) {
        run_postpone(run, breaker);
        return;
    }
    take_new(run, wait, branch, operation, arguments, hash);
}

static void take_new(struct run *run, uint32_t wait, uint32_t branch, struct slice operation,
                     struct slice arguments, uint64_t hash) {
    if (run->step_count >= run->work->host->config->limits.run_steps) {
        run_cancel(run);
        run_fail(run, &(struct verdict){.result = "steps",
                                        .reason = slice_of("it took more steps than limits.run_steps allows"),
                                        .retry_after_s = -1});
        return;
    }
    struct step *step = slice_is(operation, "step.keep") ? journal_add_kept(run, branch, arguments)
                                                         : journal_add(run, branch, operation, arguments, hash);
    if (step == NULL) {
        run_cancel(run);
        run_hand_back(run);
        return;
    }
    await(step, wait);
    if (slice_is(buffer_slice(&step->operation), "step")) {
        run->unsettled++;
        journal_answer(step);
    } else {
        effect_start(step);
    }
}

static void await(struct step *step, uint32_t wait) {
    step->asked_in = step->run->dispatch;
    step->wait = wait;
    sleep_count(step->run, 1, 0);
}

/* Nothing is remembered under that name: the script does it, and says what came of it ("step.keep"). */
static void answer_not_yet(struct run *run, uint32_t wait) {
    struct step probe = {.run = run, .wait = wait, .answered_us = clock_wall_us()};
    put_answer(&probe, WIRE_OUTCOME_NOT_YET);
}

void run_send_answer(struct step *step) {
    put_answer(step, step->is_error ? WIRE_OUTCOME_ERROR : WIRE_OUTCOME_VALUE);
    step->wait = 0;
    sleep_count(step->run, -1, 0);
}

/* The script sees the time of the answer; when the journal is used up, the time of this attempt. */
static void put_answer(const struct step *step, enum wire_outcome outcome) {
    struct run *run = step->run;
    struct buffer *out = &run->slot->process->out;
    int64_t now = step->answered_us;
    if (!journal_has_more(run)) {
        now = now < run->attempt_us ? run->attempt_us : now;
        run->is_muted = run->is_muted && !run->has_rested;
    }
    size_t place = wire_begin(out, WIRE_ANSWER, run->dispatch);
    wire_put_u32(out, step->wait);
    wire_put_u32(out, outcome);
    wire_put_u32(out, step->status);
    wire_put_u32(out, step->is_repeated);
    wire_put_i64(out, now);
    wire_put_text(out, slice_of(step->etag));
    wire_put_text(out, buffer_slice(&step->answer));
    process_put(run->slot->process, place);
}

static void on_log(const struct run *run, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    uint32_t level = wire_get_u32(&reader);
    struct slice message = wire_get_text(&reader);
    struct slice fields = wire_get_text(&reader);
    if (!wire_is_whole(&reader) || run->is_muted) {
        return;
    }
    log_write(level > LOG_ERROR ? LOG_ERROR : (enum log_level)level, "script", "says",
              LOG_FIELDS(LOG_SLICE("message", message), LOG_TEXT("script", run->handler),
                         LOG_NUMBER("event", run->work->seq), LOG_TEXT("subject", run->work->copy->subject),
                         fields.length > 0 ? LOG_SLICE("fields", fields) : LOG_END, LOG_END));
    host_note_work(run->work, (struct host_note){.what = HOST_SAID,
                                                 .handler = slice_of(run->handler),
                                                 .level = level,
                                                 .reason = message,
                                                 .answer = fields});
}

static void on_done(struct run *run, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    uint32_t result = wire_get_u32(&reader);
    struct slice returned = wire_get_text(&reader);
    if (!wire_is_whole(&reader) ||
        (returned.length > 0 && json_check(returned.bytes, returned.length, NULL) < 0)) {
        process_kill(run->slot->process);
        return;
    }
    leave(run);
    run_succeed(run, result == WIRE_RESULT_FILTERED, returned);
}

static void on_failed(struct run *run, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    uint32_t failure = wire_get_u32(&reader);
    struct verdict verdict = {.result = "error", .retry_after_s = -1};
    verdict.reason = wire_get_text(&reader);
    verdict.traceback = wire_get_text(&reader);
    struct slice raised = wire_get_text(&reader);
    if (!wire_is_whole(&reader)) {
        process_kill(run->slot->process);
        return;
    }
    if (failure == WIRE_FAILURE_ANSWER) {
        verdict.result = "answer";
        verdict.is_retryable = is_raised_retryable(run, raised, &verdict);
    } else if (failure == WIRE_FAILURE_MEMORY) {
        verdict.result = "memory";
    }
    leave(run);
    run_fail(run, &verdict);
}

/* The error that the script raised, or let through, says itself whether another try has a point. */
static bool is_raised_retryable(struct run *run, struct slice error, struct verdict *verdict) {
    struct json *members = json_parse(error.bytes, error.length, NULL);
    bool is_retryable = json_get_bool(members, "retryable", false);
    verdict->raised = journal_raised(run, slice_of(json_get_string(members, "operation")),
                                     json_get_double(members, "status", 0));
    if (verdict->raised != NULL) {
        verdict->retry_after_s = verdict->raised->retry_after_s;
    }
    if (json_get_bool(members, "park", false)) {
        verdict->result = "fail";
        is_retryable = false;
    }
    json_free(members);
    return is_retryable;
}

static void on_overtime(struct loop_timer *timer) {
    struct run *run = CONTAINER_OF(timer, struct run, timer);
    struct process *process = run->slot->process;
    char words[128];
    snprintf(words, sizeof words, "it took longer than its %s allows",
             run->work->host->config->limits.run_seconds > 0 ? "timeout or limits.run_seconds" : "timeout");
    bool is_on_processor = atomic_load(&process->page->run) == run->dispatch;
    run_cancel(run);
    if (is_on_processor) {
        process_kill(process); /* it would not see the cancelling */
    }
    effect_give_up(run);
    run_fail(run, &(struct verdict){
                      .result = "timeout", .reason = slice_of(words), .is_retryable = true, .retry_after_s = -1});
}

static void on_due(struct loop_timer *timer) {
    struct run *run = CONTAINER_OF(timer, struct run, timer);
    struct host *host = run->work->host;
    run->state = RUN_READY;
    run->reached_us = run->due_us;
    run->stored = STORE_QUEUED;
    list_append(&host->ready_runs, &run->in_ready);
    host_pump(host);
}

static void leave(struct run *run) {
    run_cancel_timer(run);
    sleep_stop(run);
    breaker_forget(&run->work->host->breaker, run->id);
    upstreams_forget(&run->work->host->upstreams, run->id);
    map_remove(&run->work->host->on_workers, run->dispatch);
    list_remove(&run->in_slot);
    run->slot->run_count--;
    run->slot = NULL;
    LIST_EACH (&run->steps, node) {
        CONTAINER_OF(node, struct step, in_run)->wait = 0;
    }
    reload_check_retired(run->work->host);
    host_pump(run->work->host);
}

void run_cancel(struct run *run) {
    struct process *process = run->slot->process;
    size_t place = wire_begin(&process->out, WIRE_CANCEL, run->dispatch);
    process_put(process, place);
    leave(run);
}
