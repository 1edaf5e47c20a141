/* Opening and closing: the lock, the file, the fence, what is kept in memory, the thread. */
#include "base/log.h"
#include "store/sqlite/internal.h"
#include "store/sqlite/lock.h"
#include "store/sqlite/schema.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

static struct store *allocate(struct error *error);
static int find_file(struct store *store, const char *location, struct error *error);
static void configure(void);
static int open_connection(struct store *store, struct error *error);
static int take_over(struct store *store, struct error *error);
static void close_to_others(const struct store *store);
static int load(struct store *store, struct error *error);
static int count_events(struct store *store, struct error *error);
static int start_threads(struct store *store, struct error *error);
static int start_thread(pthread_t *thread, const char *name, void *(*run)(void *), struct store *store,
                        struct error *error);
static void end_thread(struct store *store, bool *is_over, pthread_cond_t *changed, pthread_t thread);
static int on_wal(void *context, sqlite3 *db, const char *name, int pages);
static void mark_clean(struct store *store);
static void release(struct store *store);

struct store *store_open(const char *location, struct error *error) {
    return store_open_for(location, STORE_WINDOW_US, error);
}

struct store *store_open_for(const char *location, int64_t duplicates_us, struct error *error) {
    struct error unasked;
    error = error == NULL ? &unasked : error;
    struct store *store = allocate(error);
    if (store == NULL) {
        return NULL;
    }
    store->window_us = duplicates_us;
    if (find_file(store, location, error) < 0) {
        goto failed;
    }
    store->lock = lock_take(store->path, error);
    if (store->lock < 0 || open_connection(store, error) < 0 ||
        schema_prepare(store->db, store->path, schema_migrations, error) < 0 || load(store, error) < 0 ||
        take_over(store, error) < 0 || mover_open(store, error) < 0 || start_threads(store, error) < 0) {
        goto failed;
    }
    return store;
failed:
    release(store);
    return NULL;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    end_thread(store, &store->is_stopping, &store->wake, store->writer);
    end_thread(store, &store->is_sync_over, &store->has_unsynced, store->syncer);
    end_thread(store, &store->is_move_over, &store->has_move, store->mover);
    if (!store->is_broken) {
        mark_clean(store);
    } else {
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    release(store);
}

uint64_t store_fence(const struct store *store) {
    return store->fence;
}

bool store_was_unclean(const struct store *store, uint64_t *last_seq) {
    *last_seq = store->last_seq_at_open;
    return store->was_unclean;
}

void store_leave_unclean(struct store *store) {
    store->is_left_unclean = true;
}

void store_on_commit(struct store *store, void (*listener)(const struct store_work *first, void *context),
                     void *context) {
    pthread_mutex_lock(&store->mutex);
    store->on_commit = listener;
    store->commit_context = context;
    pthread_mutex_unlock(&store->mutex);
}

void store_on_broken(struct store *store, void (*listener)(const struct error *error, void *context),
                     void *context) {
    pthread_mutex_lock(&store->mutex);
    store->on_broken = listener;
    store->broken_context = context;
    pthread_mutex_unlock(&store->mutex);
}

static struct store *allocate(struct error *error) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        error_memory(error);
        return NULL;
    }
    store->lock = -1;
    store->queue_end = &store->queue;
    store->window_start = 1;
    store->purge_from = 1;
    store->move_pages = STORE_MOVE_PAGES;
    store->wal_pages = STORE_WAL_PAGES;
    behind_start(store);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&store->has_unsynced, NULL);
    pthread_cond_init(&store->has_move, NULL);
    pthread_mutex_init(&store->mutex, NULL);
    if (fingerprints_init(&store->seen) < 0) {
        error_system(error, errno, "store: no random numbers");
        release(store);
        return NULL;
    }
    return store;
}

/* Made here, for its mode; closed again before SQLite opens it, since closing a descriptor drops the process's
 * locks. */
static int find_file(struct store *store, const char *location, struct error *error) {
    static const char scheme[] = "sqlite:";
    bool has_scheme = strncmp(location, scheme, sizeof scheme - 1) == 0;
    const char *path = has_scheme ? location + sizeof scheme - 1 : location;
    if (path[0] == '\0' || (!has_scheme && strstr(path, "://") != NULL)) {
        return error_set(error, ERROR_INVALID, "store: \"%s\" names no store: write sqlite:PATH", location);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_system(error, errno, "store: cannot open %s", path);
    }
    close(fd);
    store->path = realpath(path, NULL);
    return store->path == NULL ? error_system(error, errno, "store: cannot find %s", path) : 0;
}

/* Counting what SQLite allocates takes a lock each time, and nobody asks. Where SQLite runs already, it stays. */
static void configure(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int open_connection(struct store *store, struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    if (gather_init(&store->gather) < 0) {
        return error_memory(error);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(store->path, &store->db, flags, store->gather.name);
    if (code != SQLITE_OK) {
        return db_error(store->db, code, "open the file", error);
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* In place of the automatic checkpoint, which would come before the answers. */
    sqlite3_wal_hook(store->db, on_wal, store);
    return 0;
}

/* The last step of opening that writes: from here on this host is the store's, and its last stop was not clean. */
static int take_over(struct store *store, struct error *error) {
    int64_t fence = 0;
    int64_t is_clean = 0;
    if (db_number(store->db, "SELECT value FROM meta WHERE name = 'fence'", &fence, error) < 0 ||
        db_number(store->db, "SELECT value FROM meta WHERE name = 'clean'", &is_clean, error) < 0) {
        return -1;
    }
    char sql[256];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; UPDATE meta SET value = %" PRId64 " WHERE name = 'fence';"
             "UPDATE meta SET value = 0 WHERE name = 'clean';"
             "UPDATE meta SET value = %" PRIu64 " WHERE name = 'last_seq'; COMMIT",
             fence + 1, store->now.last_seq);
    if (db_execute(store->db, sql, "take the store over", error) < 0) {
        return -1;
    }
    close_to_others(store);
    store->fence = (uint64_t)fence + 1;
    store->was_unclean = is_clean == 0;
    store->last_seq_at_open = store->now.last_seq;
    return 0;
}

/* A copy that was put back may have come with any mode. */
static void close_to_others(const struct store *store) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[PATH_MAX + sizeof "-wal"];
        struct stat status;
        snprintf(path, sizeof path, "%s%s", store->path, ends[i]);
        if (stat(path, &status) == 0 && (status.st_mode & 0077) != 0 && chmod(path, 0600) < 0) {
            log_warn("store", "others may read this file: give it to the host's user alone",
                     LOG_TEXT("file", path), LOG_END);
        }
    }
}

static int load(struct store *store, struct error *error) {
    for (size_t i = 0; i < WRITER_STATEMENTS; i++) {
        if (db_prepare(store->db, &store->statements[i], writer_texts[i], error) < 0) {
            return error_prefix(error, "%s", store->path);
        }
    }
    int64_t newest_us = 0;
    if (count_events(store, error) < 0 ||
        db_number(store->db, "SELECT received FROM envelopes ORDER BY seq DESC LIMIT 1", &newest_us, error) < 0 ||
        append_window_start(store, newest_us - store->window_us, &store->window_start, error) < 0) {
        return -1;
    }
    return append_load_fingerprints(store, error);
}

static int count_events(struct store *store, struct error *error) {
    int64_t events = 0;
    int64_t open = 0;
    int64_t last = 0;
    int64_t last_kept = 0;
    int64_t indexed = 0;
    if (db_number(store->db, "SELECT count(*) FROM events", &events, error) < 0 ||
        db_number(store->db, "SELECT count(*) FROM events WHERE state <= 2", &open, error) < 0 ||
        db_number(store->db, "SELECT max(seq) FROM events", &last, error) < 0 ||
        db_number(store->db, "SELECT value FROM meta WHERE name = 'last_seq'", &last_kept, error) < 0 ||
        db_number(store->db, "SELECT max(last) FROM job_segments", &indexed, error) < 0) {
        return -1;
    }
    store->now.events = (uint64_t)events;
    store->now.open = (uint64_t)open;
    store->now.last_seq = (uint64_t)(last > last_kept ? last : last_kept);
    store->written = store->committed = store->now;
    store->indexed_seq = (uint64_t)indexed;
    store->index_at = store->indexed_seq + STORE_SEGMENT;
    return 0;
}

static int start_threads(struct store *store, struct error *error) {
    if (start_thread(&store->writer, "store", writer_main, store, error) < 0) {
        return -1;
    }
    if (start_thread(&store->syncer, "store-sync", sync_main, store, error) < 0) {
        end_thread(store, &store->is_stopping, &store->wake, store->writer);
        return -1;
    }
    if (start_thread(&store->mover, "store-move", mover_main, store, error) < 0) {
        end_thread(store, &store->is_stopping, &store->wake, store->writer);
        end_thread(store, &store->is_sync_over, &store->has_unsynced, store->syncer);
        return -1;
    }
    return 0;
}

/* Signals are for the main thread. */
static int start_thread(pthread_t *thread, const char *name, void *(*run)(void *), struct store *store,
                        struct error *error) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        return error_system(error, number, "store: cannot start a thread");
    }
    (void)pthread_setname_np(*thread, name);
    return 0;
}

/* It first does what it has. */
static void end_thread(struct store *store, bool *is_over, pthread_cond_t *changed, pthread_t thread) {
    pthread_mutex_lock(&store->mutex);
    *is_over = true;
    pthread_cond_signal(changed);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(thread, NULL);
}

static int on_wal(void *context, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    behind_count(context, pages);
    return SQLITE_OK;
}

static void mark_clean(struct store *store) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; UPDATE meta SET value = CASE name WHEN 'clean' THEN %d ELSE %" PRIu64 " END"
             " WHERE name IN ('clean', 'last_seq') AND"
             " (SELECT value FROM meta WHERE name = 'fence') = %" PRIu64 "; COMMIT",
             store->is_left_unclean ? 0 : 1, store->now.last_seq, store->fence);
    struct error error;
    if (db_execute(store->db, sql, "mark the clean stop", &error) < 0) {
        log_warn("store", "the next start will look for steps that were perhaps sent",
                 LOG_TEXT("reason", error.message), LOG_END);
        return;
    }
    sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void release(struct store *store) {
    for (size_t i = 0; i < WRITER_STATEMENTS; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    /* The last one to be closed moves what is left, unless it was told not to. */
    sqlite3_close(store->mover_db);
    sqlite3_close(store->db);
    gather_reset(&store->gather);
    lock_release(store->lock);
    fingerprints_reset(&store->seen);
    free(store->added.items);
    pthread_cond_destroy(&store->wake);
    pthread_cond_destroy(&store->has_unsynced);
    pthread_cond_destroy(&store->has_move);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}
