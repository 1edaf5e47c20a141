/* A small HTTP server for tests: raw sockets, a thread for each connection, and an answer that is exactly what the
 * test wrote. server_stop ends every connection, also one whose answer waits in server_wait_for_end.
 *
 *     static bool answer(struct server_call *call) {
 *         server_send(call, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
 *         return true;                                                          // false: close the connection
 *     }
 *     server_start(&server, answer, context);   ... server.port ...   server_stop(&server);
 */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVER_CONNECTIONS = 4096, SERVER_REQUEST_SIZE = 2 * 1024 * 1024 };

struct server;

struct server_connection {
    struct server *server;
    int fd;
    pthread_t thread;
};

struct server_call {
    struct server *server;
    int fd;
    unsigned connection_request; /* from 1: which one of its connection it is */
    char method[32], path[1024];
    char head[8192]; /* the request line and the headers */
    const char *body;
    size_t body_length;
};

struct server {
    int fd;
    uint16_t port;
    bool (*answer)(struct server_call *call);
    void *context;
    pthread_t thread;
    atomic_uint connection_count, request_count;
    struct server_connection connections[SERVER_CONNECTIONS];
    pthread_mutex_t lock;
    char last_head[8192]; /* of the last request; read it when no request is under way */
};

static inline void server_start(struct server *server, bool (*answer)(struct server_call *call), void *context);
static inline void server_stop(struct server *server);
static inline void server_send(struct server_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Until the other side closes the connection or the server stops. */
static inline void server_wait_for_end(struct server_call *call);

static inline void server_send_bytes(struct server_call *call, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(call->fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline void server_send(struct server_call *call, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        server_send_bytes(call, text, (size_t)length);
        free(text);
    }
}

static inline void server_wait_for_end(struct server_call *call) {
    char ignored[64];
    while (recv(call->fd, ignored, sizeof ignored, 0) > 0) {
    }
}

/* Reads one request whole into `bytes`; false when the connection ends before. */
static inline bool server_read(struct server_call *call, char *bytes, size_t size) {
    size_t length = 0, head = 0, body = 0;
    while (head == 0 || length < head + body) {
        ssize_t got = length + 1 < size ? recv(call->fd, bytes + length, size - length - 1, 0) : 0;
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        bytes[length] = '\0';
        const char *end = head == 0 ? strstr(bytes, "\r\n\r\n") : NULL;
        if (end != NULL) {
            head = (size_t)(end - bytes) + 4;
            const char *content_length = strcasestr(bytes, "\r\nContent-Length:");
            body = content_length != NULL && content_length < end ? strtoul(content_length + 17, NULL, 10) : 0;
        }
    }
    snprintf(call->head, sizeof call->head, "%.*s", (int)head, bytes);
    call->body = bytes + head;
    call->body_length = body;
    return sscanf(call->head, "%31s %1023s", call->method, call->path) == 2;
}

static inline void *server_serve(void *argument) {
    struct server_connection *connection = argument;
    struct server *server = connection->server;
    struct server_call call = {.server = server, .fd = connection->fd};
    char bytes[SERVER_REQUEST_SIZE]; /* not from the heap, where some tests count */
    bool goes_on = true;
    while (goes_on && server_read(&call, bytes, sizeof bytes)) {
        call.connection_request++;
        pthread_mutex_lock(&server->lock);
        memcpy(server->last_head, call.head, sizeof server->last_head);
        pthread_mutex_unlock(&server->lock);
        atomic_fetch_add(&server->request_count, 1);
        goes_on = server->answer(&call);
    }
    pthread_mutex_lock(&server->lock);
    close(connection->fd);
    connection->fd = -1;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static inline void *server_accept(void *argument) {
    struct server *server = argument;
    for (int fd; (fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        unsigned place = atomic_load(&server->connection_count);
        if (place == SERVER_CONNECTIONS) {
            close(fd);
            continue;
        }
        struct server_connection *connection = &server->connections[place];
        *connection = (struct server_connection){.server = server, .fd = fd};
        if (pthread_create(&connection->thread, NULL, server_serve, connection) != 0) {
            abort();
        }
        atomic_store(&server->connection_count, place + 1);
    }
    return NULL;
}

static inline void server_start(struct server *server, bool (*answer)(struct server_call *call), void *context) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof place;
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    server->answer = answer;
    server->context = context;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)(void *)&place, length) < 0 ||
        listen(server->fd, SOMAXCONN) < 0 ||
        getsockname(server->fd, (struct sockaddr *)(void *)&place, &length) < 0 ||
        pthread_create(&server->thread, NULL, server_accept, server) != 0) {
        perror("server_start");
        abort();
    }
    server->port = ntohs(place.sin_port);
}

static inline void server_stop(struct server *server) {
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (unsigned i = 0; i < atomic_load(&server->connection_count); i++) {
        pthread_mutex_lock(&server->lock);
        if (server->connections[i].fd >= 0) {
            shutdown(server->connections[i].fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&server->lock);
        pthread_join(server->connections[i].thread, NULL);
    }
    pthread_mutex_destroy(&server->lock);
}

#endif
