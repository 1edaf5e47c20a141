/* The real worker program behind a socketpair, as the host has it. Whatever is waited for has a deadline far
 * away. */
#ifndef TESTS_WORKER_PROCESS_H
#define TESTS_WORKER_PROCESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "wire/wire.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_PROGRAM TEST_BINARY_DIR "/switchhook-worker"

enum { CHILD_DEADLINE_MS = 60 * 1000 };

struct child {
    pid_t pid;
    int socket;
    int page_file;
    struct wire_page *page;
    struct buffer in;
    struct buffer out;
    size_t taken; /* of `in`: the frame that was read last */
};

static inline void child_start(struct child *child) {
    int pair[2];
    *child = (struct child){.pid = -1};
    buffer_init(&child->in, 64 << 20);
    buffer_init(&child->out, 64 << 20);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    child->socket = pair[0];
    child->page_file = memfd_create("page", MFD_CLOEXEC);
    assert_true(child->page_file >= 0);
    assert_int_equal(ftruncate(child->page_file, sizeof *child->page), 0);
    void *page = mmap(NULL, sizeof *child->page, PROT_READ | PROT_WRITE, MAP_SHARED, child->page_file, 0);
    assert_true(page != MAP_FAILED);
    child->page = page;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    char *arguments[] = {"switchhook-worker", NULL};
    char *environment[] = {NULL};
    assert_int_equal(posix_spawn(&child->pid, CHILD_PROGRAM, &actions, NULL, arguments, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
}

/* The status of its end, which must come. */
static inline int child_wait(struct child *child) {
    struct pollfd end = {.fd = child->socket, .events = 0};
    while (poll(&end, 1, CHILD_DEADLINE_MS) == 1 && (end.revents & POLLHUP) == 0) {
    }
    assert_true((end.revents & POLLHUP) != 0);
    int status;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    child->pid = -1;
    return status;
}

static inline void child_stop(struct child *child) {
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    close(child->socket);
    close(child->page_file);
    munmap(child->page, sizeof *child->page);
    buffer_reset(&child->in);
    buffer_reset(&child->out);
}

/* What has been put into `out`, the page's descriptor with the first byte if asked. */
static inline void child_send(struct child *child, bool with_page) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {child->out.bytes, child->out.length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (with_page) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &child->page_file, sizeof(int));
    }
    (void)sendmsg(child->socket, &message, MSG_NOSIGNAL);
    buffer_clear(&child->out);
}

static inline void child_hello_in(struct child *child, uint32_t version, uint64_t run_memory, uint64_t all_memory,
                                  const char *zone, const char *names) {
    size_t place = wire_begin(&child->out, WIRE_HELLO, 0);
    wire_put_u32(&child->out, version);
    wire_put_u64(&child->out, run_memory);
    wire_put_u64(&child->out, all_memory);
    wire_put_u64(&child->out, 4 << 20);
    wire_put_text(&child->out, slice_of(zone));
    wire_put_text(&child->out, slice_of(names));
    assert_int_equal(wire_end(&child->out, place), 0);
    child_send(child, true);
}

static inline void child_hello(struct child *child, uint32_t version, uint64_t run_memory, uint64_t all_memory) {
    child_hello_in(child, version, run_memory, all_memory, "", "{}");
}

static inline void child_file(struct child *child, const char *path, const char *text) {
    size_t place = wire_begin(&child->out, WIRE_FILE, 0);
    wire_put_text(&child->out, slice_of(path));
    wire_put_text(&child->out, slice_of(text));
    assert_int_equal(wire_end(&child->out, place), 0);
}

static inline void child_simple(struct child *child, enum wire_type type, uint64_t run) {
    assert_int_equal(wire_end(&child->out, wire_begin(&child->out, type, run)), 0);
}

static inline void child_run(struct child *child, uint64_t run, const char *handler, const char *id) {
    char event[256];
    snprintf(
        event, sizeof event,
        "{\"id\":\"%s\",\"eventType\":\"Microsoft.Communication.RouterJobQueued\",\"data\":{\"jobId\":\"j1\"}}",
        id);
    size_t place = wire_begin(&child->out, WIRE_RUN, run);
    wire_put_text(&child->out, slice_of(handler));
    wire_put_u64(&child->out, 17);
    wire_put_u32(&child->out, 1);
    wire_put_i64(&child->out, 1000000);
    wire_put_i64(&child->out, 2000000);
    wire_put_u64(&child->out, 42);
    wire_put_text(&child->out, slice_of(event));
    assert_int_equal(wire_end(&child->out, place), 0);
}

static inline void child_answer(struct child *child, uint64_t run, uint32_t wait, const char *value) {
    size_t place = wire_begin(&child->out, WIRE_ANSWER, run);
    wire_put_u32(&child->out, wait);
    wire_put_u32(&child->out, WIRE_OUTCOME_VALUE);
    wire_put_u32(&child->out, 200);
    wire_put_u32(&child->out, 0);
    wire_put_i64(&child->out, 3000000);
    wire_put_text(&child->out, slice_of(""));
    wire_put_text(&child->out, slice_of(value));
    assert_int_equal(wire_end(&child->out, place), 0);
}

/* The next frame; its payload lives until the next call. */
static inline struct wire_frame child_read(struct child *child) {
    struct wire_frame frame;
    size_t size;
    buffer_consume(&child->in, child->taken);
    child->taken = 0;
    while (wire_next(buffer_slice(&child->in), &frame, &size) == 0) {
        struct pollfd readable = {.fd = child->socket, .events = POLLIN};
        assert_int_equal(poll(&readable, 1, CHILD_DEADLINE_MS), 1);
        char *room = buffer_reserve(&child->in, 65536);
        assert_non_null(room);
        ssize_t length = recv(child->socket, room, 65536, 0);
        assert_true(length > 0);
        buffer_grew(&child->in, (size_t)length);
    }
    assert_int_equal(wire_next(buffer_slice(&child->in), &frame, &size), 1);
    child->taken = size;
    return frame;
}

static inline struct wire_reader child_expect(struct child *child, enum wire_type type, uint64_t run) {
    struct wire_frame frame = child_read(child);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.run, run);
    return wire_read(&frame);
}

/* Greeted, and one script loaded. */
static inline void child_start_script(struct child *child, const char *text) {
    child_start(child);
    child_hello(child, WIRE_VERSION, 16 << 20, 64 << 20);
    struct wire_reader hello = child_expect(child, WIRE_HELLO, 0);
    assert_int_equal(wire_get_u32(&hello), WIRE_VERSION);
    assert_true(wire_is_whole(&hello));
    child_file(child, "RouterJobQueued.lua", text);
    child_simple(child, WIRE_LOAD, 0);
    child_send(child, false);
    struct wire_reader loaded = child_expect(child, WIRE_LOADED, 0);
    assert_int_equal(wire_get_u32(&loaded), 1);
    assert_true(slice_is(wire_get_text(&loaded), "RouterJobQueued.lua"));
    assert_true(slice_is(wire_get_text(&loaded), "{}"));
    assert_true(wire_is_whole(&loaded));
}

#endif
