/* Which events are begun, for those who ask from other threads. */
#include "host/conductor.h"

struct listing {
    uint64_t *seqs;
    size_t most, count;
};

static void take_seq(uint64_t key, void *value, void *context);

void begun_init(struct begun *begun) {
    pthread_mutex_init(&begun->lock, NULL);
    map_init(&begun->works);
}

void begun_reset(struct begun *begun) {
    map_reset(&begun->works);
    pthread_mutex_destroy(&begun->lock);
}

/* Without memory it goes on being shown as queued. */
void begun_add(struct begun *begun, struct work *work) {
    pthread_mutex_lock(&begun->lock);
    (void)map_put(&begun->works, work->seq, work);
    pthread_mutex_unlock(&begun->lock);
}

void begun_remove(struct begun *begun, uint64_t seq) {
    pthread_mutex_lock(&begun->lock);
    (void)map_remove(&begun->works, seq);
    pthread_mutex_unlock(&begun->lock);
}

bool host_is_running(struct host *host, uint64_t seq) {
    pthread_mutex_lock(&host->begun.lock);
    bool is_running = map_get(&host->begun.works, seq) != NULL;
    pthread_mutex_unlock(&host->begun.lock);
    return is_running;
}

size_t host_running(struct host *host, uint64_t *seqs, size_t most) {
    struct listing listing = {seqs, most, 0};
    pthread_mutex_lock(&host->begun.lock);
    map_each(&host->begun.works, take_seq, &listing);
    pthread_mutex_unlock(&host->begun.lock);
    return listing.count;
}

static void take_seq(uint64_t key, void *value, void *context) {
    (void)value;
    struct listing *listing = context;
    if (listing->count < listing->most) {
        listing->seqs[listing->count++] = key;
    }
}
