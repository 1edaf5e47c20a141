/* What became of works is told to their owners, and that the store is broken to whoever listens. */
#include "base/log.h"
#include "store/sqlite/internal.h"

/* A work belongs to its owner again as soon as `done` is called: the next one is read before. Deliveries come
 * last: to answer each takes time, in which whoever waits for the others would wake for them one by one. */
void tell_done(struct store *store, struct store_work *first) {
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

void tell_failed(struct store_work *first, const struct error *error) {
    for (struct store_work *work = first, *next; work != NULL; work = next) {
        next = work->next;
        work->error = *error;
        work->done(work);
    }
}

void tell_failed_behind(struct store *store, const struct error *error) {
    if (tell_is_fatal(error)) {
        tell_broken(store, error);
    } else {
        log_warn("store", "work behind the answers is put off", LOG_TEXT("reason", error->message), LOG_END);
    }
}

bool tell_is_fatal(const struct error *error) {
    return db_is_broken_by(error) || error->code == ERROR_CLOSED;
}

bool tell_is_broken(struct store *store, struct error *error) {
    pthread_mutex_lock(&store->mutex);
    bool is_broken = store->is_broken;
    if (is_broken && error != NULL) {
        error_set(error, ERROR_CLOSED, "the store stopped writing: %s", store->broken.message);
    }
    pthread_mutex_unlock(&store->mutex);
    return is_broken;
}

void tell_broken(struct store *store, const struct error *error) {
    pthread_mutex_lock(&store->mutex);
    bool is_news = !store->is_broken;
    if (is_news) {
        store->is_broken = true;
        store->broken = *error;
    }
    void (*listener)(const struct error *, void *) = store->on_broken;
    void *context = store->broken_context;
    pthread_mutex_unlock(&store->mutex);
    if (!is_news) {
        return;
    }
    log_error("store", "the store is broken and takes nothing any more", LOG_TEXT("reason", error->message),
              LOG_END);
    if (listener != NULL) {
        listener(error, context);
    }
}
