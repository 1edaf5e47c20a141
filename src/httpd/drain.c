#include "httpd/drain.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DRAIN_SECONDS = 5,
    DRAIN_BYTES = 64 * 1024 * 1024, /* then the sender has not been listening anyway */
    DRAIN_SOCKETS = 64,
};

struct drain {
    struct loop *loop;
    pthread_t thread;
    struct list sockets; /* the thread's own */
    atomic_int count;
};

struct drain_socket {
    struct drain *drain;
    int fd;
    size_t bytes;
    struct loop_watch watch;
    struct loop_timer timer;
    struct loop_task task;
    struct list_node node;
};

static void *run(void *context);
static void begin(struct loop_task *task);
static void on_readable(struct loop_watch *watch, uint32_t events);
static void on_overtime(struct loop_timer *timer);
static void end(struct drain_socket *held);

struct drain *drain_new(struct error *error) {
    struct drain *drain = calloc(1, sizeof *drain);
    if (drain == NULL) {
        error_memory(error);
        return NULL;
    }
    list_init(&drain->sockets);
    drain->loop = loop_new(error);
    if (drain->loop == NULL) {
        free(drain);
        return NULL;
    }
    int result = pthread_create(&drain->thread, NULL, run, drain);
    if (result != 0) {
        error_system(error, result, "cannot start the thread that closes connections");
        loop_free(drain->loop);
        free(drain);
        return NULL;
    }
    return drain;
}

void drain_free(struct drain *drain) {
    if (drain == NULL) {
        return;
    }
    loop_stop(drain->loop);
    pthread_join(drain->thread, NULL);
    LIST_EACH (&drain->sockets, node) {
        end(CONTAINER_OF(node, struct drain_socket, node));
    }
    loop_free(drain->loop);
    free(drain);
}

void drain_add(struct drain *drain, int fd) {
    if (atomic_fetch_add(&drain->count, 1) >= DRAIN_SOCKETS) {
        atomic_fetch_sub(&drain->count, 1);
        return;
    }
    struct drain_socket *held = calloc(1, sizeof *held);
    int copy = held == NULL ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        free(held);
        atomic_fetch_sub(&drain->count, 1);
        return;
    }
    held->drain = drain;
    held->fd = copy;
    held->watch.fd = -1;
    loop_post(drain->loop, &held->task, begin);
}

static void *run(void *context) {
    struct drain *drain = context;
    loop_run(drain->loop);
    return NULL;
}

static void begin(struct loop_task *task) {
    struct drain_socket *held = CONTAINER_OF(task, struct drain_socket, task);
    struct loop *loop = held->drain->loop;
    list_append(&held->drain->sockets, &held->node);
    /* The library does the same right after; the order between the two does not matter. */
    (void)shutdown(held->fd, SHUT_WR);
    int64_t until = loop_now(loop) + DRAIN_SECONDS * CLOCK_NS_PER_S;
    if (loop_timer_set(loop, &held->timer, until, on_overtime) < 0 ||
        loop_watch(loop, &held->watch, held->fd, EPOLLIN | EPOLLRDHUP, on_readable, NULL) < 0) {
        end(held);
    }
}

static void on_readable(struct loop_watch *watch, uint32_t events) {
    (void)events;
    struct drain_socket *held = CONTAINER_OF(watch, struct drain_socket, watch);
    char waste[16 * 1024];
    ssize_t got = recv(held->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (got > 0) {
        held->bytes += (size_t)got;
        if (held->bytes < DRAIN_BYTES) {
            return;
        }
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    end(held);
}

static void on_overtime(struct loop_timer *timer) {
    end(CONTAINER_OF(timer, struct drain_socket, timer));
}

static void end(struct drain_socket *held) {
    struct drain *drain = held->drain;
    loop_unwatch(drain->loop, &held->watch);
    loop_timer_cancel(drain->loop, &held->timer);
    list_remove(&held->node);
    close(held->fd);
    free(held);
    atomic_fetch_sub(&drain->count, 1);
}
