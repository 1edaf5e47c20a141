/* The thread that moves the WAL's pages into the file while the writing thread goes on with commits.
 *
 * SQLite up to 3.51.2 can damage a file when two connections move pages and write (its "WAL-reset bug",
 * https://www.sqlite.org/wal.html#walresetbug): one begins to move when all pages are moved already, and meanwhile
 * the other makes the WAL begin anew. This cannot happen here, since
 *
 * - no two connections move pages at the same time: the writing thread moves some only while the mover rests,
 * - the mover begins only while there are pages that are not in the file. A WAL begins anew only when all are,
 *   which is so at the earliest when the mover has done the last thing that it does to the WAL's index.
 *
 * Moving while commits go on never brings all pages into the file, so SQLite does not sync the file; that is done
 * here, to leave less of it to whoever moves the rest. */
#include "store/sqlite/internal.h"

static int move(struct store *store);
static int sync_file(struct store *store);

int mover_open(struct store *store, struct error *error) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(store->path, &store->mover_db, flags, NULL);
    if (code != SQLITE_OK) {
        return db_error(store->mover_db, code, "open the file again", error);
    }
    sqlite3_extended_result_codes(store->mover_db, 1);
    /* A connection knows of the WAL from its first read on. */
    return db_execute(store->mover_db, "PRAGMA synchronous=FULL; PRAGMA cache_size=0; SELECT 1 FROM meta",
                      "prepare to move the WAL", error);
}

void *mover_main(void *context) {
    struct store *store = context;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (!store->is_moving && !store->is_move_over) {
            pthread_cond_wait(&store->has_move, &store->mutex);
        }
        if (!store->is_moving) {
            break;
        }
        pthread_mutex_unlock(&store->mutex);
        int moved = move(store);
        pthread_mutex_lock(&store->mutex);
        store->moved = moved;
        store->is_moving = false;
        pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

void mover_start(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    store->is_moving = true;
    pthread_mutex_unlock(&store->mutex);
    pthread_cond_signal(&store->has_move);
}

bool mover_rests(struct store *store, bool waits, int *moved) {
    pthread_mutex_lock(&store->mutex);
    while (waits && store->is_moving) {
        pthread_cond_wait(&store->wake, &store->mutex);
    }
    bool rests = !store->is_moving;
    *moved = store->moved;
    pthread_mutex_unlock(&store->mutex);
    return rests;
}

/* How many of the WAL's pages are in the file then. */
static int move(struct store *store) {
    if (tell_is_broken(store, NULL)) {
        return 0;
    }
    int all = 0;
    int moved = 0;
    int code = sqlite3_wal_checkpoint_v2(store->mover_db, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &moved);
    if (code == SQLITE_OK) {
        code = sync_file(store);
    }
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        struct error error = {0};
        db_error(store->mover_db, code, "move the WAL into the file", &error);
        tell_failed_behind(store, &error);
    }
    return moved;
}

static int sync_file(struct store *store) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(store->mover_db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return code == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
}
