/* Runs that were given up, or are done, are queued again. */
#include "store/sqlite/internal.h"
#include <inttypes.h>

static int check(const struct store_work *work, const struct event_row *row, struct error *error);
static enum work_result understand(struct store *store, struct store_work *work);
static int forget_steps(struct store *store, const struct store_work *work, struct error *error);
static int queue_runs(struct store *store, struct store_work *work, struct error *error);
static void bind_runs(sqlite3_stmt *row, const struct store_work *work);

enum work_result replay_work(struct store *store, struct store_work *work) {
    struct error *error = &work->error;
    struct event_row row = {.state = -1};
    work->replay.run_count = 0;
    work->replay.lane = 0;
    if (change_check_fence(store, work->replay.seq, work->replay.fence, error) < 0) {
        return WORK_REFUSED;
    }
    if (change_read_event(store, work->replay.seq, &row, error) < 0) {
        return WORK_SPOILED;
    }
    if (check(work, &row, error) < 0) {
        return WORK_REFUSED;
    }
    if (row.state == STORE_QUARANTINED) {
        return understand(store, work);
    }
    work->replay.lane = row.lane;
    if (forget_steps(store, work, error) < 0 || queue_runs(store, work, error) < 0) {
        return WORK_SPOILED;
    }
    /* An event for which there was no script has no runs; which it gets is decided anew. */
    if (row.state == STORE_UNHANDLED && work->replay.handler == NULL && work->replay.run_count == 0) {
        work->replay.run_count = 1;
    }
    if (work->replay.run_count > 0 &&
        change_write_state(store, work->replay.seq, row.state, STORE_QUEUED, error) < 0) {
        return WORK_SPOILED;
    }
    return WORK_DONE;
}

static int check(const struct store_work *work, const struct event_row *row, struct error *error) {
    if (row->state < 0) {
        return error_set(error, ERROR_NOT_FOUND, "store: there is no event %" PRIu64, work->replay.seq);
    }
    if (row->state == STORE_QUARANTINED && work->replay.event == NULL) {
        return error_set(error, ERROR_INVALID,
                         "store: event %" PRIu64 " is quarantined: nothing can be run with it", work->replay.seq);
    }
    return 0;
}

/* It never ran, so there are no runs; which it gets is decided when it is handled. */
static enum work_result understand(struct store *store, struct store_work *work) {
    if (append_understood(store, work->replay.seq, work->replay.event, &work->error) < 0) {
        return work->error.code == ERROR_INVALID ? WORK_REFUSED : WORK_SPOILED;
    }
    work->replay.run_count = 1;
    work->replay.lane = work->replay.event->lane;
    return WORK_DONE;
}

/* Before the runs are queued: only those that will be lose their steps. */
static int forget_steps(struct store *store, const struct store_work *work, struct error *error) {
    if (!work->replay.from_start) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[REPLAY_STEPS];
    bind_runs(row, work);
    db_bind_bits(row, 5, store_step_row(store_run_id(work->replay.seq, 0), 0));
    db_bind_bits(row, 6, store_step_row(store_run_id(work->replay.seq + 1, 0), 0) - 1);
    return db_run(store->db, row, "forget the steps of a replay", error);
}

static int queue_runs(struct store *store, struct store_work *work, struct error *error) {
    sqlite3_stmt *row = store->statements[REPLAY_RUNS];
    bind_runs(row, work);
    sqlite3_bind_int(row, 5, work->replay.from_start);
    if (db_run(store->db, row, "queue runs again", error) < 0) {
        return -1;
    }
    work->replay.run_count = (size_t)sqlite3_changes(store->db);
    return 0;
}

static void bind_runs(sqlite3_stmt *row, const struct store_work *work) {
    db_bind_bits(row, 1, store_run_id(work->replay.seq, 0));
    db_bind_bits(row, 2, store_run_id(work->replay.seq, STORE_RUNS_PER_EVENT - 1));
    sqlite3_bind_int(row, 3, work->replay.all);
    db_bind_slice(row, 4, slice_of(work->replay.handler));
}
