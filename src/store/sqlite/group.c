/* Group commit: everything that waits, in one transaction, and what happens when it fails. */
#include "base/fault.h"
#include "store/sqlite/internal.h"
#include <inttypes.h>

static void commit_works(struct store *store, struct store_work *first, bool takes_more);
static int try_group(struct store *store, struct store_work *first, bool takes_more, struct error *error);
static int do_works(struct store *store, struct store_work *first, bool takes_more, struct error *error);
static int begin(struct store *store, struct error *error);
static int check_fence(struct store *store, struct error *error);
static enum work_result do_work(struct store *store, struct store_work *work);
static int commit(struct store *store, const struct store_work *first, struct error *error);
static bool has_replay(const struct store_work *first);
static void roll_back(struct store *store);
static bool is_of_one_work(const struct error *error);
static void fail_group(struct store *store, struct store_work *first, const struct error *error);

void group_commit(struct store *store, struct store_work *first) {
    commit_works(store, first, true);
}

/* A group that fails for what one of its works did (its memory, its size) is done again one by one, so that a work
 * never fails for its neighbour's sake. A full disk fails them all: each would meet it again. */
static void commit_works(struct store *store, struct store_work *first, bool takes_more) {
    struct error error = {0};
    if (tell_is_broken(store, &error)) {
        fail_group(store, first, &error);
        return;
    }
    if (try_group(store, first, takes_more, &error) == 0) {
        sync_group(store, first);
        return;
    }
    roll_back(store);
    if (first->next != NULL && is_of_one_work(&error)) {
        for (struct store_work *work = first, *next; work != NULL; work = next) {
            next = work->next;
            work->next = NULL;
            commit_works(store, work, false);
        }
        return;
    }
    fail_group(store, first, &error);
    if (tell_is_fatal(&error)) {
        tell_broken(store, &error);
    }
}

void group_failed_behind(struct store *store, const struct error *error) {
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    tell_failed_behind(store, error);
}

static int try_group(struct store *store, struct store_work *first, bool takes_more, struct error *error) {
    if (begin(store, error) < 0 || do_works(store, first, takes_more, error) < 0) {
        return -1;
    }
    sync_drain(store);
    return commit(store, first, error);
}

/* To commit is of no use before the commit before it is on the disk: until then what comes is added. */
static int do_works(struct store *store, struct store_work *first, bool takes_more, struct error *error) {
    struct store_work *work = first;
    while (work != NULL) {
        work->error = (struct error){0};
        if (do_work(store, work) == WORK_SPOILED) {
            *error = work->error;
            return -1;
        }
        if (work->next == NULL && takes_more) {
            work->next = writer_take_more(store);
        }
        work = work->next;
    }
    return 0;
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

static int commit(struct store *store, const struct store_work *first, struct error *error) {
    fault_point("store.before-commit");
    if (fault_point("store.commit")) {
        return error_set(error, ERROR_FULL, "store: cannot commit: no space on the disk (a test's fault)");
    }
    if (!has_replay(first)) {
        gather_put_off(&store->gather);
    }
    int result = db_execute(store->db, "COMMIT", "commit", error);
    store->is_sync_owed = gather_settle(&store->gather);
    if (result < 0) {
        return -1;
    }
    fault_point("store.unsynced");
    store->added.count = 0;
    store->written = store->now;
    return 0;
}

/* Readers see a commit before its sync. An event that opens again would be begun by whoever looks for open events,
 * and what it then does could outlive its opening. (A new one is too young for them, see store_each_open.) */
static bool has_replay(const struct store_work *first) {
    while (first != NULL && first->verb != STORE_REPLAY) {
        first = first->next;
    }
    return first != NULL;
}

static void roll_back(struct store *store) {
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    append_take_back(store);
    store->now = store->written;
    store->purge_from = 1;
    store->purged_generation = 0;
}

static bool is_of_one_work(const struct error *error) {
    return error->code == ERROR_MEMORY || error->code == ERROR_LIMIT || error->code == ERROR_INVALID;
}

/* After those before it were told. */
static void fail_group(struct store *store, struct store_work *first, const struct error *error) {
    sync_drain(store);
    tell_failed(first, error);
}
