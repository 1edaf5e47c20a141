/* One thread's loop over descriptors (epoll), timers and work that other threads post.
 *
 * Watches, timers and tasks live in their owners' structs (recover the owner with CONTAINER_OF); the loop
 * allocates nothing for them. Everything except loop_post and loop_stop is for the loop's own thread (before
 * loop_run: for the thread that made it). A callback may remove or change any watch or timer, its own included: an
 * event that was already fetched for a removed watch is dropped. With nothing to do the loop sleeps without a
 * time-out.
 *
 *     struct worker { struct loop_watch socket; struct loop_timer overtime; ... };
 *     loop_watch(loop, &worker->socket, fd, EPOLLIN, on_worker_readable, &error);
 *     loop_timer_set(loop, &worker->overtime, loop_now(loop) + 30 * CLOCK_NS_PER_S, on_overtime);
 *     loop_run(loop);
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop_watch {
    int fd; /* -1 while it is not watched */
    uint32_t events;
    void (*ready)(struct loop_watch *watch, uint32_t events);
};

struct loop_timer {
    int64_t at; /* monotonic nanoseconds */
    void (*fire)(struct loop_timer *timer);
    size_t place; /* in the heap, from 1; 0: not set */
};

/* Zero it before its first use. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next;
    bool is_queued;
};

struct loop *loop_new(struct error *error);
void loop_free(struct loop *loop);

/* Until loop_stop, which ends it with the turn; tasks posted before the stop have run when it returns. */
void loop_run(struct loop *loop);
/* Any thread. */
void loop_stop(struct loop *loop);

/* Monotonic nanoseconds, read once a turn. */
int64_t loop_now(const struct loop *loop);

/* `watch` must not be watched already. */
int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
               void (*ready)(struct loop_watch *watch, uint32_t events), struct error *error);
/* Changes the events waited for. */
int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events, struct error *error);
/* Does not close the descriptor (call it before closing). Nothing happens for one that is not watched. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* Sets or moves it; 0, or -1 when the heap cannot grow (it then stays unset). */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at,
                   void (*fire)(struct loop_timer *timer));
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
static inline bool loop_timer_is_set(const struct loop_timer *timer) {
    return timer->place != 0;
}

/* Any thread: runs `task` once on the loop's thread, in the order of posting; wakes the loop at most once for
 * many. The caller keeps `task` alive until it has run and does not post it again before. */
void loop_post(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task));

/* For who frees the loop: a task that was posted and will not be run any more, or NULL. */
struct loop_task *loop_take_posted(struct loop *loop);

/* The loop's thread: runs `task` at the end of this turn, after what is ready and due, before sleeping; for work
 * that is done once for many happenings (writing frames in runs). One that is queued already stays where it is. */
void loop_defer(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task));

#endif
