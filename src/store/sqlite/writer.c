/* The thread that owns the writing connection: takes what waits, commits it, has it synced, and only then tidies
 * up. */
#include "base/clock.h"
#include "store/sqlite/internal.h"
#include <errno.h>
#include <time.h>

static bool is_worth_waking(const struct store *store, size_t more, bool is_waited_for);
static struct store_work *take_group(struct store *store);
static void wait_for_work(struct store *store);
static void wait_for_company(struct store *store);
static struct timespec in_ns(int64_t ns);
static struct store_work *cut_group(struct store *store);
static size_t weight(const struct store_work *work);

void *writer_main(void *context) {
    struct store *store = context;
    struct store_work *group;
    while ((group = take_group(store)) != NULL) {
        group_commit(store, group);
        behind_group(store);
        jobs_behind(store);
    }
    return NULL;
}

void store_submit(struct store *store, struct store_work *work) {
    work->next = NULL;
    store_submit_all(store, work);
}

void store_submit_all(struct store *store, struct store_work *first) {
    struct store_work *last = first;
    bool is_waited_for = !first->is_patient;
    size_t count = 1;
    while (last->next != NULL) {
        last = last->next;
        count++;
        is_waited_for = is_waited_for || !last->is_patient;
    }
    pthread_mutex_lock(&store->mutex);
    bool is_news = is_worth_waking(store, count, is_waited_for);
    *store->queue_end = first;
    store->queue_end = &last->next;
    store->queue_length += count;
    store->is_waited_for = store->is_waited_for || is_waited_for;
    pthread_mutex_unlock(&store->mutex);
    /* Not before: the thread would wake up only to wait for the mutex. */
    if (is_news) {
        pthread_cond_signal(&store->wake);
    }
}

/* What is already awake, or will be by itself, is not woken: that takes longer than all else here. */
static bool is_worth_waking(const struct store *store, size_t more, bool is_waited_for) {
    if (store->is_gathering) {
        return store->queue_length < STORE_MORE_WORKS && store->queue_length + more >= STORE_MORE_WORKS;
    }
    return store->queue == NULL || (is_waited_for && !store->is_waited_for);
}

struct store_work *writer_take_more(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    store->is_gathering = true;
    while (store->queue_length < STORE_MORE_WORKS && store->unsynced != NULL) {
        pthread_cond_wait(&store->wake, &store->mutex);
    }
    store->is_gathering = false;
    struct store_work *more = cut_group(store);
    pthread_mutex_unlock(&store->mutex);
    return more;
}

/* NULL: the store is closing and nothing waits. */
static struct store_work *take_group(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    while (store->queue == NULL && !store->is_stopping) {
        wait_for_work(store);
    }
    wait_for_company(store);
    store->group_works = 0;
    store->group_bytes = 0;
    struct store_work *group = cut_group(store);
    pthread_mutex_unlock(&store->mutex);
    return group;
}

/* At rest nothing wakes the thread: a time-out is set only once after work, to move the WAL's pages. */
static void wait_for_work(struct store *store) {
    if (!store->behind.has_idle_work) {
        pthread_cond_wait(&store->wake, &store->mutex);
        return;
    }
    struct timespec until = in_ns(STORE_IDLE_SECONDS * CLOCK_NS_PER_S);
    int result = 0;
    while (result == 0 && store->queue == NULL && !store->is_stopping) {
        result = pthread_cond_timedwait(&store->wake, &store->mutex, &until);
    }
    if (result == ETIMEDOUT && store->queue == NULL && !store->is_stopping) {
        pthread_mutex_unlock(&store->mutex);
        behind_idle(store);
        pthread_mutex_lock(&store->mutex);
    }
}

/* A commit costs its sync, whatever is in it: what nobody waits for shares that of the next delivery or step. */
static void wait_for_company(struct store *store) {
    struct timespec until = in_ns(STORE_PATIENCE_MS * CLOCK_NS_PER_MS);
    int result = 0;
    while (result == 0 && !store->is_waited_for && !store->is_stopping) {
        result = pthread_cond_timedwait(&store->wake, &store->mutex, &until);
    }
}

/* That far from now, on the clock of `wake`. */
static struct timespec in_ns(int64_t ns) {
    int64_t at = clock_monotonic_ns() + ns;
    return (struct timespec){.tv_sec = at / CLOCK_NS_PER_S, .tv_nsec = at % CLOCK_NS_PER_S};
}

/* As much of the queue as the group still takes; the first work of a group always. */
static struct store_work *cut_group(struct store *store) {
    struct store_work *first = store->queue;
    struct store_work *last = NULL;
    for (struct store_work *work = first; work != NULL; work = work->next) {
        size_t bytes = weight(work);
        bool is_full = store->group_works == STORE_GROUP_WORKS || store->group_bytes + bytes > STORE_GROUP_BYTES;
        if (store->group_works > 0 && is_full) {
            break;
        }
        store->group_works++;
        store->group_bytes += bytes;
        store->queue_length--;
        last = work;
    }
    if (last == NULL) {
        return NULL;
    }
    store->queue = last->next;
    if (store->queue == NULL) {
        store->queue_end = &store->queue;
    }
    store->is_waited_for = store->queue != NULL;
    last->next = NULL;
    return first;
}

static size_t weight(const struct store_work *work) {
    size_t bytes = 0;
    if (work->verb == STORE_APPEND) {
        for (size_t i = 0; i < work->append.count; i++) {
            bytes += work->append.events[i].raw.length;
        }
    } else if (work->verb == STORE_CHANGE && work->change.step != NULL) {
        bytes = work->change.step->answer.length + work->change.step->arguments.length;
    } else if (work->verb == STORE_GENERATION) {
        for (size_t i = 0; i < work->generation.file_count; i++) {
            bytes += work->generation.files[i].bytes.length;
        }
    }
    return bytes;
}
