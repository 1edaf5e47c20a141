#include "store/sqlite/lock.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Milliseconds. */
enum { LEFT_BEHIND = 3000, LOOK_AGAIN = 5 };

static int lock(int fd);
static bool is_left_behind(int fd);
static int read_pid(int fd, pid_t *pid);
static int refuse(int fd, const char *path, struct error *error);
static int write_pid(int fd);

int lock_take(const char *path, struct error *error) {
    struct buffer name;
    buffer_init(&name, PATH_MAX + sizeof ".lock");
    buffer_append_format(&name, "%s.lock", path);
    int fd = -1;
    int result = -1;
    if (name.is_broken) {
        error_memory(error);
        goto out;
    }
    fd = open(name.bytes, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        error_system(error, errno, "store: cannot open %s", name.bytes);
        goto out;
    }
    if (lock(fd) < 0) {
        if (errno == EWOULDBLOCK) {
            refuse(fd, path, error);
        } else {
            error_system(error, errno, "store: cannot lock %s", name.bytes);
        }
        goto out;
    }
    if (write_pid(fd) < 0) {
        error_system(error, errno, "store: cannot write %s", name.bytes);
        goto out;
    }
    result = fd;
    fd = -1;
out:
    lock_release(fd);
    buffer_reset(&name);
    return result;
}

void lock_release(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

/* A child that was begun and is not yet the worker has all of its parent's descriptors. When the parent is killed
 * just then, the lock lives on for that moment: it is waited for. */
static int lock(int fd) {
    int64_t end = clock_monotonic_ns() + LEFT_BEHIND * CLOCK_NS_PER_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int why = errno;
        if (why != EWOULDBLOCK || !is_left_behind(fd) || clock_monotonic_ns() >= end) {
            errno = why;
            return -1;
        }
        poll(NULL, 0, LOOK_AGAIN);
    }
    return 0;
}

/* Whether the process that took the lock is gone. */
static bool is_left_behind(int fd) {
    pid_t pid;
    return read_pid(fd, &pid) == 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

static int read_pid(int fd, pid_t *pid) {
    char text[24];
    ssize_t length = pread(fd, text, sizeof text, 0);
    uint64_t number;
    while (length > 0 && text[length - 1] == '\n') {
        length--;
    }
    if (length <= 0 || text_to_uint64(slice_make(text, (size_t)length), &number) < 0 || number == 0 ||
        number > INT_MAX) {
        return -1;
    }
    *pid = (pid_t)number;
    return 0;
}

static int refuse(int fd, const char *path, struct error *error) {
    pid_t pid;
    if (read_pid(fd, &pid) < 0) {
        return error_set(error, ERROR_BUSY, "another switchhook has %s open: stop it, or name another store",
                         path);
    }
    return error_set(error, ERROR_BUSY, "another switchhook (pid %ld) has %s open: stop it, or name another store",
                     (long)pid, path);
}

static int write_pid(int fd) {
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* A disk that is full is no reason to refuse: the lock holds, only the number is missing. */
    if (ftruncate(fd, 0) < 0) {
        return -1;
    }
    ssize_t written = pwrite(fd, text, (size_t)length, 0);
    return written == length || (written < 0 && errno == ENOSPC) ? 0 : -1;
}
