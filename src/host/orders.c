/* What operators ask for: pause, resume, replay. Orders come from any thread and are carried out on the loop. */
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "host/conductor.h"
#include "host/understood.h"
#include "host/waiter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void push(struct host *host, struct host_order *order);
static void on_orders(struct loop_task *task);
static void carry_out(struct host *host, struct host_order *order);
static void pause(struct host *host, struct host_order *order);
static bool is_paused_already(const struct host *host, const char *path);
static void resume(struct host *host, struct host_order *order);
static char *handler_path(const char *name);
static void replay(struct host *host, struct host_order *order);
static int check_replay(struct host *host, struct host_order *order, struct error *error);
static void on_replay_done(struct store_work *work);
static void finish_replay(struct host *host, struct host_order *order);
static void take_outcome(struct host_order *order);

void host_give(struct host *host, struct host_order *order) {
    order->in_host.host = host;
    order->in_host.is_stored = false;
    order->in_host.understood = NULL;
    push(host, order);
}

void orders_answer_all(struct host *host) {
    struct host_order *order = atomic_exchange(&host->orders, NULL);
    while (order != NULL) {
        struct host_order *next = order->in_host.next;
        if (order->in_host.is_stored) {
            take_outcome(order); /* its event is taken up at the next start */
        } else {
            error_set(&order->error, ERROR_CLOSED, "the host is stopping");
        }
        order->answered(order);
        order = next;
    }
}

/* A stack of orders and one task: the one who finds it empty posts the task. */
static void push(struct host *host, struct host_order *order) {
    struct host_order *first = atomic_load(&host->orders);
    do {
        order->in_host.next = first;
    } while (!atomic_compare_exchange_weak(&host->orders, &first, order));
    if (atomic_load(&host->is_over)) {
        orders_answer_all(host);
    } else if (first == NULL) {
        loop_post(host->loop, &host->order_task, on_orders);
    }
}

/* The stack has the last one first: turned round. */
static void on_orders(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, order_task);
    struct host_order *reversed = atomic_exchange(&host->orders, NULL);
    struct host_order *order = NULL;
    while (reversed != NULL) {
        struct host_order *next = reversed->in_host.next;
        reversed->in_host.next = order;
        order = reversed;
        reversed = next;
    }
    while (order != NULL) {
        struct host_order *next = order->in_host.next;
        carry_out(host, order);
        order = next;
    }
}

static void carry_out(struct host *host, struct host_order *order) {
    if (order->in_host.is_stored) {
        finish_replay(host, order);
        return;
    }
    switch (order->verb) {
    case HOST_PAUSE: pause(host, order); break;
    case HOST_RESUME: resume(host, order); break;
    case HOST_REPLAY: replay(host, order); return; /* answered when it is stored */
    }
    order->answered(order);
}

static void pause(struct host *host, struct host_order *order) {
    if (order->handler == NULL) {
        host->is_paused = true;
        log_info("host", "paused: no runs are handed out, deliveries are stored", LOG_END);
        return;
    }
    char *path = handler_path(order->handler);
    if (path != NULL && is_paused_already(host, path)) {
        free(path);
        return;
    }
    bool is_known = path != NULL && host->live != NULL && generation_handler(host->live, slice_of(path)) != NULL;
    if (!is_known || host->paused_count == HOST_PAUSED_MAX) {
        error_set(&order->error, is_known ? ERROR_LIMIT : ERROR_NOT_FOUND,
                  is_known ? "too many handlers are paused one by one; pause everything"
                           : "there is no handler %s",
                  order->handler);
        free(path);
        return;
    }
    host->paused[host->paused_count++] = path;
    log_info("host", "a handler is paused", LOG_TEXT("script", path), LOG_END);
}

static bool is_paused_already(const struct host *host, const char *path) {
    for (size_t i = 0; i < host->paused_count; i++) {
        if (strcmp(host->paused[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static void resume(struct host *host, struct host_order *order) {
    char *path = order->handler == NULL ? NULL : handler_path(order->handler);
    bool was_there = order->handler == NULL;
    for (size_t i = 0; i < host->paused_count;) {
        if (order->handler == NULL || (path != NULL && strcmp(host->paused[i], path) == 0)) {
            free(host->paused[i]);
            host->paused[i] = host->paused[--host->paused_count];
            was_there = true;
        } else {
            i++;
        }
    }
    free(path);
    if (!was_there) {
        error_set(&order->error, ERROR_NOT_FOUND, "the handler %s is not paused", order->handler);
        return;
    }
    if (order->handler == NULL) {
        host->is_paused = false;
    }
    waiter_release_paused(host); /* what is still paused is set aside again */
    log_info("host", "resumed", LOG_TEXT("script", order->handler == NULL ? "all" : order->handler), LOG_END);
    host_pump(host);
}

/* With or without .lua. */
static char *handler_path(const char *name) {
    char *path = NULL;
    bool has_ending = slice_ends_with(slice_of(name), ".lua");
    return asprintf(&path, "%s%s", name, has_ending ? "" : ".lua") < 0 ? NULL : path;
}

static void replay(struct host *host, struct host_order *order) {
    if (atomic_load(&host->is_stopping)) {
        error_set(&order->error, ERROR_CLOSED, "the host is stopping");
    }
    if (order->error.code != ERROR_NONE || check_replay(host, order, &order->error) < 0) {
        understood_free(order->in_host.understood);
        order->answered(order);
        return;
    }
    order->in_host.work = (struct store_work){.verb = STORE_REPLAY, .done = on_replay_done};
    order->in_host.work.replay.fence = store_fence(host->store);
    order->in_host.work.replay.seq = order->seq;
    order->in_host.work.replay.from_start = order->from_start;
    order->in_host.work.replay.all = order->from_start;
    if (order->in_host.understood != NULL) {
        order->in_host.work.replay.event = &order->in_host.understood->event;
    }
    store_submit(host->store, &order->in_host.work);
}

/* A quarantined one is read again. */
static int check_replay(struct host *host, struct host_order *order, struct error *error) {
    struct store_record record;
    if (map_get(&host->runs, store_run_id(order->seq, 0)) != NULL) {
        return error_set(error, ERROR_BUSY, "event %lu is being handled at this moment",
                         (unsigned long)order->seq);
    }
    if (store_read_event(host->reader, order->seq, &record, error) < 0) {
        return -1;
    }
    if (store_is_open_state(record.state)) {
        return error_set(error, ERROR_BUSY, "event %lu is still to be handled", (unsigned long)order->seq);
    }
    if (record.state == STORE_QUARANTINED) {
        order->in_host.understood = understood_new(&record, error);
        if (order->in_host.understood == NULL) {
            return -1;
        }
    }
    if (!order->must && work_is_pointless(slice_make(record.raw.bytes, record.raw.length), clock_wall_us())) {
        return error_set(error, ERROR_INVALID, "event %lu is past its deadline; --force runs it all the same",
                         (unsigned long)order->seq);
    }
    return 0;
}

/* On a thread of the store. The order is put where orders come from: with or without the loop, it is answered. */
static void on_replay_done(struct store_work *work) {
    struct host_order *order = CONTAINER_OF(work, struct host_order, in_host.work);
    order->in_host.is_stored = true;
    push(order->in_host.host, order);
}

static void finish_replay(struct host *host, struct host_order *order) {
    take_outcome(order);
    if (order->error.code == ERROR_NONE) {
        intake_again(host, order->seq, order->in_host.work.replay.lane);
    }
    order->answered(order);
}

static void take_outcome(struct host_order *order) {
    const struct store_work *work = &order->in_host.work;
    understood_free(order->in_host.understood);
    order->in_host.understood = NULL;
    order->error = work->error;
    order->run_count = work->replay.run_count;
    if (order->error.code == ERROR_NONE && order->run_count == 0) {
        error_set(&order->error, ERROR_INVALID,
                  "event %lu has no parked run; --from-start runs one that is done again",
                  (unsigned long)order->seq);
    }
}
