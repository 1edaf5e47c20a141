/* libcurl's multi handle on the loop: it says which sockets and which time to wait for, the loop says when.
 *
 * A connection stays with the loop between two calls: libcurl gives its socket up when a call ends and takes it
 * again when the next one begins, which would be two system calls for each call. What comes for a socket that
 * nobody wants (the other side closes it) takes it off the loop; libcurl looks at a kept connection before it uses
 * it. */
#include "base/clock.h"
#include "http/client.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct socket_watch {
    struct list_node node; /* in the client's list */
    struct loop_watch watch;
    struct http_client *client;
    curl_socket_t fd;
    uint32_t wanted;    /* 0: by nobody at present */
    bool is_connection; /* http_multi_close will tell of its end. libcurl's own pairs end with CURL_POLL_REMOVE */
};

/* The timer is always set, far ahead when there is nothing to wait for: to move one that is set cannot fail. */
static const int64_t FAR_NS = 20 * 24 * 3600 * CLOCK_NS_PER_S;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned);
static struct socket_watch *add_socket(struct http_client *client, curl_socket_t fd, bool is_connection,
                                       struct error *error);
static int watch_socket(struct socket_watch *socket_watch, uint32_t events);
static void drop_socket(struct socket_watch *socket_watch);
static void on_socket_ready(struct loop_watch *watch, uint32_t events);
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context);
static void on_time(struct loop_timer *timer);
static void act(struct http_client *client, curl_socket_t fd, int what);
static void fail_all(struct http_client *client, CURLMcode code);

int http_multi_start(struct http_client *client, struct error *error) {
    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        return error_memory(error);
    }
    /* The cache holds the connections of a few hosts at their most. */
    long most = (long)client->connections_per_host;
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, most);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 4 * most);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    if (loop_timer_set(client->loop, &client->timer, clock_monotonic_ns() + FAR_NS, on_time) < 0) {
        http_multi_stop(client);
        return error_memory(error);
    }
    return 0;
}

void http_multi_stop(struct http_client *client) {
    if (client->multi != NULL) {
        curl_multi_cleanup(client->multi);
        client->multi = NULL;
    }
    LIST_EACH (&client->sockets, node) {
        drop_socket(CONTAINER_OF(node, struct socket_watch, node));
    }
    client->is_due = false;
    loop_timer_cancel(client->loop, &client->timer);
}

void http_multi_act(struct http_client *client) {
    if (client->is_due && client->multi != NULL) {
        client->is_due = false;
        act(client, CURL_SOCKET_TIMEOUT, 0);
    }
}

curl_socket_t http_multi_open(struct http_client *client, const struct curl_sockaddr *address,
                              struct error *error) {
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        error_system(error, errno, "cannot open a socket");
        return CURL_SOCKET_BAD;
    }
    if (add_socket(client, fd, true, error) == NULL) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int http_multi_close(void *client, curl_socket_t fd) {
    struct socket_watch *known = map_get(&((struct http_client *)client)->socket_of, (uint64_t)fd);
    if (known != NULL) {
        drop_socket(known);
    }
    return close(fd);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned) {
    struct http_client *client = context;
    struct socket_watch *known = map_get(&client->socket_of, (uint64_t)fd);
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    (void)easy;
    (void)assigned;
    if (what != CURL_POLL_REMOVE) {
        known = known == NULL ? add_socket(client, fd, false, &client->trouble) : known;
        /* -1 fails every transfer that is under way: memory or descriptors have run out. */
        return known == NULL ? -1 : watch_socket(known, events);
    }
    if (known != NULL && known->is_connection) {
        known->wanted = 0;
    } else if (known != NULL) {
        drop_socket(known);
    }
    return 0;
}

static struct socket_watch *add_socket(struct http_client *client, curl_socket_t fd, bool is_connection,
                                       struct error *error) {
    struct socket_watch *socket_watch = calloc(1, sizeof *socket_watch);
    if (socket_watch == NULL || map_put(&client->socket_of, (uint64_t)fd, socket_watch) < 0) {
        free(socket_watch);
        error_memory(error);
        return NULL;
    }
    socket_watch->client = client;
    socket_watch->fd = fd;
    socket_watch->watch.fd = -1;
    socket_watch->is_connection = is_connection;
    list_append(&client->sockets, &socket_watch->node);
    return socket_watch;
}

static int watch_socket(struct socket_watch *socket_watch, uint32_t events) {
    struct http_client *client = socket_watch->client;
    socket_watch->wanted = events;
    return socket_watch->watch.fd < 0 ? loop_watch(client->loop, &socket_watch->watch, socket_watch->fd, events,
                                                   on_socket_ready, &client->trouble)
                                      : loop_rewatch(client->loop, &socket_watch->watch, events, &client->trouble);
}

static void drop_socket(struct socket_watch *socket_watch) {
    loop_unwatch(socket_watch->client->loop, &socket_watch->watch);
    map_remove(&socket_watch->client->socket_of, (uint64_t)socket_watch->fd);
    list_remove(&socket_watch->node);
    free(socket_watch);
}

static void on_socket_ready(struct loop_watch *watch, uint32_t events) {
    struct socket_watch *socket_watch = CONTAINER_OF(watch, struct socket_watch, watch);
    if (socket_watch->wanted == 0) {
        loop_unwatch(socket_watch->client->loop, watch);
        return;
    }
    /* A hang-up or an error is found by reading or writing, whichever is wanted. */
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        events |= watch->events;
    }
    act(socket_watch->client, watch->fd,
        ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0));
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context) {
    struct http_client *client = context;
    int64_t wait_ns = timeout_ms <= 0 ? FAR_NS : timeout_ms * CLOCK_NS_PER_MS;
    (void)multi;
    /* At once: with whatever else comes up in this turn. So begins every call. */
    client->is_due = timeout_ms == 0;
    if (client->is_due) {
        http_client_defer(client);
    }
    return loop_timer_set(client->loop, &client->timer, clock_monotonic_ns() + wait_ns, on_time);
}

static void on_time(struct loop_timer *timer) {
    struct http_client *client = CONTAINER_OF(timer, struct http_client, timer);
    /* Set again at once, while its place in the heap is free. */
    loop_timer_set(client->loop, timer, clock_monotonic_ns() + FAR_NS, on_time);
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

static void act(struct http_client *client, curl_socket_t fd, int what) {
    int running = 0, left = 0;
    CURLMcode code = curl_multi_socket_action(client->multi, fd, what, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE) {
            CURLcode result = message->data.result;
            struct http_transfer *transfer = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            http_transfer_conclude(transfer, result);
            curl_multi_remove_handle(client->multi, transfer->easy);
            http_transfer_finish(transfer);
        }
    }
    if (code != CURLM_OK) {
        fail_all(client, code);
    }
}

/* After an error of its own the multi handle is not to be used again: 7.88 leaves things half put away when memory
 * runs out, and divides by zero later. The next call makes a new one. */
static void fail_all(struct http_client *client, CURLMcode code) {
    struct error why = client->trouble;
    client->trouble = (struct error){.code = ERROR_NONE};
    if (why.code == ERROR_NONE) {
        error_set(&why, code == CURLM_OUT_OF_MEMORY ? ERROR_MEMORY : ERROR_SYSTEM, "%s",
                  curl_multi_strerror(code));
    }
    error_prefix(&why, "the request was given up");
    LIST_EACH (&client->active, node) {
        struct http_transfer *transfer = CONTAINER_OF(node, struct http_transfer, node);
        curl_multi_remove_handle(client->multi, transfer->easy);
        transfer->error = why;
        http_transfer_finish(transfer);
    }
    http_multi_stop(client);
}
