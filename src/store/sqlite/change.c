/* What became of an event: its state, its runs, its steps. */
#include "store/sqlite/internal.h"
#include <inttypes.h>

static int check(const struct store *store, const struct store_work *work, struct error *error);
static int check_parts(const struct store_work *work, struct error *error);
static int check_texts(const struct store_work *work, struct error *error);
static int read_state(struct store *store, uint64_t seq, int *state, struct error *error);
static int write_step(struct store *store, const struct store_step *step, struct error *error);
static int forget_steps(struct store *store, const struct store_work *work, struct error *error);
static int write_run(struct store *store, const struct store_run *run, struct error *error);
static int write_state(struct store *store, uint64_t seq, int before, int state, struct error *error);
static int kept_state(int state);

/* What can be refused is refused before the first write; the step comes first, since its number may be taken. */
enum work_result change_work(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    if (check(store, work, error) < 0) {
        return WORK_REFUSED;
    }
    int before = -1;
    if (read_state(store, work->change.seq, &before, error) < 0) {
        return WORK_SPOILED;
    }
    if (before < 0) {
        error_set(error, ERROR_NOT_FOUND, "store: there is no event %" PRIu64, work->change.seq);
        return WORK_REFUSED;
    }
    if (work->change.step != NULL && write_step(store, work->change.step, error) < 0) {
        return error->code == ERROR_INVALID ? WORK_REFUSED : WORK_SPOILED;
    }
    if (forget_steps(store, work, error) < 0) {
        return WORK_SPOILED;
    }
    for (size_t i = 0; i < work->change.run_count; i++) {
        if (write_run(store, &work->change.runs[i], error) < 0) {
            return WORK_SPOILED;
        }
    }
    if (work->change.event_state != STORE_STATE_KEPT &&
        write_state(store, work->change.seq, before, kept_state(work->change.event_state), error) < 0) {
        return WORK_SPOILED;
    }
    return WORK_DONE;
}

static int check(const struct store *store, const struct store_work *work, struct error *error) {
    if (work->change.fence != store->fence) {
        return error_set(error, ERROR_BUSY,
                         "store: fenced: event %" PRIu64 " is claimed by number %" PRIu64 ", and this is %" PRIu64,
                         work->change.seq, store->fence, work->change.fence);
    }
    int state = work->change.event_state;
    if (state != STORE_STATE_KEPT && (state < 0 || state >= STORE_STATES)) {
        return error_set(error, ERROR_INVALID, "store: %d is no state of an event", state);
    }
    return check_parts(work, error) < 0 ? -1 : check_texts(work, error);
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
        const struct slice texts[] = {run->handler, run->result, run->reason, run->traceback};
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

/* *state stays as it is when there is no such event. */
static int read_state(struct store *store, uint64_t seq, int *state, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_STATE];
    db_bind_bits(statement, 1, seq);
    int step = db_step(store->db, statement, "read an event's state", error);
    if (step > 0) {
        *state = sqlite3_column_int(statement, 0);
        sqlite3_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

static int write_step(struct store *store, const struct store_step *step, struct error *error) {
    sqlite3_stmt *row = store->statements[WRITE_STEP];
    db_bind_bits(row, 1, store_step_row(step->run, step->number));
    sqlite3_bind_int64(row, 2, step->branch);
    sqlite3_bind_int64(row, 3, step->occurrence);
    sqlite3_bind_int(row, 4, step->is_error);
    sqlite3_bind_int(row, 5, step->is_repeated);
    sqlite3_bind_int64(row, 6, step->status);
    sqlite3_bind_int64(row, 7, step->asked_us);
    sqlite3_bind_int64(row, 8, step->answered_us);
    db_bind_slice(row, 9, step->operation);
    db_bind_slice(row, 10, step->arguments);
    db_bind_slice(row, 11, step->answer);
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
    sqlite3_stmt *row = store->statements[WRITE_RUN];
    size_t digest = run->generation == NULL ? 0 : STORE_DIGEST_SIZE;
    db_bind_bits(row, 1, run->id);
    sqlite3_bind_int(row, 2, kept_state((int)run->state));
    db_bind_slice(row, 3, run->handler);
    db_bind_blob(row, 4, slice_make((const char *)run->generation, digest));
    sqlite3_bind_int64(row, 5, run->attempt);
    sqlite3_bind_int64(row, 6, run->kills);
    sqlite3_bind_int64(row, 7, run->due_us);
    sqlite3_bind_int64(row, 8, run->started_us);
    sqlite3_bind_int64(row, 9, run->finished_us);
    db_bind_slice(row, 10, run->result);
    db_bind_slice(row, 11, run->reason);
    db_bind_slice(row, 12, run->traceback);
    return db_run(store->db, row, "write a run", error);
}

static int write_state(struct store *store, uint64_t seq, int before, int state, struct error *error) {
    if (state == before) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[WRITE_STATE];
    db_bind_bits(row, 1, seq);
    sqlite3_bind_int(row, 2, state);
    if (db_run(store->db, row, "write an event's state", error) < 0) {
        return -1;
    }
    store->now.open += store_is_open_state((enum store_state)state);
    store->now.open -= store_is_open_state((enum store_state)before);
    return 0;
}

/* Nothing runs on the disk: what was on when the host died is queued. */
static int kept_state(int state) {
    return state == STORE_RUNNING ? STORE_QUEUED : state;
}
