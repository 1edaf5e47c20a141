/* A small raw HTTP client for tests: what is sent is exactly what the test wrote. Every read has a deadline. */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include "base/buffer.h"
#include "base/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_DEADLINE_SECONDS = 20, RAW_LIMIT = 16 * 1024 * 1024 };

struct raw {
    int fd;
    struct buffer in; /* what came and is not yet taken */
};

struct raw_answer {
    int status; /* 0: the connection ended without one; -1: the deadline passed */
    char head[4096];
    char body[4096];
    size_t body_length;
};

static inline void raw_open(struct raw *raw, uint16_t port) {
    buffer_init(&raw->in, RAW_LIMIT);
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in place = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (raw->fd < 0 || connect(raw->fd, (const struct sockaddr *)(const void *)&place, sizeof place) < 0) {
        perror("connect");
        abort();
    }
}

static inline void raw_close(struct raw *raw) {
    close(raw->fd);
    buffer_reset(&raw->in);
}

/* 0, or -1 when the other side is gone. */
static inline int raw_send_bytes(struct raw *raw, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(raw->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0) {
            return -1;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static inline int raw_send(struct raw *raw, const char *text) {
    return raw_send_bytes(raw, text, strlen(text));
}

/* Reads what is there, waiting for it: bytes, 0 at the end (or a reset), -1 past the deadline. */
static inline int raw_fill(struct raw *raw, int64_t until) {
    int64_t left = (until - clock_monotonic_ns()) / CLOCK_NS_PER_MS;
    struct pollfd wait = {.fd = raw->fd, .events = POLLIN};
    if (left <= 0 || poll(&wait, 1, (int)left) <= 0) {
        return -1;
    }
    char *room = buffer_reserve(&raw->in, 65536);
    ssize_t got = recv(raw->fd, room, 65536, 0);
    if (got <= 0) {
        return 0;
    }
    buffer_grew(&raw->in, (size_t)got);
    return (int)got;
}

/* Whether the other side closes within `seconds`, sending nothing more. */
static inline bool raw_is_closed(struct raw *raw, int seconds) {
    return raw->in.length == 0 && raw_fill(raw, clock_monotonic_ns() + seconds * CLOCK_NS_PER_S) == 0;
}

/* The value of a header in `head`, copied into `value`; NULL when it is not there. */
static inline const char *raw_header(const struct raw_answer *answer, const char *name, char value[256]) {
    for (const char *line = strstr(answer->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        size_t length = strlen(name);
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *begin = line + 3 + length + strspn(line + 3 + length, " ");
            snprintf(value, 256, "%.*s", (int)strcspn(begin, "\r"), begin);
            return value;
        }
    }
    return NULL;
}

/* One answer; the bytes after it stay for the next. `has_body`: false after HEAD. */
static inline void raw_read_within(struct raw *raw, struct raw_answer *answer, int seconds) {
    memset(answer, 0, sizeof *answer);
    int64_t until = clock_monotonic_ns() + seconds * CLOCK_NS_PER_S;
    const char *end = NULL;
    while (raw->in.length == 0 || (end = strstr(raw->in.bytes, "\r\n\r\n")) == NULL) {
        int got = raw_fill(raw, until);
        if (got <= 0) {
            answer->status = got;
            return;
        }
    }
    size_t head = (size_t)(end - raw->in.bytes) + 4;
    snprintf(answer->head, sizeof answer->head, "%.*s", (int)head, raw->in.bytes);
    char value[256];
    const char *length = raw_header(answer, "Content-Length", value);
    size_t body = length == NULL ? 0 : strtoul(length, NULL, 10);
    while (raw->in.length < head + body) {
        int got = raw_fill(raw, until);
        if (got <= 0) {
            answer->status = got;
            return;
        }
    }
    answer->body_length = body;
    snprintf(answer->body, sizeof answer->body, "%.*s", (int)body, raw->in.bytes + head);
    answer->status = atoi(raw->in.bytes + strlen("HTTP/1.1 "));
    buffer_consume(&raw->in, head + body);
}

static inline void raw_read(struct raw *raw, struct raw_answer *answer) {
    raw_read_within(raw, answer, RAW_DEADLINE_SECONDS);
}

/* Sends `request` on a connection of its own and reads the answer. */
static inline int raw_ask(uint16_t port, const char *request, struct raw_answer *answer) {
    struct raw raw;
    raw_open(&raw, port);
    (void)raw_send(&raw, request);
    raw_read(&raw, answer);
    raw_close(&raw);
    return answer->status;
}

#endif
