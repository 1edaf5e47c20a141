/* What happens after the answers: the WAL's pages move into the file. (And the job index grows: jobs.c.) */
#include "store/sqlite/internal.h"

void behind_checkpoint(struct store *store, bool is_idle) {
    if ((!is_idle && store->wal_pages < store->checkpoint_at) || tell_is_broken(store, NULL)) {
        return;
    }
    store->has_idle_work = false;
    store->checkpoint_at = store->wal_pages + STORE_CHECKPOINT_PAGES;
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        struct error error = {0};
        db_error(store->db, code, "move the WAL into the file", &error);
        group_failed_behind(store, &error);
    }
}
