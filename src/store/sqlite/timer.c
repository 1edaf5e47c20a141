/* Events that are raised later: added and cancelled by a step, taken by the delivery that raises them. */
#include "store/sqlite/internal.h"

int timer_check(const struct store_work *work, struct error *error) {
    const struct store_timer *timer = work->change.timer;
    if (timer == NULL) {
        return 0;
    }
    if (timer->id == 0 || !slice_is_set(timer->raw)) {
        return error_set(error, ERROR_INVALID, "store: a timer has no number or no event");
    }
    return append_check_texts((const struct slice[]){timer->type, timer->raw}, 2, error);
}

/* Whether the one to cancel is there is the answer. */
int timer_plan(struct store *store, const struct store_work *work, struct error *error) {
    if (work->change.cancel == 0) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[READ_TIMER];
    db_bind_bits(row, 1, work->change.cancel);
    int step = db_step(store->db, row, "look for a timer", error);
    sqlite3_reset(row);
    if (step < 0) {
        return -1;
    }
    *work->change.is_error = false;
    return buffer_append_text(work->change.answer, step > 0 ? "true" : "false") < 0 ? error_memory(error) : 0;
}

int timer_write(struct store *store, const struct store_work *work, struct error *error) {
    const struct store_timer *timer = work->change.timer;
    bool was_there;
    if (work->change.cancel != 0 && timer_take(store, work->change.cancel, &was_there, error) < 0) {
        return -1;
    }
    if (timer == NULL) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[WRITE_TIMER];
    db_bind_bits(row, 1, timer->id);
    sqlite3_bind_int64(row, 2, timer->due_us);
    db_bind_bits(row, 3, timer->lane);
    db_bind_slice(row, 4, timer->type);
    db_bind_blob(row, 5, timer->raw);
    return db_run(store->db, row, "keep a timer", error);
}

int timer_take(struct store *store, uint64_t id, bool *was_there, struct error *error) {
    sqlite3_stmt *row = store->statements[DROP_TIMER];
    db_bind_bits(row, 1, id);
    if (db_run(store->db, row, "take a timer", error) < 0) {
        return -1;
    }
    *was_there = sqlite3_changes(store->db) > 0;
    return 0;
}
