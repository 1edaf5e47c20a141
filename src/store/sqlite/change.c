/* What became of an event: its state, its runs, its steps. */
#include "store/sqlite/internal.h"
#include <inttypes.h>

static bool is_plain_end(const struct store_work *work);
static int close_several(struct store *store, const struct store_work *work, struct error *error);
static int close_event(struct store *store, const struct store_work *work, bool *is_closed, struct error *error);
static enum work_result change_with_care(struct store *store, struct store_work *work);
static void note_state(struct store *store, uint64_t seq, int before, int state);
static int check(const struct store *store, const struct store_work *work, struct error *error);
static int check_parts(const struct store_work *work, struct error *error);
static int check_texts(const struct store_work *work, struct error *error);
static int plan(struct store *store, const struct store_work *work, struct value_plan *value, struct error *error);
static int write_parts(struct store *store, const struct store_work *work, const struct value_plan *value,
                       struct error *error);
static int write_step(struct store *store, const struct store_work *work, struct error *error);
static int forget_steps(struct store *store, const struct store_work *work, struct error *error);
static int write_run(struct store *store, const struct store_run *run, struct error *error);
static void bind_run(sqlite3_stmt *row, const struct store_run *run);
static void bind_digest(sqlite3_stmt *row, int place, const uint8_t *digest);
static int kept_state(int state);

enum work_result change_work(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    if (check(store, work, error) < 0) {
        return WORK_REFUSED;
    }
    if (work->change.also > 0) {
        return close_several(store, work, error) < 0 ? WORK_SPOILED : WORK_DONE;
    }
    bool is_closed = false;
    if (is_plain_end(work) && close_event(store, work, &is_closed, error) < 0) {
        return WORK_SPOILED;
    }
    return is_closed ? WORK_DONE : change_with_care(store, work);
}

/* The usual last change of an event, which nothing can refuse any more. */
static bool is_plain_end(const struct store_work *work) {
    int state = work->change.event_state;
    return state != STORE_STATE_KEPT && !store_is_open_state((enum store_state)state) &&
           work->change.step == NULL && work->change.value == NULL && work->change.timer == NULL &&
           work->change.cancel == 0;
}

/* Events for which there was no script come to their end together, and most follow each other. */
static int close_several(struct store *store, const struct store_work *work, struct error *error) {
    int state = work->change.event_state;
    uint64_t first = work->change.seq;
    uint64_t last = first + work->change.also;
    sqlite3_stmt *row = store->statements[CLOSE_EVENTS];
    db_bind_bits(row, 1, first);
    db_bind_bits(row, 2, last);
    sqlite3_bind_int(row, 3, state);
    if (db_run(store->db, row, "close events", error) < 0) {
        return -1;
    }
    for (int count = sqlite3_changes(store->db); count > 0; count--) {
        note_state(store, first, STORE_QUEUED, state);
    }
    for (uint64_t seq = first; seq <= last; seq = store_segment_of(seq) + 1) {
        if (stretch_note_state(store, seq, state, error) < 0) {
            return -1;
        }
    }
    return 0;
}

/* One statement finds the event, sees that it is open, and closes it. Where it does not, nothing was written. */
static int close_event(struct store *store, const struct store_work *work, bool *is_closed, struct error *error) {
    static const struct value_plan no_value = {.effect = VALUE_STAYS};
    sqlite3_stmt *row = store->statements[CLOSE_EVENT];
    db_bind_bits(row, 1, work->change.seq);
    sqlite3_bind_int(row, 2, work->change.event_state);
    if (db_run(store->db, row, "close an event", error) < 0) {
        return -1;
    }
    *is_closed = sqlite3_changes(store->db) > 0;
    if (!*is_closed) {
        return 0;
    }
    note_state(store, work->change.seq, STORE_QUEUED, work->change.event_state);
    if (stretch_note_state(store, work->change.seq, work->change.event_state, error) < 0) {
        return -1;
    }
    return write_parts(store, work, &no_value, error);
}

/* What can be refused is refused before the first write; the step comes first, since its number may be taken. */
static enum work_result change_with_care(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    struct event_row row = {.state = -1};
    if (change_read_event(store, work->change.seq, &row, error) < 0) {
        return WORK_SPOILED;
    }
    if (row.state < 0) {
        error_set(error, ERROR_NOT_FOUND, "store: there is no event %" PRIu64, work->change.seq);
        return WORK_REFUSED;
    }
    struct value_plan value = {.effect = VALUE_STAYS};
    if (plan(store, work, &value, error) < 0 || write_step(store, work, error) < 0) {
        return error->code == ERROR_INVALID || error->code == ERROR_LIMIT ? WORK_REFUSED : WORK_SPOILED;
    }
    int state = work->change.event_state;
    if (write_parts(store, work, &value, error) < 0 ||
        (state != STORE_STATE_KEPT &&
         change_write_state(store, work->change.seq, row.state, kept_state(state), error) < 0)) {
        return WORK_SPOILED;
    }
    return WORK_DONE;
}

int change_check_fence(const struct store *store, uint64_t seq, uint64_t fence, struct error *error) {
    if (fence == store->fence) {
        return 0;
    }
    return error_set(error, ERROR_BUSY,
                     "store: fenced: event %" PRIu64 " is claimed by number %" PRIu64 ", and this is %" PRIu64,
                     seq, store->fence, fence);
}

int change_read_event(struct store *store, uint64_t seq, struct event_row *row, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_STATE];
    db_bind_bits(statement, 1, seq);
    int step = db_step(store->db, statement, "read an event's state", error);
    if (step > 0) {
        row->state = sqlite3_column_int(statement, 0);
        row->lane = db_bits(statement, 1);
        sqlite3_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

int change_write_state(struct store *store, uint64_t seq, int before, int state, struct error *error) {
    if (state == before) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[WRITE_STATE];
    db_bind_bits(row, 1, seq);
    sqlite3_bind_int(row, 2, state);
    if (db_run(store->db, row, "write an event's state", error) < 0) {
        return -1;
    }
    note_state(store, seq, before, state);
    return stretch_note_state(store, seq, state, error);
}

static void note_state(struct store *store, uint64_t seq, int before, int state) {
    store->now.open += store_is_open_state((enum store_state)state);
    store->now.open -= store_is_open_state((enum store_state)before);
    if (state == STORE_DONE && seq < store->purge_from) {
        store->purge_from = seq;
    }
}

static int check(const struct store *store, const struct store_work *work, struct error *error) {
    int state = work->change.event_state;
    if (change_check_fence(store, work->change.seq, work->change.fence, error) < 0) {
        return -1;
    }
    if (state != STORE_STATE_KEPT && (state < 0 || state >= STORE_STATES)) {
        return error_set(error, ERROR_INVALID, "store: %d is no state of an event", state);
    }
    bool has_more = work->change.run_count > 0 || work->change.forget_count > 0;
    if (work->change.also > 0 && (has_more || !is_plain_end(work))) {
        return error_set(error, ERROR_INVALID, "store: of several events only the end can be one change");
    }
    if (check_parts(work, error) < 0 || value_check(work, error) < 0 || timer_check(work, error) < 0) {
        return -1;
    }
    return check_texts(work, error);
}

static int check_parts(const struct store_work *work, struct error *error) {
    uint64_t seq = work->change.seq;
    for (size_t i = 0; i < work->change.run_count; i++) {
        const struct store_run *run = &work->change.runs[i];
        if (store_run_seq(run->id) != seq || (int)run->state < 0 || (int)run->state >= STORE_STATES) {
            return error_set(error, ERROR_INVALID, "store: run %" PRIu64 " is none of event %" PRIu64, run->id,
                             seq);
        }
    }
    const struct store_step *step = work->change.step;
    if (step != NULL &&
        (store_run_seq(step->run) != seq || step->number == 0 || step->number >= STORE_STEPS_PER_RUN)) {
        return error_set(error, ERROR_INVALID,
                         "store: step %" PRIu32 " of run %" PRIu64 " is none of event %" PRIu64, step->number,
                         step->run, seq);
    }
    if (work->change.forget_count > 0 && store_run_seq(work->change.forget_run) != seq) {
        return error_set(error, ERROR_INVALID,
                         "store: run %" PRIu64 ", of which steps are forgotten, is none of %" PRIu64,
                         work->change.forget_run, seq);
    }
    return 0;
}

static int check_texts(const struct store_work *work, struct error *error) {
    for (size_t i = 0; i < work->change.run_count; i++) {
        const struct store_run *run = &work->change.runs[i];
        const struct slice texts[] = {run->handler, run->result, run->reason, run->traceback, run->returned};
        if (append_check_texts(texts, sizeof texts / sizeof texts[0], error) < 0) {
            return -1;
        }
    }
    const struct store_step *step = work->change.step;
    if (step == NULL) {
        return 0;
    }
    const struct slice texts[] = {step->operation, step->arguments, step->answer, step->etag};
    return append_check_texts(texts, sizeof texts / sizeof texts[0], error);
}

/* All that has to be known before the first write, and the answer of what the step asks of the store. */
static int plan(struct store *store, const struct store_work *work, struct value_plan *value,
                struct error *error) {
    if (work->change.answer != NULL) {
        buffer_clear(work->change.answer); /* of a try before this one */
    }
    return timer_plan(store, work, error) < 0 ? -1 : value_plan(store, work, value, error);
}

static int write_parts(struct store *store, const struct store_work *work, const struct value_plan *value,
                       struct error *error) {
    if (value_write(store, work, value, error) < 0 || timer_write(store, work, error) < 0 ||
        forget_steps(store, work, error) < 0) {
        return -1;
    }
    for (size_t i = 0; i < work->change.run_count; i++) {
        if (write_run(store, &work->change.runs[i], error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int write_step(struct store *store, const struct store_work *work, struct error *error) {
    const struct store_step *step = work->change.step;
    if (step == NULL) {
        return 0;
    }
    bool is_worked_out = work->change.value != NULL || work->change.cancel != 0;
    sqlite3_stmt *row = store->statements[WRITE_STEP];
    db_bind_bits(row, 1, store_step_row(step->run, step->number));
    sqlite3_bind_int64(row, 2, step->branch);
    sqlite3_bind_int64(row, 3, step->occurrence);
    sqlite3_bind_int(row, 4, is_worked_out ? *work->change.is_error : step->is_error);
    sqlite3_bind_int(row, 5, step->is_repeated);
    sqlite3_bind_int64(row, 6, step->status);
    sqlite3_bind_int64(row, 7, step->asked_us);
    sqlite3_bind_int64(row, 8, step->answered_us);
    db_bind_slice(row, 9, step->operation);
    db_bind_slice(row, 10, step->arguments);
    db_bind_slice(row, 11, is_worked_out ? buffer_slice(work->change.answer) : step->answer);
    db_bind_slice(row, 12, step->etag);
    sqlite3_bind_int(row, 13, step->is_forgotten);
    return db_run(store->db, row, "journal a step", error);
}

static int forget_steps(struct store *store, const struct store_work *work, struct error *error) {
    sqlite3_stmt *row = store->statements[FORGET_STEP];
    for (size_t i = 0; i < work->change.forget_count; i++) {
        db_bind_bits(row, 1, store_step_row(work->change.forget_run, work->change.forget[i]));
        if (db_run(store->db, row, "forget a step", error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int write_run(struct store *store, const struct store_run *run, struct error *error) {
    if (stretch_note_generation(store, store_run_seq(run->id), run->generation, error) < 0) {
        return -1;
    }
    bind_run(store->statements[WRITE_RUN], run);
    if (db_run(store->db, store->statements[WRITE_RUN], "write a run", error) < 0) {
        return -1;
    }
    if (sqlite3_changes(store->db) > 0) {
        return 0;
    }
    bind_run(store->statements[REWRITE_RUN], run);
    return db_run(store->db, store->statements[REWRITE_RUN], "write a run again", error);
}

static void bind_run(sqlite3_stmt *row, const struct store_run *run) {
    db_bind_bits(row, 1, run->id);
    sqlite3_bind_int(row, 2, kept_state((int)run->state));
    db_bind_slice(row, 3, run->handler);
    bind_digest(row, 4, run->generation);
    bind_digest(row, 5, run->script);
    sqlite3_bind_int64(row, 6, run->attempt);
    sqlite3_bind_int64(row, 7, run->kills);
    sqlite3_bind_int64(row, 8, run->due_us);
    sqlite3_bind_int64(row, 9, run->started_us);
    sqlite3_bind_int64(row, 10, run->finished_us);
    db_bind_slice(row, 11, run->result);
    db_bind_slice(row, 12, run->reason);
    db_bind_slice(row, 13, run->traceback);
    db_bind_slice(row, 14, run->returned);
}

static void bind_digest(sqlite3_stmt *row, int place, const uint8_t *digest) {
    db_bind_blob(row, place, slice_make((const char *)digest, digest == NULL ? 0 : STORE_DIGEST_SIZE));
}

/* Nothing runs on the disk: what was on when the host died is queued. */
static int kept_state(int state) {
    return state == STORE_RUNNING ? STORE_QUEUED : state;
}
