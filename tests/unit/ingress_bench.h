/* An ingress on a free port over a real store in a folder of its own, for the tests of deliveries. */
#ifndef TESTS_INGRESS_BENCH_H
#define TESTS_INGRESS_BENCH_H

#include "crypto/crypto.h"
#include "ingress/ingress.h"
#include "raw.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

enum { BENCH_BODY_LIMIT = 64 * 1024 };

struct bench {
    char folder[64];
    struct store *store;
    struct verify *verify;
    struct ingress *ingress;
    uint16_t port;
    atomic_bool is_full;
    pthread_mutex_t lock;
    struct ingress_outcome last;
    size_t outcomes;
};

static inline bool bench_may_accept(void *context) {
    const struct bench *bench = context;
    return !atomic_load(&bench->is_full);
}

static inline void bench_on_outcome(const struct ingress_outcome *outcome, void *context) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->lock);
    bench->last = *outcome;
    bench->outcomes++;
    pthread_mutex_unlock(&bench->lock);
}

static inline void bench_check(const void *pointer, const struct error *error) {
    if (pointer == NULL) {
        fprintf(stderr, "%s\n", error->message);
        abort();
    }
}

static inline void bench_start(struct bench *bench, struct verify_options options) {
    memset(bench, 0, sizeof *bench);
    pthread_mutex_init(&bench->lock, NULL);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/switchhook-ingress-XXXXXX");
    struct error error = {0};
    char location[128];
    if (crypto_start(&error) < 0 || mkdtemp(bench->folder) == NULL) {
        abort();
    }
    snprintf(location, sizeof location, "sqlite:%s/switchhook.db", bench->folder);
    bench->store = store_open(location, &error);
    bench_check(bench->store, &error);
    bench->verify = verify_new(&options, &error);
    bench_check(bench->verify, &error);
    bench->ingress = ingress_start(&(struct ingress_options){.address = "127.0.0.1:0",
                                                             .path = "/events",
                                                             .body_limit = BENCH_BODY_LIMIT,
                                                             .verify = bench->verify,
                                                             .store = bench->store,
                                                             .may_accept = bench_may_accept,
                                                             .on_outcome = bench_on_outcome,
                                                             .context = bench},
                                   &error);
    bench_check(bench->ingress, &error);
    bench->port = ingress_port(bench->ingress);
}

static inline void bench_remove_folder(const char *folder) {
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    rmdir(folder);
}

static inline void bench_stop(struct bench *bench) {
    ingress_stop(bench->ingress);
    store_close(bench->store);
    verify_free(bench->verify);
    bench_remove_folder(bench->folder);
    pthread_mutex_destroy(&bench->lock);
}

/* A whole request; `headers` are lines that end with \r\n, or "". */
static inline void bench_request(struct buffer *request, const char *target, const char *headers,
                                 struct slice body) {
    buffer_append_format(request, "POST %s HTTP/1.1\r\nHost: test\r\n%sContent-Length: %zu\r\n\r\n", target,
                         headers, body.length);
    buffer_append_slice(request, body);
}

static inline int bench_post_slice(struct bench *bench, const char *target, const char *headers, struct slice body,
                                   struct raw_answer *answer) {
    struct buffer request;
    buffer_init(&request, RAW_LIMIT);
    bench_request(&request, target, headers, body);
    struct raw raw;
    raw_open(&raw, bench->port);
    raw_send_bytes(&raw, request.bytes, request.length);
    raw_read(&raw, answer);
    raw_close(&raw);
    buffer_reset(&request);
    return answer->status;
}

static inline int bench_post(struct bench *bench, const char *headers, const char *body,
                             struct raw_answer *answer) {
    return bench_post_slice(bench, "/events", headers, slice_of(body), answer);
}

/* Events kept, in state `state` (-1: any). */
static inline int bench_visit(void *context, const struct store_record *record) {
    (void)record;
    size_t *count = context;
    (*count)++;
    return 0;
}

static inline size_t bench_count(struct bench *bench, int state) {
    struct error error = {0};
    struct store_reader *reader = store_reader_new(bench->store, &error);
    bench_check(reader, &error);
    size_t count = 0;
    const struct store_query query = {.state = state, .limit = 1000};
    if (store_each_event(reader, &query, bench_visit, &count, &error) < 0) {
        bench_check(NULL, &error);
    }
    store_reader_free(reader);
    return count;
}

#endif
