/* The thread that syncs: while it brings one commit to the disk and answers for it, the writing thread prepares
 * the next. */
#include "base/fault.h"
#include "store/sqlite/internal.h"

static void finish(struct store *store, struct store_work *first, const struct store_totals *totals, bool is_owed);
static int sync_now(struct store *store, struct error *error);

void sync_group(struct store *store, struct store_work *first) {
    if (store->group_works < STORE_SYNC_WORKS) {
        finish(store, first, &store->written, store->is_sync_owed);
        return;
    }
    pthread_mutex_lock(&store->mutex);
    store->unsynced = first;
    store->unsynced_totals = store->written;
    pthread_mutex_unlock(&store->mutex);
    pthread_cond_signal(&store->has_unsynced);
}

void sync_drain(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    while (store->unsynced != NULL) {
        pthread_cond_wait(&store->wake, &store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
}

void *sync_main(void *context) {
    struct store *store = context;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (store->unsynced == NULL && !store->is_sync_over) {
            pthread_cond_wait(&store->has_unsynced, &store->mutex);
        }
        if (store->unsynced == NULL) {
            break;
        }
        pthread_mutex_unlock(&store->mutex);
        finish(store, store->unsynced, &store->unsynced_totals, true);
        pthread_mutex_lock(&store->mutex);
        store->unsynced = NULL;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* On either thread, but never on both: the writing one is here only while the other has nothing. */
static void finish(struct store *store, struct store_work *first, const struct store_totals *totals,
                   bool is_owed) {
    struct error error = {0};
    if (is_owed && sync_now(store, &error) < 0) {
        tell_failed(first, &error);
        if (error.code != ERROR_CLOSED) {
            tell_broken(store, &error);
        }
        return;
    }
    fault_point("store.after-commit");
    pthread_mutex_lock(&store->mutex);
    store->committed = *totals;
    pthread_mutex_unlock(&store->mutex);
    tell_done(store, first);
}

static int sync_now(struct store *store, struct error *error) {
    if (tell_is_broken(store, error)) {
        return -1;
    }
    if (fault_point("store.sync")) {
        return error_set(error, ERROR_SYSTEM, "store: cannot commit: the sync failed (a test's fault)");
    }
    int number;
    int code = gather_sync(&store->gather, &number);
    if (code == SQLITE_OK) {
        return 0;
    }
    if (number == 0) {
        return error_set(error, ERROR_SYSTEM, "store: cannot commit: the sync failed (%d)", code);
    }
    /* error_system reads ENOSPC as a full disk; a sync that failed of it is worse. */
    error_system(error, number, "store: cannot commit: the sync failed (%d)", code);
    error->code = ERROR_SYSTEM;
    return -1;
}
