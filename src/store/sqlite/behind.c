/* When the WAL's pages move into the file. Most are moved by the mover, beside the commits (mover.c). But a WAL
 * begins anew only after a moment in which all of its pages were in the file, and while commits go on there is
 * none: so, when it has grown long, the writing thread moves the little that the mover has left, between two
 * commits. */
#include "store/sqlite/internal.h"

static void move_rest(struct store *store);

void behind_start(struct store *store) {
    store->behind = (struct behind){.move_at = store->move_pages, .restart_at = store->wal_pages};
}

/* A WAL with fewer pages than before has begun anew. (One that has begun anew with more is not noticed, and its
 * pages move a little later.) */
void behind_count(struct store *store, int pages) {
    struct behind *behind = &store->behind;
    if (pages < behind->wal) {
        behind_start(store);
        behind->has_restarted = true;
    }
    behind->wal = pages;
    behind->has_idle_work = true;
}

void behind_group(struct store *store) {
    struct behind *behind = &store->behind;
    bool is_due = behind->wal >= behind->move_at;
    bool is_long = behind->wal >= behind->restart_at;
    if ((!is_due && !is_long) || tell_is_broken(store, NULL)) {
        return;
    }
    /* Commits that outrun the mover wait for it in the end. */
    bool is_too_long = behind->wal >= behind->restart_at + store->wal_pages;
    int moved;
    if (!mover_rests(store, is_too_long, &moved)) {
        return;
    }
    /* What the mover told of a WAL that has begun anew since is of no more use. */
    moved = behind->has_restarted ? 0 : moved;
    if (is_too_long || !is_due) {
        move_rest(store);
    } else if (behind->wal > moved) {
        behind->move_at = behind->wal + store->move_pages;
        behind->has_restarted = false;
        mover_start(store);
    }
}

void behind_idle(struct store *store) {
    int moved;
    if (!tell_is_broken(store, NULL) && mover_rests(store, false, &moved)) {
        store->behind.has_idle_work = false;
        move_rest(store);
    }
}

static void move_rest(struct store *store) {
    store->behind.move_at = store->behind.restart_at = store->behind.wal + store->move_pages;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        struct error error = {0};
        db_error(store->db, code, "move the WAL into the file", &error);
        group_failed_behind(store, &error);
    }
}
