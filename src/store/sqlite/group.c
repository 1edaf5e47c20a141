/* Group commit: everything that waits, in one transaction, and what happens when it fails. */
#include "base/fault.h"
#include "base/log.h"
#include "store/sqlite/internal.h"
#include <inttypes.h>

static int try_group(struct store *store, struct store_work *first, struct error *error);
static int begin(struct store *store, struct error *error);
static int check_fence(struct store *store, struct error *error);
static enum work_result do_work(struct store *store, struct store_work *work);
static int commit(struct store *store, struct error *error);
static void roll_back(struct store *store);
static bool is_of_one_work(const struct error *error);
static bool is_fatal(const struct error *error);
static void break_store(struct store *store, const struct error *error);
static void announce(struct store *store, struct store_work *first);
static void fail_all(struct store_work *first, const struct error *error);

/* A group that fails for what one of its works did (its memory, its size) is done again one by one, so that a work
 * never fails for its neighbour's sake. A full disk fails them all: each would meet it again. */
void group_commit(struct store *store, struct store_work *first) {
    struct error error = {0};
    if (store->is_broken) {
        error_set(&error, ERROR_CLOSED, "the store stopped writing: %s", store->broken.message);
        fail_all(first, &error);
        return;
    }
    if (try_group(store, first, &error) == 0) {
        announce(store, first);
        return;
    }
    roll_back(store);
    if (first->next != NULL && is_of_one_work(&error)) {
        for (struct store_work *work = first, *next; work != NULL; work = next) {
            next = work->next;
            work->next = NULL;
            group_commit(store, work);
        }
        return;
    }
    fail_all(first, &error);
    if (is_fatal(&error)) {
        break_store(store, &error);
    }
}

void group_failed_behind(struct store *store, const struct error *error) {
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (is_fatal(error)) {
        break_store(store, error);
    } else {
        log_warn("store", "work behind the answers is put off", LOG_TEXT("reason", error->message), LOG_END);
    }
}

static int try_group(struct store *store, struct store_work *first, struct error *error) {
    if (begin(store, error) < 0) {
        return -1;
    }
    for (struct store_work *work = first; work != NULL; work = work->next) {
        work->error = (struct error){0};
        if (do_work(store, work) == WORK_SPOILED) {
            *error = work->error;
            return -1;
        }
    }
    return commit(store, error);
}

static int begin(struct store *store, struct error *error) {
    if (db_execute(store->db, "BEGIN IMMEDIATE", "begin a commit", error) < 0) {
        return -1;
    }
    return check_fence(store, error);
}

/* The lock keeps other hosts away; should somebody delete its file, the number in the store still tells. */
static int check_fence(struct store *store, struct error *error) {
    sqlite3_stmt *statement = store->statements[READ_FENCE];
    int step = db_step(store->db, statement, "read the fence", error);
    if (step < 0) {
        return -1;
    }
    uint64_t fence = step > 0 ? db_bits(statement, 0) : 0;
    sqlite3_reset(statement);
    if (fence == store->fence) {
        return 0;
    }
    return error_set(error, ERROR_CLOSED,
                     "store: fenced: another host opened %s (number %" PRIu64 ", this one has %" PRIu64 ")",
                     store->path, fence, store->fence);
}

static enum work_result do_work(struct store *store, struct store_work *work) {
    switch (work->verb) {
    case STORE_APPEND: return append_work(store, work);
    case STORE_CHANGE: return change_work(store, work);
    case STORE_GENERATION: return generation_work(store, work);
    case STORE_REPLAY: return replay_work(store, work);
    case STORE_PURGE: return purge_work(store, work);
    }
    error_set(&work->error, ERROR_INVALID, "store: %d is no verb", (int)work->verb);
    return WORK_REFUSED;
}

static int commit(struct store *store, struct error *error) {
    fault_point("store.before-commit");
    if (fault_point("store.commit")) {
        return error_set(error, ERROR_FULL, "store: cannot commit: no space on the disk (a test's fault)");
    }
    if (fault_point("store.sync")) {
        return error_set(error, ERROR_SYSTEM, "store: cannot commit: the sync failed (a test's fault)");
    }
    if (db_execute(store->db, "COMMIT", "commit", error) < 0) {
        return -1;
    }
    fault_point("store.after-commit");
    store->added.count = 0;
    pthread_mutex_lock(&store->mutex);
    store->committed = store->now;
    pthread_mutex_unlock(&store->mutex);
    return 0;
}

static void roll_back(struct store *store) {
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    append_take_back(store);
    store->now = store->committed;
    store->purge_from = 1;
    store->purged_generation = 0;
}

static bool is_of_one_work(const struct error *error) {
    return error->code == ERROR_MEMORY || error->code == ERROR_LIMIT || error->code == ERROR_INVALID;
}

static bool is_fatal(const struct error *error) {
    return db_is_broken_by(error) || error->code == ERROR_CLOSED;
}

/* What a failed sync left on the disk is unknown, so nothing may be written after it, not even by the checkpoint
 * that closing makes. */
static void break_store(struct store *store, const struct error *error) {
    store->is_broken = true;
    store->broken = *error;
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    log_error("store", "the store is broken and takes nothing any more", LOG_TEXT("reason", error->message),
              LOG_END);
    pthread_mutex_lock(&store->mutex);
    void (*listener)(const struct error *, void *) = store->on_broken;
    void *context = store->broken_context;
    pthread_mutex_unlock(&store->mutex);
    if (listener != NULL) {
        listener(&store->broken, context);
    }
}

/* A work belongs to its owner again as soon as `done` is called: the next one is read before. Deliveries come
 * last: to answer each takes time, in which whoever waits for the others would wake for them one by one. */
static void announce(struct store *store, struct store_work *first) {
    pthread_mutex_lock(&store->mutex);
    void (*listener)(const struct store_work *, void *) = store->on_commit;
    void *context = store->commit_context;
    pthread_mutex_unlock(&store->mutex);
    if (listener != NULL) {
        listener(first, context);
    }
    struct store_work *deliveries = NULL;
    struct store_work **end = &deliveries;
    for (struct store_work *work = first, *next; work != NULL; work = next) {
        next = work->next;
        if (work->verb == STORE_APPEND) {
            *end = work;
            end = &work->next;
        } else {
            work->done(work);
        }
    }
    *end = NULL;
    for (struct store_work *work = deliveries, *next; work != NULL; work = next) {
        next = work->next;
        work->done(work);
    }
}

static void fail_all(struct store_work *first, const struct error *error) {
    for (struct store_work *work = first, *next; work != NULL; work = next) {
        next = work->next;
        work->error = *error;
        work->done(work);
    }
}
