/* A Job Router that is far away: takes any request, and answers it 200 with a job after a fixed time. For the
 * benches that count calls: keeps connections open, holds thousands at once, and costs some microseconds a call.
 *
 *     upstream MILLISECONDS    takes a free port of 127.0.0.1 and prints "port N"; ends with SIGTERM
 *     GET /count               {"calls":N,"signed":N,"connections":N,"seconds":S}: calls answered, those with the
 *                              three headers of a signed request, connections at most, and the time from the
 *                              first call's arrival to the last one's answer. Answered at once, and not counted
 *     GET /count?reset         the same, and then all begins again at 0
 *
 * All wait equally long, so those that wait are a queue, and one timer shows when its head is due.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n\r\n"

enum { ROOM = 8192, EVENTS = 256, BACKLOG = 4096, SECOND_NS = 1000000000, MILLISECOND_NS = 1000000 };

struct connection {
    int fd;
    size_t size; /* of what has come in and is not answered yet */
    int64_t due_ns;
    struct connection *next; /* among those that wait */
    bool is_waiting, is_broken, is_signed;
    char bytes[ROOM];
};

/* What an activated job looks like. */
static const char job[] =
    "{\"id\":\"job\",\"etag\":\"0x8D9\",\"channelReference\":\"call-22a1c0e7\",\"status\":\"queued\","
    "\"channelId\":\"voice\",\"queueId\":\"support-premium\",\"priority\":7,\"labels\":{\"language\":\"de\"},"
    "\"enqueuedAt\":\"2026-03-01T09:05:00.1234567Z\"}";
static char answer[512];
static size_t answer_size;

static int epoll, timer;
static int64_t delay_ns;
static struct connection *head, **tail = &head;
static struct {
    uint64_t calls, with_signature, open, most;
    int64_t first_ns, last_ns;
} count;

static void die(const char *what) {
    fprintf(stderr, "upstream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        die("cannot listen");
    }
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void watch(int fd, void *with) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = with};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        die("epoll_ctl");
    }
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        struct connection *connection = malloc(sizeof *connection);
        if (connection == NULL) {
            die("no memory");
        }
        *connection = (struct connection){.fd = fd};
        watch(fd, connection);
        count.open++;
        count.most = count.open > count.most ? count.open : count.most;
    }
}

/* One that waits is freed when its time has come. */
static void drop(struct connection *connection) {
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
        count.open--;
    }
    connection->is_broken = true;
    if (!connection->is_waiting) {
        free(connection);
    }
}

static void set_timer(int64_t due_ns) {
    struct itimerspec at = {.it_value = {.tv_sec = due_ns / SECOND_NS, .tv_nsec = due_ns % SECOND_NS}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) < 0) {
        die("timerfd_settime");
    }
}

static void wait_its_time(struct connection *connection) {
    connection->due_ns = now_ns() + delay_ns;
    connection->is_waiting = true;
    connection->next = NULL;
    if (head == NULL) {
        set_timer(connection->due_ns);
    }
    *tail = connection;
    tail = &connection->next;
    count.first_ns = count.first_ns == 0 ? connection->due_ns - delay_ns : count.first_ns;
}

/* Answers are small, and one is under way on a connection: a socket that has no room for it is broken. */
static bool send_whole(const struct connection *connection, const char *bytes, size_t size) {
    return send(connection->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool send_count(const struct connection *connection, bool is_reset) {
    char body[256], text[512];
    int64_t taken_ns = count.calls == 0 ? 0 : count.last_ns - count.first_ns;

    snprintf(body, sizeof body, "{\"calls\":%llu,\"signed\":%llu,\"connections\":%llu,\"seconds\":%.6f}",
             (unsigned long long)count.calls, (unsigned long long)count.with_signature,
             (unsigned long long)count.most, (double)taken_ns / SECOND_NS);
    int size = snprintf(text, sizeof text, HEAD "%s", strlen(body), body);
    if (is_reset) {
        count.calls = count.with_signature = 0;
        count.first_ns = count.last_ns = 0;
        count.most = count.open;
    }
    return send_whole(connection, text, (size_t)size);
}

/* The value of a header in what ends with an empty line; NULL without it. */
static const char *find_header(const char *bytes, const char *name) {
    size_t size = strlen(name);

    for (const char *line = strstr(bytes, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':') {
            return line + 3 + size;
        }
    }
    return NULL;
}

/* The first request in what has come in, with its body: its size; 0: not whole yet; -1: never. */
static ssize_t measure(struct connection *connection) {
    char *end = memmem(connection->bytes, connection->size, "\r\n\r\n", 4);
    if (end == NULL) {
        return connection->size == ROOM ? -1 : 0;
    }
    end[2] = '\0';
    const char *length = find_header(connection->bytes, "content-length");
    connection->is_signed = find_header(connection->bytes, "x-ms-content-sha256") != NULL &&
                            find_header(connection->bytes, "x-ms-date") != NULL &&
                            find_header(connection->bytes, "authorization") != NULL;
    bool is_chunked = find_header(connection->bytes, "transfer-encoding") != NULL;
    end[2] = '\r';
    size_t size = (size_t)(end + 4 - connection->bytes) + (length == NULL ? 0 : strtoul(length, NULL, 10));
    if (is_chunked || size > ROOM) {
        return -1;
    }
    return size <= connection->size ? (ssize_t)size : 0;
}

static void take_request(struct connection *connection) {
    ssize_t size = measure(connection);

    if (size == 0) {
        return;
    }
    if (size < 0) {
        drop(connection);
        return;
    }
    const char *first = connection->bytes;
    bool is_question = (size_t)size > 10 && memcmp(first, "GET /count", 10) == 0;
    bool is_reset = is_question && first[10] == '?';
    connection->size -= (size_t)size;
    memmove(connection->bytes, connection->bytes + size, connection->size);
    if (is_question) {
        if (!send_count(connection, is_reset)) {
            drop(connection);
        }
        return;
    }
    wait_its_time(connection);
}

static void read_some(struct connection *connection) {
    if (connection->size == ROOM) {
        drop(connection);
        return;
    }
    ssize_t got = recv(connection->fd, connection->bytes + connection->size, ROOM - connection->size, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            drop(connection);
        }
        return;
    }
    connection->size += (size_t)got;
    if (!connection->is_waiting) {
        take_request(connection);
    }
}

static void answer_due(void) {
    uint64_t times;
    ssize_t got = read(timer, &times, sizeof times);
    int64_t now = now_ns();

    (void)got;
    while (head != NULL && head->due_ns <= now) {
        struct connection *connection = head;
        head = connection->next;
        tail = head == NULL ? &head : tail;
        connection->is_waiting = false;
        if (connection->is_broken || !send_whole(connection, answer, answer_size)) {
            drop(connection);
            continue;
        }
        count.calls++;
        count.with_signature += connection->is_signed;
        count.last_ns = now;
        if (connection->size > 0) {
            take_request(connection);
        }
    }
    if (head != NULL) {
        set_timer(head->due_ns);
    }
}

int main(int arguments_count, char **arguments) {
    struct epoll_event events[EVENTS];
    struct rlimit files;

    if (arguments_count != 2) {
        fputs("usage: upstream MILLISECONDS\n", stderr);
        return 2;
    }
    delay_ns = strtol(arguments[1], NULL, 10) * MILLISECOND_NS;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    answer_size = (size_t)snprintf(answer, sizeof answer, HEAD "%s", sizeof job - 1, job);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll < 0 || timer < 0) {
        die("cannot start");
    }
    int listener = listen_somewhere();
    watch(listener, &listener);
    watch(timer, &timer);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listener) {
                accept_all(listener);
            } else if (events[i].data.ptr != &timer) {
                read_some(events[i].data.ptr);
            }
        }
        answer_due();
    }
}
