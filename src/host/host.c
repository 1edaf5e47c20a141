#include "host/host.h"
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "host/conductor.h"
#include "host/timers.h"
#include "host/waiter.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int list_secrets(struct host *host, struct error *error);
static void drop_posted(struct host *host);
static int open_parts(struct host *host, struct error *error);
static void tell_of_repeats(struct host *host);
static int see_open(void *context, const struct store_open_event *event);
static void on_breaker(struct breaker *breaker, bool is_probe);
static int watch_signals(struct host *host, struct error *error);
static void on_signal(struct loop_watch *watch, uint32_t events);
static void on_store_broken(const struct error *error, void *context);
static void on_broken_task(struct loop_task *task);
static void on_stop_task(struct loop_task *task);
static void on_reload_task(struct loop_task *task);
static void on_look_task(struct loop_task *task);
static void on_drain_over(struct loop_timer *timer);
static void on_questions(struct loop_task *task);
static void answer_questions(struct host *host);
static void fill_status(const struct host *host, struct host_status *status);
static bool is_waiting(const struct work *work);
static void fill_paused(const struct host *host, struct host_status *status);
static void fill_workers(const struct generation *generation, struct host_status *status);

struct host *host_new(const struct host_options *options, struct error *error) {
    struct host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        error_memory(error);
        return NULL;
    }
    host->options = *options;
    host->config = options->config;
    host->store = options->store;
    host->retry = (struct retry_policy){.attempts = options->config->retry.attempts,
                                        .first_seconds = options->config->retry.first_seconds,
                                        .factor = options->config->retry.factor,
                                        .max_seconds = options->config->retry.max_seconds,
                                        .hold = options->config->retry.hold};
    host->is_paused = options->is_paused;
    host->signals.fd = host->watch.inotify.fd = -1;
    lanes_init(&host->lanes);
    map_init(&host->runs);
    map_init(&host->on_workers);
    begun_init(&host->begun);
    list_init(&host->works);
    list_init(&host->ready_runs);
    list_init(&host->paused_runs);
    list_init(&host->postponed);
    list_init(&host->waiters);
    list_init(&host->postponed_waiters);
    list_init(&host->due_waiters);
    list_init(&host->paused_waiters);
    list_init(&host->unsaved);
    list_init(&host->retiring);
    if (list_secrets(host, error) < 0 || open_parts(host, error) < 0 || intake_start(host, error) < 0) {
        host_free(host);
        return NULL;
    }
    if (!store_was_unclean(host->store, &host->unclean_seq)) {
        host->unclean_seq = 0;
    }
    store_on_broken(host->store, on_store_broken, host);
    return host;
}

void host_free(struct host *host) {
    if (host == NULL) {
        return;
    }
    if (host->loop != NULL) {
        drop_posted(host);
    }
    LIST_EACH (&host->works, node) {
        work_free(CONTAINER_OF(node, struct work, in_host));
    }
    if (host->loop != NULL) {
        reload_stop(host);
    }
    waiter_free_all(host);
    breaker_reset(&host->breaker);
    upstreams_reset(&host->upstreams);
    free(host->secret_names);
    for (size_t i = 0; i < host->paused_count; i++) {
        free(host->paused[i]);
    }
    plugin_pool_free(host->plugin_pool);
    tokens_free(host->tokens);
    http_client_free(host->http);
    store_reader_free(host->reader);
    router_access_reset(&host->access);
    lanes_reset(&host->lanes);
    map_reset(&host->runs);
    map_reset(&host->on_workers);
    begun_reset(&host->begun);
    if (host->signals.fd >= 0) {
        close(host->signals.fd);
    }
    loop_free(host->loop);
    free(host);
}

int host_run(struct host *host, struct error *error) {
    if ((!host->options.leaves_signals && watch_signals(host, error) < 0) || intake_scan(host, error) < 0) {
        return -1;
    }
    if (host->lanes.queued > 0) {
        log_info("host", "events are waiting from before", LOG_NUMBER("events", host->lanes.queued), LOG_END);
    }
    timers_start(host);
    purge_start(host);
    reload_start(host);
    loop_run(host->loop);
    host_close(host);
    tell_of_repeats(host);
    store_reader_free(host->reader); /* so that the store can be closed before the host is freed */
    host->reader = NULL;
    if (host->is_broken) {
        if (error != NULL) {
            *error = host->broken;
        }
        return -1;
    }
    return 0;
}

void host_close(struct host *host) {
    atomic_store(&host->is_over, true);
    answer_questions(host);
    orders_answer_all(host);
}

void host_stop(struct host *host) {
    if (!atomic_exchange(&host->is_stopping, true)) {
        loop_post(host->loop, &host->stop_task, on_stop_task);
    }
}

void host_abandon(struct host *host) {
    atomic_store(&host->is_abandoned, true);
    loop_stop(host->loop);
}

void host_look(struct host *host) {
    if (!atomic_exchange(&host->is_look_asked, true)) {
        loop_post(host->loop, &host->look_task, on_look_task);
    }
}

void host_reload(struct host *host) {
    if (!atomic_exchange(&host->is_reload_asked, true)) {
        loop_post(host->loop, &host->reload_task, on_reload_task);
    }
}

bool host_may_accept(const struct host *host) {
    return !atomic_load(&host->is_stopping) && atomic_load(&host->queued) < host->config->limits.backlog;
}

/* A stack of questions and one task: the one who finds it empty posts the task. */
void host_ask(struct host *host, struct host_question *question) {
    question->in_host.host = host;
    struct host_question *first = atomic_load(&host->questions);
    do {
        question->in_host.next = first;
    } while (!atomic_compare_exchange_weak(&host->questions, &first, question));
    if (atomic_load(&host->is_over)) {
        answer_questions(host); /* no loop any more: whoever takes it answers it */
    } else if (first == NULL) {
        loop_post(host->loop, &host->question_task, on_questions);
    }
}

void host_note(struct host *host, const struct host_note *note) {
    if (host->options.note != NULL) {
        host->options.note(host->options.context, note);
    }
}

void host_note_work(const struct work *work, struct host_note note) {
    note.at_us = clock_wall_us();
    note.seq = work->seq;
    note.subject = slice_of(work->copy->subject);
    note.type = slice_of(work->copy->short_type);
    host_note(work->host, &note);
}

void host_check_drained(struct host *host) {
    if (!atomic_load(&host->is_stopping)) {
        return;
    }
    LIST_EACH (&host->works, node) {
        const struct work *work = CONTAINER_OF(node, struct work, in_host);
        for (size_t i = 0; i < work->run_count; i++) {
            const struct run *run = &work->runs[i];
            if (run->state == RUN_ON || run->state == RUN_SAVING || run->unsettled > 0) {
                return;
            }
        }
    }
    loop_stop(host->loop);
}

/* For the workers: names only. */
static int list_secrets(struct host *host, struct error *error) {
    const struct config_secret *secrets = host->config->secrets;
    size_t count = 0;
    while (secrets != NULL && secrets[count].name != NULL) {
        count++;
    }
    host->secret_names = calloc(count + 1, sizeof *host->secret_names);
    if (host->secret_names == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        host->secret_names[i] = secrets[i].name;
    }
    return 0;
}

/* What the store told after the loop's last turn. What a run or a work owns goes with it. */
static void drop_posted(struct host *host) {
    struct loop_task *task;
    while ((task = loop_take_posted(host->loop)) != NULL) {
        (void)(intake_drop(task) || timers_drop(task) || mend_drop(task) || purge_drop(task));
    }
}

static int open_parts(struct host *host, struct error *error) {
    host->loop = loop_new(error);
    if (host->loop == NULL) {
        return -1;
    }
    host->reader = store_reader_new(host->store, error);
    if (host->reader == NULL) {
        return -1;
    }
    if (host->options.plugins != NULL) {
        size_t limit = (size_t)host->config->limits.answer_mib * 1024 * 1024;
        host->plugin_pool = plugin_pool_new(host->options.plugins, host->loop, limit, error);
        if (host->plugin_pool == NULL) {
            return -1;
        }
    }
    struct http_options http = {.ca_file = host->config->http.ca,
                                .allow = (const char *const *)host->config->http.allow};
    breaker_init(&host->breaker, host->loop, "router", on_breaker, host);
    upstreams_init(&host->upstreams, host->loop, on_breaker, host);
    host->http = http_client_new(host->loop, &http, error);
    if (host->http == NULL) {
        return -1;
    }
    if (host->config->router_connection_string != NULL) {
        if (router_access_init(&host->access, host->config->router_connection_string, error) < 0) {
            return error_prefix(error, "router.connection_string");
        }
        host->has_access = true;
    } else if (host->config->router_endpoint != NULL) {
        if (router_access_init_endpoint(&host->access, host->config->router_endpoint, error) < 0) {
            return error_prefix(error, "router.endpoint");
        }
        host->tokens = tokens_new(host->loop, host->http, host->config, error);
        if (host->tokens == NULL) {
            return -1;
        }
        host->has_access = true;
    }
    return 0;
}

/* A stop is not a clean one when steps are left that were sent and not journaled: those under way now, and those
 * of before an unclean start whose events are open still. */
static void tell_of_repeats(struct host *host) {
    uint64_t first_open = UINT64_MAX;
    struct error error = {0};
    if (host->unclean_seq > 0 && store_each_open(host->reader, 0, see_open, &first_open, &error) < 0) {
        first_open = 0; /* not known: then the worst */
    }
    bool has_sent = (host->unclean_seq > 0 && first_open <= host->unclean_seq) || atomic_load(&host->is_abandoned);
    LIST_EACH (&host->works, node) {
        const struct work *work = CONTAINER_OF(node, struct work, in_host);
        for (size_t i = 0; i < work->run_count; i++) {
            has_sent = has_sent || work->runs[i].unsettled > 0;
        }
    }
    if (has_sent) {
        store_leave_unclean(host->store);
    }
}

static int see_open(void *context, const struct store_open_event *event) {
    *(uint64_t *)context = event->seq;
    return -1;
}

static void on_breaker(struct breaker *breaker, bool is_probe) {
    waiter_release(breaker->context, breaker, !is_probe);
}

static int watch_signals(struct host *host, struct error *error) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    int fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return error_system(error, errno, "cannot take signals");
    }
    if (loop_watch(host->loop, &host->signals, fd, EPOLLIN, on_signal, error) < 0) {
        close(fd);
        return -1;
    }
    return 0;
}

static void on_signal(struct loop_watch *watch, uint32_t events) {
    (void)events;
    struct host *host = CONTAINER_OF(watch, struct host, signals);
    struct signalfd_siginfo info;
    while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            host_reload(host);
        } else if (atomic_load(&host->is_stopping)) {
            log_warn("host", "asked to stop again: not waiting any longer", LOG_END);
            loop_stop(host->loop);
        } else {
            host_stop(host);
        }
    }
}

/* On a thread of the store. Told before the loop can end of itself. */
static void on_store_broken(const struct error *error, void *context) {
    struct host *host = context;
    host->broken = *error;
    loop_post(host->loop, &host->broken_task, on_broken_task);
    atomic_store(&host->is_stopping, true);
}

/* Nothing can be journaled any more: to go on would be to lie. */
static void on_broken_task(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, broken_task);
    host->is_broken = true;
    log_error("store", "the store is broken: the host stops", LOG_TEXT("reason", host->broken.message), LOG_END);
    if (host->options.stopping != NULL) {
        host->options.stopping(host->options.context);
    }
    loop_stop(host->loop);
}

static void on_stop_task(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, stop_task);
    log_info("host", "stopping: what is under way is finished first",
             LOG_NUMBER("at_most_seconds", host->config->limits.drain_seconds), LOG_END);
    if (host->options.stopping != NULL) {
        host->options.stopping(host->options.context);
    }
    loop_timer_set(host->loop, &host->drain,
                   clock_monotonic_ns() + (int64_t)host->config->limits.drain_seconds * CLOCK_NS_PER_S,
                   on_drain_over);
    host_check_drained(host);
}

static void on_reload_task(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, reload_task);
    atomic_store(&host->is_reload_asked, false);
    host->must_reload = true;
    reload_now(host);
}

static void on_look_task(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, look_task);
    atomic_store(&host->is_look_asked, false);
    timers_start(host);
}

static void on_drain_over(struct loop_timer *timer) {
    struct host *host = CONTAINER_OF(timer, struct host, drain);
    log_warn("host", "runs are still under way: they go on at the next start", LOG_END);
    loop_stop(host->loop);
}

static void on_questions(struct loop_task *task) {
    answer_questions(CONTAINER_OF(task, struct host, question_task));
}

static void answer_questions(struct host *host) {
    struct host_question *question = atomic_exchange(&host->questions, NULL);
    while (question != NULL) {
        struct host_question *next = question->in_host.next;
        if (atomic_load(&host->is_over)) {
            question->status = (struct host_status){.is_stopping = true};
        } else {
            fill_status(host, &question->status);
        }
        question->answered(question);
        question = next;
    }
}

static void fill_status(const struct host *host, struct host_status *status) {
    *status = host->totals;
    status->is_live = host->live != NULL;
    status->is_stopping = atomic_load(&host->is_stopping);
    status->queued = host->lanes.queued;
    status->has_more = host->has_more;
    status->is_raising = host->is_raising;
    status->is_paused = host->is_paused;
    status->is_breaker_open = breaker_is_open(&host->breaker);
    upstreams_name_open(&host->upstreams, status->open_upstreams, sizeof status->open_upstreams);
    fill_paused(host, status);
    status->waiting = host->waiter_count;
    status->lanes = lanes_count(&host->lanes);
    LIST_EACH (&host->works, node) {
        bool waits = is_waiting(CONTAINER_OF(node, struct work, in_host));
        status->waiting += waits;
        status->running += !waits;
    }
    const char *waiting_for = watch_waiting_for(&host->watch);
    if (waiting_for != NULL && status->reload_error[0] == '\0') {
        snprintf(status->reload_error, sizeof status->reload_error,
                 "%s is open for writing: its change is taken up when it is closed", waiting_for);
    }
    if (host->live != NULL) {
        snprintf(status->generation, sizeof status->generation, "%s", host->live->name);
        status->files = host->live->scripts->count;
        status->handlers = host->live->handler_count;
        status->live_us = host->live->live_us;
        status->generations = 1;
        fill_workers(host->live, status);
    }
    LIST_EACH (&host->retiring, node) {
        status->generations++;
    }
}

/* Nothing of it can go on now. */
static bool is_waiting(const struct work *work) {
    bool has_waiting = false;
    for (size_t i = 0; i < work->run_count; i++) {
        enum run_state state = work->runs[i].state;
        if (state != RUN_WAITING && state != RUN_OVER) {
            return false;
        }
        has_waiting = has_waiting || state == RUN_WAITING;
    }
    return has_waiting;
}

static void fill_paused(const struct host *host, struct host_status *status) {
    size_t used = 0;
    for (size_t i = 0; i < host->paused_count && used < sizeof status->paused_handlers; i++) {
        int length = snprintf(status->paused_handlers + used, sizeof status->paused_handlers - used, "%s%s",
                              i == 0 ? "" : ", ", host->paused[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void fill_workers(const struct generation *generation, struct host_status *status) {
    for (unsigned i = 0; i < generation->options.workers && i < HOST_WORKERS_SHOWN; i++) {
        const struct worker_slot *slot = &generation->slots[i];
        status->workers[status->worker_count++] = (struct host_worker_status){
            .pid = slot->process == NULL ? 0 : (int)slot->process->pid,
            .is_ready = slot->is_ready,
            .runs = slot->run_count,
        };
    }
}
