/* What the tests of the store share: a folder that is removed again, events made from words, works that are waited
 * for.
 *
 * Works here are checked by plain values, so that a forked child may use them too (cmocka's asserts belong to the
 * parent alone). */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "store/store.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIT_HOUR_US (INT64_C(3600) * 1000000)
#define KIT_NOW_US  (INT64_C(1700000000) * 1000000)

struct kit {
    char folder[64];
    char path[128];
};

/* As cmocka's setup and teardown. */
static inline int kit_setup(void **state) {
    struct kit *kit = calloc(1, sizeof *kit);
    if (kit == NULL) {
        return -1;
    }
    snprintf(kit->folder, sizeof kit->folder, "/tmp/switchhook-store-XXXXXX");
    if (mkdtemp(kit->folder) == NULL) {
        free(kit);
        return -1;
    }
    snprintf(kit->path, sizeof kit->path, "%s/test.db", kit->folder);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state) {
    struct kit *kit = *state;
    DIR *folder = opendir(kit->folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(kit->folder);
    free(kit);
    return 0;
}

/* Sixteen bytes that differ where the words do. */
static inline void kit_digest(uint8_t digest[STORE_DIGEST_SIZE], const char *words) {
    uint64_t a = UINT64_C(0xcbf29ce484222325);
    uint64_t b = UINT64_C(0x9e3779b97f4a7c15);
    for (const char *c = words; *c != '\0'; c++) {
        a = (a ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        b = (b + a) * UINT64_C(0xbf58476d1ce4e5b9);
    }
    memcpy(digest, &a, sizeof a);
    memcpy(digest + sizeof a, &b, sizeof b);
}

struct kit_event {
    struct store_event event;
    uint8_t identity[STORE_DIGEST_SIZE];
    uint8_t content[STORE_DIGEST_SIZE];
    char id[64], job[64], raw[256];
};

/* Named `id`, with bytes that hold `words`. */
static inline void kit_event(struct kit_event *made, const char *id, const char *job, const char *words) {
    memset(made, 0, sizeof *made);
    snprintf(made->id, sizeof made->id, "%s", id);
    snprintf(made->job, sizeof made->job, "%s", job);
    snprintf(made->raw, sizeof made->raw, "{\"id\":\"%s\",\"data\":\"%s\"}", id, words);
    kit_digest(made->identity, made->id);
    kit_digest(made->content, made->raw);
    made->event = (struct store_event){
        .identity = made->identity,
        .content = made->content,
        .raw = slice_of(made->raw),
        .id = slice_of(made->id),
        .type = slice_of("Microsoft.Communication.RouterJobQueued"),
        .source = slice_of("/subscriptions/s/resources/acs"),
        .job = slice_of(made->job),
        .lane = 7,
    };
}

struct kit_work {
    struct store_work work;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_done;
};

static inline void kit_done(struct store_work *work) {
    struct kit_work *waiting = (struct kit_work *)(void *)work;
    pthread_mutex_lock(&waiting->mutex);
    waiting->is_done = true;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->mutex);
}

static inline void kit_submit(struct store *store, struct kit_work *waiting, struct store_work work) {
    waiting->work = work;
    waiting->work.done = kit_done;
    waiting->is_done = false;
    pthread_mutex_init(&waiting->mutex, NULL);
    pthread_cond_init(&waiting->changed, NULL);
    store_submit(store, &waiting->work);
}

static inline enum error_code kit_wait(struct kit_work *waiting) {
    pthread_mutex_lock(&waiting->mutex);
    while (!waiting->is_done) {
        pthread_cond_wait(&waiting->changed, &waiting->mutex);
    }
    pthread_mutex_unlock(&waiting->mutex);
    pthread_cond_destroy(&waiting->changed);
    pthread_mutex_destroy(&waiting->mutex);
    return waiting->work.error.code;
}

static inline enum error_code kit_do(struct store *store, struct store_work work) {
    struct kit_work waiting;
    kit_submit(store, &waiting, work);
    return kit_wait(&waiting);
}

static inline enum error_code kit_append_at(struct store *store, struct store_event *events, size_t count,
                                            int64_t received_us) {
    return kit_do(store, (struct store_work){.verb = STORE_APPEND, .append = {events, count, received_us}});
}

static inline enum error_code kit_append(struct store *store, struct store_event *event) {
    return kit_append_at(store, event, 1, KIT_NOW_US);
}

/* `count` events, in deliveries of 64: names e1, e2, ... (from `first`), each in one of ten jobs j0 ... j9. */
static inline enum error_code kit_append_many(struct store *store, uint64_t first, uint64_t count) {
    static struct kit_event made[64];
    struct store_event events[64];
    for (uint64_t at = 0; at < count;) {
        size_t filled = 0;
        for (; filled < 64 && at < count; filled++, at++) {
            char id[32], job[32];
            snprintf(id, sizeof id, "e%llu", (unsigned long long)(first + at));
            snprintf(job, sizeof job, "j%llu", (unsigned long long)((first + at) % 10));
            kit_event(&made[filled], id, job, "x");
            events[filled] = made[filled].event;
        }
        enum error_code code = kit_append_at(store, events, filled, KIT_NOW_US);
        if (code != ERROR_NONE) {
            return code;
        }
    }
    return ERROR_NONE;
}

static inline enum error_code kit_set_state(struct store *store, uint64_t seq, int event_state) {
    return kit_do(store, (struct store_work){
                             .verb = STORE_CHANGE,
                             .change = {.fence = store_fence(store), .seq = seq, .event_state = event_state},
                         });
}

/* A work whose `done` holds the store's thread until the test lets it go: what is submitted meanwhile is one
 * group. */
struct gate {
    struct store_work work;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_reached, is_open;
};

static inline void gate_hold(struct store_work *work) {
    struct gate *gate = (struct gate *)(void *)work;
    pthread_mutex_lock(&gate->mutex);
    gate->is_reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_close(struct gate *gate, struct store *store) {
    *gate = (struct gate){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    gate->work = (struct store_work){.verb = STORE_APPEND, .done = gate_hold};
    store_submit(store, &gate->work);
    pthread_mutex_lock(&gate->mutex);
    while (!gate->is_reached) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_open(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

/* What a search found, newest first. */
struct kit_found {
    uint64_t seqs[16];
    size_t count;
    size_t most; /* stops after so many; 0: never */
};

static inline int kit_found(void *context, const struct store_record *record) {
    struct kit_found *found = context;
    if (found->count < sizeof found->seqs / sizeof found->seqs[0]) {
        found->seqs[found->count] = record->seq;
    }
    found->count++;
    return found->count == found->most ? -1 : 0;
}

#endif
