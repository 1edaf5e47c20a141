#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "event/event.h"
#include "event/parsed.h"
#include "host/conductor.h"
#include "host/waiter.h"
#include <stdlib.h>
#include <string.h>

static void free_runs(struct work *work);
static struct work *new_work(struct host *host, uint64_t seq, struct copy *copy);
static struct work *read_work(struct host *host, uint64_t seq, bool *is_gone);
static struct copy *read_copy(struct host *host, uint64_t seq, bool *is_gone);
static int take_stored_runs(struct work *work, struct error *error);
static int take_stored_run(void *context, const struct store_run *row);
static int count_run(void *context, const struct store_run *row);
static int choose_handlers(struct work *work);
static int init_run(struct work *work, struct run *run, uint64_t id, struct slice handler);
static void begin_runs(struct work *work, struct lane *lane, int64_t reached_us);
static void begin_run(struct run *run, int64_t reached_us);
static void save_unhandled(struct work *work);
static void on_unhandled(struct change *change);

/* What was appended since the start, and not begun yet, has no runs in the store: with a copy nothing is read. */
int work_begin(struct host *host, struct lane *lane, uint64_t seq) {
    struct copy *copy = lane->taken->copy;
    struct work *work = copy == NULL ? NULL : new_work(host, seq, copy);
    if (work != NULL) {
        intake_release(host, copy);
        lane->taken->copy = NULL;
        begin_runs(work, lane, 0);
    } else if (copy != NULL || work_resume(host, lane, seq, 0) < 0) {
        lanes_put_back(&host->lanes, lane);
        return -1;
    }
    atomic_fetch_sub(&host->queued, 1);
    return 0;
}

int work_resume(struct host *host, struct lane *lane, uint64_t seq, int64_t reached_us) {
    bool is_gone = false;
    struct work *work = read_work(host, seq, &is_gone);
    if (work == NULL && !is_gone) {
        return -1;
    }
    if (work == NULL) {
        if (lane != NULL) {
            lanes_release(&host->lanes, lane);
        }
        return 0;
    }
    begin_runs(work, lane, reached_us);
    return 0;
}

bool work_is_pointless(struct slice raw, int64_t at_us) {
    struct envelope envelope;
    struct json_error where;
    int64_t expires_us = 0;
    envelope_init(&envelope);
    bool is_late = envelope_read(&envelope, raw.bytes, raw.length, &where) == 0 && envelope.count == 1 &&
                   envelope.events[0].expires.length > 0 &&
                   event_parse_time(envelope.events[0].expires, &expires_us) == 0 && at_us > expires_us;
    envelope_reset(&envelope);
    return is_late;
}

void work_check(struct work *work) {
    struct host *host = work->host;
    bool is_open = false;
    bool is_blocking = false;
    for (size_t i = 0; i < work->run_count; i++) {
        const struct run *run = &work->runs[i];
        bool is_retry = run->state == RUN_WAITING && !run->is_resting && !run->is_postponed && !run->is_set_aside;
        bool lets_pass = run->state == RUN_OVER || (is_retry && !run->retry.hold);
        is_open = is_open || run->state != RUN_OVER || run->unsettled > 0;
        is_blocking = is_blocking || !lets_pass || run->unsettled > 0;
    }
    if (!is_blocking && work->lane != NULL) {
        lanes_release(&host->lanes, work->lane);
        work->lane = NULL;
        host_pump(host);
    }
    if (!is_open) {
        uint64_t parked = work_state(work) == STORE_PARKED ? work->seq : 0;
        work_free(work);
        if (parked != 0) {
            mend_look(host, parked);
        }
    } else {
        waiter_replace(work);
    }
    host_check_drained(host);
}

void work_free(struct work *work) {
    begun_remove(&work->host->begun, work->seq);
    list_remove(&work->in_host);
    change_drop(&work->save);
    free_runs(work);
    free(work->copy);
    free(work);
}

enum store_state work_state(const struct work *work) {
    bool has_parked = false;
    bool has_waiting = false;
    for (size_t i = 0; i < work->run_count; i++) {
        enum store_state state = work->runs[i].stored;
        if (state == STORE_QUEUED || state == STORE_RUNNING) {
            return STORE_QUEUED;
        }
        has_waiting = has_waiting || state == STORE_WAITING;
        has_parked = has_parked || state == STORE_PARKED;
    }
    return has_waiting ? STORE_WAITING : has_parked ? STORE_PARKED : STORE_DONE;
}

static void free_runs(struct work *work) {
    for (size_t i = 0; i < work->run_count; i++) {
        struct run *run = &work->runs[i];
        run_cancel_timer(run);
        sleep_stop(run);
        map_remove(&work->host->runs, run->id);
        list_remove(&run->in_ready);
        change_drop(&run->save);
        journal_free(run);
        free(run->handler);
        free(run->reason);
        free(run->traceback);
        free(run->returned);
    }
    free(work->runs);
    work->runs = NULL;
    work->run_count = 0;
}

/* With a fresh run for each of the handlers that are live now. The copy is the work's if there is one. */
static struct work *new_work(struct host *host, uint64_t seq, struct copy *copy) {
    struct work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        return NULL;
    }
    *work = (struct work){.host = host, .seq = seq, .copy = copy};
    if (choose_handlers(work) < 0) {
        work->copy = NULL;
        work_free(work);
        return NULL;
    }
    return work;
}

/* The event, its runs as they were stored, or fresh ones. */
static struct work *read_work(struct host *host, uint64_t seq, bool *is_gone) {
    store_reader_begin(host->reader); /* until the pump's slice is over */
    struct copy *copy = fault_point("host.read") ? NULL : read_copy(host, seq, is_gone);
    struct work *work = copy == NULL ? NULL : new_work(host, seq, copy);
    if (work == NULL) {
        free(copy);
        return NULL;
    }
    struct error error = {0};
    if (take_stored_runs(work, &error) < 0) {
        work_free(work);
        return NULL;
    }
    return work;
}

static struct copy *read_copy(struct host *host, uint64_t seq, bool *is_gone) {
    struct store_record record;
    struct error error = {0};
    if (store_read_event(host->reader, seq, &record, &error) < 0) {
        *is_gone = error.code == ERROR_NOT_FOUND;
        log_error("host", "cannot read an event", LOG_NUMBER("event", seq), LOG_TEXT("reason", error.message),
                  LOG_END);
        return NULL;
    }
    if (!store_is_open_state(record.state)) {
        *is_gone = true; /* somebody finished it */
        return NULL;
    }
    return copy_of_record(&record);
}

static int choose_handlers(struct work *work) {
    const struct handler *found[STORE_RUNS_PER_EVENT];
    size_t count = generation_find(work->host->live, work->copy->type, found, STORE_RUNS_PER_EVENT);
    work->runs = calloc(count + 1, sizeof *work->runs);
    if (work->runs == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t id = store_run_id(work->seq, (unsigned)i);
        if (init_run(work, &work->runs[i], id, slice_of(found[i]->path)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What was decided when the event first came to the head of its lane holds: the first change that was stored had
 * all its runs. */
static int take_stored_runs(struct work *work, struct error *error) {
    size_t count = 0;
    if (store_each_run(work->host->reader, work->seq, count_run, &count, error) < 0) {
        return -1;
    }
    if (count == 0) {
        return 0;
    }
    free_runs(work);
    work->runs = calloc(count, sizeof *work->runs);
    if (work->runs == NULL || store_each_run(work->host->reader, work->seq, take_stored_run, work, error) < 0) {
        return -1;
    }
    work->is_stored = true;
    for (size_t i = 0; i < work->run_count; i++) {
        if (work->runs[i].state != RUN_OVER && journal_load(&work->runs[i], error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int count_run(void *context, const struct store_run *row) {
    (void)row;
    (*(size_t *)context)++;
    return 0;
}

static int take_stored_run(void *context, const struct store_run *row) {
    struct work *work = context;
    struct run *run = &work->runs[work->run_count];
    if (init_run(work, run, row->id, row->handler) < 0) {
        return -1;
    }
    run->stored = row->state;
    run->attempt = row->attempt;
    run->kills = row->kills;
    run->due_us = row->due_us;
    run->started_us = row->started_us;
    run->finished_us = row->finished_us;
    run->is_resting = slice_is(row->result, run_result_sleep);
    run->result = run->is_resting ? run_result_sleep : "";
    run->reason = slice_copy(row->reason);
    run->traceback = slice_copy(row->traceback);
    if (!store_is_open_state(row->state)) {
        run->state = RUN_OVER;
    }
    return run->reason == NULL || run->traceback == NULL ? -1 : 0;
}

static int init_run(struct work *work, struct run *run, uint64_t id, struct slice handler) {
    struct host *host = work->host;
    *run = (struct run){.work = work, .id = id, .state = RUN_READY, .result = ""};
    list_init(&run->steps);
    run->handler = slice_copy(handler);
    if (run->handler == NULL) {
        return -1;
    }
    const struct handler *known = generation_handler(host->live, handler);
    run->retry = known == NULL ? host->retry : known->retry;
    run->may_repeat = work->seq <= host->unclean_seq;
    work->run_count++;
    return map_put(&host->runs, id, run);
}

static void begin_runs(struct work *work, struct lane *lane, int64_t reached_us) {
    work->lane = lane;
    list_append(&work->host->works, &work->in_host);
    begun_add(&work->host->begun, work);
    host_note_work(work, (struct host_note){.what = HOST_ARRIVED});
    if (work->run_count == 0) {
        save_unhandled(work);
        return;
    }
    for (size_t i = 0; i < work->run_count; i++) {
        begin_run(&work->runs[i], reached_us);
    }
    work_check(work);
}

static void begin_run(struct run *run, int64_t reached_us) {
    if (run->state == RUN_OVER) {
        return;
    }
    bool is_waiting = run->stored == STORE_WAITING;
    if (is_waiting && run->due_us > reached_us && run->due_us > clock_wall_us()) {
        run_wait(run);
        return;
    }
    run->reached_us = is_waiting ? run->due_us : 0;
    run->stored = STORE_QUEUED;
    list_append(&run->work->host->ready_runs, &run->in_ready);
}

/* No script for it: kept, not run. */
static void save_unhandled(struct work *work) {
    work->save.event = work;
    work->save.done = on_unhandled;
    change_close(work);
}

static void on_unhandled(struct change *change) {
    struct work *next;
    for (struct work *work = change->event; work != NULL; work = next) {
        next = work->closed;
        work->host->totals.unhandled++;
        host_note_work(work, (struct host_note){.what = HOST_UNHANDLED});
        work_check(work);
    }
}
