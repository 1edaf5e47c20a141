#include "base/loop.h"

#include "base/clock.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { FETCH_MAX = 128, FIRST_HEAP_CAPACITY = 64, DEFER_PASSES_MAX = 4 };

struct loop {
    int epoll;
    int bell;  /* eventfd: other threads ring it; edge-triggered, never read */
    int alarm; /* timerfd: likewise */
    int64_t now;
    int64_t alarm_at; /* what the alarm is set to; 0: not set */

    struct epoll_event fetched[FETCH_MAX]; /* data.ptr: the watch; NULL: a bell, or unwatched since */
    int fetched_count;
    int fetched_next;

    struct loop_timer **heap; /* from 1: the children of n are 2n and 2n + 1 */
    size_t heap_count;
    size_t heap_capacity;

    struct loop_task *deferred_first;
    struct loop_task **deferred_end;

    _Atomic(struct loop_task *) posted; /* the last one first */
    atomic_bool is_stopped;
};

static int open_descriptors(struct loop *loop, struct error *error);
static int add_bell(struct loop *loop, int fd, struct error *error);
static void ring(struct loop *loop);
static void sleep_until_something(struct loop *loop);
static int set_alarm(struct loop *loop);
static void run_ready(struct loop *loop);
static void run_posted(struct loop *loop);
static void run_tasks(struct loop_task *first);
static void run_due(struct loop *loop);
static void run_deferred(struct loop *loop);
static int grow_heap(struct loop *loop);
static void settle(struct loop *loop, struct loop_timer *timer, size_t place);
static void put_at(struct loop *loop, struct loop_timer *timer, size_t place);

struct loop *loop_new(struct error *error) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        error_memory(error);
        return NULL;
    }
    loop->epoll = loop->bell = loop->alarm = -1;
    loop->deferred_end = &loop->deferred_first;
    loop->now = clock_monotonic_ns();
    if (open_descriptors(loop, error) < 0) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop) {
    if (loop == NULL) {
        return;
    }
    int descriptors[] = {loop->alarm, loop->bell, loop->epoll};
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
    free(loop->heap);
    free(loop);
}

void loop_run(struct loop *loop) {
    do {
        sleep_until_something(loop);
        loop->now = clock_monotonic_ns();
        run_ready(loop);
        run_posted(loop);
        run_due(loop);
        run_deferred(loop);
    } while (!atomic_exchange(&loop->is_stopped, false));
    /* Between this turn's look and the stop, other threads may have posted. */
    run_posted(loop);
    run_deferred(loop);
}

void loop_stop(struct loop *loop) {
    atomic_store(&loop->is_stopped, true);
    ring(loop);
}

int64_t loop_now(const struct loop *loop) {
    return loop->now;
}

int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
               void (*ready)(struct loop_watch *watch, uint32_t events), struct error *error) {
    struct epoll_event event = {.events = events, .data.ptr = watch};
    *watch = (struct loop_watch){.fd = -1};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        return error_system(error, errno, "cannot watch descriptor %d", fd);
    }
    *watch = (struct loop_watch){fd, events, ready};
    return 0;
}

int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events, struct error *error) {
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (events == watch->events) {
        return 0;
    }
    if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0) {
        return error_system(error, errno, "cannot change what is watched of descriptor %d", watch->fd);
    }
    watch->events = events;
    return 0;
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch) {
    if (watch->ready == NULL || watch->fd < 0) {
        return;
    }
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    *watch = (struct loop_watch){.fd = -1};
    for (int i = loop->fetched_next; i < loop->fetched_count; i++) {
        if (loop->fetched[i].data.ptr == watch) {
            loop->fetched[i].data.ptr = NULL;
        }
    }
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at,
                   void (*fire)(struct loop_timer *timer)) {
    timer->at = at;
    timer->fire = fire;
    if (timer->place == 0) {
        if (loop->heap_count + 1 >= loop->heap_capacity && grow_heap(loop) < 0) {
            return -1;
        }
        timer->place = ++loop->heap_count;
    }
    settle(loop, timer, timer->place);
    return 0;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer) {
    size_t place = timer->place;
    if (place == 0) {
        return;
    }
    timer->place = 0;
    struct loop_timer *last = loop->heap[loop->heap_count--];
    if (last != timer) {
        settle(loop, last, place);
    }
}

void loop_post(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task)) {
    task->run = run;
    task->is_queued = true;
    struct loop_task *last = atomic_load(&loop->posted);
    do {
        task->next = last;
    } while (!atomic_compare_exchange_weak(&loop->posted, &last, task));
    /* Whoever finds the list empty rings; the others know that the loop has not taken it yet. */
    if (last == NULL) {
        ring(loop);
    }
}

struct loop_task *loop_take_posted(struct loop *loop) {
    struct loop_task *task = atomic_load(&loop->posted);
    if (task != NULL) {
        atomic_store(&loop->posted, task->next);
    }
    return task;
}

void loop_defer(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task)) {
    if (task->is_queued) {
        return;
    }
    task->run = run;
    task->is_queued = true;
    task->next = NULL;
    *loop->deferred_end = task;
    loop->deferred_end = &task->next;
}

static int open_descriptors(struct loop *loop, struct error *error) {
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        return error_system(error, errno, "cannot make an epoll descriptor");
    }
    loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->bell < 0) {
        return error_system(error, errno, "cannot make an eventfd");
    }
    loop->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->alarm < 0) {
        return error_system(error, errno, "cannot make a timerfd");
    }
    if (add_bell(loop, loop->bell, error) < 0 || add_bell(loop, loop->alarm, error) < 0) {
        return -1;
    }
    return 0;
}

/* Edge-triggered: each ring wakes the loop once, and nobody has to read it. */
static int add_bell(struct loop *loop, int fd, struct error *error) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        return error_system(error, errno, "cannot watch the loop's own descriptor %d", fd);
    }
    return 0;
}

/* Also for signal handlers: one system call, errno as it was. The count outlasts any machine. */
static void ring(struct loop *loop) {
    int kept = errno;
    eventfd_write(loop->bell, 1);
    errno = kept;
}

static void sleep_until_something(struct loop *loop) {
    int patience = loop->deferred_first != NULL ? 0 : set_alarm(loop);
    int count = epoll_wait(loop->epoll, loop->fetched, FETCH_MAX, patience);
    /* Otherwise a signal: a turn with nothing in it. */
    loop->fetched_count = count > 0 ? count : 0;
    loop->fetched_next = 0;
}

/* Returns the time-out for epoll: 0 when a timer is due, otherwise none. An alarm that is set too early is left:
 * most timers are cancelled before they fire, and one wake for nothing costs less than a system call for each. */
static int set_alarm(struct loop *loop) {
    if (loop->heap_count == 0) {
        return -1;
    }
    int64_t at = loop->heap[1]->at;
    int64_t now = clock_monotonic_ns();
    if (at <= now) {
        return 0;
    }
    bool is_soon_enough = loop->alarm_at > now && loop->alarm_at <= at;
    if (!is_soon_enough) {
        struct itimerspec setting = {.it_value = {at / CLOCK_NS_PER_S, at % CLOCK_NS_PER_S}};
        timerfd_settime(loop->alarm, TFD_TIMER_ABSTIME, &setting, NULL);
        loop->alarm_at = at;
    }
    return -1;
}

static void run_ready(struct loop *loop) {
    while (loop->fetched_next < loop->fetched_count) {
        struct epoll_event *event = &loop->fetched[loop->fetched_next++];
        struct loop_watch *watch = event->data.ptr;
        if (watch == NULL) {
            continue;
        }
        /* What was fetched may have been given up by loop_rewatch since. */
        uint32_t events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
        if (events != 0) {
            watch->ready(watch, events);
        }
    }
}

static void run_posted(struct loop *loop) {
    struct loop_task *last = atomic_exchange(&loop->posted, NULL);
    struct loop_task *first = NULL;
    while (last != NULL) {
        struct loop_task *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    run_tasks(first);
}

/* A task may queue itself again, or free itself. */
static void run_tasks(struct loop_task *first) {
    while (first != NULL) {
        struct loop_task *task = first;
        first = task->next;
        task->next = NULL;
        task->is_queued = false;
        task->run(task);
    }
}

/* As many as there are now, at most: a timer that sets itself to a time that is past waits for the next turn. */
static void run_due(struct loop *loop) {
    for (size_t left = loop->heap_count; left > 0 && loop->heap_count > 0; left--) {
        struct loop_timer *timer = loop->heap[1];
        if (timer->at > loop->now) {
            return;
        }
        loop_timer_cancel(loop, timer);
        timer->fire(timer);
    }
}

/* Deferred tasks that defer others get some passes; what is left waits for the next turn, which does not sleep. */
static void run_deferred(struct loop *loop) {
    for (int pass = 0; pass < DEFER_PASSES_MAX && loop->deferred_first != NULL; pass++) {
        struct loop_task *first = loop->deferred_first;
        loop->deferred_first = NULL;
        loop->deferred_end = &loop->deferred_first;
        run_tasks(first);
    }
}

static int grow_heap(struct loop *loop) {
    size_t capacity = loop->heap_capacity == 0 ? FIRST_HEAP_CAPACITY : loop->heap_capacity * 2;
    struct loop_timer **heap = realloc(loop->heap, capacity * sizeof *heap);
    if (heap == NULL) {
        return -1;
    }
    loop->heap = heap;
    loop->heap_capacity = capacity;
    return 0;
}

/* Finds the place for a timer, from a free one (or its own) on: up while it is earlier than its parent, otherwise
 * down while a child is earlier. */
static void settle(struct loop *loop, struct loop_timer *timer, size_t place) {
    while (place > 1 && timer->at < loop->heap[place / 2]->at) {
        put_at(loop, loop->heap[place / 2], place);
        place /= 2;
    }
    for (size_t child = place * 2; child <= loop->heap_count; child = place * 2) {
        if (child < loop->heap_count && loop->heap[child + 1]->at < loop->heap[child]->at) {
            child++;
        }
        if (timer->at <= loop->heap[child]->at) {
            break;
        }
        put_at(loop, loop->heap[child], place);
        place = child;
    }
    put_at(loop, timer, place);
}

static void put_at(struct loop *loop, struct loop_timer *timer, size_t place) {
    loop->heap[place] = timer;
    timer->place = place;
}
