#include "base/clock.h"
#include "base/fault.h"
#include "host/conductor.h"
#include "host/effects.h"
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000, SAVING_MOST = 1024 };

static int build(struct change *change);
static bool is_patient(const struct change *change);
static bool is_alone(const struct work *work);
static void put_row(struct store_run *row, const struct run *run, char **texts);
static struct slice put_text(char **texts, const char *text);
static const uint8_t *put_digest(char **texts, const uint8_t digest[CRYPTO_DIGEST_SIZE]);
static int put_forgotten(struct change *change);
static void put_step(struct change *change);
static void later(struct change *change);
static void send_later(struct host *host, struct store_work *work);
static void on_send(struct loop_task *task);
static void on_done(struct store_work *work);
static void on_saved(struct loop_task *task);
static void on_again(struct loop_timer *timer);
static void release(struct change *change);

void change_submit(struct change *change) {
    if (build(change) < 0) {
        later(change);
        return;
    }
    change->work.done = on_done;
    change->work.is_patient = is_patient(change);
    change->event->host->saving++;
    send_later(change->event->host, &change->work);
}

void change_close(struct work *work) {
    struct host *host = work->host;
    struct work *first = host->closing;
    if (first != NULL && is_alone(work) && work->seq == host->closing_last->seq + 1) {
        first->save.work.change.also = ++first->also;
        host->closing_last->closed = work;
    } else {
        change_submit(&work->save);
        first = work->save.work.is_patient ? work : NULL;
    }
    host->closing = first;
    host->closing_last = work;
}

void change_drop(struct change *change) {
    list_remove(&change->in_unsaved);
    release(change);
}

bool change_is_stuck(const struct host *host) {
    return host->cannot_save || host->saving >= SAVING_MOST;
}

/* What the store is told is a copy: the run may go on changing while the commit is under way. The first change of
 * an event carries all its runs, so that which handlers it has is decided once. */
static int build(struct change *change) {
    struct work *work = change->event;
    change->work = (struct store_work){.verb = STORE_CHANGE};
    change->work.change.fence = store_fence(change->event->host->store);
    change->work.change.seq = work->seq;
    if (change->run == NULL) {
        change->work.change.event_state = STORE_UNHANDLED;
        change->work.change.also = work->also;
        return 0;
    }
    change->work.change.event_state = change->step == NULL ? (int)work_state(work) : STORE_STATE_KEPT;
    struct run *first = work->is_stored ? change->run : work->runs;
    size_t count = work->is_stored ? 1 : work->run_count;
    if (change->step == NULL || !work->is_stored) {
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            size += strlen(first[i].handler) + (first[i].reason == NULL ? 0 : strlen(first[i].reason)) +
                    (first[i].traceback == NULL ? 0 : strlen(first[i].traceback)) +
                    (first[i].returned == NULL ? 0 : strlen(first[i].returned)) + 2 * CRYPTO_DIGEST_SIZE;
        }
        change->rows = calloc(count, sizeof *change->rows);
        change->texts = malloc(size);
        if (change->rows == NULL || change->texts == NULL) {
            return -1;
        }
        char *texts = change->texts;
        for (size_t i = 0; i < count; i++) {
            put_row(&change->rows[i], &first[i], &texts);
        }
        change->work.change.runs = change->rows;
        change->work.change.run_count = count;
    }
    put_step(change);
    return put_forgotten(change);
}

/* The end of an event while no other waits in its lane: should it be lost, the event is done again, from the
 * journal. Who plays the world (`try`, torture) goes on when the host is at rest, and so waits for each end. */
static bool is_patient(const struct change *change) {
    const struct work *work = change->event;
    int state = change->work.change.event_state;
    bool is_end = change->step == NULL && (state == STORE_DONE || state == STORE_UNHANDLED);
    bool is_watched = work->host->options.answer != NULL;
    return is_end && !is_watched && is_alone(work);
}

static bool is_alone(const struct work *work) {
    return work->lane == NULL || work->lane->first == NULL;
}

static void put_row(struct store_run *row, const struct run *run, char **texts) {
    *row = (struct store_run){.id = run->id,
                              .state = run->stored,
                              .handler = put_text(texts, run->handler),
                              .attempt = run->attempt,
                              .kills = run->kills,
                              .due_us = run->due_us,
                              .started_us = run->started_us,
                              .finished_us = run->finished_us,
                              .result = slice_of(run->result),
                              .reason = put_text(texts, run->reason),
                              .traceback = put_text(texts, run->traceback),
                              .returned = put_text(texts, run->returned)};
    if (run->has_generation) {
        row->generation = put_digest(texts, run->generation);
        row->script = put_digest(texts, run->script);
    }
}

static struct slice put_text(char **texts, const char *text) {
    if (text == NULL) {
        return (struct slice){NULL, 0};
    }
    size_t length = strlen(text);
    struct slice copy = slice_make(memcpy(*texts, text, length), length);
    *texts += length;
    return copy;
}

static const uint8_t *put_digest(char **texts, const uint8_t digest[CRYPTO_DIGEST_SIZE]) {
    const uint8_t *copy = memcpy(*texts, digest, CRYPTO_DIGEST_SIZE);
    *texts += CRYPTO_DIGEST_SIZE;
    return copy;
}

static void put_step(struct change *change) {
    struct step *step = change->step;
    if (step == NULL || fault_point("host.forget")) {
        return;
    }
    change->step_row = (struct store_step){.run = step->run->id,
                                           .number = step->number,
                                           .branch = step->branch,
                                           .occurrence = step->occurrence,
                                           .is_error = step->is_error,
                                           .is_repeated = step->is_repeated,
                                           .is_forgotten = step->is_given_up,
                                           .status = step->status,
                                           .asked_us = step->asked_us,
                                           .answered_us = step->answered_us,
                                           .operation = buffer_slice(&step->operation),
                                           .arguments = buffer_slice(&step->arguments),
                                           .answer = buffer_slice(&step->answer),
                                           .etag = slice_of(step->etag)};
    change->work.change.step = &change->step_row;
    struct effect_extra *extra = step->extra;
    if (extra == NULL) {
        return;
    }
    change->work.change.value = extra->has_value ? &extra->value : NULL;
    change->work.change.timer = extra->has_timer ? &extra->timer : NULL;
    change->work.change.cancel = extra->cancel;
    if (extra->has_value || extra->cancel != 0) {
        buffer_clear(&step->answer); /* of a try that failed */
        step->is_error = false;
        change->work.change.answer = &step->answer;
        change->work.change.is_error = &step->is_error;
    }
}

/* All that the run has forgotten so far: to say it twice does no harm. */
static int put_forgotten(struct change *change) {
    const struct run *run = change->run;
    size_t count = 0;
    LIST_EACH (&run->steps, node) {
        count += CONTAINER_OF(node, struct step, in_run)->state == STEP_FORGOTTEN;
    }
    if (change->step != NULL || count == 0) {
        return 0;
    }
    uint32_t *numbers = malloc(count * sizeof *numbers);
    if (numbers == NULL) {
        return -1;
    }
    size_t i = 0;
    LIST_EACH (&run->steps, node) {
        const struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (step->state == STEP_FORGOTTEN) {
            numbers[i++] = step->number;
        }
    }
    change->work.change.forget_run = run->id;
    change->work.change.forget = numbers;
    change->work.change.forget_count = count;
    return 0;
}

static void later(struct change *change) {
    struct host *host = change->event->host;
    release(change);
    list_append(&host->unsaved, &change->in_unsaved);
    if (!loop_timer_is_set(&host->unsaved_timer)) {
        loop_timer_set(host->loop, &host->unsaved_timer, clock_monotonic_ns() + AGAIN_MS * CLOCK_NS_PER_MS,
                       on_again);
    }
}

static void on_again(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, unsaved_timer);
    struct list again;
    list_init(&again);
    for (struct list_node *node; (node = list_take_first(&host->unsaved)) != NULL;) {
        list_append(&again, node);
    }
    for (struct list_node *node; (node = list_take_first(&again)) != NULL;) {
        change_submit(CONTAINER_OF(node, struct change, in_unsaved));
    }
}

/* All changes of a turn go to the store at once, at its end: one lock, one wake, one commit. */
static void send_later(struct host *host, struct store_work *work) {
    if (host->unsent == NULL) {
        host->unsent_end = &host->unsent;
    }
    work->next = NULL;
    *host->unsent_end = work;
    host->unsent_end = &work->next;
    loop_defer(host->loop, &host->sender, on_send);
}

static void on_send(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, sender);
    struct store_work *first = host->unsent;
    host->unsent = NULL;
    host->closing = NULL;
    store_submit_all(host->store, first);
}

/* On a thread of the store. */
static void on_done(struct store_work *work) {
    struct change *change = CONTAINER_OF(work, struct change, work);
    loop_post(change->event->host->loop, &change->saved, on_saved);
}

static void on_saved(struct loop_task *task) {
    struct change *change = CONTAINER_OF(task, struct change, saved);
    struct host *host = change->event->host;
    bool was_stuck = change_is_stuck(host);
    host->saving--;
    if (change->work.error.code != ERROR_NONE) {
        host->cannot_save =
            host->cannot_save || change->work.error.code == ERROR_FULL; /* what else may be this one's */
        later(change); /* a full disk passes; a broken store stops the host */
        return;
    }
    release(change);
    host->cannot_save = false;
    if (was_stuck) {
        host_pump(host);
    }
    change->event->is_stored = change->run != NULL;
    change->done(change);
}

static void release(struct change *change) {
    free(change->rows);
    free(change->texts);
    free((void *)(uintptr_t)change->work.change.forget);
    change->rows = NULL;
    change->texts = NULL;
    change->work.change.forget = NULL;
}
