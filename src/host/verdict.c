#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "host/conductor.h"
#include "host/request.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KILLS_MAX = 3 };

static bool is_failure_of_upstream(const struct host *host, const struct verdict *verdict);
static const char *park_reason(struct run *run, const struct verdict *verdict, int64_t due_us);
static int keep_words(struct run *run, const char *prefix, const struct verdict *verdict);
static void save(struct run *run);
static void on_saved(struct change *change);
static void tell(const struct run *run);

void run_succeed(struct run *run, bool is_filtered, struct slice returned) {
    run->is_resting = false;
    run->stored = STORE_DONE;
    run->result = is_filtered ? "filtered" : "done";
    free(run->reason);
    free(run->traceback);
    run->reason = run->traceback = NULL;
    run->attempt++;
    run->returned = returned.length == 0 ? NULL : slice_copy(returned);
    save(run);
}

void run_rest(struct run *run, int64_t due_us) {
    run_cancel(run);
    run->stored = STORE_WAITING;
    run->due_us = due_us;
    run->result = run_result_sleep;
    run->is_resting = true;
    save(run);
}

void run_fail(struct run *run, const struct verdict *verdict) {
    struct host *host = run->work->host;
    bool is_upstreams = is_failure_of_upstream(host, verdict);
    run->attempt += !is_upstreams; /* while the breaker is open no attempt is counted */
    run->kills += verdict->is_kill;
    run->result = verdict->result;
    run->is_resting = false;
    journal_forget(run, verdict->raised);
    double chance = (double)(run->id * UINT64_C(0x9e3779b97f4a7c15) >> 11) / (double)(UINT64_C(1) << 53);
    int64_t due_us = clock_wall_us() + retry_delay_us(&run->retry, run->attempt, chance, verdict->retry_after_s);
    const char *parked = !verdict->is_retryable && !is_upstreams ? "" : park_reason(run, verdict, due_us);
    if (parked == NULL) {
        run->stored = STORE_WAITING;
        run->due_us = due_us;
        host->totals.retries++;
    } else {
        run->stored = STORE_PARKED;
    }
    if (keep_words(run, parked, verdict) < 0) {
        log_error("host", "no memory for the reason of a failed run", LOG_NUMBER("event", run->work->seq),
                  LOG_END);
    }
    save(run);
}

/* With its breaker open: what else would be retried, and a key that is refused, which says nothing of the run. */
static bool is_failure_of_upstream(const struct host *host, const struct verdict *verdict) {
    const struct step *raised = verdict->raised;
    bool is_refused = raised != NULL && (raised->status == 401 || raised->status == 403);
    char origin[HTTP_ORIGIN_SIZE];
    bool is_open = breaker_is_open(&host->breaker);
    if (raised != NULL && effect_is_http(raised)) {
        is_open = request_origin(buffer_slice(&raised->operation), buffer_slice(&raised->arguments), origin) &&
                  upstreams_is_open(&host->upstreams, origin);
    }
    return is_open && slice_is(slice_of(verdict->result), "answer") && (verdict->is_retryable || is_refused);
}

/* Of what could be tried again. NULL: it is. Otherwise what to say before the failure's own words. */
static const char *park_reason(struct run *run, const struct verdict *verdict, int64_t due_us) {
    if (verdict->is_kill && run->kills >= KILLS_MAX) {
        return "killed three times: ";
    }
    if (run->attempt >= run->retry.attempts) {
        return "all attempts used up: ";
    }
    return work_is_pointless(run->work->copy->raw, due_us) ? "past the event's deadline: " : NULL;
}

static int keep_words(struct run *run, const char *prefix, const struct verdict *verdict) {
    free(run->reason);
    free(run->traceback);
    run->traceback = slice_copy(verdict->traceback);
    if (asprintf(&run->reason, "%s%.*s", prefix == NULL ? "" : prefix, SLICE_ARG(verdict->reason)) < 0) {
        run->reason = NULL;
    }
    return run->reason == NULL || run->traceback == NULL ? -1 : 0;
}

static void save(struct run *run) {
    run->state = RUN_SAVING;
    run->finished_us = run->stored == STORE_WAITING ? 0 : clock_wall_us();
    run->save.event = run->work;
    run->save.run = run;
    run->save.done = on_saved;
    change_submit(&run->save);
}

static void on_saved(struct change *change) {
    struct run *run = change->run;
    struct host *host = change->event->host;
    fault_point("host.done");
    if (!run->is_resting) {
        tell(run);
    }
    if (run->stored == STORE_WAITING) {
        run_wait(run);
    } else {
        run->state = RUN_OVER;
        host->totals.done += run->stored == STORE_DONE;
        host->totals.parked += run->stored == STORE_PARKED;
    }
    work_check(run->work);
}

static void tell(const struct run *run) {
    const struct work *work = run->work;
    struct host_note note = {.what = run->stored == STORE_DONE      ? HOST_DONE
                                     : run->stored == STORE_WAITING ? HOST_WAITING
                                                                    : HOST_PARKED,
                             .handler = slice_of(run->handler),
                             .result = slice_of(run->result),
                             .reason = slice_of(run->reason),
                             .traceback = slice_of(run->traceback),
                             .answer = slice_of(run->returned),
                             .attempt = run->attempt,
                             .due_us = run->due_us,
                             .seconds = (double)(clock_wall_us() - work->copy->received_us) / 1e6};
    host_note_work(work, note);
    if (run->stored == STORE_PARKED) {
        log_error("run", "parked", LOG_NUMBER("event", work->seq), LOG_TEXT("script", run->handler),
                  LOG_TEXT("subject", work->copy->subject), LOG_TEXT("reason", run->reason),
                  LOG_TEXT("traceback", run->traceback), LOG_END);
    } else if (run->stored == STORE_WAITING) {
        log_warn("run", "failed and is tried again", LOG_NUMBER("event", work->seq),
                 LOG_TEXT("script", run->handler), LOG_TEXT("subject", work->copy->subject),
                 LOG_NUMBER("attempt", run->attempt),
                 LOG_MS("in_ms", (double)(run->due_us - clock_wall_us()) / 1e3), LOG_TEXT("reason", run->reason),
                 LOG_END);
    }
}
