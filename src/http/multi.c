/* libcurl's multi handle on the loop: it says which sockets and which time to wait for, the loop says when. */
#include "base/clock.h"
#include "http/client.h"
#include <stdlib.h>
#include <sys/epoll.h>

struct socket_watch {
    struct list_node node; /* in the client's list */
    struct loop_watch watch;
    struct http_client *client;
};

/* The timer is always set, far ahead when there is nothing to wait for: to move one that is set cannot fail. */
static const int64_t FAR_NS = 20 * 24 * 3600 * CLOCK_NS_PER_S;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned);
static struct socket_watch *watch_socket(struct http_client *client, curl_socket_t fd, uint32_t events);
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
    loop_timer_cancel(client->loop, &client->timer);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned) {
    struct http_client *client = context;
    struct socket_watch *known = assigned;
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (known != NULL) {
            drop_socket(known);
        }
        return 0;
    }
    if (known != NULL) {
        return loop_rewatch(client->loop, &known->watch, events, &client->trouble);
    }
    known = watch_socket(client, fd, events);
    /* -1 fails every transfer that is under way: memory or descriptors have run out. */
    return known != NULL && curl_multi_assign(client->multi, fd, known) == CURLM_OK ? 0 : -1;
}

static struct socket_watch *watch_socket(struct http_client *client, curl_socket_t fd, uint32_t events) {
    struct socket_watch *socket_watch = calloc(1, sizeof *socket_watch);
    if (socket_watch == NULL) {
        error_memory(&client->trouble);
        return NULL;
    }
    socket_watch->client = client;
    if (loop_watch(client->loop, &socket_watch->watch, fd, events, on_socket_ready, &client->trouble) < 0) {
        free(socket_watch);
        return NULL;
    }
    list_append(&client->sockets, &socket_watch->node);
    return socket_watch;
}

static void drop_socket(struct socket_watch *socket_watch) {
    loop_unwatch(socket_watch->client->loop, &socket_watch->watch);
    list_remove(&socket_watch->node);
    free(socket_watch);
}

static void on_socket_ready(struct loop_watch *watch, uint32_t events) {
    struct socket_watch *socket_watch = CONTAINER_OF(watch, struct socket_watch, watch);
    /* A hang-up or an error is found by reading or writing, whichever is wanted. */
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        events |= watch->events;
    }
    act(socket_watch->client, watch->fd,
        ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0));
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context) {
    struct http_client *client = context;
    int64_t wait_ns = timeout_ms < 0 ? FAR_NS : timeout_ms * CLOCK_NS_PER_MS;
    (void)multi;
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
