/* Events that are raised later: added and cancelled by a step, taken by the delivery that raises them. */
#include "store/sqlite/internal.h"
#include <inttypes.h>

static int find_timer(struct store *store, uint64_t id, bool *is_there, struct error *error);

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

/* A number that is taken is refused before anything is written; whether the one to cancel is there is the answer. */
int timer_plan(struct store *store, const struct store_work *work, struct error *error) {
    bool is_there = false;
    if (work->change.timer != NULL) {
        if (find_timer(store, work->change.timer->id, &is_there, error) < 0) {
            return -1;
        }
        if (is_there) {
            return error_set(error, ERROR_INVALID, "store: there is a timer %" PRIu64 " already",
                             work->change.timer->id);
        }
    }
    if (work->change.cancel == 0) {
        return 0;
    }
    if (find_timer(store, work->change.cancel, &is_there, error) < 0) {
        return -1;
    }
    *work->change.is_error = false;
    return buffer_append_text(work->change.answer, is_there ? "true" : "false") < 0 ? error_memory(error) : 0;
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

static int find_timer(struct store *store, uint64_t id, bool *is_there, struct error *error) {
    sqlite3_stmt *row = store->statements[READ_TIMER];
    db_bind_bits(row, 1, id);
    int step = db_step(store->db, row, "look for a timer", error);
    *is_there = step > 0;
    sqlite3_reset(row);
    return step < 0 ? -1 : 0;
}
