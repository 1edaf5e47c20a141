/* Contender: the bare log. The same HTTP library as Switchhook's; each body is appended to one file, all that wait
 * share one write and one fdatasync, and then they are answered 200. It promises that a 200 is on disk, and only
 * that: bodies are not read, duplicates not found, nothing can be looked up or run. It is what the disk and the
 * library allow.
 *
 *     log PORT FILE [SECRET]        the secret is asked for as ?code=
 */
#include "serve.h"
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CONNECTIONS = 2048, PARTS_MAX = 1024, BODY_MAX = 4 << 20, BODY_FIRST = 4096 };

struct request {
    struct MHD_Connection *connection;
    struct request *next; /* in the queue */
    char *body;
    size_t size, room;
    bool is_stored;
};

/* Requests whose body is whole, for the writer: all at once. Then they are stored, for the library's thread. Under
 * the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_waiting = PTHREAD_COND_INITIALIZER;
static struct request *queue, *stored;
static int news; /* an eventfd: something is stored */

static int file;
static const char *secret;
static struct MHD_Response *empty;

static void die(const char *what) {
    fprintf(stderr, "log: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool is_verified(struct MHD_Connection *connection) {
    const char *code = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "code");

    return secret == NULL || (code != NULL && strcmp(code, secret) == 0);
}

/* Takes more of the body; false: too large, or no memory. */
static bool take(struct request *request, const char *bytes, size_t size) {
    if (size > BODY_MAX - request->size) {
        return false;
    }
    while (request->room < request->size + size) {
        size_t room = request->room == 0 ? BODY_FIRST : request->room * 2;
        char *body = realloc(request->body, room);
        if (body == NULL) {
            return false;
        }
        request->body = body;
        request->room = room;
    }
    memcpy(request->body + request->size, bytes, size);
    request->size += size;
    return true;
}

/* The connection sleeps until the writer wakes it. */
static void submit(struct request *request) {
    MHD_suspend_connection(request->connection);
    pthread_mutex_lock(&lock);
    bool was_empty = queue == NULL;
    request->next = queue;
    queue = request;
    if (was_empty) {
        pthread_cond_signal(&is_waiting);
    }
    pthread_mutex_unlock(&lock);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload, size_t *upload_size,
                                 void **slot) {
    struct request *request = *slot;

    (void)context, (void)url, (void)method, (void)version;
    if (request == NULL) {
        request = calloc(1, sizeof *request);
        *slot = request;
        if (request == NULL || !is_verified(connection)) {
            return MHD_queue_response(connection, MHD_HTTP_UNAUTHORIZED, empty);
        }
        request->connection = connection;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        if (!take(request, upload, *upload_size)) {
            return MHD_NO;
        }
        *upload_size = 0;
        return MHD_YES;
    }
    if (request->is_stored) {
        return MHD_queue_response(connection, MHD_HTTP_OK, empty);
    }
    submit(request);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how) {
    struct request *request = *slot;

    (void)context, (void)connection, (void)how;
    if (request != NULL) {
        free(request->body);
        free(request);
    }
}

static void write_whole(struct iovec *parts, int count) {
    while (count > 0) {
        ssize_t written = writev(file, parts, count);
        if (written < 0) {
            die("write");
        }
        size_t left = (size_t)written;
        for (; count > 0 && left >= parts->iov_len; parts++, count--) {
            left -= parts->iov_len;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
}

static void hand_over(struct request *group) {
    pthread_mutex_lock(&lock);
    while (group != NULL) {
        struct request *next = group->next;
        group->next = stored;
        stored = group;
        group = next;
    }
    pthread_mutex_unlock(&lock);
    (void)eventfd_write(news, 1);
}

static void answer_stored(int fd) {
    eventfd_t count;

    (void)eventfd_read(fd, &count);
    pthread_mutex_lock(&lock);
    struct request *request = stored;
    stored = NULL;
    pthread_mutex_unlock(&lock);
    while (request != NULL) {
        struct request *next = request->next;
        request->is_stored = true;
        MHD_resume_connection(request->connection);
        request = next;
    }
}

/* All that wait, one sync, then their answers. */
static void *write_groups(void *context) {
    (void)context;
    for (;;) {
        struct iovec parts[PARTS_MAX];
        int count = 0;
        pthread_mutex_lock(&lock);
        while (queue == NULL) {
            pthread_cond_wait(&is_waiting, &lock);
        }
        struct request *group = queue;
        queue = NULL;
        pthread_mutex_unlock(&lock);

        for (struct request *each = group; each != NULL; each = each->next) {
            parts[count++] = (struct iovec){.iov_base = each->body, .iov_len = each->size};
            if (count == PARTS_MAX || each->next == NULL) {
                write_whole(parts, count);
                count = 0;
            }
        }
        if (fdatasync(file) < 0) {
            die("fdatasync");
        }
        hand_over(group);
    }
    return NULL;
}

int main(int count, char **arguments) {
    pthread_t writer;

    if (count < 3 || count > 4) {
        fputs("usage: log PORT FILE [SECRET]\n", stderr);
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(arguments[1], NULL, 10);
    secret = arguments[3];
    empty = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    file = open(arguments[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) {
        die(arguments[2]);
    }
    news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (empty == NULL || news < 0 || pthread_create(&writer, NULL, write_groups, NULL) != 0) {
        die("cannot start");
    }
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, port, NULL, NULL, on_access,
                         NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (daemon == NULL) {
        die("cannot listen");
    }
    serve(daemon, news, answer_stored);
}
