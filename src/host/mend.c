/* Mend, save, and what failed goes through: when a generation is live, parked runs that a bug in their script
 * failed, and whose script is another one by now, are queued again, once per change of the script. */
#include "base/clock.h"
#include "base/log.h"
#include "host/conductor.h"
#include <stdlib.h>
#include <string.h>

enum { LOOK_AT_ONCE = 200, LOOK_PAUSE_MS = 5 };

/* One run that goes through again. */
struct mending {
    struct store_work work;
    struct loop_task stored;
    struct host *host;
    char *handler;
};

struct look {
    struct host *host;
    uint64_t seqs[LOOK_AT_ONCE];
    size_t count;
};

static void on_look(struct loop_timer *timer);
static int take_seq(void *context, const struct store_record *record);
static int look_at_run(void *context, const struct store_run *run);
static void mend(struct host *host, uint64_t run, const char *handler);
static void on_done(struct store_work *work);
static void on_stored(struct loop_task *task);
static void free_mending(struct mending *mending);

void mend_start(struct host *host) {
    host->mend_before = 0;
    loop_timer_set(host->loop, &host->mend_timer, clock_monotonic_ns(), on_look);
}

void mend_look(struct host *host, uint64_t seq) {
    if (host->live != NULL && !atomic_load(&host->is_stopping)) {
        store_each_run(host->reader, seq, look_at_run, host, NULL);
    }
}

bool mend_drop(struct loop_task *task) {
    if (task->run != on_stored) {
        return false;
    }
    free_mending(CONTAINER_OF(task, struct mending, stored));
    return true;
}

/* Newest first, some at a time. */
static void on_look(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, mend_timer);
    struct error error = {0};
    struct look look = {.host = host};
    struct store_query query = {.state = STORE_PARKED, .before = host->mend_before, .limit = LOOK_AT_ONCE};
    if (host->live == NULL || atomic_load(&host->is_stopping)) {
        return;
    }
    if (store_each_event(host->reader, &query, take_seq, &look, &error) < 0) {
        log_error("host", "cannot look at parked runs", LOG_TEXT("reason", error.message), LOG_END);
        return;
    }
    for (size_t i = 0; i < look.count; i++) {
        store_each_run(host->reader, look.seqs[i], look_at_run, host, NULL);
    }
    if (look.count == LOOK_AT_ONCE) {
        host->mend_before = look.seqs[look.count - 1];
        loop_timer_set(host->loop, timer, clock_monotonic_ns() + LOOK_PAUSE_MS * CLOCK_NS_PER_MS, on_look);
    }
}

static int take_seq(void *context, const struct store_record *record) {
    struct look *look = context;
    look->seqs[look->count++] = record->seq;
    return 0;
}

static int look_at_run(void *context, const struct store_run *run) {
    struct host *host = context;
    const struct handler *handler = generation_handler(host->live, run->handler);
    bool is_bug = run->state == STORE_PARKED && slice_is(run->result, "error");
    if (is_bug && handler != NULL && run->script != NULL &&
        memcmp(run->script, handler->script, CRYPTO_DIGEST_SIZE) != 0 &&
        map_get(&host->runs, store_run_id(store_run_seq(run->id), 0)) == NULL) {
        mend(host, run->id, handler->path);
    }
    return 0;
}

static void mend(struct host *host, uint64_t run, const char *handler) {
    struct mending *mending = calloc(1, sizeof *mending);
    char *copy = strdup(handler);
    if (mending == NULL || copy == NULL) {
        free(mending);
        free(copy);
        return; /* the next generation brings another look */
    }
    mending->host = host;
    mending->handler = copy;
    mending->work = (struct store_work){.verb = STORE_REPLAY, .done = on_done};
    mending->work.replay.fence = store_fence(host->store);
    mending->work.replay.seq = store_run_seq(run);
    mending->work.replay.handler = mending->handler;
    store_submit(host->store, &mending->work);
}

/* On a thread of the store. */
static void on_done(struct store_work *work) {
    struct mending *mending = CONTAINER_OF(work, struct mending, work);
    loop_post(mending->host->loop, &mending->stored, on_stored);
}

static void on_stored(struct loop_task *task) {
    struct mending *mending = CONTAINER_OF(task, struct mending, stored);
    const struct store_work *work = &mending->work;
    if (work->error.code == ERROR_NONE && work->replay.run_count > 0) {
        log_info("run", "its script was mended: it is tried again", LOG_NUMBER("event", work->replay.seq),
                 LOG_TEXT("script", mending->handler), LOG_END);
        intake_again(mending->host, work->replay.seq, work->replay.lane);
    }
    free_mending(mending);
}

static void free_mending(struct mending *mending) {
    free(mending->handler);
    free(mending);
}
