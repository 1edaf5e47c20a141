/* The host, from one crash to the next: a new struct host each time, on the store that the last one left. */
#include "base/clock.h"
#include "base/list.h"
#include "ingress/ingress.h"
#include "torture/private.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { LOOK_MS = 20, HANGS_S = 60 };

struct appending {
    struct store_work work;
    sem_t done;
};

struct asking {
    struct host_question question;
    sem_t answered;
};

static void *run(void *context);
static void on_stored(struct store_work *work);
static void on_answered(struct host_question *question);
static void ask(struct host *host, struct host_status *status);
static int check_alive(struct torture *torture, int64_t since_ns, struct error *error);
static bool is_quiet(const struct host_status *status);
static void wait_for(sem_t *semaphore);

int engine_start(struct torture *torture, struct error *error) {
    struct engine *engine = &torture->engine;
    engine->store = store_open(torture->options.location, error);
    if (engine->store == NULL) {
        return -1;
    }
    engine->reader = store_reader_new(engine->store, error);
    engine->host = engine->reader == NULL ? NULL
                                          : host_new(&(struct host_options){.config = &torture->config,
                                                                            .store = engine->store,
                                                                            .worker = torture->options.worker,
                                                                            .plugins = torture->options.plugins,
                                                                            .note = torture_note,
                                                                            .answer = torture_answer,
                                                                            .context = torture},
                                                     error);
    atomic_store(&engine->is_crashed, false);
    atomic_store(&engine->has_ended, false);
    atomic_store(&engine->is_live, false);
    atomic_store(&engine->is_refused, false);
    torture->crashes_when_noted = false;
    if (engine->host == NULL) {
        engine_stop(torture);
        return -1;
    }
    sem_init(&engine->changed, 0, 0);
    int failed = pthread_create(&engine->thread, NULL, run, torture);
    engine->is_running = failed == 0;
    if (failed != 0) {
        error_system(error, failed, "cannot start a thread for the host");
        engine_stop(torture);
        return -1;
    }
    return 0;
}

/* The store goes first: it may still hold changes of the host's. */
void engine_stop(struct torture *torture) {
    struct engine *engine = &torture->engine;
    if (engine->is_running) {
        host_stop(engine->host);
        pthread_join(engine->thread, NULL);
        sem_destroy(&engine->changed);
        engine->is_running = false;
    }
    store_reader_free(engine->reader);
    if (engine->store != NULL) {
        store_close(engine->store);
    }
    host_free(engine->host);
    engine->reader = NULL;
    engine->store = NULL;
    engine->host = NULL;
}

int engine_deliver(struct torture *torture, const struct letter *letter, struct error *error) {
    struct envelope envelope;
    struct json_error where;
    envelope_init(&envelope);
    if (envelope_read(&envelope, letter->event->json, letter->event->length, &where) < 0 || envelope.count != 1) {
        envelope_reset(&envelope);
        return error_set(error, ERROR_INVALID, "the local Job Router made an event that cannot be read");
    }
    struct store_event event = ingress_store_event(&envelope.events[0]);
    struct appending appending = {
        .work = {.verb = STORE_APPEND,
                 .append = {.events = &event, .count = 1, .received_us = clock_wall_us()},
                 .done = on_stored},
    };
    sem_init(&appending.done, 0, 0);
    store_submit(torture->engine.store, &appending.work);
    wait_for(&appending.done);
    sem_destroy(&appending.done);
    envelope_reset(&envelope);
    if (appending.work.error.code != ERROR_NONE) {
        return error_set(error, appending.work.error.code, "%s", appending.work.error.message);
    }
    torture->totals.deliveries++;
    torture->totals.duplicates += letter->is_copy;
    if (event.is_duplicate != letter->is_copy) {
        ledger_find_host(torture, letter->is_copy ? "an event that was delivered twice was not known again"
                                                  : "a new event was taken for a duplicate");
    }
    return 0;
}

int engine_settle(struct torture *torture, struct error *error) {
    struct engine *engine = &torture->engine;
    int64_t since_ns = clock_monotonic_ns();
    for (;;) {
        if (atomic_load(&engine->has_ended)) {
            bool is_crashed = atomic_load(&engine->is_crashed);
            engine_stop(torture);
            if (!is_crashed) {
                return error_set(error, ERROR_CLOSED, "%s",
                                 engine->has_failed ? engine->error.message : "stopped by a signal");
            }
            if (engine_start(torture, error) < 0) {
                return -1;
            }
            since_ns = clock_monotonic_ns();
            continue;
        }
        struct host_status status;
        int64_t due_us = 0;
        if (store_next_timer(engine->reader, &due_us, error) <
            0) { /* before asking: what is raised is seen then */
            return -1;
        }
        bool is_due = due_us != 0 && due_us <= clock_wall_us();
        ask(engine->host, &status);
        if (!is_due && is_quiet(&status)) {
            return 0;
        }
        if (is_due) {
            host_look(engine->host);
        }
        if (check_alive(torture, since_ns, error) < 0) {
            return -1;
        }
    }
}

void engine_crash(struct torture *torture) {
    atomic_store(&torture->engine.is_crashed, true);
    host_abandon(torture->engine.host);
}

static void *run(void *context) {
    struct torture *torture = context;
    struct engine *engine = &torture->engine;
    engine->has_failed = host_run(engine->host, &engine->error) < 0;
    atomic_store(&engine->has_ended, true);
    sem_post(&engine->changed);
    return NULL;
}

static void on_stored(struct store_work *work) {
    sem_post(&CONTAINER_OF(work, struct appending, work)->done);
}

static void on_answered(struct host_question *question) {
    sem_post(&CONTAINER_OF(question, struct asking, question)->answered);
}

static void ask(struct host *host, struct host_status *status) {
    struct asking asking = {.question = {.answered = on_answered}};
    sem_init(&asking.answered, 0, 0);
    host_ask(host, &asking.question);
    wait_for(&asking.answered);
    sem_destroy(&asking.answered);
    *status = asking.question.status;
}

/* Waits until something happened, or a little; -1 when there is nothing to wait for any more. */
static int check_alive(struct torture *torture, int64_t since_ns, struct error *error) {
    struct engine *engine = &torture->engine;
    struct timespec until;
    if (atomic_load(&engine->is_refused) && !atomic_load(&engine->is_live)) {
        return error_set(error, ERROR_INVALID, "the scripts do not load: %s", engine->refused);
    }
    if (clock_monotonic_ns() - since_ns > HANGS_S * CLOCK_NS_PER_S) {
        engine_stop(torture); /* so that nobody else looks into the ledger */
        return error_set(error, ERROR_TIMEOUT,
                         "the host did not come to an end with an event within %d seconds: does a handler raise "
                         "events without end, as with after(0, ...), or loop? The last step was at %s",
                         HANGS_S, torture->ledger.last_place[0] == '\0' ? "none" : torture->ledger.last_place);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * CLOCK_NS_PER_MS;
    until.tv_sec += until.tv_nsec / CLOCK_NS_PER_S;
    until.tv_nsec %= CLOCK_NS_PER_S;
    while (sem_timedwait(&engine->changed, &until) < 0 && errno == EINTR) {
    }
    return 0;
}

static bool is_quiet(const struct host_status *status) {
    return status->is_live && !status->is_stopping && !status->is_raising && !status->has_more &&
           status->queued == 0 && status->running == 0 && status->waiting == 0;
}

static void wait_for(sem_t *semaphore) {
    while (sem_wait(semaphore) < 0) {
    }
}
