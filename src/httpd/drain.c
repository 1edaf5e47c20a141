#include "httpd/drain.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include <errno.h>
#include <fcntl.h>
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
    struct list sockets;
    size_t count;
};

struct drain_socket {
    struct drain *drain;
    int fd;
    size_t bytes;
    struct loop_watch watch;
    struct loop_timer timer;
    struct list_node node;
};

static void on_readable(struct loop_watch *watch, uint32_t events);
static void on_overtime(struct loop_timer *timer);
static void end(struct drain_socket *held);

struct drain *drain_new(struct loop *loop, struct error *error) {
    struct drain *drain = calloc(1, sizeof *drain);
    if (drain == NULL) {
        error_memory(error);
        return NULL;
    }
    drain->loop = loop;
    list_init(&drain->sockets);
    return drain;
}

void drain_free(struct drain *drain) {
    if (drain == NULL) {
        return;
    }
    LIST_EACH (&drain->sockets, node) {
        end(CONTAINER_OF(node, struct drain_socket, node));
    }
    free(drain);
}

void drain_add(struct drain *drain, int fd) {
    struct drain_socket *held = drain->count < DRAIN_SOCKETS ? calloc(1, sizeof *held) : NULL;
    int copy = held == NULL ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        free(held);
        return;
    }
    held->drain = drain;
    held->fd = copy;
    held->watch.fd = -1;
    list_append(&drain->sockets, &held->node);
    drain->count++;
    /* The library does the same right after; the order between the two does not matter. */
    (void)shutdown(copy, SHUT_WR);
    int64_t until = loop_now(drain->loop) + DRAIN_SECONDS * CLOCK_NS_PER_S;
    if (loop_timer_set(drain->loop, &held->timer, until, on_overtime) < 0 ||
        loop_watch(drain->loop, &held->watch, copy, EPOLLIN | EPOLLRDHUP, on_readable, NULL) < 0) {
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
    drain->count--;
}
