#include "worker/loop.h"
#include "worker/confine.h"
#include "worker/frames.h"
#include "worker/place.h"
#include "worker/zone.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024 };

struct connection {
    int socket;
    bool is_broken; /* for writing */
    struct wire_page *page;
    struct buffer in;
    struct frames frames;
};

static int on_greeted(void *context, const struct worker_options *options, struct slice zone);
static struct wire_page *get_page(void *context);
static void on_flush(void *context);
static ssize_t receive(struct connection *connection);
static int take_descriptors(struct connection *connection, struct msghdr *message);
static int map_page(struct connection *connection, int descriptor);
static int take_frames(struct connection *connection);

int worker_loop(int socket) {
    struct connection connection = {.socket = socket};
    buffer_init(&connection.in, WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX + READ_SIZE);
    frames_init(&connection.frames);
    connection.frames.greeted = on_greeted;
    connection.frames.page = get_page;
    connection.frames.flush = on_flush;
    connection.frames.context = &connection;
    place_install();
    int result = 1;
    while (!connection.is_broken) {
        ssize_t length = receive(&connection);
        if (length == 0) {
            result = 0;
            break;
        }
        if (length < 0 || take_frames(&connection) < 0) {
            break;
        }
        on_flush(&connection);
    }
    frames_reset(&connection.frames);
    buffer_reset(&connection.in);
    if (connection.page != NULL) {
        munmap(connection.page, sizeof *connection.page);
    }
    return result;
}

/* The zone's file is read before files are given up. */
static int on_greeted(void *context, const struct worker_options *options, struct slice zone) {
    const struct connection *connection = context;
    if (connection->page == NULL || zone_enter(zone) < 0) {
        return -1;
    }
    return confine_resources(options->all_memory);
}

static struct wire_page *get_page(void *context) {
    return ((struct connection *)context)->page;
}

/* The host always reads: waiting for it here is short. When it is gone, the next read says so. */
static void on_flush(void *context) {
    struct connection *connection = context;
    struct buffer *out = &connection->frames.out;
    connection->is_broken = connection->is_broken || out->is_broken;
    size_t sent = 0;
    while (!connection->is_broken && sent < out->length) {
        ssize_t length = send(connection->socket, out->bytes + sent, out->length - sent, MSG_NOSIGNAL);
        if (length >= 0) {
            sent += (size_t)length;
        } else if (errno != EINTR) {
            connection->is_broken = true;
        }
    }
    buffer_clear(out);
}

/* 0: the host has closed; -1: the connection cannot be read. */
static ssize_t receive(struct connection *connection) {
    char *room = buffer_reserve(&connection->in, READ_SIZE);
    if (room == NULL) {
        return -1;
    }
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {room, READ_SIZE};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length;
    do {
        length = recvmsg(connection->socket, &message, MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return errno == ECONNRESET ? 0 : -1;
    }
    if (take_descriptors(connection, &message) < 0) {
        return -1;
    }
    buffer_grew(&connection->in, (size_t)length);
    return length;
}

/* The page's is the only one that is ever expected. */
static int take_descriptors(struct connection *connection, struct msghdr *message) {
    int result = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(head) + i * sizeof descriptor, sizeof descriptor);
            if (map_page(connection, descriptor) < 0) {
                result = -1;
            }
            close(descriptor);
        }
    }
    return result;
}

static int map_page(struct connection *connection, int descriptor) {
    struct stat about;
    if (connection->page != NULL || fstat(descriptor, &about) < 0 ||
        about.st_size < (off_t)sizeof *connection->page) {
        return -1;
    }
    void *page = mmap(NULL, sizeof *connection->page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (page == MAP_FAILED) {
        return -1;
    }
    connection->page = page;
    return 0;
}

static int take_frames(struct connection *connection) {
    struct buffer *in = &connection->in;
    size_t taken = 0;
    int result;
    struct wire_frame frame;
    size_t size;
    while ((result = wire_next(slice_make(in->bytes + taken, in->length - taken), &frame, &size)) > 0) {
        if (frames_take(&connection->frames, &frame) < 0) {
            result = -1;
            break;
        }
        taken += size;
    }
    buffer_consume(in, taken);
    if (connection->page != NULL) {
        atomic_fetch_add(&connection->page->taken, taken);
    }
    return result;
}
